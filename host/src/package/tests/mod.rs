//! Packages, on real folders.

#[cfg(unix)]
mod agreeing;
#[cfg(all(unix, feature = "archive"))]
mod archives;
#[cfg(target_os = "linux")]
mod differences;
mod hashing;
#[cfg(unix)]
mod listing;
mod loading;
mod locating;
#[cfg(unix)]
mod opening;
#[cfg(target_os = "linux")]
mod real_packages;
#[cfg(target_os = "linux")]
mod recorded;
mod resolving;
#[cfg(target_os = "linux")]
mod scenarios;
pub(crate) mod support;
mod validating;
