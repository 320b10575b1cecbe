//! Keyway beside the real KPackage 5.103, field by field.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod answers;
mod cases;
mod compare;
mod generated;
mod kpackage;
mod metadata_texts;
mod pinned;
mod real;
mod tool;
mod tree;
mod wanted;
