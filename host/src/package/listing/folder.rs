//! Looking into folders, as cheaply as the system allows: names are short and relative to an open
//! root.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use crate::package::metadata::{JSON, MetadataFiles};
use crate::plugin::FileIdentity;

/// The folder that packages are looked for in.
pub(super) struct Root {
    pub(super) path: PathBuf,
    /// Which files are metadata.
    files: MetadataFiles,
    /// Whether what is found may be kept, so that it matters what it was.
    keeps: bool,
    #[cfg(unix)]
    fd: rustix::fd::OwnedFd,
}

/// What lies in a folder, as far as listings care.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// The folder before it was read; nothing that could be kept if nothing is.
    pub(super) identity: FileIdentity,
    /// The folders in it that are neither hidden nor links, by name.
    pub(super) folders: Vec<OsString>,
    /// Its metadata file.
    pub(super) file: Option<MetadataFile>,
    /// Whether there is nothing in it but files, and folders that are not hidden: no link.
    pub(super) plain: bool,
}

/// The best of a folder's metadata files.
#[derive(Clone, Debug)]
pub(super) struct MetadataFile {
    /// Which of the names it has. Case does not matter, as in KPackage 5.103.
    rank: usize,
    pub(super) name: OsString,
    /// Whether it has that name in that very case.
    exact: bool,
    /// Whether it is an ordinary file.
    regular: bool,
    /// Whether who opens the package reads this very file.
    pub(super) opened: bool,
}

impl MetadataFile {
    pub(super) fn best() -> Self {
        Self {
            rank: 0,
            name: JSON.into(),
            exact: true,
            regular: true,
            opened: true,
        }
    }

    /// What decides between two: the names that loading takes come before others.
    fn order(&self) -> (bool, usize, &OsStr) {
        (!self.exact, self.rank, &self.name)
    }

    /// Whether it is an ordinary `metadata.json`.
    pub(super) fn is_best(&self) -> bool {
        self.regular && self.name == JSON
    }
}

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Folder,
    File,
    Other,
}

impl Entries {
    fn of(identity: FileIdentity) -> Self {
        Self {
            identity,
            plain: true,
            ..Self::default()
        }
    }

    fn add(&mut self, files: MetadataFiles, name: &OsStr, kind: Kind) {
        if kind == Kind::Folder {
            if name.as_encoded_bytes().starts_with(b".") {
                self.plain = false;
            } else {
                self.folders.push(name.to_owned());
            }
            return;
        }
        let regular = kind == Kind::File;
        self.plain &= regular;
        let names = files.names();
        let rank = names
            .iter()
            .position(|known| name.eq_ignore_ascii_case(known));
        if let Some(rank) = rank {
            let exact = name == names[rank];
            let found = MetadataFile {
                rank,
                name: name.to_owned(),
                exact,
                regular,
                opened: exact,
            };
            if self
                .file
                .as_ref()
                .is_none_or(|best| found.order() < best.order())
            {
                self.file = Some(found);
            }
        }
    }

    fn sorted(mut self, files: MetadataFiles) -> Self {
        self.folders
            .sort_unstable_by(|one, other| one.as_encoded_bytes().cmp(other.as_encoded_bytes()));
        if let Some(file) = &mut self.file {
            // A folder of the better name is in the way of the other file.
            let better = &files.names()[..file.rank];
            file.opened &= !self
                .folders
                .iter()
                .any(|name| better.iter().any(|it| name == it));
        }
        self
    }
}

#[cfg(unix)]
impl Root {
    pub(super) fn open(path: &Path, files: MetadataFiles, keeps: bool) -> io::Result<Self> {
        use rustix::fs::{CWD, Mode};
        Ok(Self {
            path: path.to_path_buf(),
            files,
            keeps,
            fd: rustix::fs::openat(CWD, path, folder_flags(), Mode::empty())?,
        })
    }

    /// The identity of the folder or file `below`; links are not followed. Empty: the root.
    pub(super) fn identity(&self, below: &Path) -> io::Result<FileIdentity> {
        use rustix::fs::{AtFlags, fstat, statat};
        let stat = if below.as_os_str().is_empty() {
            fstat(&self.fd)?
        } else {
            statat(&self.fd, below, AtFlags::SYMLINK_NOFOLLOW)?
        };
        Ok(FileIdentity::of_stat(&stat))
    }

    /// What lies in the folder `below`.
    pub(super) fn read(&self, below: &Path) -> io::Result<Entries> {
        use rustix::fs::{Mode, OFlags, fstat, openat};
        use std::os::unix::ffi::OsStrExt as _;

        let this = if below.as_os_str().is_empty() {
            Path::new(".")
        } else {
            below
        };
        let flags = folder_flags() | OFlags::NOFOLLOW;
        let folder = openat(&self.fd, this, flags, Mode::empty())?;
        let mut entries = Entries::of(match self.keeps {
            true => FileIdentity::of_stat(&fstat(&folder)?),
            false => FileIdentity::default(),
        });
        for_each_entry(folder, |name, kind| {
            if name != b"." && name != b".." {
                let name = OsStr::from_bytes(name);
                entries.add(self.files, name, self.kind(kind, below, name));
            }
        })?;
        Ok(entries.sorted(self.files))
    }

