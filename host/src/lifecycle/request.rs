//! What a manager is asked to do, and what it answers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::status::PackageStatus;

/// What a manager is asked to do.
///
/// As JSON: an object whose `operation` says which, as in `{"operation": "start", "name": "a.b"}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Operation {
    /// Adds a package, or a newer version of one.
    Add(AddRequest),
    /// Removes a package.
    Delete(DeleteRequest),
    /// Starts a package.
    Start {
        /// Its full name.
        name: String,
    },
    /// Stops a package, until it is started, or the next server starts.
    Stop {
        /// Its full name.
        name: String,
    },
    /// Starts a package that was disabled.
    Enable {
        /// Its full name.
        name: String,
    },
    /// Stops a package until it is enabled.
    Disable {
        /// Its full name.
        name: String,
    },
    /// Runs the hook again that failed or was interrupted, and goes on.
    Retry {
        /// Its full name.
        name: String,
    },
    /// Installs a package anew with other arguments.
    Reconfigure {
        /// Its full name.
        name: String,
        /// The arguments; those of before are gone.
        install_kwargs: Map<String, Value>,
    },
    /// Reads a package's file and code anew.
    Reload {
        /// Its full name.
        name: String,
    },
}

impl Operation {
    /// Its name: `add`, `delete` and so on.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Add(_) => "add",
            Self::Delete(_) => "delete",
            Self::Start { .. } => "start",
            Self::Stop { .. } => "stop",
            Self::Enable { .. } => "enable",
            Self::Disable { .. } => "disable",
            Self::Retry { .. } => "retry",
            Self::Reconfigure { .. } => "reconfigure",
            Self::Reload { .. } => "reload",
        }
    }

    /// The package that it is about, as it was named; `None` for one that is to be added.
    #[must_use]
    pub fn package(&self) -> Option<&str> {
        match self {
            Self::Add(_) => None,
            Self::Delete(DeleteRequest { name, .. })
            | Self::Start { name }
            | Self::Stop { name }
            | Self::Enable { name }
            | Self::Disable { name }
            | Self::Retry { name }
            | Self::Reconfigure { name, .. }
            | Self::Reload { name } => Some(name),
        }
    }
}

/// A package that is to be added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AddRequest {
    /// Where it comes from.
    pub source: AddSource,
    /// What its code is installed with, over what its file says. `None`: what its file says, or for a
    /// package on record what it was installed with.
    #[serde(default)]
    pub install_kwargs: Option<Map<String, Value>>,
    /// Fetches again what is there already.
    #[serde(default)]
    pub update: bool,
    /// Prepares and installs again if that version is on record.
    #[serde(default)]
    pub reinstall: bool,
    /// Reads its file and code anew if that version is on record.
    #[serde(default)]
    pub reload: bool,
    /// Whether it is prepared and installed; else it is only brought. So by default.
    #[serde(default = "yes")]
    pub install: bool,
    /// Whether it is started. So by default.
    #[serde(default = "yes")]
    pub start: bool,
}

fn yes() -> bool {
    true
}

impl AddRequest {
    /// A package that is brought from `source`, installed and started.
    #[must_use]
    pub fn new(source: AddSource) -> Self {
        Self {
            source,
            install_kwargs: None,
            update: false,
            reinstall: false,
            reload: false,
            install: true,
            start: true,
        }
    }
}

/// Where a package that is to be added comes from. As JSON: one of the members `path`, `link`, and
/// `git_url` with `branch` and `rev`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
#[non_exhaustive]
pub enum AddSource {
    /// A folder or an archive, which is copied.
    Path {
        /// Where it lies, absolute.
        #[serde(with = "super::paths")]
        path: PathBuf,
    },
    /// A folder that is used where it lies: a developer's.
    Link {
        /// Where it lies, absolute.
        #[serde(with = "super::paths")]
        link: PathBuf,
    },
    /// A git repository.
    Git {
        /// Its URL: `https:` or `file:`.
        git_url: String,
        /// The branch; `None` for the repository's own choice.
        #[serde(default)]
        branch: Option<String>,
        /// The commit or tag; `None` for the newest one of the branch.
        #[serde(default)]
        rev: Option<String>,
    },
}

/// A package that is to be removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeleteRequest {
    /// Its full name.
    pub name: String,
    /// Whether its data go, too. Not by default.
    #[serde(default)]
    pub purge: bool,
    /// Whether it goes although a hook fails. Not by default.
    #[serde(default)]
    pub force: bool,
}

impl DeleteRequest {
    /// The package `name`, whose data stay.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            purge: false,
            force: false,
        }
    }
}

/// What became of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// It was done.
    Done,
    /// There was nothing to do: it is so already.
    Already,
    /// It is written down, and done when a server runs.
    Recorded,
}

/// What a manager answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Answer {
    /// What became of it.
    pub outcome: Outcome,
    /// The package's full name.
    pub name: String,
    /// One line for people: what was done.
    pub message: String,
    /// What is not as it should be, all the same.
    pub warnings: Vec<String>,
    /// The package as it is now; `None` if it is gone.
    pub package: Option<PackageStatus>,
}

/// How far a hook of an operation is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HookProgress {
    /// The package's full name.
    pub name: String,
    /// What goes on: a hook, or `fetch`, or `place`.
    pub step: String,
    /// As much is done, in steps of the package's own.
    pub done: u64,
    /// Of as much, if that is known.
    pub total: Option<u64>,
    /// What it is at; may be empty.
    pub message: String,
}
