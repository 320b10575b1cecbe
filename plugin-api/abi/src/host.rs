//! What the host offers to every plugin: logging, and services by name and version.

use std::any::Any;
use std::ffi::c_void;
use std::fmt;
use std::sync::Arc;

use abi_stable::StableAbi;

use crate::call::status;
use crate::entry::{FLAVOUR_C, FLAVOUR_RUST, Interface};
use crate::evidence::{Evidence, LayoutMismatch, check_evidence};
use crate::guard;
use crate::log::{
    CallsiteInfo, LogCallsite, LogEvent, LogSite, LogSiteRef, LogValue, OwnedValue, read_event,
};
use crate::services::config::{CONFIG_TABLE, ConfigHandle};
use crate::services::fetch::{FETCH_TABLE, FetchHandle};
use crate::services::packages::{PACKAGES_TABLE, PackagesHandle};
use crate::services::process::{PROCESS_TABLE, ProcessHandle};
use crate::services::store::{STORE_TABLE, StoreHandle};
use crate::text::{NotUtf8, Str, borrow_all, read_all};

/// The host as a plugin sees it, version 1.
///
/// Every function may be called from any thread at any time after attach began.
#[repr(C)]
#[derive(StableAbi)]
pub struct HostV1 {
    /// Registers a place that logs and fills `out`. The same `identity` gives the same site.
    /// [`status::REFUSED`] when the host takes no more places; `out` is then null in both fields.
    pub log_register: unsafe extern "C" fn(
        host: *mut c_void,
        callsite: *const LogCallsite,
        out: *mut LogSite,
    ) -> u32,
    /// Takes one event of a registered place. Nothing is wrong with calling it when the place is
    /// not wanted; the event is then thrown away.
    pub log_event:
        unsafe extern "C" fn(host: *mut c_void, site: *const c_void, event: *const LogEvent) -> u32,
    /// Asks for a service and fills `out`. [`status::NOT_FOUND`]: not here, ask for an older
    /// version or do without. [`status::INVALID`]: the evidence does not fit the host's table.
    pub service: unsafe extern "C" fn(
        host: *mut c_void,
        request: *const ServiceRequest,
        out: *mut Service,
    ) -> u32,
}

/// A host: its table and what to hand to the table's functions. Valid as long as the process.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct Host {
    /// Handed to each function of the table.
    pub context: *mut c_void,
    /// The functions.
    pub table: *const HostV1,
}

/// A plugin's question for a service.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct ServiceRequest {
    /// The service's name, as `keyway.store`.
    pub name: Str,
    /// The version, from 1.
    pub version: u32,
    /// Whether `evidence` is given: as the flavour of a row; others are [`status::INVALID`].
    pub flavour: u32,
    /// The layout of the table as the plugin knows it, or null in C.
    pub evidence: *const c_void,
}

/// A service. Its table is valid as long as the process; how long its context is stands in the
/// contract of who gives it.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct Service {
    /// Handed to each function of the table.
    pub context: *mut c_void,
    /// The table, of the type that (name, version) stands for.
    pub table: *const c_void,
}

/// A service that a host offers, with how a plugin's evidence is compared.
///
/// What a host of lifecycles offers is made by [`Self::store`] and the like: it lives as long
/// as the lifecycle context that it was asked of.
#[derive(Clone)]
pub struct ServiceOffer {
    service: Service,
    /// What the service's context points to, unless somebody else keeps it.
    kept: Option<Arc<dyn Any + Send + Sync>>,
    check: unsafe fn(*const Evidence) -> Result<(), LayoutMismatch>,
}

// SAFETY: made by `ServiceOffer::new`, whose caller vouches for use from any thread.
unsafe impl Send for ServiceOffer {}
// SAFETY: as above.
unsafe impl Sync for ServiceOffer {}

