//! A soak: eight clients ask for whatever they like of fifty packages, while workers, programs and the
//! server itself are killed. In between and in the end the records, the files and the processes agree,
//! and nothing has leaked.

#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

#[path = "../serving/agree.rs"]
mod agree;
mod checks;
mod clients;
#[path = "../serving/hooks.rs"]
mod hooks;
mod leaks;
mod packages;
mod processes;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use keyway::install::Cancellation;
use keyway_tests::random::{Random, new_seed};
use keyway_tests::server::{Home, Server, until};

use clients::Life;
use packages::{Kind, Package};

/// As long it takes, in seconds; `.ci/full` says 300.
const SECONDS: &str = "KEYWAY_SOAK_SECONDS";
const USUAL: u64 = 12;
/// What the random numbers come of, to have them again.
const SEED: &str = "KEYWAY_SOAK_SEED";
const CLIENTS: u64 = 8;
/// As long clients go on after the server was ended: what they want then is written down.
const ALONE: Duration = Duration::from_millis(300);
/// As long anything that was asked for may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// As many lines of a log are shown when something is wrong.
const LOGGED: usize = 60;

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Killed,
    Told,
    /// It does not.
    Lives,
}

/// The place, and what happened in it.
struct Soak {
    home: Home,
    packages: Vec<Package>,
    seed: u64,
    lives: u64,
    counts: Mutex<BTreeMap<String, usize>>,
}

impl Drop for Soak {
    fn drop(&mut self) {
        processes::kill_all(&self.home);
    }
}

impl Soak {
    fn serve(&self) -> Server {
        self.home.serve_with(&["--listen", "127.0.0.1:0"])
    }

    fn when(&self) -> String {
        format!("{SEED}={}, after {} lives", self.seed, self.lives)
    }

    /// Lets everybody do what they like with a server for some time.
    fn live(&mut self, server: &mut Server, time: Duration, end: End) {
        self.lives += 1;
        let when = self.when();
        let random = |number: u64| Random::new(self.seed ^ (self.lives << 32) ^ number);
        let process = server.id();
        let life = Life {
            home: &self.home,
            packages: &self.packages,
            socket: server.socket(),
            url: server.said()["urls"][0].as_str().unwrap().to_owned(),
            counts: &self.counts,
            is_ended: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            left: Cancellation::new(),
            failures: Mutex::default(),
        };
        thread::scope(|scope| {
            let life = &life;
            let clients: Vec<_> = (0..CLIENTS)
                .map(|number| scope.spawn(move || life.asks(number, random(number))))
                .collect();
            let killer = scope.spawn(move || life.kills(random(CLIENTS)));
            scope.spawn(move || life.listens());
            let began = Instant::now();
            while began.elapsed() < time && !life.is_over() {
                thread::sleep(Duration::from_millis(20));
            }
            if end != End::Lives && !life.is_over() {
                life.is_ended.store(true, Ordering::SeqCst);
                let _ = killer.join();
                signal(process, if end == End::Killed { "KILL" } else { "TERM" });
                thread::sleep(ALONE);
            }
            life.is_over.store(true, Ordering::SeqCst);
            let began = Instant::now();
            while !clients.iter().all(thread::ScopedJoinHandle::is_finished) {
                thread::sleep(Duration::from_millis(5));
                if began.elapsed() > PATIENCE {
                    break;
                }
            }
            // Those who wait until then have waited in vain; who listens always does.
            life.left.cancel();
        });
        let failures = life.failures.into_inner().unwrap();
        assert!(
            failures.is_empty(),
            "{when}: {failures:#?}\n{}",
            logged(server, &self.packages, &failures)
        );
        match end {
            End::Lives => {}
            End::Killed => {
                server.wait();
                let names = self.packages.iter().map(|it| it.name.as_str());
                hooks::note_the_kill(&self.home, names);
                // Workers end by themselves, and programs wait for the next server.
                until("the end of all workers", || {
                    let left = processes::of_home(&self.home);
                    left.iter().all(|it| !it.is_worker())
                });
            }
            End::Told => {
                let status = server.wait();
                assert_eq!(status.code(), Some(0), "{when}: {}", server.log());
                let left = processes::of_home(&self.home);
                assert!(left.is_empty(), "{when}: {left:#?}");
            }
        }
    }

    fn check_hooks(&self) {
        // What ends with its worker has no more hooks to write down.
        for it in self.packages.iter().filter(|it| it.kind == Kind::Hello) {
            hooks::check_hooks(&it.name, &self.home.hooks(&it.name));
        }
    }
}

/// What a server logged of the packages that something is about.
fn logged(server: &Server, packages: &[Package], about: &[String]) -> String {
    let about = about.concat();
    let names = packages.iter().map(|it| it.name.as_str());
    let named: Vec<&str> = names.filter(|it| about.contains(it)).collect();
    let log = server.log();
    let lines = log.lines();
    let lines: Vec<_> = lines
        .filter(|line| named.iter().any(|it| line.contains(it)) || line.contains("panicked"))
        .collect();
    lines[lines.len().saturating_sub(LOGGED)..].join("\n")
}

fn signal(process: u32, signal: &str) {
    let sent = std::process::Command::new("kill")
        .args(["-s", signal, &process.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

#[test]
fn whatever_is_asked_and_killed_all_agrees_and_nothing_leaks() {
    let seconds = std::env::var(SECONDS).map_or(USUAL, |it| it.parse().unwrap());
    let seed = std::env::var(SEED).map_or_else(|_| new_seed(), |it| it.parse().unwrap());
    println!("{SEED}={seed}");
    let home = Home::new().with("KEYWAY_PROCESS_PAUSE_MS", "50");
    let mut soak = Soak {
        packages: packages::make(&home),
        home,
        seed,
        lives: 0,
        counts: Mutex::default(),
    };
    let mut random = Random::new(seed);
    let whole = Duration::from_secs(seconds);
    // Three quarters of it with servers that end, the rest with one that does not.
    let one = (whole / 20).max(Duration::from_secs(2));
    let (began, mut ends) = (Instant::now(), BTreeMap::new());
    while began.elapsed() < whole * 3 / 4 {
        let mut server = soak.serve();
        checks::assert_as_started(&soak, &server);
        let end = [End::Killed, End::Told][random.below(2)];
        *ends.entry(format!("{end:?}")).or_insert(0) += 1;
        let time = one.mul_f64(0.5 + random.below(100) as f64 / 100.0);
        soak.live(&mut server, time, end);
    }
    let mut server = soak.serve();
    checks::assert_as_started(&soak, &server);
    soak.check_hooks();
    checks::assert_the_same_without_a_server(&soak, &mut server);
    let measured = leaks::assert_none(&mut soak, whole / 4);
    let counts = soak.counts.lock().unwrap();
    println!(
        "{} lives in {:?}, ended {ends:?}; {counts:#?}\n{measured}",
        soak.lives,
        began.elapsed()
    );
}
