//! What is measured.

mod generated;
mod listing;

use std::process::ExitCode;

use keyway_tests::bench::{self, Group};

const GROUPS: [Group; 1] = [("listing", listing::beside_kpackage)];

pub(crate) fn main() -> ExitCode {
    let arguments = bench::arguments();
    match arguments.split_first() {
        Some((first, rest)) if first == listing::CHILD => listing::child(rest),
        _ => return bench::run(&GROUPS, &arguments),
    }
    ExitCode::SUCCESS
}
