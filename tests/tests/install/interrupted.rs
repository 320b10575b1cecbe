//! Ctrl-C.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::{ROOT, Site, TYPE};

/// As long something that has to happen is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

fn start(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        sleep(Duration::from_millis(1));
    }
}

fn signal(child: &Child, name: &str) {
    let mut kill = Command::new("kill");
    let status = kill.args(["-s", name, &child.id().to_string()]).status();
    assert!(status.unwrap().success());
}

fn is_cancelled(output: &Output) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    assert!(stderr.contains(r#""code":"cancelled""#), "{stderr}");
}

/// A package with many files.
fn offer_big(site: &Site) -> String {
    let path = site.offer("big", "big", "1");
    let images = site.at("offers/big/contents/images");
    for number in 0..6_000 {
        fs::write(images.join(format!("{number}.svg")), number.to_string()).unwrap();
    }
    path
}

#[test]
fn an_installation_that_is_interrupted_leaves_nothing() {
    let site = Site::new();
    let big = offer_big(&site);
    for name in ["INT", "TERM"] {
        let child = start(site.command(&["--json", "install", &big]));
        let work = site.at(ROOT).join(".keyway/changes");
        wait_for("an installation begins", || has_entries(&work));
        signal(&child, name);
        is_cancelled(&child.wait_with_output().unwrap());
        assert_eq!(site.holds(), [""; 0]);
    }
    site.done(&["install", &big]);
    assert_eq!(site.listed(TYPE), ["big"]);
}

#[test]
fn who_waits_for_somebody_else_is_interrupted_as_well() {
    let site = Site::new();
    let one = site.offer("one", "one", "1");
    let _lock = site.held();
    let before = site.holds();
    let child = start(site.command(&["--json", "install", &one]));
    wait_for("it catches signals", || catches_signals(child.id()));
    signal(&child, "INT");
    is_cancelled(&child.wait_with_output().unwrap());
    assert_eq!(site.holds(), before);
}

/// A program that takes its time does not keep anybody from ending it.
#[test]
fn who_waits_for_a_program_is_interrupted_as_well() {
    let site = Site::new();
    let needing = site.offer_with("needing", |json| {
        json.replacen('{', r#"{"X-KPackage-Dependencies": ["slow:x"], "#, 1)
    });
    let handler = site.at("handlers/slowhandler");
    fs::create_dir(site.at("handlers")).unwrap();
    let begun = site.at("begun");
    let script = format!("#!/bin/sh\n: > {}\nexec sleep 600\n", begun.display());
    fs::write(&handler, script).unwrap();
    fs::set_permissions(&handler, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = site.command(&["--json", "install", "--allow-handlers", &needing]);
    command.env("KEYWAY_HANDLER_PATH", site.at("handlers"));
    let child = start(command);
    wait_for("the handler begins", || begun.exists());
    signal(&child, "INT");
    is_cancelled(&child.wait_with_output().unwrap());
    assert_eq!(site.holds(), [""; 0]);
}

/// Also where nothing looks whether it was cancelled: here, whoever reads the output takes his time.
#[test]
#[cfg(target_os = "linux")]
fn the_second_time_it_ends_at_once() {
    use std::io::Write as _;
    /// As much as a pipe takes on Linux.
    const PIPE: usize = 64 << 10;
    let site = Site::new();
    let one = site.offer("one", "one", "1");
    let (_reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[b' '; PIPE]).unwrap();
    let mut command = site.command(&["install", &one]);
    let mut child = command.stdout(writer).spawn().unwrap();
    let there = site.at(ROOT);
    // All is done but for saying so.
    wait_for("it is installed", || {
        there.join("one").exists() && !there.join(".keyway/changes").exists()
    });
    signal(&child, "INT");
    sleep(Duration::from_millis(200));
    assert!(child.try_wait().unwrap().is_none(), "it waits");
    signal(&child, "INT");
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(2), "{status:?}");
}

fn has_entries(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

/// Whether a process has a handler for SIGINT; where nobody can say, it has one after a while.
fn catches_signals(process: u32) -> bool {
    let Ok(status) = fs::read_to_string(format!("/proc/{process}/status")) else {
        sleep(Duration::from_secs(1));
        return true;
    };
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = u64::from_str_radix(caught.unwrap_or_default().trim(), 16);
    caught.is_ok_and(|caught| caught & 2 != 0)
}
