//! Writing below one folder, never through a link.

use std::fs::File;
use std::io;
use std::path::Path;

use super::name::Name;

#[cfg(not(unix))]
pub(super) use other::Tree;
#[cfg(unix)]
pub(super) use unix::Tree;

/// The bits of a file's mode that are kept: not set-user-id, set-group-id and sticky.
#[cfg(unix)]
const KEPT: u32 = 0o777;

/// What a file's owner may do whatever the archive says.
#[cfg(unix)]
const FILE: u32 = 0o600;

/// What a folder's owner may do whatever the archive says.
#[cfg(unix)]
const FOLDER: u32 = 0o700;

/// Every name is walked to from the folder's own descriptor, one part after the other.
#[cfg(unix)]
mod unix {
    use std::os::fd::OwnedFd;
    use std::path::PathBuf;

    use rustix::fs::{AtFlags, CWD, Mode, OFlags, RawMode};
    use rustix::fs::{fchmod, linkat, mkdirat, openat, symlinkat};

    use super::{FILE, FOLDER, File, KEPT, Name, Path, io};

    const WALK: OFlags = OFlags::RDONLY
        .union(OFlags::DIRECTORY)
        .union(OFlags::NOFOLLOW)
        .union(OFlags::CLOEXEC);

    const CREATE: OFlags = OFlags::WRONLY
        .union(OFlags::CREATE)
        .union(OFlags::EXCL)
        .union(OFlags::NOFOLLOW)
        .union(OFlags::CLOEXEC);

    pub(crate) struct Tree {
        root: OwnedFd,
        path: PathBuf,
    }

    impl Tree {
        pub(crate) fn open(root: &Path) -> io::Result<Self> {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let path = std::fs::canonicalize(root)?;
            let root = openat(CWD, &path, flags, Mode::empty())?;
            Ok(Self { root, path })
        }

        /// The folder that `name` lies in.
        fn parent(&self, name: &Name) -> io::Result<OwnedFd> {
            let mut folder = openat(&self.root, ".", WALK, Mode::empty())?;
            for part in name.parent().iter().flat_map(Name::parts) {
                folder = openat(&folder, part, WALK, Mode::empty())?;
            }
            Ok(folder)
        }

        pub(crate) fn folder(&self, name: &Name) -> io::Result<()> {
            Ok(mkdirat(
                self.parent(name)?,
                name.own(),
                Mode::from_raw_mode(0o755),
            )?)
        }

        pub(crate) fn set_folder_mode(&self, name: &Name, mode: u32) -> io::Result<()> {
            let folder = openat(self.parent(name)?, name.own(), WALK, Mode::empty())?;
            Ok(fchmod(folder, raw(mode, FOLDER))?)
        }

        pub(crate) fn file(&self, name: &Name, mode: u32) -> io::Result<File> {
            let parent = self.parent(name)?;
            let file = openat(parent, name.own(), CREATE, Mode::from_raw_mode(0o600))?;
            fchmod(&file, raw(mode, FILE))?;
            Ok(file.into())
        }

        pub(crate) fn link(&self, name: &Name, target: &[u8]) -> io::Result<()> {
            Ok(symlinkat(target, self.parent(name)?, name.own())?)
        }

        /// Whether a link that was made leads out, for the file system as it is.
        pub(crate) fn leaves(&self, name: &Name) -> bool {
            let real = std::fs::canonicalize(self.path.join(name.path()));
            real.is_ok_and(|real| !real.starts_with(&self.path))
        }

        pub(crate) fn hard_link(&self, name: &Name, target: &Name) -> io::Result<()> {
            let (from, to) = (self.parent(target)?, self.parent(name)?);
            Ok(linkat(
                from,
                target.own(),
                to,
                name.own(),
                AtFlags::empty(),
            )?)
        }
    }

    fn raw(mode: u32, least: u32) -> Mode {
        // Nine bits fit in any type that a system has for modes.
        Mode::from_raw_mode((mode & KEPT | least) as RawMode)
    }
}

/// Links are not made here, so there is none to write through.
#[cfg(not(unix))]
mod other {
    use std::fs;
    use std::path::PathBuf;

    use super::{File, Name, Path, io};

    pub(crate) struct Tree(PathBuf);

    impl Tree {
        pub(crate) fn open(root: &Path) -> io::Result<Self> {
            Ok(Self(root.to_path_buf()))
        }

        fn path(&self, name: &Name) -> PathBuf {
            self.0.join(name.path())
        }

        pub(crate) fn folder(&self, name: &Name) -> io::Result<()> {
            fs::create_dir(self.path(name))
        }

        pub(crate) fn set_folder_mode(&self, _: &Name, _: u32) -> io::Result<()> {
            Ok(())
        }

        pub(crate) fn file(&self, name: &Name, _: u32) -> io::Result<File> {
            File::create_new(self.path(name))
        }

        pub(crate) fn link(&self, _: &Name, _: &[u8]) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(crate) fn leaves(&self, _: &Name) -> bool {
            false
        }

        pub(crate) fn hard_link(&self, name: &Name, target: &Name) -> io::Result<()> {
            fs::hard_link(self.path(target), self.path(name))
        }
    }
}
