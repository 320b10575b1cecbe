//! Programs that packages have running, in a real server: what is refused, that they end with their
//! package, come back as they should, and are never there twice, whatever is killed.

#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod ended;
mod killed;
mod logs;
mod refused;
mod restarted;
mod webserver;

use std::fs;
use std::path::PathBuf;

use keyway_tests::command::Output;
use keyway_tests::server::{Home, until};
use keyway_tests::threebots::ThreeBot;
use serde_json::{Value, json};

/// A program that runs until it is told to end, with one process below it, which does not stand still.
const CHILDREN: &str = "sleep 1000 & wait";
/// One that does not listen.
const STUBBORN: &str = "trap '' TERM; while :; do sleep 0.1; done";

/// The folders of a user. With it end all processes that were started in it, also those whose server was
/// killed.
struct Place(Home);

impl Place {
    fn new() -> Self {
        Self(Home::new())
    }

    /// With variables in the environment of all commands.
    fn with<const N: usize>(variables: [(&'static str, &str); N]) -> Self {
        let set = |home: Home, (name, value)| home.with(name, value);
        Self(variables.into_iter().fold(Home::new(), set))
    }
}

impl std::ops::Deref for Place {
    type Target = Home;

    fn deref(&self) -> &Home {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let own = self.0.at("").to_str().unwrap().to_owned();
        for it in seen() {
            let environment = fs::read(format!("/proc/{}/environ", it.pid));
            let environment = environment.unwrap_or_default();
            let environment = String::from_utf8_lossy(&environment).into_owned();
            let is_own = environment.contains(&own) || it.arguments.concat().contains(&own);
            if is_own && it.pid != std::process::id() {
                kill(it.pid, "KILL");
            }
        }
    }
}

/// Adds the package `acme.NAME`, whose hooks do what `kwargs` say, and gives what came of it.
fn add(home: &Home, name: &str, kwargs: Value) -> Output {
    add_with(home, name, kwargs, &[])
}

fn add_with(home: &Home, name: &str, kwargs: Value, more: &[&str]) -> Output {
    let folder = ThreeBot::new(name, "runs").put(home.at("packages").join(name));
    let folder = folder.to_str().unwrap();
    let kwargs = kwargs.to_string();
    let arguments = ["add", "--path", folder, "--kwargs", &kwargs];
    home.package(&[&arguments, more].concat())
}

/// The same where it works.
fn added(home: &Home, name: &str, kwargs: Value) {
    let output = add(home, name, kwargs);
    assert_eq!(output.code, 0, "{output:#?}\n{:?}", said(home, name));
}

/// A step that runs a shell with a script; whoever looks finds it by `mark`.
fn shell(home: &Home, name: &str, script: &str) -> Value {
    let mark = mark(home, name);
    json!({"run": name, "program": "sh", "args": ["-c", script, mark]})
}

/// The same with more in the request.
fn shell_with(home: &Home, name: &str, script: &str, more: Value) -> Value {
    let mut step = shell(home, name, script);
    let more = more.as_object().unwrap().clone();
    step.as_object_mut().unwrap().extend(more);
    step
}

/// What no other process has among its arguments.
fn mark(home: &Home, name: &str) -> String {
    format!("{}#{name}", home.at("").display())
}

/// What the package's code wrote down, by lines.
fn said(home: &Home, name: &str) -> Vec<String> {
    let file = home.data(&format!("acme.{name}")).join("said");
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn done(home: &Home, arguments: &[&str]) -> Value {
    let output = home.package(arguments);
    assert_eq!(output.code, 0, "{arguments:?}: {output:#?}");
    output.json()
}

/// A process as `/proc` shows it.
#[derive(Clone, Debug)]
struct Seen {
    pid: u32,
    state: char,
    parent: u32,
    group: u32,
    arguments: Vec<String>,
}

fn seen() -> Vec<Seen> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let seen = entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let (_, fields) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let arguments = fs::read(entry.path().join("cmdline")).ok()?;
        let arguments = arguments.split(|it| *it == 0);
        Some(Seen {
            pid,
            state: fields[0].chars().next()?,
            parent: fields[1].parse().ok()?,
            group: fields[2].parse().ok()?,
            arguments: arguments
                .map(|it| String::from_utf8_lossy(it).into_owned())
                .collect(),
        })
    });
    seen.collect()
}

/// The processes with the mark that have not ended.
fn marked(home: &Home, name: &str) -> Vec<u32> {
    let mark = mark(home, name);
    let marked = seen().into_iter();
    let marked = marked.filter(|it| it.state != 'Z' && it.arguments.contains(&mark));
    marked.map(|it| it.pid).collect()
}

/// The one with the mark, once there is one.
fn the_one(home: &Home, name: &str) -> u32 {
    let mut found = Vec::new();
    until(name, || {
        found = marked(home, name);
        // A shell has the mark of its own fork for a moment.
        found.len() == 1
    });
    found[0]
}

/// Who is in a group and has not ended.
fn group(leader: u32) -> Vec<u32> {
    let members = seen().into_iter();
    let members = members.filter(|it| it.group == leader && it.state != 'Z');
    members.map(|it| it.pid).collect()
}

fn is_alive(pid: u32) -> bool {
    seen().iter().any(|it| it.pid == pid && it.state != 'Z')
}

fn zombies_of(parent: u32) -> usize {
    let zombies = seen().into_iter();
    zombies
        .filter(|it| it.parent == parent && it.state == 'Z')
        .count()
}

fn kill(pid: u32, signal: &str) {
    let status = std::process::Command::new("kill")
        .args(["-s", signal, &pid.to_string()])
        .status();
    // It may have ended just now.
    assert!(status.is_ok());
}

fn log(home: &Home, package: &str, name: &str) -> PathBuf {
    let folder = home.state().join("logs").join(format!("acme.{package}"));
    folder.join(format!("{name}.log"))
}

/// The process `name` as `keyway package status` shows it.
fn shown(home: &Home, package: &str, name: &str) -> Value {
    let status = home.status(&format!("acme.{package}"));
    let processes = status["processes"].as_array().unwrap().clone();
    let found = processes.into_iter().find(|it| it["name"] == name);
    found.unwrap_or_default()
}
