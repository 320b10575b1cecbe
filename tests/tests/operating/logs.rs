//! The logs of packages, and of the server.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Stdio;

use keyway_tests::command::run;
use keyway_tests::server::{Home, until};
use serde_json::{Value, json};

use crate::{Stream, add, done, get};

const FORGED: &str =
    "a\n2026-01-01T00:00:00.000Z ERROR forged\r{\"level\":\"ERROR\"}\x1b[2J\u{202e}\"";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

#[test]
fn what_a_package_logs_is_its_own_and_forges_nothing() {
    let home = Home::new();
    let server = home.serve_with(&["--log-format", "json"]);
    add(&home, "other", "misbehaves", &json!({"stop": "fail"}));
    add(
        &home,
        "a",
        "talks",
        &json!({"say": FORGED, "aside": FORGED}),
    );
    assert_eq!(home.package(&["stop", "acme.other"]).code, 1);

    let folder = home.state().join("logs/acme.a");
    let text = fs::read_to_string(folder.join("package.log")).unwrap();
    assert_eq!(
        (mode(&folder), mode(&folder.join("package.log"))),
        (0o700, 0o600)
    );
    let lines: Vec<&str> = text.lines().collect();
    for line in &lines {
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.len() == 24 && time.ends_with('Z'), "{line}");
        assert!(!rest.starts_with("ERROR"), "{line}");
        let is_plain = |it: char| !it.is_control() && it != '\u{202e}';
        assert!(line.chars().all(is_plain), "{line:?}");
    }
    let said: Vec<&str> = lines
        .iter()
        .copied()
        .filter(|it| it.contains("forged"))
        .collect();
    assert_eq!(said.len(), 2, "{text}");
    assert!(said[0].contains(r" WARN talks a\u{a}2026-01-01") && said[0].contains("ratio=NaN"));
    for hook in ["prepare", "install", "start"] {
        let begins = format!(" DEBUG keyway::lifecycle::run hook begins hook={hook}");
        assert!(
            lines.iter().any(|it| it.ends_with(&begins)),
            "{begins}: {text}"
        );
        let ends = format!(" INFO keyway::lifecycle::run hook hook={hook} seconds=");
        let end = lines.iter().find(|it| it.contains(&ends)).unwrap();
        assert!(end.ends_with(" outcome=Done"), "{end}");
    }
    // It said that it speaks for another.
    let other = fs::read_to_string(home.state().join("logs/acme.other/package.log")).unwrap();
    assert!(!other.contains("forged"), "{other}");
    assert!(other.contains("outcome=Failed error=\"plugin `"), "{other}");

    // The server's log is JSON, whatever is said.
    let log = server.log();
    assert!(!log.contains(['\x1b', '\u{202e}', '\r']));
    let events: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let forged: Vec<&Value> = events.iter().filter(|it| it["message"] == FORGED).collect();
    assert_eq!(forged.len(), 2, "{log}");
    assert_eq!(forged[0]["package"], "acme.a");
    assert_eq!(forged[0]["hook"], "start");
    assert_eq!(forged[0]["plugin"], "org.example.talks");
    assert_eq!(forged[0]["fields"]["package"], "acme.other");
    assert_eq!(forged[1].get("package"), None, "{}", forged[1]);
    let hooks: Vec<String> = events
        .iter()
        .filter(|it| it["message"] == "hook" && it["package"] == "acme.other")
        .map(|it| {
            assert!(it["fields"]["seconds"].is_f64(), "{it}");
            assert!(it["time"].as_str().unwrap().ends_with('Z'), "{it}");
            format!(
                "{} {}",
                it["hook"].as_str().unwrap(),
                it["fields"]["outcome"]
            )
        })
        .collect();
    let expected = [
        "prepare \"Done\"",
        "install \"Done\"",
        "start \"Done\"",
        "stop \"Failed\"",
    ];
    assert_eq!(hooks, expected);
    // One that is added has no name yet.
    let added = events.iter().find(|it| it["fields"]["operation"] == "add");
    assert_eq!(added.unwrap().get("package"), None);
}

