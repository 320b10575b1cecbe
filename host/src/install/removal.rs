//! Taking a package away.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use keyway_metadata::threebot::{self, FullName};

use super::error::InstallError;
use super::installer::Installer;
use super::receipt::Receipt;
use super::staged::of_aftermath;
use crate::package::metadata;
use crate::package::{Change, PackageEvent, Shown, ShownList, is_installable_id};
use crate::transaction::{Place, Root, is_managed, unreplaced};

/// A package that is to be removed. Nothing was changed yet.
#[derive(Debug)]
pub struct Removal {
    installer: Installer,
    root: PathBuf,
    /// The name of the package's folder.
    name: String,
    found: Found,
}

/// What there is to be removed.
#[derive(Debug, PartialEq)]
struct Found {
    /// The folder itself, or the link.
    place: Option<Place>,
    id: String,
    types: Vec<String>,
    version: Option<String>,
}

/// What was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removed {
    /// The package's id.
    pub id: String,
    /// The folder that it was.
    pub path: PathBuf,
    /// Its version, if it said one.
    pub version: Option<String>,
    /// What did not work any more after it was gone.
    pub warnings: Vec<String>,
}

impl Removal {
    pub(super) fn plan(installer: Installer, name: &str) -> Result<Self, InstallError> {
        let planned = Self::plan_exactly(installer.clone(), name);
        let Err(InstallError::NotInstalled { .. }) = planned else {
            return planned;
        };
        // The name of a 3bot package may be spelled with `__` for its dot.
        let meant = FullName::meant(name).filter(|meant| meant.as_str() != name);
        let mut removals = meant.map(|it| Self::plan_exactly(installer.clone(), it.as_str()));
        let is_one = |removal: &Result<Self, _>| match removal {
            Ok(removal) => removal.types().iter().any(|it| it == threebot::TYPE),
            Err(error) => matches!(error, InstallError::Managed { .. }),
        };
        removals.find(is_one).unwrap_or(planned)
    }

    fn plan_exactly(installer: Installer, name: &str) -> Result<Self, InstallError> {
        if !is_installable_id(name) {
            return Err(InstallError::BadName {
                name: name.to_owned(),
            });
        }
        let root = match installer.own_roots() {
            Err(InstallError::NoRoot) => search(&installer, name)?,
            roots => roots?.of(name),
        };
        if !installer.settings.for_manager && is_managed(&root, name).unwrap_or(false) {
            return Err(managed(&root, name));
        }
        let found = look(&installer, &root, name)?;
        Ok(Self {
            installer,
            root,
            name: name.to_owned(),
            found,
        })
    }

    /// The package's folder. If it is a link, the link is removed, not what it leads to.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.root.join(&self.name)
    }

    /// The package's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.found.id
    }

    /// The package's version, if it says one.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.found.version.as_deref()
    }

    /// The types that the package says it is of.
    #[must_use]
    pub fn types(&self) -> &[String] {
        &self.found.types
    }

    /// Removes it, in one step. Whoever has files of it open keeps them.
    ///
    /// # Errors
    ///
    /// It is not there any more; it is another package now, or another version, than when this was
    /// planned; the root is locked; it was cancelled; it cannot be taken away. Nothing is changed then.
    pub fn commit(self) -> Result<Removed, InstallError> {
        self.remove(true)
    }

    /// Removes what was planned, or, where nobody has looked at the plan, what has its name now.
    pub(super) fn remove(self, only_planned: bool) -> Result<Removed, InstallError> {
        let installer = &self.installer;
        let root = Root::new(&self.root, installer.settings.sync);
        let locked = installer.lock(&root)?;
        let manages = installer.settings.for_manager;
        if !manages && locked.is_managed(&self.name)? {
            return Err(managed(&self.root, &self.name));
        }
        let found = look(installer, &self.root, &self.name)?;
        let path = self.path();
        if only_planned && found != self.found {
            return Err(InstallError::Replaced { path });
        }
        if manages {
            // First, or it might be put back.
            locked.drop_kept(&self.name)?;
        }
        let (withdrawn, mut aftermath) = locked.withdraw(&self.name)?;
        if manages {
            aftermath.extend(locked.unmark(&self.name).err());
        }
        let removed = locked.discard(withdrawn);
        drop(locked);
        let mut warnings: Vec<String> = aftermath.iter().map(of_aftermath).collect();
        let type_name = installer.settings.type_name.clone();
        let type_name = type_name.or_else(|| found.types.first()?.parse().ok());
        if let Some(type_name) = type_name {
            let event = PackageEvent::new(Change::Removed, &type_name, &found.id, &path);
            installer.tell(&event);
        }
        if let Err(error) = removed {
            warnings.push(format!("not all of it is removed yet: {error}"));
        }
        Ok(Removed {
            id: found.id,
            path,
            version: found.version,
            warnings,
        })
    }
}

