//! Key and file name to path, never leaving the package.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::contents::Contents;
use super::definition::METADATA_KEY;
use super::error::{FileError, NameFault, is_absence};
use super::open::{Unlinked, is_unlinked};
use super::package::Package;

/// What became of one path that a file could have.
enum Candidate {
    Found(PathBuf),
    Missing,
    Unreadable(io::ErrorKind),
    Outside { found: PathBuf },
}

impl Candidate {
    /// What an error that hides the file says of it.
    fn none(error: &io::Error) -> Self {
        if is_absence(error) {
            Self::Missing
        } else {
            Self::Unreadable(error.kind())
        }
    }
}

/// Which packages of a row of fallbacks are valid, by their place in it. Each is asked once for a
/// question, or a long row would take for ever.
#[derive(Debug, Default)]
struct Verdicts(Vec<Option<bool>>);

impl Verdicts {
    fn get(&self, depth: usize) -> Option<bool> {
        self.0.get(depth).copied().flatten()
    }

    fn keep(&mut self, depth: usize, valid: bool) {
        if self.0.len() <= depth {
            self.0.resize(depth + 1, None);
        }
        self.0[depth] = Some(valid);
    }
}

/// What is asked for.
#[derive(Clone, Copy)]
struct Question<'a> {
    key: &'a str,
    name: &'a OsStr,
    /// Whether it is looked for also if it was found before.
    anew: bool,
}

/// A file that was found, and who has it: the package itself, or one of its fallbacks.
pub(super) struct Found<'a> {
    pub(super) path: Cow<'a, Path>,
    pub(super) owner: &'a Contents,
}

