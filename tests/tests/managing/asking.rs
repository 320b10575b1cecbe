//! What the lifecycle of a package asks for: what it was given, and other packages.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use keyway::lifecycle::{AddRequest, PackageManager, Status};
use keyway_tests::threebots::ThreeBot;
use serde_json::{Value, json};

use crate::place::{Ask as _, Place, map, path};

const PLUGIN: &str = "asks-others";

/// A manager that runs code as the suite wants it: this file is part of two.
fn manager_of(place: &Place) -> PackageManager {
    crate::way(place.builder()).open().unwrap()
}

fn package(place: &Place, name: &str, toml: &str) -> PathBuf {
    let package = ThreeBot {
        toml,
        ..ThreeBot::new(name, PLUGIN)
    };
    package.put(place.at(name))
}

fn request(folder: PathBuf, kwargs: Value) -> AddRequest {
    let mut request = path(folder);
    request.install_kwargs = Some(map(kwargs));
    request
}

/// Answers, without what was asked.
fn answers(place: &Place, name: &str) -> Vec<String> {
    let path = place.at("state/data").join(name).join("answers");
    let text = fs::read_to_string(&path).unwrap_or_default();
    let _ = fs::remove_file(path);
    let lines = text.lines();
    lines
        .map(|line| line.split_once(": ").unwrap().1.to_owned())
        .collect()
}

#[test]
fn what_was_given_is_typed_and_errors_name_the_key() {
    const ASKED: [(&str, &str); 41] = [
        // Refusals first.
        (
            "text",
            "error: install_kwargs is an object, expected a text",
        ),
        (
            "text missing",
            "error: `missing` is missing in install_kwargs, expected a text",
        ),
        (
            "u16 web.missing",
            "error: `web.missing` is missing in install_kwargs, expected an integer",
        ),
        (
            "text nothing",
            "error: `nothing` is missing in install_kwargs, expected a text",
        ),
        (
            "u16 name",
            "error: `name` in install_kwargs is the text \"a\\n\\u{1b}b\", expected an integer",
        ),
        (
            "u16 web",
            "error: `web` in install_kwargs is an object, expected an integer",
        ),
        (
            "u16 web.hosts",
            "error: `web.hosts` in install_kwargs is a list, expected an integer",
        ),
        (
            "u16 web.ratio",
            "error: `web.ratio` in install_kwargs is 0.5, expected an integer",
        ),
        (
            "u16 whole",
            "error: `whole` in install_kwargs is 1, expected an integer",
        ),
        (
            "u16 yes",
            "error: `yes` in install_kwargs is true, expected an integer",
        ),
        (
            "u8 web.port",
            "error: `web.port` in install_kwargs is 8080, expected an integer from 0 to 255",
        ),
        (
            "u64 minus",
            "error: `minus` in install_kwargs is -1, expected an integer from 0 to 9223372036854775807",
        ),
        (
            "i64 huge",
            "error: `huge` in install_kwargs is 18446744073709552000, expected an integer",
        ),
        (
            "text web.port",
            "error: `web.port` in install_kwargs is 8080, expected a text",
        ),
        (
            "bool one",
            "error: `one` in install_kwargs is 1, expected true or false",
        ),
        (
            "bool name",
            "error: `name` in install_kwargs is the text \"a\\n\\u{1b}b\", expected true or false",
        ),
        (
            "f64 name",
            "error: `name` in install_kwargs is the text \"a\\n\\u{1b}b\", expected a number",
        ),
        (
            "texts name",
            "error: `name` in install_kwargs is the text \"a\\n\\u{1b}b\", expected a list",
        ),
        (
            "texts mixed",
            "error: `mixed.1` in install_kwargs is 2, expected a text",
        ),
        (
            "u8s mixed",
            "error: `mixed.0` in install_kwargs is the text \"a\", expected an integer",
        ),
        (
            "keys web.port",
            "error: `web.port` in install_kwargs is 8080, expected an object",
        ),
        (
            "text a..b",
            "error: `a..b` is no key, expected names with `.` between them, as `web.port`",
        ),
        (
            "text \"a",
            "error: `\\\"a` is no key, expected names with `.` between them, as `web.port`",
        ),
        (
            "default name",
            "error: `name` in install_kwargs is the text \"a\\n\\u{1b}b\", expected an integer",
        ),
        (
            "u16 web.hosts.2",
            "error: `web.hosts.2` is missing in install_kwargs, expected an integer",
        ),
        (
            "toml-text source.port",
            "error: `source.port` is missing in package.toml, expected a text",
        ),
        // Answers.
        ("text name", "\"a\\n\\u{1b}b\""),
        ("u16 web.port", "8080"),
        ("i64 minus", "-1"),
        ("f64 web.ratio", "0.5"),
        ("f64 one", "1.0"),
        ("bool yes", "true"),
        ("path web.hosts.1", "\"b\""),
        ("texts web.hosts", "[\"a\", \"b\"]"),
        ("texts empty", "[]"),
        ("text \"dotted.key\"", "\"d\""),
        ("default missing", "8080"),
        ("find nothing", "None"),
        ("keys web", "port hosts ratio"),
        ("json web.hosts", "[\"a\",\"b\"]"),
        ("toml-text dependencies.\"acme.base\"", "\">=1.0\""),
    ];
    let place = Place::new();
    let manager = manager_of(&place);
    let base = ThreeBot {
        plugin: None,
        ..ThreeBot::new("base", "")
    };
    manager.add(path(base.put(place.at("base")))).unwrap();
    let orders: Vec<_> = ASKED.iter().map(|(order, _)| order).collect();
    let kwargs = json!({
        "start": orders, "name": "a\n\u{1b}b", "nothing": null, "yes": true, "one": 1, "minus": -1,
        "huge": u64::MAX, "whole": 1.0, "empty": [], "mixed": ["a", 2], "dotted.key": "d",
        "web": {"port": 8080, "hosts": ["a", "b"], "ratio": 0.5},
    });
    // Under what is given are the defaults of the file.
    let toml = "[dependencies]\n\"acme.base\" = \">=1.0\"\n[install_kwargs]\nname = \"other\"";
    let asks = package(&place, "asks", toml);
    manager.add(request(asks, kwargs)).unwrap();
    let answers = answers(&place, "acme.asks");
    assert_eq!(answers.len(), ASKED.len());
    for ((order, expected), answer) in ASKED.iter().zip(answers) {
        assert_eq!(answer, *expected, "{order}");
    }
}

