//! What Keyway's cross-crate suites share: above all the one way to get a plugin.
//!
//! `cargo test` builds no cdylibs, and two crates that export the entry cannot be linked into one
//! binary. So [`plugin`] builds plugins with cargo into a target folder of its own and takes their
//! paths from cargo's messages. A plugin that cannot be built fails the test.

pub mod archives;
pub mod bench;
pub mod browser;
pub mod build;
pub mod c;
pub mod command;
pub mod copy;
pub mod disk;
pub mod folder;
#[cfg(unix)]
pub mod gate;
pub mod kde;
pub mod memory;
pub mod patch;
pub mod random;
pub mod server;
pub mod snapshot;
pub mod threebots;
pub mod trace;

pub use build::{Build, plugin};
pub use command::{Output, keyway};
pub use folder::{PluginFolder, workspace};

/// Says on a line of its own that something was skipped, and why.
///
/// Goes to the terminal past the test runner's capturing, so that a person sees it.
pub fn skipped(what: &str, why: &str) {
    use std::io::Write as _;
    let line = format!("\nskipped: {what}: {why}\n");
    // `eprintln!` is captured in tests that pass.
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}
