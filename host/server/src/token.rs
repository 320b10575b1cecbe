//! The token: whoever has it may ask over TCP.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use keyway::foreign::Escaped;
use subtle::ConstantTimeEq as _;

/// The token's file, in the state folder.
const NAME: &str = "token";
/// As many bytes of chance are in a token.
const BYTES: usize = 32;
/// As many characters it has.
const LENGTH: usize = 2 * BYTES;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// There is none.
    #[error("there is no token file `{}`", Escaped(&.path.to_string_lossy()))]
    Missing {
        /// Where it would be.
        path: PathBuf,
    },
    /// Somebody else may know it, or may have written it.
    #[error("the token file `{}` is not used: {why}", Escaped(&.path.to_string_lossy()))]
    NotPrivate {
        /// The file, or its folder.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It holds something else.
    #[error("the token file `{}` holds no token, expected {LENGTH} hexadecimal digits", Escaped(&.path.to_string_lossy()))]
    NoToken {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be read or written.
    #[error("the token file `{}` cannot be read or written", Escaped(&.path.to_string_lossy()))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl TokenError {
    /// A stable code, in kebab case.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Missing { .. } => "no-token",
            Self::NotPrivate { .. } => "token-not-private",
            Self::NoToken { .. } => "bad-token",
            Self::Io { .. } => "io",
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => {
                Some("`keyway serve --listen` makes one, and `keyway token rotate`".to_owned())
            }
            Self::NotPrivate { .. } => Some(
                "make it yours alone, mode 0600, and if others may have read it: `keyway token rotate`"
                    .to_owned(),
            ),
            Self::NoToken { .. } => Some("`keyway token rotate` makes a new one".to_owned()),
            Self::Io { .. } => None,
        }
    }
}

/// Where the token of the server of a state folder lies.
#[must_use]
pub fn token_path(state_dir: &Path) -> PathBuf {
    state_dir.join(NAME)
}

/// Reads a token: one line of 64 hexadecimal digits, in a file that is for its owner alone, who is us.
///
/// # Errors
///
/// [`TokenError`]
///
/// # Platform
///
/// On Windows nobody is asked who may read the file.
pub fn read_token(path: &Path) -> Result<String, TokenError> {
    read(path).map(|(token, _)| token)
}

/// Replaces the token in one step, or makes the first one: 256 bits of the system's chance. A server
/// that runs takes it at once, and closes the connections of those who showed the old one.
///
/// # Errors
///
/// [`TokenError`]; then the old one is still there.
pub fn rotate_token(state_dir: &Path) -> Result<PathBuf, TokenError> {
    let path = token_path(state_dir);
    check_folder(state_dir)?;
    let failed = |source| TokenError::Io {
        path: path.clone(),
        source,
    };
    let mut chance = [0; BYTES];
    let random = rustls::crypto::ring::default_provider().secure_random;
    let filled = random.fill(&mut chance);
    filled.map_err(|_| failed(io::Error::other("the system gives no random numbers")))?;
    // It has the mode 0600 from the first moment on.
    let written = tempfile::NamedTempFile::new_in(state_dir).and_then(|mut file| {
        file.write_all(format!("{}\n", hex(&chance)).as_bytes())?;
        file.as_file().sync_all()?;
        Ok(file.persist(&path)?)
    });
    written.map_err(failed)?;
    Ok(path)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(path: &Path) -> Result<(String, Stamp), TokenError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => TokenError::Missing {
            path: path.to_owned(),
        },
        _ => TokenError::Io {
            path: path.to_owned(),
            source,
        },
    };
    let file = open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    check_private(path, &metadata)?;
    let mut text = Vec::new();
    let most = LENGTH as u64 + 3;
    file.take(most).read_to_end(&mut text).map_err(failed)?;
    let text = String::from_utf8_lossy(&text);
    let token = text.trim_end();
    if token.len() != LENGTH || !token.bytes().all(|it| it.is_ascii_hexdigit()) {
        return Err(TokenError::NoToken {
            path: path.to_owned(),
        });
    }
    Ok((token.to_ascii_lowercase(), Stamp::of(&metadata)))
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    // A FIFO is not waited for.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

#[cfg(unix)]
pub(crate) fn private(metadata: &Metadata) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;
    let (owner, own) = (metadata.uid(), rustix::process::geteuid().as_raw());
    let mode = metadata.mode() & 0o7777;
    if !metadata.is_file() {
        Err("it is no file".to_owned())
    } else if owner != own {
        Err(format!("it belongs to the user {owner}, expected {own}"))
    } else if mode & 0o077 != 0 {
        Err(format!(
            "others may use it, by its mode {mode:04o}, expected 0600"
        ))
    } else {
        Ok(())
    }
}

#[cfg(not(unix))]
pub(crate) fn private(metadata: &Metadata) -> Result<(), String> {
    match metadata.is_file() {
        true => Ok(()),
        false => Err("it is no file".to_owned()),
    }
}

fn check_private(path: &Path, metadata: &Metadata) -> Result<(), TokenError> {
    private(metadata).map_err(|why| TokenError::NotPrivate {
        path: path.to_owned(),
        why,
    })
}

/// Nobody else may put another file in the token's place.
#[cfg(unix)]
fn check_folder(folder: &Path) -> Result<(), TokenError> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = fs::metadata(folder).map_err(|source| TokenError::Io {
        path: folder.to_owned(),
        source,
    })?;
    let (owner, own) = (metadata.uid(), rustix::process::geteuid().as_raw());
    let mode = metadata.mode() & 0o7777;
    let why = if owner != own {
        format!("its folder belongs to the user {owner}, expected {own}")
    } else if mode & 0o022 != 0 {
        format!("others may write to its folder, by the mode {mode:04o}, expected 0700")
    } else {
        return Ok(());
    };
    Err(TokenError::NotPrivate {
        path: token_path(folder),
        why,
    })
}

