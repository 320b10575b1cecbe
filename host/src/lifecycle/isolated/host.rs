//! A worker, as its manager has it.
//!
//! Each has its threads: one that waits for the process to end, which reaps it; one that reads what it
//! says; one that writes, so that nobody waits for a worker that does not read; two for its stdout and
//! stderr; and one for each request for a service. All of them end with the process.

use std::io::{self, Read};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

use super::Worker;
use super::calls;
use super::ending::{ended, lines};
use super::log;
use super::wire::{self, Bytes, FromWorker, MAX_CALLS, Make, Run, ToWorker};
use crate::lifecycle::code::Context;
use crate::lifecycle::object::{Failure, Killer};
use crate::lifecycle::status::LifecycleState;
use crate::plugin::{Cancellation, CancellationAccess, Errand, HookName, RemoteLog};

/// As often it is looked whether a hook is to give up.
const SLICE: Duration = Duration::from_millis(25);
/// As long a process that was killed may take to be gone.
const GONE: Duration = Duration::from_secs(10);
/// As long a worker that closed its connection may take to end by itself, and what it said last may take
/// to be read.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// No hook has longer.
const ENDLESS: u64 = u64::MAX / 4;

/// A lifecycle in a process of its own. Dropping it ends that.
#[derive(Debug)]
pub(in crate::lifecycle) struct Isolated {
    shared: Arc<Shared>,
    began: Instant,
    next: u64,
    state: LifecycleState,
}

/// What is called when a worker ended that nobody ended, and that was not at anything.
pub(in crate::lifecycle) type Watcher = Box<dyn FnOnce() + Send>;

struct Shared {
    package: String,
    pid: Pid,
    /// `None` when it is reaped: its number may be another one's then.
    child: Mutex<Option<Child>>,
    to: mpsc::Sender<ToWorker>,
    state: Mutex<State>,
    changed: Condvar,
    calls: AtomicUsize,
    context: Context,
    log: Arc<RemoteLog>,
}

#[derive(Default)]
struct State {
    /// What it said of what it was to do.
    reply: Option<Reply>,
    /// The hook that runs.
    run: Option<(u64, Cancellation)>,
    /// Whether something is waited for.
    is_busy: bool,
    /// Nothing is read from it any more.
    is_read: bool,
    /// We ended it.
    is_killed: bool,
    /// It said what makes no sense.
    nonsense: Option<String>,
    /// How it ended.
    ended: Option<String>,
    watcher: Option<Watcher>,
}

enum Reply {
    Made(Result<(), Failure>),
    Returned(u64, Result<(), Failure>),
    Ended(Result<(), String>),
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker")
            .field("package", &self.package)
            .field("pid", &self.pid)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Isolated {
    /// Starts a worker, which has nothing to do yet.
    pub(in crate::lifecycle) fn spawn(
        worker: &Worker,
        package: &str,
        state: LifecycleState,
        context: Context,
        log: Arc<RemoteLog>,
    ) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut command = Command::new(worker.program());
        if let Some(name) = worker.shown_as() {
            command.arg0(name);
        }
        let mut child = command
            .args(worker.arguments())
            .arg(package)
            // What a service manager says is for the server alone.
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .env_remove("WATCHDOG_PID")
            // Ctrl-C is for the server, and what it starts can be ended with it.
            .process_group(0)
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        // The command still holds the other end.
        drop(command);
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let pid = Pid::from_child(&child);
        let (to, orders) = mpsc::channel();
        let shared = Arc::new(Shared {
            package: package.to_owned(),
            pid,
            child: Mutex::new(Some(child)),
            to,
            state: Mutex::default(),
            changed: Condvar::new(),
            calls: AtomicUsize::new(0),
            context,
            log,
        });
        let state = LifecycleState {
            isolated: true,
            pid: Some(pid.as_raw_nonzero().get().unsigned_abs()),
            ..state
        };
        let isolated = Self {
            shared: Arc::clone(&shared),
            began: Instant::now(),
            next: 0,
            state,
        };
        isolated
            .attend(ours, orders, stdout, stderr)
            .inspect_err(|_| {
                // Nobody else may be there to reap it.
                shared.kill();
                if let Some(mut child) = lock(&shared.child).take() {
                    let _ = child.wait();
                }
            })?;
        Ok(isolated)
    }