fn managed(root: &Path, name: &str) -> InstallError {
    InstallError::Managed {
        path: root.join(name),
        id: name.to_owned(),
    }
}

/// The package in the folder `name` of the root.
fn look(installer: &Installer, root: &Path, name: &str) -> Result<Found, InstallError> {
    unreplaced(&root.join(name), || look_once(installer, root, name))
}

fn look_once(installer: &Installer, root: &Path, name: &str) -> Result<Found, InstallError> {
    let path = root.join(name);
    if fs::symlink_metadata(&path).is_err() {
        return Err(InstallError::NotInstalled {
            name: name.to_owned(),
            root: Some(root.to_path_buf()),
            elsewhere: elsewhere(installer, name),
        });
    }
    let stays = |why: String| InstallError::NotRemovable {
        path: path.clone(),
        why,
    };
    let place = Place::of(&path).ok().flatten();
    let (files, dirs) = (installer.metadata_files(), installer.loader.data_dirs());
    let folder = fs::canonicalize(&path).ok();
    let found = folder.map(|folder| metadata::find(&folder, files, false, dirs));
    let found = found.unwrap_or_default();
    let Some(metadata) = found.metadata else {
        // One whose metadata broke, or that we installed, can go.
        if found.trouble.is_none() && Receipt::read(root, name).is_none() {
            return Err(stays(
                "it is no package, since it has no metadata".to_owned(),
            ));
        }
        return Ok(Found {
            place,
            id: name.to_owned(),
            types: Vec::new(),
            version: None,
        });
    };
    let types = metadata.declared_types();
    if let Some(wanted) = &installer.settings.type_name
        && !types.is_empty()
        && !types.iter().any(|it| it == wanted.as_str())
    {
        let types = ShownList(&types);
        return Err(stays(format!(
            "it is of type {types}, expected {}",
            Shown::new(wanted.as_str())
        )));
    }
    let view = metadata.view();
    Ok(Found {
        place,
        id: view.id().unwrap_or(name).to_owned(),
        types,
        version: view.version().map(str::to_owned),
    })
}

/// The one root of all types in which there is a package of that name.
fn search(installer: &Installer, name: &str) -> Result<PathBuf, InstallError> {
    if installer.data_dirs().next().is_none() {
        return Err(installer.no_data_dir());
    }
    let type_names = installer.loader.registry().type_names();
    // A type that cannot be asked has no packages of its own to remove.
    let typed = type_names.iter().filter_map(|type_name| {
        let installer = installer.clone().type_name(type_name.as_str());
        installer.ok()
    });
    let typed: Vec<_> = typed.collect();
    let roots: BTreeSet<_> = typed
        .iter()
        .filter_map(|installer| {
            let root = installer.own_roots().ok()?.of(name);
            let has = || is_managed(&root, name).unwrap_or(false);
            (look(installer, &root, name).is_ok() || has()).then_some(root)
        })
        .collect();
    let mut roots = roots.into_iter();
    match (roots.next(), roots.next()) {
        (None, _) => Err(InstallError::NotInstalled {
            name: name.to_owned(),
            root: None,
            elsewhere: typed.iter().find_map(|typed| elsewhere(typed, name)),
        }),
        (Some(root), None) => Ok(root),
        (Some(first), Some(second)) => {
            let found = [first, second].into_iter().chain(roots);
            Err(InstallError::Ambiguous {
                name: name.to_owned(),
                found: found.map(|root| root.join(name)).collect(),
            })
        }
    }
}

/// Where a package of that name is installed instead.
fn elsewhere(installer: &Installer, name: &str) -> Option<PathBuf> {
    let type_name = installer.settings.type_name.as_ref()?;
    let package = installer
        .loader
        .load_package_at(type_name.as_str(), name)
        .ok()?;
    package.path().map(Path::to_path_buf)
}
