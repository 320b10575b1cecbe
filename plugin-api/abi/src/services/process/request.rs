//! What is to be run, in Rust.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::Restart;

/// What is to be run, and how.
///
/// ```
/// # use std::time::Duration;
/// # use keyway_abi::{ProcessRequest, Restart};
/// ProcessRequest::new("web", "python3")
///     .args(["-m", "http.server", "8080"])
///     .env("PYTHONUNBUFFERED", "1")
///     .restart(Restart::Always)
///     .stop_grace(Duration::from_secs(3));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessRequest {
    /// Its name within the package: letters, digits, `_` and `-`, the first one a letter or a digit;
    /// 64 bytes at most, and not `package`.
    pub name: String,
    /// The program: absolute; or with a separator in it and below the package's folder; or a name that
    /// is looked for in the folders of `PATH`.
    pub program: PathBuf,
    /// The arguments behind the program.
    pub arguments: Vec<OsString>,
    /// The variables that are set in its environment.
    pub environment: Vec<(OsString, OsString)>,
    /// The folder that it runs in; `None`: the package's data folder.
    pub folder: Option<PathBuf>,
    /// When it is started again after it has ended by itself.
    pub restart: Restart,
    /// As long it has to end when it is told to, until it is killed.
    pub stop_grace: Duration,
    /// The size at which its log is put aside, in bytes.
    pub log_bytes: u64,
}

impl ProcessRequest {
    /// Begins to say what is to be run: a process `name` of the package, with `program`. Unless said
    /// otherwise it gets no arguments, runs in the package's data folder, is not started again, has ten
    /// seconds to end, and its log is put aside at one MiB.
    #[must_use]
    pub fn new(name: impl Into<String>, program: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            folder: None,
            restart: Restart::Never,
            stop_grace: Duration::from_secs(10),
            log_bytes: 1 << 20,
        }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// A variable of its environment. It gets the server's besides, without what is meant for the
    /// server alone, as all whose names begin with `KEYWAY_`.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// The folder that it runs in: absolute, or below the package's data folder.
    #[must_use]
    pub fn dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// When it is started again after it has ended by itself: first after a second, then after two, and
    /// so on up to a minute; after a minute of running it is one second again.
    #[must_use]
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// As long it has to end when it is told to, until it is killed; five minutes at most.
    #[must_use]
    pub fn stop_grace(mut self, grace: Duration) -> Self {
        self.stop_grace = grace;
        self
    }

    /// The size at which its log is put aside, in bytes: 4 KiB to 1 GiB.
    #[must_use]
    pub fn log_bytes(mut self, bytes: u64) -> Self {
        self.log_bytes = bytes;
        self
    }
}
