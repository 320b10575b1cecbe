//! Packages, on real folders.

mod loading;
mod locating;
mod resolving;
mod support;
mod validating;
