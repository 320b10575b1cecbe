//! A package type that is ready to describe packages.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyway_abi::{FaultReport, PackageAccess, StructureInstance};
use keyway_metadata::TypeName;
use keyway_plugin::{Package, PackageStructure};

use super::fault::{Fault, Method};
use crate::plugin::library::Plugin;

/// A package type's structure: one that a plugin gives, or one that the application registered.
///
/// Cheap to clone. Its plugin, if any, stays loaded as long as the process.
#[derive(Clone)]
pub struct Structure(Arc<Inner>);

struct Inner {
    type_name: TypeName,
    origin: Origin,
}

enum Origin {
    Known(Arc<dyn PackageStructure>),
    Loaded {
        plugin: Plugin,
        instance: StructureInstance,
    },
}

impl fmt::Debug for Structure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Structure")
            .field("type_name", &self.0.type_name)
            .field("plugin", &self.plugin())
            .finish()
    }
}

impl Structure {
    /// Takes a structure that is linked into the application.
    pub(crate) fn known(type_name: TypeName, structure: Arc<dyn PackageStructure>) -> Self {
        Self(Arc::new(Inner {
            type_name,
            origin: Origin::Known(structure),
        }))
    }

    /// Takes a structure that `plugin` gave.
    pub(in crate::plugin) fn loaded(
        type_name: TypeName,
        plugin: Plugin,
        instance: StructureInstance,
    ) -> Self {
        Self(Arc::new(Inner {
            type_name,
            origin: Origin::Loaded { plugin, instance },
        }))
    }

    /// The type's name.
    #[must_use]
    pub fn type_name(&self) -> &TypeName {
        &self.0.type_name
    }

    /// The plugin that gives it; `None` if the application registered it.
    #[must_use]
    pub fn plugin(&self) -> Option<&Plugin> {
        match &self.0.origin {
            Origin::Known(_) => None,
            Origin::Loaded { plugin, .. } => Some(plugin),
        }
    }

    /// Lets the structure say what its packages look like.
    ///
    /// # Errors
    ///
    /// [`Fault`] when the author's code fails or panics.
    pub fn init_package(&self, package: &mut dyn PackageAccess) -> Result<(), Fault> {
        match &self.0.origin {
            Origin::Known(structure) => self.call_known(Method::InitPackage, || {
                structure.init_package(&mut Package::new(package))
            }),
            Origin::Loaded { plugin, instance } => {
                let _mark = plugin.mark("init_package");
                instance
                    .init_package(package)
                    .map_err(|faults| self.fault(Method::InitPackage, faults))
            }
        }
    }

    /// Tells the structure that a package's path has changed.
    ///
    /// # Errors
    ///
    /// [`Fault`] when the author's code fails or panics.
    pub fn path_changed(&self, package: &mut dyn PackageAccess) -> Result<(), Fault> {
        match &self.0.origin {
            Origin::Known(structure) => self.call_known(Method::PathChanged, || {
                structure.path_changed(&mut Package::new(package))
            }),
            Origin::Loaded { instance, .. } => instance
                .path_changed(package)
                .map_err(|faults| self.fault(Method::PathChanged, faults)),
        }
    }

    /// A structure that is linked in fails as one in a plugin does, except that its panics are the
    /// application's own and unwind into it.
    fn call_known(
        &self,
        method: Method,
        call: impl FnOnce() -> Result<(), keyway_plugin::Error>,
    ) -> Result<(), Fault> {
        call().map_err(|error| self.fault_of_known(method, &*error))
    }

    #[cold]
    fn fault_of_known(&self, method: Method, error: &(dyn std::error::Error + 'static)) -> Fault {
        let mut causes = Vec::new();
        let mut cause = error.source();
        // A chain that leads back to itself has no end.
        while let Some(error) = cause.filter(|_| causes.len() < 32) {
            causes.push(error.to_string());
            cause = error.source();
        }
        let report = FaultReport::error(error.to_string(), causes);
        self.fault(method, vec![report])
    }

    #[cold]
    fn fault(&self, method: Method, reports: Vec<FaultReport>) -> Fault {
        let (plugin, path) = match self.plugin() {
            Some(plugin) => (
                plugin.manifest().id.clone(),
                Some(plugin.path().to_path_buf()),
            ),
            None => ("the application".to_owned(), None::<PathBuf>),
        };
        Fault::new(plugin, path, self.0.type_name.clone(), method, reports)
    }

    /// Drops the object, if this is the last hold on it. Ordinarily structures live as long as the
    /// process; suites that test plugins end them.
    ///
    /// # Errors
    ///
    /// [`Fault`] when its drop panics; the object is gone all the same.
    pub fn end(self) -> Result<(), Fault> {
        let Some(inner) = Arc::into_inner(self.0) else {
            return Ok(());
        };
        let Origin::Loaded { plugin, instance } = inner.origin else {
            return Ok(());
        };
        let result = instance.destroy();
        result.map_err(|faults| plugin.fault(Some(inner.type_name), Method::Drop, faults))
    }

    /// The file of the plugin that gives it, if any.
    #[must_use]
    pub fn plugin_path(&self) -> Option<&Path> {
        self.plugin().map(Plugin::path)
    }
}
