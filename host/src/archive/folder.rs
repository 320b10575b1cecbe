//! A folder as if it were an archive.
//!
//! What it holds may change while it is read, and may be hostile like what an archive holds.

#[cfg(not(unix))]
pub(super) use other::read;
#[cfg(unix)]
pub(super) use unix::read;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::ArchiveError;
use super::limits::Limits;
use super::name::shown;
use super::sink::{Contents, Copied, Counted, Position, Sink};

/// Refuses to copy a folder to itself, or to a folder in it.
pub(super) fn check_apart(from: &Path, into: &Path) -> Result<(), ArchiveError> {
    let unreadable = |error| unreadable(error, from.to_path_buf());
    let real_from = from.canonicalize().map_err(unreadable)?;
    let real_into = into.canonicalize();
    let real_into = real_into.map_err(|source| ArchiveError::Unwritable {
        entry: into.to_path_buf(),
        source,
    })?;
    if real_into.starts_with(&real_from) {
        return Err(ArchiveError::IntoItself {
            path: into.to_path_buf(),
            from: from.to_path_buf(),
        });
    }
    Ok(())
}

fn unreadable(source: io::Error, entry: PathBuf) -> ArchiveError {
    ArchiveError::EntryUnreadable { entry, source }
}

/// Counts names before they are kept. Each becomes an entry, so these are the limits of entries.
struct Listed<'a> {
    from: &'a Path,
    names: u64,
    bytes: u64,
}

impl<'a> Listed<'a> {
    fn new(from: &'a Path) -> Self {
        let (names, bytes) = (0, 0);
        Self { from, names, bytes }
    }

    /// A folder that cannot be listed.
    fn unreadable(&self, source: io::Error, name: &[u8]) -> ArchiveError {
        let entry = match name {
            b"" => self.from.to_path_buf(),
            _ => shown(name),
        };
        unreadable(source, entry)
    }

    fn count(&mut self, name: &[u8], limits: &Limits) -> Result<(), ArchiveError> {
        self.names += 1;
        self.bytes += name.len() as u64;
        if self.names > limits.entries {
            let limit = limits.entries;
            return Err(ArchiveError::TooManyEntries { limit });
        }
        if self.bytes > limits.name_bytes {
            let limit = limits.name_bytes;
            return Err(ArchiveError::TooManyNames { limit });
        }
        Ok(())
    }
}

/// The name of what lies in a folder.
fn below(folder: &[u8], own: &[u8]) -> Vec<u8> {
    if folder.is_empty() {
        return own.to_vec();
    }
    [folder, b"/", own].concat()
}

/// The data of a file that is being copied.
struct Body<'a> {
    file: Counted<File>,
    name: &'a [u8],
    size: u64,
}

impl<'a> Body<'a> {
    fn new(file: File, name: &'a [u8], size: u64, position: &Position) -> Self {
        let file = Counted::new(file, position);
        Self { file, name, size }
    }
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            _ => io::Error::other(unreadable(error, shown(self.name))),
        })
    }
}

impl Contents for Body<'_> {
    fn check(&mut self, copied: &Copied) -> Result<(), ArchiveError> {
        let entry = shown(self.name);
        let more = super::sink::read_full(self, &mut [0])
            .map_err(|error| ArchiveError::of_stream(error, Some(&entry)))?;
        if copied.bytes == self.size && more == 0 {
            return Ok(());
        }
        Err(ArchiveError::Changed { entry })
    }
}

/// Everything is opened below the descriptor of the folder that it lies in.
#[cfg(unix)]
mod unix {
    use std::ffi::CString;
    use std::os::fd::OwnedFd;