impl ServiceOffer {
    /// Offers `table` with `context`.
    ///
    /// # Safety
    ///
    /// `context` is what the functions of `table` expect, for as long as the giver's contract
    /// says, on any thread.
    #[must_use]
    pub const unsafe fn new<I: Interface>(context: *mut c_void, table: &'static I) -> Self {
        Self {
            service: Service {
                context,
                table: (table as *const I).cast(),
            },
            kept: None,
            check: check_evidence::<I>,
        }
    }

    /// Offers `keyway.store` 1.
    #[must_use]
    pub fn store(store: StoreHandle) -> Self {
        Self::kept(store, &STORE_TABLE)
    }

    /// Offers `keyway.config` 1.
    #[must_use]
    pub fn config(config: ConfigHandle) -> Self {
        Self::kept(config, &CONFIG_TABLE)
    }

    /// Offers `keyway.packages` 1.
    #[must_use]
    pub fn packages(packages: PackagesHandle) -> Self {
        Self::kept(packages, &PACKAGES_TABLE)
    }

    /// Offers `keyway.fetch` 1.
    #[must_use]
    pub fn fetch(fetch: FetchHandle) -> Self {
        Self::kept(fetch, &FETCH_TABLE)
    }

    /// Offers `keyway.process` 1.
    #[must_use]
    pub fn process(processes: ProcessHandle) -> Self {
        Self::kept(processes, &PROCESS_TABLE)
    }

    /// Offers `table`, whose functions expect a pointer to a `T`.
    fn kept<T: Any + Send + Sync, I: Interface>(context: T, table: &'static I) -> Self {
        let kept = Arc::new(context);
        let context = Arc::as_ptr(&kept).cast_mut().cast();
        // SAFETY: what the context points to is kept with the offer, and may be used from any
        // thread.
        let mut offer = unsafe { Self::new(context, table) };
        offer.kept = Some(kept);
        offer
    }
}

/// The host's side of [`HostV1`]: implemented once for each plugin.
pub trait HostServices: Send + Sync + 'static {
    /// Registers a place that logs: a handle that is not 0, and where the host keeps whether the
    /// place is wanted. `None` when no more places are taken.
    fn log_register(
        &self,
        callsite: &CallsiteInfo<'_>,
    ) -> Option<(usize, &'static std::sync::atomic::AtomicU32)>;

    /// Takes an event of the place that `handle` stands for.
    fn log_event(&self, handle: usize, values: &[(usize, OwnedValue)], spans: &str);

    /// The service `name` in `version`, if it is here.
    fn service(&self, name: &str, version: u32) -> Option<ServiceOffer>;
}

/// Puts `services` behind the border, for as long as the process lives.
#[must_use]
pub fn host_v1<H: HostServices>(services: H) -> &'static Host {
    let services: &'static H = Box::leak(Box::new(services));
    Box::leak(Box::new(Host {
        context: std::ptr::from_ref(services).cast_mut().cast(),
        table: &const {
            HostV1 {
                log_register: log_register::<H>,
                log_event: log_event::<H>,
                service: service::<H>,
            }
        },
    }))
}

unsafe extern "C" fn log_register<H: HostServices>(
    host: *mut c_void,
    callsite: *const LogCallsite,
    out: *mut LogSite,
) -> u32 {
    guard::host_side(status::REFUSED, || {
        // SAFETY: `host_v1` made the context from an `H` that lives for ever.
        let host = unsafe { &*host.cast::<H>() };
        // SAFETY: the contract: null or valid for this call.
        let (Some(callsite), Some(out)) = (unsafe { (callsite.as_ref(), out.as_mut()) }) else {
            return status::INVALID;
        };
        *out = LogSite {
            handle: std::ptr::null(),
            wanted: std::ptr::null(),
        };
        // SAFETY: the contract: its texts are valid for this call.
        let Ok(info) = (unsafe { read_callsite(callsite) }) else {
            return status::INVALID;
        };
        match host.log_register(&info) {
            Some((handle, wanted)) => {
                *out = LogSite {
                    handle: std::ptr::without_provenance(handle),
                    wanted: wanted.as_ptr(),
                };
                status::OK
            }
            None => status::REFUSED,
        }
    })
}

