//! A disturbance at every system call that changes something.

use std::os::unix::process::ExitStatusExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use keyway_tests::skipped;
use keyway_tests::trace::{Call, Fault, Trace};

use crate::scenario::{Ending, NEXT, Next, SCENARIOS, Scenario};
use crate::site::{Check, Site};

/// A part of the name of the points that are to be run; all others are left out.
const ONLY: &str = "KEYWAY_POINT";
/// Says that all points are to be run: after each kill all that may be done next, and all errors.
const ALL: &str = "KEYWAY_ALL_POINTS";

const NO_ROOM: Fault = Fault::Error("ENOSPC");
const BROKEN: Fault = Fault::Error("EIO");

/// A system call of a scenario, what happens there, and what is done afterwards.
struct Point<'a> {
    scenario: &'a Scenario,
    call: &'a Call,
    fault: Fault,
    next: Next,
}

impl Point<'_> {
    fn name(&self) -> String {
        let Call { name, ordinal, .. } = self.call;
        let (scenario, fault, next) = (self.scenario.name, self.fault, self.next);
        format!("{scenario}/{fault}/{name}/{ordinal}/{next}")
    }

    fn run(&self) -> Check {
        let site = Site::new();
        self.scenario.prepare(&site);
        let other = site.other();
        let command = self.scenario.command(&site);
        let log = site.home().join("log");
        let trace = self.scenario.trace(&command, &log);
        let run = trace.run_with(self.fault, self.call);
        if run.faults(&self.call.name).len() != 1 {
            return Err(format!("not one call is disturbed: {run}"));
        }
        let ending = match (run.status.code(), run.status.signal(), self.fault) {
            (None, Some(9), Fault::Kill) => Ending::Killed,
            (Some(0), _, Fault::Error(_)) => Ending::Done,
            (Some(1), _, Fault::Error(_)) if run.stderr.contains("error: ") => Ending::Failed,
            _ => return Err(format!("a wrong end: {run}")),
        };
        let said = |problem| format!("{problem}\n  it said: {}", run.stderr.trim_end());
        let there = self.scenario.check(&site, ending, other.as_ref());
        there
            .and_then(|there| self.scenario.follow(&site, self.next, there))
            .map_err(said)
    }
}

/// The calls of a scenario: those that change something, and those that only look.
struct Calls {
    changes: Vec<Call>,
    looks: Vec<Call>,
}

impl Calls {
    fn of(scenario: &Scenario) -> Self {
        let calls = |kind: fn(&Trace<'_>, &Path) -> Vec<Call>| {
            let site = Site::new();
            scenario.prepare(&site);
            let command = scenario.command(&site);
            let log = site.home().join("log");
            let mut calls = kind(&scenario.trace(&command, &log), &site.data());
            // These fail in any case.
            calls.retain(|call| !scenario.plain_renames || call.name != "renameat2");
            calls
        };
        Self {
            changes: calls(|trace, folder| trace.changes(folder)),
            looks: calls(|trace, folder| trace.looks(folder)),
        }
    }
}

/// Whether the call can fail for want of room.
fn needs_room(call: &Call) -> bool {
    let frees = ["unlink", "unlinkat", "rmdir", "flock", "fchmod", "fchmodat"];
    !frees.contains(&call.name.as_str())
}

fn points<'a>(scenario: &'a Scenario, calls: &'a Calls, all: bool) -> Vec<Point<'a>> {
    let mut points = Vec::new();
    let mut add = |call, fault, turn: usize| {
        points.push(Point {
            scenario,
            call,
            fault,
            next: NEXT[turn % NEXT.len()],
        });
    };
    for (index, call) in calls.changes.iter().enumerate() {
        let times = if all { NEXT.len() } else { 1 };
        for turn in 0..times {
            add(call, Fault::Kill, index + turn);
        }
        if needs_room(call) && (all || index % 4 == 0) {
            add(call, NO_ROOM, index + 1);
        }
        if all || index % 4 == 2 {
            add(call, BROKEN, index + 2);
        }
    }
    for (index, call) in calls.looks.iter().enumerate() {
        if all || index % 16 == 0 {
            add(call, BROKEN, index);
        }
    }
    points
}

#[test]
fn whatever_happens_at_any_call_it_is_old_or_new_and_nothing_is_left() {
    if let Some(why) = Trace::is_impossible() {
        return skipped("kills and errors at every system call", why);
    }
    let began = Instant::now();
    let calls = SCENARIOS.each_ref().map(Calls::of);
    let only = std::env::var(ONLY).ok();
    let all = only.is_some() || std::env::var_os(ALL).is_some();
    let mut points: Vec<_> = SCENARIOS
        .iter()
        .zip(&calls)
        .flat_map(|(scenario, calls)| points(scenario, calls, all))
        .collect();
    let kills = calls.iter().map(|calls| calls.changes.len()).sum::<usize>();
    assert!(kills >= 200, "only {kills} calls");
    for (scenario, Calls { changes, looks }) in SCENARIOS.iter().zip(&calls) {
        let (changes, looks) = (changes.len(), looks.len());
        println!(
            "{}: {changes} calls change something, {looks} look",
            scenario.name
        );
    }
    if let Some(only) = only {
        points.retain(|point| point.name().contains(&only));
    }
    assert!(!points.is_empty(), "no point has the name in {ONLY}");

    let failures = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let run = catch_unwind(AssertUnwindSafe(|| point.run()));
                    let run = run.unwrap_or_else(|_| Err("a panic, see above".to_owned()));
                    if let Err(why) = run {
                        failures
                            .lock()
                            .unwrap()
                            .push((point.name(), &point.call.text, why));
                    }
                }
            });
        }
    });
    for fault in [Fault::Kill, NO_ROOM, BROKEN] {
        let count = points.iter().filter(|it| it.fault == fault).count();
        println!("{fault}: {count} points");
    }
    println!("{} points in {:.1?}", points.len(), began.elapsed());
    let failures = failures.into_inner().unwrap();
    for (name, call, why) in failures.iter().take(20) {
        println!("{name}\n  at {call}\n  {why}");
        println!("  again: {ONLY}={name} cargo test -p keyway-tests --test transactions points");
    }
    assert!(failures.is_empty(), "{} points failed", failures.len());
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, |it| it.get().min(8))
}
