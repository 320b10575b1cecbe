//! Eight processes that change one package at the same time, while this one looks.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use keyway_tests::command::run;

use crate::offers::{Version, offers, tree};
use crate::site::{Check, Site, version_of};
use crate::{ID, OTHER, TYPE};

/// As many seconds it goes on.
const SECONDS: &str = "KEYWAY_STRESS_SECONDS";
const WORKERS: u32 = 8;
/// A file of one of so many looks stays open to the end.
const KEPT_OPEN: usize = 20;
/// As many seconds one process may take, in all of which somebody else may hold the root.
const PATIENCE: &str = "60";

fn end() -> Instant {
    let seconds = std::env::var(SECONDS).ok();
    let seconds = seconds.and_then(|text| text.parse().ok()).unwrap_or(10);
    Instant::now() + Duration::from_secs(seconds)
}

/// Numbers that look like chance and are the same each time.
struct Numbers(u32);

impl Numbers {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 16) % limit
    }
}

/// One of the operations, and the codes of the errors that it may end with.
fn operation(which: u32) -> (Vec<&'static Path>, &'static [&'static str], &'static str) {
    let (old, new) = (offers().of(ID, Version::Old), offers().of(ID, Version::New));
    match which {
        0 => (vec![&old.zip], &["already-installed"], "install"),
        1 => (vec![&new.folder], &["already-installed"], "install"),
        2 => (vec!["--force".as_ref(), &old.folder], &[], "upgrade"),
        3 => (vec!["--force".as_ref(), &new.nested], &[], "upgrade"),
        _ => (
            vec!["-t".as_ref(), TYPE.as_ref(), ID.as_ref()],
            &["not-installed"],
            "remove",
        ),
    }
}

/// Changes the package again and again. Gives how often each operation worked.
fn work(site: &Site, worker: u32, end: Instant) -> Check<[usize; 5]> {
    let mut numbers = Numbers(worker);
    let mut done = [0; 5];
    while Instant::now() < end {
        let which = numbers.below(5);
        let (arguments, codes, name) = operation(which);
        let alone = site.command();
        let mut command = Command::new("timeout");
        command.arg(PATIENCE).arg(alone.get_program()).env_clear();
        command.envs(
            alone
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        let output = run(command.args(["--json", name]).args(arguments));
        match output.code {
            0 if output.stderr.is_empty() => done[which as usize] += 1,
            1 if codes.iter().any(|code| output.error()["code"] == *code) => {}
            _ => return Err(format!("{name}: {output:#?}")),
        }
    }
    Ok(done)
}

/// Begins to change the package, and is killed after a while.
fn work_and_die(site: &Site, worker: u32, end: Instant) -> Check<[usize; 5]> {
    let mut numbers = Numbers(worker);
    while Instant::now() < end {
        let (arguments, _, name) = operation(numbers.below(5));
        let home = tempfile::tempdir().unwrap();
        let mut command = site.command();
        // A plugin in which a process ends is in quarantine for who has the same state.
        command.env("XDG_STATE_HOME", home.path());
        command.arg(name).args(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(numbers.below(80).into()));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    Ok([0; 5])
}

/// What tells whether a folder was replaced.
fn stamp(path: &Path) -> Option<(u64, i64, i64)> {
    let metadata = fs::symlink_metadata(path).ok()?;
    Some((metadata.ino(), metadata.ctime(), metadata.ctime_nsec()))
}

/// Looks at the package once. Gives its version, and a file of it.
fn look(site: &Site) -> Check<Option<(Version, File)>> {
    let loader = offers().loader(&site.data());
    let listing = loader.listing(TYPE).with_validity();
    let packages = listing.packages().map_err(|error| format!("{error:?}"))?;
    let of = |id: &str| packages.iter().find(|package| package.id() == id);
    if !of(OTHER).is_some_and(|other| other.is_valid()) {
        return Err("the other package is not listed".to_owned());
    }
    if packages.len() > 2 || !site.strange_names().is_empty() {
        return Err(format!("{packages:?}, and {:?}", site.strange_names()));
    }
    if let Some(package) = of(ID) {
        let versions = [Version::Old, Version::New].map(Version::text);
        if !package.is_valid() || !versions.contains(&package.version()) {
            return Err(format!("{package:?} is listed"));
        }
    }
    let folder = site.root().join(ID);
    let before = stamp(&folder);
    let tree = tree(&folder);
    let file = File::open(folder.join("contents/scripts/main.js"));
    if before.is_none() || stamp(&folder) != before {
        // It was replaced while we looked.
        return Ok(None);
    }
    match (version_of(ID, &tree), file) {
        (Some(version), Ok(file)) => Ok(Some((version, file))),
        _ => Err(format!("half a package: {:#?}", tree.keys())),
    }
}

fn contend(killed: u32) {
    let site = Site::new();
    site.install(OTHER, Version::Old).unwrap();
    // Builds it, if it is not yet.
    site.command();
    let end = end();
    let mut open = Vec::new();
    let done = std::thread::scope(|scope| {
        let site = &site;
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| match worker < killed {
                true => scope.spawn(move || work_and_die(site, worker, end)),
                false => scope.spawn(move || work(site, worker, end)),
            })
            .collect();
        let mut looks = 0;
        while Instant::now() < end {
            let seen = look(site).unwrap();
            looks += 1;
            if looks % KEPT_OPEN == 0 {
                open.extend(seen);
            }
        }
        assert!(looks > 10, "{looks}");
        let mut done = [0; 5];
        for worker in workers {
            for (sum, more) in done.iter_mut().zip(worker.join().unwrap().unwrap()) {
                *sum += more;
            }
        }
        println!("{looks} looks, {done:?} changes");
        done
    });
    assert!(done.iter().all(|count| *count > 0), "{done:?}");
    // Whoever has a file open keeps it.
    for (version, mut file) in open {
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        assert!(text.contains(version.text()), "{version:?}: {text}");
    }
    let mut beside = Version::Old;
    if killed > 0 {
        site.install(OTHER, Version::New).unwrap();
        beside = Version::New;
    }
    let there = site.listed(ID).unwrap();
    site.is_tidy(&[(ID, there), (OTHER, Some(beside))]).unwrap();
}

#[test]
fn eight_processes_change_the_same_package() {
    contend(0);
}

#[test]
fn eight_processes_change_the_same_package_and_some_are_killed() {
    contend(3);
}
