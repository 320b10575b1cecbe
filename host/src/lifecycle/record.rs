//! What is written down of a package.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::code::Said;
use super::status::{InstalledFrom, LastError, Status};

/// The form of records that this version writes.
pub(super) const FORMAT: u32 = 1;

/// What is written down of a package: one value of the database, so that it is never half changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) format: u32,
    pub(super) name: String,
    pub(super) status: Status,
    pub(super) version: Option<String>,
    pub(super) source: InstalledFrom,
    /// Whether its files are there.
    pub(super) is_placed: bool,
    /// Whether `prepare` and `install` have succeeded.
    pub(super) is_installed: bool,
    /// Whether `prepare` has ever begun, so that there may be something to uninstall.
    pub(super) was_prepared: bool,
    /// What was given when it was added or reconfigured.
    pub(super) given_kwargs: Map<String, Value>,
    /// The packages that it needs, as its file said when it was last read.
    pub(super) dependencies: BTreeMap<String, String>,
    pub(super) last_error: Option<LastError>,
    /// What is not finished, the first one begun.
    #[serde(default)]
    pub(super) pending: VecDeque<Pending>,
    /// When it was added, and last changed, in seconds since 1970.
    pub(super) added: u64,
    pub(super) changed: u64,
}

/// An operation that is not finished.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) wanted: Wanted,
    /// What is left to do; `None` before it begins, since that depends on how things are then.
    pub(super) journal: Option<Journal>,
}

impl Pending {
    /// An operation of which nothing was done yet.
    pub(super) fn begun(wanted: Wanted, steps: Vec<Step>, ends: Status) -> Self {
        Self {
            wanted,
            journal: Some(Journal {
                steps: steps.into(),
                phase: Phase::Waiting,
                ends,
                before: None,
                is_put_back: false,
            }),
        }
    }
}

/// What is left of an operation that has begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Journal {
    pub(super) steps: VecDeque<Step>,
    pub(super) phase: Phase,
    /// The status when all of it is done.
    pub(super) ends: Status,
    /// What was there before an upgrade.
    pub(super) before: Option<Before>,
    /// Whether that is in place again, since a step failed.
    #[serde(default)]
    pub(super) is_put_back: bool,
}

/// What an upgrade takes the place of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Before {
    pub(super) version: Option<String>,
    pub(super) source: InstalledFrom,
    pub(super) dependencies: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) given_kwargs: Option<Map<String, Value>>,
}

/// How it stands with the first step of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Phase {
    /// It is to be done.
    Waiting,
    /// It has begun: if the process that began it is gone, it was interrupted.
    Begun,
    /// It failed, or was interrupted, and waits for a retry.
    Failed,
}

/// One step of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Step {
    /// The hook, if the package runs.
    Stop,
    /// The package's files take their place.
    Place,
    /// The hook.
    Prepare,
    /// The hook.
    Install,
    /// The hook, with the new files in place; the old ones are put back if it fails.
    Upgrade,
    /// The old files go.
    Accept,
    /// The package's file and code are read anew.
    Read,
    /// The hook, with those that the package needs running.
    Start,
    /// The hook.
    Uninstall,
    /// The files, the record and, if that is wanted, the data go.
    Remove,
}

impl Step {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Place => "place",
            Self::Prepare => "prepare",
            Self::Install => "install",
            Self::Upgrade => "upgrade",
            Self::Accept => "accept",
            Self::Read => "read",
            Self::Start => "start",
            Self::Uninstall => "uninstall",
            Self::Remove => "remove",
        }
    }

    /// Whether it is a hook of the package's own.
    pub(super) fn is_hook(self) -> bool {
        !matches!(self, Self::Place | Self::Accept | Self::Read | Self::Remove)
    }
}

/// What is wanted of a package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Wanted {
    Add(WantedAdd),
    Delete { purge: bool, force: bool },
    Start,
    Stop,
    Enable,
    Disable,
    Reconfigure { install_kwargs: Map<String, Value> },
    Reload,
}

/// A version of a package that is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct WantedAdd {
    pub(super) source: InstalledFrom,
    pub(super) version: Option<String>,
    pub(super) dependencies: BTreeMap<String, String>,
    /// Our own copy of the package, in a folder of its own; `None` for one that is used where it lies.
    #[serde(default, with = "super::paths::optional")]
    pub(super) incoming: Option<PathBuf>,
    pub(super) install_kwargs: Option<Map<String, Value>>,
    pub(super) reinstall: bool,
    pub(super) reload: bool,
    pub(super) install: bool,
    pub(super) start: bool,
}

