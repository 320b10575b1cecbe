//! `keyway.process` 1: programs that a package has running.

mod host_side;
mod plugin_side;
mod request;
#[cfg(test)]
#[cfg(unix)]
mod tests;

use std::ffi::c_void;
use std::fmt;

use abi_stable::StableAbi;

use super::Bytes;
use crate::entry::Interface;
use crate::text::{PathStr, Str, StrSink};

pub(crate) use host_side::PROCESS_TABLE;
pub use host_side::{ProcessAccess, ProcessFailure, ProcessHandle};
pub use plugin_side::ProcessRef;
pub use request::ProcessRequest;

/// As long may the name of a process be, in bytes; it has at least one.
pub const MAX_PROCESS_NAME: usize = 64;
/// So many arguments may a process get, and so many variables.
pub const MAX_ARGUMENTS: usize = 4096;
/// As long may arguments and variables of a process be altogether, in bytes.
pub const MAX_ARGUMENT_BYTES: usize = 1 << 20;
/// As long may a process be given to end, in milliseconds: five minutes.
pub const MAX_GRACE_MS: u64 = 5 * 60 * 1000;
/// As small may the size be at which a log is put aside, in bytes.
pub const MIN_LOG_BYTES: u64 = 4 << 10;
/// As large may it be.
pub const MAX_LOG_BYTES: u64 = 1 << 30;
/// Stands for the grace that the request said.
const AS_REQUESTED: u64 = u64::MAX;
/// The variable with which the host finds again what it started: nobody else sets it.
pub const PROCESS_VARIABLE: &str = "KEYWAY_PROCESS";

/// What stands in [`ProcessRequestV1::restart`].
mod restart {
    pub(super) const NEVER: u32 = 0;
    pub(super) const ON_FAILURE: u32 = 1;
    pub(super) const ALWAYS: u32 = 2;
}

/// What stands in [`ProcessStatusV1::state`].
mod state {
    pub(super) const RUNNING: u32 = 0;
    pub(super) const EXITED: u32 = 1;
    pub(super) const RESTARTING: u32 = 2;
    pub(super) const STOPPED: u32 = 3;
}

/// What stands in [`ProcessStatusV1::exit`].
mod exit {
    pub(super) const NONE: u32 = 0;
    pub(super) const CODE: u32 = 1;
    pub(super) const SIGNAL: u32 = 2;
    pub(super) const LOST: u32 = 3;
}

/// `keyway.process` 1, the processes of one package.
///
/// # What holds
///
/// * A name stands for one process at a time: starting what runs, or is about to be started again, is
///   [`status::CONFLICT`](crate::status::CONFLICT), and nothing is ever there twice.
/// * A process belongs to its package. It ends when the package's hook `stop` is over, whatever came of
///   that; when the package could not be started; when it is deleted; and with the host. What is
///   started in another hook lives on if the package runs when the operation is over, and ends
///   otherwise. When the package neither runs nor is being worked on, a start is
///   [`status::REFUSED`](crate::status::REFUSED).
/// * To end means: SIGTERM (and SIGCONT) to the whole process group, the grace, SIGKILL to the group.
///   The process is the leader of a group of its own; members that outlive it are ended like it. Of what
///   has left the group, that is found which has kept its environment, where the system shows it (Linux).
/// * A host that was killed leaves processes behind. The next one with the same state folder ends
///   them before it starts anything: those whose environment has its variable `KEYWAY_PROCESS`, and
///   those that it had written down, if they are still the same ones.
/// * It is waited for each process: none becomes a zombie that stays.
///
/// # What a process gets
///
/// The host's environment without the variables whose names begin with `KEYWAY_`, and without those by
/// which a service manager talks to the host alone (`NOTIFY_SOCKET`, `LISTEN_FDS`, `LISTEN_FDNAMES`,
/// `LISTEN_PID`, `WATCHDOG_USEC`, `WATCHDOG_PID`); over it the variables of the request, and
/// `KEYWAY_PROCESS`. Nothing on standard input. No file that the host has opened is open in
/// it; one that was left open to the host by who started it may be.
///
/// Standard output and standard error are appended to one file, `logs/PACKAGE/NAME.log` in the host's
/// state folder, which only the host's user may read. When it has grown too large it is copied to
/// `NAME.log.1` (that one before to `.2`, that to `.3`) and emptied; what is written in the moment
/// between is lost, and of a log that has grown much larger than that all but the end.
#[repr(C)]
#[derive(StableAbi)]
pub struct ProcessV1 {
    /// Starts a process, and returns when it runs or cannot. [`status::CONFLICT`](crate::status::CONFLICT):
    /// one of that name runs, or is about to be started again.
    pub start: unsafe extern "C" fn(
        processes: *mut c_void,
        request: *const ProcessRequestV1,
        error: *const StrSink,
    ) -> u32,
    /// Ends the process `name` and returns when it has ended; it is not started again. What has ended
    /// already is no error. `grace_ms`: as long it has until it is killed, five minutes at most, or
    /// `UINT64_MAX`: as its request said. [`status::NOT_FOUND`](crate::status::NOT_FOUND): none of that
    /// name was started.
    pub stop: unsafe extern "C" fn(
        processes: *mut c_void,
        name: Str,
        grace_ms: u64,
        error: *const StrSink,
    ) -> u32,
    /// Fills `out`, not null. [`status::NOT_FOUND`](crate::status::NOT_FOUND): none of that name was
    /// started.
    pub status: unsafe extern "C" fn(
        processes: *mut c_void,
        name: Str,
        out: *mut ProcessStatusV1,
        error: *const StrSink,
    ) -> u32,
    /// Gives the names of all that were started since the package was last started, also of those that
    /// have ended, in the order of their bytes.
    pub list: unsafe extern "C" fn(
        processes: *mut c_void,
        names: *const StrSink,
        error: *const StrSink,
    ) -> u32,
}

