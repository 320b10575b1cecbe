//! Lifecycles as the plugin's side gives them, and what their hooks get.

use std::ffi::c_void;
use std::path::PathBuf;
use std::time::Duration;

use super::{
    CancellationAccess, Hook, HookV1, LifecycleContext, LifecycleContextV1, LifecycleV1,
    NO_DEADLINE,
};
use crate::call::{BoxError, Call, Phase, status};
use crate::entry::Interface;
use crate::guard::{self, Misuse};
use crate::host::{ServiceError, ServiceHandle, ask_service};
use crate::text::{PathSink, Str, StrSink, collect_paths, collect_strings};

/// The plugin's side of [`LifecycleV1`].
#[allow(missing_docs)]
pub trait Lifecycles: 'static {
    /// One lifecycle.
    type Instance: Send + 'static;

    /// Makes the lifecycle `type_name`, or `None` if the plugin gives no such type.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being made.
    fn create(type_name: &str, context: ContextRef) -> Result<Option<Self::Instance>, BoxError>;

    fn prepare(instance: &mut Self::Instance, hook: &HookRef) -> Result<(), BoxError>;
    fn install(instance: &mut Self::Instance, hook: &HookRef) -> Result<(), BoxError>;
    fn start(instance: &mut Self::Instance, hook: &HookRef) -> Result<(), BoxError>;
    fn stop(instance: &mut Self::Instance, hook: &HookRef) -> Result<(), BoxError>;
    fn uninstall(instance: &mut Self::Instance, hook: &HookRef) -> Result<(), BoxError>;
    fn upgrade(instance: &mut Self::Instance, from: &str, hook: &HookRef) -> Result<(), BoxError>;
}

/// The table of a plugin whose lifecycles are `L`.
#[must_use]
pub const fn lifecycle_v1<L: Lifecycles>() -> LifecycleV1 {
    LifecycleV1 {
        create: create::<L>,
        prepare: prepare::<L>,
        install: install::<L>,
        start: start::<L>,
        stop: stop::<L>,
        uninstall: uninstall::<L>,
        upgrade: upgrade::<L>,
        destroy: destroy::<L>,
    }
}

unsafe extern "C" fn create<L: Lifecycles>(
    type_name: Str,
    context: *const LifecycleContext,
    out: *mut *mut c_void,
    call: *const Call,
) -> u32 {
    // SAFETY: the contract: all pointers are valid for this call.
    unsafe {
        guard::run(call, Phase::Construction, || {
            let out = out.as_mut().ok_or(Misuse("no place for the object"))?;
            let context = ContextRef::retain(context).ok_or(Misuse("no context was given"))?;
            let Some(instance) = L::create(type_name.to_str()?, context)? else {
                return Ok(status::NOT_FOUND);
            };
            *out = Box::into_raw(Box::new(instance)).cast();
            Ok(status::OK)
        })
    }
}

/// Runs a hook of the instance, guarded.
///
/// # Safety
///
/// The contract of the hooks.
unsafe fn on_hook<L: Lifecycles>(
    instance: *mut c_void,
    hook: *const Hook,
    call: *const Call,
    method: impl FnOnce(&mut L::Instance, &HookRef) -> Result<(), BoxError>,
) -> u32 {
    // SAFETY: the contract: `create` made the instance, which has not been destroyed, and no other
    // function of it is running; the other pointers are valid for this call.
    unsafe {
        guard::run(call, Phase::Method, || {
            let instance = instance.cast::<L::Instance>().as_mut();
            let instance = instance.ok_or(Misuse("no object was given"))?;
            let hook = HookRef::retain(hook).ok_or(Misuse("no hook was given"))?;
            method(instance, &hook)?;
            Ok(status::OK)
        })
    }
}

/// Makes the plugin's functions for the hooks that are alike.
macro_rules! hooks {
    ($($name:ident)*) => {$(
        unsafe extern "C" fn $name<L: Lifecycles>(
            instance: *mut c_void,
            hook: *const Hook,
            call: *const Call,
        ) -> u32 {
            // SAFETY: this function's contract.
            unsafe { on_hook::<L>(instance, hook, call, L::$name) }
        }
    )*};
}

hooks! { prepare install start stop uninstall }

unsafe extern "C" fn upgrade<L: Lifecycles>(
    instance: *mut c_void,
    from: Str,
    hook: *const Hook,
    call: *const Call,
) -> u32 {
    // SAFETY: this function's contract, also for the text.
    unsafe {
        on_hook::<L>(instance, hook, call, |instance, hook| {
            L::upgrade(instance, from.to_str()?, hook)
        })
    }
}

unsafe extern "C" fn destroy<L: Lifecycles>(instance: *mut c_void, call: *const Call) -> u32 {
    // SAFETY: the contract: `create` made the instance, and this is the last use of it.
    unsafe { guard::destroy::<L::Instance>(instance, call) }
}

/// The plugin's hold on what it knows of its package.
pub struct ContextRef {
    context: *mut c_void,
    table: &'static LifecycleContextV1,
}

// SAFETY: the contract of `LifecycleContextV1`: from any thread.
unsafe impl Send for ContextRef {}
// SAFETY: as above, several at once.
unsafe impl Sync for ContextRef {}

