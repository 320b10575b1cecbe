//! Processes end with their package, whatever comes of its hooks.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;

use keyway_tests::server::until;
use serde_json::{Value, json};

use crate::{
    CHILDREN, Place, STUBBORN, add, add_with, added, done, group, is_alive, log, marked, said,
    seen, shell, shell_with, shown, the_one, zombies_of,
};

/// What a process has open: numbers, and what they lead to.
fn open_in(pid: u32) -> BTreeSet<(String, String)> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let open = entries.filter_map(|entry| {
        let to = fs::read_link(entry.path()).ok()?;
        let name = entry.file_name().into_string().ok()?;
        Some((name, to.to_str()?.to_owned()))
    });
    open.collect()
}

/// As many files a process may have open, and how far it could raise that.
fn open_files(pid: u32) -> (u64, u64) {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find(|it| it.starts_with("Max open files"));
    let mut words = line.unwrap()["Max open files".len()..].split_whitespace();
    let mut next = || words.next().unwrap().parse().unwrap_or(u64::MAX);
    (next(), next())
}

#[test]
fn a_process_gets_what_its_request_says_and_nothing_of_the_servers() {
    let home = Place::with([
        ("NOTIFY_SOCKET", "/run/notify"),
        ("OF_THE_SERVER", "kept"),
        ("REPLACED", "old"),
    ]);
    let server = home.serve();
    let script =
        "env | sort; pwd; echo \"$1\"; readlink /proc/self/fd/0 >&2; exec sleep 1000 \"$0\"";
    let mut step = shell(&home, "web", script);
    step["args"] = json!(["-c", script, crate::mark(&home, "web"), "a b'c"]);
    step["args"][2] = json!("1000");
    step["env"] = json!({"REPLACED": "new", "KEYWAY_OWN": "mine"});
    added(&home, "env", json!({"start": [step]}));
    let pid = shown(&home, "env", "web")["pid"].as_u64().unwrap() as u32;
    until("its log", || {
        let text = fs::read_to_string(log(&home, "env", "web"));
        text.is_ok_and(|it| it.contains("/dev/null"))
    });
    let text = fs::read_to_string(log(&home, "env", "web")).unwrap();
    let lines: BTreeSet<&str> = text.lines().collect();
    for line in [
        "OF_THE_SERVER=kept",
        "REPLACED=new",
        "KEYWAY_OWN=mine",
        "a b'c",
        "/dev/null",
    ] {
        assert!(lines.contains(line), "{line}\n{text}");
    }
    assert!(
        lines.contains(home.data("acme.env").to_str().unwrap()),
        "{text}"
    );
    let ours = lines.iter().filter(|it| it.starts_with("KEYWAY_")).count();
    assert_eq!(ours, 2, "its own, and the token: {text}");
    assert!(!text.contains("NOTIFY_SOCKET"), "{text}");

    // Nothing is open in it but what is its own, and what this test was started with.
    let log_path = log(&home, "env", "web").to_str().unwrap().to_owned();
    let own = [("0", "/dev/null"), ("1", &log_path), ("2", &log_path)];
    let own = own.map(|(name, to)| (name.to_owned(), to.to_owned()));
    let inherited = open_in(std::process::id());
    let open: BTreeSet<_> = open_in(pid).difference(&inherited).cloned().collect();
    let own = BTreeSet::from(own);
    assert_eq!(open.difference(&own).count(), 0, "{open:?}");
    // Who is not the server's user reads nothing of it.
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let log = log(&home, "env", "web");
    assert_eq!(mode(&log), 0o600);
    assert_eq!(mode(log.parent().unwrap()), 0o700);
    let note = home.state().join("processes/acme.env/web.json");
    assert_eq!(mode(&note), 0o600);
    // The server may have more files open than who started it; what it starts may not.
    assert_eq!(open_files(pid), open_files(std::process::id()));
    let (soft, hard) = open_files(server.id());
    assert_eq!(soft, hard.min(1 << 16));
    // It is its own group's first, and the server's child.
    assert_eq!(group(pid), [pid]);
    let own = seen().into_iter().find(|it| it.pid == pid).unwrap();
    assert_eq!(own.parent, server.id());
}

#[test]
fn a_stop_ends_the_whole_group() {
    let home = Place::new();
    let server = home.serve();
    let web = shell(&home, "web", CHILDREN);
    // The leader is gone at once, what it started is not.
    let forks = shell(&home, "forks", "sh -c 'sleep 1000 & wait' \"$0\" & exit 0");
    // Out of the group, but with the environment.
    let script = "setsid sh -c 'sleep 1000 & wait' \"$0\" & sleep 1000 & wait";
    let leaves = shell(&home, "leaves", script);
    added(&home, "group", json!({"start": [web, leaves]}));
    let web = shown(&home, "group", "web")["pid"].as_u64().unwrap() as u32;
    until("its child", || group(web).len() == 2);
    until("what left", || marked(&home, "leaves").len() == 2);
    let all: Vec<u32> = [group(web), marked(&home, "leaves")].concat();
    done(&home, &["stop", "acme.group"]);
    assert!(
        all.iter().all(|pid| !is_alive(*pid)),
        "{all:?}: {:?}",
        seen()
    );
    assert!(marked(&home, "leaves").is_empty());
    assert_eq!(zombies_of(server.id()), 0);
    for name in ["web", "leaves"] {
        let shown = shown(&home, "group", name);
        assert_eq!(shown["state"], "stopped", "{shown}");
        assert_eq!(shown["pid"], Value::Null, "{shown}");
        assert_eq!(shown["last_exit"], "signal 15", "{shown}");
    }
    // What puts itself into the background has ended, with all.
    added(&home, "forks", json!({"start": [forks]}));
    until("the end", || {
        shown(&home, "forks", "forks")["state"] == "exited"
    });
    assert!(marked(&home, "forks").is_empty());
    assert_eq!(zombies_of(server.id()), 0);
}

