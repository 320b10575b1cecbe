//! Type names and who defines them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use keyway_abi::ContextAccess;
use keyway_metadata::{GivenType, TypeKind, TypeName};
use keyway_plugin::PackageStructure;

use super::catalog::{Catalog, Winner};
use super::library::{Library, LoadError, Plugin};
use super::lifecycle::Lifecycle;
use super::refusal::Refusal;
use super::search_path::{SearchFolder, SearchPath};
use super::single_flight::{Cycle, SingleFlight};
use super::structure::Structure;

/// Resolves type names to the plugins that define them, and loads those on first use.
///
/// Cheap to clone; all clones are one registry. Looking, listing and resolving run nothing of any
/// plugin; [`structure`](Self::structure) and [`lifecycle`](Self::lifecycle) load the one plugin
/// that wins. A loaded plugin stays loaded as long as the process.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    search_path: SearchPath,
    known: RwLock<BTreeMap<TypeName, Structure>>,
    catalog: RwLock<Option<Arc<Catalog>>>,
    libraries: SingleFlight<PathBuf, Plugin>,
    structures: SingleFlight<TypeName, Structure>,
}

/// A registry without plugins, for applications that register all their structures themselves.
impl Default for Registry {
    fn default() -> Self {
        Self::new(SearchPath::default())
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("search_path", &self.0.search_path)
            .finish_non_exhaustive()
    }
}

/// Why a type name does not lead to a type.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// No plugin gives the type, or none that may be loaded.
    #[error("no plugin gives the {kind} `{type_name}`")]
    Unknown {
        /// The type's name.
        type_name: TypeName,
        /// What was asked for.
        kind: TypeKind,
        /// What the search saw.
        search: Box<Search>,
    },
    /// Two plugins in one folder give the type.
    #[error("two plugins give the {kind} `{type_name}`: `{}` and `{}`", first.display(), second.display())]
    Conflict {
        /// The type's name.
        type_name: TypeName,
        /// What was asked for.
        kind: TypeKind,
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// The type is just being made by the one who asks for it.
    #[error("the type `{type_name}` asks for itself while it is being loaded")]
    Cycle {
        /// The type's name.
        type_name: TypeName,
    },
    /// The plugin that gives the type cannot be used.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// Where a type was looked for, and what was passed over.
#[derive(Clone, Debug)]
pub struct Search {
    /// The folders, in order.
    pub folders: Vec<SearchFolder>,
    /// The files that name the type but must not be loaded.
    pub refused: Vec<(PathBuf, Arc<Refusal>)>,
    /// Names of types that there are, nearest first, if any is near.
    pub nearest: Vec<TypeName>,
}

impl ResolveError {
    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown-type",
            Self::Conflict { .. } => "conflict",
            Self::Cycle { .. } => "cycle",
            Self::Load(error) => error.code(),
        }
    }

    /// More about it, a line each.
    #[must_use]
    pub fn details(&self) -> Vec<String> {
        match self {
            Self::Unknown { search, .. } => search
                .refused
                .iter()
                .map(|(path, why)| format!("refused `{}`: {why}", path.display()))
                .chain(search.folders.iter().map(|folder| {
                    let (path, origin) = (folder.path().display(), folder.origin());
                    format!("searched `{path}` ({origin})")
                }))
                .collect(),
            Self::Load(error) => error.details(),
            _ => Vec::new(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { search, .. } => Some(match search.nearest.as_slice() {
                [] => match search.refused.first() {
                    Some((_, why)) => why.hint().to_owned(),
                    None => "put the plugin that gives it into one of these folders".to_owned(),
                },
                nearest => {
                    let names: Vec<_> = nearest.iter().map(|name| format!("`{name}`")).collect();
                    format!("did you mean {}?", names.join(" or "))
                }
            }),
            Self::Conflict { .. } => Some("remove one of them".to_owned()),
            Self::Cycle { .. } => None,
            Self::Load(error) => error.hint().map(str::to_owned),
        }
    }
}

impl Registry {
    /// A registry over the plugins in `search_path`. Nothing is read before it is asked for.
    #[must_use]
    pub fn new(search_path: SearchPath) -> Self {
        Self(Arc::new(Inner {
            search_path,
            known: RwLock::default(),
            catalog: RwLock::default(),
            libraries: SingleFlight::default(),
            structures: SingleFlight::default(),
        }))
    }

    /// The folders in which plugins are looked for.
    #[must_use]
    pub fn search_path(&self) -> &SearchPath {
        &self.0.search_path
    }

    /// Registers a structure that is linked into the application, before any plugin's. Another one
    /// of that name is replaced.
    pub fn add_known(&self, type_name: TypeName, structure: Arc<dyn PackageStructure>) {
        let structure = Structure::known(type_name.clone(), structure);
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(type_name, structure);
    }

