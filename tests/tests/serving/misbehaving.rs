//! Lifecycles that panic, fail, hang and talk nonsense: the server and all others go on.

use std::fs;
use std::time::{Duration, Instant};

use keyway_tests::c;
use keyway_tests::command::run;
use keyway_tests::server::{Home, until};
use keyway_tests::threebots::ThreeBot;
use serde_json::{Value, json};

use crate::{add, assert_unharmed, bystander, done, refused, text};

#[test]
fn what_panics_or_fails_is_told_in_the_status() {
    let home = Home::new();
    let server = home.serve();
    bystander(&home);
    for (hook, told) in [
        ("new", "prepare"),
        ("prepare", "prepare"),
        ("install", "install"),
        ("start", "start"),
    ] {
        for what in ["panic", "fail"] {
            let short = format!("{what}s-in-{hook}");
            let output = add(&home, &short, json!({hook: what}));
            assert_eq!(output.code, 1, "{output:#?}");
            let error = output.error();
            let name = format!("acme.{short}");
            let retry = format!("when the cause is gone: `keyway package retry {name}`");
            assert_eq!(error["hint"], retry.as_str());
            let status = home.status(&name);
            let last = &status["last_error"];
            assert_eq!(status["status"], "error", "{status}");
            assert_eq!(last["hook"], told, "{status}");
            assert_eq!(last["operation"], "add", "{status}");
            assert_eq!(last["interrupted"], false, "{status}");
            let expected = match what {
                "panic" => format!("no luck in {hook}"),
                _ => format!("cannot {hook}"),
            };
            let message = last["message"].as_str().unwrap();
            assert!(message.contains(&expected), "{message}");
            assert!(
                error["message"].as_str().unwrap().contains(message),
                "{error}"
            );
        }
    }
    // They do not keep the next server from what works.
    drop(server);
    let server = home.serve();
    let mut failed = Vec::new();
    for one in server.said()["failed"].as_array().unwrap() {
        failed.push(one["name"].as_str().unwrap().to_owned());
    }
    failed.sort();
    assert_eq!(failed, ["acme.fails-in-start", "acme.panics-in-start"]);
    assert_eq!(server.started(), ["acme.bystander"]);
    assert_unharmed(&home);
}

#[test]
fn what_hangs_is_given_up_and_wants_a_restart() {
    let home = Home::new();
    let mut server = home.serve_with(&["--start-deadline", "1"]);
    bystander(&home);
    let folder = text(&ThreeBot::new("hangs", "misbehaves").put(home.at("packages/hangs")));
    let began = Instant::now();
    let mut client = home.asks(&["add", "--path", &folder, "--set", "start=hang"]);
    until("start", || {
        home.hooks("acme.hangs")
            .last()
            .is_some_and(|it| it == "start begins")
    });
    // Others need not wait for it.
    done(&home, &["stop", "acme.bystander"]);
    done(&home, &["start", "acme.bystander"]);
    assert!(client.is_running());
    assert_eq!(client.wait().code(), Some(1));
    assert!(began.elapsed() < Duration::from_secs(30));
    let status = home.status("acme.hangs");
    let last = &status["last_error"];
    assert_eq!(last["code"], "hook-timeout", "{status}");
    let message = last["message"].as_str().unwrap();
    assert!(message.starts_with("hook did not return in "), "{message}");
    assert_eq!(status["wants_restart"], true);
    assert_eq!(
        refused(&home, &["retry", "acme.hangs"])["code"],
        "restart-wanted"
    );
    assert_unharmed(&home);
    // It does not keep the server from its end.
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    assert_eq!(home.hooks("acme.bystander").last().unwrap(), "stop {}");
    done(&home, &["reconfigure", "acme.hangs", "--kwargs", "{}"]);
    let _server = home.serve();
    assert_eq!(home.status("acme.hangs")["running"], true);
}

#[test]
fn a_lifecycle_in_c_that_talks_nonsense_harms_nobody() {
    let Some(compiler) = c::compiler("a lifecycle in C that talks nonsense") else {
        return;
    };
    let home = Home::new();
    let server = home.serve();
    bystander(&home);
    let bytes = r#"fail(call, 1, "\xff\xfe\x1b[31m", 7)"#;
    let null = "fail(call, 1, NULL, 0)";
    let kind = r#"fail(call, 99, "of no kind", 10)"#;
    let cases: [(&str, &str, &str, &str); 12] = [
        ("sound", "", "", ""),
        ("creates-nothing", "CREATE", "return KEYWAY_OK", "prepare"),
        (
            "creates-null",
            "CREATE",
            "*out = NULL; return KEYWAY_OK",
            "prepare",
        ),
        ("creates-77", "CREATE", "return 77", "prepare"),
        ("starts-77", "START", "return 77", "start"),
        (
            "starts-without-a-fault",
            "START",
            "return KEYWAY_FAULT",
            "start",
        ),
        ("starts-with-bytes", "START", bytes, "start"),
        ("starts-with-null", "START", null, "start"),
        ("starts-with-a-kind", "START", kind, "start"),
        ("starts-with-a-shout", "START", "shout(call)", "start"),
        ("starts-with-chatter", "START", "return chatter(hook)", ""),
        ("stops-77", "STOP", "return 77", "stop"),
    ];
    for (short, function, what, fails) in cases {
        println!("{short}");
        let what = match what {
            it if it.contains("return") => it.to_owned(),
            it => format!("return {it}"),
        };
        let define = format!("-D{function}={what}");
        let more: &[&str] = if function.is_empty() { &[] } else { &[&define] };
        let package = ThreeBot {
            plugin: None,
            ..ThreeBot::new(short, "")
        };
        let folder = package.put(home.at("packages").join(short));
        c::library(
            compiler,
            "lifecycle.c",
            &folder.join("plugins/lifecycle.so"),
            more,
        );
        let name = format!("acme.{short}");
        let added = home.package(&["add", "--path", &text(&folder)]);
        let stopped = (added.code == 0).then(|| home.package(&["stop", &name]));
        let status = home.status(&name);
        let last = &status["last_error"];
        if fails.is_empty() {
            assert_eq!((added.code, last), (0, &Value::Null), "{short}: {added:#?}");
            continue;
        }
        assert_eq!(stopped.unwrap_or(added).code, 1, "{short}");
        assert_eq!(status["status"], "error", "{short}: {status}");
        assert_eq!(last["hook"], fails, "{short}: {status}");
        let message = last["message"].as_str().unwrap();
        assert!(
            !message.is_empty() && message.len() < 100_000,
            "{short}: {}",
            message.len()
        );
        // Nothing of it reaches a terminal as it is.
        for json in [&["--json"][..], &[]] {
            let shown = run(home.command().args(["package", "status", &name]).args(json));
            assert_eq!(shown.code, 0, "{short}: {shown:#?}");
            assert!(!shown.stdout.contains('\x1b'), "{short}: {}", shown.stdout);
        }
        // With its files it goes, whatever it says.
        done(&home, &["delete", &name, "--force"]);
        assert!(!home.root().join(&name).exists());
    }
    assert_unharmed(&home);
    let size = fs::metadata(home.state().join("state.redb")).unwrap().len();
    assert!(size < 16 << 20, "{size} bytes of records");
    drop(server);
}
