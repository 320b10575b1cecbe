//! The socket: where it lies, and that nobody else comes to it.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::error::ServeError;

/// As many bytes a socket's path may have; one more ends it.
const LONGEST: usize = if cfg!(any(target_os = "linux", target_os = "android")) {
    107
} else {
    103
};
/// As many bytes of the digest are in the socket's name.
const DIGEST: usize = 8;

/// Whether a process of `user` may ask a server of the user `own`.
pub(crate) fn may_ask(user: u32, own: u32) -> bool {
    user == own || user == 0
}

/// Our own effective user.
pub(crate) fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Where a socket is to be.
#[derive(Debug)]
pub(crate) struct Place {
    folder: PathBuf,
    digest: String,
}

impl Place {
    /// The place of the server of a state folder, which is there.
    pub(crate) fn of(state_dir: &Path) -> Result<Self, ServeError> {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        Self::choose(state_dir, runtime.as_deref(), Path::new("/run"))
    }

    fn choose(state_dir: &Path, runtime: Option<&Path>, system: &Path) -> Result<Self, ServeError> {
        let runtime = runtime.filter(|folder| folder.is_absolute() && is_private(folder));
        let folder = match runtime {
            Some(runtime) => runtime.join("keyway"),
            None if own_user() == 0 && system.is_dir() => system.join("keyway"),
            None => state_dir.join("run"),
        };
        let mut digest = String::new();
        for byte in &Sha256::digest(state_dir.as_os_str().as_bytes())[..DIGEST] {
            // Writing to a String does not fail.
            let _ = write!(digest, "{byte:02x}");
        }
        let place = Self { folder, digest };
        let path = place.path();
        if path.as_os_str().len() > LONGEST {
            let longest = LONGEST;
            return Err(ServeError::LongPath { path, longest });
        }
        Ok(place)
    }

    /// The socket's path.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(format!("packages-{}.sock", self.digest))
    }

    /// Makes the socket. Whoever does holds the state folder, so that one that is there is a dead one.
    pub(crate) fn bind(&self) -> Result<Socket, ServeError> {
        private_folder(&self.folder)?;
        // Nobody can connect before it has its mode and its name.
        let new = self.folder.join(format!("packages-{}.new", self.digest));
        let path = self.path();
        let bound = || {
            match fs::remove_file(&new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let listener = UnixListener::bind(&new)?;
            listener.set_nonblocking(true)?;
            fs::set_permissions(&new, Permissions::from_mode(0o600))?;
            fs::rename(&new, &path)?;
            Ok(listener)
        };
        match bound() {
            Ok(listener) => Ok(Socket { listener, path }),
            Err(source) => Err(ServeError::Socket { path, source }),
        }
    }
}

/// Whether a folder is ours, and nobody else may write to it.
fn is_private(folder: &Path) -> bool {
    fs::metadata(folder)
        .is_ok_and(|it| it.is_dir() && it.uid() == own_user() && it.mode() & 0o022 == 0)
}

/// Makes a folder that is for us alone, or makes it so if it is ours.
fn private_folder(folder: &Path) -> Result<(), ServeError> {
    let failed = |source| ServeError::Socket {
        path: folder.to_owned(),
        source,
    };
    let wrong = |why: String| {
        Err(ServeError::Folder {
            path: folder.to_owned(),
            why,
        })
    };
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    let found = fs::symlink_metadata(folder).map_err(failed)?;
    if !found.is_dir() {
        return wrong("is no folder".to_owned());
    }
    let (owner, own) = (found.uid(), own_user());
    if owner != own {
        return wrong(format!("belongs to the user {owner}, expected {own}"));
    }
    if found.mode() & 0o7777 != 0o700 {
        fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(failed)?;
    }
    Ok(())
}

