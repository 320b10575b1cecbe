//! Opening a file of a package, whatever becomes of its links meanwhile.
//!
//! A path that was checked says nothing about what it leads to a moment later. So the candidate is
//! made canonical, that path is checked, and then it is opened in a way that passes no link at all:
//! whoever puts one into it is found out, and it is tried again.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::contents::Contents;
use super::error::FileError;
use super::metadata::open_without_waiting;
use super::package::Package;
use super::resolve::{Found, is_inside};
use super::shown::Shown;

/// As often as a file is looked for anew because it changed while it was being opened.
const TRIES: usize = 16;

impl Package {
    /// Opens the file `file_name` below `key` for reading.
    ///
    /// It takes the candidate that [`file_path`](Self::file_path) answers, and never hands out a
    /// file outside the package (or outside the fallback package, if it came from there) unless the
    /// type allows that, even while somebody else exchanges links and folders in the package. So it
    /// is better than opening the path. It looks for the file anew each time, also where
    /// `file_path` still gives one that it found before. As long as nothing changes, it succeeds
    /// exactly where `file_path` names a regular file that may be read.
    ///
    /// What the type allows to lie outside is opened by its path.
    ///
    /// # Errors
    ///
    /// As [`find_file`](Self::find_file); or what is there is no regular file (folders, pipes,
    /// sockets and devices are not opened, and nothing waits for a pipe), cannot be opened, or was
    /// exchanged each of 16 times that it was tried.
    ///
    /// # Platform
    ///
    /// On Linux one system call, `openat2`, opens the file without passing any link. Where it is
    /// not there, and on other Unixes, the file is opened folder by folder, each from the one before;
    /// where these have no `O_PATH` (macOS), the folders above the file must be readable. Elsewhere
    /// there are no such rules: the path is checked before and after it is opened, and a link that
    /// is put there and taken away in between is not noticed.
    pub fn open(&self, key: &str, file_name: impl AsRef<OsStr>) -> Result<File, OpenError> {
        open(self.contents(), key, file_name.as_ref(), &open_unlinked)
    }
}

/// Why a file of a package was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no such file, or it must not be handed out.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is a folder, a pipe, a socket or a device.
    #[error("{} is no regular file, so it is not opened", Shown::new(.path))]
    NotAFile {
        /// What was found.
        path: PathBuf,
    },
    /// It cannot be opened.
    #[error("{} cannot be opened", Shown::new(.path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Each time it was found something else was there when it was to be opened.
    #[error("{} was exchanged while it was being opened, {tries} times in a row", Shown::new(.path))]
    Exchanged {
        /// The file that was found last.
        path: PathBuf,
        /// As often as it was tried.
        tries: usize,
    },
}

impl OpenError {
    /// A stable code, in kebab case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::NotAFile { .. } => "not-a-file",
            Self::Unreadable { .. } => "file-unreadable",
            Self::Exchanged { .. } => "file-exchanged",
        }
    }
}

/// Opens a canonical path, and fails if there is a link in it.
pub(super) type Opener<'a> = &'a dyn Fn(&Path) -> io::Result<File>;

/// `Package::open`, with what opens canonical paths.
pub(super) fn open(
    contents: &Contents,
    key: &str,
    name: &OsStr,
    opener: Opener<'_>,
) -> Result<File, OpenError> {
    let mut path = PathBuf::new();
    for _ in 0..TRIES {
        let found = contents.find_anew(key, name)?;
        let opened = open_found(&found, opener);
        path = found.path.into_owned();
        match opened {
            Ok(Some(file)) => return Ok(file),
            Ok(None) => return Err(OpenError::NotAFile { path }),
            Err(error) if is_change(&error) => {}
            Err(source) => return Err(OpenError::Unreadable { path, source }),
        }
    }
    Err(OpenError::Exchanged { path, tries: TRIES })
}

/// Nothing if it is no regular file.
fn open_found(found: &Found<'_>, opener: Opener<'_>) -> io::Result<Option<File>> {
    let Found { path, owner } = found;
    let (path, opener): (_, Opener<'_>) = if owner.definition.allow_external_paths() {
        (path.to_path_buf(), &open_without_waiting)
    } else {
        let real = fs::canonicalize(path)?;
        if !owner
            .root
            .as_deref()
            .is_some_and(|root| is_inside(root, &real))
        {
            return Err(io::ErrorKind::NotFound.into());
        }
        (real, opener)
    };
    // Opening a device can do something, so it is asked before, too.
    if !fs::metadata(&path)?.is_file() {
        return Ok(None);
    }
    let file = opener(&path)?;
    Ok(file.metadata()?.is_file().then_some(file))
}

