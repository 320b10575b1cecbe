//! Why a file is not trusted.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::account::Account;
use super::shell::quoted;
use super::signature::{KeyId, MAX_SIGNED, Tampering};

/// Why the trust gate refuses a file: the place, who may write there, and what mends it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Distrust {
    /// A place on the way could not be looked at or read.
    #[error("`{}` cannot be read", path.display())]
    Unreadable {
        /// The place.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is a folder, a FIFO or a device.
    #[error("`{}` is no regular file", path.display())]
    NotRegular {
        /// The place.
        path: PathBuf,
    },
    /// Everybody may write the file or a folder on the way to it.
    #[error("everybody may write `{}`", path.display())]
    WorldWritable {
        /// The place.
        path: PathBuf,
        /// Whether it is a folder such as `/tmp`, which is no place for a plugin itself.
        sticky: bool,
    },
    /// A group may write that is not allowed to.
    #[error("the group {} may write `{}`", group.as_group(), path.display())]
    GroupWritable {
        /// The place.
        path: PathBuf,
        /// The group.
        group: Account,
    },
    /// An access list lets somebody write.
    #[error("an access list lets others write `{}`", path.display())]
    AccessList {
        /// The place.
        path: PathBuf,
    },
    /// It belongs to somebody who is not allowed to write.
    #[error("`{}` belongs to {}, not to {}", path.display(), owner.as_user(), RootOr(caller))]
    Owner {
        /// The place.
        path: PathBuf,
        /// Whether it is a folder.
        folder: bool,
        /// Its owner.
        owner: Account,
        /// The caller.
        caller: Account,
    },
    /// Others may add things to a sticky folder, and what is used there belongs to one of them.
    #[error(
        "{writers} may put things into `{}`, and `{}` belongs to {}, not to {}",
        above(path).display(), path.display(), owner.as_user(), RootOr(caller)
    )]
    Planted {
        /// Who may write the sticky folder.
        writers: Writers,
        /// What is in it.
        path: PathBuf,
        /// The owner of that.
        owner: Account,
        /// The caller.
        caller: Account,
    },
    /// The name led to another file when the way to it was looked at.
    #[error("`{}` is not the file that was opened", path.display())]
    Swapped {
        /// What the name leads to now.
        path: PathBuf,
    },
    /// The policy requires a signature.
    #[error("`{}` is not signed, and a signature is required", path.display())]
    Unsigned {
        /// The file.
        path: PathBuf,
    },
    /// The policy requires a signature by one of its own keys.
    #[error("`{}` is signed by the key `{key_id}`, which is not one of the known keys", path.display())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key_id: KeyId,
    },
    /// The file does not fit its signature.
    #[error("`{}` has a signature that does not hold: {why}", path.display())]
    Tampered {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        why: Tampering,
    },
    /// The file is larger than what is verified.
    #[error("`{}` has {size} bytes, signatures are verified up to {MAX_SIGNED}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        size: u64,
    },
    /// A signature is required, so a copy is loaded; but this plugin looks for libraries beside itself.
    #[error(
        "`{}` looks for libraries beside itself (`$ORIGIN`), so a verified copy of it cannot be loaded",
        path.display()
    )]
    Origin {
        /// The file.
        path: PathBuf,
    },
    /// The folder for verified copies lets others in, or is somebody else's.
    #[error(
        "the folder `{}` for verified copies belongs to {} and has mode {mode:04o}, not to {} with 0700",
        path.display(), owner.as_user(), caller.as_user()
    )]
    NotPrivate {
        /// The folder.
        path: PathBuf,
        /// Its owner.
        owner: Account,
        /// The caller.
        caller: Account,
        /// Its permissions.
        mode: u32,
    },
    /// The verified copy could not be written.
    #[error("the verified copy `{}` cannot be written", path.display())]
    Copy {
        /// The copy, or its folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Who may write a place that they should not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Writers {
    /// Everybody.
    Everybody,
    /// A group.
    Group(Account),
    /// Whom an access list names.
    AccessList,
}

impl fmt::Display for Writers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everybody => f.write_str("everybody"),
            Self::Group(group) => write!(f, "the group {}", group.as_group()),
            Self::AccessList => f.write_str("those on an access list"),
        }
    }
}

/// The folder that something is in.
fn above(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// Root, or the caller if that is somebody else.
struct RootOr<'a>(&'a Account);

impl fmt::Display for RootOr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.id {
            0 => f.write_str("root"),
            _ => write!(f, "root or the caller, {}", self.0.as_user()),
        }
    }
}

impl Distrust {
    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "unreadable",
            Self::NotRegular { .. } => "not-a-file",
            Self::WorldWritable { .. } => "world-writable",
            Self::GroupWritable { .. } => "group-writable",
            Self::AccessList { .. } => "access-list",
            Self::Owner { .. } => "foreign-owner",
            Self::Planted { .. } => "planted",
            Self::Swapped { .. } => "swapped",
            Self::Unsigned { .. } => "unsigned",
            Self::UnknownKey { .. } => "unknown-key",
            Self::Tampered { .. } => "tampered",
            Self::TooLarge { .. } => "too-large-to-verify",
            Self::Origin { .. } => "origin-in-copy",
            Self::NotPrivate { .. } => "copy-folder-not-private",
            Self::Copy { .. } => "copy-failed",
        }
    }

    /// What to do about it: where one command mends it, that command.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Unreadable { path, .. } => {
                format!("check the permissions: ls -ld {}", quoted(path))
            }
            Self::NotRegular { path } => format!("put a library in the place of {}", quoted(path)),
            Self::WorldWritable { sticky: true, .. } => {
                "move the plugin into a folder that only its owner may write".to_owned()
            }
            Self::WorldWritable { path, .. } => format!("chmod o-w {}", quoted(path)),
            Self::GroupWritable { path, .. } => format!("chmod g-w {}", quoted(path)),
            Self::AccessList { path } => format!("setfacl --remove-all {}", quoted(path)),
            Self::Owner {
                path,
                folder: false,
                caller,
                ..
            } => format!("chown {} {}", caller.for_command(), quoted(path)),
            // Giving somebody's folder away may be wrong: moving the plugin never is.
            Self::Owner { owner, .. } => format!(
                "move the plugin into a folder of yours, or let the application trust {}",
                owner.as_user()
            ),
            Self::Planted { path, caller, .. } => {
                let caller = caller.for_command();
                format!("chown --no-dereference {caller} {}", quoted(path))
            }
            Self::Swapped { .. } => "try again".to_owned(),
            Self::Unsigned { path } => format!(
                "get the signature from whoever published it, or sign it: minisign -S -m {}",
                quoted(path)
            ),
            Self::UnknownKey { key_id, .. } => {
                format!("let the application know the key {key_id}, or ask for another signature")
            }
            Self::Tampered { .. } => {
                "get the file and its signature again from whoever published them".to_owned()
            }
            Self::TooLarge { .. } => {
                "build it without what only debuggers need: strip = true".to_owned()
            }
            Self::Origin { .. } => {
                "link the libraries into the plugin, or do not require a signature".to_owned()
            }
            Self::NotPrivate {
                path,
                owner,
                caller,
                ..
            } if owner.id == caller.id => format!("chmod 700 {}", quoted(path)),
            Self::NotPrivate { path, .. } => format!("rm -r {}", quoted(path)),
            Self::Copy { .. } => "check the folder's file system: space, permissions".to_owned(),
        }
    }
}
