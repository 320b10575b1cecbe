//! Noticing what others install, change and remove.
//!
//! ```text
//! folders --the system says that something is different--> wait until it is calm
//!                                                             |  look again, compare
//!                                                             v
//!                                                          events: added, changed, removed
//! ```
//!
//! A [`PackageWatcher`] tells what happens to the packages of a type, a [`PluginWatcher`] what happens
//! to plugin files, whoever does it: another process that uses Keyway, KDE's tools, or somebody with a
//! file manager. What the system says is a reason to look, never the answer: events come from comparing
//! what is there with what was there before. So nothing is told that is not so, and of many changes in
//! a row the outcome.
//!
//! A listener that panics is called again for what happens next; the panic is logged as an error.
//!
//! # Limits
//!
//! * Folders that are not there are waited for, by watching the one above them. Where links lead to
//!   them, the folders that the links lie in are watched, too.
//! * Of packages their folders and metadata are watched, not what lies in folders below: a file that
//!   somebody edits in `contents/` is no change of the package. What an installation puts there is one.
//! * Each package takes one of the watches that the system has for a user. Where there are no more,
//!   changes of metadata in place may be missed, and that is logged; packages that come and go are
//!   noticed all the same.
//! * Network file systems do not say what other machines do.

mod error;
mod folders;
mod packages;
mod plugins;
mod worker;

#[cfg(test)]
mod tests;

pub use crate::package::{Change, PackageEvent};
pub use error::WatchError;
pub use packages::PackageWatcher;
pub use plugins::{PluginEvent, PluginWatcher};
