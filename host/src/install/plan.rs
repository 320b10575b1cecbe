//! What would happen.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyway_metadata::TypeName;

use super::decide::{
    Action, Needed, Occupant, OccupantPackage, Offered, Operation, There, Wanted, decide,
};
use super::dependency::Dependency;
use super::error::InstallError;
use super::installer::Installer;
use super::refusal::Refusal;
use super::source::Source;
use super::staged::{Staged, unpack};
use crate::package::metadata::{self, MetadataFiles};
use crate::package::{DataDirs, Package, PackageMetadata, is_installable_id};
use crate::transaction::{is_managed, unreplaced};

/// What would happen if a package were installed, and every reason why it is not. Nothing was written
/// to find out.
#[derive(Debug)]
pub struct Plan {
    pub(super) installer: Installer,
    pub(super) source: Source,
    pub(super) operation: Operation,
    /// A package of the type, without a path.
    pub(super) template: Package,
    pub(super) root: PathBuf,
    pub(super) offered: Offered,
    action: Action,
    refusals: Vec<Refusal>,
}

impl Plan {
    pub(super) fn new(
        installer: Installer,
        source: Source,
        operation: Operation,
        template: Package,
        root: PathBuf,
    ) -> Self {
        let mut plan = Self {
            offered: source.offered(!installer.settings.for_manager),
            installer,
            source,
            operation,
            template,
            root,
            action: Action::Install,
            refusals: Vec::new(),
        };
        (plan.action, plan.refusals) = plan.decide(&plan.root);
        plan
    }

    /// Decides by what lies in `root` now.
    pub(super) fn decide(&self, root: &Path) -> (Action, Vec<Refusal>) {
        let wanted = Wanted {
            operation: self.operation,
            type_name: self.type_name(),
            force: self.installer.settings.force,
            allow_handlers: self.installer.settings.allow_handlers,
        };
        let dirs = self.installer.loader.data_dirs();
        let id = self.offered.id.as_deref();
        let id = id.filter(|id| is_installable_id(id));
        let files = self.template.definition().metadata_files();
        let is_ours = |id: &str| {
            // What cannot be found out is found out again under the lock.
            self.installer.settings.for_manager || !is_managed(root, id).unwrap_or(false)
        };
        let there = There {
            managed: id.filter(|id| !is_ours(id)).map(|id| root.join(id)),
            occupant: id.and_then(|id| {
                let path = root.join(id);
                unreplaced(&path, || occupant_of(&path, files, dirs))
            }),
        };
        let needed = |dependency: &Dependency| self.needed(dependency);
        decide(&wanted, &self.offered, &there, needed)
    }

    fn needed(&self, dependency: &Dependency) -> Needed {
        let needed = match dependency {
            Dependency::Package(package) => package,
            Dependency::Url(url) => {
                return match self.installer.settings.handlers.of(url) {
                    Some(_) => Needed::Handler,
                    None => Needed::NoHandler,
                };
            }
        };
        let loader = &self.installer.loader;
        let type_name = needed.type_name.as_str();
        if let Err(error) = loader.template(type_name) {
            return Needed::NoType(error.to_string(), error.hint());
        }
        let Ok(package) = loader.load_package_at(type_name, &needed.id) else {
            return Needed::Missing;
        };
        let installed = package.metadata().and_then(|it| it.view().version());
        match needed.admits(installed.unwrap_or("")) {
            true => Needed::Met,
            false => Needed::OtherVersion(installed.map(str::to_owned)),
        }
    }

    /// The package that is to be installed.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// What was asked for.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// What would happen.
    #[must_use]
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// Every reason why it does not happen; none if it may.
    #[must_use]
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    /// The type that it would be installed as.
    #[must_use]
    pub fn type_name(&self) -> &TypeName {
        self.template.type_name()
    }

