//! One module for each command: asks the library, prints the answer.

pub(crate) mod appstream;
pub(crate) mod explain;
pub(crate) mod file;
pub(crate) mod find;
pub(crate) mod hash;
pub(crate) mod install;
pub(crate) mod kpackagetool;
pub(crate) mod list;
pub(crate) mod package;
pub(crate) mod paths;
pub(crate) mod plugins;
pub(crate) mod probe;
pub(crate) mod quarantine;
pub(crate) mod remove;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod token;
pub(crate) mod types;
pub(crate) mod worker;