impl Wanted {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Add(_) => "add",
            Self::Delete { .. } => "delete",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Reconfigure { .. } => "reconfigure",
            Self::Reload => "reload",
        }
    }

    /// The version that is wanted, if one is to be added.
    pub(super) fn add(&self) -> Option<&WantedAdd> {
        match self {
            Self::Add(add) => Some(add),
            _ => None,
        }
    }

    /// Our own copy of a package that is to be added.
    pub(super) fn incoming(&self) -> Option<&Path> {
        self.add()?.incoming.as_deref()
    }
}

impl Record {
    /// A package that was never heard of.
    pub(super) fn new(name: &str, source: InstalledFrom, now: u64) -> Self {
        Self {
            format: FORMAT,
            name: name.to_owned(),
            status: Status::Init,
            version: None,
            source,
            is_placed: false,
            is_installed: false,
            was_prepared: false,
            given_kwargs: Map::new(),
            dependencies: BTreeMap::new(),
            last_error: None,
            pending: VecDeque::new(),
            added: now,
            changed: now,
        }
    }

    /// The journal of what has begun.
    pub(super) fn journal(&self) -> Option<&Journal> {
        self.pending.front()?.journal.as_ref()
    }

    pub(super) fn journal_mut(&mut self) -> Option<&mut Journal> {
        self.pending.front_mut()?.journal.as_mut()
    }

    /// Whether a server that starts should start it.
    pub(super) fn starts_with_server(&self) -> bool {
        match self.status {
            Status::Installed | Status::ToStart => true,
            Status::Error => {
                let error = self.last_error.as_ref();
                error.is_some_and(|it| {
                    let did_not_start = it.hook.as_deref() == Some("start") && !it.interrupted;
                    // Its worker ended.
                    did_not_start || it.operation == "run"
                })
            }
            _ => false,
        }
    }
}

impl Record {
    /// What failed is to be tried again.
    pub(super) fn wait_again(&mut self) {
        if let Some(journal) = self.journal_mut() {
            journal.phase = Phase::Waiting;
        }
    }

    /// What is given when all that is recorded is done.
    pub(super) fn kwargs_to_be(&self) -> &Map<String, Value> {
        let mut given = self.pending.iter().rev().filter_map(|it| match &it.wanted {
            Wanted::Add(add) if it.journal.is_none() => add.install_kwargs.as_ref(),
            Wanted::Reconfigure { install_kwargs } if it.journal.is_none() => Some(install_kwargs),
            _ => None,
        });
        given.next().unwrap_or(&self.given_kwargs)
    }

    /// Its version when all that is recorded is done.
    pub(super) fn version_to_be(&self) -> Option<String> {
        let mut adds = self.pending.iter().rev().filter_map(|it| match &it.wanted {
            Wanted::Add(add) if it.journal.is_none() => add.version.clone(),
            _ => None,
        });
        adds.next().or_else(|| self.version.clone())
    }
}

impl Before {
    pub(super) fn restore(self, record: &mut Record) {
        record.version = self.version;
        record.source = self.source;
        record.dependencies = self.dependencies;
        if let Some(kwargs) = self.given_kwargs {
            record.given_kwargs = kwargs;
        }
    }
}

impl Record {
    /// What is written down of a version that takes its place.
    pub(super) fn take(&mut self, add: &WantedAdd) {
        self.version.clone_from(&add.version);
        self.source = add.source.clone();
        self.dependencies.clone_from(&add.dependencies);
        if let Some(kwargs) = &add.install_kwargs {
            self.given_kwargs = kwargs.clone();
        }
    }

    pub(super) fn has_said(&mut self, said: &Said) {
        self.version.clone_from(&said.toml.version);
        self.dependencies = needs_of(said);
    }

    pub(super) fn said_differs(&self, said: &Said) -> bool {
        self.version != said.toml.version || self.dependencies != needs_of(said)
    }
}

/// The packages that a package needs, as they are written down.
pub(super) fn needs_of(said: &Said) -> BTreeMap<String, String> {
    let needs = said.toml.dependencies.iter();
    needs
        .map(|(name, which)| (name.to_string(), which.to_string()))
        .collect()
}