fn started(manager: &PackageManager, place: &Place, name: &str, orders: &[&str]) -> Vec<String> {
    manager
        .reconfigure(name, json!({ "start": orders }))
        .unwrap();
    answers(place, name)
}

#[test]
fn others_are_listed_added_and_started() {
    let place = Place::new();
    let manager = manager_of(&place);
    let plain = |name, version| {
        let package = ThreeBot {
            version,
            plugin: None,
            ..ThreeBot::new(name, "")
        };
        let folder = place.at(version).join(name);
        package.put(folder).display().to_string()
    };
    let (old, new) = (plain("other", "1.0.0"), plain("other", "1.1.0"));
    let third = plain("third", "2.0.0");
    manager
        .add(request(package(&place, "asks", ""), json!({})))
        .unwrap();
    let orders = [
        // Refusals first.
        "start acme.none",
        "status acme.none",
        "add relative/path",
        "add /nowhere",
        "add-with no JSON",
        "add-with []",
        "add-git no url",
        // Answers.
        &format!("add {old}"),
        &format!("add {old}"),
        &format!("add {new}"),
        &format!("add-stopped {third}"),
        "status acme.third",
        "start acme.third",
        "start acme__third",
        "list",
    ];
    let answers = started(&manager, &place, "acme.asks", &orders);
    let expected = [
        "none",
        "none",
        "error: the path is `relative/path`, expected an absolute one, or a URL",
        "error: the package `/nowhere` cannot be read: ",
        "error: the arguments are no JSON object: ",
        "error: the arguments are no JSON object: ",
        "error: `no url` is not fetched",
        "acme.other 1.0.0 installed true",
        "acme.other 1.0.0 installed true",
        "acme.other 1.1.0 installed true",
        "acme.third 2.0.0 installed false",
        "acme.third 2.0.0 installed false",
        "acme.third 2.0.0 installed true",
        "acme.third 2.0.0 installed true",
        // Its own hook goes on.
        "acme.asks 1.0.0 installed false, acme.other 1.1.0 installed true, \
         acme.third 2.0.0 installed true",
    ];
    assert_eq!(answers.len(), expected.len(), "{answers:#?}");
    for ((answer, expected), order) in answers.iter().zip(expected).zip(orders) {
        assert!(answer.starts_with(expected), "{order}: {answer}");
    }
    let third = manager.status("acme.third").unwrap();
    assert_eq!(third.given_kwargs, map(json!({"given": true})));
    // What fails there is told here, and harms nobody.
    let fails = ThreeBot::new("fails", "misbehaves").put(place.at("fails"));
    manager
        .add({
            let mut add = request(fails, json!({"start": "fail"}));
            add.start = false;
            add
        })
        .unwrap();
    let answers = started(&manager, &place, "acme.asks", &["start acme.fails"]);
    assert!(
        answers[0].starts_with("error: `acme.fails` is in error: hook `start`")
            && answers[0].ends_with("failed: cannot start"),
        "{answers:?}"
    );
    assert!(manager.status("acme.asks").unwrap().running);
    manager.disable("acme.third").unwrap();
    let answers = started(&manager, &place, "acme.asks", &["start acme.third"]);
    assert!(
        answers[0].starts_with("error: `acme.third` is disabled"),
        "{answers:?}"
    );
}

