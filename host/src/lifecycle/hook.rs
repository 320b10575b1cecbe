//! Running a hook: in a thread of its own, with a deadline.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::object::{Failure, Killer, Object};
use super::request::HookProgress;
use crate::install::Cancellation;
use crate::plugin::{Cancellation as HookRun, CancellationAccess, HookName};

/// As often it is looked whether somebody is in a hurry.
const SLICE: Duration = Duration::from_millis(50);

/// As much time a hook has, and what ends it earlier.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    pub(super) deadline: Duration,
    /// As long it may still take once it was told to give up.
    pub(super) grace: Duration,
    /// The manager is about to end: the hook is told to give up.
    pub(super) giving_up: Cancellation,
    /// Nothing is waited for any more.
    pub(super) hurry: Cancellation,
}

pub(super) type Report = Arc<dyn Fn(&HookProgress) + Send + Sync>;

/// What makes a package's lifecycle.
pub(super) type Construct = Box<dyn FnOnce() -> Result<Object, Failure> + Send>;

/// What runs the hook: the object, or what makes it.
pub(super) enum Code {
    Made(Object),
    ToMake(Construct),
    /// To be made in a worker, which this ends.
    ToMakeIn(Killer, Construct),
}

impl Code {
    fn killer(&self) -> Option<Killer> {
        match self {
            Self::Made(object) => object.killer(),
            Self::ToMake(_) => None,
            Self::ToMakeIn(killer, _) => Some(Killer::clone(killer)),
        }
    }
}

/// How a hook ended.
pub(super) enum End {
    /// It returned; the object can be used again.
    Returned(Object, Result<(), Failure>),
    /// There is no object: it could not be made.
    NotMade(Failure),
    /// It was not run: there can be no thread for it.
    NotBegun(io::Error),
    /// It did not return in time. Its thread and its object are given up.
    GivenUp(Duration),
    /// It did not return in time, and its worker was ended.
    Killed(Duration),
}

/// Which hook runs, for whom.
pub(super) struct Call {
    pub(super) package: String,
    pub(super) hook: HookName,
    /// For `upgrade`: from which version.
    pub(super) from: String,
}

/// Runs a hook and waits for it.
pub(super) fn run(code: Code, call: Call, patience: &Patience, report: Report) -> End {
    let began = Instant::now();
    let killer = code.killer();
    let give_up = || match &killer {
        None => End::GivenUp(began.elapsed()),
        Some(kill) => {
            let took = began.elapsed();
            kill();
            End::Killed(took)
        }
    };
    let run = Arc::new(Run {
        name: call.package.clone(),
        step: call.hook.to_string(),
        deadline: began + patience.deadline,
        cancelled: Mutex::new(false),
        changed: Condvar::new(),
        report,
    });
    let (sender, receiver) = mpsc::channel();
    let access: HookRun = Arc::clone(&run) as _;
    let name = format!("{} {}", call.hook, call.package);
    // What is logged in the thread is the package's. At this level it is there whatever is filtered.
    let span = tracing::error_span!("hook", package = call.package, hook = %call.hook);
    let spawned = thread::Builder::new().name(name).spawn(move || {
        let _in_span = span.enter();
        let made = match code {
            Code::Made(object) => Ok(object),
            Code::ToMake(make) | Code::ToMakeIn(_, make) => make(),
        };
        let end = match made {
            Err(error) => End::NotMade(error),
            Ok(mut object) => {
                let result = object.run(call.hook, &call.from, &access);
                End::Returned(object, result)
            }
        };
        // Nobody listens any more if it was given up.
        let _ = sender.send(end);
    });
    if let Err(error) = spawned {
        return End::NotBegun(error);
    }
    let mut told = None;
    loop {
        match receiver.recv_timeout(SLICE) {
            Ok(end) => return end,
            // The thread ended without a word: a panic of our own.
            Err(RecvTimeoutError::Disconnected) => return give_up(),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let is_late = Instant::now() >= run.deadline;
        if told.is_none() && (is_late || patience.giving_up.is_cancelled()) {
            run.cancel();
            told = Some(Instant::now());
        }
        let is_over = told.is_some_and(|told| told.elapsed() >= patience.grace);
        // Who is told to give up early has until the deadline all the same.
        if (is_over && is_late) || patience.hurry.is_cancelled() {
            run.cancel();
            return give_up();
        }
    }
}

/// Drops an object; what its drop does wrong is logged. One that does not return in time is given up:
/// whether it returned.
pub(super) fn end(object: Object, grace: Duration) -> bool {
    let (sender, receiver) = mpsc::channel();
    let killer = object.killer();
    let span = tracing::Span::current();
    let spawned = thread::Builder::new().spawn(move || {
        let _in_span = span.enter();
        if let Err(fault) = object.end() {
            tracing::warn!("{fault}");
        }
        let _ = sender.send(());
    });
    let returned =
        spawned.is_err() || receiver.recv_timeout(grace) != Err(RecvTimeoutError::Timeout);
    if !returned {
        tracing::warn!("the drop of a lifecycle does not return");
    }
    match killer {
        Some(kill) if !returned => {
            kill();
            true
        }
        _ => returned,
    }
}

/// One run of a hook, as the hook sees it.
struct Run {
    name: String,
    step: String,
    deadline: Instant,
    cancelled: Mutex<bool>,
    changed: Condvar,
    report: Report,
}

impl Run {
    fn cancel(&self) {
        *self
            .cancelled
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }
}

impl CancellationAccess for Run {
    fn remaining(&self) -> Option<Duration> {
        Some(self.deadline.saturating_duration_since(Instant::now()))
    }

    fn is_cancelled(&self) -> bool {
        *self
            .cancelled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_cancelled(&self, timeout: Duration) -> bool {
        let cancelled = self
            .cancelled
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .changed
            .wait_timeout_while(cancelled, timeout, |it| !*it);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn progress(&self, done: u64, total: Option<u64>, message: &str) {
        (self.report)(&HookProgress {
            name: self.name.clone(),
            step: self.step.clone(),
            done,
            total,
            message: message.to_owned(),
        });
    }
}
