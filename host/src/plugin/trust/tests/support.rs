//! Places with plugins in them.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::accounts::Observer;
use super::super::{Distrust, Facts, Folder, Policy, Trusted, check};
use crate::plugin::FolderOrigin;

/// Says that something was not tested, so that it is seen in tests that pass, too.
pub(in super::super) fn skipped(what: &str, why: &str) {
    let line = format!("\nskipped: {what}: {why}\n");
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

pub(in super::super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether this can give files to others; says so if not.
pub(super) fn can_chown(what: &str) -> bool {
    if !is_root() {
        skipped(what, "only root can give files away");
    }
    is_root()
}

/// A folder of the test's own that only the caller can write, whatever the umask.
pub(super) struct Place {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Place {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        mode(&path, 0o755);
        Self {
            path,
            _folder: folder,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A folder, and all above it, that only the caller can write.
    pub(super) fn folder(&self, name: &str) -> PathBuf {
        let mut path = self.path.clone();
        for part in Path::new(name) {
            path.push(part);
            if !path.exists() {
                fs::create_dir(&path).unwrap();
                mode(&path, 0o755);
            }
        }
        path
    }

    /// A file that only the caller can write.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        let path = self.path.join(name);
        if let Some(above) = Path::new(name).parent() {
            self.folder(above.to_str().unwrap());
        }
        fs::write(&path, include_str!("signed/signed.txt")).unwrap();
        mode(&path, 0o644);
        path
    }

    /// A symbolic link.
    pub(super) fn link(&self, name: &str, target: impl AsRef<Path>) -> PathBuf {
        let path = self.path.join(name);
        if let Some(above) = Path::new(name).parent() {
            self.folder(above.to_str().unwrap());
        }
        std::os::unix::fs::symlink(target, &path).unwrap();
        path
    }
}

pub(super) fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

pub(super) fn give(path: &Path, uid: u32) {
    chown(path, Some(uid), None).unwrap();
}

pub(super) fn give_group(path: &Path, gid: u32) {
    // Changing the group takes no bit of the mode of a folder or plain file away.
    chown(path, None, Some(gid)).unwrap();
}

/// What the gate says of `path`, found by this process in a folder of that origin.
pub(super) fn judge(
    path: &Path,
    origin: FolderOrigin,
    policy: &Policy,
) -> Result<Trusted, Distrust> {
    let file = open(path);
    check(
        &Facts::of(&file, path)?.with_signature(&file, policy)?,
        origin,
        policy,
    )
}

/// What the gate says of `path` by default.
pub(super) fn judged(path: &Path) -> Result<Trusted, Distrust> {
    judge(path, FolderOrigin::User, &Policy::default())
}

/// What the gate says of `path` to another caller, on a system with these accounts.
pub(super) fn judged_by(
    uid: u32,
    passwd: &str,
    group: &str,
    path: &Path,
    policy: &Policy,
) -> Result<Trusted, Distrust> {
    let observer = Arc::new(Observer::other(uid, passwd, group));
    let folder = Folder::seen_by(observer, path.parent().unwrap())?;
    let opened = open(path).metadata().unwrap();
    let name: &OsStr = path.file_name().unwrap();
    check(&folder.facts(&opened, name)?, FolderOrigin::User, policy)
}

pub(super) fn open(path: &Path) -> File {
    super::super::signature::open(path).unwrap()
}

/// Asserts code, message and hint of a refusal; `{}` in them stands for `place`.
#[track_caller]
pub(super) fn refused<T: std::fmt::Debug>(
    result: Result<T, Distrust>,
    place: &Path,
    [code, message, hint]: [&str; 3],
) {
    let distrust = result.unwrap_err();
    let place = place.to_str().unwrap();
    assert_eq!(distrust.to_string(), message.replace("{}", place));
    assert_eq!(distrust.code(), code);
    assert_eq!(distrust.hint(), hint.replace("{}", place));
}
