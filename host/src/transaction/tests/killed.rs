//! Killed at each system call that changes something, or told that it fails: the test runs itself
//! under strace.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use super::*;

/// What is to be done in the process that is disturbed, and where.
const DEED: &str = "KEYWAY_TEST_DEED";
const FOLDER_OF_SITE: &str = "KEYWAY_TEST_FOLDER";

/// The calls that change which names there are, and those that bring it to the disk.
const CALLS: &str = "mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir,fsync,fdatasync,\
    syncfs,flock";

/// What is disturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Keep,
    /// After an upgrade that was taken back.
    KeepAgain,
    PutBack,
    Retry,
    Drop,
}

impl Deed {
    const ALL: [Self; 5] = [
        Self::Keep,
        Self::KeepAgain,
        Self::PutBack,
        Self::Retry,
        Self::Drop,
    ];

    /// What was done before.
    fn prepare(self, site: &Site, exchanges: bool) {
        site.put("a", "1");
        if self == Self::Keep {
            return;
        }
        let root = root(&site.path(), exchanges);
        keep(&root, "2");
        if matches!(self, Self::KeepAgain | Self::Retry) {
            ensure(&root, Which::Old);
        }
    }

    fn run(self, path: &Path, exchanges: bool) {
        let root = root(path, exchanges);
        match self {
            Self::Keep => keep(&root, "2"),
            Self::KeepAgain => keep(&root, "3"),
            Self::PutBack => ensure(&root, Which::Old),
            Self::Retry => ensure(&root, Which::New),
            Self::Drop => root.lock(NOW).unwrap().drop_kept("a").unwrap(),
        }
    }

    /// The texts of the old version, of the new ones that may be there, and of what is in place if
    /// nothing is kept any more.
    fn texts(self) -> (&'static str, &'static [&'static str], &'static str) {
        match self {
            Self::Keep | Self::PutBack | Self::Retry => ("1", &["2"], "1"),
            Self::KeepAgain => ("1", &["2", "3"], "1"),
            Self::Drop => ("1", &["2"], "2"),
        }
    }
}

fn root(path: &Path, exchanges: bool) -> Root {
    let root = Root::new(path, true);
    match exchanges {
        true => root,
        false => root.without_exchange(),
    }
}

fn keep(root: &Root, text: &str) {
    let work = prepare(root, "a", text);
    root.lock(NOW)
        .unwrap()
        .exchange_keeping(&work, "a")
        .unwrap();
    work.discard().unwrap();
}

fn ensure(root: &Root, which: Which) {
    root.lock(NOW).unwrap().ensure_in_place("a", which).unwrap();
}

/// The process that is disturbed; nothing otherwise.
#[test]
fn the_process_that_is_disturbed() {
    let (Ok(deed), Ok(folder)) = (std::env::var(DEED), std::env::var(FOLDER_OF_SITE)) else {
        return;
    };
    let (deed, exchanges) = deed.split_once('/').unwrap();
    let deed = Deed::ALL.into_iter().find(|it| format!("{it:?}") == deed);
    deed.unwrap().run(Path::new(&folder), exchanges == "true");
}

/// What happens instead of a call, in the words of strace.
const FAULTS: [&str; 2] = ["signal=SIGKILL", "error=EIO"];

/// Runs it under strace, with a fault at one call. `None` where that cannot be done.
fn run(site: &Site, deed: Deed, exchanges: bool, fault: Option<Fault<'_>>) -> Option<Run> {
    let log = site.folder.path().join("log");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e", "signal=none", "-e"]);
    strace.arg(format!("trace={CALLS}"));
    if let Some(Fault { how, name, ordinal }) = fault {
        strace.args(["-e", &format!("inject={name}:{how}:when={ordinal}")]);
    }
    let name = "transaction::tests::killed::the_process_that_is_disturbed";
    strace
        .arg("-o")
        .arg(&log)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--test-threads=1"])
        .env("RUST_BACKTRACE", "0")
        .env(DEED, format!("{deed:?}/{exchanges}"))
        .env(FOLDER_OF_SITE, site.path());
    let output = strace.output().ok()?;
    let log = fs::read_to_string(&log).ok()?;
    let mut calls = BTreeMap::new();
    for line in log.lines() {
        let (thread, call) = line.split_once(' ')?;
        let name = call.trim_start().split_once('(').map_or("", |it| it.0);
        *calls
            .entry((thread.to_owned(), name.to_owned()))
            .or_insert(0) += 1;
    }
    Some(Run {
        was_disturbed: log.contains("(INJECTED)") || output.status.signal() == Some(9),
        succeeded: output.status.success(),
        calls: calls
            .into_iter()
            .map(|((_, name), count)| (name, count))
            .collect(),
    })
}

/// The call that something happens to, of that name the one of that number, from 1.
#[derive(Clone, Copy)]
struct Fault<'a> {
    how: &'a str,
    name: &'a str,
    ordinal: usize,
}