    /// Starts the threads. The one that reaps comes last: without it, nothing is reaped twice.
    fn attend(
        &self,
        ours: UnixStream,
        orders: mpsc::Receiver<ToWorker>,
        stdout: Option<impl Read + Send + 'static>,
        stderr: Option<impl Read + Send + 'static>,
    ) -> io::Result<()> {
        let thread = |what: &str| {
            let name = format!("{what} {}", self.shared.package);
            thread::Builder::new().name(name)
        };
        let package = self.shared.package.clone();
        thread("stdout of").spawn(move || {
            lines(stdout, |line| {
                tracing::info!(package, stream = "stdout", "{line}");
            })
        })?;
        let package = self.shared.package.clone();
        thread("stderr of").spawn(move || {
            lines(stderr, |line| {
                tracing::warn!(package, stream = "stderr", "{line}");
            })
        })?;
        let mut to = ours.try_clone()?;
        thread("orders of").spawn(move || {
            if wire::send(&mut to, &wire::greeting()).is_err() {
                return;
            }
            for order in orders {
                if let Err(error) = wire::send(&mut to, &order) {
                    tracing::debug!(%error, "a worker takes nothing any more");
                    return;
                }
            }
        })?;
        let (shared, from) = (Arc::clone(&self.shared), ours.try_clone()?);
        // What it logs is the package's. At this level it is there whatever is filtered.
        let span = tracing::error_span!("worker", package = self.shared.package);
        thread("words of").spawn(move || span.in_scope(|| shared.read(from)))?;
        let shared = Arc::clone(&self.shared);
        thread("end of").spawn(move || shared.see_to_its_end(&ours))?;
        Ok(())
    }

    /// Makes the lifecycle.
    pub(in crate::lifecycle) fn make(
        &mut self,
        errand: Errand,
        memory: Option<u64>,
    ) -> Result<(), Failure> {
        let context = &self.shared.context;
        let bytes = |path: &Path| Bytes(path.as_os_str().as_bytes().to_vec());
        let make = Make {
            errand,
            package_root: bytes(&context.package_root),
            data_dir: bytes(&context.data_dir),
            install_kwargs: context.install_kwargs.clone(),
            package_toml: context.package_toml.clone(),
            services: calls::offered(context),
            memory,
            log: log::wanted(),
        };
        match self.shared.ask(ToWorker::Make(Box::new(make)), None) {
            Ok(Reply::Made(made)) => made,
            Ok(_) => Err(self.shared.nonsense()),
            Err(how) => Err(worker_ended(&how, "while its code was loaded")),
        }
    }

    pub(in crate::lifecycle) fn run(
        &mut self,
        hook: HookName,
        from: &str,
        run: &Cancellation,
    ) -> Result<(), Failure> {
        self.next += 1;
        let left = run.remaining().map(|it| it.as_millis());
        let order = ToWorker::Run(Run {
            number: self.next,
            hook: hook.to_string(),
            from: from.to_owned(),
            left: left
                .and_then(|it| it.try_into().ok())
                .unwrap_or(ENDLESS)
                .min(ENDLESS),
        });
        let run = (self.next, Arc::clone(run));
        match self.shared.ask(order, Some(run)) {
            Ok(Reply::Returned(number, result)) if number == self.next => result,
            Ok(_) => Err(self.shared.nonsense()),
            Err(how) => Err(worker_ended(&how, &format!("in the hook `{hook}`"))),
        }
    }

    /// Drops the lifecycle and ends the process: it is gone when this returns.
    pub(in crate::lifecycle) fn end(self) -> Result<(), String> {
        let said = match self.shared.ask(ToWorker::End, None) {
            Ok(Reply::Ended(ended)) => ended,
            Ok(_) => Err(self.shared.nonsense().message),
            // That is what it was to do.
            Err(_) => Ok(()),
        };
        self.shared.kill();
        self.shared.wait_until_gone();
        said
    }

    pub(in crate::lifecycle) fn state(&self) -> LifecycleState {
        self.state.clone()
    }

