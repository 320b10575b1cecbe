//! Processes as a host gives them.

use std::ffi::{OsString, c_void};
use std::sync::Arc;
use std::time::Duration;

use super::{
    AS_REQUESTED, MAX_ARGUMENT_BYTES, MAX_ARGUMENTS, MAX_GRACE_MS, MAX_LOG_BYTES, MAX_PROCESS_NAME,
    MIN_LOG_BYTES, PROCESS_VARIABLE, ProcessExit, ProcessRequest, ProcessRequestV1, ProcessState,
    ProcessStatus, ProcessStatusV1, ProcessV1, ProcessVariableV1, Restart, exit, restart, state,
};
use crate::call::status;
use crate::services::{Bytes, Failed, answer, read_str};
use crate::text::{PathStr, Str, StrSink};

/// Why a host does not do what was asked for with a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessFailure {
    /// One of that name runs, or is about to be started again.
    Runs,
    /// None of that name was started.
    Unknown,
    /// Something else, in words for the package's author.
    Refused(String),
}

/// The host's side of `keyway.process` 1 for one package. Requests are checked before: names, counts
/// and sizes are what the contract allows, no text has a byte 0; whether the program and the folder
/// are there is the host's to look for.
pub trait ProcessAccess: Send + Sync + 'static {
    /// Starts what `request` asks for, and returns when it runs.
    ///
    /// # Errors
    ///
    /// [`ProcessFailure`]: nothing was started.
    fn start(&self, request: &ProcessRequest) -> Result<(), ProcessFailure>;

    /// Ends the process `name`, within `grace` or else what its request said, and returns when it has
    /// ended.
    ///
    /// # Errors
    ///
    /// [`ProcessFailure`]
    fn stop(&self, name: &str, grace: Option<Duration>) -> Result<(), ProcessFailure>;

    /// How it stands with the process `name`; `None`: none of that name was started.
    fn status(&self, name: &str) -> Option<ProcessStatus>;

    /// The names of all that were started, ordered.
    fn list(&self) -> Vec<String>;
}

/// What the context of processes points to.
pub type ProcessHandle = Arc<dyn ProcessAccess>;

pub(crate) static PROCESS_TABLE: ProcessV1 = ProcessV1 {
    start,
    stop,
    status: status_of,
    list,
};

/// # Safety
///
/// `processes` points to a [`ProcessHandle`] that is held.
unsafe fn held<'a>(processes: *mut c_void) -> &'a dyn ProcessAccess {
    // SAFETY: as the caller says.
    unsafe { &**processes.cast::<ProcessHandle>() }
}

/// The answer to what a host failed with.
///
/// # Safety
///
/// `error` is null or valid for this call.
unsafe fn failed(
    failure: ProcessFailure,
    name: &str,
    error: *const StrSink,
) -> Result<u32, Failed> {
    let (status, why) = match failure {
        ProcessFailure::Runs => (status::CONFLICT, format!("the process `{name}` runs")),
        ProcessFailure::Unknown => {
            let why = format!("there is no process `{name}`");
            (status::NOT_FOUND, why)
        }
        ProcessFailure::Refused(why) => return Err(Failed::Refused(why)),
    };
    // SAFETY: null or valid, says the caller.
    unsafe { StrSink::push_all(error, [why.as_str()]) };
    Ok(status)
}

unsafe extern "C" fn start(
    processes: *mut c_void,
    request: *const ProcessRequestV1,
    error: *const StrSink,
) -> u32 {
    // SAFETY: the contract: the service is held, all pointers are valid for this call.
    unsafe {
        answer(error, || {
            let Some(request) = request.as_ref() else {
                return Err(Failed::Invalid("no request was given".to_owned()));
            };
            let request = read_request(request)?;
            match held(processes).start(&request) {
                Ok(()) => Ok(status::OK),
                Err(failure) => failed(failure, &request.name, error),
            }
        })
    }
}

