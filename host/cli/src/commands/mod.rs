//! One module for each command: asks the library, prints the answer.

pub(crate) mod file;
pub(crate) mod list;
pub(crate) mod plugins;
pub(crate) mod show;
pub(crate) mod types;