    /// How it ended, if it did.
    pub(in crate::lifecycle) fn ended(&self) -> Option<String> {
        lock(&self.shared.state).ended.clone()
    }

    /// How long it has been there.
    pub(in crate::lifecycle) fn lasted(&self) -> Duration {
        self.began.elapsed()
    }

    /// Calls `watcher` once it ends by itself.
    pub(in crate::lifecycle) fn watch(&self, watcher: Watcher) {
        lock(&self.shared.state).watcher = Some(watcher);
    }

    /// What ends it, whatever it is at.
    pub(in crate::lifecycle) fn killer(&self) -> Killer {
        let shared = Arc::clone(&self.shared);
        Arc::new(move || {
            shared.kill();
            shared.wait_until_gone();
        })
    }
}

impl Drop for Isolated {
    fn drop(&mut self) {
        self.shared.kill();
    }
}

fn worker_ended(how: &str, when: &str) -> Failure {
    Failure {
        code: super::ENDED.to_owned(),
        message: format!("the worker process {how} {when}"),
        location: None,
    }
}

impl Shared {
    /// Gives an order and waits for what comes of it; how the worker ended if it did before.
    fn ask(&self, order: ToWorker, run: Option<(u64, Cancellation)>) -> Result<Reply, String> {
        let mut state = lock(&self.state);
        if let Some(how) = &state.ended {
            return Err(how.clone());
        }
        state.reply = None;
        state.is_busy = true;
        state.run.clone_from(&run);
        let _ = self.to.send(order);
        let mut is_told = false;
        let outcome = loop {
            if let Some(reply) = state.reply.take() {
                break Ok(reply);
            }
            if let Some(how) = &state.ended {
                break Err(how.clone());
            }
            let waited = self.changed.wait_timeout(state, SLICE);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if let Some((number, run)) = run.as_ref().filter(|_| !is_told)
                && run.is_cancelled()
            {
                is_told = true;
                let _ = self.to.send(ToWorker::Cancel(*number));
            }
        };
        state.is_busy = false;
        state.run = None;
        outcome
    }

    fn nonsense(&self) -> Failure {
        self.kill();
        let message = "the worker process answers what it was not asked; it was ended".to_owned();
        Failure {
            code: super::ENDED.to_owned(),
            message,
            location: None,
        }
    }

    /// Ends the process and all that it started, as far as it stayed in its group.
    fn kill(&self) {
        lock(&self.state).is_killed = true;
        self.end_group();
    }

    fn end_group(&self) {
        // As long as it is not reaped, the number is its own: nobody reaps it meanwhile.
        let child = lock(&self.child);
        if child.is_some() {
            let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
        }
    }

    fn wait_until_gone(&self) {
        let state = lock(&self.state);
        let waited = self
            .changed
            .wait_timeout_while(state, GONE, |it| it.ended.is_none());
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.ended.is_none() {
            tracing::error!(
                package = self.package,
                "a worker that was killed is still there"
            );
        }
    }

    /// Waits for the end of the process, and tells who wants to know.
    fn see_to_its_end(&self, connection: &UnixStream) {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while rustix::process::waitid(WaitId::Pid(self.pid), options)
            .is_err_and(|error| error == rustix::io::Errno::INTR)
        {}
        // What it started, while its number is not another one's.
        self.end_group();
        let child = lock(&self.child).take();
        let status = child.map(|mut child| child.wait());
        let _ = connection.shutdown(Shutdown::Both);
        let how = match status {
            Some(Ok(status)) => ended(status),
            _ => "ended".to_owned(),
        };
        // What it said last counts.
        let state = lock(&self.state);
        let waited = self
            .changed
            .wait_timeout_while(state, LAST_WORDS, |it| !it.is_read);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let how = match state.nonsense.take() {
            Some(nonsense) => format!("was ended, since it said nonsense ({nonsense}),"),
            None => how,
        };
        // Who waits for it is told, unless he has his answer already.
        let is_waited_for = state.is_busy && state.reply.is_none();
        let is_surprise = !state.is_killed && !is_waited_for;
        state.ended = Some(how);
        let watcher = state.watcher.take();
        drop(state);
        self.changed.notify_all();
        if let Some(watcher) = watcher.filter(|_| is_surprise) {
            watcher();
        }
    }