/// A socket that is listened at. Its file goes with it.
#[derive(Debug)]
pub(crate) struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The same socket, for a runtime.
    pub(crate) fn listener(&self) -> io::Result<tokio::net::UnixListener> {
        tokio::net::UnixListener::from_std(self.listener.try_clone()?)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// A state folder by the one path that it has; it is made if it is not there.
pub(crate) fn canonical(state_dir: &Path) -> Result<PathBuf, ServeError> {
    let failed = |source| ServeError::Socket {
        path: state_dir.to_owned(),
        source,
    };
    let made = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state_dir);
    made.map_err(failed)?;
    fs::canonicalize(state_dir).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o7777
    }

    /// A place for a server of `state`, with a runtime folder that counts.
    fn place(base: &Path) -> Place {
        let runtime = base.join("runtime");
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&runtime)
            .unwrap();
        Place::choose(&base.join("state"), Some(&runtime), base).unwrap()
    }

    #[test]
    fn only_the_same_user_and_root_may_ask() {
        assert!(may_ask(1000, 1000) && may_ask(0, 1000) && may_ask(0, 0));
        assert!(!may_ask(1001, 1000) && !may_ask(1000, 0));
    }

    #[test]
    fn a_path_that_no_address_holds_is_told_before_anything_is_made() {
        let base = tempfile::tempdir().unwrap();
        let runtime = base.path().join("r".repeat(80));
        fs::create_dir(&runtime).unwrap();
        fs::set_permissions(&runtime, Permissions::from_mode(0o700)).unwrap();
        let error = Place::choose(base.path(), Some(&runtime), base.path()).unwrap_err();
        let text = error.to_string();
        assert_eq!(error.code(), "socket-path-too-long");
        assert!(
            text.ends_with(&format!("expected {LONGEST} at most")),
            "{text}"
        );
        assert!(error.hint().unwrap().contains("XDG_RUNTIME_DIR"));
        assert!(!runtime.join("keyway").exists());
    }

    #[test]
    fn the_longest_path_that_is_let_through_can_be_bound() {
        let base = tempfile::tempdir().unwrap();
        let rest = LONGEST
            - base.path().as_os_str().len()
            - "/run/packages-0123456789abcdef.sock".len()
            - 1;
        let state = base.path().join("s".repeat(rest));
        DirBuilder::new().mode(0o700).create(&state).unwrap();
        // No folder of the system, so that root has none there either.
        let place = Place::choose(&state, None, &base.path().join("none")).unwrap();
        assert_eq!(place.path().as_os_str().len(), LONGEST);
        place.bind().unwrap();
    }

    #[test]
    fn a_folder_that_is_not_ours_alone_is_not_used() {
        let base = tempfile::tempdir().unwrap();
        let place = place(base.path());
        symlink(base.path(), &place.folder).unwrap();
        assert_eq!(place.bind().unwrap_err().code(), "socket-folder");

        // A runtime folder that others may write to does not count.
        let runtime = base.path().join("runtime");
        fs::set_permissions(&runtime, Permissions::from_mode(0o770)).unwrap();
        let state = base.path().join("state");
        let none = base.path().join("none");
        let other = Place::choose(&state, Some(&runtime), &none).unwrap();
        assert_eq!(other.folder, state.join("run"));
        let other = Place::choose(&state, Some(Path::new("relative")), &none).unwrap();
        assert_eq!(other.folder, state.join("run"));
    }

    #[test]
    fn what_was_open_to_others_is_closed_and_a_dead_socket_replaced() {
        let base = tempfile::tempdir().unwrap();
        let place = place(base.path());
        fs::create_dir(&place.folder).unwrap();
        fs::set_permissions(&place.folder, Permissions::from_mode(0o777)).unwrap();
        // What a killed server leaves behind.
        for name in ["sock", "new"] {
            let path = place
                .folder
                .join(format!("packages-{}.{name}", place.digest));
            drop(UnixListener::bind(path).unwrap());
        }
        assert!(UnixStream::connect(place.path()).is_err());

        let socket = place.bind().unwrap();
        assert_eq!(mode(&place.folder), 0o700);
        assert_eq!(mode(socket.path()), 0o600);
        UnixStream::connect(socket.path()).unwrap();
        assert_eq!(fs::read_dir(&place.folder).unwrap().count(), 1);
        drop(socket);
        assert_eq!(fs::read_dir(&place.folder).unwrap().count(), 0);
    }

    #[test]
    fn each_state_folder_has_a_socket_of_its_own() {
        let base = tempfile::tempdir().unwrap();
        let of = |name: &str| {
            let state = base.path().join(name);
            Place::choose(&state, None, base.path()).unwrap().path()
        };
        assert_ne!(of("a").file_name(), of("b").file_name());
        assert_eq!(of("a"), of("a"));
        let state = base.path().join("a/b");
        let found = canonical(&state).unwrap();
        assert_eq!(mode(&found), 0o700);
        symlink(&state, base.path().join("link")).unwrap();
        assert_eq!(canonical(&base.path().join("link")).unwrap(), found);
    }
}
