//! `keyway.lifecycle` 1: a package's own code, and what its hooks get.

use std::ffi::c_void;
use std::path::PathBuf;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use abi_stable::StableAbi;

use crate::call::{BoxError, Call, FaultReport, Phase, run, status};
use crate::entry::Interface;
use crate::guard::{self, Misuse};
use crate::host::{
    Service, ServiceError, ServiceHandle, ServiceOffer, ServiceRequest, answer_service, ask_service,
};
use crate::text::{PathSink, Str, StrSink, collect_paths, collect_strings};

/// No deadline: what `remaining_ms` returns then.
pub(crate) const NO_DEADLINE: u64 = u64::MAX;

/// `keyway.lifecycle` 1.
///
/// One instance for each package and process. The host never calls two functions of one instance
/// at once, but may call them from different threads.
#[repr(C)]
#[derive(StableAbi)]
pub struct LifecycleV1 {
    /// Makes the lifecycle `type_name` of a package and puts it into `out`. The instance may keep
    /// `context` after retaining it. [`status::NOT_FOUND`]: this plugin gives no such type.
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
    /// Asks for a service of this package, as the host's `service` does for the plugin's. It is
    /// valid as long as the context is held.
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

// ---- the plugin's side -------------------------------------------------------------------------

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
            let out = out
                .as_mut()
                .ok_or_else(|| Misuse("no place for the object".into()))?;
            let context =
                ContextRef::retain(context).ok_or_else(|| Misuse("no context was given".into()))?;
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
            let instance = instance.ok_or_else(|| Misuse("no object was given".into()))?;
            let hook = HookRef::retain(hook).ok_or_else(|| Misuse("no hook was given".into()))?;
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
    unsafe {
        guard::run(call, Phase::ObjectDrop, || {
            if !instance.is_null() {
                drop(Box::from_raw(instance.cast::<L::Instance>()));
            }
            Ok(status::OK)
        })
    }
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
            Ok((mut texts, status::OK)) => texts.pop().unwrap_or_default(),
            _ => String::new(),
        }
    }

    fn one_path(&self, ask: unsafe extern "C" fn(*mut c_void, *const PathSink) -> u32) -> PathBuf {
        // SAFETY: the table's own function with its own context, which is held.
        let (mut paths, _) = collect_paths(|out| unsafe { ask(self.context, out) });
        paths.pop().unwrap_or_default()
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
        // SAFETY: gives back the one hold that `retain` took.
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
    unsafe fn retain(hook: *const Hook) -> Option<Self> {
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

// ---- the host's side ---------------------------------------------------------------------------

/// The host's side of [`LifecycleContextV1`].
#[allow(missing_docs)]
pub trait ContextAccess: Send + Sync + 'static {
    fn package_root(&self) -> PathBuf;
    fn data_dir(&self) -> PathBuf;
    fn install_kwargs(&self) -> String;
    fn package_toml(&self) -> String;
    fn service(&self, name: &str, version: u32) -> Option<ServiceOffer>;
}

/// The host's side of [`HookV1`].
#[allow(missing_docs)]
pub trait CancellationAccess: Send + Sync + 'static {
    fn remaining(&self) -> Option<Duration>;
    fn is_cancelled(&self) -> bool;
    fn wait_cancelled(&self, timeout: Duration) -> bool;
    fn progress(&self, done: u64, total: Option<u64>, message: &str);
}

/// What the host hands to a hook.
pub type Cancellation = Arc<dyn CancellationAccess>;

/// # Safety
///
/// `context` came from `Arc::into_raw` of an `Arc<Box<T>>` that is held.
unsafe fn held<'a, T: ?Sized>(context: *mut c_void) -> &'a T {
    // SAFETY: as the caller says.
    unsafe { &*context.cast::<Box<T>>() }
}

unsafe extern "C" fn retain_context(context: *mut c_void) {
    // SAFETY: the contract: the context is held now.
    unsafe { Arc::increment_strong_count(context.cast::<Box<dyn ContextAccess>>()) };
}

