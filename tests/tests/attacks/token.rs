//! The token, replaced while the server runs; the command for a server that is elsewhere; and what is
//! written of it all.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use keyway_tests::command::run;
use keyway_tests::server::until;
use serde_json::{Value, json};

use super::{CANARY, Fort, PACKAGE, connect, status};

#[test]
fn a_token_that_was_replaced_lets_nobody_in_and_cuts_off_who_showed_it() {
    let mut fort = Fort::new();
    let old = fort.bearer();
    // A connection that goes on.
    let mut stream = connect(fort.port);
    let host = fort.host();
    let request = format!("GET /v1/server HTTP/1.1\r\nHost: {host}\r\n{old}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");

    let token = |action: &str| run(fort.home.command().args(["token", action, "--json"]));
    let output = token("rotate");
    assert_eq!(output.code, 0, "{output:#?}");
    assert!(!output.stdout.contains(&fort.token));
    let begun = Instant::now();
    let answer = fort.ask("GET /v1/packages", &old);
    fort.assert_refused("the old token", &answer, &[401]);
    let _ = stream.read_to_end(&mut Vec::new());
    assert!(
        begun.elapsed() < Duration::from_secs(6),
        "it was not cut off"
    );

    let shown = token("show").json();
    let new = shown["token"].as_str().unwrap();
    assert_ne!(new, fort.token);
    let file = fort.token_file();
    assert_eq!(token("path").json()["path"], file.to_str().unwrap());
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let answer = fort.ask(
        "GET /v1/packages",
        &format!("Authorization: Bearer {new}\r\n"),
    );
    assert_eq!(status(&answer), Some(200), "{answer}");
    assert!(answer.contains(CANARY));
    assert_eq!(fort.remote(&fort.url("http"), &["list"]).code, 0);
    // Nobody comes in by a token that others may have read.
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    let answer = fort.ask(
        "GET /v1/packages",
        &format!("Authorization: Bearer {new}\r\n"),
    );
    fort.assert_refused("a token that is not private", &answer, &[401]);
    assert_eq!(token("show").error()["code"], "token-not-private");
    fort.assert_unharmed();
    let lines = fort.audit();
    assert!(
        lines.iter().any(|it| it["event"] == "token-rotated"),
        "{lines:#?}"
    );
}

#[test]
fn the_command_asks_a_server_elsewhere_as_it_does_here() {
    let fort = Fort::new();
    let url = fort.url("http");
    let refused = |arguments: &[&str]| -> Value {
        let output = fort.remote(&url, arguments);
        assert_eq!(output.code, 1, "{output:#?}");
        output.error()
    };
    for path in ["packages", "./packages"] {
        assert_eq!(refused(&["add", "--path", path])["code"], "bad-path");
        assert_eq!(refused(&["add", "--link", path])["code"], "bad-path");
    }
    assert_eq!(refused(&["start", "acme.none"])["code"], "not-on-record");
    let without = fort.home.package(&["list", "--url", &url]);
    assert_eq!(without.error()["code"], "no-token", "{without:#?}");
    let far = fort.remote("http://192.0.2.1", &["list"]);
    assert_eq!(far.error()["code"], "insecure-url", "{far:#?}");
    let gone = fort.remote("http://localhost:1", &["list"]);
    assert_eq!(gone.error()["code"], "no-server", "{gone:#?}");
    for words in [
        ["list", "-p", "/d"],
        ["-p", "/d", "list"],
        ["list", "--state-dir", "/d"],
    ] {
        assert_eq!(fort.remote(&url, &words).code, 2, "{words:?}");
    }
    // Another token.
    let file = fort.home.at("other");
    fs::write(&file, "0".repeat(64)).unwrap();
    let ask = |mode| {
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let mut command = fort.home.command();
        command
            .env("KEYWAY_URL", &url)
            .env("KEYWAY_TOKEN_FILE", &file);
        run(command.args(["package", "list", "--json"])).error()
    };
    assert_eq!(ask(0o644)["code"], "token-not-private");
    let error = ask(0o600);
    assert_eq!(error["code"], "unauthorized", "{error}");
    assert!(
        error["hint"].as_str().unwrap().contains("token file"),
        "{error}"
    );

    let folder = fort.home.at("packages/zxcanary");
    let folder = folder.to_str().unwrap();
    let output = fort.remote(&url, &["add", "--path", folder]);
    assert_eq!(output.json()["outcome"], "already", "{output:#?}");
    let kwargs = ["reconfigure", PACKAGE, "--set", "password=hunter2"];
    let output = fort.remote(&url, &kwargs);
    assert_eq!(output.json()["outcome"], "done", "{output:#?}");
    let status = fort.remote(&url, &["status", PACKAGE]).json();
    assert_eq!(status, fort.home.status(PACKAGE));

    // Who, what, from where, and what came of it.
    let lines = fort.audit();
    let text = fs::read_to_string(fort.home.state().join("audit.log")).unwrap();
    assert!(
        !text.contains("hunter2") && !text.contains(&fort.token),
        "{text}"
    );
    let of = |operation: &str| {
        let lines = lines.iter().filter(|it| it["operation"] == operation);
        lines.cloned().collect::<Vec<_>>()
    };
    let outcomes = |lines: &[Value]| -> Vec<Value> {
        lines.iter().map(|line| line["outcome"].clone()).collect()
    };
    let added = of("add");
    assert_eq!(
        outcomes(&added),
        [
            json!("begun"),
            json!("done"),
            json!("begun"),
            json!("already")
        ]
    );
    // At the socket, then over TCP.
    assert!(added[1]["who"]["pid"].is_u64(), "{added:#?}");
    assert_eq!(added[1]["package"], PACKAGE);
    let address = added[3]["who"]["address"].as_str().unwrap();
    assert!(address.starts_with("127.0.0.1:"), "{added:#?}");
    assert_eq!(of("reconfigure")[1]["kwargs"], json!(["password"]));
    assert_eq!(
        outcomes(&of("start")),
        [json!("begun"), json!("not-on-record")]
    );
    // Who is asked for by a proxy is written down, if there is one; it changes nothing.
    drop(fort);
    let fort = Fort::with(&["--behind-proxy", "--allow-host", "keyway.example"]);
    let request =
        "GET /v1/packages HTTP/1.1\r\nHost: keyway.example\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n";
    fort.assert_refused("a proxy", &fort.raw(request.as_bytes()), &[401]);
    until("the line", || {
        let lines = fort.audit();
        lines
            .iter()
            .any(|it| it["who"]["forwarded_for"] == "192.0.2.7")
    });
    let mode = fs::metadata(fort.home.state().join("audit.log"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn what_is_written_down_without_a_server_is_in_the_audit_log_too() {
    let fort = Fort::new();
    let Fort {
        home, mut server, ..
    } = fort;
    server.signal("TERM");
    server.wait();
    let output = home.package(&["disable", PACKAGE]);
    assert_eq!(output.json()["outcome"], "recorded", "{output:#?}");
    let text = fs::read_to_string(home.state().join("audit.log")).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["operation"], &last["outcome"]),
        (&json!("disable"), &json!("recorded"))
    );
}
