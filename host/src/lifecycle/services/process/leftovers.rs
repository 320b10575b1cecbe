//! What a manager that was killed left running is ended before anything is started.

use std::collections::HashSet;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::Site;
use super::note::{self, Noted};
use super::system::{self, One};

/// As long it has to end at most: nothing is started meanwhile.
const LONGEST_GRACE: Duration = Duration::from_secs(10);
/// As long is waited for what was killed.
const AFTER_KILL: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Ends all processes of the state folder, and what is left of their groups.
pub(super) fn end(site: &Site) {
    let noted = note::all(&site.state_dir);
    let grace = noted.iter().map(|it| Duration::from_millis(it.grace_ms));
    let grace = grace.max().unwrap_or(LONGEST_GRACE).min(LONGEST_GRACE);
    let began = Instant::now();
    let mut pause = Duration::from_millis(5);
    let mut known: HashSet<One> = HashSet::new();
    loop {
        known.retain(One::is_alive);
        let is_over = began.elapsed() >= grace;
        for one in find(site, &noted) {
            if known.insert(one) {
                let pid = one.pid.as_raw_nonzero();
                tracing::warn!(pid, "a process that another server left is ended");
                if !is_over {
                    one.signal(Signal::TERM);
                    one.signal(Signal::CONT);
                }
            }
        }
        if known.is_empty() {
            break;
        }
        if is_over {
            for one in &known {
                one.signal(Signal::KILL);
            }
        }
        if began.elapsed() >= grace + AFTER_KILL {
            let count = known.len();
            tracing::error!(count, "processes that another server left do not end");
            break;
        }
        thread::sleep(pause);
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
    if cfg!(not(target_os = "linux")) {
        for pid in noted.iter().filter_map(|it| it.pid) {
            // Whether it is the same one cannot be told here.
            tracing::warn!(pid, "a process that another server left may run still");
        }
    }
    note::remove_all(&site.state_dir);
}

/// What is there of the state folder's processes.
fn find(site: &Site, noted: &[Noted]) -> Vec<One> {
    let boot = system::boot();
    let all = system::all();
    let is_noted = |one: &One| {
        noted.iter().any(|it| {
            it.pid == Some(one.pid.as_raw_nonzero().get())
                && it.started == Some(one.started)
                && it.boot.is_some()
                && it.boot == boot
        })
    };
    // As long as its leader is there, a group is what it was.
    let leaders = all.iter().filter(|one| is_noted(one));
    let groups: HashSet<i32> = leaders
        .filter(|one| one.group == one.pid.as_raw_nonzero().get())
        .map(|one| one.group)
        .collect();
    let mark = format!("{}-", site.mark);
    let has_token = |one: &One| {
        let token = system::token(one);
        token.is_some_and(|it| it.starts_with(&mark) || noted.iter().any(|noted| noted.token == it))
    };
    let is_ours = |one: &One| groups.contains(&one.group) || is_noted(one) || has_token(one);
    all.iter().filter(|one| is_ours(one)).copied().collect()
}
