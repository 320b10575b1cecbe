//! Who asks.

use std::fmt;
use std::net::SocketAddr;

/// Who asks: an extension of each request that came over a connection of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A process of this machine, over the socket: the kernel says whose it is.
    Process { user: u32, pid: Option<i32> },
    /// Somebody over TCP.
    Remote {
        address: SocketAddr,
        /// For whom a proxy says that it asks, where there is one. Nothing but the audit log believes it.
        forwarded_for: Option<String>,
    },
}

impl Peer {
    /// This process.
    pub(crate) fn own() -> Self {
        #[cfg(unix)]
        let user = rustix::process::geteuid().as_raw();
        #[cfg(not(unix))]
        let user = 0;
        Self::Process {
            user,
            pid: i32::try_from(std::process::id()).ok(),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { user, pid: None } => write!(f, "user {user}"),
            Self::Process {
                user,
                pid: Some(pid),
            } => write!(f, "user {user}, process {pid}"),
            Self::Remote { address, .. } => write!(f, "{address}"),
        }
    }
}
