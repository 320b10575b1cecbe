//! Lifecycles in processes of their own: the same as in the manager's, but for what ends a process.

#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

#[path = "../managing/asking.rs"]
mod asking;
mod both;
mod ended;
mod many;
#[path = "../managing/place.rs"]
#[allow(dead_code)]
mod place;
mod server;

use std::fs;
use std::path::Path;
use std::time::Duration;

use keyway::lifecycle::{AddRequest, PackageManager, PackageManagerBuilder, PackageStatus, Worker};
use keyway_tests::command::keyway_program;
use keyway_tests::threebots::ThreeBot;
use serde_json::Value;

use place::{Place, map, path};

fn worker() -> Worker {
    Worker::new(keyway_program()).arg("worker")
}

/// Where code runs in this suite: in processes of its own.
fn way(builder: PackageManagerBuilder) -> PackageManagerBuilder {
    builder.worker(worker()).isolate_all(true)
}

/// A manager that isolates all, and starts again soon what ended.
fn isolating(place: &Place) -> PackageManagerBuilder {
    let builder = place.builder().worker(worker()).isolate_all(true);
    let ms = Duration::from_millis;
    builder.restart_pauses(ms(200), ms(800), Duration::from_secs(60))
}

/// `acme.NAME`, whose hooks do what `kwargs` say.
fn misbehaving(place: &Place, name: &str, kwargs: Value) -> AddRequest {
    let folder = ThreeBot::new(name, "misbehaves").put(place.at(name));
    let mut request = path(folder);
    request.install_kwargs = Some(map(kwargs));
    request
}

fn pid(status: &PackageStatus) -> Option<u32> {
    status.lifecycle.as_ref()?.pid
}

fn pid_of(manager: &PackageManager, name: &str) -> u32 {
    pid(&manager.status(name).unwrap()).expect("a worker")
}

/// The state of a process, as `S`; `None` if it is gone.
fn state_of(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

fn kill(signal: &str, pid: u32) {
    let status = std::process::Command::new("kill")
        .args([&format!("-{signal}"), &pid.to_string()])
        .status();
    assert!(status.unwrap().success());
}

/// The children of a process, by numbers, with their states.
fn children(of: u32) -> Vec<(u32, char)> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|it| it.file_name().to_str()?.parse::<u32>().ok());
    let child = |pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut words = stat.rsplit_once(") ")?.1.split(' ');
        let state = words.next()?.chars().next()?;
        (words.next()?.parse::<u32>().ok()? == of).then_some((pid, state))
    };
    pids.filter_map(child).collect()
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