/// # Safety
///
/// All texts of `callsite` are valid for `'a`.
unsafe fn read_callsite<'a>(callsite: &LogCallsite) -> Result<CallsiteInfo<'a>, NotUtf8> {
    // SAFETY: the caller vouches for every text and for the list.
    unsafe {
        let some = |text: Str| text.to_str().map(|text| (!text.is_empty()).then_some(text));
        Ok(CallsiteInfo {
            identity: callsite.identity.addr(),
            level: callsite.level,
            line: (callsite.line > 0).then_some(callsite.line),
            name: callsite.name.to_str()?,
            target: callsite.target.to_str()?,
            file: some(callsite.file)?,
            module_path: some(callsite.module_path)?,
            fields: read_all(callsite.fields, callsite.field_count)?,
        })
    }
}

unsafe extern "C" fn log_event<H: HostServices>(
    host: *mut c_void,
    site: *const c_void,
    event: *const LogEvent,
) -> u32 {
    guard::host_side(status::REFUSED, || {
        // SAFETY: `host_v1` made the context from an `H` that lives for ever.
        let host = unsafe { &*host.cast::<H>() };
        // SAFETY: the contract: null or valid for this call.
        let Some(event) = (unsafe { event.as_ref() }) else {
            return status::INVALID;
        };
        // SAFETY: the contract: what it points to is valid for this call.
        let (values, spans) = unsafe { read_event(event) };
        host.log_event(site.addr(), &values, &spans);
        status::OK
    })
}

unsafe extern "C" fn service<H: HostServices>(
    host: *mut c_void,
    request: *const ServiceRequest,
    out: *mut Service,
) -> u32 {
    guard::host_side(status::REFUSED, || {
        // SAFETY: `host_v1` made the context from an `H` that lives for ever.
        let host = unsafe { &*host.cast::<H>() };
        // SAFETY: the contract of this function is that of `answer_service`; what is offered here
        // lives as long as the process.
        unsafe {
            answer_service(request, out, |name, version| {
                let offer = host.service(name, version)?;
                std::mem::forget(offer.kept.clone());
                Some(offer)
            })
        }
    })
}

/// Answers a question for a service from `find`.
///
/// # Safety
///
/// What `find` gives is kept elsewhere for as long as the contract of who answers says; `request` and `out` are null or valid for this call, and so is what the request points to.
pub(crate) unsafe fn answer_service(
    request: *const ServiceRequest,
    out: *mut Service,
    find: impl FnOnce(&str, u32) -> Option<ServiceOffer>,
) -> u32 {
    // SAFETY: null or valid, says the caller.
    let (Some(request), Some(out)) = (unsafe { (request.as_ref(), out.as_mut()) }) else {
        return status::INVALID;
    };
    // SAFETY: the caller vouches for the text.
    let Ok(name) = (unsafe { request.name.to_str() }) else {
        return status::INVALID;
    };
    let Some(offer) = find(name, request.version) else {
        return status::NOT_FOUND;
    };
    if request.flavour != FLAVOUR_RUST && request.flavour != FLAVOUR_C {
        return status::INVALID;
    }
    if request.flavour == FLAVOUR_RUST {
        if request.evidence.is_null() {
            return status::INVALID;
        }
        // SAFETY: in this flavour the evidence is an `Evidence`, says the contract.
        if unsafe { (offer.check)(request.evidence.cast()) }.is_err() {
            return status::INVALID;
        }
    }
    *out = offer.service;
    status::OK
}

/// The host, as the plugin's side uses it.
#[derive(Clone, Copy)]
pub struct HostRef {
    context: *mut c_void,
    table: &'static HostV1,
}

// SAFETY: the contract of `HostV1`: any thread, any time, as long as the process.
unsafe impl Send for HostRef {}
// SAFETY: as above.
unsafe impl Sync for HostRef {}

