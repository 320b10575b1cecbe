//! Whether everything agrees.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use keyway_tests::server::Server;
use serde_json::Value;

use crate::agree::{assert_nothing_under_way, disagreements};
use crate::{Soak, logged, processes};

/// As long it may take until what was killed last is noticed, or started again.
const SOON: Duration = Duration::from_secs(20);

/// All that does not fit together. Nobody asks for anything meanwhile.
fn wrong(soak: &Soak, server: &Server, has_started: bool) -> Vec<String> {
    let mut wrong = disagreements(&soak.home, has_started);
    let told = soak.home.packages();
    let (home, packages) = (&soak.home, &soak.packages);
    wrong.extend(processes::disagreements(home, server.id(), packages, &told));
    wrong.extend(uncounted(server, &told));
    wrong
}

/// Right after the start of a server.
pub(crate) fn assert_as_started(soak: &Soak, server: &Server) {
    let wrong = wrong(soak, server, true);
    assert!(
        wrong.is_empty(),
        "{}: {wrong:#?}\n{}",
        soak.when(),
        logged(server, &soak.packages, &wrong)
    );
}

/// Some time after somebody asked for something last, or killed anything.
pub(crate) fn assert_as_left(soak: &Soak, server: &Server) {
    let began = Instant::now();
    loop {
        let wrong = wrong(soak, server, false);
        if wrong.is_empty() {
            return;
        }
        assert!(
            began.elapsed() < SOON,
            "{}: {wrong:#?}\n{}",
            soak.when(),
            logged(server, &soak.packages, &wrong)
        );
    }
}

/// What is known of the packages while nobody runs them.
fn records(soak: &Soak) -> BTreeMap<String, Value> {
    let mut records = BTreeMap::new();
    for mut it in soak.home.packages() {
        let name = it["name"].as_str().unwrap().to_owned();
        let kept = ["version", "status", "given_kwargs", "source", "last_error"];
        let own = it.as_object_mut().unwrap();
        own.retain(|key, _| kept.contains(&key.as_str()));
        records.insert(name, it);
    }
    records
}

/// Stops the server: nothing of it is left but the records, which are as they were.
pub(crate) fn assert_the_same_without_a_server(soak: &Soak, server: &mut Server) {
    let before = records(soak);
    server.signal("TERM");
    let when = soak.when();
    assert_eq!(server.wait().code(), Some(0), "{when}: {}", server.log());
    let left = processes::of_home(&soak.home);
    assert!(left.is_empty(), "{when}: {left:#?}");
    assert_eq!(records(soak), before, "{when}");
}

/// What a page of numbers says.
pub(crate) fn metrics(server: &Server) -> BTreeMap<String, f64> {
    let mut stream = UnixStream::connect(server.socket()).unwrap();
    let request = b"GET /metrics HTTP/1.0\r\nhost: x\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (_, page) = text.split_once("\r\n\r\n").unwrap();
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let numbers = lines.filter_map(|line| {
        let (key, value) = line.rsplit_once(' ')?;
        Some((key.to_owned(), value.parse().ok()?))
    });
    numbers.collect()
}

/// Where the numbers are not those of the packages.
fn uncounted(server: &Server, told: &[Value]) -> Vec<String> {
    let numbers = metrics(server);
    let mut wrong = Vec::new();
    let mut compare = |key: String, expected: usize| {
        if numbers.get(&key) != Some(&(expected as f64)) {
            wrong.push(format!(
                "{key} is {:?}, expected {expected}",
                numbers.get(&key)
            ));
        }
    };
    let running = told.iter().filter(|it| it["running"] == true);
    compare("keyway_packages_running".to_owned(), running.count());
    for status in [
        "installed",
        "tostart",
        "disabled",
        "error",
        "init",
        "config",
    ] {
        let found = told.iter().filter(|it| it["status"] == status).count();
        compare(format!("keyway_packages{{status=\"{status}\"}}"), found);
    }
    compare("keyway_log_lines_lost_total".to_owned(), 0);
    compare("keyway_streams".to_owned(), 0);
    wrong
}

/// After all packages were deleted with their data.
pub(crate) fn assert_empty(soak: &Soak) {
    let home = &soak.home;
    let when = soak.when();
    assert!(home.packages().is_empty(), "{when}");
    for folder in ["data", "logs", "stores", "processes", "incoming"] {
        assert_bare(soak, &home.state().join(folder));
    }
    for folder in ["managed", "kept"] {
        assert_bare(soak, &home.root().join(".keyway").join(folder));
    }
    assert_nothing_under_way(home);
    // The lock may be left.
    let left = std::fs::read_dir(home.root()).unwrap().flatten();
    let left: Vec<_> = left.map(|it| it.file_name()).collect();
    assert!(left.iter().all(|it| it == ".keyway"), "{when}: {left:?}");
}

fn assert_bare(soak: &Soak, folder: &std::path::Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let found: Vec<_> = entries.map(|it| it.path()).collect();
    assert!(found.is_empty(), "{}: {found:?}", soak.when());
}
