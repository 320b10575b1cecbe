//! The table of operations, on a package that writes down its hooks.

use keyway::lifecycle::{Outcome, Status};
use keyway_tests::threebots::ThreeBot;
use serde_json::json;

use crate::place::{Ask as _, Place, path};

const NAME: &str = "acme.hello";

/// The hooks since they were last asked for.
fn hooks(place: &Place) -> Vec<String> {
    let hooks = place.hooks(NAME);
    place.forget_hooks(NAME);
    let first = |line: &String| line.split(" {").next().unwrap().to_owned();
    hooks.iter().map(first).collect()
}

#[test]
fn each_operation_runs_the_hooks_of_the_table_and_no_others() {
    let place = Place::new();
    let hello = ThreeBot::new("hello", "hello");
    let one = hello.put(place.at("hello"));
    let two = ThreeBot {
        version: "1.1.0",
        ..hello
    };
    let two = two.put(place.at("hello-1.1.0"));
    let manager = place.manager();
    let state = || {
        let status = manager.status(NAME).unwrap();
        (status.status, status.running)
    };

    let mut request = path(&one);
    request.install_kwargs = Some([("port".to_owned(), json!(80))].into_iter().collect());
    let added = manager.add(request).unwrap();
    assert_eq!(added.outcome, Outcome::Done);
    assert_eq!(
        place.hooks(NAME),
        ["prepare", "install", "start"].map(|it| format!("{it} {{\"port\":80}}"))
    );
    assert_eq!(hooks(&place).len(), 3);
    assert_eq!(state(), (Status::Installed, true));

    manager.stop(NAME).unwrap();
    assert_eq!(hooks(&place), ["stop"]);
    assert_eq!(state(), (Status::ToStart, false));
    // Again is fine, and does nothing.
    assert_eq!(manager.stop(NAME).unwrap().outcome, Outcome::Already);
    assert_eq!(hooks(&place), [""; 0]);

    manager.start(NAME).unwrap();
    assert_eq!(place.hooks(NAME), ["start {\"port\":80}"]);
    hooks(&place);
    assert_eq!(state(), (Status::Installed, true));
    assert_eq!(manager.start(NAME).unwrap().outcome, Outcome::Already);

    manager.disable(NAME).unwrap();
    assert_eq!(hooks(&place), ["stop"]);
    assert_eq!(state(), (Status::Disabled, false));
    assert_eq!(manager.disable(NAME).unwrap().outcome, Outcome::Already);

    let refused = manager.start(NAME).unwrap_err();
    assert_eq!(refused.code(), "disabled");
    assert_eq!(refused.to_string(), "`acme.hello` is disabled");
    assert_eq!(
        refused.hint().unwrap(),
        "`keyway package enable acme.hello`"
    );
    assert_eq!(hooks(&place), [""; 0]);

    manager.enable(NAME).unwrap();
    assert_eq!(hooks(&place), ["start"]);
    assert_eq!(state(), (Status::Installed, true));

    // The same version: nothing.
    assert_eq!(manager.add(path(&one)).unwrap().outcome, Outcome::Already);
    assert_eq!(hooks(&place), [""; 0]);
    let mut again = path(&one);
    again.reinstall = true;
    manager.add(again).unwrap();
    assert_eq!(hooks(&place), ["stop", "prepare", "install", "start"]);

    manager.add(path(&two)).unwrap();
    assert_eq!(hooks(&place), ["stop", "upgrade from 1.0.0", "start"]);
    assert_eq!(state(), (Status::Installed, true));
    assert_eq!(manager.status(NAME).unwrap().version.unwrap(), "1.1.0");
    let refused = manager.add(path(&one)).unwrap_err();
    assert_eq!(refused.code(), "not-newer");

    manager.reconfigure(NAME, json!({"port": 81})).unwrap();
    assert_eq!(
        place.hooks(NAME),
        [
            "stop {\"port\":80}",
            "prepare {\"port\":81}",
            "install {\"port\":81}",
            "start {\"port\":81}"
        ]
    );
    hooks(&place);

    manager.delete(NAME, false).unwrap();
    assert_eq!(hooks(&place), ["stop", "uninstall"]);
    assert_eq!(manager.status(NAME).unwrap_err().code(), "not-on-record");
    assert!(!manager.package_root().join(NAME).exists());
    assert!(place.at("state/data").join(NAME).exists());

    // With its data, and without being started.
    let mut request = path(&one);
    request.start = false;
    manager.add(request).unwrap();
    assert_eq!(hooks(&place), ["prepare", "install"]);
    assert_eq!(state(), (Status::Installed, false));
    manager.delete(NAME, true).unwrap();
    assert!(!place.at("state/data").join(NAME).exists());

    // Only brought.
    let mut request = path(&one);
    request.install = false;
    manager.add(request).unwrap();
    assert_eq!(hooks(&place), [""; 0]);
    assert_eq!(state(), (Status::ToInstall, false));
    manager.start(NAME).unwrap();
    assert_eq!(hooks(&place), ["prepare", "install", "start"]);
}
