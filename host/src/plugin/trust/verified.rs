//! Bytes whose signature was verified, and the private copy of them that is loaded.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::check::Trusted;
use super::distrust::Distrust;
use super::facts::Identity;
use super::keys::Keys;
use super::signature::{self, Signature};

/// The bytes of a file, read once, whose signature is valid.
#[derive(Debug)]
pub struct VerifiedBytes {
    bytes: Vec<u8>,
    name: OsString,
    signature: Signature,
}

impl Trusted {
    /// Reads the whole of `file`, the open file that passed the gate, and verifies its signature over
    /// exactly these bytes, so that what was verified can be what loads.
    ///
    /// `has_origin` is whether the file looks for libraries beside itself (`$ORIGIN` in its RPATH or
    /// RUNPATH): it would not find them from another folder, so it is refused.
    ///
    /// # Errors
    ///
    /// [`Distrust::Origin`], [`Distrust::Swapped`] for another file than the one that passed,
    /// [`Distrust::TooLarge`], [`Distrust::Unreadable`]; [`Distrust::Unsigned`],
    /// [`Distrust::UnknownKey`] and [`Distrust::Tampered`] for anything but a valid signature.
    pub fn read_verified(
        &self,
        file: &File,
        keys: &Keys,
        has_origin: bool,
    ) -> Result<VerifiedBytes, Distrust> {
        let path = self.target().to_path_buf();
        if has_origin {
            return Err(Distrust::Origin { path });
        }
        let metadata = match file.metadata() {
            Ok(metadata) => metadata,
            Err(source) => return Err(Distrust::Unreadable { path, source }),
        };
        if Identity::of(&metadata) != self.identity {
            return Err(Distrust::Swapped { path });
        }
        match signature::examine(file, &path, keys)? {
            (signature @ Signature::Valid { .. }, Some(bytes)) => Ok(VerifiedBytes {
                bytes,
                name: path.file_name().unwrap_or_default().to_owned(),
                signature,
            }),
            (Signature::UnknownKey { key_id }, _) => Err(Distrust::UnknownKey { path, key_id }),
            (Signature::Tampered { why }, _) => Err(Distrust::Tampered { path, why }),
            (Signature::Unsigned | Signature::Valid { .. }, _) => Err(Distrust::Unsigned { path }),
        }
    }
}

impl VerifiedBytes {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The signature, which is [`Signature::Valid`].
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Writes the bytes to a file of a new name in `folder`, which nobody but the caller can enter:
    /// the folder is made with mode 0700 if it is not there, the file has mode 0500.
    ///
    /// # Errors
    ///
    /// [`Distrust::NotPrivate`] if the folder is there and lets others in, any refusal of
    /// [`check_folder`](super::check_folder) if others may write a folder above it, and
    /// [`Distrust::Copy`].
    ///
    /// # Platform
    ///
    /// Elsewhere than on Unix modes are not set, and the folder is as private as where it lies.
    pub fn write_private_copy(&self, folder: &Path) -> Result<PrivateCopy, Distrust> {
        let folder = make_private(folder)?;
        let failed = |path: &Path, source| Distrust::Copy {
            path: path.to_path_buf(),
            source,
        };
        let (copy, mut file) = self.create(&folder)?;
        let mut write = || -> io::Result<()> {
            file.write_all(&self.bytes)?;
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                file.set_permissions(fs::Permissions::from_mode(0o500))?;
            }
            Ok(())
        };
        write().map_err(|source| failed(copy.path(), source))?;
        Ok(copy)
    }

    /// A new file, which was not there before.
    fn create(&self, folder: &Path) -> Result<(PrivateCopy, File), Distrust> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let process = std::process::id();
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let mut name = OsString::from(format!("{process}-{count}-"));
            name.push(&self.name);
            let path = folder.join(name);
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            {
                use std::os::unix::fs::OpenOptionsExt as _;
                options.mode(0o600);
            }
            match options.open(&path) {
                Ok(file) => return Ok((PrivateCopy { path }, file)),
                // Left behind by an earlier process of this number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(Distrust::Copy { path, source }),
            }
        }
    }
}

/// Makes the folder, or looks whether it is as it would have been made; its path without links.
fn make_private(folder: &Path) -> Result<PathBuf, Distrust> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder).map_err(|source| Distrust::Copy {
        path: folder.to_path_buf(),
        source,
    })?;
    let seen = super::Folder::of(folder)?;
    #[cfg(unix)]
    {
        use super::super::search_path::FolderOrigin;
        if let Some(last) = seen.components().last() {
            let caller = seen.caller();
            if last.owner.id != caller.id || last.mode & 0o077 != 0 {
                return Err(Distrust::NotPrivate {
                    path: last.path.clone(),
                    owner: last.owner.clone(),
                    caller,
                    mode: last.mode,
                });
            }
        }
        super::check_folder(&seen, FolderOrigin::User, &super::Policy::default())?;
    }
    Ok(seen.path().to_path_buf())
}

/// A copy of verified bytes that only the caller can reach, to be loaded in the place of the file.
///
/// It is removed when this is dropped. On Unix that may be as soon as it is loaded, but a backtrace
/// through the plugin then has no names; [`keep`](Self::keep) leaves it. A process that is killed
/// leaves it too.
#[derive(Debug)]
pub struct PrivateCopy {
    path: PathBuf,
}

impl PrivateCopy {
    /// The copy.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the copy where it is.
    #[must_use]
    pub fn keep(mut self) -> PathBuf {
        std::mem::take(&mut self.path)
    }
}

impl Drop for PrivateCopy {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            // A copy that cannot be removed harms nobody.
            let _ = fs::remove_file(&self.path);
        }
    }
}
