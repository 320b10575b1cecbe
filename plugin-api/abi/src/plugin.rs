//! `keyway.plugin` 1: what every plugin gives.

use abi_stable::StableAbi;

use crate::call::{BoxError, Call, FaultReport, Phase, run, status};
use crate::entry::Interface;
use crate::guard::{self, Misuse};
use crate::host::{Host, HostRef};

/// `keyway.plugin` 1, required.
#[repr(C)]
#[derive(StableAbi)]
pub struct PluginV1 {
    /// Called before any other function of the library, at most once for a host; a process may
    /// have several hosts. `host` is valid as long as the process. A failure means that the plugin
    /// cannot be used.
    pub attach: unsafe extern "C" fn(host: *const Host, call: *const Call) -> u32,
}

// SAFETY: `#[repr(C)]`, frozen.
unsafe impl Interface for PluginV1 {
    const NAME: &'static str = "keyway.plugin";
    const VERSION: u32 = 1;
    const SINCE_MINOR: u16 = 0;
}

/// The plugin's side of [`PluginV1`].
pub trait Plugins: 'static {
    /// The plugin's host is `host` from now on.
    ///
    /// # Errors
    ///
    /// Whatever keeps the plugin from being used.
    fn attach(host: HostRef) -> Result<(), BoxError>;
}

/// The table of a plugin whose side is `P`.
#[must_use]
pub const fn plugin_v1<P: Plugins>() -> PluginV1 {
    PluginV1 {
        attach: attach::<P>,
    }
}

unsafe extern "C" fn attach<P: Plugins>(host: *const Host, call: *const Call) -> u32 {
    guard::install_hook();
    // SAFETY: the contract: `call` is valid for this call.
    unsafe {
        guard::run(call, Phase::Method, || {
            // SAFETY: the contract: `host` is valid as long as the process.
            let host = HostRef::new(host).ok_or(Misuse("no host was given"))?;
            P::attach(host)?;
            Ok(status::OK)
        })
    }
}

/// `keyway.plugin`, as the host's side uses it.
#[derive(Clone, Copy)]
pub struct PluginRef {
    table: &'static PluginV1,
}

impl PluginRef {
    /// Wraps a plugin's table.
    ///
    /// # Safety
    ///
    /// The table passed the gates: its functions keep the contract.
    #[must_use]
    pub const unsafe fn new(table: &'static PluginV1) -> Self {
        Self { table }
    }

    /// Introduces the host to the plugin.
    ///
    /// # Errors
    ///
    /// What the plugin says.
    pub fn attach(self, host: &'static Host) -> Result<(), Vec<FaultReport>> {
        // SAFETY: the contract holds (`new`); host and call are valid.
        run(&[], |call| unsafe { (self.table.attach)(host, call) }).map(|_| ())
    }
}