impl Clone for ContextRef {
    fn clone(&self) -> Self {
        // SAFETY: the table's own function with its own context, which is held.
        unsafe { (self.table.retain)(self.context) };
        Self {
            context: self.context,
            table: self.table,
        }
    }
}

impl ContextRef {
    /// # Safety
    ///
    /// `context` is null or valid now.
    unsafe fn retain(context: *const LifecycleContext) -> Option<Self> {
        // SAFETY: null or valid, says the caller; the table lives as long as the process.
        unsafe {
            let context = context.as_ref()?;
            let table = context.table.as_ref()?;
            (table.retain)(context.context);
            Some(Self {
                context: context.context,
                table,
            })
        }
    }

    fn text(&self, ask: unsafe extern "C" fn(*mut c_void, *const StrSink) -> u32) -> String {
        // SAFETY: the table's own function with its own context, which is held.
        match collect_strings(|out| unsafe { ask(self.context, out) }) {
            Ok((Some(text), status::OK)) => text,
            _ => String::new(),
        }
    }

    fn one_path(&self, ask: unsafe extern "C" fn(*mut c_void, *const PathSink) -> u32) -> PathBuf {
        // SAFETY: the table's own function with its own context, which is held.
        let (path, _) = collect_paths(|out| unsafe { ask(self.context, out) });
        Option::unwrap_or_default(path)
    }

    /// The package's folder.
    #[must_use]
    pub fn package_root(&self) -> PathBuf {
        self.one_path(self.table.package_root)
    }

    /// The package's data folder.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.one_path(self.table.data_dir)
    }

    /// The arguments given at installation, JSON.
    #[must_use]
    pub fn install_kwargs(&self) -> String {
        self.text(self.table.install_kwargs)
    }

    /// The parsed `package.toml`, JSON.
    #[must_use]
    pub fn package_toml(&self) -> String {
        self.text(self.table.package_toml)
    }

    /// Asks for the package's service `I`.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] when the host does not have it, or has it with another layout.
    pub fn service<I: Interface>(&self) -> Result<ServiceHandle<I>, ServiceError> {
        ask_service(|request, out| {
            // SAFETY: the table's own function with its own context, which is held.
            unsafe { (self.table.service)(self.context, request, out) }
        })
    }
}

impl Drop for ContextRef {
    fn drop(&mut self) {
        // SAFETY: gives back one hold.
        unsafe { (self.table.release)(self.context) };
    }
}

/// The plugin's hold on one run of a hook.
pub struct HookRef {
    context: *mut c_void,
    table: &'static HookV1,
}

// SAFETY: the contract of `HookV1`: from any thread.
unsafe impl Send for HookRef {}
// SAFETY: as above, several at once.
unsafe impl Sync for HookRef {}

impl Clone for HookRef {
    fn clone(&self) -> Self {
        // SAFETY: the table's own function with its own context, which is held.
        unsafe { (self.table.retain)(self.context) };
        Self {
            context: self.context,
            table: self.table,
        }
    }
}

impl HookRef {
    /// # Safety
    ///
    /// `hook` is null or valid now.
    pub(crate) unsafe fn retain(hook: *const Hook) -> Option<Self> {
        // SAFETY: null or valid, says the caller; the table lives as long as the process.
        unsafe {
            let hook = hook.as_ref()?;
            let table = hook.table.as_ref()?;
            (table.retain)(hook.context);
            Some(Self {
                context: hook.context,
                table,
            })
        }
    }

    /// The hook in the border's form, valid as long as `self`.
    pub(crate) const fn lent(&self) -> Hook {
        Hook {
            context: self.context,
            table: self.table,
        }
    }

    /// How long until the deadline; `None` when there is none.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        // SAFETY: the table's own function with its own context, which is held.
        let left = unsafe { (self.table.remaining_ms)(self.context) };
        (left != NO_DEADLINE).then(|| Duration::from_millis(left))
    }

    /// Whether the hook should give up.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        // SAFETY: the table's own function with its own context, which is held.
        unsafe { (self.table.is_cancelled)(self.context) != 0 }
    }

    /// Waits until the hook should give up, `timeout` at most; says whether it should.
    #[must_use]
    pub fn wait_cancelled(&self, timeout: Duration) -> bool {
        let timeout = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        // SAFETY: the table's own function with its own context, which is held.
        unsafe { (self.table.wait_cancelled)(self.context, timeout) != 0 }
    }

    /// Says how far the hook is.
    pub fn progress(&self, done: u64, total: Option<u64>, message: &str) {
        let (total, message) = (total.unwrap_or(0), Str::borrow(message));
        // SAFETY: the table's own function with its own context, which is held.
        unsafe { (self.table.progress)(self.context, done, total, message) };
    }
}

impl Drop for HookRef {
    fn drop(&mut self) {
        // SAFETY: gives back one hold.
        unsafe { (self.table.release)(self.context) };
    }
}

/// A hook that a plugin handed back, as a service of the host uses it.
impl CancellationAccess for HookRef {
    fn remaining(&self) -> Option<Duration> {
        HookRef::remaining(self)
    }

    fn is_cancelled(&self) -> bool {
        HookRef::is_cancelled(self)
    }

    fn wait_cancelled(&self, timeout: Duration) -> bool {
        HookRef::wait_cancelled(self, timeout)
    }

    fn progress(&self, done: u64, total: Option<u64>, message: &str) {
        HookRef::progress(self, done, total, message);
    }
}
