//! `keyway.process` over the connection.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use keyway_abi::{
    MAX_PROCESS_NAME, ProcessAccess, ProcessExit, ProcessFailure, ProcessRequest, ProcessState,
    ProcessStatus, Restart,
};
use serde::{Deserialize, Serialize};

use super::calls::{self, Proxy};
use super::wire::Bytes;

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    Start(Start),
    Stop {
        name: String,
        grace: Option<Duration>,
    },
    Status(String),
    List,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Start {
    name: String,
    program: Bytes,
    arguments: Vec<Bytes>,
    environment: Vec<(Bytes, Bytes)>,
    folder: Option<Bytes>,
    restart: Again,
    stop_grace: Duration,
    log_bytes: u64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Again {
    Never,
    OnFailure,
    Always,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Answer {
    Done,
    Runs,
    Unknown,
    Refused(String),
    Status(Option<Standing>),
    Names(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Standing {
    state: State,
    pid: Option<u32>,
    since: u64,
    restarts: u64,
    last_exit: Option<Exit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum State {
    Running,
    Exited,
    Restarting,
    Stopped,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Exit {
    Code(i32),
    Signal(i32),
    Lost,
}

fn bytes(text: &OsStr) -> Bytes {
    Bytes(text.as_bytes().to_vec())
}

fn text(bytes: &Bytes) -> OsString {
    OsStr::from_bytes(&bytes.0).to_owned()
}

impl Start {
    fn of(request: &ProcessRequest) -> Self {
        let environment = request.environment.iter();
        Self {
            name: request.name.clone(),
            program: bytes(request.program.as_os_str()),
            arguments: request.arguments.iter().map(|it| bytes(it)).collect(),
            environment: environment
                .map(|(name, value)| (bytes(name), bytes(value)))
                .collect(),
            folder: request.folder.as_ref().map(|it| bytes(it.as_os_str())),
            restart: match request.restart {
                Restart::Never => Again::Never,
                Restart::OnFailure => Again::OnFailure,
                Restart::Always => Again::Always,
            },
            stop_grace: request.stop_grace,
            log_bytes: request.log_bytes,
        }
    }

    fn request(&self) -> ProcessRequest {
        let environment = self.environment.iter();
        ProcessRequest {
            name: self.name.clone(),
            program: text(&self.program).into(),
            arguments: self.arguments.iter().map(text).collect(),
            environment: environment
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
            folder: self.folder.as_ref().map(|it| text(it).into()),
            restart: match self.restart {
                Again::Never => Restart::Never,
                Again::OnFailure => Restart::OnFailure,
                Again::Always => Restart::Always,
            },
            stop_grace: self.stop_grace,
            log_bytes: self.log_bytes,
        }
    }
}

impl Standing {
    fn of(status: &ProcessStatus) -> Self {
        Self {
            state: match status.state {
                ProcessState::Running => State::Running,
                ProcessState::Exited => State::Exited,
                ProcessState::Restarting => State::Restarting,
                ProcessState::Stopped => State::Stopped,
            },
            pid: status.pid,
            since: status.since,
            restarts: status.restarts,
            last_exit: status.last_exit.map(|exit| match exit {
                ProcessExit::Code(code) => Exit::Code(code),
                ProcessExit::Signal(signal) => Exit::Signal(signal),
                ProcessExit::Lost => Exit::Lost,
            }),
        }
    }

    fn status(&self) -> ProcessStatus {
        ProcessStatus {
            state: match self.state {
                State::Running => ProcessState::Running,
                State::Exited => ProcessState::Exited,
                State::Restarting => ProcessState::Restarting,
                State::Stopped => ProcessState::Stopped,
            },
            pid: self.pid,
            since: self.since,
            restarts: self.restarts,
            last_exit: self.last_exit.map(|exit| match exit {
                Exit::Code(code) => ProcessExit::Code(code),
                Exit::Signal(signal) => ProcessExit::Signal(signal),
                Exit::Lost => ProcessExit::Lost,
            }),
        }
    }
}

/// Whether a file may have that name. The worker has checked it already, and may be out of its mind.
fn is_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let fits = !name.is_empty() && name.len() <= MAX_PROCESS_NAME;
    fits && name != "package" && name.bytes().all(is_part)
}

/// Does what is asked for.
pub(super) fn answer(processes: &dyn ProcessAccess, request: Request) -> Answer {
    let done = match request {
        Request::Start(start) => {
            if is_name(&start.name) {
                processes.start(&start.request())
            } else {
                Err(ProcessFailure::Refused("that is no name".to_owned()))
            }
        }
        Request::Stop { name, grace } => processes.stop(&name, grace),
        Request::Status(name) => {
            let status = processes.status(&name);
            return Answer::Status(status.as_ref().map(Standing::of));
        }
        Request::List => return Answer::Names(processes.list()),
    };
    match done {
        Ok(()) => Answer::Done,
        Err(ProcessFailure::Runs) => Answer::Runs,
        Err(ProcessFailure::Unknown) => Answer::Unknown,
        Err(ProcessFailure::Refused(why)) => Answer::Refused(why),
    }
}

impl Proxy {
    fn process(&self, request: Request) -> Result<Answer, String> {
        match self.0.ask(calls::Request::Process(request))? {
            calls::Answer::Process(answer) => Ok(answer),
            other => calls::odd(other),
        }
    }

    fn done(&self, request: Request) -> Result<(), ProcessFailure> {
        match self.process(request) {
            Ok(Answer::Done) => Ok(()),
            Ok(Answer::Runs) => Err(ProcessFailure::Runs),
            Ok(Answer::Unknown) => Err(ProcessFailure::Unknown),
            Ok(Answer::Refused(why)) | Err(why) => Err(ProcessFailure::Refused(why)),
            Ok(_) => Err(ProcessFailure::Refused("the answer is odd".to_owned())),
        }
    }
}

impl ProcessAccess for Proxy {
    fn start(&self, request: &ProcessRequest) -> Result<(), ProcessFailure> {
        self.done(Request::Start(Start::of(request)))
    }

    fn stop(&self, name: &str, grace: Option<Duration>) -> Result<(), ProcessFailure> {
        let name = name.to_owned();
        self.done(Request::Stop { name, grace })
    }

    fn status(&self, name: &str) -> Option<ProcessStatus> {
        match self.process(Request::Status(name.to_owned())) {
            Ok(Answer::Status(standing)) => standing.map(|it| it.status()),
            _ => None,
        }
    }

    fn list(&self) -> Vec<String> {
        match self.process(Request::List) {
            Ok(Answer::Names(names)) => names,
            _ => Vec::new(),
        }
    }
}
