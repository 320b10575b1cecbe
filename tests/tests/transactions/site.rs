//! A package root that is worked on, and what must hold there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use keyway::install::Installer;
use keyway_tests::command::keyway_command;
use keyway_tests::snapshot::Snapshot;
use tempfile::TempDir;

use crate::offers::{Tree, VERSIONS, Version, offers, tree};
use crate::{ID, OTHER, TYPE};

/// What lies under a name: nothing, or one version.
pub(crate) type State = Option<Version>;

/// What is not as it must be.
pub(crate) type Check<T = ()> = Result<T, String>;

/// A data folder with a package root in it.
pub(crate) struct Site {
    data: PathBuf,
    /// What is no part of it, and gone with this.
    home: TempDir,
}

impl Site {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        Self {
            data: home.path().join("data"),
            home,
        }
    }

    /// One with that data folder.
    pub(crate) fn at(data: &Path) -> Self {
        Self {
            data: data.to_path_buf(),
            home: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.data.clone()
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.data().join("myapp/packages")
    }

    /// A run of the command that changes this.
    pub(crate) fn command(&self) -> Command {
        let mut command = keyway_command();
        command
            .env("KEYWAY_PLUGIN_PATH", offers().plugins.path())
            .env("XDG_DATA_HOME", self.data())
            // Each run makes the same calls, whatever others do.
            .env("XDG_STATE_HOME", self.home().join("state"))
            .env("XDG_CACHE_HOME", self.home().join("cache"));
        command
    }

    /// An installer that has seen nothing of this yet.
    pub(crate) fn installer(&self) -> Installer {
        let installer = Installer::new(offers().loader(&self.data()));
        // Nobody cuts the power.
        let installer = installer.type_name(TYPE).unwrap().sync(false);
        installer.force(true)
    }

    pub(crate) fn install(&self, id: &'static str, version: Version) -> Check {
        let installed = self.installer().upgrade(&offers().of(id, version).folder);
        let installed = installed.map_err(|error| format!("{error:?}"))?;
        match installed.warnings[..] {
            [] => Ok(()),
            _ => Err(format!("{:?}", installed.warnings)),
        }
    }

    pub(crate) fn remove(&self, id: &'static str) -> Check {
        let removed = self.installer().uninstall(id);
        let removed = removed.map_err(|error| format!("{error:?}"))?;
        match removed.warnings[..] {
            [] => Ok(()),
            _ => Err(format!("{:?}", removed.warnings)),
        }
    }

    /// What lies in the root, as everybody sees it.
    pub(crate) fn lies(&self, id: &'static str) -> Check<State> {
        let folder = self.root().join(id);
        if fs::symlink_metadata(&folder).is_err() {
            return Ok(None);
        }
        let tree = tree(&folder);
        version_of(id, &tree).map(Some).ok_or_else(|| {
            let paths: Vec<_> = tree.keys().collect();
            format!("`{id}` is half a package: {paths:#?}")
        })
    }

    /// What a listing by somebody who has seen nothing of this yet finds, of one id.
    pub(crate) fn listed(&self, id: &'static str) -> Check<State> {
        let loader = offers().loader(&self.data());
        let listing = loader.listing(TYPE).with_validity();
        let packages = listing.packages().map_err(|error| format!("{error:?}"))?;
        if let Some(strange) = packages.iter().find(|it| ![ID, OTHER].contains(&it.id())) {
            return Err(format!("{} is listed", strange.path().display()));
        }
        let mut found = packages.iter().filter(|it| it.id() == id);
        let Some(package) = found.next() else {
            return Ok(None);
        };
        if found.next().is_some() || !package.is_valid() {
            return Err(format!("`{id}` is listed twice or is not valid"));
        }
        let loaded = package.load().map_err(|error| format!("{error:?}"))?;
        let digest = loaded.content_digest();
        let digest = digest.map_err(|error| format!("{error:?}"))?;
        let is_it = |version: &Version| {
            package.version() == version.text() && digest == offers().of(id, *version).digest
        };
        let version = VERSIONS.into_iter().find(is_it);
        version.map(Some).ok_or_else(|| {
            let version = package.version();
            format!("`{id}` {version} is listed and is not whole")
        })
    }

    /// Whether a receipt that counts is that of what lies there. Gives whether there is one.
    pub(crate) fn receipt(&self, id: &'static str) -> Check<bool> {
        let receipt = self.installer().receipt(id);
        let receipt = receipt.map_err(|error| format!("{error:?}"))?;
        let version = self.lies(id)?;
        match (receipt, version) {
            (None, _) => Ok(false),
            (Some(receipt), Some(version))
                if receipt.version.as_deref() == Some(version.text())
                    && receipt.digest == offers().of(id, version).digest =>
            {
                Ok(true)
            }
            (Some(receipt), _) => Err(format!(
                "the receipt of `{id}` speaks of {:?}, and {version:?} is there",
                receipt.version
            )),
        }
    }

    /// Whether the root holds these packages, each with its receipt, and nothing besides.
    pub(crate) fn is_tidy(&self, installed: &[(&'static str, State)]) -> Check {
        let mut wanted = Vec::new();
        let mut ours = Vec::new();
        for (id, state) in installed {
            if self.lies(id)? != *state {
                return Err(format!("`{id}` is not what was installed: {state:?}"));
            }
            if state.is_none() {
                continue;
            }
            if !self.receipt(id)? {
                return Err(format!("`{id}` has no receipt that counts"));
            }
            wanted.push(PathBuf::from(id));
            ours.push(PathBuf::from("receipts").join(format!("{id}.json")));
        }
        if !wanted.is_empty() {
            wanted.push(".keyway".into());
            ours.extend(["lock".into(), "receipts".into()]);
        }
        same("the package root", wanted, names(&self.root()))?;
        let there = tree(&self.root().join(".keyway"));
        same("`.keyway`", ours, there.into_keys().collect())
    }

    /// All of the package beside, to be compared.
    pub(crate) fn other(&self) -> Option<Snapshot> {
        let folder = self.root().join(OTHER);
        folder.exists().then(|| Snapshot::of(&folder))
    }

    /// The names in the root that no package has which was ever installed.
    pub(crate) fn strange_names(&self) -> Vec<PathBuf> {
        let known = [ID, OTHER, ".keyway"].map(PathBuf::from);
        let names = names(&self.root()).into_iter();
        names.filter(|name| !known.contains(name)).collect()
    }
}

pub(crate) fn version_of(id: &'static str, tree: &Tree) -> State {
    let is_it = |version: &Version| offers().of(id, *version).tree == *tree;
    VERSIONS.into_iter().find(is_it)
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().into()).collect()
}

fn same(what: &str, mut wanted: Vec<PathBuf>, mut found: Vec<PathBuf>) -> Check {
    wanted.sort();
    found.sort();
    match wanted == found {
        true => Ok(()),
        false => Err(format!("{what} holds {found:?}, not {wanted:?}")),
    }
}