/// Whether the system says so because the file was exchanged after it was found.
fn is_change(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        // The BSDs have `EMLINK` for a link at the end.
        const CHANGES: [Errno; 4] = [Errno::NOENT, Errno::NOTDIR, Errno::LOOP, Errno::MLINK];
        if Errno::from_io_error(error).is_some_and(|error| CHANGES.contains(&error)) {
            return true;
        }
    }
    error.kind() == io::ErrorKind::NotFound
}

/// Whether a path leads to something without any link in it.
pub(super) enum Unlinked {
    Yes,
    /// There is nothing.
    Missing,
    /// There is a link in it, or the system does not tell.
    Unsure,
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn is_unlinked(path: &Path) -> Unlinked {
    unlinked(path, rustix::fs::OFlags::PATH)
}

/// As `is_unlinked`, and a folder.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn is_unlinked_folder(path: &Path) -> Unlinked {
    use rustix::fs::OFlags;
    unlinked(path, OFlags::PATH | OFlags::DIRECTORY)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn unlinked(path: &Path, flags: rustix::fs::OFlags) -> Unlinked {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
    use rustix::io::Errno;
    let flags = flags | OFlags::CLOEXEC;
    match openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        Ok(_) => Unlinked::Yes,
        Err(Errno::NOENT | Errno::NOTDIR) => Unlinked::Missing,
        Err(_) => Unlinked::Unsure,
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn is_unlinked(_: &Path) -> Unlinked {
    Unlinked::Unsure
}

/// As `is_unlinked`, and a folder.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn is_unlinked_folder(_: &Path) -> Unlinked {
    Unlinked::Unsure
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn open_unlinked(path: &Path) -> io::Result<File> {
    use rustix::fs::{CWD, Mode, ResolveFlags, openat2};
    use rustix::io::Errno;
    match openat2(CWD, path, FILE, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        Ok(file) => Ok(file.into()),
        // An old kernel, or a filter that does not know the call.
        Err(Errno::NOSYS | Errno::PERM) => walk(path),
        Err(error) => Err(error.into()),
    }
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(super) use walk as open_unlinked;

/// How files are opened.
#[cfg(unix)]
const FILE: rustix::fs::OFlags = rustix::fs::OFlags::RDONLY
    .union(rustix::fs::OFlags::CLOEXEC)
    .union(rustix::fs::OFlags::NOCTTY)
    .union(rustix::fs::OFlags::NONBLOCK);

/// How folders on the way to a file are opened: to go through, where one can ask for that.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
const THROUGH: rustix::fs::OFlags = rustix::fs::OFlags::PATH;
#[cfg(all(
    unix,
    not(any(target_os = "linux", target_os = "android", target_os = "freebsd"))
))]
const THROUGH: rustix::fs::OFlags = rustix::fs::OFlags::RDONLY;

/// Opens an absolute path folder by folder, each from the one before, and follows no link.
#[cfg(unix)]
pub(super) fn walk(path: &Path) -> io::Result<File> {
    use rustix::fs::{CWD, Mode, OFlags, openat};
    use std::path::Component;
    let folder_flags = THROUGH
        .union(OFlags::DIRECTORY)
        .union(OFlags::NOFOLLOW)
        .union(OFlags::CLOEXEC);
    let mut components = path.components().peekable();
    if components.next() != Some(Component::RootDir) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut opened = openat(CWD, "/", folder_flags, Mode::empty())?;
    while let Some(component) = components.next() {
        let Component::Normal(name) = component else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let flags = match components.peek() {
            Some(_) => folder_flags,
            None => FILE.union(OFlags::NOFOLLOW),
        };
        opened = openat(&opened, name, flags, Mode::empty())?;
    }
    Ok(opened.into())
}

#[cfg(not(unix))]
pub(super) fn open_unlinked(path: &Path) -> io::Result<File> {
    let file = open_without_waiting(path)?;
    if fs::canonicalize(path)? == path {
        Ok(file)
    } else {
        Err(io::ErrorKind::NotFound.into())
    }
}
