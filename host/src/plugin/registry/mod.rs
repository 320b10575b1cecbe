//! Type names and who defines them.

pub(in crate::plugin) mod catalog;
#[cfg(all(unix, feature = "lifecycle"))]
pub(in crate::plugin) mod elsewhere;
pub(in crate::plugin) mod explain;
pub(in crate::plugin) mod install;
#[cfg(feature = "lifecycle")]
mod preceded;
pub(in crate::plugin) mod probe;
pub(in crate::plugin) mod resolve_error;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use keyway_abi::{ContextAccess, build};
use keyway_metadata::{GivenType, TypeKind, TypeName};
use keyway_plugin::PackageStructure;

use crate::plugin::file::identity::{self, FileIdentity};
use crate::plugin::gates::candidate::{Candidate, Compatible, Look};
use crate::plugin::gates::refusal::Refusal;
use crate::plugin::gates::{Admitted, Gates, Known};
use crate::plugin::library::{Library, LoadError, Plugin};
use crate::plugin::loaded::lifecycle::Lifecycle;
use crate::plugin::loaded::structure::Structure;
use crate::plugin::places;
use crate::plugin::search_path::{FolderOrigin, SearchPath};
use crate::plugin::store::index::{Index, Indexed, LEAST_FILES};
use crate::plugin::store::quarantine::Quarantine;
use crate::plugin::store::verdicts::{RememberedVerdict, Verdicts};
use crate::plugin::trust::Policy;
use crate::single_flight::{Cycle, SingleFlight};
use catalog::{Catalog, FolderScan, Found, Winner};
use probe::Probe;
use resolve_error::{ResolveError, Search};

/// The variable that keeps a host from loading any plugin.
pub const SAFE_MODE_VARIABLE: &str = "KEYWAY_SAFE_MODE";

/// Resolves type names to the plugins that define them, and loads those on first use.
///
/// Cheap to clone; all clones are one registry. Looking, listing and resolving run nothing of any
/// plugin; [`structure`](Self::structure) and [`lifecycle`](Self::lifecycle) load the one plugin
/// that wins. A loaded plugin stays loaded as long as the process.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    search_path: SearchPath,
    gates: Gates,
    cache: Option<PathBuf>,
    index: Option<Index>,
    verdicts: Verdicts,
    safe_mode: bool,
    probe: Option<Probe>,
    /// Vendors whose types only the application gives.
    reserved: BTreeSet<String>,
    known: RwLock<BTreeMap<TypeName, Structure>>,
    /// What was scanned, by place in the search path.
    scans: RwLock<HashMap<usize, Arc<FolderScan>>>,
    /// Shared with registries that search other folders, too: a library is attached once.
    libraries: Arc<SingleFlight<(PathBuf, FileIdentity), Plugin>>,
    structures: SingleFlight<TypeName, Structure>,
}

/// Makes a [`Registry`] that differs from the usual one.
#[derive(Debug)]
pub struct RegistryBuilder {
    search_path: SearchPath,
    cache: Option<PathBuf>,
    state: Option<PathBuf>,
    safe_mode: bool,
    probe: Option<Probe>,
    policy: Policy,
    reserved: BTreeSet<String>,
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

impl RegistryBuilder {
    /// Keeps indexes and listings in `folder`; `None` keeps none. The default is
    /// [`cache_dir`](super::cache_dir).
    #[must_use]
    pub fn cache_dir(mut self, folder: Option<PathBuf>) -> Self {
        self.cache = folder;
        self
    }

    /// Keeps quarantine and verdicts in `folder`; `None` keeps none. The default is
    /// [`state_dir`](super::state_dir).
    #[must_use]
    pub fn state_dir(mut self, folder: Option<PathBuf>) -> Self {
        self.state = folder;
        self
    }

    /// Loads no plugin at all; structures that the application registers still work. The default
    /// is whether `KEYWAY_SAFE_MODE` is set to something other than `0`.
    #[must_use]
    pub fn safe_mode(mut self, safe_mode: bool) -> Self {
        self.safe_mode = safe_mode;
        self
    }

    /// Keeps a vendor's name, the part of a type name before the slash, for structures that the
    /// application registers: no plugin is asked for types of that vendor.
    #[must_use]
    pub fn reserve_vendor(mut self, vendor: impl Into<String>) -> Self {
        self.reserved.insert(vendor.into());
        self
    }

    /// Whose files may be loaded. The default lets nobody but root and the caller decide.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Tries each plugin in a process of its own before it is loaded here. A helper that cannot be
    /// run is an error: nothing is loaded untried then. The default is no probe.
    #[must_use]
    pub fn probe(mut self, probe: Option<Probe>) -> Self {
        self.probe = probe;
        self
    }