    use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};
    use rustix::fs::{fstat, openat, readlinkat, stat, statat};
    use rustix::io::Errno;

    use super::{ArchiveError, Body, Listed, Path, Position, Sink, below, shown, unreadable};

    /// A FIFO that was put in the place of a file must not block.
    const FILE: OFlags = OFlags::RDONLY
        .union(OFlags::NOFOLLOW)
        .union(OFlags::NONBLOCK)
        .union(OFlags::NOCTTY)
        .union(OFlags::CLOEXEC);

    const FOLDER: OFlags = OFlags::RDONLY
        .union(OFlags::DIRECTORY)
        .union(OFlags::CLOEXEC);

    /// A folder that is not done.
    struct Open {
        folder: OwnedFd,
        name: Vec<u8>,
        /// The last one comes first.
        todo: Vec<(CString, FileType)>,
    }

    /// Hands all that lies in `from` to `sink`: a folder before what lies in it, and what lies in
    /// one folder in the order of the names' bytes.
    pub(crate) fn read(
        from: &Path,
        into: &Path,
        position: &Position,
        sink: &mut dyn Sink,
    ) -> Result<(), ArchiveError> {
        let unreadable = |error: Errno| unreadable(error.into(), from.to_path_buf());
        let top = openat(CWD, from, FOLDER, Mode::empty()).map_err(unreadable)?;
        let target = stat(into).map_err(|error| ArchiveError::Unwritable {
            entry: into.to_path_buf(),
            source: error.into(),
        })?;
        let mut listed = Listed::new(from);
        let mut open = vec![Open {
            todo: list(&top, b"", &mut listed, sink)?,
            folder: top,
            name: Vec::new(),
        }];
        while let Some(last) = open.last_mut() {
            let Some((own, kind)) = last.todo.pop() else {
                open.pop();
                continue;
            };
            let name = below(&last.name, own.to_bytes());
            let entry = Entry {
                name: &name,
                own: &own,
                folder: &last.folder,
            };
            match kind {
                FileType::Directory => {
                    let (folder, state) = entry.open(FOLDER | OFlags::NOFOLLOW)?;
                    // By another way, such as a mount.
                    if (state.st_dev, state.st_ino) == (target.st_dev, target.st_ino) {
                        return Err(ArchiveError::IntoItself {
                            path: into.to_path_buf(),
                            from: from.to_path_buf(),
                        });
                    }
                    sink.folder(&name)?;
                    let todo = list(&folder, &name, &mut listed, sink)?;
                    open.push(Open { folder, name, todo });
                }
                FileType::RegularFile => {
                    let (file, state) = entry.open(FILE)?;
                    if FileType::from_raw_mode(state.st_mode) != FileType::RegularFile {
                        return Err(entry.changed());
                    }
                    let size = u64::try_from(state.st_size).unwrap_or(0);
                    let mut body = Body::new(file.into(), &name, size, position);
                    sink.file(&name, mode(&state), size, &mut body)?;
                }
                FileType::Symlink => {
                    let target = readlinkat(entry.folder, entry.own, Vec::new());
                    let target = target.map_err(|error| entry.refused(error))?;
                    sink.link(&name, target.to_bytes())?;
                }
                _ => {
                    let entry = shown(&name);
                    return Err(ArchiveError::Special { entry });
                }
            }
        }
        Ok(())
    }

    // Some systems have a smaller type for modes.
    #[allow(clippy::useless_conversion)]
    fn mode(state: &Stat) -> u32 {
        u32::from(Mode::from_raw_mode(state.st_mode).as_raw_mode())
    }

    /// What lies in a folder, the last name first.
    fn list(
        folder: &OwnedFd,
        name: &[u8],
        listed: &mut Listed<'_>,
        sink: &dyn Sink,
    ) -> Result<Vec<(CString, FileType)>, ArchiveError> {
        let mut entries = Vec::new();
        let found = Dir::read_from(folder);
        for entry in found.map_err(|error| listed.unreadable(error.into(), name))? {
            let entry = entry.map_err(|error| listed.unreadable(error.into(), name))?;
            let own = entry.file_name();
            if matches!(own.to_bytes(), b"." | b"..") {
                continue;
            }
            listed.count(own.to_bytes(), sink.limits())?;
            let kind = match entry.file_type() {
                // Not every file system says it here.
                FileType::Unknown => {
                    let state = statat(folder, own, AtFlags::SYMLINK_NOFOLLOW);
                    let below = below(name, own.to_bytes());
                    let state = state.map_err(|error| unreadable(error.into(), shown(&below)))?;
                    FileType::from_raw_mode(state.st_mode)
                }
                kind => kind,
            };
            entries.push((own.to_owned(), kind));
        }
        entries.sort_unstable_by(|(one, _), (other, _)| other.cmp(one));
        Ok(entries)
    }

    /// Something that lies in a folder.
    struct Entry<'a> {
        name: &'a [u8],
        own: &'a CString,
        folder: &'a OwnedFd,
    }

    impl Entry<'_> {
        fn open(&self, flags: OFlags) -> Result<(OwnedFd, Stat), ArchiveError> {
            let opened = openat(self.folder, self.own, flags, Mode::empty());
            let opened = opened.and_then(|opened| Ok((fstat(&opened)?, opened)));
            match opened {
                Ok((state, opened)) => Ok((opened, state)),
                Err(error) => Err(self.refused(error)),
            }
        }

        fn changed(&self) -> ArchiveError {
            let entry = shown(self.name);
            ArchiveError::Changed { entry }
        }

        /// What the system says about something that is not as it was when it was listed.
        fn refused(&self, error: Errno) -> ArchiveError {
            match error {
                // It is gone, or a link, no folder, a socket, no link.
                Errno::NOENT | Errno::LOOP | Errno::NOTDIR | Errno::NXIO | Errno::INVAL => {
                    self.changed()
                }
                error => unreadable(error.into(), shown(self.name)),
            }
        }
    }
}

