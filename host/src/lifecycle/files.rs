//! The files of packages: in the package root, and before they are there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use keyway_metadata::threebot;

use super::code::Said;
use super::error::ManagerError;
use super::lock::make_private;
use super::record::Record;
use super::status::InstalledFrom;
use crate::archive::{self, Limits};
use crate::install::{InstallError, Installer, Operation, Plan, Staged};
use crate::package::PackageLoader;
use crate::transaction::{Which, sync_tree};

/// Where our own copies lie before they are installed.
const INCOMING: &str = "incoming";
/// The name of a copy in its folder.
const COPY: &str = "package";

/// The package root, and what is about to come there.
#[derive(Clone, Debug)]
pub(super) struct Files {
    installer: Installer,
    root: PathBuf,
    incoming: PathBuf,
}

impl Files {
    /// In `root`, or else where packages of the type lie.
    pub(super) fn new(
        loader: &PackageLoader,
        root: Option<&Path>,
        state_dir: &Path,
    ) -> Result<Self, ManagerError> {
        let installer = Installer::new(loader.clone()).for_manager().force(true);
        let installer = installer.type_name(threebot::TYPE)?;
        let root = match root {
            Some(root) if root.is_absolute() => root.to_path_buf(),
            root => {
                let below = match root {
                    Some(root) => root.to_path_buf(),
                    None => {
                        let template = loader.template(threebot::TYPE);
                        let template = template.map_err(InstallError::from)?;
                        let root = template.default_package_root();
                        PathBuf::from(root.unwrap_or(threebot::TYPE))
                    }
                };
                let dir = loader.data_dirs().user();
                let none = InstallError::NoDataDir {
                    for_all_users: false,
                };
                dir.ok_or(none)?.join(below)
            }
        };
        Ok(Self {
            installer: installer.package_root(Some(&root)),
            root,
            incoming: state_dir.join(INCOMING),
        })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn loader(&self) -> &PackageLoader {
        self.installer.loader()
    }

    /// Where a package on record lies.
    pub(super) fn path(&self, record: &Record) -> PathBuf {
        match &record.source {
            InstalledFrom::Link { path } => path.clone(),
            _ => self.root.join(&record.name),
        }
    }

    /// Whether something lies where a package is placed.
    pub(super) fn has(&self, name: &str) -> bool {
        fs::symlink_metadata(self.root.join(name)).is_ok()
    }

    /// Looks at a folder or an archive that is to be installed.
    pub(super) fn plan(&self, path: &Path) -> Result<Plan, ManagerError> {
        let plan = self.installer.plan(Operation::Upgrade, path)?;
        plan.check()?;
        Ok(plan)
    }

    /// Whether the folder that is to be used where it lies is a valid package.
    pub(super) fn check_link(&self, folder: &Path) -> Result<Said, ManagerError> {
        let said = Said::read(folder, self.loader().data_dirs())?;
        let loaded = self.loader().load_package_at(threebot::TYPE, folder);
        loaded.map_err(InstallError::from)?;
        Ok(said)
    }

    /// A folder of its own for something that is to be installed.
    pub(super) fn new_incoming(&self) -> Result<PathBuf, ManagerError> {
        let io = |source| ManagerError::Io {
            path: self.incoming.clone(),
            source,
        };
        make_private(&self.incoming).map_err(io)?;
        let folder = tempfile::Builder::new()
            .prefix("")
            .tempdir_in(&self.incoming);
        Ok(folder.map_err(io)?.keep())
    }

    /// Copies a folder or an archive to where it is ours; gives the folder of the copy.
    pub(super) fn take_in(&self, source: &Path) -> Result<PathBuf, ManagerError> {
        let incoming = self.new_incoming()?;
        let to = incoming.join(COPY);
        let copied = if source.is_dir() {
            let limits = Limits::default();
            struct Silent;
            impl archive::Observer for Silent {}
            fs::create_dir(&to).map_err(|error| at(&to, error))?;
            let copied = archive::copy_folder(source, &to, &limits, &mut Silent);
            copied
                .map(|_| ())
                .map_err(|error| InstallError::of_archive(source, error).into())
        } else {
            let copied = fs::copy(source, &to);
            copied.map(|_| ()).map_err(|error| at(&to, error))
        };
        copied
            .and_then(|()| sync_tree(&incoming).map_err(|error| at(&incoming, error)))
            .inspect_err(|_| self.drop_incoming(&incoming))?;
        Ok(incoming)
    }

    /// Where the copy lies in its folder.
    pub(super) fn copy_in(incoming: &Path) -> PathBuf {
        incoming.join(COPY)
    }

    /// Removes a copy.
    pub(super) fn drop_incoming(&self, incoming: &Path) {
        let removed = fs::remove_dir_all(incoming);
        if let Err(error) = removed
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %incoming.display(), %error, "a copy is not removed");
        }
    }

    /// Where a copy lies that was recorded when the state folder had, maybe, another path.
    pub(super) fn incoming_now(&self, recorded: &Path) -> PathBuf {
        let name = recorded.file_name();
        name.map_or_else(|| recorded.to_path_buf(), |name| self.incoming.join(name))
    }

    /// Removes all copies but those that are `used`.
    pub(super) fn drop_unused(&self, used: &[PathBuf]) {
        for entry in fs::read_dir(&self.incoming).into_iter().flatten().flatten() {
            let path = entry.path();
            if !used.contains(&path) {
                self.drop_incoming(&path);
            }
        }
    }

    /// Puts a package into its place: what was staged, or else what is staged now from our copy. If
    /// `keeps`, what was there can be put back.
    pub(super) fn place(
        &self,
        name: &str,
        staged: Option<Staged>,
        incoming: Option<&Path>,
        keeps: bool,
    ) -> Result<Vec<String>, ManagerError> {
        // Whoever was killed just then has placed it.
        if keeps && self.installer.kept(name)?.is_some() {
            return Ok(self.installer.ensure_in_place(name, Which::New)?);
        }
        let staged = match (staged, incoming) {
            (Some(staged), _) => staged,
            (None, Some(incoming)) => {
                let copy = Self::copy_in(incoming);
                let plan = self.plan(&copy)?;
                if plan.id() != Some(name) {
                    return Err(ManagerError::BadPackage {
                        path: copy,
                        why: format!("it is not `{name}`, as it was when it was looked at"),
                    });
                }
                plan.stage()?
            }
            (None, None) => {
                return Err(ManagerError::BadPackage {
                    path: self.root.join(name),
                    why: "what was to be installed is not there any more: add it again".to_owned(),
                });
            }
        };
        let installed = if keeps {
            staged.commit_keeping()?
        } else {
            staged.commit()?
        };
        Ok(installed.warnings)
    }

    /// Says that a package which lies elsewhere is managed.
    pub(super) fn place_link(&self, name: &str) -> Result<(), ManagerError> {
        Ok(self.installer.mark_managed(name)?)
    }

    /// Puts one of two versions into its place, if two are there.
    fn ensure(&self, name: &str, which: Which) -> Result<(), ManagerError> {
        if self.installer.kept(name)?.is_some() {
            for warning in self.installer.ensure_in_place(name, which)? {
                tracing::warn!(package = name, "{warning}");
            }
        }
        Ok(())
    }

    /// Puts the old version back. The new one stays for a retry.
    pub(super) fn put_back(&self, name: &str) -> Result<(), ManagerError> {
        self.ensure(name, Which::Old)
    }

    /// Puts the new version into its place again.
    pub(super) fn put_forth(&self, name: &str) -> Result<(), ManagerError> {
        if self.installer.kept(name)?.is_none() {
            return Err(ManagerError::BadPackage {
                path: self.root.join(name),
                why: "its new version is not kept any more: add it again".to_owned(),
            });
        }
        self.ensure(name, Which::New)
    }

    /// What is kept of another version goes; for a package that lies elsewhere, also what is here.
    pub(super) fn accept(&self, record: &Record) -> Result<(), ManagerError> {
        self.installer.drop_kept(&record.name)?;
        if matches!(record.source, InstalledFrom::Link { .. }) {
            self.uninstall(&record.name)?;
            self.installer.mark_managed(&record.name)?;
        }
        Ok(())
    }

    /// Removes a package's files, and that it is managed.
    pub(super) fn remove(&self, name: &str) -> Result<(), ManagerError> {
        self.installer.drop_kept(name)?;
        self.uninstall(name)?;
        Ok(self.installer.unmark_managed(name)?)
    }

    fn uninstall(&self, name: &str) -> Result<(), ManagerError> {
        match self.installer.uninstall(name) {
            Err(InstallError::NotInstalled { .. }) => Ok(()),
            removed => {
                for warning in removed?.warnings {
                    tracing::warn!(package = name, "{warning}");
                }
                Ok(())
            }
        }
    }

    /// The packages that are marked as managed in the root.
    pub(super) fn managed(&self) -> Result<Vec<String>, ManagerError> {
        Ok(self.installer.managed()?)
    }
}

fn at(path: &Path, source: io::Error) -> ManagerError {
    ManagerError::Io {
        path: path.to_path_buf(),
        source,
    }
}
