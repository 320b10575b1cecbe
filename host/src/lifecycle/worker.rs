//! How workers are started.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// How the process is started in which an isolated lifecycle runs: a program that calls
/// [`worker_main`](super::worker_main).
///
/// The program gets the package's name as its last argument, for people who look at processes. The
/// command does so as `keyway worker`; an application can do it in its own executable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    program: PathBuf,
    arguments: Vec<OsString>,
    shown_as: Option<OsString>,
    memory: Option<u64>,
}

// Without workers only their settings are there.
#[cfg_attr(not(unix), allow(dead_code))]
impl Worker {
    /// Workers by `program`.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            shown_as: None,
            memory: None,
        }
    }

    /// Hands the program one more argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Calls the program so where processes are listed.
    #[must_use]
    pub fn arg0(mut self, name: impl Into<OsString>) -> Self {
        self.shown_as = Some(name.into());
        self
    }

    /// As much address space a worker may have, in bytes: what it maps counts, not only what it uses.
    /// The default is no limit.
    #[must_use]
    pub fn memory(mut self, bytes: Option<u64>) -> Self {
        self.memory = bytes;
        self
    }

    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    pub(super) fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    pub(super) fn shown_as(&self) -> Option<&OsStr> {
        self.shown_as.as_deref()
    }

    pub(super) fn memory_limit(&self) -> Option<u64> {
        self.memory
    }
}
