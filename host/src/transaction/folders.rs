//! A package root and our folder in it, open: what is done with them is done with these very folders,
//! whatever gets their names meanwhile.
//!
//! Others may be allowed to write to a package root, but never to our folder in it. If they were, or
//! had made it themselves, links in it would lead whoever comes next to files of his own.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::FOLDER;
use super::error::RootError;

/// A package root and our folder in it.
#[derive(Debug)]
pub(super) struct Folders {
    /// The root, links followed: what people are shown.
    shown: PathBuf,
    /// A name of the root that nobody can give to something else.
    root: PathBuf,
    /// Such a name of our folder.
    ours: PathBuf,
    /// They have these names as long as they are open.
    _open: [File; 2],
}

impl Folders {
    /// Opens them; makes our folder, if `make`.
    pub(super) fn open(path: &Path, make: bool) -> Result<Self, RootError> {
        let shown = fs::canonicalize(path).map_err(RootError::at(path))?;
        let open = open_folder(path, true).map_err(RootError::at(path))?;
        let root = lasting_name(&open, &shown);
        let (place, shown_place) = (root.join(FOLDER), shown.join(FOLDER));
        if make {
            make_folder(&place).map_err(RootError::at(&shown_place))?;
        }
        let open_ours = open_folder(&place, false).map_err(RootError::at(&shown_place))?;
        check_owner(&open_ours, &shown_place)?;
        Ok(Self {
            ours: lasting_name(&open_ours, &shown_place),
            shown,
            root,
            _open: [open, open_ours],
        })
    }

    /// The root as people know it.
    #[cfg(feature = "install")]
    pub(super) fn path(&self) -> &Path {
        &self.shown
    }

    /// The root, to be written to.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Our folder, to be written to.
    pub(super) fn ours(&self) -> &Path {
        &self.ours
    }

    /// How people know a path below one of these names.
    pub(super) fn shown(&self, path: &Path) -> PathBuf {
        if let Ok(below) = path.strip_prefix(&self.ours) {
            return self.shown.join(FOLDER).join(below);
        }
        match path.strip_prefix(&self.root) {
            Ok(below) => self.shown.join(below),
            Err(_) => path.to_path_buf(),
        }
    }

    /// What went wrong with a path below one of these names.
    #[cfg(feature = "install")]
    pub(super) fn at(&self, path: &Path) -> impl FnOnce(io::Error) -> RootError + use<> {
        let path = self.shown(path);
        move |source| RootError::Io { path, source }
    }
}

/// A name that is the folder's own as long as it is open, where the system has such names.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn lasting_name(open: &File, path: &Path) -> PathBuf {
    use std::os::fd::AsRawFd as _;
    let name = PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd()));
    if name.exists() {
        name
    } else {
        path.to_path_buf()
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn lasting_name(_: &File, path: &Path) -> PathBuf {
    path.to_path_buf()
}

#[cfg(unix)]
fn open_folder(path: &Path, through_link: bool) -> io::Result<File> {
    use rustix::fs::{CWD, Mode, OFlags, openat};
    let mut flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    if !through_link {
        flags |= OFlags::NOFOLLOW;
    }
    Ok(openat(CWD, path, flags, Mode::empty())?.into())
}

#[cfg(not(unix))]
fn open_folder(path: &Path, _: bool) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt as _;
    const FILE_FLAG_BACKUP_SEMANTICS: u32 = 0x0200_0000;
    let mut options = fs::OpenOptions::new();
    options
        .read(true)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
        .open(path)
}

/// Makes a folder to which nobody else may write, whatever the process's mask.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o755);
    match builder.create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Refuses a folder that somebody else made, or may write to.
#[cfg(unix)]
fn check_owner(open: &File, path: &Path) -> Result<(), RootError> {
    use std::os::unix::fs::MetadataExt as _;
    const WRITABLE_BY_OTHERS: u32 = 0o022;
    let metadata = open.metadata().map_err(RootError::at(path))?;
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    if mode & WRITABLE_BY_OTHERS == 0 {
        match owner {
            _ if owner == rustix::process::geteuid().as_raw() => return Ok(()),
            // It is as it should be, and not for us to write to.
            0 => return Err(RootError::at(path)(io::ErrorKind::PermissionDenied.into())),
            _ => {}
        }
    }
    Err(RootError::NotOurs {
        path: path.to_path_buf(),
        owner,
        mode,
    })
}

#[cfg(not(unix))]
fn check_owner(_: &File, _: &Path) -> Result<(), RootError> {
    Ok(())
}
