//! One process: started, waited for, started again, ended.

use std::collections::HashSet;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use keyway_abi::{ProcessExit, ProcessRequest, ProcessState, ProcessStatus, Restart};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::Site;
use super::log;
use super::note::Note;
use super::program::Plan;
use super::system;
use crate::lifecycle::events::ManagerEvent;
use crate::lifecycle::{now, open_files};

/// The longest pause before it is started again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Who has run as long is started again after the first pause.
const SETTLED: Duration = Duration::from_secs(60);
/// As long is waited for somebody who was killed: the system may keep him.
const AFTER_KILL: Duration = Duration::from_secs(5);
const SLICE: Duration = Duration::from_millis(50);

/// A process of a package, from its start until it has ended for good.
pub(super) struct Process {
    site: Arc<Site>,
    package: String,
    request: ProcessRequest,
    plan: Plan,
    note: Note,
    log: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    is: ProcessState,
    /// As long as it is set nobody else has this id, nor a group of it: it has not been waited for.
    pid: Option<Pid>,
    since: u64,
    restarts: u64,
    last_exit: Option<ProcessExit>,
    /// It is to end, and is killed then.
    end_by: Option<Instant>,
}

impl State {
    fn is_live(&self) -> bool {
        matches!(self.is, ProcessState::Running | ProcessState::Restarting)
    }
}