    /// The registry. Nothing is read before it is asked for.
    #[must_use]
    pub fn build(self) -> Registry {
        // Whose verdicts an index holds: of another border, platform, user or policy they may differ.
        let key = format!(
            "{} {} {} {} {}",
            build::TARGET,
            build::ABI_DIGEST,
            env!("CARGO_PKG_VERSION"),
            effective_user(),
            self.policy.fingerprint(),
        );
        let gates = Gates {
            policy: self.policy,
            quarantine: Quarantine::new(self.state.as_ref().map(|it| it.join("quarantine"))),
        };
        Registry(Arc::new(Inner {
            search_path: self.search_path,
            gates,
            index: self.cache.clone().map(|cache| Index::new(cache, key)),
            cache: self.cache,
            verdicts: Verdicts::new(self.state.map(|it| it.join("verdicts"))),
            safe_mode: self.safe_mode,
            probe: self.probe,
            reserved: self.reserved,
            known: RwLock::default(),
            scans: RwLock::default(),
            libraries: Arc::default(),
            structures: SingleFlight::default(),
        }))
    }
}

impl Registry {
    /// A registry over the plugins in `search_path`. Nothing is read before it is asked for.
    #[must_use]
    pub fn new(search_path: SearchPath) -> Self {
        Self::builder(search_path).build()
    }

    /// A registry over the plugins in `search_path`, to be changed before it is built.
    #[must_use]
    pub fn builder(search_path: SearchPath) -> RegistryBuilder {
        let safe = std::env::var_os(SAFE_MODE_VARIABLE);
        RegistryBuilder {
            search_path,
            cache: places::cache_dir(),
            state: places::state_dir(),
            safe_mode: safe.is_some_and(|value| !value.is_empty() && value != "0"),
            probe: None,
            policy: Policy::default(),
            reserved: BTreeSet::new(),
        }
    }

    /// The folders in which plugins are looked for.
    #[must_use]
    pub fn search_path(&self) -> &SearchPath {
        &self.0.search_path
    }

    /// Where may be kept what can be learned again.
    pub(crate) fn cache_dir(&self) -> Option<&Path> {
        self.0.cache.as_deref()
    }

    /// Plugins that ended a process while they were loaded.
    #[must_use]
    pub fn quarantine(&self) -> &Quarantine {
        &self.0.gates.quarantine
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
    pub fn catalog(&self) -> Catalog {
        let folders = 0..self.0.search_path.folders().len();
        let scan = |folder| self.scan(folder, &self.known_now(folder));
        Catalog::of(folders.map(scan).collect())
    }

    /// What loading the file found out earlier, in this process or another one.
    #[must_use]
    pub fn remembered(&self, file: &Found) -> Option<RememberedVerdict> {
        match file.look() {
            Look::Compatible(compatible) => {
                let candidate = compatible.candidate();
                self.0.verdicts.get(candidate.path(), candidate.identity())
            }
            _ => None,
        }
    }

    /// Forgets what was read of the plugin folders, and who gave which type. Plugins that are
    /// loaded stay loaded; who asks for a type again gets it from the plugin that wins now, also
    /// if that is a later generation of the same file.
    pub fn refresh(&self) {
        let mut scans = self.0.scans.write().unwrap_or_else(PoisonError::into_inner);
        scans.clear();
        drop(scans);
        self.0.structures.clear();
    }

    /// The names of all structures, of plugins and of the application.
    #[must_use]
    pub fn type_names(&self) -> BTreeSet<TypeName> {
        let mut names = self.catalog().type_names(&TypeKind::Structure);
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        names.extend(known.keys().cloned());
        names
    }

    /// The plugins that this registry has loaded, in no order.
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
            let plugin = self.plugin(type_name, TypeKind::Structure)?;
            let made = plugin.structure(type_name);
            self.remember(&plugin, made.as_ref().err());
            Ok(made?)
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
        let plugin = self.plugin(type_name, TypeKind::Lifecycle)?;
        let made = plugin.lifecycle(type_name, context);
        self.remember(&plugin, made.as_ref().err());
        Ok(made?)
    }

    /// The plugin that would be loaded for a type now: it has passed every gate before loading.
    /// Nothing of it is run.
    ///
    /// # Errors
    ///
    /// [`ResolveError`]: nobody gives the type, or two do.
    pub fn resolve(&self, type_name: &TypeName, kind: TypeKind) -> Result<Candidate, ResolveError> {
        let given = GivenType {
            name: type_name.clone(),
            kind,
        };
        Ok(self.find(&given)?.into_candidate())
    }

