//! One place on the way to a plugin.

use std::fs::FileType;
#[cfg(unix)]
use std::path::Path;
use std::path::PathBuf;

use super::account::Account;

/// What a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A folder.
    Folder,
    /// A symbolic link that was followed.
    Link,
    /// A regular file.
    File,
    /// Anything else: a FIFO, a socket, a device.
    Other,
}

impl Kind {
    pub(super) fn of(file_type: FileType) -> Self {
        if file_type.is_dir() {
            Self::Folder
        } else if file_type.is_symlink() {
            Self::Link
        } else if file_type.is_file() {
            Self::File
        } else {
            Self::Other
        }
    }
}

/// What is so of one place on the way to a plugin: a folder, a link that was followed, or the file.
///
/// Names of accounts are looked up only where they may matter: where the owner is neither root nor
/// the caller, or where the group may write and not everybody may.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Component {
    /// Where it is: absolute, with no link in the folders above.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// Its owner.
    pub owner: Account,
    /// Its group.
    pub group: Account,
    /// Who is the only account in the group, if it is somebody's private group.
    pub group_is_private_to: Option<u32>,
    /// Its permissions: the lower twelve bits of its mode.
    pub mode: u32,
    /// Whether an access list may let others write. Looked up only where the group may write, as an
    /// access list gives nothing that the group's bits of the mode do not show, and where not
    /// everybody may.
    pub access_list: bool,
    /// Whether the plugin's own name, or a link on the way from it, is looked up in this folder.
    pub holds_plugin: bool,
}

impl Component {
    /// Whether it is the place of that path, which has no link and no detour in it either: then the
    /// text alone tells, which is quicker than comparing paths.
    #[cfg(unix)]
    pub(super) fn is_at(&self, path: &Path) -> bool {
        self.path.as_os_str() == path.as_os_str()
    }

    /// Whether everybody may write it.
    #[must_use]
    pub fn world_writable(&self) -> bool {
        self.kind != Kind::Link && self.mode & 0o002 != 0
    }

    /// Whether its group may write it.
    #[must_use]
    pub fn group_writable(&self) -> bool {
        self.kind != Kind::Link && self.mode & 0o020 != 0
    }

    /// Whether it is a folder in which only an entry's owner, the folder's owner and root may replace
    /// the entry.
    #[must_use]
    pub fn sticky(&self) -> bool {
        self.kind == Kind::Folder && self.mode & 0o1000 != 0
    }
}
