//! Installing, upgrading and removing: entirely or not at all, whatever happens.
//!
//! ```text
//! a site: a package root with two packages --the command, disturbed--> old or new, whole
//!                                                    --the next operation--> no leftovers
//! ```

#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod contention;
mod disk;
mod offers;
mod points;
mod scenario;
mod site;

/// The type of the packages.
const TYPE: &str = "MyApp/MyStructure";
/// The package that is installed, upgraded and removed.
const ID: &str = "org.example.subject";
/// A package beside it, which has to stay as it is.
const OTHER: &str = "org.example.other";
