//! The server as a process, and the commands that ask it: what a user has of it when all goes well, and
//! what is left when it is killed.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod agree;
mod database;
mod ending;
mod hello;
mod hooks;
mod idle;
mod killed;
mod misbehaving;
mod points;
mod random;
mod socket;
mod table;

use std::path::Path;

use keyway_tests::command::Output;
use keyway_tests::server::Home;
use keyway_tests::threebots::ThreeBot;
use serde_json::{Value, json};

/// The package `acme.NAME`, whose lifecycle does what `kwargs` say, in a folder of its own.
fn misbehaving(home: &Home, name: &str) -> String {
    let folder = ThreeBot::new(name, "misbehaves").put(home.at("packages").join(name));
    text(&folder)
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Adds a package that does what `kwargs` say.
fn add(home: &Home, name: &str, kwargs: Value) -> Output {
    let folder = misbehaving(home, name);
    home.package(&["add", "--path", &folder, "--kwargs", &kwargs.to_string()])
}

/// Runs a command that succeeds, and gives what it answers.
fn done(home: &Home, arguments: &[&str]) -> Value {
    let output = home.package(arguments);
    assert_eq!(output.code, 0, "{arguments:?}: {output:#?}");
    output.json()
}

/// Runs a command that is refused, and gives the error.
fn refused(home: &Home, arguments: &[&str]) -> Value {
    let output = home.package(arguments);
    assert_eq!(output.code, 1, "{arguments:?}: {output:#?}");
    output.error()
}

/// A package that runs and is not to be harmed.
fn bystander(home: &Home) {
    let folder = ThreeBot::new("bystander", "hello").put(home.at("packages/bystander"));
    done(home, &["add", "--path", &text(&folder)]);
}

fn assert_unharmed(home: &Home) {
    let status = home.status("acme.bystander");
    assert_eq!(
        (&status["status"], &status["running"], &status["last_error"]),
        (&json!("installed"), &json!(true), &Value::Null)
    );
    let begins = ["prepare {}", "install {}", "start {}"];
    assert_eq!(home.hooks("acme.bystander")[..3], begins);
}