impl Contents {
    /// The path of the file `name` below `key`, or of `key` itself if `name` is empty, here or in
    /// the fallback package.
    pub(super) fn find(&self, key: &str, name: &OsStr) -> Result<Cow<'_, Path>, FileError> {
        let anew = false;
        let found = self.find_at(0, &mut Verdicts::default(), Question { key, name, anew })?;
        Ok(found.path)
    }

    /// As `find`, and looks for it also if it was found before.
    pub(super) fn find_anew(&self, key: &str, name: &OsStr) -> Result<Found<'_>, FileError> {
        let anew = true;
        self.find_at(0, &mut Verdicts::default(), Question { key, name, anew })
    }

    /// Whether it is valid as KPackage 5.103 means it: there is a folder, the metadata do not say
    /// that it is hidden, and every required key leads to something.
    pub(super) fn is_valid(&self) -> bool {
        self.is_valid_at(0, &mut Verdicts::default())
    }

    /// As `is_valid`, for the package at `depth` of a row of fallbacks.
    fn is_valid_at(&self, depth: usize, verdicts: &mut Verdicts) -> bool {
        if let Some(valid) = verdicts.get(depth) {
            return valid;
        }
        let mut is_there = |key| {
            let (name, anew) = (OsStr::new(""), false);
            let question = Question { key, name, anew };
            self.find_at(depth, verdicts, question).is_ok()
        };
        let valid = self.root.is_some()
            && !self.is_hidden()
            && self.namelessness().is_none()
            && self.definition.required_keys().all(&mut is_there);
        verdicts.keep(depth, valid);
        valid
    }

    fn find_at(
        &self,
        depth: usize,
        verdicts: &mut Verdicts,
        question: Question<'_>,
    ) -> Result<Found<'_>, FileError> {
        let Question { key, name, anew } = question;
        let owner = self;
        if !anew && let Some(path) = self.hits.get(key, name) {
            let path = Cow::Borrowed(path);
            return Ok(Found { path, owner });
        }
        let error = match self.find_here(key, name) {
            Ok(path) if anew => {
                self.hits.keep(key, name, path.clone());
                let path = Cow::Owned(path);
                return Ok(Found { path, owner });
            }
            Ok(path) => {
                let path = self.hits.keep(key, name, path);
                return Ok(Found { path, owner });
            }
            Err(error) => error,
        };
        // What describes a package is never another's.
        if key == METADATA_KEY {
            return Err(error);
        }
        let Some(fallback) = self.fallback.as_ref().map(Package::contents) else {
            return Err(error);
        };
        if !fallback.is_valid_at(depth + 1, verdicts) {
            return Err(error);
        }
        match (fallback.find_at(depth + 1, verdicts, question), error) {
            (Ok(found), _) => Ok(found),
            (Err(FileError::NotFound { tried: more }), FileError::NotFound { mut tried }) => {
                tried.extend(more);
                Err(FileError::NotFound { tried })
            }
            (Err(error @ FileError::Unreadable { .. }), FileError::NotFound { .. }) => Err(error),
            (Err(_), error) => Err(error),
        }
    }

    fn find_here(&self, key: &str, name: &OsStr) -> Result<PathBuf, FileError> {
        let root = self.root.as_deref().ok_or(FileError::NoPackage)?;
        check_name(name, self.definition.allow_external_paths())?;
        let no_path = [String::new()];
        let paths = match self.definition.key(key) {
            _ if key.is_empty() => &no_path,
            Some(entry) => entry.paths(),
            None => {
                return Err(FileError::UnknownKey {
                    key: key.to_owned(),
                });
            }
        };
        let mut tried = Vec::new();
        let (mut outside, mut unreadable) = (None, None);
        for prefix in self.definition.contents_prefix_paths() {
            let prefix = if key == METADATA_KEY { "" } else { prefix };
            for path in paths {
                let candidate = joined(root, prefix, path, name);
                match self.look(root, &candidate) {
                    Candidate::Found(path) => return Ok(path),
                    Candidate::Missing => {
                        let path = plain(&candidate);
                        if !tried.contains(&path) {
                            tried.push(path);
                        }
                    }
                    Candidate::Unreadable(kind) => {
                        let path = plain(&candidate);
                        unreadable.get_or_insert(FileError::Unreadable { path, kind });
                    }
                    Candidate::Outside { found } => {
                        let (key, path) = (key.to_owned(), plain(&candidate));
                        outside.get_or_insert(FileError::Outside { key, path, found });
                    }
                }
            }
        }
        Err(outside
            .or(unreadable)
            .unwrap_or(FileError::NotFound { tried }))
    }

    /// Looks whether something is at `path`, given as it was put together, and may be handed out.
    fn look(&self, root: &Path, path: &Path) -> Candidate {
        // In a path without links nothing leads outside: one look, instead of one for each part.
        let plain = plain(path);
        let external = self.definition.allow_external_paths();
        if !external && plain.as_os_str() != root.as_os_str() && !climbs(path) {
            if self.plain {
                // A listing saw that there is no link.
                return match fs::metadata(path) {
                    Ok(_) => Candidate::Found(plain),
                    Err(error) => Candidate::none(&error),
                };
            }
            match is_unlinked(path) {
                Unlinked::Yes => return Candidate::Found(plain),
                Unlinked::Missing => return Candidate::Missing,
                Unlinked::Unsure => {}
            }
        }
        if let Err(error) = fs::metadata(path) {
            return Candidate::none(&error);
        }
        let normal = match normalised(path) {
            Ok(normal) => normal,
            Err(error) => return Candidate::none(&error),
        };
        if external {
            return Candidate::Found(normal);
        }
        match fs::canonicalize(&normal) {
            Ok(real) if is_inside(root, &real) => Candidate::Found(normal),
            Ok(found) => Candidate::Outside { found },
            Err(error) => Candidate::none(&error),
        }
    }

    /// The names of the files below the directory `key`, ordered as KPackage 5.103 orders them;
    /// of a file key the paths that are there. No file that is hidden, that cannot be read or that
    /// lies outside the package.
    pub(super) fn entries(&self, key: &str) -> Vec<OsString> {
        let (Some(root), Some(entry)) = (self.root.as_deref(), self.definition.key(key)) else {
            return Vec::new();
        };
        let mut entries = Vec::new();
        for prefix in self.definition.contents_prefix_paths() {
            for path in entry.paths() {
                let candidate = joined(root, prefix, path, OsStr::new(""));
                if let Candidate::Found(path) = self.look(root, &candidate) {
                    match entry.kind() {
                        super::Kind::File => entries.push(path.into_os_string()),
                        super::Kind::Directory => self.list_files(root, &path, &mut entries),
                    }
                }
            }
        }
        entries
    }

    fn list_files(&self, root: &Path, folder: &Path, entries: &mut Vec<OsString>) {
        let Ok(files) = fs::read_dir(folder) else {
            return;
        };
        let mut names: Vec<OsString> = files
            .flatten()
            .filter(|file| self.is_listed(root, file))
            .map(|file| file.file_name())
            .collect();
        names.sort_by_cached_key(|name| (folded(name), name.clone()));
        entries.append(&mut names);
    }

    fn is_listed(&self, root: &Path, file: &fs::DirEntry) -> bool {
        if file.file_name().as_encoded_bytes().starts_with(b".") {
            return false;
        }
        let path = file.path();
        let Ok(metadata) = fs::metadata(&path) else {
            return false;
        };
        if !metadata.is_file() || !is_readable(&path, &metadata) {
            return false;
        }
        // Its folder lies inside, so only a link can lead away.
        let is_link = file.file_type().is_ok_and(|kind| kind.is_symlink());
        !is_link
            || self.definition.allow_external_paths()
            || fs::canonicalize(&path).is_ok_and(|real| is_inside(root, &real))
    }
}

/// Refuses names that could lead away. What is allowed to leave may have any name but one with a
/// NUL; an absolute one is then taken below the key, as KPackage 5.103 does.
fn check_name(name: &OsStr, external: bool) -> Result<(), FileError> {
    let refuse = |why| {
        Err(FileError::Name {
            name: name.to_owned(),
            why,
        })
    };
    if name.as_encoded_bytes().contains(&0) {
        return refuse(NameFault::Nul);
    }
    if external {
        return Ok(());
    }
    for component in Path::new(name).components() {
        match component {
            Component::ParentDir => return refuse(NameFault::ParentFolder),
            Component::RootDir | Component::Prefix(_) => return refuse(NameFault::Absolute),
            Component::CurDir | Component::Normal(_) => {}
        }
    }
    Ok(())
}