#[test]
fn who_does_not_listen_is_killed_after_the_grace() {
    let home = Place::new();
    let server = home.serve();
    let web = shell_with(&home, "web", STUBBORN, json!({"grace_ms": 700}));
    let other = shell_with(&home, "other", STUBBORN, json!({"grace_ms": 60_000}));
    let stops = json!([{"sleep": 300}, {"stop": "other", "within_ms": 200}, {"status": "other"}]);
    let start = json!([web, other, {"sleep": 300}]);
    added(&home, "deaf", json!({"start": start, "stop": stops}));
    let began = Instant::now();
    let (web, other) = (the_one(&home, "web"), the_one(&home, "other"));
    done(&home, &["stop", "acme.deaf"]);
    assert!(!is_alive(web) && !is_alive(other));
    assert!(began.elapsed().as_millis() > 1200, "{:?}", began.elapsed());
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    let said = said(&home, "deaf");
    let end = ["stopped: true", "Stopped 0 Some(Signal(9))"];
    assert_eq!(said[said.len() - 2..], end, "{said:?}");
    assert_eq!(shown(&home, "deaf", "web")["last_exit"], "signal 9");
    assert_eq!(zombies_of(server.id()), 0);
}

#[test]
fn nothing_is_left_whatever_comes_of_the_hooks() {
    let home = Place::new();
    let mut server = home.serve_with(&[]);
    let web = |name: &str| shell(&home, name, CHILDREN);

    // A start that fails.
    let output = add(
        &home,
        "fails",
        json!({"start": [web("f"), {"sleep": 50}, {"fail": "no"}]}),
    );
    assert_eq!(output.code, 1, "{output:#?}");
    assert!(marked(&home, "f").is_empty());
    // A stop that fails.
    added(
        &home,
        "stops",
        json!({"start": [web("s")], "stop": [{"fail": "no"}]}),
    );
    the_one(&home, "s");
    assert_eq!(home.package(&["stop", "acme.stops"]).code, 1);
    assert!(marked(&home, "s").is_empty());
    done(&home, &["delete", "acme.stops", "--force"]);
    // What is started in `prepare` lives on with a package that runs then, and not otherwise.
    added(&home, "lives", json!({"prepare": [web("l")]}));
    the_one(&home, "l");
    let output = add_with(
        &home,
        "idle",
        json!({"prepare": [web("i")]}),
        &["--no-start"],
    );
    assert_eq!(output.code, 0, "{output:#?}");
    assert_eq!(said(&home, "idle"), ["runs"]);
    assert!(marked(&home, "i").is_empty());
    // What is started in a hook `stop` or `uninstall` ends with it.
    let kwargs = json!({"start": [web("d")], "stop": [web("d2")], "uninstall": [web("d3")]});
    added(&home, "goes", kwargs);
    the_one(&home, "d");
    done(&home, &["stop", "acme.goes"]);
    assert_eq!(said(&home, "goes"), ["runs", "runs"]);
    assert!(marked(&home, "d").is_empty() && marked(&home, "d2").is_empty());
    done(&home, &["start", "acme.goes"]);
    the_one(&home, "d");
    let logs = home.state().join("logs/acme.goes");
    assert!(logs.exists());
    done(&home, &["delete", "acme.goes", "--purge"]);
    for name in ["d", "d2", "d3"] {
        assert!(marked(&home, name).is_empty(), "{name}");
    }
    assert!(!logs.exists() && !home.state().join("processes/acme.goes").exists());
    // A reconfigure has one of it, with the new arguments.
    let other = json!({"start": [web("new")]}).to_string();
    done(&home, &["reconfigure", "acme.lives", "--kwargs", &other]);
    assert!(marked(&home, "l").is_empty());
    the_one(&home, "new");
    assert_eq!(zombies_of(server.id()), 0);

    // The server ends.
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    assert!(marked(&home, "new").is_empty());
    // And the next one has it again, once.
    let _server = home.serve();
    the_one(&home, "new");
}

#[test]
fn a_stop_that_never_returns_ends_them_all_the_same() {
    let home = Place::new();
    let mut server = home.serve();
    let web = shell(&home, "web", CHILDREN);
    let never = home.at("never");
    added(
        &home,
        "hangs",
        json!({"start": [web], "stop": [{"wait-for": never}]}),
    );
    the_one(&home, "web");
    server.signal("TERM");
    until("that it has heard", || server.log().contains("stopping"));
    server.signal("TERM");
    server.wait();
    assert!(marked(&home, "web").is_empty(), "{}", server.log());
}
