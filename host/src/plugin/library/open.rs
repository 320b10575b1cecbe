//! dlopen and the gates after it: entry, layout, echo, attach.

use std::ffi::c_void;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use keyway_abi::{
    ENTRY_SYMBOL, Host, Interface, LifecycleRef, LifecycleV1, PluginRef, PluginV1, Rows,
    StructureRef, StructureV1, check_evidence, host_v1,
};
use keyway_metadata::Manifest;

use super::error::LoadError;
use super::plugin::{Inner, Plugin};
use crate::plugin::file::needs::Needs;
use crate::plugin::gates::candidate::Candidate;
use crate::plugin::gates::{Admitted, Gates};
use crate::plugin::loaded::fault::{Fault, Method};
use crate::plugin::loaded::log::PluginHost;
use crate::plugin::trust::PrivateCopy;

/// A library that is open and whose tables have passed the gates; nothing of it has been called
/// but what the system's loader runs.
pub(in crate::plugin) struct Library {
    manifest: Arc<Manifest>,
    plugin: PluginRef,
    structures: Option<StructureRef>,
    lifecycles: Option<LifecycleRef>,
}

impl Library {
    /// Loads an admitted plugin: opens its library, puts it through the gates, attaches it.
    ///
    /// `again`: another generation of this file is loaded in this process.
    pub(in crate::plugin) fn load(
        admitted: &Admitted,
        gates: &Gates,
        again: bool,
    ) -> Result<Plugin, LoadError> {
        let candidate = admitted.candidate();
        let (path, identity) = (candidate.path(), candidate.identity());
        let opening = |source| LoadError::Open {
            path: path.to_path_buf(),
            source,
        };
        let file = admitted.file().try_clone().map_err(opening)?;
        let name = Name::of(admitted, gates, again)?;

        let began = Instant::now();
        let mark = gates
            .quarantine
            .enter(&candidate.manifest().id, path, identity, "loading");
        let library = Self::open(candidate, name.path())?;
        library.attach(path)?;
        drop((mark, name));

        let manifest = library.manifest;
        tracing::debug!(
            id = manifest.id,
            version = manifest.version,
            path = %path.display(),
            "plugin loaded"
        );
        Ok(Plugin::new(Inner {
            path: path.to_path_buf(),
            identity: *identity,
            file,
            manifest,
            loaded_at: SystemTime::now(),
            load_time: began.elapsed(),
            quarantine: gates.quarantine.clone(),
            structures: library.structures,
            lifecycles: library.lifecycles,
        }))
    }

    /// Opens the library under the name `name` and puts it through the gates.
    fn open(candidate: &Candidate, name: &Path) -> Result<Self, LoadError> {
        let path = candidate.path();
        let entry = open_entry(path, name)?;
        // SAFETY: `open_entry` found the symbol in this very library, which is never unloaded, and
        // `Candidate` says that its author declares it a plugin of this major.
        let rows = unsafe { Rows::read(entry) }.map_err(|source| LoadError::Entry {
            path: path.to_path_buf(),
            source,
        })?;

        let plugin: &PluginV1 = table(&rows, path)?.ok_or_else(|| LoadError::MissingInterface {
            path: path.to_path_buf(),
            interface: PluginV1::NAME,
            version: PluginV1::VERSION,
        })?;
        let structures: Option<&StructureV1> = table(&rows, path)?;
        let lifecycles: Option<&LifecycleV1> = table(&rows, path)?;

        if rows.manifest != candidate.manifest_bytes() {
            return Err(LoadError::Echo {
                path: path.to_path_buf(),
            });
        }
        // SAFETY: the tables passed the layout gate, or are taken at their author's word in C; no
        // function of them is called before `attach`.
        let (plugin, structures, lifecycles) = unsafe {
            (
                PluginRef::new(plugin),
                structures.map(|table| StructureRef::new(table)),
                lifecycles.map(|table| LifecycleRef::new(table)),
            )
        };
        Ok(Self {
            manifest: Arc::clone(candidate.manifest()),
            plugin,
            structures,
            lifecycles,
        })
    }

    /// Introduces the host to the plugin.
    fn attach(&self, path: &Path) -> Result<(), LoadError> {
        let id = self.manifest.id.clone();
        let host: &'static Host = host_v1(PluginHost::new(id.clone()));
        self.plugin.attach(host).map_err(|reports| {
            let path = Some(path.to_path_buf());
            Fault::new(id, path, None, Method::Attach, reports).into()
        })
    }
}

/// The name under which a plugin's library is opened; what stands for it is gone when this is
/// dropped, since an open library needs no name.
enum Name {
    /// Its own: what the name leads to, links followed.
    Own(PathBuf),
    /// Another one for the same file, in a folder of its own.
    Link(PathBuf, #[allow(dead_code)] tempfile::TempDir),
    /// A private copy of the bytes whose signature was verified, in a folder of its own.
    Copy(PrivateCopy, #[allow(dead_code)] tempfile::TempDir),
}

impl Name {
    fn of(admitted: &Admitted, gates: &Gates, again: bool) -> Result<Self, LoadError> {
        let path = admitted.candidate().path();
        let target = admitted.trusted().target();
        let copied = gates.policy.loads_a_copy();
        if !copied && !again {
            return Ok(Self::Own(target.to_path_buf()));
        }
        // Under another name a plugin does not find what it looks for beside itself.
        let origin = Needs::of(target).origin;
        if again && origin {
            return Err(LoadError::NeedsRestart {
                path: path.to_path_buf(),
            });
        }
        let generation = |source| LoadError::Generation {
            path: path.to_path_buf(),
            source,
        };
        let folder = private_folder().map_err(generation)?;
        if copied {
            let copy = admitted
                .trusted()
                .read_verified(admitted.file(), &gates.policy.keys, origin)
                .and_then(|verified| verified.write_private_copy(folder.path()));
            let copy = copy.map_err(|why| LoadError::Copy {
                path: path.to_path_buf(),
                why: Box::new(why),
            })?;
            return Ok(Self::Copy(copy, folder));
        }
        // The system's loader gives the old library for a name that it knows.
        let name = folder.path().join(path.file_name().unwrap_or_default());
        link(target, &name).map_err(generation)?;
        Ok(Self::Link(name, folder))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Own(path) | Self::Link(path, _) => path,
            Self::Copy(copy, _) => copy.path(),
        }
    }
}

/// A new folder that only this user may look into.
fn private_folder() -> std::io::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("keyway-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o700));
    }
    builder.tempdir()
}