unsafe extern "C" fn stop(
    processes: *mut c_void,
    name: Str,
    grace_ms: u64,
    error: *const StrSink,
) -> u32 {
    // SAFETY: the contract: the service is held, all pointers are valid for this call.
    unsafe {
        answer(error, || {
            let name = read_name(name)?;
            let grace = match grace_ms {
                AS_REQUESTED => None,
                grace => Some(read_grace(grace)?),
            };
            match held(processes).stop(name, grace) {
                Ok(()) => Ok(status::OK),
                Err(failure) => failed(failure, name, error),
            }
        })
    }
}

unsafe extern "C" fn status_of(
    processes: *mut c_void,
    name: Str,
    out: *mut ProcessStatusV1,
    error: *const StrSink,
) -> u32 {
    // SAFETY: the contract: the service is held, all pointers are valid for this call.
    unsafe {
        answer(error, || {
            let name = read_name(name)?;
            let Some(out) = out.as_mut() else {
                let why = "there is no place for the status";
                return Err(Failed::Invalid(why.to_owned()));
            };
            let Some(found) = held(processes).status(name) else {
                return failed(ProcessFailure::Unknown, name, error);
            };
            *out = raw_status(&found);
            Ok(status::OK)
        })
    }
}

unsafe extern "C" fn list(
    processes: *mut c_void,
    names: *const StrSink,
    error: *const StrSink,
) -> u32 {
    // SAFETY: the contract: the service is held, all pointers are valid for this call.
    unsafe {
        answer(error, || {
            let found = held(processes).list();
            StrSink::push_all(names, found.iter().map(String::as_str));
            Ok(status::OK)
        })
    }
}

fn raw_status(found: &ProcessStatus) -> ProcessStatusV1 {
    let (exit, value) = match found.last_exit {
        None => (exit::NONE, 0),
        Some(ProcessExit::Code(code)) => (exit::CODE, code),
        Some(ProcessExit::Signal(signal)) => (exit::SIGNAL, signal),
        Some(ProcessExit::Lost) => (exit::LOST, 0),
    };
    ProcessStatusV1 {
        state: match found.state {
            ProcessState::Running => state::RUNNING,
            ProcessState::Exited => state::EXITED,
            ProcessState::Restarting => state::RESTARTING,
            ProcessState::Stopped => state::STOPPED,
        },
        pid: found.pid.unwrap_or(0),
        since: found.since,
        restarts: found.restarts,
        exit,
        value,
    }
}

/// # Safety
///
/// `name` is valid for `'a`.
unsafe fn read_name<'a>(name: Str) -> Result<&'a str, Failed> {
    // SAFETY: as the caller says.
    let name = unsafe { read_str(name, "the name") }?;
    let shown = || name.escape_debug();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    let begins = name
        .as_bytes()
        .first()
        .is_some_and(u8::is_ascii_alphanumeric);
    if name.len() > MAX_PROCESS_NAME || !begins || !name.bytes().all(plain) {
        let why = format!(
            "`{}` is no name of a process: letters, digits, `_` and `-`, the first one a letter or \
             a digit, {MAX_PROCESS_NAME} at most",
            shown()
        );
        return Err(Failed::Invalid(why));
    }
    if name == "package" {
        let why = "a process is not called `package`: that log is the host's own";
        return Err(Failed::Invalid(why.to_owned()));
    }
    Ok(name)
}

fn read_grace(milliseconds: u64) -> Result<Duration, Failed> {
    if milliseconds > MAX_GRACE_MS {
        let why = format!("a grace of {milliseconds} ms, at most {MAX_GRACE_MS} are allowed");
        return Err(Failed::Invalid(why));
    }
    Ok(Duration::from_millis(milliseconds))
}

