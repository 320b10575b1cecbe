//! Archives, the hostile ones first.

#![cfg(unix)]

// Public elsewhere.
#[allow(unreachable_pub)]
pub(crate) mod builder;
mod damaged;
mod folders;
mod hostile_tar;
mod hostile_zip;
mod limits;
mod observed;
mod peeking;
mod unpacked;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{ArchiveError, Limits, Unpacked, unpack};

/// A folder with other things in it, and in it an empty one to unpack to.
struct Place {
    folder: TempDir,
}

/// What a folder holds: mode and data, or the target, of everything in it.
type Tree = BTreeMap<PathBuf, (u32, Vec<u8>)>;

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("into")).unwrap();
        fs::write(folder.path().join("beside"), "beside").unwrap();
        Self { folder }
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("into")
    }

    /// The modes of a new file and of a new folder, which are those of programs, too.
    fn usual_modes(&self) -> (u32, u32) {
        let (file, folder) = (self.folder.path().join("f"), self.folder.path().join("d"));
        fs::write(&file, "").unwrap();
        fs::create_dir(&folder).unwrap();
        let mode = |path| fs::metadata(path).unwrap().mode() & 0o7777;
        let modes = (mode(&file), mode(&folder));
        fs::remove_file(file).unwrap();
        fs::remove_dir(folder).unwrap();
        modes
    }

    fn unpack(&self, archive: &[u8]) -> Result<Unpacked, ArchiveError> {
        self.unpack_within(archive, &Limits::default())
    }

    fn unpack_within(&self, archive: &[u8], limits: &Limits) -> Result<Unpacked, ArchiveError> {
        let path = self.folder.path().join("archive");
        fs::write(&path, archive).unwrap();
        let unpacked = unpack(File::open(&path).unwrap(), &self.target(), limits);
        fs::remove_file(path).unwrap();
        unpacked
    }

    /// The error of an archive that is refused and of which nothing is left.
    fn refusal(&self, archive: &[u8]) -> ArchiveError {
        self.refusal_within(archive, &Limits::default())
    }

    fn refusal_within(&self, archive: &[u8], limits: &Limits) -> ArchiveError {
        let before = tree(self.folder.path());
        let error = self.unpack_within(archive, limits).unwrap_err();
        assert_eq!(tree(self.folder.path()), before, "{error}");
        error
    }

    /// What was unpacked.
    fn tree(&self) -> Tree {
        tree(&self.target())
    }
}

/// Each archive with a lie is refused, with that code and that message.
fn are_refused<'a>(archives: impl IntoIterator<Item = (&'a str, Vec<u8>, &'a str, &'a str)>) {
    for (lie, archive, code, message) in archives {
        let error = Place::new().refusal(&archive);
        assert_eq!(
            (error.code(), &error.to_string()[..]),
            (code, message),
            "{lie}"
        );
    }
}

fn tree(folder: &Path) -> Tree {
    fn add(root: &Path, folder: &Path, tree: &mut Tree) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let data = if metadata.is_dir() {
                add(root, &path, tree);
                Vec::new()
            } else if metadata.is_symlink() {
                use std::os::unix::ffi::OsStringExt as _;
                fs::read_link(&path).unwrap().into_os_string().into_vec()
            } else {
                fs::read(&path).unwrap()
            };
            let name = path.strip_prefix(root).unwrap().to_path_buf();
            tree.insert(name, (metadata.mode(), data));
        }
    }
    let mut tree = Tree::new();
    add(folder, folder, &mut tree);
    tree
}

/// What is left of a tree without modes.
fn texts(tree: &Tree) -> BTreeMap<&str, &str> {
    let entries = tree.iter();
    entries
        .map(|(path, (_, data))| (path.to_str().unwrap(), std::str::from_utf8(data).unwrap()))
        .collect()
}

/// Says past the test runner's capturing that something was skipped.
fn skipped(what: &str) {
    use std::io::Write as _;
    let _ = writeln!(
        std::io::stderr().lock(),
        "\nskipped: archives: there is no {what}"
    );
}
