//! What a package says, and where its code is.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyway_metadata::threebot::{self, PackageToml};
use keyway_metadata::{TypeKind, TypeName};
use serde_json::{Map, Value};

use super::error::ManagerError;
use super::services::PackageStore;
use super::services::config::Given;
use super::services::packages::Others;
use crate::package::DataDirs;
use crate::package::metadata::{self, MetadataFiles};
use crate::plugin::{ContextAccess, Look, Refusal, ServiceOffer, look};

/// The folder of a package in which its own plugins lie.
pub(super) const PLUGINS: &str = "plugins";

/// What a package's `package.toml` says.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) toml: PackageToml,
    /// The whole file.
    pub(super) root: Map<String, Value>,
    /// What is not as it should be.
    pub(super) problems: Vec<String>,
}

impl Said {
    /// Reads the file of the package in `folder`.
    pub(super) fn read(folder: &Path, dirs: &DataDirs) -> Result<Self, ManagerError> {
        let bad = |why: String| ManagerError::BadPackage {
            path: folder.join(threebot::FILE_NAME),
            why,
        };
        let real = fs::canonicalize(folder).map_err(|error| ManagerError::BadPackage {
            path: folder.to_path_buf(),
            why: format!("it cannot be read: {error}"),
        })?;
        let found = metadata::find(&real, MetadataFiles::PackageToml, false, dirs);
        let metadata = match (found.metadata, found.trouble) {
            (Some(metadata), _) => metadata,
            (None, Some(trouble)) => return Err(bad(chain(&*trouble))),
            (None, None) => return Err(bad("it is not there".to_owned())),
        };
        let toml = PackageToml::of(metadata.document()).map_err(|error| bad(error.to_string()))?;
        let problems = metadata.problems().iter().map(ToString::to_string);
        let mut root = metadata.document().root().clone();
        // Those are said of the file, not in it.
        for key in ["KPlugin", "KPackageStructure"] {
            root.shift_remove(key);
        }
        Ok(Self {
            toml,
            root,
            problems: problems.collect(),
        })
    }

    /// As [`read`](Self::read), of the package `name`: one that calls itself something else by now is
    /// another one.
    pub(super) fn read_of(
        name: &str,
        folder: &Path,
        dirs: &DataDirs,
    ) -> Result<Self, ManagerError> {
        let said = Self::read(folder, dirs)?;
        if said.toml.name.as_str() != name {
            return Err(ManagerError::BadPackage {
                path: folder.join(threebot::FILE_NAME),
                why: format!("it is of `{}`, expected `{name}`", said.toml.name),
            });
        }
        Ok(said)
    }

    /// What the package's code gets: what its file says, and over it what was given.
    pub(super) fn kwargs(&self, given: &Map<String, Value>) -> Map<String, Value> {
        let mut kwargs = self.toml.install_kwargs.clone();
        for (key, value) in given {
            kwargs.insert(key.clone(), value.clone());
        }
        kwargs
    }
}

/// An error with what caused it.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        // Some say their cause themselves.
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

/// Which lifecycle drives the package in `folder`; `None` if it has none.
pub(super) fn type_of(said: &Said, folder: &Path) -> Result<Option<TypeName>, NoCode> {
    let choice = said.toml.lifecycle.as_ref();
    if let Some(name) = choice.and_then(|it| it.type_name.clone()) {
        return Ok(Some(name));
    }
    let mut found: Vec<(TypeName, PathBuf)> = Vec::new();
    let mut refused = None;
    for path in files(&folder.join(PLUGINS))? {
        match look(&path) {
            Look::Compatible(compatible) => {
                let types = &compatible.candidate().manifest().types;
                let lifecycles = types.iter().filter(|it| it.kind == TypeKind::Lifecycle);
                for given in lifecycles {
                    if found.iter().all(|(name, _)| *name != given.name) {
                        found.push((given.name.clone(), path.clone()));
                    }
                }
            }
            Look::Refused(why, _) => refused = refused.or(Some((path, why))),
            Look::Ignored(_) => {}
        }
    }
    match (&found[..], refused) {
        ([], None) => Ok(None),
        // Silently without code would be worse.
        ([], Some((path, why))) => Err(NoCode::Refused { path, why }),
        ([(only, _)], _) => Ok(Some(only.clone())),
        ([..], _) => Err(NoCode::Several(
            found.into_iter().map(|(name, _)| name).collect(),
        )),
    }
}

/// The files in a folder, by name; none if it is not there.
fn files(folder: &Path) -> Result<Vec<PathBuf>, NoCode> {
    let unreadable = |source| NoCode::Unreadable {
        path: folder.to_path_buf(),
        source,
    };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(unreadable)?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(unreadable)?.path());
    }
    paths.retain(|path| path.is_file());
    paths.sort();
    Ok(paths)
}

/// Why it is not known which code a package has.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoCode {
    #[error("its folder `{PLUGINS}` has several lifecycles, and `[lifecycle] type` in its package.toml names none of them: {}", names(.0))]
    Several(Vec<TypeName>),
    #[error("the plugin `{}` is refused: {why}", path.display())]
    Refused { path: PathBuf, why: Arc<Refusal> },
    #[error("`{}` cannot be read: {source}", path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("its package.toml asks for `isolation = \"process\"`, which this host does not have")]
    Isolation,
    #[error("all packages are to be isolated, and there is no worker for that")]
    NoWorker,
}

impl NoCode {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Several(_) => "lifecycle-ambiguous",
            Self::Refused { .. } => "plugin-refused",
            Self::Unreadable { .. } => "io",
            Self::Isolation | Self::NoWorker => "isolation-not-here",
        }
    }
}

fn names(types: &[TypeName]) -> String {
    let names: Vec<_> = types.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// What a lifecycle may ask about its package.
pub(super) struct Context {
    pub(super) package_root: PathBuf,
    pub(super) data_dir: PathBuf,
    pub(super) install_kwargs: String,
    pub(super) package_toml: String,
    /// `None` if its name allows none.
    pub(super) store: Option<Arc<PackageStore>>,
    pub(super) given: Arc<Given>,
    pub(super) others: Arc<Others>,
    #[cfg(unix)]
    pub(super) processes: Arc<dyn keyway_abi::ProcessAccess>,
    #[cfg(feature = "git")]
    pub(super) fetches: Arc<super::services::fetch::Fetches>,
}

impl ContextAccess for Context {
    fn package_root(&self) -> PathBuf {
        self.package_root.clone()
    }

    fn data_dir(&self) -> PathBuf {
        self.data_dir.clone()
    }

    fn install_kwargs(&self) -> String {
        self.install_kwargs.clone()
    }

    fn package_toml(&self) -> String {
        self.package_toml.clone()
    }

    fn service(&self, name: &str, version: u32) -> Option<ServiceOffer> {
        match (name, version) {
            ("keyway.store", 1) => {
                let store = self.store.as_ref()?;
                Some(ServiceOffer::store(Arc::clone(store) as _))
            }
            ("keyway.config", 1) => Some(ServiceOffer::config(Arc::clone(&self.given) as _)),
            ("keyway.packages", 1) => Some(ServiceOffer::packages(Arc::clone(&self.others) as _)),
            #[cfg(unix)]
            ("keyway.process", 1) => Some(ServiceOffer::process(Arc::clone(&self.processes))),
            #[cfg(feature = "git")]
            ("keyway.fetch", 1) => Some(ServiceOffer::fetch(Arc::clone(&self.fetches) as _)),
            _ => None,
        }
    }
}