/// # Safety
///
/// What `request` points to is valid for this call.
unsafe fn read_request(request: &ProcessRequestV1) -> Result<ProcessRequest, Failed> {
    let invalid = |why: String| Err(Failed::Invalid(why));
    // SAFETY: the caller vouches for what it points to.
    let (name, program, folder, arguments, variables) = unsafe {
        (
            read_name(request.name)?,
            read_path(request.program, "the program")?,
            read_path(request.folder, "the folder")?,
            read_slice(request.arguments, request.argument_count, "arguments")?,
            read_slice(request.environment, request.environment_count, "variables")?,
        )
    };
    if program.as_os_str().is_empty() {
        return invalid("the program is empty".to_owned());
    }
    let mut size = 0_usize;
    let mut read = |bytes: Bytes, what: &str| {
        // SAFETY: the caller vouches for the bytes.
        let text = unsafe { read_text(bytes, what) }?;
        size += text.len() + 1;
        Ok::<_, Failed>(text)
    };
    let arguments = arguments.iter().map(|it| read(*it, "an argument"));
    let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
    let mut environment = Vec::with_capacity(variables.len());
    for ProcessVariableV1 { name, value } in variables {
        let name = read(*name, "the name of a variable")?;
        let value = read(*value, "the value of a variable")?;
        let bytes = name.as_encoded_bytes();
        if bytes.is_empty() || bytes.contains(&b'=') || name == PROCESS_VARIABLE {
            let name = name.to_string_lossy();
            let why = format!("`{}` is no variable that can be set", name.escape_debug());
            return invalid(why);
        }
        environment.push((name, value));
    }
    if size > MAX_ARGUMENT_BYTES {
        return invalid(format!(
            "arguments and variables have {size} bytes, at most {MAX_ARGUMENT_BYTES} are allowed"
        ));
    }
    if !(MIN_LOG_BYTES..=MAX_LOG_BYTES).contains(&request.log_bytes) {
        return invalid(format!(
            "the log is to be put aside at {} bytes, allowed are {MIN_LOG_BYTES} to {MAX_LOG_BYTES}",
            request.log_bytes
        ));
    }
    Ok(ProcessRequest {
        name: name.to_owned(),
        program,
        arguments,
        environment,
        folder: (!folder.as_os_str().is_empty()).then_some(folder),
        restart: match request.restart {
            restart::NEVER => Restart::Never,
            restart::ON_FAILURE => Restart::OnFailure,
            restart::ALWAYS => Restart::Always,
            other => return invalid(format!("`restart` is {other}, expected 0, 1 or 2")),
        },
        stop_grace: read_grace(request.grace_ms)?,
        log_bytes: request.log_bytes,
    })
}

/// # Safety
///
/// `path` is valid for this call.
unsafe fn read_path(path: PathStr, what: &str) -> Result<std::path::PathBuf, Failed> {
    // SAFETY: as the caller says.
    let path = unsafe { path.to_path_buf() };
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(Failed::Invalid(format!("{what} has a byte 0")));
    }
    Ok(path)
}

/// # Safety
///
/// `first` is null or valid for reading `count` items during `'a`.
unsafe fn read_slice<'a, T>(first: *const T, count: usize, what: &str) -> Result<&'a [T], Failed> {
    if count > MAX_ARGUMENTS {
        let why = format!("{count} {what}, at most {MAX_ARGUMENTS} are allowed");
        return Err(Failed::Invalid(why));
    }
    if count == 0 {
        return Ok(&[]);
    }
    if first.is_null() {
        return Err(Failed::Invalid(format!("the {what} are a null pointer")));
    }
    // SAFETY: not null, and the caller vouches for `count` items.
    Ok(unsafe { std::slice::from_raw_parts(first, count) })
}

/// # Safety
///
/// `bytes` are valid for this call.
unsafe fn read_text(bytes: Bytes, what: &str) -> Result<OsString, Failed> {
    // SAFETY: as the caller says.
    let Some(bytes) = (unsafe { bytes.to_slice() }) else {
        return Err(Failed::Invalid(format!("{what} is a null pointer")));
    };
    if bytes.contains(&0) {
        return Err(Failed::Invalid(format!("{what} has a byte 0")));
    }
    os_string(bytes).ok_or_else(|| Failed::Invalid(format!("{what} is not UTF-8")))
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps)]
fn os_string(bytes: &[u8]) -> Option<OsString> {
    use std::os::unix::ffi::OsStringExt as _;
    Some(OsString::from_vec(bytes.to_vec()))
}

#[cfg(not(unix))]
fn os_string(bytes: &[u8]) -> Option<OsString> {
    String::from_utf8(bytes.to_vec()).ok().map(OsString::from)
}
