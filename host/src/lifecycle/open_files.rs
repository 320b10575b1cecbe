//! How many files this process may have open. Each library that is loaded keeps its file, so that its
//! digest can be told whatever becomes of the path, and libraries are never unloaded: a server that lives
//! long, or has many packages with code of their own, needs more than the usual 1,024.

use std::io;
use std::sync::OnceLock;

#[cfg(any(target_os = "linux", target_os = "android"))]
use rustix::process::prlimit;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, setrlimit};

/// As many files a server may have open, where the system allows it.
const MOST: u64 = 1 << 16;

/// What the limit was before.
static BEFORE: OnceLock<Rlimit> = OnceLock::new();

/// Lets this process have as many files open as the system allows it, up to 65,536; gives that number. What
/// packages start by the service `keyway.process` has the limit of before: some programs cannot stand a
/// higher one.
///
/// # Errors
///
/// The limit cannot be changed; it is as it was.
///
/// # Platform
///
/// Unix.
pub fn raise_open_files() -> io::Result<u64> {
    let before = getrlimit(Resource::Nofile);
    let current = before.current.unwrap_or(u64::MAX);
    let wanted = before.maximum.unwrap_or(u64::MAX).min(MOST);
    if wanted <= current {
        return Ok(current);
    }
    let raised = Rlimit {
        current: Some(wanted),
        ..before
    };
    setrlimit(Resource::Nofile, raised)?;
    // The first one counts.
    let _ = BEFORE.set(before);
    Ok(wanted)
}

/// Gives a process that was just started the limit of before.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn restore(pid: Pid) {
    if let Some(before) = BEFORE.get()
        && let Err(error) = prlimit(Some(pid), Resource::Nofile, *before)
    {
        tracing::debug!(%error, "a process has the limit of its server");
    }
}

/// Elsewhere it cannot be given to another process.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn restore(_: Pid) {}
