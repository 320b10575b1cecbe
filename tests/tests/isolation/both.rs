//! One table of what packages do, run in both ways: what comes of it is the same.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyway::install::Cancellation;
use keyway::lifecycle::{Deadlines, Operation, PackageManager, PackageManagerBuilder};
use keyway_tests::threebots::ThreeBot;
use serde_json::{Value, json};

use crate::place::{Ask as _, Place, path};
use crate::{misbehaving, worker};

struct Case {
    name: &'static str,
    kwargs: Value,
    /// What is done after it was added, with its full name.
    then: fn(&PackageManager, &Place, &str),
    /// Status, whether it runs, and the hooks that have ended.
    ends: (&'static str, bool, &'static str),
    /// The code of the last error, and what its message has in it.
    error: Option<(&'static str, &'static str)>,
}

const NOTHING: fn(&PackageManager, &Place, &str) = |_, _, _| {};
const ADDED: (&str, bool, &str) = ("installed", true, "prepare install start");

fn cases(repository: &str) -> Vec<Case> {
    let fails = |name, kwargs, ends, error| Case {
        name,
        kwargs,
        then: NOTHING,
        ends,
        error: Some(error),
    };
    let works = |name, kwargs, then, ends| Case {
        name,
        kwargs,
        then,
        ends,
        error: None,
    };
    vec![
        works(
            "plain",
            json!({"some": ["kwargs", 1.5, null, "ü"]}),
            NOTHING,
            ADDED,
        ),
        works(
            "stops",
            json!({}),
            |manager, _, name| {
                manager.stop(name).unwrap();
                manager.start(name).unwrap();
                manager.disable(name).unwrap();
            },
            ("disabled", false, "prepare install start stop start stop"),
        ),
        works(
            "again",
            json!({}),
            |manager, _, name| {
                manager.reconfigure(name, json!({"other": 1})).unwrap();
                manager.reload(name).unwrap();
            },
            (
                "installed",
                true,
                "prepare install start stop prepare install start stop start",
            ),
        ),
        works(
            "newer",
            json!({}),
            |manager, place, _| {
                let newer = ThreeBot {
                    version: "2.0.0",
                    ..ThreeBot::new("newer", "misbehaves")
                };
                manager.add(path(newer.put(place.at("newer-2")))).unwrap();
            },
            (
                "installed",
                true,
                "prepare install start stop upgrade start",
            ),
        ),
        fails(
            "panic-new",
            json!({"new": "panic"}),
            ("error", false, ""),
            ("plugin-panicked", "no luck in new"),
        ),
        fails(
            "fail-new",
            json!({"new": "fail"}),
            ("error", false, ""),
            ("plugin-failed", "cannot new"),
        ),
        fails(
            "panic-install",
            json!({"install": "panic"}),
            ("error", false, "prepare"),
            ("plugin-panicked", "no luck in install"),
        ),
        fails(
            "fail-start",
            json!({"start": "fail"}),
            ("error", false, "prepare install stop"),
            ("plugin-failed", "cannot start"),
        ),
        fails(
            "panic-both",
            json!({"start": "panic", "stop": "panic"}),
            ("error", false, "prepare install"),
            ("plugin-panicked", "no luck in stop"),
        ),
        Case {
            name: "fail-stop",
            kwargs: json!({"stop": "fail"}),
            then: |manager, _, name| {
                manager.stop(name).unwrap_err();
            },
            ends: ("error", true, "prepare install start"),
            error: Some(("plugin-failed", "cannot stop")),
        },
        fails(
            "waits",
            json!({"start": "wait"}),
            ("error", false, "prepare install stop"),
            ("plugin-failed", "gave up"),
        ),
        works("progress", json!({"install": "progress"}), NOTHING, ADDED),
        works("store", json!({"start": "store"}), NOTHING, ADDED),
        works("big", json!({"install": "big 15"}), NOTHING, ADDED),
        fails(
            "too-big",
            json!({"install": "big 17"}),
            ("error", false, "prepare"),
            ("plugin-failed", "16777216"),
        ),
        works(
            "late",
            json!({"start": "store-later DATA/go", "stop": "sleep 10"}),
            |_, place, name| {
                let data = place.at("state/data").join(name);
                fs::write(data.join("go"), "").unwrap();
                std::thread::sleep(Duration::from_millis(300));
            },
            ADDED,
        ),
        works(
            "fetch",
            json!({"prepare": format!("fetch {repository}")}),
            NOTHING,
            ADDED,
        ),
        fails(
            "fetch-nothing",
            json!({"prepare": "fetch file:///nowhere/at/all"}),
            ("error", false, ""),
            ("plugin-failed", "/nowhere/at/all"),
        ),
        works("logs", json!({"start": "log"}), NOTHING, ADDED),
        works(
            "gone",
            json!({"uninstall": "sleep 1"}),
            |manager, _, name| {
                manager.delete(name, false).unwrap();
            },
            ("", false, "prepare install start stop uninstall"),
        ),
    ]
}

