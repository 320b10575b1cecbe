//! The hash of KPackage 5.103.
//!
//! What goes into it, found out by asking KPackage for the hashes of packages that were made for it:
//! `metadata.json`, or else `metadata.desktop`, whole; then for each contents prefix its folder.
//! A folder is its files, then its folders, each kind by name in lower case. A file is the folders
//! that it lies in below the prefix, its name, and its data, or, of a link, the absolute path where
//! it leads. A folder is the same path, its name and a slash, and then itself, or, if the way to it
//! leads over a link, its real path.

use std::ffi::OsString;
use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};

use sha2::digest::DynDigest;

use super::super::error::is_absence;
use super::super::metadata::OF_KPACKAGE;
use super::super::resolve::folded;
use super::error::HashError;
use super::files::{self, Reader};

/// The hash of the package in `root` with these contents prefixes.
pub(super) fn hash(
    root: &Path,
    prefixes: &[String],
    digest: Box<dyn DynDigest>,
) -> Result<Box<[u8]>, HashError> {
    let mut hash = Hash {
        digest,
        reader: Reader::new(),
    };
    hash.add_metadata(root)?;
    for prefix in prefixes {
        let folder = prefix_folder(root, prefix);
        let is_canonical = is_canonical(&folder)?;
        hash.add_folder(&folder, "", is_canonical)?;
    }
    Ok(hash.digest.finalize())
}

struct Hash {
    digest: Box<dyn DynDigest>,
    reader: Reader,
}

