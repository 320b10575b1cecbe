//! `kill -9` of the server at each system call with which it brings something to the disk.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use keyway_tests::server::{Home, Running, Server, until};
use keyway_tests::skipped;
use keyway_tests::threebots::ThreeBot;
use keyway_tests::trace::Trace;
use serde_json::Value;

use crate::agree::{assert_agree, assert_nothing_under_way};
use crate::hooks::{KILLED, check_hooks, note_the_kill};
use crate::text;

const NAME: &str = "acme.hello";
/// Says that the server is killed at each call, and not at some.
const ALL: &str = "KEYWAY_ALL_POINTS";
/// Where it is killed, as CALL/NUMBER, and nowhere else.
const ONLY: &str = "KEYWAY_POINT";
/// The calls; a database of ours is written with the first.
const CALLS: [&str; 6] = [
    "fdatasync",
    "fsync",
    "rename",
    "renameat2",
    "unlink",
    "unlinkat",
];
/// Of as many calls of a name one is taken usually.
const USUAL: usize = 9;

/// What is asked for, and the hooks that come of it, but for starting and stopping.
const ASKED: [(&[&str], &[&str]); 7] = [
    (&["add", "--path", "1.0.0"], &["prepare", "install"]),
    (&["stop", NAME], &[]),
    (&["start", NAME], &[]),
    (&["add", "--path", "1.1.0"], &["upgrade from 1.0.0"]),
    (
        &["reconfigure", NAME, "--kwargs", "{}"],
        &["prepare", "install"],
    ),
    (&["disable", NAME], &[]),
    (&["delete", NAME], &["uninstall"]),
];

struct Site {
    home: Home,
    /// The hook in which a server was told to have been killed.
    interrupted: Option<String>,
}

impl Site {
    fn new() -> Self {
        let home = Home::new();
        for version in ["1.0.0", "1.1.0"] {
            let package = ThreeBot {
                version,
                ..ThreeBot::new("hello", "hello")
            };
            let _ = package.put(home.at("packages").join(version));
        }
        Self {
            home,
            interrupted: None,
        }
    }

    /// Asks for one of them; whether it was done.
    fn ask(&self, asked: &[&str]) -> bool {
        let path = |it: &&str| match *it {
            "1.0.0" | "1.1.0" => text(&self.home.at("packages").join(it)),
            it => it.to_owned(),
        };
        let arguments: Vec<String> = asked.iter().map(path).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = self.home.package(&arguments);
        match output.code {
            0 => true,
            _ => {
                let error = output.error();
                // Whoever was there is gone.
                assert!(
                    ["no-answer", "no-server"]
                        .iter()
                        .any(|it| error["code"] == *it),
                    "{asked:?}: {error}"
                );
                false
            }
        }
    }

    fn hooks(&self) -> Vec<String> {
        let hooks = self.home.hooks(NAME);
        let first = |it: String| it.split(" {").next().unwrap().to_owned();
        hooks.into_iter().map(first).collect()
    }

    /// Goes on with a new server, and with all that is left to be asked for from `cut` on, in which
    /// the old one was killed.
    fn go_on(&mut self, cut: usize) {
        note_the_kill(&self.home, [NAME]);
        let server = self.home.serve();
        assert_agree(&self.home, "after the kill");
        let package = self.home.packages().pop();
        if let Some(package) = package.filter(|it| it["status"] == "error") {
            let hook = package["last_error"]["hook"].as_str().unwrap().to_owned();
            self.interrupted = Some(hook);
            assert!(self.ask(&["retry", NAME]));
        }
        assert_agree(&self.home, "after the retry");
        // Asked for and not answered: it is done, or was never begun, and then nobody knows of it.
        for (asked, _) in &ASKED[cut..] {
            let is_first = *asked == ASKED[cut].0;
            if is_first && self.is_done(asked) {
                continue;
            }
            assert!(self.ask(asked), "{asked:?}");
        }
        drop(server);
    }

    /// Whether what was asked for has come to be.
    fn is_done(&self, asked: &[&str]) -> bool {
        let Some(package) = self.home.packages().pop() else {
            // Nothing is there before the first one and after the last one.
            return asked[0] == "delete";
        };
        let hooks = self.hooks();
        let prepared = hooks.iter().filter(|it| *it == "prepare").count();
        match asked {
            ["add", _, version] => package["version"] == *version,
            ["reconfigure", ..] => {
                let upgrade = hooks.iter().rposition(|it| it.starts_with("upgrade"));
                prepared > 1 && hooks.iter().rposition(|it| it == "install") > upgrade
            }
            ["delete", ..] => false,
            // These succeed again.
            _ => false,
        }
    }

