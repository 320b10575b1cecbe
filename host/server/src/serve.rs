//! A server's life.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use axum::Extension;
use hyper_util::server::graceful::GracefulShutdown;
use keyway::install::Cancellation;
use keyway::lifecycle::{ManagerError, PackageManager, PackageManagerBuilder, Started, Stopped};
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::{task, time};

use crate::audit::Audit;
use crate::connections::accept;
use crate::error::ServeError;
use crate::monitor::Monitor;
use crate::notify::Notify;
use crate::options::{Ready, ServeOptions};
use crate::router::router_with;
use crate::socket::{Place, Socket, canonical};
use crate::tcp::{self, Listeners};

/// As long commands may have the state folder before a server gets it.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);
/// As long a server that is to hurry waits for what does not end.
const HURRY: Duration = Duration::from_secs(2);
/// As long the last answers may take.
const LAST_ANSWERS: Duration = Duration::from_secs(2);
/// As long the last lines of the audit log may take.
const LAST_LINES: Duration = Duration::from_millis(200);

/// What happens to a server.
enum Event {
    /// What should run was started, or that panicked.
    Started(Option<Started>),
    /// SIGTERM or SIGINT.
    End,
    /// SIGHUP.
    HangUp,
    /// All was stopped, or that panicked.
    Stopped(Option<Stopped>),
    /// Nothing is waited for any more.
    Enough,
    /// It is time to say that we are alive.
    Pulse,
}

/// Serves packages in the foreground, until SIGTERM or SIGINT.
///
/// In order: the manager is opened, which fails if another server has the state folder; the socket is
/// there and answers; what should run is started; `ready` is called, once. The first signal stops
/// all that runs, while only questions are still answered; a second one cuts that short. SIGHUP has
/// the TLS certificate and its key read anew, if there is one.
///
/// It logs to `tracing`, and prints nothing. Once it was cut short, threads of hooks that did not return
/// may still run: the process should end then.
///
/// # Errors
///
/// [`ServeError`]: it did not begin, or not all packages were stopped as they should be.
///
/// # Platform
///
/// Unix only: elsewhere it fails with [`ServeError::Unsupported`].
pub fn serve(options: ServeOptions, ready: impl FnOnce(&Ready)) -> Result<(), ServeError> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(ServeError::Runtime)?;
    let result = runtime.block_on(run(&options, ready));
    // A hook may hang for ever in one of its threads.
    runtime.shutdown_background();
    result
}

async fn run(options: &ServeOptions, ready: impl FnOnce(&Ready)) -> Result<(), ServeError> {
    let (events, mut happened) = mpsc::unbounded_channel();
    // Before anything that takes long.
    watch_signals(&events).map_err(ServeError::Runtime)?;
    let state_dir = options
        .state_dir
        .clone()
        .or_else(PackageManager::default_state_dir);
    let state_dir = canonical(&state_dir.ok_or(ServeError::NoStateDir)?)?;
    let place = Place::of(&state_dir)?;
    if let Some(logs) = &options.package_logs {
        logs.open(&state_dir);
    }
    let monitor = Monitor::new(options.package_logs.clone());
    let notify = Notify::from_env();
    notify.status("opening the records");
    if let Some(pulse) = notify.pulse() {
        beat(&events, pulse);
    }
    let tls = tcp::check(options)?;
    let settings = options.manager(state_dir.clone()).socket(place.path());
    let settings = settings.observer(monitor.observer());
    let Some(manager) = open(settings, options.recover, &mut happened).await? else {
        return Ok(());
    };
    let socket = place.bind()?;
    let stopping = Cancellation::new();
    let connections = Arc::new(GracefulShutdown::new());
    let (audit, audited) = Audit::open(&state_dir).map_err(ServeError::Runtime)?;
    let audit = Arc::new(audit);
    let router = router_with(manager.clone(), stopping.clone(), monitor.clone());
    let listeners = match options.listen[..] {
        [] => None,
        _ => {
            let (audit, router) = (Arc::clone(&audit), router.clone());
            Some(Listeners::open(options, tls, &state_dir, audit, router)?)
        }
    };
    let accepting = {
        let listener = socket.listener().map_err(ServeError::Runtime)?;
        let router = router.layer(Extension(Arc::clone(&audit)));
        let all = Arc::clone(&connections);
        task::spawn(accept(listener, router, all, Some(audit)))
    };

    notify.status("starting the packages");
    let starting = manager.clone();
    later(&events, move || starting.start_all(), Event::Started);
    let mut ready = Some(ready);
    let hurry = Cancellation::new();
    let stopped = loop {
        // We hold a sender ourselves.
        let Some(event) = happened.recv().await else {
            break None;
        };
        match event {
            Event::Started(started) => {
                let now = self::ready(&socket, listeners.as_ref(), started);
                if let Some(ready) = ready.take()
                    && !stopping.is_cancelled()
                {
                    monitor.ready();
                    let (run, failed) = (now.started.len(), now.failed.len());
                    notify.ready(&format!("{run} packages run, {failed} failed"));
                    ready(&now);
                }
            }
            Event::HangUp => match &listeners {
                Some(listeners) => listeners.reload(),
                None => tracing::info!("SIGHUP means nothing here"),
            },
            Event::End if !stopping.is_cancelled() => {
                tracing::info!("stopping; a second signal cuts it short");
                stopping.cancel();
                notify.stopping();
                let (manager, hurry) = (manager.clone(), hurry.clone());
                let within = options.stop_within;
                let stop = move || manager.stop_all(within, &hurry);
                later(&events, stop, Event::Stopped);
            }
            Event::End if !hurry.is_cancelled() => {
                tracing::warn!("cut short");
                hurry.cancel();
                let events = events.clone();
                task::spawn(async move {
                    time::sleep(HURRY).await;
                    let _ = events.send(Event::Enough);
                });
            }
            Event::End => {}
            Event::Stopped(stopped) => break Some(stopped.unwrap_or_else(not_stopped)),
            Event::Enough => break None,
            Event::Pulse => notify.ping(),
        }
    };
    monitor.close();
    accepting.abort();
    let _ = accepting.await;
    if let Some(listeners) = listeners.filter(|_| !hurry.is_cancelled()) {
        listeners.close().await;
    }
    // The task is gone, and its share with it.
    if let Some(connections) = Arc::into_inner(connections).filter(|_| !hurry.is_cancelled()) {
        let _ = time::timeout(LAST_ANSWERS, connections.shutdown()).await;
    }
    audited.finish(LAST_LINES);
    // While the state folder is still ours: another server may make this socket from then on.
    drop(socket);
    drop(manager);
    let stopped = stopped.ok_or(ServeError::CutShort)?;
    tracing::info!(
        stopped = stopped.stopped.len(),
        failed = stopped.failed.len(),
        "stopped"
    );
    match stopped.failed {
        failed if failed.is_empty() => Ok(()),
        failed => Err(ServeError::NotStopped(failed)),
    }
}

