//! `kill -9` at random moments, while clients ask for whatever they like.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use keyway_tests::random::Random;
use keyway_tests::server::Home;
use keyway_tests::threebots::ThreeBot;
use serde_json::Value;

use crate::agree::{assert_agree, assert_nothing_under_way};
use crate::hooks::{check_hooks, note_the_kill};
use crate::{done, text};

/// How often the server is killed; `.ci/full` says how often it is there.
const KILLS: &str = "KEYWAY_SERVER_KILLS";
const USUAL: usize = 10;
const CLIENTS: u64 = 4;
const NAMES: [&str; 6] = ["one", "two", "three", "four", "five", "six"];
/// As many of them have code, which writes down its hooks.
const WITH_CODE: usize = 3;

/// Each package in two versions.
fn make_packages(home: &Home) {
    for (index, name) in NAMES.into_iter().enumerate() {
        for version in ["1.0.0", "1.1.0"] {
            let package = ThreeBot {
                version,
                plugin: (index < WITH_CODE).then_some("hello"),
                ..ThreeBot::new(name, "")
            };
            let _ = package.put(home.at("packages").join(version).join(name));
        }
    }
}

/// Asks for something, and says whether the answer was one: also a refusal is.
fn ask(home: &Home, random: &mut Random) -> Result<(), String> {
    let short = NAMES[random.below(NAMES.len())];
    let name = format!("acme.{short}");
    let folder = |version: &str| text(&home.at("packages").join(version).join(short));
    let (old, new) = (folder("1.0.0"), folder("1.1.0"));
    let arguments: &[&str] = match random.below(12) {
        0 | 1 => &["add", "--path", &old],
        2 | 3 => &["add", "--path", &new],
        4 => &["add", "--path", &old, "--reinstall"],
        5 => &["stop", &name],
        6 => &["start", &name],
        7 => &["disable", &name],
        8 => &["enable", &name],
        9 => &["reconfigure", &name, "--kwargs", "{}"],
        10 => &["delete", &name],
        _ => &["delete", &name, "--purge"],
    };
    let output = home.package(arguments);
    if output.code == 0 {
        return Ok(());
    }
    // Who records what is wanted may have warned of what was interrupted.
    let last = output.stderr.lines().last().unwrap_or_default();
    let error: Value = serde_json::from_str(last).map_err(|_| format!("{output:#?}"))?;
    let code = error["error"]["code"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    match &*code {
        "not-on-record" | "disabled" | "not-newer" | "busy" | "not-brought" => Ok(()),
        "to-be-deleted" => Ok(()),
        // It was killed.
        "no-answer" | "no-server" | "state-held" => Ok(()),
        _ => Err(format!("{arguments:?}: {}", output.stderr)),
    }
}

#[test]
fn killed_at_random_moments_records_files_and_journal_agree() {
    let kills = std::env::var(KILLS).map_or(USUAL, |it| it.parse().unwrap());
    let seed = keyway_tests::random::new_seed();
    println!("seed {seed}");
    let home = Home::new();
    make_packages(&home);
    let full_names = NAMES.map(|it| format!("acme.{it}"));
    let mut random = Random::new(seed);
    let asked = AtomicUsize::new(0);
    let mut interrupted = BTreeMap::<String, usize>::new();
    let began = Instant::now();
    for kill in 0..kills {
        let mut server = home.serve();
        let when = format!("seed {seed}, before kill {kill}");
        assert_agree(&home, &when);
        for package in home.packages() {
            if package["status"] == "error" {
                let hook = package["last_error"]["hook"].as_str().unwrap();
                *interrupted.entry(hook.to_owned()).or_default() += 1;
                let name = package["name"].as_str().unwrap();
                // Some are left to what the clients ask for.
                if random.below(4) > 0 {
                    done(&home, &["retry", name]);
                }
            }
        }
        let is_over = AtomicBool::new(false);
        let moment = Duration::from_millis(random.below(400) as u64);
        thread::scope(|scope| {
            let (home, asked, is_over) = (&home, &asked, &is_over);
            for client in 0..CLIENTS {
                let mut random = Random::new(seed ^ ((kill as u64 + 1) << 32) ^ (client + 1));
                scope.spawn(move || {
                    while !is_over.load(Ordering::Relaxed) {
                        ask(home, &mut random).unwrap();
                        asked.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            thread::sleep(moment);
            // Whoever asks next finds no server, and writes down what it wants.
            server.kill();
            is_over.store(true, Ordering::Relaxed);
        });
        note_the_kill(&home, full_names.iter().map(String::as_str));
    }
    let server = home.serve();
    assert_agree(&home, &format!("seed {seed}, in the end"));
    for name in &full_names {
        check_hooks(name, &home.hooks(name));
    }
    let last = ThreeBot {
        plugin: None,
        ..ThreeBot::new("last", "")
    };
    done(&home, &["add", "--path", &text(&last.put(home.at("last")))]);
    assert_nothing_under_way(&home);
    drop(server);
    println!(
        "{kills} kills and {} operations in {:?}; interrupted: {interrupted:?}",
        asked.load(Ordering::Relaxed),
        began.elapsed()
    );
}

/// Which of the two is first is nobody's to say; what the other one brings must not be lost with the
/// server.
#[test]
fn killed_while_two_add_two_versions_at_once_either_is_gone_on_with() {
    let home = Home::new();
    make_packages(&home);
    let mut random = Random::new(0x7EED);
    for round in 0..12 {
        let short = NAMES[WITH_CODE + round % (NAMES.len() - WITH_CODE)];
        let mut server = home.serve();
        assert_agree(&home, &format!("before round {round}"));
        let name = format!("acme.{short}");
        if home.packages().iter().any(|it| it["name"] == *name) {
            done(&home, &["delete", &name, "--purge"]);
        }
        let moment = Duration::from_millis(15 + random.below(60) as u64);
        thread::scope(|scope| {
            for version in ["1.0.0", "1.1.0"] {
                let folder = text(&home.at("packages").join(version).join(short));
                let home = &home;
                scope.spawn(move || home.package(&["add", "--path", &folder]));
            }
            thread::sleep(moment);
            server.kill();
        });
    }
    let _server = home.serve();
    assert_agree(&home, "in the end");
}
