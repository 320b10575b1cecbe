//! What is measured.

mod bare;
mod calling;
mod discovery;
mod kde;
mod loading;
mod measure;
mod plugins;
mod resolving;
mod structures;

use std::process::ExitCode;

use measure::Scale;

/// Rows that are measured together, and their name.
type Group = (&'static str, fn(&Scale));

const GROUPS: [Group; 6] = [
    ("discovery", discovery::beside_reading),
    ("kde-discovery", discovery::beside_kde),
    ("resolving", resolving::in_fresh_processes),
    ("loading", loading::beside_dlopen),
    ("kde-structures", structures::beside_kde),
    ("calling", calling::beside_a_box),
];

pub(crate) fn main() -> ExitCode {
    // cargo says `--bench`.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    match arguments.split_first() {
        Some((first, rest)) if first == loading::CHILD => loading::child(rest),
        Some((first, rest)) if first == structures::CHILD => structures::child(rest),
        _ => return measure_all(&arguments),
    }
    ExitCode::SUCCESS
}

fn measure_all(arguments: &[String]) -> ExitCode {
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let wanted: Vec<&String> = arguments
        .iter()
        .filter(|argument| *argument != "--quick")
        .collect();
    for name in &wanted {
        if GROUPS.iter().all(|(group, _)| group != name) {
            let groups = GROUPS.map(|(group, _)| group).join(", ");
            eprintln!("there are no rows `{name}`; there are {groups}");
            return ExitCode::from(2);
        }
    }
    if cfg!(debug_assertions) {
        eprintln!("not optimised: the numbers say nothing");
    }
    let scale = Scale { quick };
    measure::heading();
    for (group, run) in GROUPS {
        if wanted.is_empty() || wanted.iter().any(|name| *name == group) {
            run(&scale);
        }
    }
    ExitCode::SUCCESS
}
