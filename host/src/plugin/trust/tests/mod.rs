//! The gate over real files. Cases with several owners need root; those and others need Unix.

#[cfg(unix)]
mod application;
#[cfg(unix)]
mod copies;
#[cfg(unix)]
mod folders;
#[cfg(unix)]
mod groups;
#[cfg(unix)]
mod links;
#[cfg(unix)]
mod owners;
#[cfg(unix)]
mod signatures;
#[cfg(unix)]
mod support;

#[cfg(unix)]
pub(super) use support::skipped;
