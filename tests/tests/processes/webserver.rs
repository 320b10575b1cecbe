//! The example `webserver`: what a user has of it, whatever is killed.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use keyway_tests::command::{keyway_program, run};
use keyway_tests::server::{Home, until};
use keyway_tests::{skipped, workspace};
use serde_json::{Value, json};

use crate::{Place, done, is_alive, kill, log, seen, zombies_of};

const NAME: &str = "example.webserver";

fn has_python() -> bool {
    let output = Command::new("python3").arg("--version").output();
    let has_it = output.is_ok_and(|it| it.status.success());
    if !has_it {
        skipped("the example webserver", "python3 is not installed");
    }
    has_it
}

/// A port that nobody has now.
fn port() -> u16 {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.local_addr().unwrap().port()
}

/// What is answered at a port; `None` if nothing is.
fn page(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

fn is_served(port: u16) -> bool {
    page(port).is_some_and(|it| it.contains("<title>It works</title>"))
}

/// The web servers at a port.
fn servers(port: u16) -> Vec<u32> {
    let port = port.to_string();
    let servers = seen().into_iter().filter(|it| {
        let is_one = it.arguments.iter().any(|it| it == "http.server");
        is_one && it.state != 'Z' && it.arguments.contains(&port)
    });
    servers.map(|it| it.pid).collect()
}

/// Runs the script of the example, with options.
fn add(home: &Home, options: &[&str]) -> keyway_tests::command::Output {
    let mut command = Command::new(workspace().join("example-plugins/webserver/add"));
    command.args(options).arg("--json").current_dir(workspace());
    let as_we_do = home.command();
    let ours = as_we_do.get_envs().filter(|(name, _)| {
        let name = name.to_string_lossy();
        name.starts_with("XDG_") || name.starts_with("KEYWAY_")
    });
    command
        .envs(ours.filter_map(|(name, value)| Some((name, value?))))
        .env("KEYWAY", keyway_program())
        .env("CARGO_TARGET_DIR", workspace().join("target/example-hello"))
        // It is not run for its speed here.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_LTO", "off");
    for (name, _) in std::env::vars_os() {
        let own = name.as_encoded_bytes();
        if own.starts_with(b"CARGO_PKG_") || own.starts_with(b"CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    run(&mut command)
}

#[test]
fn it_serves_as_long_as_its_package_runs_whatever_is_killed() {
    if !has_python() {
        return;
    }
    let documented = "example-plugins/webserver/add --set port=8080";
    let readme = fs::read_to_string(workspace().join("README.md")).unwrap();
    assert!(
        readme.contains(&format!("$ {documented} ")),
        "not in README.md"
    );
    let home = Place::with([("KEYWAY_PROCESS_PAUSE_MS", "50")]);
    let mut server = home.serve();
    let first = port();

    // What is no port is refused, with the key.
    let output = add(&home, &["--set", "port=70000"]);
    assert_eq!(output.code, 1, "{output:#?}");
    let error: Value = serde_json::from_str(output.stderr.lines().last().unwrap()).unwrap();
    let message = error["error"]["message"].to_string();
    assert!(
        message.contains("`port` in install_kwargs is 70000, expected an integer from 0 to 65535"),
        "{message}"
    );
    let reconfigure = |kwargs: Value| {
        let kwargs = kwargs.to_string();
        home.package(&["reconfigure", NAME, "--kwargs", &kwargs])
    };
    for (kwargs, expected) in [
        (json!({"port": null}), "`port` is missing in install_kwargs"),
        (
            json!({"port": "x"}),
            "`port` in install_kwargs is the text \\\"x\\\", expected an integer",
        ),
        (json!({"port": 0}), "`port` is 0, expected 1 to 65535"),
    ] {
        let done = reconfigure(kwargs);
        let error = match done.code {
            0 => home.package(&["start", NAME]).stderr,
            _ => done.stderr,
        };
        let error: Value = serde_json::from_str(&error).unwrap();
        let message = error["error"]["message"].to_string();
        assert!(message.contains(expected), "{message}");
    }
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).unwrap();
    reconfigure(json!({"port": first}));
    let message = home.package(&["start", NAME]).error()["message"].to_string();
    assert!(message.contains("which cannot be had"), "{message}");
    drop(taken);

    done(&home, &["start", NAME]);
    assert!(is_served(first), "reachable as soon as it is started");
    let [one] = servers(first)[..] else {
        panic!("not one");
    };
    // Its end is not the package's.
    kill(one, "KILL");
    until("that it is back", || is_served(first));
    assert!(!is_alive(one));
    // Nor is the server's.
    for _ in 0..2 {
        let before = servers(first);
        assert_eq!(before.len(), 1);
        server.kill();
        server = home.serve();
        assert_eq!(server.started(), [NAME]);
        assert!(is_served(first));
        assert_eq!(servers(first).len(), 1);
        assert!(!is_alive(before[0]));
    }
    // Another port.
    let second = port();
    assert_eq!(reconfigure(json!({"port": second})).code, 0);
    assert!(is_served(second) && page(first).is_none());
    assert_eq!((servers(first).len(), servers(second).len()), (0, 1));
    // Its log is there for people.
    let file = log(&home, "x", "web");
    let file = file.parent().unwrap().with_file_name(NAME).join("web.log");
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains("GET / HTTP/1.0"), "{text}");

    done(&home, &["stop", NAME]);
    assert!(page(second).is_none());
    assert!(servers(second).is_empty());
    assert_eq!(zombies_of(server.id()), 0);
    done(&home, &["start", NAME]);
    assert!(is_served(second));
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    assert!(page(second).is_none() && servers(second).is_empty());
}
