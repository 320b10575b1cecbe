//! Starting all and stopping all, in order.

use std::fs;
use std::time::{Duration, Instant};

use keyway_tests::server::{Home, until};
use keyway_tests::threebots::ThreeBot;
use serde_json::json;

use crate::{add, done, text};

/// Puts a package that tells `home/told` when it starts and stops, and needs the one before.
fn add_chain(home: &Home, names: &[&str]) {
    let told = format!("tell {}", home.at("told").display());
    let kwargs = json!({"start": told, "stop": told}).to_string();
    let mut needed = String::new();
    for name in names {
        let package = ThreeBot {
            toml: &needed,
            ..ThreeBot::new(name, "misbehaves")
        };
        let folder = package.put(home.at("packages").join(name));
        done(
            home,
            &["add", "--path", &text(&folder), "--kwargs", &kwargs],
        );
        needed = format!("[dependencies]\n\"acme.{name}\" = \">=1.0\"");
    }
}

/// What was told since this was last asked.
fn told(home: &Home) -> Vec<String> {
    let text = fs::read_to_string(home.at("told")).unwrap_or_default();
    let _ = fs::remove_file(home.at("told"));
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_signal_stops_all_in_reverse_and_the_next_server_starts_them() {
    let home = Home::new();
    // The order is not that of names.
    let names = ["middle", "a", "z", "b"];
    let mut server = home.serve();
    add_chain(&home, &names);
    done(&home, &["stop", "acme.b"]);
    told(&home);
    let started = ["acme.middle start", "acme.a start", "acme.z start"];
    let stopped = ["acme.z stop", "acme.a stop", "acme.middle stop"];
    for (signal, expected) in [
        ("TERM", &stopped[..]),
        ("INT", &[&["acme.b stop"], &stopped[..]].concat()),
    ] {
        let socket = server.socket();
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(0), "{}", server.log());
        assert_eq!(told(&home), expected);
        assert!(!socket.exists());
        server = home.serve();
        // What was only stopped starts, too.
        assert_eq!(told(&home), [&started[..], &["acme.b start"]].concat());
        assert_eq!(
            server.started(),
            ["acme.middle", "acme.a", "acme.z", "acme.b"]
        );
    }
    for name in names {
        let status = home.status(&format!("acme.{name}"));
        assert_eq!(status["status"], "installed");
    }
}

#[test]
fn a_second_signal_cuts_a_hanging_stop_short() {
    let home = Home::new();
    let mut server = home.serve();
    add_chain(&home, &["good"]);
    assert_eq!(add(&home, "hangs", json!({"stop": "hang"})).code, 0);
    told(&home);
    server.signal("TERM");
    until("the hook", || {
        home.hooks("acme.hangs")
            .last()
            .is_some_and(|it| it == "stop begins")
    });
    until("the good one", || home.at("told").exists());
    assert!(server.is_running());
    // Questions are answered meanwhile, and nothing else.
    assert_eq!(home.status("acme.good")["running"], false);
    let error = home.package(&["start", "acme.good"]).error();
    assert_eq!(error["code"], "stopping", "{error}");
    let began = Instant::now();
    server.signal("INT");
    assert_eq!(server.wait().code(), Some(1));
    assert!(began.elapsed() < Duration::from_secs(10));
    let server = home.serve();
    let mut started = server.started();
    started.sort_unstable();
    assert_eq!(
        started,
        ["acme.good", "acme.hangs"],
        "{}",
        home.status("acme.hangs")
    );
}

#[test]
fn a_hundred_packages_start_side_by_side_and_in_order() {
    let home = Home::new();
    // One plugin for all.
    home.plugins().copy(&keyway_tests::plugin("misbehaves"));
    let name = |number: usize| format!("p{number:03}");
    let kwargs = json!({"start": "sleep 100"}).to_string();
    for number in 0..100 {
        // Chains of four.
        let short = name(number);
        let needed = match number % 4 {
            0 => String::new(),
            _ => format!("[dependencies]\n\"acme.{}\" = \"*\"", name(number - 1)),
        };
        let toml = format!("[lifecycle]\ntype = \"Test/Misbehaves\"\n{needed}");
        let package = ThreeBot {
            toml: &toml,
            plugin: None,
            ..ThreeBot::new(&short, "")
        };
        let folder = text(&package.put(home.at("packages").join(&short)));
        done(&home, &["add", "--path", &folder, "--kwargs", &kwargs]);
    }
    let mut server = home.serve();
    assert_eq!(server.started().len(), 100, "{}", server.said());
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    drop(server);

    let began = Instant::now();
    let mut server = home.serve();
    let took = began.elapsed();
    println!("100 packages of 100 ms each in {took:?}");
    // One after the other they would sleep for 10 s.
    assert!(took < Duration::from_secs(5), "{took:?}");
    let started = server.started();
    assert_eq!(server.said()["failed"], json!([]));
    assert_eq!(started.len(), 100);
    let place = |number: usize| {
        let name = format!("acme.{}", name(number));
        started.iter().position(|it| *it == name).unwrap()
    };
    for number in (0..100).filter(|number| number % 4 > 0) {
        assert!(place(number - 1) < place(number), "{number}: {started:?}");
    }
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
}