/// Opens the manager, once no command is at it any more; `None` if we are to end before.
async fn open(
    settings: PackageManagerBuilder,
    recover: bool,
    happened: &mut UnboundedReceiver<Event>,
) -> Result<Option<PackageManager>, ServeError> {
    let begun = Instant::now();
    loop {
        let recovered = if recover {
            settings.recover()
        } else {
            Ok(Vec::new())
        };
        let opened = recovered.and_then(|lines| {
            for line in lines {
                tracing::warn!(did = line, "recovered");
            }
            settings.clone().open()
        });
        match opened {
            // A command has it for a moment, a server for good.
            Err(ManagerError::Held { holder, .. })
                if holder.socket.is_none() && begun.elapsed() < PATIENCE => {}
            opened => return Ok(Some(opened?)),
        }
        match time::timeout(PAUSE, happened.recv()).await {
            Ok(Some(Event::End)) => return Ok(None),
            _ => continue,
        }
    }
}

/// Sends what ends us, and what does not, as events from now on.
fn watch_signals(events: &UnboundedSender<Event>) -> std::io::Result<()> {
    let signals: [(SignalKind, fn() -> Event); 3] = [
        (SignalKind::terminate(), || Event::End),
        (SignalKind::interrupt(), || Event::End),
        (SignalKind::hangup(), || Event::HangUp),
    ];
    for (kind, event) in signals {
        let mut signal = signal(kind)?;
        let events = events.clone();
        task::spawn(async move {
            while signal.recv().await.is_some() {
                let _ = events.send(event());
            }
        });
    }
    Ok(())
}

/// Sends that it is time to be alive, over and over: what then happens shows that we are.
fn beat(events: &UnboundedSender<Event>, pulse: Duration) {
    let events = events.clone();
    task::spawn(async move {
        while events.send(Event::Pulse).is_ok() {
            time::sleep(pulse).await;
        }
    });
}

/// Does something in a thread of its own, and sends what comes of it; `None` if it panics. Not in one
/// of the runtime's, since all those may be busy with what was asked for.
fn later<T: Send + 'static>(
    events: &UnboundedSender<Event>,
    work: impl FnOnce() -> T + Send + 'static,
    event: fn(Option<T>) -> Event,
) {
    let events = events.clone();
    let failed = events.clone();
    let spawned = thread::Builder::new().spawn(move || {
        let done = catch_unwind(AssertUnwindSafe(work));
        let _ = events.send(event(done.ok()));
    });
    if let Err(error) = spawned {
        tracing::error!(%error, "no thread can be had");
        let _ = failed.send(event(None));
    }
}

/// What came of starting, also for the log.
fn ready(socket: &Socket, listeners: Option<&Listeners>, started: Option<Started>) -> Ready {
    if started.is_none() {
        tracing::error!("starting the packages failed inside");
    }
    let started = started.unwrap_or_default();
    for (package, why) in &started.failed {
        tracing::warn!(?package, why, "not started");
    }
    let ready = Ready {
        pid: process::id(),
        socket: socket.path().to_owned(),
        urls: listeners.map_or_else(Vec::new, |it| it.urls().to_vec()),
        started: started.started,
        failed: started.failed,
    };
    tracing::info!(
        pid = ready.pid,
        socket = ?ready.socket,
        urls = ?ready.urls,
        started = ready.started.len(),
        failed = ready.failed.len(),
        "serving"
    );
    ready
}

/// What is told if stopping panicked.
fn not_stopped() -> Stopped {
    let mut stopped = Stopped::default();
    let why = "stopping the packages failed inside".to_owned();
    stopped.failed.push(("all".to_owned(), why));
    stopped
}