/// None of these may wait for half a minute, as those do that wait for a turn.
#[test]
fn those_that_would_wait_for_each_other_are_told_at_once() {
    let place = Place::new();
    let manager = manager_of(&place);
    let began = Instant::now();
    // Itself, in each hook.
    let own = json!({
        "prepare": ["start acme.one"], "install": ["start acme.one"], "start": ["start acme.one"],
        "stop": ["start acme.one"],
    });
    manager
        .add(request(package(&place, "one", ""), own))
        .unwrap();
    let told = answers(&place, "acme.one");
    assert_eq!(told.len(), 3);
    for answer in &told {
        assert_eq!(
            answer,
            "error: `acme.one` waits for what waits for it: `acme.one` -> `acme.one`"
        );
    }
    // Two, and then three, in a circle. Who closes it is told.
    for (name, next) in [
        ("two", "acme.three"),
        ("three", "acme.four"),
        ("four", "acme.two"),
    ] {
        let mut add = request(
            package(&place, name, ""),
            json!({"start": [format!("start {next}")]}),
        );
        add.start = false;
        manager.add(add).unwrap();
    }
    manager.start("acme.two").unwrap();
    assert_eq!(
        answers(&place, "acme.four"),
        ["error: `acme.two` waits for what waits for it: \
          `acme.two` -> `acme.three` -> `acme.four` -> `acme.two`"]
    );
    for name in ["acme.two", "acme.three", "acme.four"] {
        assert!(manager.status(name).unwrap().running, "{name}");
    }
    // One that needs it: as `[dependencies]` say.
    let needs = "[dependencies]\n\"acme.two\" = \">=1.0\"";
    manager
        .add(request(package(&place, "five", needs), json!({})))
        .unwrap();
    manager.stop("acme.five").unwrap();
    manager.stop("acme.two").unwrap();
    answers(&place, "acme.two");
    manager
        .reconfigure("acme.two", json!({"start": ["start acme.five"]}))
        .unwrap();
    manager.start("acme.two").unwrap();
    let told = answers(&place, "acme.two");
    assert!(
        told[0].contains("`acme.two` -> `acme.five` -> `acme.two`"),
        "{told:?}"
    );
    // A newer version of what it needs itself would have it stopped.
    let newer = ThreeBot {
        version: "2.0.0",
        ..ThreeBot::new("two", PLUGIN)
    };
    let newer = newer.put(place.at("newer")).display().to_string();
    manager.start("acme.five").unwrap();
    let told = started(&manager, &place, "acme.five", &[&format!("add {newer}")]);
    assert!(
        told[0].starts_with("error: `acme.five` waits for what waits for it"),
        "{told:?}"
    );
    assert!(manager.status("acme.two").unwrap().running);
    // Without a hook nobody waits for anybody: that it runs is all there is to say.
    let told = started(
        &manager,
        &place,
        "acme.one",
        &["start-without-hook acme.five"],
    );
    // Before that its stop is asked for, whose arguments were still the old ones.
    assert_eq!(told.last().unwrap(), "acme.five 1.0.0 installed true");
    assert!(
        began.elapsed() < Duration::from_secs(25),
        "{:?}",
        began.elapsed()
    );
    for package in manager.packages(None) {
        assert_eq!(package.status, Status::Installed, "{package:#?}");
    }
}

#[test]
fn a_hook_that_is_to_end_does_not_wait_for_others() {
    let place = Place::new();
    let mut deadlines = keyway::lifecycle::Deadlines::default();
    deadlines.start = Duration::from_secs(1);
    deadlines.grace = Duration::from_secs(2);
    let builder = place.builder().deadlines(deadlines);
    let manager = crate::way(builder).open().unwrap();
    let slow = ThreeBot::new("slow", "misbehaves").put(place.at("slow"));
    let asks = json!({"start": [format!("add {}", slow.display())]});
    // Its prepare takes longer than the start of the one that asks may take.
    fs::write(
        slow.join("package.toml"),
        "[source]\nthreebot = \"acme\"\nname = \"slow\"\nversion = \"1.0.0\"\n\
         [install_kwargs]\nprepare = \"sleep 4000\"\n",
    )
    .unwrap();
    manager
        .add(request(package(&place, "asks", ""), asks))
        .unwrap();
    let told = answers(&place, "acme.asks");
    assert_eq!(
        told,
        ["error: add goes on, and is not waited for: the hook is to end"]
    );
    assert!(manager.status("acme.asks").unwrap().running);
}
