//! The package manager through the library: operations, hooks and what becomes of packages.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod git;
mod hello;
mod misbehaving;
mod place;
mod together;
