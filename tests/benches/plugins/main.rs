//! What looking, resolving, loading and calling cost, each beside the floor or the rival that it is
//! measured by:
//!
//! ```text
//! cargo bench --package keyway-tests --bench plugins [-- [--quick] ROWS...]
//! ```
//!
//! `ROWS` are names of the groups below; without any, all are measured. `--quick` takes fewer rounds
//! of less, to see that everything works; its numbers say nothing.
//!
//! A harness of its own: criterion and divan measure one thing after the other, and on a machine that
//! does other work meanwhile the two then differ by more than the bounds allow. Here what is compared
//! takes turns, round by round, and many rows are taken in fresh processes.

#![allow(clippy::unwrap_used)]
// Opening libraries without Keyway, and comparing one layout alone.
#![allow(unsafe_code)]

#[cfg(target_os = "linux")]
mod rows;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    rows::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    keyway_tests::skipped("the benches of plugins", "they are made for Linux");
}