impl Process {
    /// Starts it, and returns when it runs.
    pub(super) fn start(
        site: &Arc<Site>,
        package: &str,
        request: ProcessRequest,
        plan: Plan,
    ) -> Result<Arc<Self>, String> {
        let process = Arc::new(Self {
            note: Note::new(site, package, &request.name)?,
            log: site.logs(package).join(format!("{}.log", request.name)),
            site: Arc::clone(site),
            package: package.to_owned(),
            request,
            plan,
            state: Mutex::new(State {
                is: ProcessState::Running,
                pid: None,
                since: now(),
                restarts: 0,
                last_exit: None,
                end_by: None,
            }),
            changed: Condvar::new(),
        });
        let (sender, receiver) = mpsc::sync_channel(1);
        let supervised = Arc::clone(&process);
        thread::Builder::new()
            .name(format!("process {}", process.request.name))
            .spawn(move || supervised.supervise(&sender))
            .map_err(|error| format!("no thread can be made for the process: {error}"))?;
        match receiver.recv() {
            Ok(started) => started.map(|()| process),
            Err(_) => Err("the thread for the process ended".to_owned()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it runs, or is about to.
    pub(super) fn is_live(&self) -> bool {
        self.state().is_live()
    }

    pub(super) fn status(&self) -> ProcessStatus {
        let state = self.state();
        ProcessStatus {
            state: state.is,
            pid: state
                .pid
                .map(|pid| pid.as_raw_nonzero().get().unsigned_abs()),
            since: state.since,
            restarts: state.restarts,
            last_exit: state.last_exit,
        }
    }

    /// Puts its log aside if it has grown too large.
    pub(super) fn put_log_aside(&self) {
        if let Err(error) = log::put_aside(&self.log, self.request.log_bytes) {
            let path = self.log.display();
            tracing::debug!(%path, %error, "the log of a process cannot be put aside");
        }
    }

    /// Tells it to end, and not to come back.
    pub(super) fn begin_to_end(&self, grace: Option<Duration>) {
        let end_by = Instant::now() + grace.unwrap_or(self.request.stop_grace);
        let mut state = self.state();
        if !state.is_live() {
            return;
        }
        if state.end_by.is_none()
            && let Some(pid) = state.pid
        {
            signal(pid, Signal::TERM);
            // Who is held up could not hear it.
            signal(pid, Signal::CONT);
        }
        state.end_by = Some(state.end_by.map_or(end_by, |it| it.min(end_by)));
        self.changed.notify_all();
    }

    /// Waits until it has ended, and kills it when it should have; whether it has ended.
    pub(super) fn wait_for_end(&self) -> bool {
        let mut killed: Option<Instant> = None;
        let mut state = self.state();
        while state.is_live() {
            let is_over = state.end_by.is_some_and(|it| Instant::now() >= it);
            if is_over || self.site.hurry.is_cancelled() {
                if let Some(pid) = state.pid {
                    signal(pid, Signal::KILL);
                }
                if killed.get_or_insert_with(Instant::now).elapsed() >= 2 * AFTER_KILL {
                    tracing::error!(
                        package = self.package,
                        process = self.request.name,
                        "it does not end, though it was killed"
                    );
                    return false;
                }
            }
            let waited = self.changed.wait_timeout(state, SLICE);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// What its thread does.
    fn supervise(&self, started: &SyncSender<Result<(), String>>) {
        let mut pause = self.site.first_pause;
        let mut is_first = true;
        loop {
            let began = Instant::now();
            let exit = match self.spawn() {
                Ok(Some(child)) => {
                    if is_first {
                        let _ = started.send(Ok(()));
                    } else {
                        self.tell_restarted();
                    }
                    self.wait_for(child)
                }
                // It was stopped meanwhile.
                Ok(None) => return self.is_over(ProcessState::Stopped),
                Err(why) if is_first => {
                    self.is_over(ProcessState::Exited);
                    let _ = started.send(Err(why));
                    return;
                }
                Err(why) => {
                    let (package, process) = (&self.package, &self.request.name);
                    tracing::warn!(package, process, why, "a process cannot be started again");
                    ProcessExit::Lost
                }
            };
            is_first = false;
            let returns = match self.request.restart {
                Restart::Never => false,
                Restart::OnFailure => exit != ProcessExit::Code(0),
                Restart::Always => true,
            };
            if began.elapsed() >= SETTLED {
                pause = self.site.first_pause;
            }
            let mut state = self.state();
            state.last_exit = Some(exit);
            let is_stopped = state.end_by.is_some();
            self.log_exit(exit, (returns && !is_stopped).then_some(pause), is_stopped);
            if is_stopped || !returns {
                drop(state);
                return self.is_over(match is_stopped {
                    true => ProcessState::Stopped,
                    false => ProcessState::Exited,
                });
            }
            state.is = ProcessState::Restarting;
            state.since = now();
            drop(state);
            self.tell_changed();
            let waited = self
                .changed
                .wait_timeout_while(self.state(), pause, |it| it.end_by.is_none());
            drop(waited);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Starts it once; `None` if it is to end.
    fn spawn(&self) -> Result<Option<Child>, String> {
        let log = log::open(&self.log, self.request.log_bytes);
        let log = log.map_err(|error| format!("its log `{}`: {error}", self.log.display()))?;
        // First, so that whoever comes after a kill looks for it.
        let noted = self.note.write(None, self.request.stop_grace);
        noted.map_err(|error| format!("it cannot be written down: {error}"))?;
        let command = self.plan.command(&self.note.token, log);
        let mut command = command.map_err(|error| format!("its log: {error}"))?;
        let mut state = self.state();
        if state.end_by.is_some() {
            return Ok(None);
        }
        let program = self.plan.program.display();
        let child = command
            .spawn()
            .map_err(|error| format!("`{program}` cannot be run: {error}"))?;
        let pid = Pid::from_child(&child);
        open_files::restore(pid);
        state.restarts += u64::from(state.last_exit.is_some());
        state.is = ProcessState::Running;
        state.pid = Some(pid);
        state.since = now();
        drop(state);
        if let Err(error) = self.note.write(Some(pid), self.request.stop_grace) {
            // It is found by its environment then.
            let (package, process) = (&self.package, &self.request.name);
            tracing::warn!(package, process, %error, "its id cannot be written down");
        }
        self.tell_changed();
        Ok(Some(child))
    }

    /// Waits for its end, and ends what is left of its group.
    fn wait_for(&self, mut child: Child) -> ProcessExit {
        let pid = Pid::from_child(&child);
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Ok(None) | Err(Errno::INTR) = waitid(WaitId::Pid(pid), options) {}
        // It is not waited for yet, so that its id and its group stay its own.
        self.end_the_rest(pid);
        self.state().pid = None;
        match child.wait() {
            Ok(status) => exit_of(status),
            Err(_) => ProcessExit::Lost,
        }
    }

    /// Ends the members of its group that have outlived it, and what has left the group and can be found.
    fn end_the_rest(&self, pid: Pid) {
        let end_by = Instant::now() + self.request.stop_grace;
        let mut told = HashSet::new();
        let mut pause = Duration::from_millis(5);
        loop {
            let left = system::rest_of(pid, &self.note.token);
            if left.is_empty() {
                break;
            }
            let asked = self.state().end_by;
            let end_by = asked.map_or(end_by, |it| it.min(end_by));
            let now = Instant::now();
            let is_over = now >= end_by || self.site.hurry.is_cancelled();
            for one in &left {
                if is_over {
                    one.signal(Signal::KILL);
                } else if told.insert(*one) {
                    one.signal(Signal::TERM);
                    one.signal(Signal::CONT);
                }
            }
            if is_over && now >= end_by + AFTER_KILL {
                let (package, process) = (&self.package, &self.request.name);
                tracing::error!(package, process, "some of its group do not end");
                break;
            }
            thread::sleep(pause);
            pause = (2 * pause).min(2 * SLICE);
        }
        // Where nobody could be looked for.
        signal(pid, Signal::KILL);
    }

    fn is_over(&self, is: ProcessState) {
        // Before anybody may start the next one of that name.
        self.note.remove();
        let mut state = self.state();
        state.is = is;
        state.since = now();
        drop(state);
        self.changed.notify_all();
        self.tell_changed();
    }

    fn log_exit(&self, exit: ProcessExit, pause: Option<Duration>, is_stopped: bool) {
        let (package, process) = (&self.package, &self.request.name);
        match pause {
            Some(pause) => tracing::warn!(
                package,
                process,
                %exit,
                restart_in = pause.as_secs_f64(),
                "a process ended"
            ),
            None if is_stopped => tracing::info!(package, process, %exit, "a process was ended"),
            None => tracing::warn!(package, process, %exit, "a process ended"),
        }
    }

    fn tell_restarted(&self) {
        self.site.observer.tell(&ManagerEvent::Restarted {
            name: self.package.clone(),
            what: self.request.name.clone(),
        });
    }

    fn tell_changed(&self) {
        self.site.observer.tell(&ManagerEvent::Changed {
            name: self.package.clone(),
        });
    }
}

/// To the whole group. Nobody is left in it, if it fails.
fn signal(pid: Pid, signal: Signal) {
    let _ = kill_process_group(pid, signal);
}

fn exit_of(status: ExitStatus) -> ProcessExit {
    match (status.code(), status.signal()) {
        (Some(code), _) => ProcessExit::Code(code),
        (None, Some(signal)) => ProcessExit::Signal(signal),
        (None, None) => ProcessExit::Lost,
    }
}
