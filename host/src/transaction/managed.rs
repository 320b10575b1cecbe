//! Marks that say which packages of a root belong to the package manager.
//!
//! The name of a mark is the package's id, and whether it is there is all that counts, whatever is in
//! it. Under the name itself there may be a folder, a link or nothing.

use std::fs;
use std::io;
use std::path::Path;

use super::error::RootError;
use super::folders::make_folder;
use super::remove::remove;
use super::root::LockedRoot;
use super::sync::sync_folder;
use super::{FOLDER, MANAGED, is_there};

/// Whether the package `id` of the root at `root` belongs to the package manager.
pub(crate) fn is_managed(root: &Path, id: &str) -> io::Result<bool> {
    match is_there(&root.join(FOLDER).join(MANAGED).join(id)) {
        // The root is a file, or our folder in it is.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        there => there,
    }
}

/// The ids of the packages of the root at `root` that belong to the package manager, in order.
pub(crate) fn managed(root: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(root.join(FOLDER).join(MANAGED)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut ids = Vec::new();
    for entry in entries {
        // What is no text is no id.
        ids.extend(entry?.file_name().into_string().ok());
    }
    ids.sort();
    Ok(ids)
}

impl LockedRoot<'_> {
    /// As [`is_managed`], of this very root.
    pub(crate) fn is_managed(&self, id: &str) -> Result<bool, RootError> {
        let mark = self.folders().ours().join(MANAGED).join(id);
        is_there(&mark).map_err(self.folders().at(&mark))
    }

    /// Says that the package `id` belongs to the package manager. Gives whether that is new.
    pub(crate) fn mark(&self, id: &str) -> Result<bool, RootError> {
        if self.is_managed(id)? {
            return Ok(false);
        }
        let folder = self.folders().ours().join(MANAGED);
        let mark = folder.join(id);
        let marked = make_folder(&folder)
            .and_then(|()| fs::File::create_new(&mark))
            .and_then(|_| self.sync_marks(&folder))
            .inspect_err(|_| {
                let _ = fs::remove_file(&mark);
            });
        marked.map_err(self.folders().at(&mark))?;
        Ok(true)
    }

    /// Says that it does so no more.
    pub(crate) fn unmark(&self, id: &str) -> Result<(), RootError> {
        let folder = self.folders().ours().join(MANAGED);
        let mark = folder.join(id);
        if !self.is_managed(id)? {
            return Ok(());
        }
        let unmarked = remove(&mark).and_then(|()| self.sync_marks(&folder));
        unmarked.map_err(self.folders().at(&mark))
    }

    /// Also what may just have been made above them.
    fn sync_marks(&self, folder: &Path) -> io::Result<()> {
        if !self.syncs() {
            return Ok(());
        }
        sync_folder(folder)?;
        sync_folder(self.folders().ours())?;
        sync_folder(self.folders().root())?;
        self.made_in().try_for_each(sync_folder)
    }
}
