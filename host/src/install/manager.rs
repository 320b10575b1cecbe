//! What the package manager may do, and nobody else: with packages that belong to it.

use super::error::InstallError;
use super::installer::Installer;
use super::receipt::Receipt;
use super::staged::of_aftermath;
use crate::package::{Change, PackageEvent, is_installable_id};
use crate::transaction::{self, LockedRoot, Root, RootError, Which};

/// What is kept of a package whose upgrade may still be taken back.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kept {
    /// The version that is in place; the other one is kept. `None`: neither, since somebody else
    /// replaced or removed it.
    pub(crate) in_place: Option<Which>,
    /// What was written down of the version that was there before, if it was.
    pub(crate) old: Option<Receipt>,
    /// What was written down of the version that took its place.
    pub(crate) new: Option<Receipt>,
}

#[cfg_attr(
    not(feature = "lifecycle"),
    allow(dead_code, reason = "only tests go this way without the manager")
)]
impl Installer {
    /// Lets it install, upgrade and remove what belongs to the package manager. What it installs
    /// belongs to it from then on, with the same step; what it removes does so no more. What the
    /// packages need by `[dependencies]` of their `package.toml` is left to the manager.
    pub(crate) fn for_manager(mut self) -> Self {
        self.settings.for_manager = true;
        self
    }

    /// Says that the package `id` belongs to the package manager, whether or not there is a folder of
    /// that name. That it does already is no error.
    pub(crate) fn mark_managed(&self, id: &str) -> Result<(), InstallError> {
        self.with_root_of(id, |root| root.mark(id).map(|_| ()))
    }

    /// Says that it does so no more. That it does not anyway is no error.
    pub(crate) fn unmark_managed(&self, id: &str) -> Result<(), InstallError> {
        self.with_root_of(id, |root| root.unmark(id))
    }

    /// The ids of the packages that belong to the package manager in the root that is installed in,
    /// in order, whether or not there is a folder of that name.
    pub(crate) fn managed(&self) -> Result<Vec<String>, InstallError> {
        let root = self.own_roots()?.first;
        transaction::managed(&root).map_err(InstallError::io(root))
    }

    /// What is kept of the package `id`; `None`: nothing.
    pub(crate) fn kept(&self, id: &str) -> Result<Option<Kept>, InstallError> {
        let kept = self.with_root_of(id, |root| root.kept(id))?;
        let receipt = |json: Option<Vec<u8>>| serde_json::from_slice(&json?).ok();
        Ok(kept.map(|kept| Kept {
            in_place: kept.in_place,
            old: receipt(kept.old),
            new: receipt(kept.new),
        }))
    }

    /// Sees to it that one of the two versions of the package `id` is in place, with its receipt,
    /// and that the other one is kept: nothing is changed if it is so. Gives what did not work any
    /// more after that.
    ///
    /// # Errors
    ///
    /// That version is neither in place nor kept; the root is locked; it cannot be put there. What
    /// was in place is so then.
    pub(crate) fn ensure_in_place(
        &self,
        id: &str,
        which: Which,
    ) -> Result<Vec<String>, InstallError> {
        let (changed, aftermath, path) = self.with_root_of(id, |root| {
            let (changed, aftermath) = root.ensure_in_place(id, which)?;
            Ok((changed, aftermath, root.path().join(id)))
        })?;
        if changed && let Some(type_name) = &self.settings.type_name {
            self.tell(&PackageEvent::new(Change::Changed, type_name, id, &path));
        }
        Ok(aftermath.iter().map(of_aftermath).collect())
    }

    /// Removes what is kept of the package `id`, whichever version it is; what is in place stays.
    /// That nothing is kept is no error.
    pub(crate) fn drop_kept(&self, id: &str) -> Result<(), InstallError> {
        self.with_root_of(id, |root| root.drop_kept(id))
    }

    fn with_root_of<T>(
        &self,
        id: &str,
        change: impl FnOnce(&LockedRoot<'_>) -> Result<T, RootError>,
    ) -> Result<T, InstallError> {
        if !is_installable_id(id) {
            let name = id.to_owned();
            return Err(InstallError::BadName { name });
        }
        let root = Root::new(&self.own_roots()?.of(id), self.settings.sync);
        let locked = self.lock(&root)?;
        Ok(change(&locked)?)
    }
}