/// Links are refused here, so there is none to pass.
#[cfg(not(unix))]
mod other {
    use std::fs::{self, File};
    use std::path::PathBuf;

    use super::{ArchiveError, Body, Listed, Path, Position, Sink, below, shown, unreadable};

    /// Hands all that lies in `from` to `sink`: a folder before what lies in it, and what lies in
    /// one folder in the order of the names' bytes.
    pub(crate) fn read(
        from: &Path,
        _: &Path,
        position: &Position,
        sink: &mut dyn Sink,
    ) -> Result<(), ArchiveError> {
        let mut listed = Listed::new(from);
        let mut open = vec![list(from, b"", &mut listed, sink)?];
        while let Some(last) = open.last_mut() {
            let Some((name, path)) = last.pop() else {
                open.pop();
                continue;
            };
            let unreadable = |error| unreadable(error, shown(&name));
            let metadata = fs::symlink_metadata(&path).map_err(unreadable)?;
            if metadata.is_dir() {
                sink.folder(&name)?;
                open.push(list(&path, &name, &mut listed, sink)?);
            } else if metadata.is_file() {
                let file = File::open(&path).map_err(unreadable)?;
                let size = metadata.len();
                let mut body = Body::new(file, &name, size, position);
                sink.file(&name, 0o644, size, &mut body)?;
            } else if metadata.is_symlink() {
                let target = fs::read_link(&path).map_err(unreadable)?;
                sink.link(&name, target.to_string_lossy().as_bytes())?;
            } else {
                let entry = shown(&name);
                return Err(ArchiveError::Special { entry });
            }
        }
        Ok(())
    }

    /// What lies in a folder, the last name first.
    fn list(
        folder: &Path,
        name: &[u8],
        listed: &mut Listed<'_>,
        sink: &dyn Sink,
    ) -> Result<Vec<(Vec<u8>, PathBuf)>, ArchiveError> {
        let mut entries = Vec::new();
        let found = fs::read_dir(folder).map_err(|error| listed.unreadable(error, name))?;
        for entry in found {
            let entry = entry.map_err(|error| listed.unreadable(error, name))?;
            let own = entry.file_name();
            let Some(own) = own.to_str() else {
                return Err(ArchiveError::BadName {
                    entry: own.into(),
                    why: "it is not Unicode",
                });
            };
            listed.count(own.as_bytes(), sink.limits())?;
            entries.push((below(name, own.as_bytes()), entry.path()));
        }
        entries.sort_unstable_by(|(one, _), (other, _)| other.cmp(one));
        Ok(entries)
    }
}