fn builder(place: &Place) -> PackageManagerBuilder {
    let mut deadlines = Deadlines::default();
    deadlines.prepare = Duration::from_secs(20);
    deadlines.start = Duration::from_secs(1);
    deadlines.grace = Duration::from_secs(10);
    place.builder().deadlines(deadlines)
}

/// All that is to be the same: what is told of the package, what it wrote down, how far it said it was.
fn run(case: &Case, place: &Place, manager: &PackageManager) -> Value {
    let name = format!("acme.{}", case.name);
    let data = place.at("state/data").join(&name);
    let kwargs = case.kwargs.to_string();
    let kwargs = kwargs.replace("DATA", data.to_str().unwrap());
    let kwargs = serde_json::from_str(&kwargs).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let request = misbehaving(place, case.name, kwargs);
    let added = manager.perform(
        Operation::Add(request),
        Arc::new(move |progress| told.lock().unwrap().push(progress.message.clone())),
    );
    (case.then)(manager, place, &name);
    let hooks = place.hooks(&name);
    // An object may be made anew whenever its process was.
    let is_hook = |it: &&String| !it.starts_with("new ") && !it.starts_with("drop ");
    let hooks: Vec<_> = hooks.iter().filter(is_hook).cloned().collect();
    let ended = hooks.iter().filter_map(|it| it.strip_suffix(" ends"));
    let ended = ended.collect::<Vec<_>>().join(" ");
    let mut status = match manager.status(&name) {
        Ok(status) => serde_json::to_value(status).unwrap(),
        Err(_) => json!({"status": "", "running": false}),
    };
    assert_eq!(
        (
            status["status"].as_str().unwrap(),
            status["running"].as_bool().unwrap(),
            &*ended
        ),
        case.ends,
        "{}: {status:#}",
        case.name
    );
    match case.error {
        None => assert_eq!(status["last_error"], Value::Null, "{}", case.name),
        Some((code, message)) => {
            let error = &status["last_error"];
            assert_eq!(error["code"], code, "{}: {error}", case.name);
            let said = error["message"].as_str().unwrap();
            assert!(said.contains(message), "{}: {said}", case.name);
            if code == "plugin-panicked"
                && !error["message"].as_str().unwrap().contains("construct")
            {
                let location = error["location"].as_str().unwrap();
                assert!(location.contains("misbehaves/src/lib.rs:"), "{location}");
            }
        }
    }
    // What differs from run to run.
    for key in [
        "running_since",
        "last_error/time",
        "lifecycle/pid",
        "lifecycle/isolated",
    ] {
        if let Some(value) = status.pointer_mut(&format!("/{key}")) {
            *value = Value::Null;
        }
    }
    let late = fs::read_to_string(data.join("late")).ok();
    assert_eq!(late.is_some(), case.name == "late");
    let seen = seen.lock().unwrap().clone();
    let fetched = fs::read_to_string(data.join("fetched/file")).ok();
    let told = added.map(|it| it.message).map_err(|it| it.to_string());
    let text = json!({
        "status": status, "hooks": hooks, "progress": seen, "fetched": fetched, "told": told,
        "late": late,
    });
    let place = place
        .at("")
        .to_str()
        .unwrap()
        .trim_end_matches('/')
        .to_owned();
    serde_json::from_str(&text.to_string().replace(&place, "PLACE")).unwrap()
}

fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=a", "-c", "user.email=a@example.org"])
        .args(arguments)
        .output()
        .expect("the git program, which makes repositories for tests");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

#[test]
fn what_comes_of_a_package_does_not_depend_on_where_its_code_runs() {
    let origin = tempfile::tempdir().unwrap();
    fs::write(origin.path().join("file"), "fetched").unwrap();
    git(origin.path(), &["init", "--quiet", "--initial-branch=main"]);
    git(origin.path(), &["add", "--all"]);
    git(origin.path(), &["commit", "--quiet", "-m", "some"]);
    let repository = format!("file://{}", origin.path().display());
    let cases = cases(&repository);
    let (here, there) = (Place::new(), Place::new());
    let managers = [
        builder(&here).open().unwrap(),
        builder(&there)
            .worker(worker())
            .isolate_all(true)
            .open()
            .unwrap(),
    ];
    for case in &cases {
        let outcomes = std::thread::scope(|scope| {
            let inside = scope.spawn(|| run(case, &here, &managers[0]));
            let outside = scope.spawn(|| run(case, &there, &managers[1]));
            [inside.join().unwrap(), outside.join().unwrap()]
        });
        assert_eq!(outcomes[0], outcomes[1], "{}", case.name);
    }
    for manager in managers {
        let stopped = manager.stop_all(Duration::from_secs(30), &Cancellation::new());
        let failed = stopped.failed.iter().map(|it| &*it.0).collect::<Vec<_>>();
        assert_eq!(failed, ["acme.fail-stop"]);
    }
}