    fn kind(&self, said: rustix::fs::FileType, below: &Path, name: &OsStr) -> Kind {
        use rustix::fs::{AtFlags, FileType, statat};
        match said {
            FileType::Directory => Kind::Folder,
            FileType::RegularFile => Kind::File,
            // Some file systems do not say.
            FileType::Unknown => {
                let stat = statat(&self.fd, below.join(name), AtFlags::SYMLINK_NOFOLLOW);
                match stat.map(|stat| FileType::from_raw_mode(stat.st_mode)) {
                    Ok(FileType::Directory) => Kind::Folder,
                    Ok(FileType::RegularFile) => Kind::File,
                    _ => Kind::Other,
                }
            }
            _ => Kind::Other,
        }
    }

    /// The ordinary file `below`, as it was before it was read, and the first `limit` bytes of it.
    pub(super) fn file(&self, below: &Path, limit: u64) -> io::Result<(FileIdentity, Vec<u8>)> {
        use rustix::buffer::spare_capacity;
        use rustix::fs::{FileType, Mode, OFlags, fstat, openat};
        use std::io::Read as _;

        // It may have been exchanged for a pipe, a terminal or a link.
        let flags =
            OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
        let file = openat(&self.fd, below, flags, Mode::empty())?;
        let stat = fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let size = u64::try_from(stat.st_size).unwrap_or(0).min(limit);
        let size = usize::try_from(size).unwrap_or(0);
        let mut bytes = Vec::with_capacity(size + 1);
        let read = rustix::io::read(&file, spare_capacity(&mut bytes))?;
        // One read is enough, unless the file is not what it says it is.
        if read != size || size == 0 {
            let rest = limit.saturating_sub(read as u64);
            let file = std::fs::File::from(file);
            file.take(rest).read_to_end(&mut bytes)?;
        }
        Ok((FileIdentity::of_stat(&stat), bytes))
    }
}

/// Calls `add` with the names in a folder, and what the file system says that they are. What can be
/// read counts, as it does where folders change while they are read.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn for_each_entry(
    folder: rustix::fd::OwnedFd,
    mut add: impl FnMut(&[u8], rustix::fs::FileType),
) -> io::Result<()> {
    let mut buffer = [std::mem::MaybeUninit::uninit(); 16 << 10];
    let mut entries = rustix::fs::RawDir::new(folder, &mut buffer);
    while let Some(Ok(entry)) = entries.next() {
        add(entry.file_name().to_bytes(), entry.file_type());
        // Behind the greatest place there is nothing. ext4 and others end there, so that they need
        // not be asked once more.
        if entry.next_entry_cookie() == i64::MAX.unsigned_abs() {
            break;
        }
    }
    Ok(())
}

/// Calls `add` with the names in a folder, and what the file system says that they are. What can be
/// read counts, as it does where folders change while they are read.
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
fn for_each_entry(
    folder: rustix::fd::OwnedFd,
    mut add: impl FnMut(&[u8], rustix::fs::FileType),
) -> io::Result<()> {
    for entry in rustix::fs::Dir::new(folder)?.flatten() {
        add(entry.file_name().to_bytes(), entry.file_type());
    }
    Ok(())
}

#[cfg(unix)]
fn folder_flags() -> rustix::fs::OFlags {
    use rustix::fs::OFlags;
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC
}

#[cfg(not(unix))]
impl Root {
    pub(super) fn open(path: &Path, files: MetadataFiles, keeps: bool) -> io::Result<Self> {
        Ok(Self {
            path: path.to_path_buf(),
            files,
            keeps,
        })
    }

    /// The identity of the folder or file `below`; links are not followed. Empty: the root.
    pub(super) fn identity(&self, below: &Path) -> io::Result<FileIdentity> {
        let path = self.path.join(below);
        Ok(FileIdentity::of(&std::fs::symlink_metadata(path)?))
    }

    /// What lies in the folder `below`.
    pub(super) fn read(&self, below: &Path) -> io::Result<Entries> {
        let mut entries = Entries::of(match self.keeps {
            true => self.identity(below)?,
            false => FileIdentity::default(),
        });
        for entry in std::fs::read_dir(self.path.join(below))?.flatten() {
            let kind = match entry.file_type() {
                Ok(kind) if kind.is_dir() => Kind::Folder,
                Ok(kind) if kind.is_file() => Kind::File,
                _ => Kind::Other,
            };
            entries.add(self.files, &entry.file_name(), kind);
        }
        Ok(entries.sorted(self.files))
    }

    /// The ordinary file `below`, as it was before it was read, and the first `limit` bytes of it.
    pub(super) fn file(&self, below: &Path, limit: u64) -> io::Result<(FileIdentity, Vec<u8>)> {
        use std::io::Read as _;
        let identity = self.identity(below)?;
        let mut bytes = Vec::new();
        let file = std::fs::File::open(self.path.join(below))?;
        file.take(limit).read_to_end(&mut bytes)?;
        Ok((identity, bytes))
    }
}
