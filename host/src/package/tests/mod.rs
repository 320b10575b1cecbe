//! Packages, on real folders.

#[cfg(target_os = "linux")]
mod differences;
#[cfg(unix)]
mod listing;
mod loading;
mod locating;
#[cfg(target_os = "linux")]
mod real_packages;
#[cfg(target_os = "linux")]
mod recorded;
mod resolving;
#[cfg(target_os = "linux")]
mod scenarios;
mod support;
mod validating;