unsafe extern "C" fn release_context(context: *mut c_void) {
    guard::host_side((), || {
        // SAFETY: the contract: gives back one hold.
        unsafe { Arc::decrement_strong_count(context.cast::<Box<dyn ContextAccess>>()) };
    });
}

macro_rules! context_functions {
    ($($name:ident: $sink:ty, $give:expr;)*) => {$(
        unsafe extern "C" fn $name(context: *mut c_void, out: *const $sink) -> u32 {
            guard::host_side(status::REFUSED, || {
                // SAFETY: the contract: the context is held, the sink valid.
                unsafe {
                    let value = held::<dyn ContextAccess>(context).$name();
                    <$sink>::push_all(out, [$give(&value)]);
                }
                status::OK
            })
        }
    )*};
}

context_functions! {
    package_root: PathSink, PathBuf::as_path;
    data_dir: PathSink, PathBuf::as_path;
    install_kwargs: StrSink, String::as_str;
    package_toml: StrSink, String::as_str;
}

unsafe extern "C" fn context_service(
    context: *mut c_void,
    request: *const ServiceRequest,
    out: *mut Service,
) -> u32 {
    guard::host_side(status::REFUSED, || {
        // SAFETY: the contract: the context is held, the pointers valid.
        unsafe {
            let access = held::<dyn ContextAccess>(context);
            answer_service(request, out, |name, version| access.service(name, version))
        }
    })
}

static CONTEXT_TABLE: LifecycleContextV1 = LifecycleContextV1 {
    retain: retain_context,
    release: release_context,
    package_root,
    data_dir,
    install_kwargs,
    package_toml,
    service: context_service,
};

unsafe extern "C" fn retain_hook(hook: *mut c_void) {
    // SAFETY: the contract: the run is held now.
    unsafe { Arc::increment_strong_count(hook.cast::<Box<Cancellation>>()) };
}

unsafe extern "C" fn release_hook(hook: *mut c_void) {
    guard::host_side((), || {
        // SAFETY: the contract: gives back one hold.
        unsafe { Arc::decrement_strong_count(hook.cast::<Box<Cancellation>>()) };
    });
}

unsafe extern "C" fn remaining_ms(hook: *mut c_void) -> u64 {
    guard::host_side(NO_DEADLINE, || {
        // SAFETY: the contract: the run is held.
        let left = unsafe { held::<Cancellation>(hook) }.remaining();
        left.map_or(NO_DEADLINE, |left| {
            u64::try_from(left.as_millis()).unwrap_or(NO_DEADLINE)
        })
    })
}

unsafe extern "C" fn is_cancelled(hook: *mut c_void) -> u32 {
    guard::host_side(1, || {
        // SAFETY: the contract: the run is held.
        u32::from(unsafe { held::<Cancellation>(hook) }.is_cancelled())
    })
}

unsafe extern "C" fn wait_cancelled(hook: *mut c_void, timeout_ms: u64) -> u32 {
    guard::host_side(1, || {
        let timeout = Duration::from_millis(timeout_ms);
        // SAFETY: the contract: the run is held.
        u32::from(unsafe { held::<Cancellation>(hook) }.wait_cancelled(timeout))
    })
}

unsafe extern "C" fn progress(hook: *mut c_void, done: u64, total: u64, message: Str) -> u32 {
    guard::host_side(status::REFUSED, || {
        // SAFETY: the contract: the run is held, the text valid for this call.
        let (run, message) = unsafe { (held::<Cancellation>(hook), message.to_str()) };
        let Ok(message) = message else {
            return status::INVALID;
        };
        run.progress(done, (total > 0).then_some(total), message);
        status::OK
    })
}

static HOOK_TABLE: HookV1 = HookV1 {
    retain: retain_hook,
    release: release_hook,
    remaining_ms,
    is_cancelled,
    wait_cancelled,
    progress,
};

/// `keyway.lifecycle`, as the host's side uses it.
#[derive(Clone, Copy)]
pub struct LifecycleRef {
    table: &'static LifecycleV1,
}

/// One lifecycle of a plugin, held by the host. Dropping it leaks the lifecycle: a hook that never
/// returns may still be in it. [`LifecycleInstance::destroy`] ends it.
pub struct LifecycleInstance {
    table: &'static LifecycleV1,
    instance: NonNull<c_void>,
}

