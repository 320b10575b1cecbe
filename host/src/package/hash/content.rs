//! The digest of all that a folder holds.

use std::ffi::OsString;
use std::fs::{self, FileType, Metadata};
use std::io;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::error::HashError;
use super::files::{self, Reader};

/// What the entries of each folder follow, so that no other format has the same digests.
const FORMAT: &[u8] = b"keyway content 1\n";

/// The digest of the folder `root`, in the format that `Package::content_digest` describes.
pub(super) fn digest(root: &Path) -> Result<[u8; 32], HashError> {
    of_folder(&mut Reader::new(), root)
}

fn of_folder(reader: &mut Reader, folder: &Path) -> Result<[u8; 32], HashError> {
    let mut digest = Sha256::new();
    digest.update(FORMAT);
    for (name, kind) in entries(folder)? {
        let path = folder.join(&name);
        let (mark, inner) = of_entry(reader, &path, kind)?;
        let name = name.as_encoded_bytes();
        digest.update([mark]);
        digest.update((name.len() as u64).to_le_bytes());
        digest.update(name);
        digest.update(inner);
    }
    Ok(digest.finalize().into())
}

/// What the entry is, and the digest of what it holds.
fn of_entry(reader: &mut Reader, path: &Path, kind: FileType) -> Result<(u8, [u8; 32]), HashError> {
    let unreadable = |source| HashError::Unreadable {
        path: path.to_path_buf(),
        source,
    };
    if kind.is_dir() {
        Ok((b'd', of_folder(reader, path)?))
    } else if kind.is_symlink() {
        let target = fs::read_link(path).map_err(unreadable)?;
        let target = target.as_os_str().as_encoded_bytes();
        Ok((b'l', Sha256::digest(target).into()))
    } else if kind.is_file() {
        let (file, metadata) = files::open(path)?;
        let mut digest = Sha256::new();
        let read = reader.read(file, |data| digest.update(data));
        read.map_err(unreadable)?;
        let mark = if is_executable(&metadata) { b'x' } else { b'f' };
        Ok((mark, digest.finalize().into()))
    } else {
        Err(HashError::NotAFile {
            path: path.to_path_buf(),
        })
    }
}

/// Ordered by the bytes of their names.
fn entries(folder: &Path) -> Result<Vec<(OsString, FileType)>, HashError> {
    let list = || -> io::Result<Vec<_>> {
        let entries = fs::read_dir(folder)?.map(|entry| {
            let entry = entry?;
            Ok((entry.file_name(), entry.file_type()?))
        });
        entries.collect()
    };
    let mut entries = list().map_err(|source| HashError::Unreadable {
        path: folder.to_path_buf(),
        source,
    })?;
    entries.sort_unstable_by(|(a, _), (b, _)| a.as_encoded_bytes().cmp(b.as_encoded_bytes()));
    Ok(entries)
}

#[cfg(unix)]
fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    const BY_OWNER: u32 = 0o100;
    metadata.mode() & BY_OWNER != 0
}

#[cfg(not(unix))]
fn is_executable(_: &Metadata) -> bool {
    false
}
