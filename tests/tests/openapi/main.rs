//! What the server answers is what its OpenAPI document says, whatever it is asked: tried by Schemathesis.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use keyway_tests::command::run;
use keyway_tests::gate::Gate;
use keyway_tests::server::Home;
use keyway_tests::threebots::ThreeBot;
use keyway_tests::{skipped, workspace};

const WHAT: &str = "the OpenAPI document before a real server";
const TOKEN: &str = "a-token-of-tests-0123456789";

/// A Python with Schemathesis, made once; `None` after saying what is missing.
fn python(folder: &Path) -> Option<PathBuf> {
    let requirements = folder.join("requirements.txt");
    let wanted = fs::read_to_string(&requirements).unwrap();
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemathesis");
    let python = place.join("bin/python3");
    let made = place.join("made-of");
    if fs::read_to_string(&made).is_ok_and(|it| it == wanted) {
        return Some(python);
    }
    let _ = fs::remove_dir_all(&place);
    let mut command = Command::new("python3");
    let venv = command.args(["-m", "venv"]).arg(&place).output();
    if !venv.is_ok_and(|it| it.status.success()) {
        skipped(WHAT, "there is no python3 with venv");
        return None;
    }
    let mut command = Command::new(&python);
    command
        .args(["-m", "pip", "install", "--quiet", "--no-input"])
        .args(["--disable-pip-version-check", "--requirement"])
        .arg(&requirements);
    let installed = run(&mut command);
    if installed.code != 0 {
        let why = installed
            .stderr
            .lines()
            .last()
            .unwrap_or_default()
            .to_owned();
        skipped(WHAT, &format!("there is no schemathesis: {why}"));
        return None;
    }
    fs::write(&made, wanted).unwrap();
    Some(python)
}

#[test]
fn answers_are_as_the_document_says() {
    let folder = workspace().join("tests/tests/openapi");
    let Some(python) = python(&folder) else {
        return;
    };
    let home = Home::new();
    let server = home.serve();
    let gate = Gate::before(&server.socket(), Some(TOKEN));
    let mut packages = Vec::new();
    for name in ["one", "two", "three"] {
        let package = ThreeBot::new(name, "misbehaves").put(home.at("packages").join(name));
        let package = package.to_str().unwrap().to_owned();
        let added = home.package(&["add", "--path", &package]);
        assert_eq!(added.code, 0, "{added:#?}");
        packages.push(package);
    }
    let mut command = Command::new(python);
    command
        .args(["-m", "schemathesis.cli", "--config-file"])
        .arg(folder.join("schemathesis.toml"))
        .arg("run")
        .arg(format!("{}v1/openapi.json", gate.url()))
        .args(["--checks", "all", "--phases", "examples,coverage,fuzzing"])
        .args(["--no-color", "--warnings", "off", "--continue-on-failure"])
        // It has no end.
        .args(["--exclude-path", "/v1/events"])
        .current_dir(home.at(""))
        .env("PYTHONPATH", &folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("KEYWAY_TOKEN", TOKEN)
        .env("KEYWAY_PACKAGES", packages.join(":"));
    // More of them, and others each time, if somebody says how many.
    match std::env::var("KEYWAY_OPENAPI_EXAMPLES") {
        Ok(count) => command.args(["--max-examples", &count]),
        Err(_) => command.args(["--max-examples", "60", "--generation-deterministic"]),
    };
    let output = run(&mut command);
    assert_eq!(output.code, 0, "{}\n{}", output.stdout, output.stderr);
    let log = server.log();
    assert!(!log.contains("panicked"), "{log}");
    // What was asked for was done, and not only refused.
    for operation in [
        "add",
        "delete",
        "start",
        "stop",
        "enable",
        "disable",
        "reload",
        "reconfigure",
    ] {
        let done = log
            .lines()
            .filter(|line| line.contains("outcome=Done"))
            .any(|line| line.contains(&format!("operation=\"{operation}\"")));
        assert!(done, "no `{operation}` was done: {log}");
    }
    println!("{}", output.stdout);
}