// SAFETY: the contract of `LifecycleV1`: different threads, one after the other.
unsafe impl Send for LifecycleInstance {}

impl LifecycleRef {
    /// Wraps a plugin's table.
    ///
    /// # Safety
    ///
    /// The table passed the gates, and its plugin has been attached: its functions keep the
    /// contract.
    #[must_use]
    pub const unsafe fn new(table: &'static LifecycleV1) -> Self {
        Self { table }
    }

    /// Makes the lifecycle `type_name` for a package; `None` if the plugin gives no such type.
    ///
    /// # Errors
    ///
    /// What the plugin says.
    pub fn create(
        self,
        type_name: &str,
        context: Box<dyn ContextAccess>,
    ) -> Result<Option<LifecycleInstance>, Vec<FaultReport>> {
        let held = Arc::into_raw(Arc::new(context));
        let context = LifecycleContext {
            context: held.cast_mut().cast(),
            table: &raw const CONTEXT_TABLE,
        };
        let mut instance: *mut c_void = std::ptr::null_mut();
        let status = run(&[status::NOT_FOUND], |call| {
            // SAFETY: the contract holds (`new`); everything outlives the call.
            unsafe {
                let name = Str::borrow(type_name);
                (self.table.create)(name, &raw const context, &raw mut instance, call)
            }
        });
        // SAFETY: gives back our own hold.
        unsafe { Arc::decrement_strong_count(held) };
        if status? == status::NOT_FOUND {
            return Ok(None);
        }
        match NonNull::new(instance) {
            Some(instance) => Ok(Some(LifecycleInstance {
                table: self.table,
                instance,
            })),
            None => Err(vec![FaultReport::misuse("status 0 without an object")]),
        }
    }
}

macro_rules! run_hooks {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// What the plugin says.
        pub fn $name(&mut self, cancellation: &Cancellation) -> Result<(), Vec<FaultReport>> {
            let function = self.table.$name;
            // SAFETY: the contract holds (`LifecycleRef::new`); `&mut self`: one at a time.
            self.hook(cancellation, |instance, hook, call| unsafe {
                function(instance, hook, call)
            })
        }
    )*};
}

impl LifecycleInstance {
    run_hooks! {
        /// Runs the hook `prepare`.
        prepare
        /// Runs the hook `install`.
        install
        /// Runs the hook `start`.
        start
        /// Runs the hook `stop`.
        stop
        /// Runs the hook `uninstall`.
        uninstall
    }

    /// Runs the hook `upgrade`, from the version `from`.
    ///
    /// # Errors
    ///
    /// What the plugin says.
    pub fn upgrade(
        &mut self,
        from: &str,
        cancellation: &Cancellation,
    ) -> Result<(), Vec<FaultReport>> {
        let function = self.table.upgrade;
        // SAFETY: as for the other hooks; the text outlives the call.
        self.hook(cancellation, |instance, hook, call| unsafe {
            function(instance, Str::borrow(from), hook, call)
        })
    }

    fn hook(
        &mut self,
        cancellation: &Cancellation,
        invoke: impl FnOnce(*mut c_void, *const Hook, *const Call) -> u32,
    ) -> Result<(), Vec<FaultReport>> {
        let held = Arc::into_raw(Arc::new(Box::new(Arc::clone(cancellation))));
        let hook = Hook {
            context: held.cast_mut().cast(),
            table: &raw const HOOK_TABLE,
        };
        let result = run(&[], |call| {
            invoke(self.instance.as_ptr(), &raw const hook, call)
        });
        // SAFETY: gives back our own hold.
        unsafe { Arc::decrement_strong_count(held) };
        result.map(|_| ())
    }

    /// Ends the lifecycle.
    ///
    /// # Errors
    ///
    /// What the plugin says; the lifecycle has ended all the same.
    pub fn destroy(self) -> Result<(), Vec<FaultReport>> {
        // SAFETY: the contract holds, and `self` is the only hold on the instance.
        run(&[], |call| unsafe {
            (self.table.destroy)(self.instance.as_ptr(), call)
        })
        .map(|_| ())
    }
}
