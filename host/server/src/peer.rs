//! Who asks.

use std::fmt;
use std::net::SocketAddr;

/// Who asks: an extension of each request that came over a connection of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A process of this machine, over the socket: the kernel says whose it is.
    Process { user: u32, pid: Option<i32> },
    /// Somebody over TCP.
    Remote { address: SocketAddr },
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { user, pid: None } => write!(f, "user {user}"),
            Self::Process {
                user,
                pid: Some(pid),
            } => write!(f, "user {user}, process {pid}"),
            Self::Remote { address } => write!(f, "{address}"),
        }
    }
}
