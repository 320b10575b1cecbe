//! The programs and plugins in `tests/cpp`, which use KDE's libraries.

use std::path::PathBuf;
use std::process::{Command, Output};

use crate::{skipped, workspace};

/// Builds what lies in `tests/cpp` and gives the folder with it; `None` after saying that `what` is
/// skipped, where there is nothing to build it with.
///
/// # Panics
///
/// When it does not build although all that it needs is there.
#[must_use]
pub fn built(what: &str) -> Option<PathBuf> {
    let folder = workspace().join("target/cpp");
    let configured = Command::new("cmake")
        .arg("-S")
        .arg(workspace().join("tests/cpp"))
        .arg("-B")
        .arg(&folder)
        .arg("-DCMAKE_BUILD_TYPE=Release")
        .output();
    match configured {
        Err(_) => {
            skipped(what, "there is no cmake");
            return None;
        }
        Ok(output) if !output.status.success() => {
            skipped(what, "there is no libkf5package-dev, qtbase5-dev or g++");
            return None;
        }
        Ok(_) => {}
    }
    let output = Command::new("cmake").arg("--build").arg(&folder).output();
    let output = output.expect("cmake runs");
    assert!(output.status.success(), "{}", text(&output));
    Some(folder)
}

/// Runs a program and gives what it prints.
///
/// # Panics
///
/// When it fails.
pub fn printed(command: &mut Command) -> String {
    let output = command.output().expect("the program runs");
    assert!(output.status.success(), "{command:?}: {}", text(&output));
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

fn text(output: &Output) -> String {
    let all = [&*output.stdout, &*output.stderr].concat();
    String::from_utf8_lossy(&all).into_owned()
}
