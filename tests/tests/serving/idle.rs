//! What packages cost that run and do nothing.

use std::fs;
use std::time::{Duration, Instant};

use keyway::lifecycle::{AddRequest, AddSource, Operation, PackageManager};
use keyway::package::DataDirs;
use keyway::{PackageLoader, Registry, SearchPath};
use keyway_tests::server::{Home, Server};
use keyway_tests::threebots::ThreeBot;

/// How many there are; `.ci/full` says 1,000.
const PACKAGES: &str = "KEYWAY_IDLE_PACKAGES";
const USUAL: u64 = 100;
/// What a thousand may cost, in KiB.
const BOUND: u64 = 64 << 10;

/// Memory that a process has, in KiB.
fn resident(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find(|it| it.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Has packages recorded by the library, which takes no process for each.
fn record(home: &Home, packages: u64) {
    let search = SearchPath::only([home.plugins().path()]);
    let registry = Registry::builder(search).cache_dir(None).state_dir(None);
    let dirs = DataDirs::new(Some(home.at("share")), []);
    let manager = PackageManager::builder(PackageLoader::with_data_dirs(registry.build(), dirs))
        .state_dir(home.state())
        .records_only(true)
        .open()
        .unwrap();
    for number in 0..packages {
        let short = format!("p{number:04}");
        let package = ThreeBot {
            plugin: None,
            toml: "[lifecycle]\ntype = \"Example/Hello\"",
            ..ThreeBot::new(&short, "")
        };
        let path = package.put(home.at("packages").join(&short));
        let add = AddRequest::new(AddSource::Path { path });
        let progress = std::sync::Arc::new(|_: &_| {});
        manager.perform(Operation::Add(add), progress).unwrap();
    }
}

#[test]
fn those_that_do_nothing_cost_little() {
    if !cfg!(target_os = "linux") {
        keyway_tests::skipped("memory of idle packages", "there is no /proc");
        return;
    }
    let packages = std::env::var(PACKAGES).map_or(USUAL, |it| it.parse().unwrap());
    let home = Home::new();
    home.plugins().copy(&keyway_tests::plugin("hello"));
    let mut server = home.serve();
    let none = resident(&server);
    server.signal("TERM");
    server.wait();
    let began = Instant::now();
    record(&home, packages);
    let recorded = began.elapsed();
    let began = Instant::now();
    let mut server = home.begin_to_serve(&[]);
    server.until_ready(Duration::from_secs(600));
    let added = began.elapsed();
    assert_eq!(server.started().len() as u64, packages);
    let began_first = resident(&server);
    // As it is for all the time after the first start.
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    let began = Instant::now();
    let server = home.serve();
    let started = began.elapsed();
    assert_eq!(server.started().len() as u64, packages);
    let cost = resident(&server).saturating_sub(none);
    println!(
        "{packages} packages cost {cost} KiB over {none} KiB without any ({began_first} KiB after \
         they were added); recorded in {recorded:?}, added in {added:?}, started in {started:?}"
    );
    assert!(cost < (BOUND * packages / 1000).max(10 << 10), "{cost} KiB");
}
