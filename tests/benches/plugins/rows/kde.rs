//! Running the programs in `tests/cpp`, which use KDE's libraries.

use std::process::Command;

pub(crate) use keyway_tests::kde::built;

/// Runs a program that prints nanoseconds, one a line.
pub(crate) fn nanoseconds(command: &mut Command) -> Vec<f64> {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    let output = String::from_utf8(output.stdout).unwrap();
    output.lines().map(|line| line.parse().unwrap()).collect()
}
