//! Detached signatures in minisign's format.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};

use super::distrust::Distrust;
use super::keys::Keys;

/// The size of the largest file whose signature is verified: it is read into memory whole.
pub const MAX_SIGNED: u64 = 256 * 1024 * 1024;

/// Longer files are no signatures.
const MAX_SIGNATURE: u64 = 16 * 1024;

/// What the signature of a file says.
///
/// The signature of `x.so` is in `x.so.minisig` beside it (beside the file itself, if a link leads
/// to it), as `minisign -S -m x.so` writes it; of minisign's two forms both count, that of the hash
/// (`ED`) and the old one (`Ed`).
///
/// A signature by a key that is not known is neither valid nor tampered. Whoever can write beside
/// a file can take its signature away or put one of their own there: only
/// [`SignatureRule::Required`](super::SignatureRule::Required) makes a signature a protection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signature {
    /// There is none.
    Unsigned,
    /// It is by a key that is known, of these very bytes.
    Valid {
        /// The key.
        key_id: KeyId,
        /// What the signer says with it, which is signed too.
        trusted_comment: String,
    },
    /// It is by a key that is not known, so nothing can be said.
    UnknownKey {
        /// The key that it names.
        key_id: KeyId,
    },
    /// It does not hold. Such a file is never loaded.
    Tampered {
        /// What is wrong.
        why: Tampering,
    },
}

/// Why a signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Tampering {
    /// The file of the signature is no signature.
    #[error("it is no signature in minisign's format")]
    Malformed,
    /// The key did not sign these bytes, or not with this comment.
    #[error("the key `{key_id}` did not sign these bytes with this comment")]
    Mismatch {
        /// The key.
        key_id: KeyId,
    },
}

/// The number that minisign gives a key, shown as minisign shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u64);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", self.0)
    }
}

/// The file that holds the signature of `target`.
fn signature_path(target: &Path) -> PathBuf {
    let mut path = target.as_os_str().to_owned();
    path.push(".minisig");
    path.into()
}

/// What the signature beside `target` says of the bytes of `file`; and those bytes, if it is valid.
pub(super) fn examine(
    file: &File,
    target: &Path,
    keys: &Keys,
) -> Result<(Signature, Option<Vec<u8>>), Distrust> {
    let path = signature_path(target);
    let unreadable = |source| Distrust::Unreadable {
        path: path.clone(),
        source,
    };
    let text = match open(&path) {
        Ok(signature) => read_text(&signature, MAX_SIGNATURE).map_err(unreadable)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok((Signature::Unsigned, None));
        }
        Err(error) => return Err(unreadable(error)),
    };
    let malformed = Signature::Tampered {
        why: Tampering::Malformed,
    };
    let Some((text, key_id)) = text.and_then(|text| {
        let id = KeyId::at_start_of(text.lines().nth(1)?, 74)?;
        Some((text, id))
    }) else {
        return Ok((malformed, None));
    };
    let Ok(signature) = minisign_verify::Signature::decode(&text) else {
        return Ok((malformed, None));
    };
    if keys.with_id(key_id).next().is_none() {
        return Ok((Signature::UnknownKey { key_id }, None));
    }
    let bytes = read_whole(file, target)?;
    let valid = |key: &minisign_verify::PublicKey| key.verify(&bytes, &signature, true).is_ok();
    if !keys.with_id(key_id).any(valid) {
        let why = Tampering::Mismatch { key_id };
        return Ok((Signature::Tampered { why }, None));
    }
    let trusted_comment = signature.trusted_comment().to_owned();
    let valid = Signature::Valid {
        key_id,
        trusted_comment,
    };
    Ok((valid, Some(bytes)))
}

/// Opens a file for reading; a FIFO does not block.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags(libc::O_NONBLOCK);
    }
    options.open(path)
}

/// The text of a regular file of at most `max` bytes.
pub(super) fn read_text(file: &File, max: u64) -> io::Result<Option<String>> {
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Ok(None);
    }
    Ok(String::from_utf8(bytes).ok())
}

/// All bytes of the open file, whatever was read of it before.
fn read_whole(file: &File, path: &Path) -> Result<Vec<u8>, Distrust> {
    let read = || -> io::Result<Result<Vec<u8>, u64>> {
        let size = file.metadata()?.len();
        if size > MAX_SIGNED {
            return Ok(Err(size));
        }
        let mut reader = file;
        reader.rewind()?;
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        // It may have grown since.
        reader.take(MAX_SIGNED + 1).read_to_end(&mut bytes)?;
        let size = bytes.len() as u64;
        Ok(if size > MAX_SIGNED {
            Err(size)
        } else {
            Ok(bytes)
        })
    };
    let path = path.to_path_buf();
    match read() {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(size)) => Err(Distrust::TooLarge { path, size }),
        Err(source) => Err(Distrust::Unreadable { path, source }),
    }
}