impl Hash {
    fn add_metadata(&mut self, root: &Path) -> Result<(), HashError> {
        for name in OF_KPACKAGE {
            let path = root.join(name);
            match files::open(&path) {
                Ok((file, _)) => return self.add_data(&path, file),
                Err(HashError::Unreadable { .. }) if fs::metadata(&path).is_err() => {}
                // KPackage goes on without what it cannot open, and a folder is such a thing.
                Err(HashError::Unreadable { .. }) => return Ok(()),
                Err(_) if path.is_dir() => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// `inner` is the path of the folder below the prefix, with a slash behind it unless it is
    /// empty; where the folder's own path `is_canonical`, so are those of its folders.
    fn add_folder(
        &mut self,
        folder: &Path,
        inner: &str,
        is_canonical: bool,
    ) -> Result<(), HashError> {
        let Entries { files, folders } = entries(folder)?;
        for file in files {
            let path = folder.join(&file.name);
            self.digest.update(inner.as_bytes());
            self.digest.update(file.name.as_bytes());
            if file.is_link {
                let target = fs::read_link(&path).map_err(|it| unreadable(&path, it))?;
                self.digest.update(absolute(folder, &target).as_bytes());
            } else {
                self.add_file(&path)?;
            }
        }
        for entry in folders {
            let path = folder.join(&entry.name);
            let inner = format!("{inner}{}/", entry.name);
            self.digest.update(inner.as_bytes());
            if entry.is_link || !is_canonical {
                let real = fs::canonicalize(&path).map_err(|it| unreadable(&path, it))?;
                self.digest.update(text(&real).as_bytes());
            } else {
                self.add_folder(&path, &inner, true)?;
            }
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path) -> Result<(), HashError> {
        match files::open(path) {
            Ok((file, _)) => self.add_data(path, file),
            Err(HashError::Unreadable { source, .. }) if is_forbidden(&source) => {
                tracing::warn!(
                    ?path,
                    "a file may not be read, so the hash is without its data"
                );
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn add_data(&mut self, path: &Path, file: fs::File) -> Result<(), HashError> {
        let digest = &mut self.digest;
        let read = self.reader.read(file, |data| digest.update(data));
        read.map_err(|source| unreadable(path, source))
    }
}

/// A file or a folder, or a link to one.
struct Entry {
    name: String,
    is_link: bool,
}

/// The entries of a folder, each kind in KPackage's order.
#[derive(Default)]
struct Entries {
    files: Vec<Entry>,
    folders: Vec<Entry>,
}

fn entries(folder: &Path) -> Result<Entries, HashError> {
    let mut entries = Entries::default();
    let list = match fs::read_dir(folder) {
        Ok(list) => list,
        Err(source) if is_forbidden(&source) => {
            tracing::warn!(
                ?folder,
                "a folder may not be read, so the hash is without its entries"
            );
            return Ok(entries);
        }
        Err(source) => return Err(unreadable(folder, source)),
    };
    for entry in list {
        let entry = entry.map_err(|source| unreadable(folder, source))?;
        let name = entry.file_name();
        let Some(name) = name.to_str().map(str::to_owned) else {
            tracing::debug!(
                ?folder,
                ?name,
                "a name is not Unicode, so the hash is without it"
            );
            continue;
        };
        let kind = entry.file_type();
        let kind = kind.map_err(|source| unreadable(&entry.path(), source))?;
        let is_link = kind.is_symlink();
        let kind = if is_link {
            leads_to(&entry.path())?
        } else {
            kind
        };
        let entries = if kind.is_file() {
            &mut entries.files
        } else if kind.is_dir() {
            &mut entries.folders
        } else {
            return Err(HashError::NotAFile { path: entry.path() });
        };
        entries.push(Entry { name, is_link });
    }
    for entries in [&mut entries.files, &mut entries.folders] {
        entries.sort_by_cached_key(|entry| (folded(entry.name.as_ref()), entry.name.clone()));
    }
    Ok(entries)
}

fn leads_to(link: &Path) -> Result<FileType, HashError> {
    match fs::metadata(link) {
        Ok(metadata) => Ok(metadata.file_type()),
        Err(source) => Err(HashError::LeadsNowhere {
            path: link.to_path_buf(),
            source,
        }),
    }
}

/// The folder of a prefix, put together as KPackage does it: what is not canonical stays so, only
/// one slash at the end is left out.
fn prefix_folder(root: &Path, prefix: &str) -> PathBuf {
    let mut folder = OsString::from(root);
    if let Some(prefix) = prefix.strip_suffix('/') {
        folder.push("/");
        folder.push(prefix);
    }
    PathBuf::from(folder)
}

/// Whether what lies in `folder` has the real path that its name behind the folder's is.
fn is_canonical(folder: &Path) -> Result<bool, HashError> {
    let no_contents = || HashError::NoContents {
        path: folder.components().collect(),
    };
    let real = match fs::canonicalize(folder) {
        Ok(real) if real.is_dir() => real,
        Ok(_) => return Err(no_contents()),
        Err(source) if is_absence(&source) => return Err(no_contents()),
        Err(source) => return Err(unreadable(folder, source)),
    };
    let folder = folder.as_os_str().as_encoded_bytes();
    let folder = folder.strip_suffix(b"/").unwrap_or(folder);
    Ok(real.as_os_str().as_encoded_bytes() == folder)
}

/// A link's target as an absolute path without `.` and doubled slashes, and without `..` except at
/// its beginning. Links are not followed, so it need not be where the link leads.
fn absolute(folder: &Path, target: &Path) -> String {
    let path = text(&folder.join(target));
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// A path as Qt decodes it: U+FFFD for each byte that is not part of a character.
fn text(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
    }
    text
}

fn is_forbidden(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

fn unreadable(path: &Path, source: io::Error) -> HashError {
    HashError::Unreadable {
        path: path.to_path_buf(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn targets_are_made_absolute_by_their_text() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt as _;
        let folder = Path::new("/p/contents");
        for (target, whole) in [
            ("real", "/p/contents/real"),
            ("./a//b/.", "/p/contents/a/b"),
            ("../x/../y/", "/p/y"),
            ("../..", "/"),
            ("../../../etc", "/../etc"),
            ("../../../../etc/..", "/../.."),
            ("/../..//etc/./passwd", "/../../etc/passwd"),
            ("/", "/"),
        ] {
            assert_eq!(absolute(folder, Path::new(target)), whole, "{target}");
        }
        let target = Path::new(OsStr::from_bytes(b"a\xe2\x82z\xff"));
        assert_eq!(
            absolute(folder, target),
            "/p/contents/a\u{fffd}\u{fffd}z\u{fffd}"
        );
    }

    #[test]
    fn one_slash_behind_a_prefix_is_left_out() {
        let root = Path::new("/p");
        for (prefix, folder) in [
            ("", "/p"),
            ("/", "/p/"),
            ("contents/", "/p/contents"),
            ("contents//", "/p/contents/"),
            ("/contents/", "/p//contents"),
            ("a/../b/", "/p/a/../b"),
        ] {
            assert_eq!(prefix_folder(root, prefix).as_os_str(), folder);
        }
    }
}
