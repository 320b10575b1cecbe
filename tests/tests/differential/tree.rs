//! Trees of files that a case makes.

use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Component, Path, PathBuf};

/// Stands for the folder that all trees lie in.
pub(crate) const ROOT: &str = "$ROOT";

/// One entry of a tree.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Where it lies below the root; what does not lead down does not count.
    pub(crate) path: String,
    pub(crate) what: What,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    File(String),
    Bytes(Vec<u8>),
    /// A file that only some may read.
    Mode(u32),
    Folder,
    Link(String),
    Socket,
    /// A folder with a file in it whose name is not Unicode.
    OddName,
}

impl Entry {
    /// Makes it below `root`, unless something is there already. Nothing is made through a link.
    pub(crate) fn make(&self, root: &Path) {
        let mut path = root.to_path_buf();
        let down = Path::new(&self.path).components();
        let mut down = down
            .filter(|part| matches!(part, Component::Normal(_)))
            .peekable();
        while let Some(part) = down.next() {
            path.push(part);
            if down.peek().is_some() && fs::create_dir(&path).is_err() && !is_folder(&path) {
                return;
            }
        }
        if fs::symlink_metadata(&path).is_ok() {
            return;
        }
        // What the file system does not take (a name that is too long) neither side sees.
        let _ = match &self.what {
            What::File(text) => fs::write(&path, text),
            What::Bytes(bytes) => fs::write(&path, bytes),
            What::Mode(mode) => fs::write(&path, "some\n")
                .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(*mode))),
            What::Folder => fs::create_dir(&path),
            What::Link(target) => symlink(expand(target, root), &path),
            What::Socket => UnixListener::bind(&path).map(drop),
            What::OddName => fs::create_dir(&path).and_then(|()| {
                let name = std::ffi::OsString::from_vec(b"bad-\xff.qml".to_vec());
                fs::write(path.join(name), "odd\n")
            }),
        };
    }
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// The text with the real root in it.
pub(crate) fn expand(text: &str, root: &Path) -> String {
    text.replace(ROOT, root.to_str().unwrap())
}

/// Removes all that lies in the folder.
pub(crate) fn clear(folder: &Path) {
    let entries: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    for path in entries {
        if is_folder(&path) {
            fs::remove_dir_all(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
    }
}