    /// The plugin that gives a type, loaded.
    fn plugin(&self, type_name: &TypeName, kind: TypeKind) -> Result<Plugin, ResolveError> {
        let given = GivenType {
            name: type_name.clone(),
            kind,
        };
        if self.0.safe_mode {
            return Err(ResolveError::SafeMode {
                type_name: given.name,
                kind: given.kind,
            });
        }
        let loaded = self.load(&self.find(&given)?);
        loaded.map_err(|error| match error {
            ResolveError::FileCycle { .. } => ResolveError::Cycle {
                type_name: type_name.clone(),
            },
            error => error,
        })
    }

    /// An admitted plugin, loaded.
    fn load(&self, admitted: &Admitted) -> Result<Plugin, ResolveError> {
        let candidate = admitted.candidate();
        let key = (candidate.path().to_path_buf(), *candidate.identity());
        let loaded = self.0.libraries.get_or_make(&key, || {
            if let Some(probe) = &self.0.probe {
                probe
                    .run(candidate.path())
                    .map_err(|source| LoadError::Probe {
                        path: candidate.path().to_path_buf(),
                        source,
                    })?;
            }
            let again = self.loaded().iter().any(|it| it.path() == candidate.path());
            let loaded = Library::load(admitted, &self.0.gates, again);
            if let Err(error) = &loaded {
                let (path, identity) = (candidate.path(), candidate.identity());
                if error.is_about_the_file() {
                    let (code, message) = (error.code(), error.to_string());
                    self.0.verdicts.put(path, identity, code, message);
                }
            }
            loaded.map_err(ResolveError::from)
        });
        loaded.unwrap_or_else(|Cycle| {
            Err(ResolveError::FileCycle {
                path: candidate.path().to_path_buf(),
            })
        })
    }

    /// Remembers what a plugin did when it was asked for a type.
    fn remember(&self, plugin: &Plugin, error: Option<&LoadError>) {
        let (path, identity) = (plugin.path(), plugin.identity());
        match error {
            None => self.0.verdicts.forget(path),
            Some(error) if error.is_about_the_file() => {
                let (code, message) = (error.code(), error.to_string());
                self.0.verdicts.put(path, identity, code, message);
            }
            Some(_) => {}
        }
    }

    /// Loads the plugin at `path`, which need not win any type.
    pub(in crate::plugin) fn load_file(&self, path: &Path) -> Result<Plugin, ResolveError> {
        self.load_file_from(path, FolderOrigin::Application, None)
    }

    /// The same, of a folder of that origin, and if it still is that very file.
    fn load_file_from(
        &self,
        path: &Path,
        origin: FolderOrigin,
        identity: Option<&FileIdentity>,
    ) -> Result<Plugin, ResolveError> {
        let gates = &self.0.gates;
        let refused = |why| ResolveError::NotAdmitted {
            path: path.to_path_buf(),
            why,
        };
        let known = gates.known(path.parent().unwrap_or(path), origin);
        match gates.look(path, &known) {
            Look::Compatible(compatible) => {
                if identity.is_some_and(|it| it != compatible.candidate().identity()) {
                    return Err(refused(Arc::new(Refusal::Changed)));
                }
                let admitted = gates.admit(&compatible, &known).map_err(refused)?;
                self.load(&admitted)
            }
            Look::Refused(why, _) => Err(refused(why)),
            Look::Ignored(why) => Err(ResolveError::NotAPlugin {
                path: path.to_path_buf(),
                why,
            }),
        }
    }

    /// Who gives a type, admitted by all gates.
    fn find(&self, given: &GivenType) -> Result<Admitted, ResolveError> {
        if self.0.reserved.contains(given.name.vendor()) {
            return Err(ResolveError::Reserved {
                type_name: given.name.clone(),
            });
        }
        for folder in 0..self.0.search_path.folders().len() {
            // Of this moment: what was scanned may be long ago.
            let known = self.known_now(folder);
            match self.in_folder(folder, given, &known) {
                InFolder::Nobody => {}
                InFolder::Conflict(first, second) => {
                    return Err(ResolveError::Conflict {
                        type_name: given.name.clone(),
                        kind: given.kind.clone(),
                        first,
                        second,
                    });
                }
                InFolder::Winner(compatible) => {
                    let admitted = self.0.gates.admit(&compatible, &known);
                    return admitted.map_err(|why| ResolveError::NotAdmitted {
                        path: compatible.candidate().path().to_path_buf(),
                        why,
                    });
                }
            }
        }
        Err(ResolveError::Unknown {
            search: Box::new(self.search(given)),
            type_name: given.name.clone(),
            kind: given.kind.clone(),
        })
    }

