//! The digest of all that a folder holds.

#[cfg(feature = "install")]
use std::collections::BTreeMap;
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
        add_entry(&mut digest, name.as_encoded_bytes(), mark, inner);
    }
    Ok(digest.finalize().into())
}

fn add_entry(digest: &mut Sha256, name: &[u8], mark: u8, inner: [u8; 32]) {
    digest.update([mark]);
    digest.update((name.len() as u64).to_le_bytes());
    digest.update(name);
    digest.update(inner);
}

/// The digest of a folder of which it is known what lies in it.
#[cfg(feature = "install")]
#[derive(Default)]
pub(crate) struct Digests {
    folders: BTreeMap<Box<[u8]>, Digests>,
    others: BTreeMap<Box<[u8]>, (u8, [u8; 32])>,
}

#[cfg(feature = "install")]
impl Digests {
    /// Adds a folder, and those above it.
    pub(crate) fn add_folder(&mut self, path: &Path) {
        self.folder(path);
    }

    /// Adds a link by its target.
    pub(crate) fn add_link(&mut self, path: &Path, target: &Path) {
        let target = target.as_os_str().as_encoded_bytes();
        self.add(path, b'l', Sha256::digest(target).into());
    }

    /// Adds a file by the digest of its data.
    pub(crate) fn add_file(&mut self, path: &Path, sha256: [u8; 32], executable: bool) {
        let mark = if executable { b'x' } else { b'f' };
        self.add(path, mark, sha256);
    }

    fn add(&mut self, path: &Path, mark: u8, inner: [u8; 32]) {
        if let (Some(folder), Some(name)) = (path.parent(), path.file_name()) {
            let name = name.as_encoded_bytes().into();
            self.folder(folder).others.insert(name, (mark, inner));
        }
    }

    fn folder(&mut self, path: &Path) -> &mut Self {
        path.iter().fold(self, |folder, name| {
            let name = name.as_encoded_bytes().into();
            folder.folders.entry(name).or_default()
        })
    }

    /// What [`Package::content_digest`](crate::Package::content_digest) gives for it.
    pub(crate) fn finish(&self) -> String {
        super::hexadecimal(&self.digest())
    }

    fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(FORMAT);
        let folders = self.folders.iter();
        let folders = folders.map(|(name, folder)| (name, (b'd', folder.digest())));
        let others = self.others.iter().map(|(name, other)| (name, *other));
        let entries: BTreeMap<_, _> = folders.chain(others).collect();
        for (name, (mark, inner)) in entries {
            add_entry(&mut digest, name, mark, inner);
        }
        digest.finalize().into()
    }
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
