//! The real server and its workers.

use keyway_tests::server::{Home, until};
use keyway_tests::threebots::ThreeBot;
use serde_json::json;

use crate::{children, kill, state_of};

fn pid(home: &Home, name: &str) -> Option<u32> {
    home.status(name)["lifecycle"]["pid"]
        .as_u64()?
        .try_into()
        .ok()
}

#[test]
fn a_server_that_is_killed_leaves_no_worker_and_what_one_prints_is_logged() {
    let home = Home::new();
    let mut server = home.serve_with(&["--isolate", "--worker-memory", "1024"]);
    let folder = ThreeBot::new("prints", "misbehaves").put(home.at("prints"));
    let kwargs = json!({"start": "print", "install": "log"}).to_string();
    let folder = folder.to_str().unwrap().to_owned();
    let added = home.package(&["add", "--path", &folder, "--kwargs", &kwargs]);
    assert_eq!(added.code, 0, "{added:#?}");
    until("what it printed", || {
        let log = server.log();
        log.contains("printed in start") && log.contains("complained in start")
    });
    let log = server.log();
    let line = |what: &str| log.lines().find(|it| it.contains(what)).unwrap_or_default();
    assert!(line("printed in start").contains("INFO"), "{log}");
    assert!(line("complained in start").contains("WARN"), "{log}");
    let logged = line("logged in install");
    for part in [
        "INFO",
        "misbehaves::log",
        "answer=42",
        "package=\"acme.prints\"",
        "org.example.misbehaves",
    ] {
        assert!(logged.contains(part), "{part}: {logged}");
    }
    let worker = pid(&home, "acme.prints").unwrap();
    assert!(state_of(worker).is_some());
    assert_eq!(children(server.id()).len(), 1);
    server.kill();
    until("the end of the worker", || {
        state_of(worker).is_none_or(|it| it == 'Z')
    });
    // The next one starts it again, and in the end nothing is left.
    let mut server = home.serve_with(&["--isolate"]);
    assert_eq!(server.started(), ["acme.prints"]);
    let worker = pid(&home, "acme.prints").unwrap();
    server.signal("TERM");
    assert!(server.wait().success());
    assert_eq!(state_of(worker), None);
}

#[test]
fn a_worker_is_not_for_people() {
    let output = keyway_tests::command::run(keyway_tests::command::keyway_command().arg("worker"));
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("not for people"), "{output:#?}");
    let help = keyway_tests::command::run(keyway_tests::command::keyway_command().arg("--help"));
    assert!(!help.stdout.contains("worker"), "{help:#?}");
}

/// The one process of a package that runs.
fn child(home: &Home, name: &str) -> Option<u32> {
    let status = home.status(name);
    let process = &status["processes"][0];
    let runs = status["running"] == true && process["state"] == "running";
    process["pid"].as_u64().filter(|_| runs)?.try_into().ok()
}

#[test]
fn what_an_isolated_package_has_running_is_the_servers() {
    let home = Home::new();
    let mut server = home.serve_with(&["--isolate"]);
    let folder = ThreeBot::new("web", "runs").put(home.at("web"));
    let run = json!({"run": "web", "program": "sleep", "args": ["1000"], "restart": "always"});
    let kwargs = json!({ "start": [run] }).to_string();
    let folder = folder.to_str().unwrap().to_owned();
    let added = home.package(&["add", "--path", &folder, "--kwargs", &kwargs]);
    assert_eq!(added.code, 0, "{added:#?}");
    let first = child(&home, "acme.web").unwrap();
    let worker = pid(&home, "acme.web").unwrap();
    // It is no child of the worker, which only asked for it.
    assert_eq!(children(worker), []);
    // The worker dies: the package is started again, and has one process, another one.
    kill("KILL", worker);
    let mut second = None;
    until("another start", || {
        second = child(&home, "acme.web").filter(|it| *it != first);
        second.is_some()
    });
    assert_eq!(state_of(first), None);
    let second = second.unwrap();
    assert_ne!(pid(&home, "acme.web"), Some(worker));
    let of_server = children(server.id());
    assert_eq!(of_server.len(), 2, "{of_server:?}");
    // The server dies: with the next one there is one again.
    server.kill();
    let mut server = home.serve_with(&["--isolate"]);
    // Whose child it is now reaps it when it likes.
    assert!(state_of(second).is_none_or(|it| it == 'Z'));
    let third = child(&home, "acme.web").unwrap();
    assert!(home.package(&["stop", "acme.web"]).code == 0);
    assert_eq!(state_of(third), None);
    assert_eq!(children(server.id()), []);
    server.signal("TERM");
    assert!(server.wait().success());
}
