//! Running the programs in `tests/cpp`, which use KDE's libraries.

use std::process::Command;

pub use crate::kde::built;

/// Runs a program and gives what it prints.
///
/// # Panics
///
/// When it fails.
pub fn printed(command: &mut Command) -> String {
    let output = command.output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs a program that prints nanoseconds, one a line.
///
/// # Panics
///
/// When it fails or prints something else.
pub fn nanoseconds(command: &mut Command) -> Vec<f64> {
    let number = |line: &str| line.parse().expect("a number on each line");
    printed(command).lines().map(number).collect()
}