struct Run {
    was_disturbed: bool,
    succeeded: bool,
    /// As often one thread made them.
    calls: Vec<(String, usize)>,
}

/// One of the versions, whole, whichever is asked for, and nothing besides in the end.
fn check(site: &Site, deed: Deed, exchanges: bool, wanted: Which, point: &str) {
    let (old, new, alone) = deed.texts();
    restore(&site.path());
    let there = site.package("a");
    let there = there.as_deref().unwrap_or("nothing");
    assert!(there == old || new.contains(&there), "{point}: {there}");
    let root = root(&site.path(), exchanges);
    let kept = root.lock(NOW).unwrap().kept("a").unwrap();
    match kept {
        None => assert_eq!(there, alone, "{point}"),
        Some(kept) => {
            let in_place = if there == old { Which::Old } else { Which::New };
            assert_eq!(kept.in_place, Some(in_place), "{point}");
            let other = match wanted {
                Which::Old => Which::New,
                Which::New => Which::Old,
            };
            for which in [wanted, other, wanted] {
                ensure(&root, which);
                let there = site.package("a").unwrap();
                let is_it = match which {
                    Which::Old => there == old,
                    Which::New => new.contains(&&*there),
                };
                assert!(is_it, "{point}: {which:?} is {there}");
                assert_eq!(site.receipt("a"), Some(there), "{point}");
            }
            root.lock(NOW).unwrap().drop_kept("a").unwrap();
        }
    }
    drop(root);
    clean(site);
    assert_eq!(site.receipt("a"), site.package("a"), "{point}");
    assert_eq!(site.holds().len(), 6, "{point}: {:?}", site.holds());
}

/// Disturbs it at each of its calls. Gives how often; `None` if it cannot be done here.
fn disturb_everywhere(deed: Deed, exchanges: bool) -> Option<usize> {
    let site = Site::new();
    deed.prepare(&site, exchanges);
    let whole = run(&site, deed, exchanges, None).filter(|it| it.succeeded)?;
    let calls = whole.calls.iter();
    let calls = calls.flat_map(|(name, count)| (1..=*count).map(move |ordinal| (name, ordinal)));
    let faults = calls.flat_map(|(name, ordinal)| FAULTS.map(|how| Fault { how, name, ordinal }));
    let mut points = 0;
    for fault in faults {
        let site = Site::new();
        deed.prepare(&site, exchanges);
        let disturbed = run(&site, deed, exchanges, Some(fault));
        let Fault { how, name, ordinal } = fault;
        let point = format!("{deed:?}/{exchanges}/{how}/{name}/{ordinal}");
        assert!(disturbed.is_some_and(|it| it.was_disturbed), "{point}");
        let wanted = [Which::Old, Which::New][ordinal % 2];
        check(&site, deed, exchanges, wanted, &point);
        points += 1;
    }
    Some(points)
}

#[test]
fn disturbed_at_any_call_one_of_the_two_is_there_and_each_can_be_had() {
    use std::io::Write as _;
    let all = |exchanges| -> Option<usize> {
        let points = Deed::ALL.into_iter();
        points.map(|deed| disturb_everywhere(deed, exchanges)).sum()
    };
    let (one, other) = std::thread::scope(|scope| {
        let one = scope.spawn(|| all(true));
        (all(false), one.join().unwrap())
    });
    let Some(points) = one.zip(other).map(|(one, other)| one + other) else {
        // `eprintln!` is captured in tests that pass.
        let why = "\nskipped: kills of upgrades that are taken back: no strace";
        let _ = writeln!(std::io::stderr().lock(), "{why}");
        return;
    };
    assert!(points >= 200, "only {points} points");
    println!("{points} points");
}