    /// Reads what it says, to the end.
    fn read(self: Arc<Self>, mut from: UnixStream) {
        let nonsense = loop {
            match wire::receive(&mut from) {
                Ok(Some(message)) => self.take(message),
                Ok(None) => break None,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    break Some(error.to_string());
                }
                Err(_) => break None,
            }
        };
        let mut state = lock(&self.state);
        let is_nonsense = nonsense.is_some();
        state.nonsense = nonsense;
        state.is_read = true;
        self.changed.notify_all();
        if !is_nonsense {
            let waited = self
                .changed
                .wait_timeout_while(state, LAST_WORDS, |it| it.ended.is_none());
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        // Without a word from it, it is of no use.
        self.end_group();
    }

    fn take(self: &Arc<Self>, message: FromWorker) {
        let reply = match message {
            FromWorker::Made(made) => Reply::Made(made),
            FromWorker::Returned(number, result) => Reply::Returned(number, result),
            FromWorker::Ended(ended) => Reply::Ended(ended),
            FromWorker::Log(event) => return self.log.emit(event),
            FromWorker::Progress {
                run,
                done,
                total,
                message,
            } => {
                let now = lock(&self.state).run.clone();
                if let Some((_, now)) = now.filter(|(number, _)| *number == run) {
                    now.progress(done, total, &message);
                }
                return;
            }
            FromWorker::Call(number, request) => return self.serve(number, request),
        };
        lock(&self.state).reply = Some(reply);
        self.changed.notify_all();
    }

    /// Does what is asked of a service, in a thread of its own.
    fn serve(self: &Arc<Self>, number: u64, request: calls::Request) {
        let refuse = |why: &str| {
            let _ = self.to.send(ToWorker::Answer(number, Err(why.to_owned())));
        };
        if self.calls.fetch_add(1, Ordering::AcqRel) >= MAX_CALLS {
            self.calls.fetch_sub(1, Ordering::AcqRel);
            return refuse("too much is asked at once");
        }
        let run = lock(&self.state).run.clone();
        let shared = Arc::clone(self);
        let name = format!("service of {}", self.package);
        let spawned = thread::Builder::new().name(name).spawn(move || {
            let hook = CallRun {
                shared: Arc::clone(&shared),
                run,
            };
            let work = || calls::answer(&shared.context, request, &hook);
            let answer = catch_unwind(AssertUnwindSafe(work))
                .unwrap_or_else(|_| Err("the host's service panicked".to_owned()));
            // Before: who has the answer may ask again.
            shared.calls.fetch_sub(1, Ordering::AcqRel);
            let _ = shared.to.send(ToWorker::Answer(number, answer));
        });
        if spawned.is_err() {
            self.calls.fetch_sub(1, Ordering::AcqRel);
            refuse("there can be no thread for it");
        }
    }
}

/// The hook that something is asked for: cancelled as soon as it is not the one that runs, and with the
/// worker.
struct CallRun {
    shared: Arc<Shared>,
    run: Option<(u64, Cancellation)>,
}

impl CallRun {
    fn now(&self) -> Option<&Cancellation> {
        let (number, run) = self.run.as_ref()?;
        let state = lock(&self.shared.state);
        let runs = state.run.as_ref().is_some_and(|it| it.0 == *number);
        (runs && state.ended.is_none()).then_some(run)
    }
}

impl CancellationAccess for CallRun {
    fn remaining(&self) -> Option<Duration> {
        self.now()
            .map_or(Some(Duration::ZERO), |run| run.remaining())
    }

    fn is_cancelled(&self) -> bool {
        self.now().is_none_or(|run| run.is_cancelled())
    }

    fn wait_cancelled(&self, timeout: Duration) -> bool {
        let end = Instant::now() + timeout;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.now() {
                None => return true,
                Some(run) if run.wait_cancelled(left.min(SLICE)) => return true,
                Some(_) if left.is_zero() => return false,
                Some(_) => {}
            }
        }
    }

    fn progress(&self, done: u64, total: Option<u64>, message: &str) {
        if let Some(run) = self.now() {
            run.progress(done, total, message);
        }
    }
}