    /// Who gives a type in one folder: by what was scanned, else by the index, else by a scan.
    fn in_folder(&self, folder: usize, given: &GivenType, known: &Known) -> InFolder {
        if self.scanned(folder).is_none()
            && let Some(found) = self.in_index(folder, given, known)
        {
            return found;
        }
        match self.scan(folder, known).winner(given) {
            Winner::One(compatible) => InFolder::Winner(compatible.clone()),
            Winner::Conflict(first, second) => {
                InFolder::Conflict(first.to_path_buf(), second.to_path_buf())
            }
            Winner::Nobody => InFolder::Nobody,
        }
    }

    /// What the index says, if it is there and right.
    fn in_index(&self, folder: usize, given: &GivenType, known: &Known) -> Option<InFolder> {
        let searched = &self.0.search_path.folders()[folder];
        if !searched.is_used() {
            return Some(InFolder::Nobody);
        }
        let index = self.0.index.as_ref()?;
        let Ok(metadata) = fs::metadata(searched.path()) else {
            return Some(InFolder::Nobody);
        };
        let identity = FileIdentity::of(&metadata);
        match index.get(searched.path(), &identity, given)? {
            Indexed::Nobody => Some(InFolder::Nobody),
            // An error is worth a look at the files.
            Indexed::Conflict(..) => None,
            Indexed::Winner(path, identity) => {
                let look = self.0.gates.look(&path, known);
                let Look::Compatible(compatible) = look else {
                    return None;
                };
                let candidate = compatible.candidate();
                let same =
                    *candidate.identity() == identity && candidate.manifest().types.contains(given);
                same.then_some(InFolder::Winner(compatible))
            }
        }
    }

    /// What is known now of the files in one folder.
    fn known_now(&self, folder: usize) -> Known {
        let folder = &self.0.search_path.folders()[folder];
        self.0.gates.known(folder.path(), folder.origin())
    }

    fn scanned(&self, folder: usize) -> Option<Arc<FolderScan>> {
        let scans = self.0.scans.read().unwrap_or_else(PoisonError::into_inner);
        scans.get(&folder).map(Arc::clone)
    }

    /// What lies in one folder, read once until [`refresh`](Self::refresh).
    fn scan(&self, folder: usize, known: &Known) -> Arc<FolderScan> {
        if let Some(scan) = self.scanned(folder) {
            return scan;
        }
        let mut scans = self.0.scans.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(scan) = scans.get(&folder) {
            return Arc::clone(scan);
        }
        let began = identity::now();
        let scan = FolderScan::of(&self.0.search_path.folders()[folder], &self.0.gates, known);
        if let (Some(index), Some(identity)) = (&self.0.index, scan.identity())
            && scan.files().len() >= LEAST_FILES
            && identity.is_settled_at(began)
        {
            index.put(scan.folder().path(), identity, &scan.learned());
        }
        let scan = Arc::new(scan);
        scans.insert(folder, Arc::clone(&scan));
        scan
    }

    /// Where a type was looked for, and what was passed over.
    pub(in crate::plugin) fn search(&self, given: &GivenType) -> Search {
        let catalog = self.catalog();
        let mut names = catalog.type_names(&given.kind);
        if given.kind == TypeKind::Structure {
            names.extend(self.type_names());
        }
        Search::of(&catalog, given, names)
    }

    /// Who would give a type now, as a path; for [`explain`](Self::explain).
    pub(in crate::plugin) fn winner_path(&self, given: &GivenType) -> Option<PathBuf> {
        match self.catalog().winner(given) {
            Winner::One(compatible) => Some(compatible.candidate().path().to_path_buf()),
            Winner::Conflict(..) | Winner::Nobody => None,
        }
    }

    /// Whether the application registered the structure `type_name`.
    pub(in crate::plugin) fn is_known(&self, type_name: &TypeName) -> bool {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        known.contains_key(type_name)
    }

    /// Whether no plugin is loaded at all.
    #[must_use]
    pub fn is_safe_mode(&self) -> bool {
        self.0.safe_mode
    }

    /// Whether the plugin at `path` is loaded.
    #[must_use]
    pub fn is_loaded(&self, path: &Path) -> bool {
        self.loaded().iter().any(|plugin| plugin.path() == path)
    }
}

/// Whose rights decide; 0 where there are no users.
fn effective_user() -> u32 {
    #[cfg(unix)]
    {
        rustix::process::geteuid().as_raw()
    }
    #[cfg(not(unix))]
    {
        0
    }
}

/// Who gives a type in one folder.
enum InFolder {
    Winner(Compatible),
    Conflict(PathBuf, PathBuf),
    Nobody,
}
