//! Lifecycles as the host's side uses them, and the host's functions that they call.

use std::ffi::c_void;
use std::path::PathBuf;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Hook, HookV1, LifecycleContext, LifecycleContextV1, LifecycleV1, NO_DEADLINE};
use crate::call::{Call, FaultReport, run, status};
use crate::guard;
use crate::host::{Service, ServiceOffer, ServiceRequest, answer_service};
use crate::text::{PathSink, Str, StrSink};

/// The host's side of [`LifecycleContextV1`].
#[allow(missing_docs)]
pub trait ContextAccess: Send + Sync + 'static {
    fn package_root(&self) -> PathBuf;
    fn data_dir(&self) -> PathBuf;
    fn install_kwargs(&self) -> String;
    fn package_toml(&self) -> String;
    /// The service `name` in `version`, if it is here. Asked once: what is offered is kept as long
    /// as the context and given again.
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

/// One run of a hook: after its end it counts as cancelled, whoever still holds it.
struct Run {
    inner: Cancellation,
    ended: AtomicBool,
}

impl CancellationAccess for Run {
    fn remaining(&self) -> Option<Duration> {
        self.inner.remaining()
    }

    fn is_cancelled(&self) -> bool {
        self.ended.load(Ordering::Acquire) || self.inner.is_cancelled()
    }

    fn wait_cancelled(&self, timeout: Duration) -> bool {
        /// As long as the end of a hook may go unnoticed by who waits.
        const SLICE: Duration = Duration::from_millis(20);
        let began = Instant::now();
        loop {
            let left = timeout.saturating_sub(began.elapsed());
            if self.is_cancelled() || self.inner.wait_cancelled(left.min(SLICE)) {
                return true;
            }
            if left.is_zero() {
                return false;
            }
        }
    }

    fn progress(&self, done: u64, total: Option<u64>, message: &str) {
        if !self.ended.load(Ordering::Acquire) {
            self.inner.progress(done, total, message);
        }
    }
}

/// What a lifecycle context points to.
struct Known {
    access: Box<dyn ContextAccess>,
    /// What was offered to the lifecycle, with the names and versions that were asked for.
    offered: Mutex<Vec<(String, u32, ServiceOffer)>>,
}

impl Known {
    fn service(&self, name: &str, version: u32) -> Option<ServiceOffer> {
        let find = |offered: &[(String, u32, ServiceOffer)]| {
            let same = offered.iter().find(|it| it.0 == name && it.1 == version);
            same.map(|(_, _, offer)| offer.clone())
        };
        let offered = || self.offered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(offer) = find(&offered()) {
            return Some(offer);
        }
        let offer = self.access.service(name, version)?;
        let mut offered = offered();
        // Another thread may have asked meanwhile; the one that is kept is the one that is given.
        if let Some(offer) = find(&offered) {
            return Some(offer);
        }
        offered.push((name.to_owned(), version, offer.clone()));
        Some(offer)
    }
}

/// # Safety
///
/// `context` came from `Arc::into_raw` of an `Arc<T>` that is held.
unsafe fn held<'a, T>(context: *mut c_void) -> &'a T {
    // SAFETY: as the caller says.
    unsafe { &*context.cast::<T>() }
}

unsafe extern "C" fn retain_context(context: *mut c_void) {
    // SAFETY: the contract: the context is held now.
    unsafe { Arc::increment_strong_count(context.cast::<Known>()) };
}

unsafe extern "C" fn release_context(context: *mut c_void) {
    guard::host_side((), || {
        // SAFETY: the contract: gives back one hold.
        unsafe { Arc::decrement_strong_count(context.cast::<Known>()) };
    });
}

macro_rules! context_functions {
    ($($name:ident: $sink:ty, $give:expr;)*) => {$(
        unsafe extern "C" fn $name(context: *mut c_void, out: *const $sink) -> u32 {
            guard::host_side(status::REFUSED, || {
                // SAFETY: the contract: the context is held, the sink valid.
                unsafe {
                    let value = held::<Known>(context).access.$name();
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
        // SAFETY: the contract: the context is held, the pointers valid; the context keeps what it
        // has offered.
        unsafe {
            let known = held::<Known>(context);
            answer_service(request, out, |name, version| known.service(name, version))
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
    unsafe { Arc::increment_strong_count(hook.cast::<Cancellation>()) };
}

unsafe extern "C" fn release_hook(hook: *mut c_void) {
    guard::host_side((), || {
        // SAFETY: the contract: gives back one hold.
        unsafe { Arc::decrement_strong_count(hook.cast::<Cancellation>()) };
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
// SAFETY: nothing of it is used through `&self`.
unsafe impl Sync for LifecycleInstance {}

impl LifecycleRef {
    /// Wraps a plugin's table.
    ///
    /// # Safety
    ///
    /// The table passed the gates: its functions keep the contract. None is called before the
    /// plugin has been attached.
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
        let held = Arc::into_raw(Arc::new(Known {
            access: context,
            offered: Mutex::new(Vec::new()),
        }));
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
        let run_of_hook = Arc::new(Run {
            inner: Arc::clone(cancellation),
            ended: AtomicBool::new(false),
        });
        let shown: Cancellation = Arc::clone(&run_of_hook) as Cancellation;
        let held = Arc::into_raw(Arc::new(shown));
        let hook = Hook {
            context: held.cast_mut().cast(),
            table: &raw const HOOK_TABLE,
        };
        let result = run(&[], |call| {
            invoke(self.instance.as_ptr(), &raw const hook, call)
        });
        run_of_hook.ended.store(true, Ordering::Release);
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
