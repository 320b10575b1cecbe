//! The worker: a process that runs the lifecycle of one package, and ends when its manager does.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, Signal};

use super::calls::{Answer, Proxy, Request};
use super::log::Forward;
use super::wire::{self, Bytes, FromWorker, MAX_CALLS, Make, ToWorker};
use crate::lifecycle::object::{Failure, run_here};
use crate::lifecycle::services::config::Given;
use crate::plugin::{
    Cancellation, CancellationAccess, ContextAccess, HookName, Lifecycle, ServiceOffer,
};

/// Does the work of a worker: what a program does that a [`Worker`](crate::lifecycle::Worker) names. To
/// be called before the program has done anything else: no thread of it runs, nothing is logged yet,
/// and stdin is what the manager gave it. Returns if that is not so; else the process ends in it.
#[must_use]
pub fn worker_main() -> ExitCode {
    let Err(why) = work();
    let _ = writeln!(io::stderr(), "keyway worker: {why}");
    ExitCode::from(2)
}

fn work() -> io::Result<std::convert::Infallible> {
    let mut from = connection()?;
    let greeting: Option<String> = wire::receive(&from)?;
    if greeting.as_deref() != Some(&*wire::greeting()) {
        return Err(io::Error::other("the server is of another build"));
    }
    let Some(ToWorker::Make(make)) = wire::receive(&from)? else {
        return Err(io::Error::other("nothing was to be made"));
    };
    if let Some(bytes) = make.memory {
        let limit = Rlimit {
            current: Some(bytes),
            maximum: Some(bytes),
        };
        rustix::process::setrlimit(Resource::As, limit)?;
    }
    let link = Arc::new(Link::new(from.try_clone()?));
    Forward::install(&link, make.log);
    let (sender, orders) = mpsc::channel();
    let read = Arc::clone(&link);
    thread::Builder::new().spawn(move || {
        while let Ok(Some(message)) = wire::receive(&mut from) {
            read.take(message, &sender);
        }
        // Nobody is there any more for whom this could be of use.
        die()
    })?;
    let mut lifecycle = match link.make(*make) {
        Ok(lifecycle) => {
            link.send(&FromWorker::Made(Ok(())));
            Some(lifecycle)
        }
        Err(failure) => {
            link.send(&FromWorker::Made(Err(failure)));
            None
        }
    };
    for order in orders {
        match (order, lifecycle.take()) {
            (Order::Run(hook, from, run), Some(mut made)) => {
                let access: Cancellation = Arc::clone(&run) as _;
                let result = run_here(&mut made, hook, &from, &access);
                lifecycle = Some(made);
                link.send(&FromWorker::Returned(run.number, result));
            }
            (Order::End, Some(made)) => {
                let ended = made.end().map_err(|fault| fault.to_string());
                link.send(&FromWorker::Ended(ended));
            }
            (_, None) => break,
        }
    }
    die()
}

/// The connection to the manager: what came as stdin, which is nothing from now on, also for what this
/// process starts.
fn connection() -> io::Result<UnixStream> {
    let stdin = io::stdin().as_fd().try_clone_to_owned()?;
    let stat = rustix::fs::fstat(&stdin)?;
    if !rustix::fs::FileType::from_raw_mode(stat.st_mode).is_socket() {
        let why = "this is not for people: `keyway serve` starts it";
        return Err(io::Error::other(why));
    }
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(UnixStream::from(stdin))
}

/// Ends this process at once, with all that it started. What a plugin has registered to be run at the
/// end could hang.
fn die() -> ! {
    let leads = rustix::process::getpgrp() == rustix::process::getpid();
    let _ = match leads {
        true => rustix::process::kill_current_process_group(Signal::KILL),
        false => rustix::process::kill_process(rustix::process::getpid(), Signal::KILL),
    };
    std::process::abort()
}

/// What is to be done next.
enum Order {
    Run(HookName, String, Arc<Running>),
    End,
}

fn hook_name(name: &str) -> Option<HookName> {
    use HookName::{Install, Prepare, Start, Stop, Uninstall, Upgrade};
    let all = [Prepare, Install, Start, Stop, Uninstall, Upgrade];
    all.into_iter().find(|hook| hook.to_string() == name)
}

