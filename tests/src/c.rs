//! Plugins in C.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::folder::workspace;

/// The C compiler, or `None` after saying that `what` is skipped.
#[must_use]
pub fn compiler(what: &str) -> Option<&'static str> {
    let found = Command::new("gcc").arg("--version").output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some("gcc");
    }
    crate::skipped(what, "there is no gcc");
    None
}

/// Compiles `source`, a file in `tests/c`, into the library `to`.
///
/// # Panics
///
/// When it does not compile without a warning.
pub fn library(compiler: &str, source: &str, to: &Path, more: &[&str]) -> PathBuf {
    let include = workspace().join("plugin-api/abi/include");
    let source = workspace().join("tests/c").join(source);
    let target = format!("-DTARGET=\"{}\"", keyway_abi::build::TARGET);
    let mut command = Command::new(compiler);
    command
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-O2"])
        .args(["-shared", "-fPIC", "-fvisibility=hidden", &target])
        .arg("-I")
        .arg(include)
        .arg(source)
        .args(more)
        .arg("-o")
        .arg(to);
    match command.output() {
        Ok(output) if output.status.success() => to.to_path_buf(),
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!("cannot run {compiler}: {error}"),
    }
}
