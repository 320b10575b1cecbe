//! Keyway beside the real KPackage 5.103, field by field.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod answers;
mod cases;
mod compare;
mod generated;
mod kpackage;
mod metadata_texts;
mod real;
mod tree;
mod wanted;
