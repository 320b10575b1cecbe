//! Running the command `keyway`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::build::Build;

/// What a run of the command gave.
#[derive(Debug)]
pub struct Output {
    /// The exit code.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl Output {
    /// What it printed, as JSON.
    ///
    /// # Panics
    ///
    /// When it is no JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("no JSON: {error}\n{self:#?}"),
        }
    }

    /// The error that it said, as JSON.
    ///
    /// # Panics
    ///
    /// When it is no JSON.
    #[must_use]
    pub fn error(&self) -> Value {
        match serde_json::from_str::<Value>(&self.stderr) {
            Ok(value) => value["error"].clone(),
            Err(error) => panic!("no JSON: {error}\n{self:#?}"),
        }
    }
}

/// The path of the command, built once in this process.
#[must_use]
pub fn keyway_program() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM
        .get_or_init(|| Build::of("keyway-cli").program())
        .clone()
}

/// A run of the command that finds no plugins and packages but those that it is told of.
#[must_use]
pub fn keyway_command() -> Command {
    alone(&keyway_program())
}

/// A run of `program`, a build of the command, that finds no plugins and packages but those that it
/// is told of.
#[must_use]
pub fn alone(program: &Path) -> Command {
    let mut command = Command::new(program);
    let home = crate::workspace().join("target/test-home");
    command
        .env_clear()
        .env("XDG_CACHE_HOME", home.join("cache"))
        .env("XDG_STATE_HOME", home.join("state"))
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", "/nonexistent")
        .env("XDG_DATA_HOME", "/nonexistent")
        .env("XDG_DATA_DIRS", "/nonexistent");
    command
}

/// Runs the command with plugins from `plugins` alone.
///
/// # Panics
///
/// When it cannot be run, or does not end by itself.
pub fn keyway<S: AsRef<OsStr>>(
    plugins: &std::path::Path,
    arguments: impl IntoIterator<Item = S>,
) -> Output {
    let mut command = keyway_command();
    command.env("KEYWAY_PLUGIN_PATH", plugins).args(arguments);
    run(&mut command)
}

/// Runs a command to its end.
///
/// # Panics
///
/// When it cannot be run, or is ended by a signal.
pub fn run(command: &mut Command) -> Output {
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => panic!("cannot run {command:?}: {error}"),
    };
    let Some(code) = output.status.code() else {
        panic!("{command:?} was ended: {}", output.status);
    };
    Output {
        code,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Copies a program that is run afterwards. Another process does it: a file that this one has open
/// for writing cannot be run, and a test that starts a process just then hands it on.
///
/// # Panics
///
/// When it cannot be copied.
pub fn copy_program(from: &Path, to: &Path) {
    let status = Command::new("cp").arg(from).arg(to).status();
    assert!(status.is_ok_and(|it| it.success()), "{}", to.display());
}
