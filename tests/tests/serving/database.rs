//! Records that are damaged, that cannot be written, and that somebody else has.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::Duration;

use keyway_tests::command::run;
use keyway_tests::disk::{Disk, may_mount};
use keyway_tests::server::Home;
use keyway_tests::threebots::ThreeBot;
use serde_json::{Value, json};

use crate::agree::assert_agree;
use crate::{done, text};

const NAMES: [&str; 3] = ["acme.one", "acme.three", "acme.two"];

/// A package whose code is on the plugin search path.
fn small(home: &Home, name: &str, version: &str) -> String {
    let package = ThreeBot {
        version,
        plugin: None,
        toml: "[lifecycle]\ntype = \"Example/Hello\"",
        ..ThreeBot::new(name, "")
    };
    text(&package.put(home.at("packages").join(version).join(name)))
}

/// A home with three packages that ran.
fn with_packages(home: &Home) {
    home.plugins().copy(&keyway_tests::plugin("hello"));
    let mut server = home.serve();
    for name in ["one", "two", "three"] {
        let folder = small(home, name, "1.0.0");
        done(home, &["add", "--path", &folder, "--set", "port=80"]);
    }
    server.signal("TERM");
    assert!(server.wait().success(), "{}", server.log());
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = File::options().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

type Damage = (&'static str, fn(&Path));

const DAMAGES: [Damage; 6] = [
    ("emptied", |path| File::create(path).map(drop).unwrap()),
    ("cut off", |path| {
        let len = fs::metadata(path).unwrap().len();
        File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_len(len / 2)
            .unwrap();
    }),
    ("without its head", |path| overwrite(path, 0, &[0; 512])),
    ("something else", |path| {
        fs::write(path, "these are no records").unwrap()
    }),
    ("with records that are changed", |path| {
        let bytes = fs::read(path).unwrap();
        let name = b"\"port\":80";
        let places = bytes.windows(name.len()).enumerate();
        let places: Vec<_> = places
            .filter(|(_, it)| *it == name)
            .map(|(at, _)| at)
            .collect();
        assert!(!places.is_empty());
        for at in places {
            overwrite(path, at as u64, b"\"port\":66");
        }
    }),
    ("full of noise", |path| {
        let len = fs::metadata(path).unwrap().len() as usize;
        let noise: Vec<u8> = (0..len - 4096).map(|at| (at * 7919 % 251) as u8).collect();
        overwrite(path, 4096, &noise);
    }),
];

#[test]
fn damaged_records_are_told_and_gone_on_with_when_a_person_says_so() {
    let home = Home::new();
    with_packages(&home);
    let path = home.state().join("state.redb");
    let backup = home.state().join("records.backup");
    let sound = (fs::read(&path).unwrap(), fs::read(&backup).unwrap());
    for (what, damage) in DAMAGES {
        fs::write(&path, &sound.0).unwrap();
        fs::write(&backup, &sound.1).unwrap();
        damage(&path);
        let damaged = fs::metadata(&path).unwrap().len();
        // With or without a server: what is wrong, where, and what to do.
        let refused = home.try_serve(&[]).expect_err(what);
        let listed = home.package(&["list"]);
        for output in [refused, listed] {
            assert_eq!(output.code, 1, "{what}: {output:#?}");
            let last = output.stderr.lines().last().unwrap();
            let error: Value = serde_json::from_str(last).unwrap();
            let error = &error["error"];
            assert_eq!(error["code"], "state-damaged", "{what}: {error}");
            let message = error["message"].as_str().unwrap();
            assert!(
                message.contains(path.to_str().unwrap()),
                "{what}: {message}"
            );
            let hint = error["hint"].as_str().unwrap();
            assert!(hint.contains("`keyway serve --recover`"), "{what}: {hint}");
        }
        let server = home.serve_with(&["--recover"]);
        let log = server.log();
        assert!(log.contains("the old records lie in"), "{what}: {log}");
        let packages = home.packages();
        let names: Vec<_> = packages
            .iter()
            .map(|it| it["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, NAMES, "{what}");
        for package in &packages {
            let name = package["name"].as_str().unwrap();
            assert!(log.contains(&format!("`{name}`")), "{what}: {log}");
            // What may not be so any more is not gone on with by itself, and says why.
            if package["status"] == "error" {
                assert_eq!(package["last_error"]["code"], "record-restored", "{what}");
            } else {
                assert_eq!(package["running"], true, "{what}: {package}");
            }
            assert_eq!(package["given_kwargs"], json!({"port": 80}), "{what}");
            done(&home, &["retry", name]);
            assert_eq!(home.status(name)["running"], true);
        }
        drop(server);
        // What was there is kept.
        let aside = fs::read_dir(home.state()).unwrap().flatten();
        let aside: Vec<_> = aside
            .map(|it| it.path())
            .filter(|it| it.to_string_lossy().contains("state.redb.damaged-"))
            .collect();
        assert_eq!(aside.len(), 1, "{what}");
        assert_eq!(fs::metadata(&aside[0]).unwrap().len(), damaged, "{what}");
        fs::remove_file(&aside[0]).unwrap();
        // And the next server needs no telling.
        let server = home.serve();
        assert_agree(&home, what);
        drop(server);
    }
}

#[test]
fn records_that_are_lost_altogether_are_made_of_the_packages() {
    let home = Home::new();
    with_packages(&home);
    fs::write(home.state().join("state.redb"), "nothing").unwrap();
    fs::remove_file(home.state().join("records.backup")).unwrap();
    let _server = home.serve_with(&["--recover"]);
    for name in NAMES {
        let status = home.status(name);
        assert_eq!(status["last_error"]["code"], "record-lost", "{status}");
        done(&home, &["retry", name]);
        assert_eq!(home.status(name)["running"], true);
        assert!(home.hooks(name).len() > 3, "its data are there");
    }
}

#[test]
fn on_a_full_disk_nothing_is_lost_and_room_is_enough_to_go_on() {
    if !may_mount("database::on_a_full_disk_nothing_is_lost_and_room_is_enough_to_go_on") {
        return;
    }
    let disk = Disk::new("size=16m");
    let home = Home::below(disk.path());
    with_packages(&home);
    let server = home.serve();
    let new = small(&home, "one", "2.0.0");
    let mut failed = 0;
    // None at all, less than a page of the database, and some.
    for room in [0, 4 << 10, 16 << 10, 64 << 10, 256 << 10] {
        let other = small(&home, "four", "1.0.0");
        disk.fill_up_to(room);
        for arguments in [
            &["stop", "acme.one"][..],
            &["start", "acme.one"],
            &["reconfigure", "acme.two", "--set", "port=81"],
            &["add", "--path", &new],
            &["add", "--path", &other],
            &["disable", "acme.three"],
            &["enable", "acme.three"],
        ] {
            let output = home.package(arguments);
            if output.code == 0 {
                continue;
            }
            failed += 1;
            let error = output.error();
            let message = error["message"].as_str().unwrap();
            let code = error["code"].as_str().unwrap();
            let is_told = message.contains("No space left on device") || code == "not-on-record";
            assert!(
                is_told || code == "disabled",
                "{arguments:?} with {room} left: {error}"
            );
        }
        // All of them are on record, in memory and on the disk.
        let names: Vec<Value> = home
            .packages()
            .iter()
            .map(|it| it["name"].clone())
            .collect();
        for name in NAMES {
            assert!(names.contains(&json!(name)), "{names:?}");
        }
        disk.empty();
        for name in NAMES {
            let status = home.status(name);
            let with = match (status["status"].as_str().unwrap(), &status["running"]) {
                ("error", _) => "retry",
                ("disabled", _) => "enable",
                _ => "start",
            };
            done(&home, &[with, name]);
            if home.status(name)["running"] != true {
                done(&home, &["start", name]);
            }
            let status = home.status(name);
            assert_eq!(
                (&status["running"], &status["last_error"]),
                (&json!(true), &Value::Null)
            );
        }
        let _ = home.package(&["delete", "acme.four", "--force"]);
    }
    assert!(failed > 2, "{failed} failed");
    drop(server);
    let server = home.serve();
    assert_agree(&home, "after a full disk");
    drop(server);
}

#[test]
fn who_comes_second_is_told_who_is_there() {
    let home = Home::new();
    let server = home.serve();
    // By another path it is the same folder.
    let link = home.at("link");
    std::os::unix::fs::symlink(home.state(), &link).unwrap();
    for more in [
        &[][..],
        &["--state-dir", link.to_str().unwrap()],
        &["--recover"],
    ] {
        let output = home.try_serve(more).unwrap_err();
        assert_eq!(output.code, 1, "{output:#?}");
        let last = output.stderr.lines().last().unwrap();
        let error: Value = serde_json::from_str(last).unwrap();
        let error = &error["error"];
        assert_eq!(error["code"], "state-held", "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("process {}", server.id())),
            "{message}"
        );
        let hint = error["hint"].as_str().unwrap();
        assert!(hint.contains("`keyway package` asks it"), "{hint}");
    }
    // A command finds it by the folder, whatever that is called.
    let mut command = home.command();
    let linked = command
        .args(["package", "list", "--json", "--state-dir"])
        .arg(&link);
    assert_eq!(run(linked).json(), json!([]));
    drop(server);

    // A command that has the folder for a moment is waited for.
    let lock = File::options()
        .read(true)
        .write(true)
        .open(home.state().join("lock"))
        .unwrap();
    lock.lock().unwrap();
    let mut waits = home.asks(&["list"]);
    std::thread::sleep(Duration::from_millis(500));
    assert!(waits.is_running());
    drop(lock);
    assert_eq!(waits.wait().code(), Some(0));
}