    /// All hooks that are to have run have, once, but for the one in which it was killed.
    fn check(&self) {
        assert_eq!(self.home.packages(), [Value::Null; 0]);
        assert!(!self.home.root().join(NAME).exists());
        assert_nothing_under_way(&self.home);
        check_hooks(NAME, &self.home.hooks(NAME));
        let expected = ASKED.iter().flat_map(|(_, hooks)| hooks.iter().copied());
        let expected: Vec<&str> = expected.collect();
        let hooks = self.hooks();
        let lasting = |it: &&String| !["start", "stop", KILLED].contains(&it.as_str());
        let mut found: Vec<&str> = hooks.iter().filter(lasting).map(String::as_str).collect();
        if let Some(interrupted) = &self.interrupted
            && found.len() > expected.len()
        {
            let twice = found.windows(2).position(|two| two[0] == two[1]);
            let twice = twice.expect("one that is there twice");
            assert!(found[twice].starts_with(interrupted), "{hooks:?}");
            found.remove(twice);
        }
        assert_eq!(found, expected, "all: {hooks:?}");
    }
}

/// Kills `server` at a call, from now on; with 0 never. Gives the calls of that name there are.
fn disturb(home: &Home, server: &Server, call: &str, number: usize) -> Running {
    let mut strace = Command::new("strace");
    strace.args([
        "-f",
        "-qq",
        "-e",
        &format!("trace={call}"),
        "-e",
        "signal=none",
    ]);
    if number > 0 {
        strace.args(["-e", &format!("inject={call}:signal=SIGKILL:when={number}")]);
    }
    strace.arg("-o").arg(home.at("strace"));
    strace.args(["-p", &server.id().to_string()]);
    strace.stdout(Stdio::null()).stderr(Stdio::null());
    let strace = Running::of(&mut strace);
    until("strace", || {
        let tasks = format!("/proc/{}/task", server.id());
        fs::read_dir(tasks).is_ok_and(|tasks| {
            tasks.flatten().all(|task| {
                let status = fs::read_to_string(task.path().join("status"));
                status.is_ok_and(|it| !it.contains("TracerPid:\t0"))
            })
        })
    });
    strace
}

/// The calls of each name that one thread of the server makes at most.
fn count() -> BTreeMap<&'static str, usize> {
    let site = Site::new();
    let server = site.home.serve();
    let mut strace = disturb(&site.home, &server, &CALLS.join(","), 0);
    for (asked, _) in &ASKED {
        assert!(site.ask(asked), "{asked:?}");
    }
    drop(server);
    strace.wait();
    site.check();
    let log = fs::read_to_string(site.home.at("strace")).unwrap();
    let mut counts = BTreeMap::<(&str, &str), usize>::new();
    for line in log.lines() {
        let (thread, call) = line.split_once(' ').unwrap();
        let name = call.trim_start().split('(').next().unwrap();
        if let Some(name) = CALLS.iter().find(|it| **it == name) {
            *counts.entry((thread, name)).or_default() += 1;
        }
    }
    let mut most = BTreeMap::new();
    for ((_, name), count) in counts {
        let name = CALLS.into_iter().find(|it| *it == name).unwrap();
        let old = most.entry(name).or_default();
        *old = count.max(*old);
    }
    most
}

/// Whether it was killed there.
fn killed_at(call: &str, number: usize) -> bool {
    let mut site = Site::new();
    let mut server = site.home.serve();
    let mut strace = disturb(&site.home, &server, call, number);
    let mut cut = None;
    for (index, (asked, _)) in ASKED.iter().enumerate() {
        if !site.ask(asked) || !server.is_running() {
            cut = Some(index);
            break;
        }
    }
    let Some(cut) = cut else {
        server.kill();
        strace.wait();
        return false;
    };
    assert_eq!(server.wait().signal(), Some(9), "{}", server.log());
    strace.wait();
    drop(server);
    site.go_on(cut);
    site.check();
    true
}

#[test]
fn killed_between_hooks_none_is_repeated_and_none_is_lost() {
    if let Some(why) = Trace::is_impossible() {
        skipped("kills of the server between hooks", why);
        return;
    }
    let began = Instant::now();
    let (mut killed, mut passed) = (0, 0);
    let step = if std::env::var_os(ALL).is_some() {
        1
    } else {
        USUAL
    };
    let only = std::env::var(ONLY).ok();
    let counts = count();
    assert!(counts["fdatasync"] > 20, "{counts:?}");
    let points = counts
        .iter()
        .flat_map(|(call, count)| (1..=*count).map(move |number| (*call, number)));
    for (index, (call, number)) in points.enumerate() {
        let name = format!("{call}/{number}");
        match &only {
            Some(only) if *only != name => continue,
            None if index % step != step / 2 => continue,
            _ => {}
        }
        println!("{name}");
        match killed_at(call, number) {
            true => killed += 1,
            false => passed += 1,
        }
    }
    println!(
        "{killed} kills, {passed} passed over, of {counts:?}, in {:?}",
        began.elapsed()
    );
    assert!(killed > passed, "{killed} kills, {passed} passed over");
}