#[cfg(not(unix))]
fn check_folder(_: &Path) -> Result<(), TokenError> {
    Ok(())
}

/// By what a file is known to be the same as before.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp(Vec<i128>);

impl Stamp {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self(vec![
            metadata.dev().into(),
            metadata.ino().into(),
            metadata.mode().into(),
            metadata.uid().into(),
            metadata.size().into(),
            metadata.mtime().into(),
            metadata.mtime_nsec().into(),
            metadata.ctime().into(),
            metadata.ctime_nsec().into(),
        ])
    }

    #[cfg(not(unix))]
    fn of(metadata: &Metadata) -> Self {
        Self(vec![metadata.len().into()])
    }
}

/// What a running server knows of its token.
#[derive(Debug)]
#[cfg_attr(not(unix), allow(dead_code))]
pub(crate) struct Keeper {
    path: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    /// None while the file is not as it should be: then nobody is let in.
    token: Option<String>,
    stamp: Option<Stamp>,
    /// How often it changed, from one on.
    generation: u64,
}

#[cfg_attr(not(unix), allow(dead_code))]
impl Keeper {
    /// The token of a state folder; one is made if there is none.
    pub(crate) fn open(state_dir: &Path) -> Result<Self, TokenError> {
        check_folder(state_dir)?;
        let path = token_path(state_dir);
        let (token, stamp) = match read(&path) {
            Err(TokenError::Missing { .. }) => {
                rotate_token(state_dir)?;
                tracing::info!(?path, "made a token");
                read(&path)?
            }
            read => read?,
        };
        let known = Mutex::new(Known {
            token: Some(token),
            stamp: Some(stamp),
            generation: 1,
        });
        Ok(Self { path, known })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this is the token that lies in the file now; if so, which one it is.
    pub(crate) fn admits(&self, shown: &[u8]) -> Option<u64> {
        let known = self.look();
        let token = known.token.as_ref()?;
        // How long it takes says nothing of how much of it is right.
        let is_it: bool = token.as_bytes().ct_eq(shown).into();
        is_it.then_some(known.generation)
    }

    /// Which token lies in the file now.
    pub(crate) fn generation(&self) -> u64 {
        self.look().generation
    }

    /// What is known, after a look at the file.
    fn look(&self) -> std::sync::MutexGuard<'_, Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = fs::metadata(&self.path).ok().map(|it| Stamp::of(&it));
        if stamp == known.stamp {
            return known;
        }
        let token = match read(&self.path) {
            // What was read is what is remembered, not what was there a moment before.
            Ok((token, stamp)) => {
                known.stamp = Some(stamp);
                Some(token)
            }
            Err(error) => {
                tracing::error!(%error, "nobody is let in over TCP");
                known.stamp = stamp;
                None
            }
        };
        if token != known.token {
            known.token = token;
            known.generation += 1;
            tracing::info!(path = ?self.path, "the token changed");
        }
        known
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Whatever the mask is.
    fn private_folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        set_mode(folder.path(), 0o700);
        folder
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_others_may_have_read_or_written_is_no_token() {
        let folder = private_folder();
        let path = token_path(folder.path());
        assert_eq!(read_token(&path).unwrap_err().code(), "no-token");
        rotate_token(folder.path()).unwrap();
        let token = read_token(&path).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o601] {
            set_mode(&path, mode);
            let error = Keeper::open(folder.path()).unwrap_err();
            assert_eq!(error.code(), "token-not-private", "{mode:o}");
            assert!(error.to_string().contains(&format!("{mode:04o}")));
            assert!(error.hint().unwrap().contains("keyway token rotate"));
        }
        set_mode(&path, 0o600);
        set_mode(folder.path(), 0o770);
        assert_eq!(
            Keeper::open(folder.path()).unwrap_err().code(),
            "token-not-private"
        );
        assert_eq!(
            rotate_token(folder.path()).unwrap_err().code(),
            "token-not-private"
        );
        set_mode(folder.path(), 0o700);
        for text in [
            "",
            "\n",
            &token[1..],
            &format!("{token}0"),
            &"x".repeat(LENGTH),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(read_token(&path).unwrap_err().code(), "bad-token", "{text}");
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(read_token(&path).unwrap_err().code(), "token-not-private");
    }

    #[test]
    fn a_token_is_made_once_and_taken_when_it_changes() {
        let folder = private_folder();
        let keeper = Keeper::open(folder.path()).unwrap();
        let first = read_token(keeper.path()).unwrap();
        assert_eq!(first.len(), LENGTH);
        let mode = fs::metadata(keeper.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        // Another start takes the same.
        let again = Keeper::open(folder.path()).unwrap();
        assert_eq!(again.admits(first.as_bytes()), Some(1));

        for wrong in ["", &first[1..], &format!("{first} "), &"0".repeat(LENGTH)] {
            assert_eq!(keeper.admits(wrong.as_bytes()), None, "{wrong}");
        }
        rotate_token(folder.path()).unwrap();
        let second = read_token(keeper.path()).unwrap();
        assert_ne!(first, second);
        assert_eq!(keeper.admits(first.as_bytes()), None);
        assert_eq!(keeper.admits(second.as_bytes()), Some(2));
        // Nobody comes in while the file is gone, or others may read it.
        set_mode(keeper.path(), 0o644);
        assert_eq!(keeper.admits(second.as_bytes()), None);
        set_mode(keeper.path(), 0o600);
        assert!(keeper.admits(second.as_bytes()).is_some());
        fs::remove_file(keeper.path()).unwrap();
        assert_eq!(keeper.admits(second.as_bytes()), None);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
