//! What is measured.

mod bare;
mod calling;
mod discovery;
mod loading;
mod plugins;
mod resolving;
mod structures;

use std::process::ExitCode;

use keyway_tests::bench::{self, Group};

const GROUPS: [Group; 6] = [
    ("discovery", discovery::beside_reading),
    ("kde-discovery", discovery::beside_kde),
    ("resolving", resolving::in_fresh_processes),
    ("loading", loading::beside_dlopen),
    ("kde-structures", structures::beside_kde),
    ("calling", calling::beside_a_box),
];

pub(crate) fn main() -> ExitCode {
    let arguments = bench::arguments();
    match arguments.split_first() {
        Some((first, rest)) if first == loading::CHILD => loading::child(rest),
        Some((first, rest)) if first == structures::CHILD => structures::child(rest),
        _ => return bench::run(&GROUPS, &arguments),
    }
    ExitCode::SUCCESS
}
