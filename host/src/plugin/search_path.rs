//! Where plugins are looked for.

use std::fmt;
use std::path::{Path, PathBuf};

use keyway_abi::build;

use super::library::raised_privileges;

/// The variable that adds folders to the search path.
pub const PLUGIN_PATH_VARIABLE: &str = "KEYWAY_PLUGIN_PATH";

/// Where a folder of the search path comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FolderOrigin {
    /// The application named it.
    Application,
    /// The variable `KEYWAY_PLUGIN_PATH` names it.
    Environment,
    /// It is `plugins` beside the executable.
    Executable,
    /// It is the user's own.
    User,
    /// It is the system's.
    System,
}

impl fmt::Display for FolderOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Application => "application",
            Self::Environment => PLUGIN_PATH_VARIABLE,
            Self::Executable => "beside the executable",
            Self::User => "user",
            Self::System => "system",
        })
    }
}

/// One folder of the search path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchFolder {
    path: PathBuf,
    origin: FolderOrigin,
    skipped: Option<Skipped>,
}

/// Why a folder of the search path is not searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Skipped {
    /// The process runs with raised privileges, and whoever started it could choose the folder.
    RaisedPrivileges,
    /// The path is not absolute, so what it means depends on the current folder.
    NotAbsolute,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RaisedPrivileges => "not searched: this process has raised privileges",
            Self::NotAbsolute => "not searched: the path is not absolute",
        })
    }
}

impl SearchFolder {
    /// The folder, absolute. It need not exist.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it comes from.
    #[must_use]
    pub fn origin(&self) -> FolderOrigin {
        self.origin
    }

    /// Why it is not searched, if it is not.
    #[must_use]
    pub fn skipped(&self) -> Option<Skipped> {
        self.skipped
    }

    /// Whether it is searched.
    #[must_use]
    pub fn is_used(&self) -> bool {
        self.skipped.is_none()
    }
}

/// The folders in which plugins are looked for, in order: the first that has a type wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchPath {
    folders: Vec<SearchFolder>,
}

impl SearchPath {
    /// A search path of nothing but the folders that the application names. Relative ones are
    /// taken from the current folder, now.
    pub fn only<P: AsRef<Path>>(folders: impl IntoIterator<Item = P>) -> Self {
        let mut path = Self::default();
        for folder in folders {
            if let Ok(folder) = std::path::absolute(folder.as_ref()) {
                path.add(folder, FolderOrigin::Application, None);
            }
        }
        path
    }

    /// The folders that the application names, then those that every host searches:
    ///
    /// 1. those in `KEYWAY_PLUGIN_PATH`, absolute ones only, separated as in `PATH`;
    /// 2. `plugins` beside the executable;
    /// 3. `~/.local/lib/keyway/plugins`;
    /// 4. `/usr/local/lib/keyway/plugins`, `/usr/lib/<triple>/keyway/plugins` and
    ///    `/usr/lib/keyway/plugins`.
    ///
    /// With raised privileges (a setuid program, file capabilities) the variable and the user's
    /// folder are not searched, since whoever started the process could choose them; that is
    /// logged as a warning. An empty entry of the variable means nothing.
    pub fn standard<P: AsRef<Path>>(application: impl IntoIterator<Item = P>) -> Self {
        let raised = raised_privileges().then_some(Skipped::RaisedPrivileges);
        let mut path = Self::only(application);
        if let Some(variable) = std::env::var_os(PLUGIN_PATH_VARIABLE) {
            for folder in std::env::split_paths(&variable) {
                if folder.as_os_str().is_empty() {
                    continue;
                }
                let relative = (!folder.is_absolute()).then_some(Skipped::NotAbsolute);
                path.add(folder, FolderOrigin::Environment, raised.or(relative));
            }
        }
        let executable = std::env::current_exe().ok();
        if let Some(folder) = executable.as_deref().and_then(Path::parent) {
            path.add(folder.join("plugins"), FolderOrigin::Executable, None);
        }
        if let Some(folder) = user_plugins() {
            path.add(folder, FolderOrigin::User, raised);
        }
        for folder in system_plugins() {
            path.add(folder, FolderOrigin::System, None);
        }
        for folder in path.folders.iter().filter(|folder| !folder.is_used()) {
            let (path, origin) = (folder.path.display(), folder.origin);
            if let Some(why) = folder.skipped {
                tracing::warn!(%path, %origin, "plugin folder {why}");
            }
        }
        path
    }

    /// These folders after one that the application names.
    #[cfg(feature = "lifecycle")]
    pub(in crate::plugin) fn preceded_by(&self, folder: &Path) -> Self {
        let mut path = Self::only([folder]);
        for folder in &self.folders {
            path.add(folder.path.clone(), folder.origin, folder.skipped);
        }
        path
    }

    fn add(&mut self, path: PathBuf, origin: FolderOrigin, skipped: Option<Skipped>) {
        if self.folders.iter().all(|folder| folder.path != path) {
            self.folders.push(SearchFolder {
                path,
                origin,
                skipped,
            });
        }
    }

    /// The folders in order.
    #[must_use]
    pub fn folders(&self) -> &[SearchFolder] {
        &self.folders
    }
}

/// The user's own plugin folder, if there is a user with a home.
#[must_use]
pub fn user_plugins() -> Option<PathBuf> {
    let home = std::env::home_dir().filter(|home| home.is_absolute())?;
    Some(home.join(".local/lib/keyway/plugins"))
}

/// The system's plugin folders; the first one is the administrator's own.
#[must_use]
pub fn system_plugins() -> Vec<PathBuf> {
    if !cfg!(unix) {
        return Vec::new();
    }
    let multiarch = format!("/usr/lib/{}/keyway/plugins", multiarch_triple());
    let folders = [
        "/usr/local/lib/keyway/plugins",
        &multiarch,
        "/usr/lib/keyway/plugins",
    ];
    folders.map(PathBuf::from).to_vec()
}

/// Debian's form of the target triple: without the vendor.
fn multiarch_triple() -> String {
    let mut parts: Vec<&str> = build::TARGET.split('-').collect();
    if parts.len() == 4 {
        parts.remove(1);
    }
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_searched_once_and_in_order() {
        let path = SearchPath::only(["/b", "/a", "/b"]);
        let folders: Vec<_> = path.folders().iter().map(SearchFolder::path).collect();
        assert_eq!(folders, [Path::new("/b"), Path::new("/a")]);
    }

    #[test]
    fn the_system_folders_come_last() {
        let path = SearchPath::standard(["/mine"]);
        assert_eq!(path.folders()[0].origin(), FolderOrigin::Application);
        let last = path.folders().last().unwrap();
        assert_eq!(last.path(), Path::new("/usr/lib/keyway/plugins"));
    }
}
