//! What the export macro expands to; not for authors.

use std::marker::PhantomData;

use keyway_abi::{
    BoxError, ContextRef, HookRef, HostRef, Interface as _, LifecycleV1, Lifecycles, PackageRef,
    PluginV1, Plugins, StructureV1, Structures, lifecycle_v1, plugin_v1, structure_v1,
};
pub use keyway_abi::{Entry, ExportedEntry, Row};
pub use keyway_macros::export;

use crate::lifecycle::{Context, Hook, Lifecycle};
use crate::package::Package;
use crate::structure::PackageStructure;
use crate::{Error, log};

pub use crate::note::{Note, joined, joined_len, manifest_parts};

/// What a plugin gives, written by the export macro.
#[allow(missing_docs)]
pub trait Exports: 'static {
    fn structure(type_name: &str) -> Option<Box<dyn PackageStructure>> {
        let _ = type_name;
        None
    }

    fn lifecycle(type_name: &str, context: Context) -> Option<Result<Box<dyn Lifecycle>, Error>> {
        let _ = (type_name, context);
        None
    }
}

/// Puts a plugin's exports behind the border.
pub struct Adapter<E>(PhantomData<E>);

impl<E: Exports> Adapter<E> {
    const PLUGIN: PluginV1 = plugin_v1::<Self>();
    const STRUCTURE: StructureV1 = structure_v1::<Self>();
    const LIFECYCLE: LifecycleV1 = lifecycle_v1::<Self>();

    /// The row that every plugin has.
    pub const PLUGIN_ROW: Row = Row::rust(&Self::PLUGIN);
    /// The row of a plugin that gives structures.
    pub const STRUCTURE_ROW: Row = Row::rust(&Self::STRUCTURE);
    /// The row of a plugin that gives lifecycles.
    pub const LIFECYCLE_ROW: Row = Row::rust(&Self::LIFECYCLE);
}

/// The first ABI minor of structures.
pub const STRUCTURE_SINCE: u16 = StructureV1::SINCE_MINOR;
/// The first ABI minor of lifecycles.
pub const LIFECYCLE_SINCE: u16 = LifecycleV1::SINCE_MINOR;

/// The least host minor of a plugin: that of the newest interface that it gives.
#[must_use]
pub const fn least_host_minor(since: &[u16]) -> u16 {
    let mut least = PluginV1::SINCE_MINOR;
    let mut index = 0;
    while index < since.len() {
        if since[index] > least {
            least = since[index];
        }
        index += 1;
    }
    least
}

impl<E: Exports> Plugins for Adapter<E> {
    fn attach(host: HostRef) -> Result<(), BoxError> {
        log::attach(host);
        Ok(())
    }
}

impl<E: Exports> Structures for Adapter<E> {
    type Instance = Box<dyn PackageStructure>;

    fn create(type_name: &str) -> Result<Option<Self::Instance>, BoxError> {
        Ok(E::structure(type_name))
    }

    fn init_package(
        instance: &Self::Instance,
        package: &mut PackageRef<'_>,
    ) -> Result<(), BoxError> {
        instance.init_package(&mut Package::new(package))
    }

    fn path_changed(
        instance: &Self::Instance,
        package: &mut PackageRef<'_>,
    ) -> Result<(), BoxError> {
        instance.path_changed(&mut Package::new(package))
    }
}

impl<E: Exports> Lifecycles for Adapter<E> {
    type Instance = Box<dyn Lifecycle>;

    fn create(type_name: &str, context: ContextRef) -> Result<Option<Self::Instance>, BoxError> {
        E::lifecycle(type_name, Context::new(context)).transpose()
    }

    fn prepare(instance: &mut Self::Instance, hook: &HookRef) -> Result<(), BoxError> {
        instance.prepare(&Hook(hook))
    }

    fn install(instance: &mut Self::Instance, hook: &HookRef) -> Result<(), BoxError> {
        instance.install(&Hook(hook))
    }

    fn start(instance: &mut Self::Instance, hook: &HookRef) -> Result<(), BoxError> {
        instance.start(&Hook(hook))
    }

    fn stop(instance: &mut Self::Instance, hook: &HookRef) -> Result<(), BoxError> {
        instance.stop(&Hook(hook))
    }

    fn uninstall(instance: &mut Self::Instance, hook: &HookRef) -> Result<(), BoxError> {
        instance.uninstall(&Hook(hook))
    }

    fn upgrade(instance: &mut Self::Instance, from: &str, hook: &HookRef) -> Result<(), BoxError> {
        instance.upgrade(from, &Hook(hook))
    }
}