// SAFETY: `#[repr(C)]`, frozen.
unsafe impl Interface for ProcessV1 {
    const NAME: &'static str = "keyway.process";
    const VERSION: u32 = 1;
    const SINCE_MINOR: u16 = 0;
}

/// What is to be run, and how.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct ProcessRequestV1 {
    /// Its name within the package: letters, digits, `_` and `-`, the first one a letter or a digit;
    /// 64 bytes at most, and not `package`, whose log is the host's.
    pub name: Str,
    /// The program: absolute; or with a separator in it and below the package's folder; or a name that
    /// is looked for in the folders of `PATH`, as the process gets it.
    pub program: PathStr,
    /// The arguments behind the program; no byte of them is 0. On Windows they are UTF-8.
    pub arguments: *const Bytes,
    /// How many; at most 4096.
    pub argument_count: usize,
    /// The variables that are set. No name is empty, has a `=` or is `KEYWAY_PROCESS`; no byte is 0.
    pub environment: *const ProcessVariableV1,
    /// How many; at most 4096. Arguments and variables have 1 MiB altogether at most.
    pub environment_count: usize,
    /// The folder that it runs in: absolute, or below the package's data folder; empty: that one.
    pub folder: PathStr,
    /// When it is started again after it has ended by itself: 0 never, 1 after a failure (a code that
    /// is not 0, or a signal), 2 always. First after a second, then after two, and so on up to a
    /// minute; after a minute of running it is one second again.
    pub restart: u32,
    /// As long it has to end when it is told to, until it is killed, in milliseconds; five minutes at
    /// most.
    pub grace_ms: u64,
    /// The size at which its log is put aside, in bytes: 4 KiB to 1 GiB.
    pub log_bytes: u64,
}

/// A variable of the environment.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct ProcessVariableV1 {
    /// Its name.
    pub name: Bytes,
    /// Its value.
    pub value: Bytes,
}

/// How it stands with a process.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct ProcessStatusV1 {
    /// 0 it runs, 1 it has ended by itself, 2 it has and is about to be started again, 3 it was
    /// stopped.
    pub state: u32,
    /// Its process id; 0 if there is none now.
    pub pid: u32,
    /// Since when that is so, in seconds since 1970.
    pub since: u64,
    /// How often it was started again.
    pub restarts: u64,
    /// How it ended last: 0 it has not yet, 1 with the code `value`, 2 by the signal `value`, 3 it could
    /// not be started again, or nobody knows.
    pub exit: u32,
    /// See `exit`.
    pub value: i32,
}

/// When a process is started again after it has ended by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Restart {
    /// It is not.
    #[default]
    Never,
    /// When it ended with a code that is not 0, or by a signal.
    OnFailure,
    /// Whenever it ended.
    Always,
}

/// How it stands with a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessStatus {
    /// What it does.
    pub state: ProcessState,
    /// Its process id; `None` if there is none now.
    pub pid: Option<u32>,
    /// Since when that is so, in seconds since 1970.
    pub since: u64,
    /// How often it was started again.
    pub restarts: u64,
    /// How it ended last; `None` if it has not yet.
    pub last_exit: Option<ProcessExit>,
}

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProcessState {
    /// It runs.
    Running,
    /// It has ended by itself, and stays so.
    Exited,
    /// It has ended by itself, and is about to be started again.
    Restarting,
    /// It was stopped.
    Stopped,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProcessExit {
    /// With a code; 0 is success.
    Code(i32),
    /// By a signal.
    Signal(i32),
    /// It could not be started again, or nobody knows.
    Lost,
}

impl fmt::Display for ProcessExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::Lost => f.write_str("not known"),
        }
    }
}
