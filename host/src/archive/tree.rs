//! Writing below one folder, never through a link.

use std::fs::File;
use std::io;
use std::path::Path;

use super::name::Name;

#[cfg(not(unix))]
pub(super) use other::Tree;
#[cfg(unix)]
pub(super) use unix::Tree;

/// Every name is walked to from the folder's own descriptor, one part after the other, and never
/// through a link.
///
/// The folders on the way stay open, since the next entry mostly lies in one of them. That is as
/// good as walking there again: each of them is a folder that was made here, and nobody puts
/// something else in its place: the names of entries are used once, and nobody else writes here.
/// If somebody did, a descriptor would still be that of the folder that was walked to.
#[cfg(unix)]
mod unix {
    use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
    use std::path::PathBuf;

    use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, mkdirat, openat, symlinkat};

    use super::{File, Name, Path, io};

    const WALK: OFlags = OFlags::RDONLY
        .union(OFlags::DIRECTORY)
        .union(OFlags::NOFOLLOW)
        .union(OFlags::CLOEXEC);

    const CREATE: OFlags = OFlags::WRONLY
        .union(OFlags::CREATE)
        .union(OFlags::EXCL)
        .union(OFlags::NOFOLLOW)
        .union(OFlags::CLOEXEC);

    /// As many folders stay open.
    const OPEN: usize = 32;

    pub(crate) struct Tree {
        root: OwnedFd,
        path: PathBuf,
        /// Where the last name led: each folder lies in the one before.
        open: Vec<OpenFolder>,
    }

    struct OpenFolder {
        name: Box<[u8]>,
        folder: OwnedFd,
    }

    impl OpenFolder {
        /// Whether `name` is this folder or lies below it.
        fn leads_to(&self, name: &[u8]) -> bool {
            let rest = name.strip_prefix(&self.name[..]);
            rest.is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
        }
    }

    impl Tree {
        pub(crate) fn open(root: &Path) -> io::Result<Self> {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let path = std::fs::canonicalize(root)?;
            // By the name that the caller chose, which may be one that nobody can give to another.
            let root = openat(CWD, root, flags, Mode::empty())?;
            Ok(Self {
                root,
                path,
                open: Vec::new(),
            })
        }

        /// The folder `name`; the empty name is that of the root.
        fn walk(&mut self, name: &[u8]) -> io::Result<BorrowedFd<'_>> {
            while self.open.pop_if(|last| !last.leads_to(name)).is_some() {}
            let mut from = self.open.last().map_or(0, |last| last.name.len());
            while from < name.len() {
                let start = if from > 0 { from + 1 } else { 0 };
                let rest = &name[start..];
                let part = rest.split(|byte| *byte == b'/').next().unwrap_or(rest);
                let last = self.open.last().map_or(&self.root, |last| &last.folder);
                let folder = openat(last, part, WALK, Mode::empty())?;
                from = start + part.len();
                if self.open.len() == OPEN {
                    self.open.remove(0);
                }
                let name = name[..from].into();
                self.open.push(OpenFolder { name, folder });
            }
            Ok(self
                .open
                .last()
                .map_or(&self.root, |last| &last.folder)
                .as_fd())
        }

        /// The folder that `name` lies in.
        fn parent(&mut self, name: &Name) -> io::Result<BorrowedFd<'_>> {
            self.walk(name.parent_bytes())
        }

        pub(crate) fn folder(&mut self, name: &Name) -> io::Result<()> {
            let mode = Mode::from_raw_mode(0o777);
            Ok(mkdirat(self.parent(name)?, name.own(), mode)?)
        }

        pub(crate) fn file(&mut self, name: &Name, executable: bool) -> io::Result<File> {
            let mode = Mode::from_raw_mode(if executable { 0o777 } else { 0o666 });
            Ok(openat(self.parent(name)?, name.own(), CREATE, mode)?.into())
        }

        pub(crate) fn link(&mut self, name: &Name, target: &[u8]) -> io::Result<()> {
            Ok(symlinkat(target, self.parent(name)?, name.own())?)
        }

        /// Whether a link that was made leads out, for the file system as it is.
        pub(crate) fn leaves(&self, name: &Name) -> bool {
            let real = std::fs::canonicalize(self.path.join(name.path()));
            real.is_ok_and(|real| !real.starts_with(&self.path))
        }

        pub(crate) fn hard_link(&mut self, name: &Name, target: &Name) -> io::Result<()> {
            let from = self.parent(target)?.try_clone_to_owned()?;
            let to = self.parent(name)?;
            let none = AtFlags::empty();
            Ok(linkat(from, target.own(), to, name.own(), none)?)
        }
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

        pub(crate) fn folder(&mut self, name: &Name) -> io::Result<()> {
            fs::create_dir(self.path(name))
        }

        pub(crate) fn file(&mut self, name: &Name, _: bool) -> io::Result<File> {
            File::create_new(self.path(name))
        }

        pub(crate) fn link(&mut self, _: &Name, _: &[u8]) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(crate) fn leaves(&self, _: &Name) -> bool {
            false
        }

        pub(crate) fn hard_link(&mut self, name: &Name, target: &Name) -> io::Result<()> {
            fs::hard_link(self.path(target), self.path(name))
        }
    }
}
