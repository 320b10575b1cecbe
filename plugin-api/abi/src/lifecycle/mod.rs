//! `keyway.lifecycle` 1: a package's own code, and what its hooks get.

mod host_side;
mod plugin_side;

use std::ffi::c_void;

use abi_stable::StableAbi;

use crate::call::Call;
use crate::entry::Interface;
use crate::host::{Service, ServiceRequest};
use crate::text::{PathSink, Str, StrSink};

pub use host_side::{
    Cancellation, CancellationAccess, ContextAccess, LifecycleInstance, LifecycleRef,
};
pub use plugin_side::{ContextRef, HookRef, Lifecycles, lifecycle_v1};

/// No deadline: what `remaining_ms` returns then.
pub(crate) const NO_DEADLINE: u64 = u64::MAX;

/// `keyway.lifecycle` 1.
///
/// One instance for each package and process. The host never calls two functions of one instance
/// at once, but may call them from different threads.
#[repr(C)]
#[derive(StableAbi)]
pub struct LifecycleV1 {
    /// Makes the lifecycle `type_name` of a package and puts it into `out`, not null. The instance may keep
    /// `context` after retaining it. [`crate::status::NOT_FOUND`]: this plugin gives no such type.
    pub create: unsafe extern "C" fn(
        type_name: Str,
        context: *const LifecycleContext,
        out: *mut *mut c_void,
        call: *const Call,
    ) -> u32,
    /// Brings what the package needs, as at installation time.
    pub prepare:
        unsafe extern "C" fn(instance: *mut c_void, hook: *const Hook, call: *const Call) -> u32,
    /// Installs.
    pub install:
        unsafe extern "C" fn(instance: *mut c_void, hook: *const Hook, call: *const Call) -> u32,
    /// Starts to serve; returns when that is done.
    pub start:
        unsafe extern "C" fn(instance: *mut c_void, hook: *const Hook, call: *const Call) -> u32,
    /// Stops serving; its threads are joined when it returns.
    pub stop:
        unsafe extern "C" fn(instance: *mut c_void, hook: *const Hook, call: *const Call) -> u32,
    /// The package is about to be removed.
    pub uninstall:
        unsafe extern "C" fn(instance: *mut c_void, hook: *const Hook, call: *const Call) -> u32,
    /// The package has just been upgraded from the version `from`.
    pub upgrade: unsafe extern "C" fn(
        instance: *mut c_void,
        from: Str,
        hook: *const Hook,
        call: *const Call,
    ) -> u32,
    /// Ends the instance, whatever this returns.
    pub destroy: unsafe extern "C" fn(instance: *mut c_void, call: *const Call) -> u32,
}

// SAFETY: `#[repr(C)]`, frozen.
unsafe impl Interface for LifecycleV1 {
    const NAME: &'static str = "keyway.lifecycle";
    const VERSION: u32 = 1;
    const SINCE_MINOR: u16 = 0;
}

/// What a lifecycle knows of its package. Valid for the call that it is handed over in, and longer
/// for who retains it: then from any thread.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct LifecycleContext {
    /// Handed to each function of the table.
    pub context: *mut c_void,
    /// The functions; valid as long as the process.
    pub table: *const LifecycleContextV1,
}

/// What a lifecycle may ask about its package, version 1. From any thread.
#[repr(C)]
#[derive(StableAbi)]
pub struct LifecycleContextV1 {
    /// One more hold on the context.
    pub retain: unsafe extern "C" fn(context: *mut c_void),
    /// One hold less; the context may be gone afterwards.
    pub release: unsafe extern "C" fn(context: *mut c_void),
    /// The package's folder.
    pub package_root: unsafe extern "C" fn(context: *mut c_void, out: *const PathSink) -> u32,
    /// A folder of the package's own, for what it wants to keep. It exists.
    pub data_dir: unsafe extern "C" fn(context: *mut c_void, out: *const PathSink) -> u32,
    /// The arguments given at installation, as one JSON object.
    pub install_kwargs: unsafe extern "C" fn(context: *mut c_void, out: *const StrSink) -> u32,
    /// The parsed `package.toml`, as one JSON object.
    pub package_toml: unsafe extern "C" fn(context: *mut c_void, out: *const StrSink) -> u32,
    /// Asks for a service of this package, as the host's `service` does for the plugin's. Its
    /// `context` is valid as long as this context is held, from any thread and also when the
    /// lifecycle has ended; its `table` as long as the process.
    pub service: unsafe extern "C" fn(
        context: *mut c_void,
        request: *const ServiceRequest,
        out: *mut Service,
    ) -> u32,
}

/// One run of a hook. Valid for the call that it is handed over in, and longer for who retains it:
/// then from any thread; after the hook's end it counts as cancelled.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct Hook {
    /// Handed to each function of the table.
    pub context: *mut c_void,
    /// The functions; valid as long as the process.
    pub table: *const HookV1,
}

/// What a hook may ask about its run, version 1. From any thread.
#[repr(C)]
#[derive(StableAbi)]
pub struct HookV1 {
    /// One more hold on the run.
    pub retain: unsafe extern "C" fn(hook: *mut c_void),
    /// One hold less; the run may be gone afterwards.
    pub release: unsafe extern "C" fn(hook: *mut c_void),
    /// How many milliseconds are left until the deadline, 0 when it has passed, `UINT64_MAX` when
    /// there is none.
    pub remaining_ms: unsafe extern "C" fn(hook: *mut c_void) -> u64,
    /// Whether the hook should give up, 0 or 1.
    pub is_cancelled: unsafe extern "C" fn(hook: *mut c_void) -> u32,
    /// Waits until the hook should give up, `timeout_ms` at most; says whether it should, 0 or 1.
    pub wait_cancelled: unsafe extern "C" fn(hook: *mut c_void, timeout_ms: u64) -> u32,
    /// Says how far the hook is: `done` of `total` (0: unknown), and at what.
    pub progress:
        unsafe extern "C" fn(hook: *mut c_void, done: u64, total: u64, message: Str) -> u32,
}
