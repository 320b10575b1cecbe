//! Logs at every level, with fields of every kind, inside spans.

#![forbid(unsafe_code)]

use keyway_plugin::{Error, Package, PackageStructure, export_plugin};

#[derive(Default)]
struct Events;

impl PackageStructure for Events {
    fn init_package(&self, _: &mut Package<'_>) -> Result<(), Error> {
        tracing::error!(target: "logs::loud", code = -7_i64, "an error");
        tracing::warn!(target: "logs::loud", size = 7_u64, ratio = 0.5, good = false, "a warning");
        let span = tracing::info_span!("outer", name = "first");
        let _in_span = span.enter();
        let inner = tracing::debug_span!("inner");
        inner.in_scope(|| tracing::info!(text = "said", shown = ?Some(1), "an information"));
        tracing::debug!(target: "logs::quiet", "a detail");
        tracing::trace!(target: "logs::quiet", "a trace");
        Ok(())
    }

    /// One event that nobody wants unless told so.
    fn path_changed(&self, _: &mut Package<'_>) -> Result<(), Error> {
        tracing::trace!(target: "logs::path", "changed");
        Ok(())
    }
}

export_plugin!(Events, "logs.toml");