    /// The package's id, if it has one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.offered.id.as_deref()
    }

    /// The package's version, if it says one.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.offered.version.as_deref()
    }

    /// The package root that it would be installed in.
    #[must_use]
    pub fn package_root(&self) -> &Path {
        &self.root
    }

    /// The folder that it would be installed as, if it has an id that can be installed.
    #[must_use]
    pub fn target(&self) -> Option<PathBuf> {
        let id = self.id().filter(|id| is_installable_id(id))?;
        Some(self.root.join(id))
    }

    /// The URLs that handlers would see to.
    pub fn handled(&self) -> impl Iterator<Item = &str> {
        let urls = self.offered.dependencies.iter();
        urls.filter_map(|dependency| match dependency {
            Ok(Dependency::Url(url)) => Some(&url[..]),
            _ => None,
        })
    }

    /// Whether it may happen.
    ///
    /// # Errors
    ///
    /// [`InstallError::Refused`], with every reason.
    pub fn check(&self) -> Result<(), InstallError> {
        self.refused(&self.refusals)
    }

    pub(super) fn refused(&self, refusals: &[Refusal]) -> Result<(), InstallError> {
        if refusals.is_empty() {
            return Ok(());
        }
        Err(InstallError::Refused {
            path: self.source.path().to_path_buf(),
            refusals: refusals.to_vec(),
        })
    }

    /// Tries all of it but for what can be seen: the package root is found to be one that may be written
    /// to, the package is unpacked to a temporary folder, checked, found valid by its structure, and
    /// gone again. No handler runs, nothing in the package root
    /// is changed.
    ///
    /// # Errors
    ///
    /// As [`stage`](Self::stage).
    pub fn rehearse(&self) -> Result<(), InstallError> {
        self.check()?;
        let existing = self.root.ancestors().find(|folder| folder.exists());
        let existing = existing.unwrap_or(&self.root);
        // With a separator behind it, since it may be a file.
        may_write(&existing.join("")).map_err(InstallError::io(existing))?;
        let folder = tempfile::tempdir().map_err(InstallError::io(std::env::temp_dir()))?;
        unpack(
            self,
            &folder.path().join("package"),
            &folder.path().join("all"),
        )?;
        Ok(())
    }

    /// Unpacks the package where nobody looks, in the file system that it is installed to, checks it,
    /// lets its structure say whether it is valid, lets handlers see to what it needs if they may, and
    /// brings it to the disk.
    ///
    /// # Errors
    ///
    /// There are [reasons](Self::refusals) why not; the archive lies; the package is not valid;
    /// a handler fails; it was cancelled; something cannot be written. Nothing is left of it then.
    pub fn stage(self) -> Result<Staged, InstallError> {
        self.check()?;
        Staged::new(self)
    }
}

/// Whether this process may make something in a folder.
#[cfg(unix)]
fn may_write(folder: &Path) -> std::io::Result<()> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    let access = Access::WRITE_OK | Access::EXEC_OK;
    Ok(accessat(CWD, folder, access, AtFlags::EACCESS)?)
}

/// Whether this process may make something in a folder: not known before it is tried.
#[cfg(not(unix))]
fn may_write(_: &Path) -> std::io::Result<()> {
    Ok(())
}

/// What lies at `path`.
fn occupant_of(path: &Path, files: MetadataFiles, dirs: &DataDirs) -> Option<Occupant> {
    std::fs::symlink_metadata(path).ok()?;
    // Through a link too: it counts as the package that it leads to.
    let folder = std::fs::canonicalize(path).ok();
    let found = folder.map(|folder| metadata::find(&folder, files, false, dirs));
    let package = found.and_then(|found| match (found.metadata, found.trouble) {
        (Some(metadata), _) => Some(package_of(&metadata)),
        // Metadata that cannot be read are some, too.
        (None, Some(_)) => Some(OccupantPackage {
            id: None,
            types: Vec::new(),
            version: None,
        }),
        (None, None) => None,
    });
    Some(Occupant {
        path: path.to_path_buf(),
        package,
    })
}

fn package_of(metadata: &Arc<PackageMetadata>) -> OccupantPackage {
    let view = metadata.view();
    OccupantPackage {
        id: view.id().map(str::to_owned),
        types: metadata.declared_types(),
        version: view.version().map(str::to_owned),
    }
}
