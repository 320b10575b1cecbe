//! What the benches share: groups of rows, taking turns, and the programs that KDE's libraries are
//! measured with.

pub mod kde;
pub mod measure;

use std::process::ExitCode;

use measure::Scale;

/// Rows that are measured together, and their name.
pub type Group = (&'static str, fn(&Scale));

/// The program's arguments, without the one that cargo adds.
#[must_use]
pub fn arguments() -> Vec<String> {
    let arguments = std::env::args().skip(1);
    arguments.filter(|argument| argument != "--bench").collect()
}

/// Measures the groups that `arguments` name, or all; with `--quick` fewer rounds of less.
#[must_use]
pub fn run(groups: &[Group], arguments: &[String]) -> ExitCode {
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let wanted: Vec<&String> = arguments
        .iter()
        .filter(|argument| *argument != "--quick")
        .collect();
    for name in &wanted {
        if groups.iter().all(|(group, _)| group != name) {
            let names: Vec<&str> = groups.iter().map(|(group, _)| *group).collect();
            eprintln!("there are no rows `{name}`; there are {}", names.join(", "));
            return ExitCode::from(2);
        }
    }
    if cfg!(debug_assertions) {
        eprintln!("not optimised: the numbers say nothing");
    }
    let scale = Scale { quick };
    measure::heading();
    for (group, run) in groups {
        if wanted.is_empty() || wanted.iter().any(|name| name == group) {
            run(&scale);
        }
    }
    ExitCode::SUCCESS
}
