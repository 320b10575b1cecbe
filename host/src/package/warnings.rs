//! What does not make a package invalid and should be mended all the same.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::contents::Contents;
use super::definition::{Kind, METADATA_KEY};
use super::error::is_absence;
use super::mime::MimeTypes;
use super::resolve::is_inside;
use super::search::DataDirs;
use super::shown::{Shown, ShownList};
use super::validity::Problem;

/// As many files and folders of a package as are looked at for links that leave it.
const MOST: usize = 20_000;

/// As many links as are named one by one.
const NAMED: usize = 20;

/// As many bytes as an id may have: file systems take 255, and a receipt's name ends with `.json`.
const MAX_ID: usize = 250;

/// Whether KPackage and Keyway install a package with that id: letters, digits, `_`, `-` and `.`,
/// no `-` or `.` first, no `.` last, no `..`, and not too long.
pub(crate) fn is_installable_id(id: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    id.bytes().next().is_some_and(is_word)
        && id
            .bytes()
            .all(|byte| is_word(byte) || matches!(byte, b'-' | b'.'))
        && !id.ends_with('.')
        && !id.contains("..")
        && id.len() <= MAX_ID
}

impl Contents {
    pub(super) fn warnings(&self, root: &Path, dirs: &DataDirs, problems: &mut Vec<Problem>) {
        self.id_warning(root, problems);
        self.kind_warnings(problems);
        self.mime_warnings(dirs, problems);
        if !self.definition.allow_external_paths() {
            link_warnings(root, problems);
        }
    }

    fn id_warning(&self, root: &Path, problems: &mut Vec<Problem>) {
        let Some(metadata) = &self.metadata else {
            return;
        };
        let Some(id) = metadata.view().id().filter(|id| !is_installable_id(id)) else {
            return;
        };
        let message = format!(
            "the id {} cannot be installed: letters, digits, `_`, `-` and `.` may stand in an id, \
             no `-` or `.` at its start, no `.` at its end, no `..`",
            Shown::new(id)
        );
        let problem = Problem::warning("id-refused", message).of_key(METADATA_KEY);
        problems.push(problem.at(metadata.file().unwrap_or(root)));
    }

    /// A key leads to a file where a folder belongs, or the other way round.
    fn kind_warnings(&self, problems: &mut Vec<Problem>) {
        for (key, entry) in self.definition.keys() {
            let Ok(path) = self.find(key, OsStr::new("")) else {
                continue;
            };
            let (expected, found) = match (entry.kind(), path.is_dir()) {
                (Kind::File, true) => ("file", "folder"),
                (Kind::Directory, false) => ("folder", "file"),
                _ => continue,
            };
            let message = format!("{} is a {found}, expected a {expected}", Shown::new(&*path));
            problems.push(
                Problem::warning("kind-differs", message)
                    .of_key(key)
                    .at(path),
            );
        }
    }

    /// Files whose name says that they are of a type that their key is not for.
    fn mime_warnings(&self, dirs: &DataDirs, problems: &mut Vec<Problem>) {
        let files = self.typed_files();
        if files.is_empty() {
            return;
        }
        let types = MimeTypes::read(dirs);
        for (key, path) in files {
            let name = path.file_name().and_then(OsStr::to_str);
            let Some(found) = name.and_then(|name| types.of_name(name)) else {
                continue;
            };
            let wanted = self.definition.mime_types(key);
            if wanted.iter().any(|wanted| types.is_a(found, wanted)) {
                continue;
            }
            let message = format!(
                "{} is of the type `{found}`, expected {}",
                Shown::new(&path),
                ShownList(wanted)
            );
            problems.push(
                Problem::warning("mime-type-differs", message)
                    .of_key(key)
                    .at(path),
            );
        }
    }

    /// The files of keys that have types. Files that have a key of their own count for that one.
    fn typed_files(&self) -> Vec<(&str, PathBuf)> {
        let mut files = Vec::new();
        let mut own = BTreeSet::new();
        for (key, entry) in self.definition.keys() {
            let path = self.find(key, OsStr::new(""));
            if let (Kind::File, Ok(path)) = (entry.kind(), &path) {
                own.insert(path.to_path_buf());
                if !self.definition.mime_types(key).is_empty() {
                    files.push((key, path.to_path_buf()));
                }
            }
        }
        for (key, entry) in self.definition.keys() {
            if entry.kind() != Kind::Directory || self.definition.mime_types(key).is_empty() {
                continue;
            }
            let below = self.entries(key).into_iter();
            let below = below.filter_map(|name| Some(self.find(key, &name).ok()?.into_owned()));
            files.extend(
                below
                    .filter(|path| !own.contains(path))
                    .map(|path| (key, path)),
            );
        }
        files
    }
}

/// Links that lead out of the package, or nowhere.
fn link_warnings(root: &Path, problems: &mut Vec<Problem>) {
    let mut named = 0;
    for link in links(root) {
        let (code, message) = match fs::canonicalize(&link) {
            Ok(real) if real == root || is_inside(root, &real) => continue,
            Ok(real) => {
                let (link, real) = (Shown::new(&link), Shown::new(&real));
                (
                    "link-leaves",
                    format!("{link} leads out of the package, to {real}"),
                )
            }
            Err(error) if is_absence(&error) => {
                let shown = Shown::new(&link);
                ("link-dangling", format!("{shown} leads to nothing"))
            }
            Err(error) => {
                let shown = Shown::new(&link);
                (
                    "link-dangling",
                    format!("{shown} cannot be followed: {error}"),
                )
            }
        };
        if named == NAMED {
            let message = format!("there are more links like the {NAMED} before");
            problems.push(Problem::warning("link-leaves", message).at(root));
            return;
        }
        named += 1;
        problems.push(Problem::warning(code, message).at(link));
    }
}

/// The links in a package, by name; folders that are links are not walked into.
fn links(root: &Path) -> Vec<PathBuf> {
    let mut links = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            seen += 1;
            if seen > MOST {
                links.sort_unstable();
                return links;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_symlink() => links.push(entry.path()),
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                _ => {}
            }
        }
    }
    links.sort_unstable();
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_cannot_be_installed() {
        for id in [
            "", ".", "..", "...", "-rf", ".a", "a.", "a..b", "a/b", "a b", "a\n", "ä", "a\0", "~",
        ] {
            assert!(!is_installable_id(id), "{id:?}");
        }
        for id in ["a", "_a", "org.kde.plasma-nm", "0", "A_b.C-d"] {
            assert!(is_installable_id(id), "{id:?}");
        }
    }
}