    /// The structures that the application registered.
    #[must_use]
    pub fn known(&self) -> Vec<Structure> {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        known.values().cloned().collect()
    }

    /// What lies in the plugin folders, read once until [`refresh`](Self::refresh).
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        let read = || {
            self.0
                .catalog
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .clone()
        };
        if let Some(catalog) = read() {
            return catalog;
        }
        let mut slot = self
            .0
            .catalog
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slot.get_or_insert_with(|| Arc::new(Catalog::scan(&self.0.search_path))))
    }

    /// Forgets what was read of the plugin folders. Plugins that are loaded stay loaded and keep
    /// their types.
    pub fn refresh(&self) {
        *self
            .0
            .catalog
            .write()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The names of all structures, of plugins and of the application.
    #[must_use]
    pub fn type_names(&self) -> BTreeSet<TypeName> {
        let mut names = self.catalog().type_names(&TypeKind::Structure);
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        names.extend(known.keys().cloned());
        names
    }

    /// The plugins that this registry has loaded.
    #[must_use]
    pub fn loaded(&self) -> Vec<Plugin> {
        self.0.libraries.values()
    }

    /// The structure `type_name`: of the application, or of the plugin that wins, which is loaded
    /// if it is not yet.
    ///
    /// # Errors
    ///
    /// [`ResolveError`]: nobody gives it, two do, or its plugin cannot be used.
    pub fn structure(&self, type_name: &TypeName) -> Result<Structure, ResolveError> {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(structure) = known.get(type_name) {
            return Ok(structure.clone());
        }
        drop(known);
        let made = self.0.structures.get_or_make(type_name, || {
            let plugin = self.plugin(type_name, &TypeKind::Structure)?;
            Ok(plugin.structure(type_name)?)
        });
        made.unwrap_or_else(|Cycle| {
            Err(ResolveError::Cycle {
                type_name: type_name.clone(),
            })
        })
    }

    /// A new lifecycle `type_name` for the package that `context` tells about.
    ///
    /// # Errors
    ///
    /// [`ResolveError`]: nobody gives it, two do, or its plugin cannot be used.
    pub fn lifecycle(
        &self,
        type_name: &TypeName,
        context: Box<dyn ContextAccess>,
    ) -> Result<Lifecycle, ResolveError> {
        let plugin = self.plugin(type_name, &TypeKind::Lifecycle)?;
        Ok(plugin.lifecycle(type_name, context)?)
    }

    /// The plugin that gives `type_name`, loaded.
    fn plugin(&self, type_name: &TypeName, kind: &TypeKind) -> Result<Plugin, ResolveError> {
        let catalog = self.catalog();
        let given = GivenType {
            name: type_name.clone(),
            kind: kind.clone(),
        };
        let compatible = match catalog.winner(&given) {
            Winner::One(compatible) => compatible,
            Winner::Conflict(first, second) => {
                return Err(ResolveError::Conflict {
                    type_name: given.name,
                    kind: given.kind,
                    first: first.to_path_buf(),
                    second: second.to_path_buf(),
                });
            }
            Winner::Nobody => {
                return Err(ResolveError::Unknown {
                    search: Box::new(self.search(&catalog, &given)),
                    type_name: given.name,
                    kind: given.kind,
                });
            }
        };
        let path = compatible.candidate().path().to_path_buf();
        let loaded = self.0.libraries.get_or_make(&path, || {
            Library::open(compatible)?
                .attach()
                .map_err(ResolveError::from)
        });
        loaded.unwrap_or_else(|Cycle| {
            Err(ResolveError::Cycle {
                type_name: type_name.clone(),
            })
        })
    }

    fn search(&self, catalog: &Catalog, given: &GivenType) -> Search {
        let mut names = catalog.type_names(&given.kind);
        if given.kind == TypeKind::Structure {
            names.extend(self.type_names());
        }
        Search {
            folders: catalog.folders().to_vec(),
            refused: catalog.refused(given),
            nearest: nearest(&given.name, names),
        }
    }
}

/// The names that somebody may have meant, at most three.
fn nearest(asked: &TypeName, names: BTreeSet<TypeName>) -> Vec<TypeName> {
    let asked = asked.as_str().to_lowercase();
    let mut near: Vec<(usize, TypeName)> = names
        .into_iter()
        .map(|name| {
            let distance = strsim::damerau_levenshtein(&asked, &name.as_str().to_lowercase());
            (distance, name)
        })
        .filter(|(distance, _)| *distance <= asked.len().div_ceil(4))
        .collect();
    near.sort();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}
