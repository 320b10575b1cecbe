//! `kill -9` of the server: at the next start exactly one is there, and nobody else is harmed.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use keyway_tests::server::{Running, until};
use serde_json::{Value, json};

use crate::{
    CHILDREN, Place, STUBBORN, added, group, is_alive, kill, marked, shell, shell_with, shown,
    the_one,
};

#[test]
fn what_a_killed_server_left_is_ended_before_anything_is_started() {
    let home = Place::new();
    let mut server = home.serve();
    let web = shell(&home, "web", CHILDREN);
    let deaf = shell_with(&home, "deaf", STUBBORN, json!({"grace_ms": 300}));
    // It has thrown its environment away: what is written down is all that tells.
    let bare = shell_with(
        &home,
        "bare",
        "exec env -i \"$(command -v sh)\" -c 'sleep 1000 & wait' \"$0\"",
        json!({"grace_ms": 1000}),
    );
    added(&home, "left", json!({"start": [web, deaf, bare]}));
    let pids: Vec<u32> = ["web", "deaf", "bare"]
        .map(|it| the_one(&home, it))
        .to_vec();
    until("its child", || group(pids[2]).len() == 2);
    let all: Vec<u32> = pids.iter().flat_map(|it| group(*it)).collect();
    assert!(all.len() >= 5, "{all:?}");
    server.kill();
    assert!(
        pids.iter().all(|it| is_alive(*it)),
        "a crash ends none of them"
    );

    let server = home.serve();
    assert_eq!(server.started(), ["acme.left"]);
    assert!(all.iter().all(|it| !is_alive(*it)), "{all:?}");
    for name in ["web", "deaf", "bare"] {
        let pid = the_one(&home, name);
        assert_eq!(shown(&home, "left", name)["pid"], pid);
    }
    // Who only looks ends nothing.
    drop(server);
    let before = ["web", "deaf", "bare"].map(|it| the_one(&home, it));
    assert_eq!(home.status("acme.left")["running"], false);
    assert_eq!(home.package(&["disable", "acme.left"]).code, 0);
    assert!(before.iter().all(|it| is_alive(*it)));
    // What is not to be started any more does not stay either.
    let _server = home.serve();
    assert!(before.iter().all(|it| !is_alive(*it)));
    assert!(
        ["web", "deaf", "bare"]
            .iter()
            .all(|it| marked(&home, it).is_empty())
    );
}

/// What ends a process that the test has started.
struct Innocent(Running);

impl Innocent {
    fn new(variable: Option<String>) -> Self {
        let mut command = Command::new("sleep");
        command.arg("1000");
        command.envs(variable.map(|it| ("KEYWAY_PROCESS", it)));
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Self(Running::of(&mut command))
    }

    fn started(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        fields.split(' ').nth(19).unwrap().parse().unwrap()
    }
}

#[test]
fn nobody_else_is_ended_who_has_got_the_id_of_one() {
    let home = Place::new();
    let mut server = home.serve();
    added(
        &home,
        "old",
        json!({"start": [shell(&home, "web", CHILDREN)]}),
    );
    let note = home.state().join("processes/acme.old/web.json");
    let real: Value = serde_json::from_slice(&fs::read(&note).unwrap()).unwrap();
    server.kill();
    kill(the_one(&home, "web"), "KILL");

    // Another start, another boot; and one of another state folder.
    let other_start = Innocent::new(None);
    let other_boot = Innocent::new(None);
    let other_folder = format!("{}-{}", "0".repeat(32), "1".repeat(32));
    let elsewhere = Innocent::new(Some(other_folder.clone()));
    let mut notes = [real.clone(), real.clone()];
    notes[0]["pid"] = json!(other_start.0.id());
    notes[0]["started"] = json!(other_start.started() - 1);
    notes[1]["pid"] = json!(other_boot.0.id());
    notes[1]["started"] = json!(other_boot.started());
    notes[1]["boot"] = json!("00000000-0000-0000-0000-000000000000");
    for (number, it) in notes.iter().enumerate() {
        fs::write(
            note.with_file_name(format!("n{number}.json")),
            it.to_string(),
        )
        .unwrap();
    }
    fs::write(note.with_file_name("torn.json"), "{\"token\": \"").unwrap();
    // What is ours is ended: that the others live is no accident.
    let ours = Innocent::new(Some(real["token"].as_str().unwrap().to_owned()));
    let noted = Innocent::new(None);
    let mut it = real.clone();
    it["pid"] = json!(noted.0.id());
    it["started"] = json!(noted.started());
    fs::write(note.with_file_name("n9.json"), it.to_string()).unwrap();

    let server = home.serve();
    for innocent in [&other_start, &other_boot, &elsewhere] {
        assert!(is_alive(innocent.0.id()), "{}", server.log());
    }
    for ours in [&ours, &noted] {
        assert!(!is_alive(ours.0.id()), "{}", server.log());
    }
    the_one(&home, "web");
    let left = fs::read_dir(note.parent().unwrap()).unwrap().count();
    assert_eq!(left, 1, "only what runs is written down");
}

#[test]
fn two_servers_with_folders_of_their_own_leave_each_other_alone() {
    let (one, two) = (Place::new(), Place::new());
    let mut first = one.serve();
    let second = two.serve();
    added(
        &one,
        "same",
        json!({"start": [shell(&one, "web", CHILDREN)]}),
    );
    added(
        &two,
        "same",
        json!({"start": [shell(&two, "web", CHILDREN)]}),
    );
    let theirs = the_one(&two, "web");
    first.kill();
    let _first = one.serve();
    the_one(&one, "web");
    assert_eq!(the_one(&two, "web"), theirs);
    drop(second);
    // Nobody ends it now but a server of its own.
    let _second = two.serve();
    assert_ne!(the_one(&two, "web"), theirs);
}

#[test]
fn after_kills_at_any_moment_there_is_exactly_one() {
    let home = Place::with([("KEYWAY_PROCESS_PAUSE_MS", "20")]);
    let web = shell_with(
        &home,
        "web",
        "while :; do sleep 0.3; done",
        json!({"restart": "always"}),
    );
    let mut server = home.serve();
    added(&home, "hunted", json!({"start": [web]}));
    for round in 0..20_u64 {
        // In the start of a server, while it runs, and while a child is started again.
        if round % 3 == 1 {
            kill(the_one(&home, "web"), "KILL");
        }
        if round % 3 == 2 {
            server.kill();
            server = home.begin_to_serve(&[]);
            thread::sleep(Duration::from_millis(7 * round));
        } else {
            thread::sleep(Duration::from_millis(round * 13 % 60));
        }
        server.kill();
        server = home.serve();
        let status = home.status("acme.hunted");
        if status["status"] == "error" {
            // It was killed in the hook.
            assert_eq!(status["last_error"]["interrupted"], true, "{status}");
            assert!(marked(&home, "web").is_empty(), "{status}");
            assert_eq!(home.package(&["retry", "acme.hunted"]).code, 0);
        }
        let pid = the_one(&home, "web");
        thread::sleep(Duration::from_millis(30));
        assert_eq!(marked(&home, "web"), [pid], "round {round}");
        assert_eq!(shown(&home, "hunted", "web")["pid"], pid);
    }
}
