//! What is said where there are no Unix sockets.

use std::io;
use std::path::PathBuf;

use keyway::install::Cancellation;
use keyway::lifecycle::{Answer, HookProgress, Operation, PackageStatus, Status};

use crate::about::About;
use crate::error::{ClientError, ServeError};
use crate::options::{Ready, Remote, ServeOptions};
use crate::told::{LogsRequest, Told};

/// Nothing is served on this system yet.
///
/// # Errors
///
/// [`ServeError::Unsupported`], always.
pub fn serve(_: ServeOptions, _: impl FnOnce(&Ready)) -> Result<(), ServeError> {
    Err(ServeError::Unsupported)
}

/// Would ask the server at a socket. On this system there is none: each question is an error.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// A client of a server that cannot be there.
    #[must_use]
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self {
            socket: socket.into(),
        }
    }

    /// A client of a server that is not asked from here.
    ///
    /// # Errors
    ///
    /// [`ClientError::BadUrl`], always.
    pub fn remote(remote: &Remote) -> Result<Self, ClientError> {
        Err(ClientError::BadUrl {
            url: remote.url.clone(),
            why: "no server is asked from this system yet".to_owned(),
        })
    }

    /// Means nothing here.
    #[must_use]
    pub fn cancellation(self, _: Cancellation) -> Self {
        self
    }

    /// What the server says of itself.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn about(&self) -> Result<About, ClientError> {
        Err(self.unreachable())
    }

    /// All packages on record.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn packages(&self, _: Option<Status>) -> Result<Vec<PackageStatus>, ClientError> {
        Err(self.unreachable())
    }

    /// A package on record.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn status(&self, _: &str) -> Result<PackageStatus, ClientError> {
        Err(self.unreachable())
    }

    /// Has an operation done.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn perform(
        &self,
        _: &Operation,
        _: impl FnMut(&HookProgress),
    ) -> Result<Answer, ClientError> {
        Err(self.unreachable())
    }

    /// What happens.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn events(&self, _: Option<u64>, _: impl FnMut(u64, Told)) -> Result<(), ClientError> {
        Err(self.unreachable())
    }

    /// The last lines of a log.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn logs(&self, _: &LogsRequest) -> Result<Vec<String>, ClientError> {
        Err(self.unreachable())
    }

    /// The lines of a log as they come.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn follow_logs(&self, _: &LogsRequest, _: impl FnMut(&str)) -> Result<(), ClientError> {
        Err(self.unreachable())
    }

    fn unreachable(&self) -> ClientError {
        ClientError::Unreachable {
            server: self.socket.to_string_lossy().into_owned(),
            source: io::ErrorKind::Unsupported.into(),
        }
    }
}
