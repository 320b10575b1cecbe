//! What is kept on disk between processes: the index in the cache folder; quarantine and verdicts
//! in the state folder.
//!
//! Whatever is missing, torn or of another version counts as not there.

pub(in crate::plugin) mod index;
pub(in crate::plugin) mod quarantine;
pub(in crate::plugin) mod verdicts;
