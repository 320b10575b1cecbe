//! What is measured.

mod generated;
mod listing;
mod using;

use std::process::ExitCode;

use keyway_tests::bench::{self, Group};

const GROUPS: [Group; 2] = [
    ("using", using::beside_kpackage),
    ("listing", listing::beside_kpackage),
];

pub(crate) fn main() -> ExitCode {
    let arguments = bench::arguments();
    match arguments.split_first() {
        Some((first, rest)) if first == listing::CHILD => listing::child(rest),
        Some((first, rest)) if first == using::CHILD => using::child(rest),
        _ => return bench::run(&GROUPS, &arguments),
    }
    ExitCode::SUCCESS
}
