//! The table of operations, and what is asked for without a server.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;

use keyway_tests::command::run;
use keyway_tests::server::{Home, Running, touch, until};
use keyway_tests::threebots::ThreeBot;
use serde_json::{Value, json};

use crate::{done, misbehaving, refused, text};

const NAME: &str = "acme.hello";

fn hello(home: &Home, version: &str) -> String {
    let package = ThreeBot {
        version,
        ..ThreeBot::new("hello", "hello")
    };
    text(&package.put(home.at("packages").join(version)))
}

#[test]
fn other_commands_leave_managed_packages_alone_and_name_the_one_to_use() {
    let home = Home::new();
    let one = hello(&home, "1.0.0");
    let two = hello(&home, "1.1.0");
    let _server = home.serve();
    done(&home, &["add", "--path", &one]);
    let hooks = home.hooks(NAME);
    for (arguments, named) in [
        (&["install", &one][..], "keyway package add"),
        (&["upgrade", &two], "keyway package add"),
        (&["upgrade", "--force", &two], "keyway package add"),
        (
            &["remove", "-t", "ThreeBot/Package", NAME],
            "keyway package delete",
        ),
        (&["remove", NAME], "keyway package delete"),
    ] {
        let output = run(home.command().args(arguments).arg("--json"));
        assert_eq!(output.code, 1, "{arguments:?}: {output:#?}");
        let error = output.error();
        assert_eq!(error["code"], "managed", "{error}");
        let hint = error["hint"].as_str().unwrap();
        assert!(hint.contains(named), "{hint}");
    }
    assert_eq!(home.hooks(NAME), hooks);
    assert_eq!(home.status(NAME)["version"], "1.0.0");
    // The others see it all the same.
    let shown = run(home
        .command()
        .args(["show", "-t", "ThreeBot/Package", NAME, "--json"]));
    assert_eq!(shown.json()["valid"], true, "{shown:#?}");
}

#[test]
fn what_is_asked_for_gives_exactly_the_hooks_of_the_table() {
    let home = Home::new();
    let one = hello(&home, "1.0.0");
    let two = hello(&home, "1.1.0");
    let server = home.serve();
    let mut seen = 0;
    let mut hooks = || {
        let all = home.hooks(NAME);
        let new = all[seen..].to_vec();
        seen = all.len();
        new
    };
    let state = || {
        let status = home.status(NAME);
        let is_running = status["running"].as_bool().unwrap();
        assert_eq!(is_running, status["running_since"].is_u64());
        let version = status["version"].as_str().unwrap().to_owned();
        let now = status["status"].as_str().unwrap().to_owned();
        (version, now, is_running)
    };
    let is = |version: &str, status: &str, runs| (version.to_owned(), status.to_owned(), runs);

    let added = done(&home, &["add", "--path", &one, "--set", "port=80"]);
    assert_eq!(added["outcome"], "done");
    assert_eq!(added["package"]["running"], true);
    let with_80 = |names: &[&str]| -> Vec<_> {
        let with = |it: &&str| format!("{it} {{\"port\":80}}");
        names.iter().map(with).collect()
    };
    assert_eq!(hooks(), with_80(&["prepare", "install", "start"]));
    assert_eq!(state(), is("1.0.0", "installed", true));

    assert_eq!(done(&home, &["stop", NAME])["outcome"], "done");
    assert_eq!(hooks(), with_80(&["stop"]));
    assert_eq!(state(), is("1.0.0", "tostart", false));
    assert_eq!(done(&home, &["stop", NAME])["outcome"], "already");

    // `__` stands for the dot.
    done(&home, &["start", "acme__hello"]);
    assert_eq!(hooks(), with_80(&["start"]));
    assert_eq!(state(), is("1.0.0", "installed", true));

    done(&home, &["disable", NAME]);
    assert_eq!(hooks(), with_80(&["stop"]));
    assert_eq!(state(), is("1.0.0", "disabled", false));

    let error = refused(&home, &["start", NAME]);
    assert_eq!(error["code"], "disabled");
    assert_eq!(error["hint"], "`keyway package enable acme.hello`");
    assert_eq!(hooks(), [""; 0]);

    done(&home, &["enable", NAME]);
    assert_eq!(hooks(), with_80(&["start"]));
    assert_eq!(state(), is("1.0.0", "installed", true));

    done(&home, &["add", "--path", &two]);
    assert_eq!(hooks(), with_80(&["stop", "upgrade from 1.0.0", "start"]));
    assert_eq!(state(), is("1.1.0", "installed", true));
    let error = refused(&home, &["add", "--path", &one]);
    assert_eq!(error["code"], "not-newer");

    done(&home, &["reconfigure", NAME, "--set", "port=81"]);
    let all = ["stop", "prepare", "install", "start"];
    let with = |it: &str| match it {
        "stop" => "stop {\"port\":80}".to_owned(),
        it => format!("{it} {{\"port\":81}}"),
    };
    assert_eq!(hooks(), all.map(with));
    assert_eq!(state(), is("1.1.0", "installed", true));

    done(&home, &["delete", NAME]);
    assert_eq!(hooks(), ["stop {\"port\":81}", "uninstall {\"port\":81}"]);
    assert_eq!(refused(&home, &["status", NAME])["code"], "not-on-record");
    assert!(!home.root().join(NAME).exists());
    assert!(home.data(NAME).exists());
    assert_eq!(home.packages(), [Value::Null; 0]);
    drop(server);
}

