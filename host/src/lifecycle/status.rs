//! What a manager tells of a package.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Where a package is in its life. The names are those of 3bot servers.
///
/// Whether it runs is not in it: that is a matter of the process which owns the manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is on record, and not brought yet.
    Init,
    /// It is brought, and not prepared yet.
    Config,
    /// It is brought, and was not to be installed.
    ToInstall,
    /// It is installed: it runs, unless it was not to be started.
    Installed,
    /// It was stopped: it starts with the next server.
    ToStart,
    /// It was disabled: it starts when it is enabled.
    Disabled,
    /// Something failed or was interrupted.
    Error,
}

impl Status {
    const ALL: [(Status, &'static str); 7] = [
        (Status::Init, "init"),
        (Status::Config, "config"),
        (Status::ToInstall, "toinstall"),
        (Status::Installed, "installed"),
        (Status::ToStart, "tostart"),
        (Status::Disabled, "disabled"),
        (Status::Error, "error"),
    ];

    /// Its name, as `toinstall`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let found = Self::ALL.iter().find(|(status, _)| *status == self);
        found.map_or("", |(_, name)| name)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is no [`Status`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no status, expected one of init, config, toinstall, installed, tostart, disabled, error", .0.escape_debug())]
pub struct StatusError(String);

impl FromStr for Status {
    type Err = StatusError;

    fn from_str(text: &str) -> Result<Self, StatusError> {
        let found = Self::ALL.iter().find(|(_, name)| *name == text);
        found
            .map(|(status, _)| *status)
            .ok_or_else(|| StatusError(text.to_owned()))
    }
}

/// All that is known of a package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PackageStatus {
    /// Its full name, `author.name`.
    pub name: String,
    /// Its version; `None` if it says none.
    pub version: Option<String>,
    /// What it says of itself; `None` if nothing.
    pub description: Option<String>,
    /// Where it is in its life.
    pub status: Status,
    /// Whether it runs.
    pub running: bool,
    /// Since when it runs, in seconds since 1970.
    pub running_since: Option<u64>,
    /// Where it came from.
    pub source: InstalledFrom,
    /// Its folder.
    #[serde(with = "super::paths")]
    pub path: PathBuf,
    /// The folder with its data.
    #[serde(with = "super::paths")]
    pub data_dir: PathBuf,
    /// What its code gets: what its file says, and over it what was given.
    pub install_kwargs: Map<String, Value>,
    /// What was given when it was added or reconfigured, also where that only waits for a server.
    #[serde(default)]
    pub given_kwargs: Map<String, Value>,
    /// Its lifecycle, once it is loaded.
    pub lifecycle: Option<LifecycleState>,
    /// The packages that it needs, with what versions of them will do.
    pub dependencies: BTreeMap<String, String>,
    /// What failed last, until it works.
    pub last_error: Option<LastError>,
    /// What is not finished: it is going on, or waits for a server or for a retry.
    pub pending: Vec<PendingOperation>,
    /// What is not as it should be in its `package.toml`.
    pub problems: Vec<String>,
    /// Whether it can only be started again when the server was.
    pub wants_restart: bool,
    /// Whether it can be neither stopped, disabled nor deleted.
    pub protected: bool,
    /// The processes that its code has started since it was last started, ordered by name.
    #[serde(default)]
    pub processes: Vec<PackageProcess>,
}

/// A process of a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PackageProcess {
    /// Its name within the package.
    pub name: String,
    /// What it does.
    pub state: ProcessPhase,
    /// Its process id; `None` if there is none now.
    pub pid: Option<u32>,
    /// How often it was started again after it had ended by itself.
    pub restarts: u64,
    /// Since when it is in that state, in seconds since 1970.
    pub since: u64,
    /// How it ended last, as `code 1` or `signal 9`; `None` if it has not yet.
    pub last_exit: Option<String>,
}

/// What a process of a package does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProcessPhase {
    /// It runs.
    Running,
    /// It has ended by itself, and stays so.
    Exited,
    /// It has ended by itself, and is about to be started again.
    Restarting,
    /// It was stopped.
    Stopped,
}

impl PackageProcess {
    #[cfg(unix)]
    pub(super) fn of(name: &str, status: &crate::plugin::ProcessStatus) -> Self {
        use crate::plugin::ProcessState;
        Self {
            name: name.to_owned(),
            state: match status.state {
                ProcessState::Running => ProcessPhase::Running,
                ProcessState::Exited => ProcessPhase::Exited,
                ProcessState::Restarting => ProcessPhase::Restarting,
                ProcessState::Stopped => ProcessPhase::Stopped,
            },
            pid: status.pid,
            restarts: status.restarts,
            since: status.since,
            last_exit: status.last_exit.map(|it| it.to_string()),
        }
    }
}

impl fmt::Display for ProcessPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Running => "running",
            Self::Exited => "exited",
            Self::Restarting => "restarting",
            Self::Stopped => "stopped",
        })
    }
}

/// Where a package on record came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum InstalledFrom {
    /// A folder or archive, which was copied.
    Path {
        /// Where it lay.
        #[serde(with = "super::paths")]
        path: PathBuf,
    },
    /// A folder that is used where it lies.
    Link {
        /// Where it lies.
        #[serde(with = "super::paths")]
        path: PathBuf,
    },
    /// A git repository.
    Git {
        /// Its URL.
        url: String,
        /// The branch that was asked for.
        branch: Option<String>,
        /// The commit or tag that was asked for.
        rev: Option<String>,
        /// The commit that it was.
        commit: String,
    },
    /// Nobody knows: the record was lost, and the package found.
    Unknown,
}

/// The code of a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LifecycleState {
    /// Its type name.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The file of its plugin.
    #[serde(with = "super::paths")]
    pub plugin: PathBuf,
    /// The plugin's id.
    #[serde(default)]
    pub plugin_id: String,
    /// The plugin's version.
    pub plugin_version: String,
    /// Whether it runs in a process of its own.
    #[serde(default)]
    pub isolated: bool,
    /// That process, while there is one.
    #[serde(default)]
    pub pid: Option<u32>,
}

/// What failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LastError {
    /// The operation.
    pub operation: String,
    /// The hook; `None` if it was not in one.
    pub hook: Option<String>,
    /// A stable code.
    pub code: String,
    /// What happened, with what caused it.
    pub message: String,
    /// Where a panic started: file, line and column.
    pub location: Option<String>,
    /// When, in seconds since 1970.
    pub time: u64,
    /// Whether the process ended in the hook.
    pub interrupted: bool,
}

/// An operation that is not finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PendingOperation {
    /// Its name.
    pub operation: String,
    /// What is left of it: hooks, and steps such as `place`.
    pub steps: Vec<String>,
    /// Whether the first step goes on right now.
    pub active: bool,
    /// How far that is; `None` if it says nothing.
    pub progress: Option<super::request::HookProgress>,
}
