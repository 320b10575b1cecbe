//! Writing what is in a commit to a folder that nobody else writes to.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use gix::bstr::{BStr, ByteSlice as _};
use gix::objs::tree::EntryKind;
use gix::validate::path::component;
use gix::{ObjectId, Repository};

use super::error::GitError;
use super::fetch::Warning;
use super::repository::damaged;
use super::run::Run;

/// As many folders may lie in each other.
const DEPTH: usize = 64;
/// A file as large may stand for one that LFS keeps elsewhere.
const LFS_POINTER: u64 = 1024;
const LFS_START: &[u8] = b"version https://git-lfs.github.com/spec/";

/// Writes the content of `commit` to the empty folder `into`.
pub(super) fn write(
    repository: &Repository,
    commit: ObjectId,
    into: &Path,
    run: &Run,
) -> Result<Vec<Warning>, GitError> {
    let mut checkout = Checkout {
        repository,
        into,
        run,
        links: Vec::new(),
        warnings: Vec::new(),
    };
    let tree = repository
        .find_commit(commit)
        .and_then(|commit| Ok(commit.tree_id()?.detach()))
        .map_err(|error| damaged(&error, run))?;
    checkout.folder(tree, Path::new(""), 0)?;
    // Only now, so that nothing was written through one.
    for (path, target) in &checkout.links {
        run.check()?;
        link(&into.join(path), target).map_err(|error| refused(error, path))?;
    }
    Ok(checkout.warnings)
}

struct Checkout<'a> {
    repository: &'a Repository,
    into: &'a Path,
    run: &'a Run,
    links: Vec<(PathBuf, Vec<u8>)>,
    warnings: Vec<Warning>,
}

impl Checkout<'_> {
    /// Writes the entries of a folder, which is there.
    fn folder(&mut self, tree: ObjectId, path: &Path, depth: usize) -> Result<(), GitError> {
        if depth > DEPTH {
            return Err(GitError::TooDeep {
                path: path.to_path_buf(),
                limit: DEPTH,
            });
        }
        let tree = self
            .repository
            .find_tree(tree)
            .map_err(|error| damaged(&error, self.run))?;
        for entry in tree.iter() {
            self.run.check()?;
            let entry = entry.map_err(|error| damaged(&error, self.run))?.inner;
            let (kind, id) = (entry.mode.kind(), entry.oid.to_owned());
            let path = path.join(name(entry.filename, kind, path)?);
            match kind {
                EntryKind::Tree => {
                    self.run.count_file(0)?;
                    let made = fs::create_dir(self.into.join(&path));
                    made.map_err(|error| refused(error, &path))?;
                    self.folder(id, &path, depth + 1)?;
                }
                EntryKind::Blob => self.file(id, path, false)?,
                EntryKind::BlobExecutable => self.file(id, path, true)?,
                EntryKind::Link => {
                    let target = self.content(id)?;
                    if !stays_inside(&target, depth) {
                        return Err(GitError::LinkLeaves {
                            path,
                            target: target.to_str_lossy().into_owned(),
                        });
                    }
                    self.links.push((path, target));
                }
                EntryKind::Commit => self.warnings.push(Warning::Submodule(path)),
            }
        }
        Ok(())
    }

    fn file(&mut self, id: ObjectId, path: PathBuf, executable: bool) -> Result<(), GitError> {
        let content = self.content(id)?;
        let written = create(&self.into.join(&path), executable)
            .and_then(|mut file| file.write_all(&content));
        written.map_err(|error| refused(error, &path))?;
        if content.len() as u64 <= LFS_POINTER && content.starts_with(LFS_START) {
            self.warnings.push(Warning::LfsPointer(path));
        }
        Ok(())
    }

    /// The content of a file or the target of a link, counted before it is read.
    fn content(&self, id: ObjectId) -> Result<Vec<u8>, GitError> {
        let damaged = |error| damaged(&error, self.run);
        let size = self.repository.find_header(id).map_err(damaged)?.size();
        self.run.count_file(size)?;
        let limit = self.run.limits.object;
        if size > limit {
            return Err(GitError::TooLarge { limit });
        }
        let mut blob = self.repository.find_blob(id).map_err(damaged)?;
        Ok(blob.take_data())
    }
}

/// The name of an entry, if it is one and not git's own, on any system that ours may be.
fn name(name: &BStr, kind: EntryKind, folder: &Path) -> Result<PathBuf, GitError> {
    let options = component::Options {
        protect_windows: cfg!(windows),
        protect_hfs: true,
        protect_ntfs: true,
    };
    let mode = (kind == EntryKind::Link).then_some(component::Mode::Symlink);
    let refused = |why: String| GitError::BadName {
        path: folder.join(name.to_str_lossy().as_ref()),
        why,
    };
    gix::validate::path::component(name, mode, options)
        .map_err(|error| refused(error.to_string()))?;
    if name.contains(&0) {
        return Err(refused("there is a NUL in it".to_owned()));
    }
    gix::path::from_bstr(name)
        .map(std::borrow::Cow::into_owned)
        .map_err(|error| refused(error.to_string()))
}

/// Whether a link leads to what lies in the folder, whatever the others lead to.
///
/// It may climb before it descends, out of the folders that it lies in, which are folders and no
/// links. From there it passes through folders and through links of which the same is true. One that
/// climbs out of what it has descended to might do so out of what a link leads to.
fn stays_inside(target: &[u8], depth: usize) -> bool {
    if target.is_empty() || target.contains(&0) || target.starts_with(b"/") {
        return false;
    }
    if cfg!(windows) && (target.contains(&b'\\') || target.contains(&b':')) {
        return false;
    }
    let mut parts = target.split(|byte| *byte == b'/');
    let mut climbed = 0;
    let mut descended = false;
    parts.all(|part| match part {
        b"" | b"." => true,
        b".." => {
            climbed += 1;
            !descended && climbed <= depth
        }
        _ => {
            descended = true;
            true
        }
    })
}

fn create(path: &Path, executable: bool) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(if executable { 0o777 } else { 0o666 });
    }
    let _ = executable;
    options.open(path)
}

#[cfg(unix)]
fn link(path: &Path, target: &[u8]) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt as _;
    std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(target), path)
}

/// As git does where not everybody may make links.
#[cfg(not(unix))]
fn link(path: &Path, target: &[u8]) -> io::Result<()> {
    create(path, false)?.write_all(target)
}

/// What is wrong with an entry that could not be written.
fn refused(error: io::Error, path: &Path) -> GitError {
    match error.kind() {
        io::ErrorKind::AlreadyExists => GitError::Duplicate {
            path: path.to_path_buf(),
        },
        _ => GitError::at(path)(error),
    }
}
