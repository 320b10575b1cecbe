//! Processes as the plugin's side uses them.

use std::path::Path;
use std::time::Duration;

use super::{
    AS_REQUESTED, ProcessExit, ProcessRequest, ProcessRequestV1, ProcessState, ProcessStatus,
    ProcessStatusV1, ProcessV1, ProcessVariableV1, Restart, exit, restart, state,
};
use crate::call::status;
use crate::host::{ServiceError, ServiceHandle};
use crate::lifecycle::ContextRef;
use crate::services::{Bytes, ServiceFailure, with_reason};
use crate::text::{PathStr, Str, collect_strings};

/// The plugin's hold on the processes of its package.
pub struct ProcessRef {
    service: ServiceHandle<ProcessV1>,
    /// The service is valid as long as this is held.
    _context: ContextRef,
}

// SAFETY: the contract of services: from any thread, as long as the context is held.
unsafe impl Send for ProcessRef {}
// SAFETY: as above, several at once.
unsafe impl Sync for ProcessRef {}

impl ProcessRef {
    /// Asks for the processes of the package that `context` knows.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] when the host does not have it, or has it with another layout.
    pub fn of(context: &ContextRef) -> Result<Self, ServiceError> {
        Ok(Self {
            service: context.service()?,
            _context: context.clone(),
        })
    }

    /// Starts what `request` asks for.
    ///
    /// # Errors
    ///
    /// What the host says.
    pub fn start(&self, request: &ProcessRequest) -> Result<(), ServiceFailure> {
        let bytes = |text: &std::ffi::OsString| Bytes::borrow(text.as_encoded_bytes());
        let arguments: Vec<Bytes> = request.arguments.iter().map(bytes).collect();
        let variables = request.environment.iter();
        let variables: Vec<ProcessVariableV1> = variables
            .map(|(name, value)| ProcessVariableV1 {
                name: bytes(name),
                value: bytes(value),
            })
            .collect();
        let folder = request.folder.as_deref().unwrap_or(Path::new(""));
        let (status, reason) = with_reason(|error| {
            PathStr::with(&request.program, |program| {
                PathStr::with(folder, |folder| {
                    let raw = ProcessRequestV1 {
                        name: Str::borrow(&request.name),
                        program,
                        arguments: arguments.as_ptr(),
                        argument_count: arguments.len(),
                        environment: variables.as_ptr(),
                        environment_count: variables.len(),
                        folder,
                        restart: match request.restart {
                            Restart::Never => restart::NEVER,
                            Restart::OnFailure => restart::ON_FAILURE,
                            Restart::Always => restart::ALWAYS,
                        },
                        grace_ms: milliseconds(request.stop_grace),
                        log_bytes: request.log_bytes,
                    };
                    let start = self.service.table.start;
                    // SAFETY: the service's own function with its own context, which is held; the
                    // other pointers outlive the call.
                    unsafe { start(self.service.context, &raw const raw, error) }
                })
            })
        });
        match status {
            status::OK => Ok(()),
            _ => Err(ServiceFailure::new(reason, status)),
        }
    }

    /// Ends the process `name`, within `grace` or else what its request said; whether one of that
    /// name was ever started.
    ///
    /// # Errors
    ///
    /// What the host says.
    pub fn stop(&self, name: &str, grace: Option<Duration>) -> Result<bool, ServiceFailure> {
        let grace = grace.map_or(AS_REQUESTED, milliseconds);
        let (status, reason) = with_reason(|error| {
            let stop = self.service.table.stop;
            // SAFETY: the service's own function with its own context, which is held; the other
            // pointers outlive the call.
            unsafe { stop(self.service.context, Str::borrow(name), grace, error) }
        });
        match status {
            status::OK => Ok(true),
            status::NOT_FOUND => Ok(false),
            _ => Err(ServiceFailure::new(reason, status)),
        }
    }

    /// How it stands with the process `name`; `None`: none of that name was started.
    ///
    /// # Errors
    ///
    /// What the host says.
    pub fn status(&self, name: &str) -> Result<Option<ProcessStatus>, ServiceFailure> {
        let mut out = ProcessStatusV1 {
            state: state::STOPPED,
            pid: 0,
            since: 0,
            restarts: 0,
            exit: exit::NONE,
            value: 0,
        };
        let (status, reason) = with_reason(|error| {
            let ask = self.service.table.status;
            // SAFETY: the service's own function with its own context, which is held; the other
            // pointers outlive the call.
            unsafe { ask(self.service.context, Str::borrow(name), &raw mut out, error) }
        });
        match status {
            status::OK => Ok(Some(read_status(&out))),
            status::NOT_FOUND => Ok(None),
            _ => Err(ServiceFailure::new(reason, status)),
        }
    }

    /// The names of all that were started.
    ///
    /// # Errors
    ///
    /// What the host says.
    pub fn list(&self) -> Result<Vec<String>, ServiceFailure> {
        let mut names = Vec::new();
        let (status, reason) = with_reason(|error| {
            let filled = collect_strings(|out| {
                let list = self.service.table.list;
                // SAFETY: the service's own function with its own context, which is held; the other
                // pointers outlive the call.
                unsafe { list(self.service.context, out, error) }
            });
            match filled {
                Ok((pushed, status)) => {
                    names = pushed;
                    status
                }
                Err(_) => status::INVALID,
            }
        });
        match status {
            status::OK => Ok(names),
            _ => Err(ServiceFailure::new(reason, status)),
        }
    }
}

/// What is too long is refused by the host; it must not become what stands for something else.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).map_or(AS_REQUESTED - 1, |it| it.min(AS_REQUESTED - 1))
}

fn read_status(raw: &ProcessStatusV1) -> ProcessStatus {
    ProcessStatus {
        state: match raw.state {
            state::RUNNING => ProcessState::Running,
            state::RESTARTING => ProcessState::Restarting,
            state::STOPPED => ProcessState::Stopped,
            // What a later host says is not known; it is none that runs.
            _ => ProcessState::Exited,
        },
        pid: (raw.pid != 0).then_some(raw.pid),
        since: raw.since,
        restarts: raw.restarts,
        last_exit: match raw.exit {
            exit::NONE => None,
            exit::CODE => Some(ProcessExit::Code(raw.value)),
            exit::SIGNAL => Some(ProcessExit::Signal(raw.value)),
            _ => Some(ProcessExit::Lost),
        },
    }
}