/// Puts a path together by putting text behind text: a definition's `/x` lies below the prefix,
/// and a slash behind a file's name keeps its meaning.
fn joined(root: &Path, prefix: &str, path: &str, name: &OsStr) -> PathBuf {
    let length = root.as_os_str().len() + prefix.len() + path.len() + name.len() + 2;
    let mut joined = OsString::with_capacity(length);
    joined.push(root);
    joined.push("/");
    joined.push(prefix);
    joined.push(path);
    if !name.is_empty() {
        joined.push("/");
        joined.push(name);
    }
    PathBuf::from(joined)
}

/// The same path without `.` and doubled slashes.
pub(crate) fn plain(path: &Path) -> PathBuf {
    // What is plain already is most often asked for, and taking paths apart is slow.
    let bytes = path.as_os_str().as_encoded_bytes();
    let odd = |pair: &[u8]| pair[0] == b'/' && matches!(pair[1], b'/' | b'.');
    if cfg!(unix) && !bytes.ends_with(b"/") && !bytes.windows(2).any(odd) {
        return path.to_path_buf();
    }
    path.components().collect()
}

/// The same path without `.`, `..` and doubled slashes. A `..` behind a link means the parent of
/// what the link leads to, so there the links are followed.
fn normalised(path: &Path) -> io::Result<PathBuf> {
    let mut normal = PathBuf::with_capacity(path.as_os_str().len());
    for component in path.components() {
        if component == Component::ParentDir {
            normal = fs::canonicalize(&normal)?;
            normal.pop();
        } else {
            normal.push(component);
        }
    }
    Ok(normal)
}

/// Whether there is a `..` in the path.
pub(super) fn climbs(path: &Path) -> bool {
    // Taking paths apart is slow, and most have no two dots in them.
    let bytes = path.as_os_str().as_encoded_bytes();
    let may = bytes.windows(2).any(|pair| pair == b"..");
    may && path.components().any(|part| part == Component::ParentDir)
}

/// Whether `path` lies below `root` and is not `root` itself; both canonical.
pub(super) fn is_inside(root: &Path, path: &Path) -> bool {
    path != root && path.starts_with(root)
}

/// The text by which KPackage 5.103 orders names: lower case, by UTF-16 units. Each character by
/// itself, or a sigma at a word's end would become another one than in Qt.
pub(super) fn folded(name: &OsStr) -> Vec<u16> {
    let mut units = Vec::with_capacity(name.len());
    for character in name.to_string_lossy().chars().flat_map(char::to_lowercase) {
        units.extend_from_slice(character.encode_utf16(&mut [0; 2]));
    }
    units
}

#[cfg_attr(not(unix), expect(unused_variables))]
fn is_readable(path: &Path, metadata: &fs::Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        const BY_EVERYBODY: u32 = 0o444;
        if metadata.mode() & BY_EVERYBODY == BY_EVERYBODY {
            return true;
        }
    }
    super::metadata::open_without_waiting(path).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(name: &str) -> Option<NameFault> {
        match check_name(OsStr::new(name), false) {
            Err(FileError::Name { why, .. }) => Some(why),
            _ => None,
        }
    }

    #[test]
    fn names_that_could_lead_away() {
        for (name, why) in [
            ("..", NameFault::ParentFolder),
            ("a/../b", NameFault::ParentFolder),
            ("a/..", NameFault::ParentFolder),
            ("/a", NameFault::Absolute),
            ("/", NameFault::Absolute),
            ("//a", NameFault::Absolute),
            ("a\0b", NameFault::Nul),
            ("\0", NameFault::Nul),
        ] {
            assert_eq!(refusal(name), Some(why), "{name:?}");
        }
        for name in [
            "", "a", "a/b", "./a", "a//b", "a/", "..a", "a..", "...", " ",
        ] {
            assert_eq!(refusal(name), None, "{name:?}");
        }
        assert!(check_name(OsStr::new("../x"), true).is_ok());
        assert!(check_name(OsStr::new("/x"), true).is_ok());
        assert!(check_name(OsStr::new("x\0"), true).is_err());
    }

    #[test]
    fn a_path_beside_the_package_is_not_inside() {
        let root = Path::new("/a/pkg");
        for path in ["/a/pkg", "/a/pkg-evil/x", "/a", "/"] {
            assert!(!is_inside(root, Path::new(path)), "{path}");
        }
        assert!(is_inside(root, Path::new("/a/pkg/x")));
    }

    #[test]
    fn parts_are_put_behind_each_other() {
        let root = Path::new("/r");
        for (prefix, path, name, whole) in [
            ("contents/", "ui", "", "/r/contents/ui"),
            (
                "contents/",
                "ui",
                "/etc/passwd",
                "/r/contents/ui//etc/passwd",
            ),
            ("", "/etc/passwd", "", "/r//etc/passwd"),
            ("/", "x/", "a/", "/r//x//a/"),
        ] {
            assert_eq!(
                joined(root, prefix, path, OsStr::new(name)).as_os_str(),
                whole
            );
        }
    }
}