/// Why a service is not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceError {
    /// The host does not have it.
    NotHere {
        /// The service's name.
        name: &'static str,
        /// The version that was asked for.
        version: u32,
    },
    /// The host's table is not what the plugin takes it for.
    Layout {
        /// The service's name.
        name: &'static str,
        /// The version that was asked for.
        version: u32,
    },
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHere { name, version } => {
                write!(f, "the host has no service `{name}` {version}")
            }
            Self::Layout { name, version } => write!(
                f,
                "the host's service `{name}` {version} has another layout than this plugin knows"
            ),
        }
    }
}

impl std::error::Error for ServiceError {}

/// A service as the plugin's side holds it.
pub struct ServiceHandle<I: 'static> {
    /// Handed to each function of the table.
    pub context: *mut c_void,
    /// The functions.
    pub table: &'static I,
}

/// Asks `invoke` for the service `I`.
pub(crate) fn ask_service<I: Interface>(
    invoke: impl FnOnce(*const ServiceRequest, *mut Service) -> u32,
) -> Result<ServiceHandle<I>, ServiceError> {
    let request = ServiceRequest {
        name: Str::borrow(I::NAME),
        version: I::VERSION,
        flavour: FLAVOUR_RUST,
        evidence: std::ptr::from_ref(I::EVIDENCE).cast(),
    };
    let mut out = Service {
        context: std::ptr::null_mut(),
        table: std::ptr::null(),
    };
    let status = invoke(&raw const request, &raw mut out);
    let (name, version) = (I::NAME, I::VERSION);
    match status {
        status::OK if !out.table.is_null() => Ok(ServiceHandle {
            context: out.context,
            // SAFETY: the host compared this plugin's evidence with its own table's layout.
            table: unsafe { &*out.table.cast::<I>() },
        }),
        status::INVALID => Err(ServiceError::Layout { name, version }),
        _ => Err(ServiceError::NotHere { name, version }),
    }
}

impl HostRef {
    /// # Safety
    ///
    /// `host` is null or what a host handed to `attach`.
    pub(crate) unsafe fn new(host: *const Host) -> Option<Self> {
        // SAFETY: null or valid, says the caller; its table lives as long as the process.
        unsafe {
            let host = host.as_ref()?;
            Some(Self {
                context: host.context,
                table: host.table.as_ref()?,
            })
        }
    }

    /// Registers a place that logs.
    #[must_use]
    pub fn log_register(self, info: &CallsiteInfo<'_>) -> Option<LogSiteRef> {
        let fields = borrow_all(&info.fields);
        let text = |text: Option<&str>| text.map_or(Str::EMPTY, Str::borrow);
        let callsite = LogCallsite {
            identity: std::ptr::without_provenance(info.identity),
            level: info.level,
            line: info.line.unwrap_or(0),
            name: Str::borrow(info.name),
            target: Str::borrow(info.target),
            file: text(info.file),
            module_path: text(info.module_path),
            fields: fields.as_ptr(),
            field_count: fields.len(),
        };
        let mut site = LogSite {
            handle: std::ptr::null(),
            wanted: std::ptr::null(),
        };
        // SAFETY: the table's own function with its own context; both pointers outlive the call.
        let status =
            unsafe { (self.table.log_register)(self.context, &raw const callsite, &raw mut site) };
        if status != status::OK {
            return None;
        }
        // SAFETY: the host filled it and said OK.
        unsafe { LogSiteRef::new(site) }
    }

    /// Sends one event of a registered place.
    pub fn log_event(self, site: LogSiteRef, values: &[(u32, OwnedValue)], spans: &str) {
        let values: Vec<LogValue> = values
            .iter()
            .map(|(field, value)| LogValue::borrow(*field, value))
            .collect();
        let event = LogEvent {
            values: values.as_ptr(),
            value_count: values.len(),
            spans: Str::borrow(spans),
        };
        // SAFETY: the table's own function with its own context; `event` outlives the call.
        unsafe { (self.table.log_event)(self.context, site.handle(), &raw const event) };
    }