#[cfg(unix)]
fn link(target: &Path, name: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, name)
}

#[cfg(not(unix))]
fn link(target: &Path, name: &Path) -> std::io::Result<()> {
    std::fs::copy(target, name).map(|_| ())
}

/// The plugin's table of interface `I`, if it gives one, after the layout gate.
fn table<I: Interface>(rows: &Rows, path: &Path) -> Result<Option<&'static I>, LoadError> {
    let Some(row) = rows.row::<I>() else {
        return Ok(None);
    };
    if let Some(evidence) = row.evidence() {
        // SAFETY: the rules of the entry say what the evidence of this flavour is; `Rows::read`
        // saw that it is not null.
        unsafe { check_evidence::<I>(evidence) }.map_err(|source| LoadError::Layout {
            path: path.to_path_buf(),
            interface: I::NAME,
            source: Box::new(source),
        })?;
    }
    // SAFETY: the row is that of `I`, and its layout was just compared where there is evidence.
    let table = unsafe { row.table::<I>() }.map_err(|source| LoadError::Entry {
        path: path.to_path_buf(),
        source,
    })?;
    Ok(Some(table))
}

/// Opens the library of `path` under the name `name` and finds its own entry.
#[cfg(unix)]
fn open_entry(path: &Path, name: &Path) -> Result<*const c_void, LoadError> {
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW, Symbol};

    // An absolute path: a bare name would be looked up along the system's library path.
    // SAFETY: this runs the library's initialisers; see the module's argument.
    let library = unsafe { Library::open(Some(name), RTLD_NOW | RTLD_LOCAL) };
    let library = library.map_err(|source| LoadError::loader(path, source))?;
    // Never unloaded, also when a gate refuses it now: its initialisers have run.
    let library = std::mem::ManuallyDrop::new(library);

    // SAFETY: the symbol is data; only its address is taken.
    let symbol = unsafe { library.get::<*const c_void>(ENTRY_SYMBOL.as_bytes()) };
    let symbol: Symbol<*const c_void> = symbol.map_err(|_| LoadError::NoEntry {
        path: path.to_path_buf(),
    })?;
    let entry = *symbol;

    // dlsym also finds symbols of the libraries that this one depends on.
    let owner = owner(entry);
    if owner.as_deref().is_some_and(|owner| same_file(owner, name)) {
        return Ok(entry);
    }
    Err(LoadError::ForeignEntry {
        path: path.to_path_buf(),
        found: owner.unwrap_or_default(),
    })
}

/// Opens the library of `path` under the name `name` and finds its own entry.
#[cfg(windows)]
fn open_entry(path: &Path, name: &Path) -> Result<*const c_void, LoadError> {
    use libloading::os::windows::{
        LOAD_LIBRARY_SEARCH_DEFAULT_DIRS, LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR, Library, Symbol,
    };

    let flags = LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_DEFAULT_DIRS;
    // SAFETY: this runs the library's initialisers; see the module's argument.
    let library = unsafe { Library::load_with_flags(name, flags) };
    let library = library.map_err(|source| LoadError::loader(path, source))?;
    // Never unloaded, also when a gate refuses it now: its initialisers have run.
    let library = std::mem::ManuallyDrop::new(library);

    // GetProcAddress looks in this library only.
    // SAFETY: the symbol is data; only its address is taken.
    let symbol = unsafe { library.get::<*const c_void>(ENTRY_SYMBOL.as_bytes()) };
    let symbol: Symbol<*const c_void> = symbol.map_err(|_| LoadError::NoEntry {
        path: path.to_path_buf(),
    })?;
    Ok(*symbol)
}

/// The file of the library that has `address`.
#[cfg(unix)]
fn owner(address: *const c_void) -> Option<PathBuf> {
    use std::ffi::{CStr, OsStr};
    use std::os::unix::ffi::OsStrExt as _;

    let mut info = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: `info` has room; dladdr only looks the address up.
    let found = unsafe { libc::dladdr(address, info.as_mut_ptr()) };
    if found == 0 {
        return None;
    }
    // SAFETY: zeroed is a valid value of this plain struct, and dladdr has filled it.
    let info = unsafe { info.assume_init() };
    if info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: dladdr gives a terminated name that lives as long as the library.
    let name = unsafe { CStr::from_ptr(info.dli_fname) };
    Some(PathBuf::from(OsStr::from_bytes(name.to_bytes())))
}

/// Whether two paths lead to one file.
#[cfg(unix)]
fn same_file(left: &Path, right: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    left == right
        || match (std::fs::metadata(left), std::fs::metadata(right)) {
            (Ok(left), Ok(right)) => (left.dev(), left.ino()) == (right.dev(), right.ino()),
            _ => false,
        }
}
