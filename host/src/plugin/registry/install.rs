//! Putting plugins into a plugin folder, and taking them out.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::catalog::is_library_name;
use crate::plugin::gates::candidate::{Look, look};
use crate::plugin::gates::refusal::{NotAPlugin, Refusal};

/// Why a plugin was not installed or removed; nothing has changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallPluginError {
    /// The file is no plugin.
    #[error("`{}` is no plugin: {why}", path.display())]
    NotAPlugin {
        /// The file.
        path: PathBuf,
        /// Why.
        why: NotAPlugin,
    },
    /// The plugin would be refused.
    #[error("`{}` is refused: {why}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        why: Arc<Refusal>,
    },
    /// The file's name does not end as those of libraries do, so nobody would look at it.
    #[error("`{}` would not be found: its name must end in `{}` and not begin with a dot", path.display(), std::env::consts::DLL_SUFFIX)]
    Name {
        /// The file.
        path: PathBuf,
    },
    /// No plugin of that id lies in the folder.
    #[error("there is no plugin `{}` in `{}`", id.escape_debug(), folder.display())]
    NotThere {
        /// The id.
        id: String,
        /// The folder.
        folder: PathBuf,
    },
    /// The file system says no.
    #[error("cannot write `{}`", path.display())]
    Io {
        /// What was to be written.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl InstallPluginError {
    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAPlugin { why, .. } => why.code(),
            Self::Refused { why, .. } => why.code(),
            Self::Name { .. } => "bad-file-name",
            Self::NotThere { .. } => "plugin-not-found",
            Self::Io { .. } => "io",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused { why, .. } => Some(why.hint()),
            Self::NotThere { .. } => {
                Some("see `keyway plugins` for the ids and where they lie".to_owned())
            }
            Self::NotAPlugin { .. } | Self::Name { .. } | Self::Io { .. } => None,
        }
    }
}

/// Copies the plugin `file` into `folder`, which is made if it is not there, and gives its path.
///
/// The gates that need no code of it to run look at it first. The copy is complete before it gets
/// its name, by rename: a plugin of that name that is in use stays whole for those who use it.
///
/// # Errors
///
/// [`InstallPluginError`]; the folder is then as it was.
pub fn install_plugin(file: &Path, folder: &Path) -> Result<PathBuf, InstallPluginError> {
    let name = file.file_name().unwrap_or_default();
    if !is_library_name(name) {
        let path = file.to_path_buf();
        return Err(InstallPluginError::Name { path });
    }
    check(file, file)?;
    let to = folder.join(name);
    let io = |source| InstallPluginError::Io {
        path: to.clone(),
        source,
    };
    fs::create_dir_all(folder).map_err(io)?;
    let mut temporary = tempfile::Builder::new()
        .prefix(".installing-")
        .suffix(std::env::consts::DLL_SUFFIX)
        .tempfile_in(folder)
        .map_err(io)?;
    let mut source = fs::File::open(file).map_err(io)?;
    io::copy(&mut source, &mut temporary).map_err(io)?;
    // What was copied is what counts: the file may have changed meanwhile.
    check(temporary.path(), file)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::Permissions::from_mode(0o644);
        temporary.as_file().set_permissions(mode).map_err(io)?;
    }
    temporary.as_file().sync_all().map_err(io)?;
    temporary.persist(&to).map_err(|error| io(error.error))?;
    Ok(to)
}

/// Whether the gates would take the file, which people know as `shown`.
fn check(file: &Path, shown: &Path) -> Result<(), InstallPluginError> {
    let path = shown.to_path_buf();
    match look(file) {
        Look::Compatible(_) => Ok(()),
        Look::Refused(why, _) => Err(InstallPluginError::Refused { path, why }),
        Look::Ignored(why) => Err(InstallPluginError::NotAPlugin { path, why }),
    }
}

/// Removes the plugin `id` from `folder`, in all versions that lie there, also those that would be
/// refused; gives their paths. Processes that use it keep it.
///
/// # Errors
///
/// [`InstallPluginError`]: there is none, or it cannot be removed.
pub fn remove_plugin(id: &str, folder: &Path) -> Result<Vec<PathBuf>, InstallPluginError> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .filter(|entry| is_library_name(&entry.file_name()))
        .map(|entry| entry.path())
        .filter(|path| match look(path) {
            Look::Compatible(compatible) => compatible.candidate().manifest().id == id,
            Look::Refused(_, Some(candidate)) => candidate.manifest().id == id,
            Look::Refused(_, None) | Look::Ignored(_) => false,
        })
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(InstallPluginError::NotThere {
            id: id.to_owned(),
            folder: folder.to_path_buf(),
        });
    }
    for path in &files {
        fs::remove_file(path).map_err(|source| InstallPluginError::Io {
            path: path.clone(),
            source,
        })?;
    }
    Ok(files)
}