#[test]
fn without_a_server_it_is_recorded_and_said_and_happens_later() {
    let home = Home::new();
    let one = hello(&home, "1.0.0");
    let answer = done(&home, &["add", "--path", &one, "--set", "port=80"]);
    assert_eq!(answer["outcome"], "recorded");
    // A person is told, too.
    let mut command = home.command();
    let said = run(command.args(["package", "stop", NAME]));
    assert_eq!(said.code, 0, "{said:#?}");
    assert_eq!(
        said.stdout,
        "recorded: stop `acme.hello`; it happens when a server runs: `keyway serve`\n"
    );
    assert_eq!(home.hooks(NAME), [""; 0]);
    let status = home.status(NAME);
    let pending = status["pending"].as_array().unwrap();
    let names: Vec<_> = pending.iter().map(|it| &it["operation"]).collect();
    assert_eq!(names, ["add", "stop"]);
    fs::remove_dir_all(&one).unwrap();

    let server = home.serve();
    assert_eq!(server.started(), [""; 0]);
    let expected =
        ["prepare", "install", "start", "stop"].map(|it| format!("{it} {{\"port\":80}}"));
    assert_eq!(home.hooks(NAME), expected);
    let status = home.status(NAME);
    assert_eq!(
        (&status["status"], &status["pending"]),
        (&json!("tostart"), &json!([]))
    );
    drop(server);

    let answer = done(&home, &["delete", NAME, "--purge"]);
    assert_eq!(answer["outcome"], "recorded");
    assert!(home.root().join(NAME).exists());
    let _server = home.serve();
    assert_eq!(home.packages(), [Value::Null; 0]);
    assert!(!home.root().join(NAME).exists());
    assert!(!home.data(NAME).exists());
}

#[test]
fn a_client_that_is_killed_does_not_end_what_it_asked_for() {
    let home = Home::new();
    let _server = home.serve();
    let folder = misbehaving(&home, "slow");
    let go = home.at("go");
    let kwargs = json!({"prepare": format!("wait-for {}", go.display())}).to_string();
    let mut client: Running = home.asks(&["add", "--path", &folder, "--kwargs", &kwargs]);
    until("prepare", || {
        home.hooks("acme.slow")
            .contains(&"prepare begins".to_owned())
    });
    assert_eq!(home.status("acme.slow")["pending"][0]["active"], true);
    client.kill();
    touch(&go);
    until("the package runs", || {
        home.status("acme.slow")["running"] == true
    });
    assert_eq!(home.status("acme.slow")["last_error"], Value::Null);
}

#[test]
fn how_far_a_long_hook_is_arrives_while_it_runs() {
    let home = Home::new();
    let server = home.serve();
    let go = home.at("go");
    let body = json!({
        "source": {"path": misbehaving(&home, "long")},
        "install_kwargs": {"prepare": format!("progress {}", go.display())},
    });
    let body = body.to_string();
    let mut stream = UnixStream::connect(server.socket()).unwrap();
    // In HTTP/1.0 the body comes as it is.
    write!(
        stream,
        "POST /v1/packages HTTP/1.0\r\ncontent-type: application/json\r\n\
         accept: application/x-ndjson\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let lines = BufReader::new(stream).lines().map(Result::unwrap);
    let mut lines = lines.filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    for step in 1..=3 {
        let progress = loop {
            let line = lines.next().expect("more progress")["progress"].take();
            // Before its hooks a package is looked at and placed.
            if line["step"] == "prepare" {
                break line;
            }
        };
        assert_eq!(
            (&progress["name"], &progress["done"], &progress["total"]),
            (&json!("acme.long"), &json!(step), &json!(3))
        );
    }
    // It has not ended; whoever asks for its status is told, too.
    let pending = &home.status("acme.long")["pending"][0];
    assert_eq!(pending["progress"]["message"], "step 3");
    touch(&go);
    let last = lines.last().unwrap();
    assert_eq!(last["answer"]["package"]["running"], true, "{last}");
}
