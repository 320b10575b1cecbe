//! A package's own code, ready to be run.

use std::fmt;

use keyway_abi::{Cancellation, FaultReport, LifecycleInstance};
use keyway_metadata::TypeName;

use super::fault::{Fault, Method};
use crate::plugin::library::Plugin;

/// The lifecycle of one package: an object of a plugin whose hooks can be run.
///
/// Dropping it leaks the object, since a hook that never returns may still be in it;
/// [`end`](Self::end) drops it properly.
pub struct Lifecycle {
    type_name: TypeName,
    plugin: Plugin,
    instance: LifecycleInstance,
}

impl fmt::Debug for Lifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lifecycle")
            .field("type_name", &self.type_name)
            .field("plugin", &self.plugin)
            .finish_non_exhaustive()
    }
}

/// The hooks of a lifecycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HookName {
    /// Brings what the package needs.
    Prepare,
    /// Installs what was prepared.
    Install,
    /// Starts to serve.
    Start,
    /// Stops serving.
    Stop,
    /// The package is about to be removed.
    Uninstall,
    /// The package has just been upgraded.
    Upgrade,
}

impl fmt::Display for HookName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prepare => "prepare",
            Self::Install => "install",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Uninstall => "uninstall",
            Self::Upgrade => "upgrade",
        })
    }
}

impl Lifecycle {
    pub(in crate::plugin) fn new(
        type_name: TypeName,
        plugin: Plugin,
        instance: LifecycleInstance,
    ) -> Self {
        Self {
            type_name,
            plugin,
            instance,
        }
    }

    /// Its type name.
    #[must_use]
    pub fn type_name(&self) -> &TypeName {
        &self.type_name
    }

    /// The plugin that gives it.
    #[must_use]
    pub fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    /// Runs a hook other than `upgrade`, which runs as if from no version.
    ///
    /// # Errors
    ///
    /// [`Fault`] when the author's code fails or panics.
    pub fn run(&mut self, hook: HookName, run: &Cancellation) -> Result<(), Fault> {
        let result = match hook {
            HookName::Prepare => self.instance.prepare(run),
            HookName::Install => self.instance.install(run),
            HookName::Start => self.instance.start(run),
            HookName::Stop => self.instance.stop(run),
            HookName::Uninstall => self.instance.uninstall(run),
            HookName::Upgrade => self.instance.upgrade("", run),
        };
        result.map_err(|faults| self.fault(Method::Hook(hook), faults))
    }

    /// Runs the hook `upgrade`, from the version `from`.
    ///
    /// # Errors
    ///
    /// [`Fault`] when the author's code fails or panics.
    pub fn upgrade(&mut self, from: &str, run: &Cancellation) -> Result<(), Fault> {
        let result = self.instance.upgrade(from, run);
        result.map_err(|faults| self.fault(Method::Hook(HookName::Upgrade), faults))
    }

    /// Drops the object.
    ///
    /// # Errors
    ///
    /// [`Fault`] when its drop panics; the object is gone all the same.
    pub fn end(self) -> Result<(), Fault> {
        let (plugin, type_name) = (self.plugin, self.type_name);
        let result = self.instance.destroy();
        result.map_err(|faults| plugin.fault(Some(type_name), Method::Drop, faults))
    }

    fn fault(&self, method: Method, faults: Vec<FaultReport>) -> Fault {
        self.plugin
            .fault(Some(self.type_name.clone()), method, faults)
    }
}