#[test]
fn a_log_is_followed_over_rotations_until_the_package_is_gone() {
    const LINES: usize = 3500;
    let home = Home::new();
    let server = home.serve();
    add(&home, "a", "talks", &json!({}));
    let mut command = home.command();
    command.args(["package", "logs", "acme__a", "--follow", "-n", "1"]);
    let mut followed = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(followed.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let stream = "/v1/packages/acme.a/logs?follow=true&lines=0";
    let mut stream = Stream::open(&server.socket(), stream, "");
    let kwargs = json!({"lines": LINES}).to_string();
    done(&home, &["reconfigure", "acme.a", "--kwargs", &kwargs]);
    let folder = home.state().join("logs/acme.a");
    for name in [
        "package.log",
        "package.log.1",
        "package.log.2",
        "package.log.3",
    ] {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
        assert!(
            fs::metadata(folder.join(name)).unwrap().len() <= 1 << 20,
            "{name}"
        );
    }
    done(&home, &["delete", "acme.a"]);
    let lines: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(followed.wait().unwrap().success(), "{first}");
    let mut streamed = Vec::new();
    while let Some(message) = stream.next() {
        assert_eq!((&*message.event, message.id), ("line", None));
        streamed.push(message.data);
    }
    for lines in [lines, streamed] {
        let numbered: Vec<&String> = lines.iter().filter(|it| it.contains(" number=")).collect();
        assert_eq!(numbered.len(), LINES);
        for (line, number) in numbered.iter().zip(1..) {
            assert!(
                line.contains(&format!(" INFO talks line number={number} ")),
                "{line}"
            );
        }
    }

    // It can be read all the same, also without a server, until it is purged.
    let read = |arguments: &[&str]| run(home.command().args(["package", "logs"]).args(arguments));
    let last = read(&["acme.a", "-n", "2"]);
    assert_eq!(last.stdout.lines().count(), 2, "{last:#?}");
    assert_eq!(
        get(&server.socket(), "/v1/packages/acme.a/logs").status,
        200
    );
    drop(server);
    assert_eq!(read(&["acme.a", "-n", "2"]).stdout, last.stdout);
    let json = read(&["acme.a", "-n", "1", "--json"]).json();
    assert_eq!(json["line"].as_str(), last.stdout.lines().last());
    let server = home.serve();
    add(&home, "a", "talks", &json!({}));
    done(&home, &["delete", "acme.a", "--purge"]);
    assert!(!folder.exists());
    get(&server.socket(), "/v1/packages/acme.a/logs").error(404, "not-on-record");
}

#[test]
fn files_are_read_where_no_server_runs() {
    let home = Home::new();
    let read = |arguments: &[&str]| {
        run(home
            .command()
            .args(["--json", "package", "logs"])
            .args(arguments))
    };
    for (arguments, code) in [
        (&["acme.a"][..], "no-such-log"),
        (&["../a.b"], "bad-request"),
        (&["a"], "bad-request"),
        (&["acme.a", "--process", "../package"], "bad-request"),
    ] {
        let output = read(arguments);
        assert_eq!(
            (output.code, &output.error()["code"]),
            (1, &json!(code)),
            "{arguments:?}"
        );
    }
    let folder = home.state().join("logs/acme.a");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("web.log"), "one\ntwo\x1b[31m\ttab").unwrap();
    let output = read(&["acme.a", "--process", "db"]);
    assert_eq!(output.error()["hint"], "those that have: web");
    let output = run(home
        .command()
        .args(["package", "logs", "acme.a", "--process", "web"]));
    assert_eq!(output.stdout, "one\ntwo\\u{1b}[31m\ttab\n", "{output:#?}");

    let mut command = home.command();
    command.args(["package", "logs", "acme.a", "--process", "web", "--follow"]);
    let mut followed = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(followed.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "one");
    // A server can be started meanwhile.
    let _server = home.serve();
    fs::write(folder.join("web.log"), "one\ntwo\x1b[31m\ttab\nthree\n").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "two\\u{1b}[31m\ttab");
    assert_eq!(lines.next().unwrap().unwrap(), "three");
    fs::remove_dir_all(&folder).unwrap();
    until("its end", || followed.try_wait().unwrap().is_some());
    assert!(followed.wait().unwrap().success());
}
