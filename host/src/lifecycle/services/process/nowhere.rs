//! Where there are no process groups, `keyway.process` is not offered.

use std::io;
use std::path::Path;

use crate::install::Cancellation;
use crate::lifecycle::events::Observer;
use crate::lifecycle::status::PackageProcess;

/// No processes.
#[derive(Debug)]
pub(in crate::lifecycle) struct Processes;

#[allow(clippy::unused_self)]
impl Processes {
    pub(in crate::lifecycle) fn new(_: &Path, _: Observer, _: Cancellation) -> Self {
        Self
    }

    pub(in crate::lifecycle) fn take_up(&self) {}

    pub(in crate::lifecycle) fn open(&self, _: &str) {}

    pub(in crate::lifecycle) fn end(&self, _: &str) {}

    pub(in crate::lifecycle) fn end_all(&self) {}

    pub(in crate::lifecycle) fn forget(&self, _: &str, _: bool) -> io::Result<()> {
        Ok(())
    }

    pub(in crate::lifecycle) fn shown(&self, _: &str) -> Vec<PackageProcess> {
        Vec::new()
    }
}
