//! Where packages are looked for.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::resolve::plain;

/// The folders that packages are installed in: the user's own, then those of the system.
///
/// A relative package root, such as `plasma/plasmoids/`, is taken below each of them in turn.
/// Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDirs {
    dirs: Arc<[PathBuf]>,
    user: Option<PathBuf>,
}

impl DataDirs {
    /// The user's folder, if there is one, and those of the system in order of preference.
    /// Folders whose path is not absolute do not count.
    #[must_use]
    pub fn new(user: Option<PathBuf>, system: impl IntoIterator<Item = PathBuf>) -> Self {
        let user = user.filter(|dir| dir.is_absolute());
        let dirs = user
            .clone()
            .into_iter()
            .chain(system.into_iter().filter(|dir| dir.is_absolute()))
            .collect();
        Self { dirs, user }
    }

    /// The folders that the XDG base directory specification names: `XDG_DATA_HOME`, else
    /// `~/.local/share`, then `XDG_DATA_DIRS`, else `/usr/local/share` and `/usr/share`. Of the
    /// variables only absolute paths count.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_values(
            env::var_os("XDG_DATA_HOME").as_deref(),
            env::var_os("XDG_DATA_DIRS").as_deref(),
            env::home_dir(),
        )
    }

    fn from_values(home: Option<&OsStr>, dirs: Option<&OsStr>, user_home: Option<PathBuf>) -> Self {
        let user = home
            .map(PathBuf::from)
            .filter(|dir| dir.is_absolute())
            .or_else(|| user_home.map(|dir| dir.join(".local/share")));
        let default = OsStr::new("/usr/local/share:/usr/share");
        let dirs = dirs.filter(|dirs| !dirs.is_empty()).unwrap_or(default);
        Self::new(user, env::split_paths(dirs))
    }

    /// The user's own folder, the one that is written to.
    #[must_use]
    pub fn user(&self) -> Option<&Path> {
        self.user.as_deref()
    }

    /// All folders, the user's first.
    pub fn iter(&self) -> impl Iterator<Item = &Path> {
        self.dirs.iter().map(PathBuf::as_path)
    }

    /// Where `path` may lie: itself if it is absolute, else below each folder, in order; without
    /// `.` and doubled slashes.
    pub(crate) fn places(&self, path: &Path) -> Vec<PathBuf> {
        if path.is_absolute() {
            return vec![plain(path)];
        }
        self.iter().map(|dir| plain(&dir.join(path))).collect()
    }
}

/// Where the package `asked` may lie, best place first.
///
/// As in KPackage 5.103, a relative path is taken below the type's default root in each data
/// folder, or directly in them if there is no root, and never below the current folder.
pub(super) fn candidates(
    dirs: &DataDirs,
    default_root: Option<&Path>,
    asked: &Path,
) -> Vec<PathBuf> {
    if asked.is_absolute() {
        return vec![asked.to_path_buf()];
    }
    match default_root {
        Some(root) => dirs.places(&root.join(asked)),
        None => dirs.places(asked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_values(home: Option<&str>, dirs: Option<&str>, user_home: Option<&str>) -> Vec<String> {
        DataDirs::from_values(
            home.map(OsStr::new),
            dirs.map(OsStr::new),
            user_home.map(PathBuf::from),
        )
        .iter()
        .map(|dir| dir.display().to_string())
        .collect()
    }

    #[test]
    #[cfg(unix)]
    fn only_absolute_folders_count() {
        assert_eq!(
            from_values(Some("rel"), Some("a::/b:./c:/d"), Some("/home/u")),
            ["/home/u/.local/share", "/b", "/d"]
        );
        assert_eq!(from_values(Some(""), Some("a"), None), [""; 0]);
        assert_eq!(
            DataDirs::new(Some("x".into()), ["y".into()]).iter().count(),
            0
        );
    }

    #[test]
    #[cfg(unix)]
    fn without_variables_the_specified_folders_count() {
        for dirs in [None, Some("")] {
            assert_eq!(
                from_values(None, dirs, Some("/home/u")),
                ["/home/u/.local/share", "/usr/local/share", "/usr/share"]
            );
        }
        assert_eq!(
            from_values(Some("/h"), Some("/s"), Some("/home/u")),
            ["/h", "/s"]
        );
    }

    #[test]
    #[cfg(unix)]
    fn names_are_taken_below_the_root_in_each_folder() {
        let dirs = DataDirs::new(Some("/h".into()), ["/s".into()]);
        let places = |root: Option<&str>, asked| {
            candidates(&dirs, root.map(Path::new), Path::new(asked))
                .iter()
                .map(|place| place.display().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(places(Some("a/b/"), "x"), ["/h/a/b/x", "/s/a/b/x"]);
        assert_eq!(places(None, "x"), ["/h/x", "/s/x"]);
        assert_eq!(places(Some("/abs/"), "x"), ["/abs/x"]);
        assert_eq!(places(Some("a/b/"), "/x"), ["/x"]);
        assert_eq!(dirs.user(), Some(Path::new("/h")));
    }
}
