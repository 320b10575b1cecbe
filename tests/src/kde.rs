//! The programs and plugins in `tests/cpp`, which use KDE's libraries.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

use crate::folder::workspace;

/// Builds what lies in `tests/cpp` and gives the folder with it; `None` after saying that `what` is
/// skipped, where there is nothing to build it with.
///
/// # Panics
///
/// When it cannot be built although all that it needs is there.
pub fn built(what: &str) -> Option<PathBuf> {
    // Tests run side by side.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _lock = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
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
            crate::skipped(what, "there is no cmake");
            return None;
        }
        Ok(output) if !output.status.success() => {
            crate::skipped(what, "there is no libkf5package-dev, qtbase5-dev or g++");
            return None;
        }
        Ok(_) => {}
    }
    let mut build = Command::new("cmake");
    build.arg("--build").arg(&folder).arg("--parallel");
    match build.output() {
        Ok(output) => assert!(output.status.success(), "{}", text(&output)),
        Err(error) => panic!("cannot run cmake: {error}"),
    }
    Some(folder)
}

fn text(output: &Output) -> String {
    let all = [&*output.stdout, &*output.stderr].concat();
    String::from_utf8_lossy(&all).into_owned()
}
