//! The package manager through the library: operations, hooks and what becomes of packages.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod asking;
mod git;
mod given_up;
mod hello;
mod misbehaving;
mod place;
mod together;

use keyway::lifecycle::PackageManagerBuilder;

/// Where code runs in this suite: in this process.
fn way(builder: PackageManagerBuilder) -> PackageManagerBuilder {
    builder
}