/// The worker's end of the connection, used from any thread.
pub(super) struct Link {
    to: Mutex<UnixStream>,
    /// Who waits for answers.
    asked: Mutex<HashMap<u64, mpsc::Sender<Result<Answer, String>>>>,
    answered: Condvar,
    next: AtomicU64,
    /// The run that was last ordered.
    run: Mutex<Option<Arc<Running>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Link {
    fn new(to: UnixStream) -> Self {
        Self {
            to: Mutex::new(to),
            asked: Mutex::default(),
            answered: Condvar::new(),
            next: AtomicU64::new(0),
            run: Mutex::default(),
        }
    }

    pub(super) fn send(&self, message: &FromWorker) {
        if wire::send(&*lock(&self.to), message).is_err() {
            die();
        }
    }

    /// Asks the manager, and waits for its answer.
    pub(super) fn ask(&self, request: Request) -> Result<Answer, String> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = mpsc::channel();
        let mut asked = lock(&self.asked);
        while asked.len() >= MAX_CALLS {
            let waited = self.answered.wait(asked);
            asked = waited.unwrap_or_else(PoisonError::into_inner);
        }
        asked.insert(number, sender);
        drop(asked);
        self.send(&FromWorker::Call(number, request));
        let answer = receiver.recv();
        answer.unwrap_or_else(|_| Err("there was no answer".to_owned()))
    }

    /// Takes what the manager said.
    fn take(self: &Arc<Self>, message: ToWorker, orders: &mpsc::Sender<Order>) {
        let order = match message {
            ToWorker::Run(run) => {
                let Some(hook) = hook_name(&run.hook) else {
                    die();
                };
                let running = Arc::new(Running {
                    number: run.number,
                    deadline: Instant::now() + Duration::from_millis(run.left),
                    cancelled: Mutex::new(false),
                    changed: Condvar::new(),
                    link: Arc::clone(self),
                });
                *lock(&self.run) = Some(Arc::clone(&running));
                Order::Run(hook, run.from, running)
            }
            ToWorker::Cancel(number) => {
                if let Some(run) = lock(&self.run).as_ref().filter(|it| it.number == number) {
                    *lock(&run.cancelled) = true;
                    run.changed.notify_all();
                }
                return;
            }
            ToWorker::Answer(number, answer) => {
                if let Some(asked) = lock(&self.asked).remove(&number) {
                    let _ = asked.send(answer);
                }
                self.answered.notify_one();
                return;
            }
            ToWorker::End => Order::End,
            ToWorker::Make(_) => die(),
        };
        let _ = orders.send(order);
    }

    /// Loads the plugin and makes the lifecycle.
    fn make(self: &Arc<Self>, make: Make) -> Result<Lifecycle, Failure> {
        let given = |text: &str| serde_json::from_str(text).unwrap_or_default();
        let given = Given::new(given(&make.install_kwargs), given(&make.package_toml));
        let context = Here {
            given: Arc::new(given),
            link: Arc::clone(self),
            package_root: path(&make.package_root),
            data_dir: path(&make.data_dir),
            install_kwargs: make.install_kwargs,
            package_toml: make.package_toml,
            services: make.services,
        };
        Ok(make.errand.lifecycle(Box::new(context))?)
    }
}

fn path(bytes: &Bytes) -> PathBuf {
    PathBuf::from(std::ffi::OsStr::from_bytes(&bytes.0))
}

/// What the lifecycle may ask about its package.
struct Here {
    link: Arc<Link>,
    package_root: PathBuf,
    data_dir: PathBuf,
    install_kwargs: String,
    package_toml: String,
    services: Vec<(String, u32)>,
    given: Arc<Given>,
}

impl ContextAccess for Here {
    fn package_root(&self) -> PathBuf {
        self.package_root.clone()
    }

    fn data_dir(&self) -> PathBuf {
        self.data_dir.clone()
    }

    fn install_kwargs(&self) -> String {
        self.install_kwargs.clone()
    }

    fn package_toml(&self) -> String {
        self.package_toml.clone()
    }

    fn service(&self, name: &str, version: u32) -> Option<ServiceOffer> {
        // Of that all is here already.
        if (name, version) == ("keyway.config", 1) {
            return Some(ServiceOffer::config(Arc::clone(&self.given) as _));
        }
        let mut offered = self.services.iter();
        offered.find(|it| it.0 == name && it.1 == version)?;
        Proxy::offer(&self.link, name, version)
    }
}

/// One run of a hook.
struct Running {
    number: u64,
    deadline: Instant,
    cancelled: Mutex<bool>,
    changed: Condvar,
    link: Arc<Link>,
}

impl CancellationAccess for Running {
    fn remaining(&self) -> Option<Duration> {
        Some(self.deadline.saturating_duration_since(Instant::now()))
    }

    fn is_cancelled(&self) -> bool {
        *lock(&self.cancelled)
    }

    fn wait_cancelled(&self, timeout: Duration) -> bool {
        let waited = self
            .changed
            .wait_timeout_while(lock(&self.cancelled), timeout, |it| !*it);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn progress(&self, done: u64, total: Option<u64>, message: &str) {
        self.link.send(&FromWorker::Progress {
            run: self.number,
            done,
            total,
            message: message.to_owned(),
        });
    }
}
