//! What systemd is told, if it started the server and wants to know.

#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process;
use std::time::Duration;

/// Who is told.
#[derive(Debug)]
pub(crate) struct Notify {
    to: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Notify {
    /// Whoever `NOTIFY_SOCKET` names. Only we are to tell: who starts processes for packages does not
    /// hand it on.
    pub(crate) fn from_env() -> Self {
        let number = |name| {
            let text = std::env::var(name).ok()?;
            text.parse::<u64>().ok()
        };
        let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|usec| is_ours && *usec > 0);
        Self {
            to: address(),
            watchdog: watchdog.map(Duration::from_micros),
        }
    }

    /// So often there has to be a [ping](Self::ping): twice as often as it must be.
    pub(crate) fn pulse(&self) -> Option<Duration> {
        let half = self.watchdog? / 2;
        self.to
            .is_some()
            .then_some(half.max(Duration::from_millis(1)))
    }

    /// The server is ready.
    pub(crate) fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// The server is about to end.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=stopping the packages");
    }

    /// One line for people.
    pub(crate) fn status(&self, status: &str) {
        self.tell(&format!("STATUS={status}"));
    }

    /// The server is alive.
    pub(crate) fn ping(&self) {
        self.tell("WATCHDOG=1");
    }

    fn tell(&self, text: &str) {
        if let Some((socket, address)) = &self.to
            && let Err(error) = socket.send_to_addr(text.as_bytes(), address)
        {
            tracing::warn!(%error, text, "systemd was not told");
        }
    }
}

/// An absolute path, or a name without a file behind an `@`.
fn address() -> Option<(UnixDatagram, SocketAddr)> {
    let name = std::env::var_os("NOTIFY_SOCKET")?;
    let address = match name.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(&name),
        #[cfg(target_os = "linux")]
        [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest),
        _ => {
            let name = String::from_utf8_lossy(&name.into_vec()).into_owned();
            tracing::warn!(name, "NOTIFY_SOCKET is no socket of a kind that is known");
            return None;
        }
    };
    let found = address.and_then(|address| {
        let socket = UnixDatagram::unbound()?;
        // A supervisor that does not read must not stop us.
        socket.set_nonblocking(true)?;
        Ok((socket, address))
    });
    match found {
        Ok(found) => Some(found),
        Err(error) => {
            tracing::warn!(%error, "NOTIFY_SOCKET cannot be used");
            None
        }
    }
}
