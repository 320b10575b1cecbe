//! What is measured.

mod generated;
mod installing;
mod listing;
mod using;

use std::process::ExitCode;

use keyway_tests::bench::{self, Group};

const GROUPS: [Group; 3] = [
    ("using", using::beside_kpackage),
    ("listing", listing::beside_kpackage),
    ("installing", installing::beside_others),
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
