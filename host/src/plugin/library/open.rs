//! dlopen and the gates after it: entry, layout, echo, attach.

use std::ffi::c_void;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyway_abi::{
    ENTRY_SYMBOL, Host, Interface, LifecycleRef, LifecycleV1, PluginRef, PluginV1, Rows,
    StructureRef, StructureV1, check_evidence, host_v1,
};
use keyway_metadata::Manifest;

use super::error::LoadError;
use super::plugin::{Inner, Plugin};
use crate::plugin::candidate::Compatible;
use crate::plugin::fault::{Fault, Method};
use crate::plugin::log::PluginHost;

/// A library that is open and whose tables have passed the gates; nothing of it has been called
/// but what the system's loader runs.
pub(in crate::plugin) struct Library {
    path: PathBuf,
    manifest: Arc<Manifest>,
    plugin: PluginRef,
    structures: Option<StructureRef>,
    lifecycles: Option<LifecycleRef>,
}

impl Library {
    /// Opens the library and puts it through the gates.
    pub(in crate::plugin) fn open(compatible: &Compatible) -> Result<Self, LoadError> {
        let candidate = compatible.candidate();
        let path = candidate.path();
        let entry = open_entry(path)?;
        // SAFETY: `open_entry` found the symbol in this very library, which is never unloaded, and
        // `Compatible` says that its author declares it a plugin of this major.
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
        // function of them is called before `attach` has made a `Plugin` of this.
        let (plugin, structures, lifecycles) = unsafe {
            (
                PluginRef::new(plugin),
                structures.map(|table| StructureRef::new(table)),
                lifecycles.map(|table| LifecycleRef::new(table)),
            )
        };
        Ok(Self {
            path: path.to_path_buf(),
            manifest: Arc::clone(candidate.manifest()),
            plugin,
            structures,
            lifecycles,
        })
    }

    /// Introduces the host to the plugin.
    pub(in crate::plugin) fn attach(self) -> Result<Plugin, LoadError> {
        let host: &'static Host = host_v1(PluginHost::new(self.manifest.id.clone()));
        if let Err(reports) = self.plugin.attach(host) {
            let id = self.manifest.id.clone();
            let fault = Fault::new(id, Some(self.path), None, Method::Attach, reports);
            return Err(fault.into());
        }
        tracing::debug!(
            id = self.manifest.id,
            version = self.manifest.version,
            path = %self.path.display(),
            "plugin loaded"
        );
        Ok(Plugin::new(Inner {
            path: self.path,
            manifest: self.manifest,
            structures: self.structures,
            lifecycles: self.lifecycles,
        }))
    }
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

/// Opens the library at `path` and finds its own entry.
#[cfg(unix)]
fn open_entry(path: &Path) -> Result<*const c_void, LoadError> {
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW, Symbol};

    // An absolute path: a bare name would be looked up along the system's library path.
    // SAFETY: this runs the library's initialisers; see the module's argument.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
    let library = library.map_err(|source| LoadError::Open {
        path: path.to_path_buf(),
        source,
    })?;
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
    if owner.as_deref().is_some_and(|owner| same_file(owner, path)) {
        return Ok(entry);
    }
    Err(LoadError::ForeignEntry {
        path: path.to_path_buf(),
        found: owner.unwrap_or_default(),
    })
}

/// Opens the library at `path` and finds its own entry.
#[cfg(windows)]
fn open_entry(path: &Path) -> Result<*const c_void, LoadError> {
    use libloading::os::windows::{
        LOAD_LIBRARY_SEARCH_DEFAULT_DIRS, LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR, Library, Symbol,
    };

    let flags = LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_DEFAULT_DIRS;
    // SAFETY: this runs the library's initialisers; see the module's argument.
    let library = unsafe { Library::load_with_flags(path, flags) };
    let library = library.map_err(|source| LoadError::Open {
        path: path.to_path_buf(),
        source,
    })?;
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
