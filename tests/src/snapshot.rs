//! What a folder tree is, to be compared with what it was.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// All that is in a folder and below it, and the folder itself, under paths from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<PathBuf, Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    kind: Kind,
    modified: SystemTime,
    /// Type and permissions; 0 elsewhere than on Unix.
    mode: u32,
    /// Names for it; 0 elsewhere than on Unix.
    links: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Folder,
    File(Vec<u8>),
    Link(PathBuf),
    Other,
}

impl Snapshot {
    /// What `folder` is now. No link is followed.
    ///
    /// # Panics
    ///
    /// When something in it cannot be read.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        let mut entries = BTreeMap::new();
        add(folder, Path::new(""), &mut entries);
        Self(entries)
    }

    /// What is there in one of the two and not in the other, or not the same: a line for each.
    #[must_use]
    pub fn differences(&self, later: &Self) -> Vec<String> {
        let both = self.0.keys().chain(later.0.keys());
        let mut paths: Vec<&PathBuf> = both.collect();
        paths.sort();
        paths.dedup();
        let lines = paths.into_iter().filter_map(|path| {
            let what = match (self.0.get(path), later.0.get(path)) {
                (Some(_), None) => "is gone",
                (None, Some(_)) => "is new",
                (Some(old), Some(new)) => old.difference(new)?,
                (None, None) => return None,
            };
            Some(format!("`{}` {what}", path.display()))
        });
        lines.collect()
    }
}

impl Entry {
    fn difference(&self, later: &Self) -> Option<&'static str> {
        let Self {
            kind,
            modified,
            mode,
            links,
        } = later;
        if self.kind != *kind {
            Some("has other contents")
        } else if self.mode != *mode {
            Some("has another mode")
        } else if self.modified != *modified {
            Some("was modified")
        } else if self.links != *links {
            Some("has more or fewer names")
        } else {
            None
        }
    }
}

fn add(root: &Path, name: &Path, entries: &mut BTreeMap<PathBuf, Entry>) {
    let path = root.join(name);
    let failed = |error| panic!("{}: {error}", path.display());
    let metadata = fs::symlink_metadata(&path).unwrap_or_else(failed);
    let kind = if metadata.is_dir() {
        for entry in fs::read_dir(&path).unwrap_or_else(|error| panic!("{path:?}: {error}")) {
            let entry = entry.unwrap_or_else(|error| panic!("{path:?}: {error}"));
            add(root, &name.join(entry.file_name()), entries);
        }
        Kind::Folder
    } else if metadata.is_symlink() {
        Kind::Link(fs::read_link(&path).unwrap_or_else(|error| panic!("{path:?}: {error}")))
    } else if metadata.is_file() {
        Kind::File(fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}")))
    } else {
        Kind::Other
    };
    #[cfg(unix)]
    let (mode, links) = {
        use std::os::unix::fs::MetadataExt as _;
        (metadata.mode(), metadata.nlink())
    };
    #[cfg(not(unix))]
    let (mode, links) = (0, 0);
    let modified = metadata
        .modified()
        .unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let entry = Entry {
        kind,
        modified,
        mode,
        links,
    };
    entries.insert(name.to_path_buf(), entry);
}