    /// Asks for the service `I`.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] when the host does not have it, or has it with another layout.
    pub fn service<I: Interface>(self) -> Result<ServiceHandle<I>, ServiceError> {
        ask_service(|request, out| {
            // SAFETY: the table's own function with its own context; both outlive the call.
            unsafe { (self.table.service)(self.context, request, out) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[repr(C)]
    #[derive(StableAbi)]
    struct Greeter {
        greet: unsafe extern "C" fn(context: *mut c_void) -> u32,
    }

    // SAFETY: a frozen table of this test.
    unsafe impl Interface for Greeter {
        const NAME: &'static str = "test.greeter";
        const VERSION: u32 = 1;
        const SINCE_MINOR: u16 = 0;
    }

    /// What another author took `test.greeter` 1 for.
    #[repr(C)]
    #[derive(StableAbi)]
    struct Other {
        greet: unsafe extern "C" fn(context: *mut c_void, loud: u32) -> u32,
    }

    // SAFETY: a table of this test; the mismatch is what is tested.
    unsafe impl Interface for Other {
        const NAME: &'static str = "test.greeter";
        const VERSION: u32 = 1;
        const SINCE_MINOR: u16 = 0;
        const EVIDENCE: &'static Evidence = &Evidence::of_other_sources::<Self>();
    }

    unsafe extern "C" fn greet(_: *mut c_void) -> u32 {
        42
    }

    static GREETER: Greeter = Greeter { greet };
    static WANTED: AtomicU32 = AtomicU32::new(0);
    static EVENTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

    struct Services;

    impl HostServices for Services {
        fn log_register(&self, callsite: &CallsiteInfo<'_>) -> Option<(usize, &'static AtomicU32)> {
            (callsite.target == "taken").then_some((1, &WANTED))
        }
        fn log_event(&self, handle: usize, values: &[(usize, OwnedValue)], spans: &str) {
            let mut events = EVENTS.lock().unwrap();
            events.push(format!("{handle} {values:?} {spans}"));
        }
        fn service(&self, name: &str, version: u32) -> Option<ServiceOffer> {
            assert_ne!(name, "test.panics", "the host's own code panics");
            (name == "test.greeter" && version == 1)
                // SAFETY: `greet` uses no context.
                .then(|| unsafe { ServiceOffer::new(std::ptr::null_mut(), &GREETER) })
        }
    }

    fn host() -> HostRef {
        // SAFETY: a real host.
        unsafe { HostRef::new(host_v1(Services)) }.unwrap()
    }

    #[repr(C)]
    #[derive(StableAbi)]
    struct Panics {
        nothing: usize,
    }

    // SAFETY: a table of this test, never given.
    unsafe impl Interface for Panics {
        const NAME: &'static str = "test.panics";
        const VERSION: u32 = 1;
        const SINCE_MINOR: u16 = 0;
    }

    #[test]
    fn a_service_that_is_not_here_says_so() {
        let error = host().service::<Panics>().err().unwrap();
        assert_eq!(error.to_string(), "the host has no service `test.panics` 1");
    }

    #[test]
    fn a_service_of_another_layout_is_refused() {
        let error = host().service::<Other>().err().unwrap();
        assert_eq!(
            error.to_string(),
            "the host's service `test.greeter` 1 has another layout than this plugin knows"
        );
    }

    #[test]
    fn a_service_is_found_by_name_and_version() {
        let greeter = host().service::<Greeter>().unwrap();
        // SAFETY: the service's own function with its own context.
        assert_eq!(unsafe { (greeter.table.greet)(greeter.context) }, 42);
    }

    #[test]
    fn events_travel_only_for_places_that_are_taken() {
        let mut info = CallsiteInfo {
            identity: 1,
            level: 3,
            line: None,
            name: "event",
            target: "refused",
            file: None,
            module_path: None,
            fields: vec!["message"],
        };
        assert!(host().log_register(&info).is_none());
        info.target = "taken";
        let site = host().log_register(&info).unwrap();
        assert!(!site.wanted());
        WANTED.store(1, Ordering::Relaxed);
        assert!(site.wanted());
        host().log_event(site, &[(0, OwnedValue::F64(0.5))], "outer");
        assert_eq!(*EVENTS.lock().unwrap(), ["1 [(0, F64(0.5))] outer"]);
    }
}
