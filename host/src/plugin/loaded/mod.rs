//! What a loaded plugin gives, and what it says: structures, lifecycles, faults, log events.

pub(in crate::plugin) mod fault;
pub(in crate::plugin) mod lifecycle;
pub(in crate::plugin) mod log;
#[cfg(all(unix, feature = "lifecycle"))]
pub(in crate::plugin) mod remote;
pub(in crate::plugin) mod structure;
