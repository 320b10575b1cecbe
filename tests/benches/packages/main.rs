//! What packages cost, beside KPackage:
//!
//! ```text
//! cargo bench --package keyway-tests --bench packages [-- [--quick] ROWS...]
//! ```
//!
//! `ROWS` are names of the groups below; without any, all are measured. See the bench `plugins` for
//! how it is measured, and why so.

#![allow(clippy::unwrap_used)]

#[cfg(target_os = "linux")]
mod rows;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    rows::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    keyway_tests::skipped("the benches of packages", "they are made for Linux");
}
