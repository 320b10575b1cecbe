//! The guard: no panic of a plugin crosses the border or ends the host.
//!
//! One guard wraps each function of a plugin's tables whole: construction, decoding of what came
//! in, the author's method, Display and drop of the error that it returns, drop of the object. The
//! payload of a panic is dropped inside a second guard, because that drop may panic too.
//!
//! What no guard can hold: a crash, an abort, an exit, a stack overflow, a failed allocation, and a
//! panic that starts while another one unwinds, in a panic hook or in a thread-local's destructor.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use crate::call::{BoxError, Call, FaultKind, FaultReport, Location, Phase, status};
use crate::text::NotUtf8;

/// Where this thread stands.
#[derive(Clone, Copy)]
struct Standing {
    /// How many guards it is inside of.
    depth: u32,
    /// Whether the innermost one has seen a panic start, whose place is in [`LOCATION`].
    noted: bool,
}

thread_local! {
    // Read and written in each call: nothing to initialise, nothing to drop.
    static STANDING: Cell<Standing> = const { Cell::new(Standing { depth: 0, noted: false }) };
    static LOCATION: RefCell<Option<Location>> = const { RefCell::new(None) };
}

/// Chains the hook that captures where a panic starts. Done once for a library, at attach.
///
/// Inside a guard the hook notes the place and stays silent; outside it calls the hook that was
/// there before.
pub fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // During a thread's end its thread-locals may be gone: then there is no guard either.
            let inside = STANDING.try_with(|it| it.get().depth > 0).unwrap_or(false);
            if !inside {
                previous(info);
                return;
            }
            note_location(info.location().map(|at| Location {
                file: at.file().to_owned(),
                line: at.line(),
                column: at.column(),
            }));
        }));
    });
}

fn note_location(location: Option<Location>) {
    let kept = LOCATION.try_with(|slot| {
        if let Ok(mut slot) = slot.try_borrow_mut() {
            *slot = location;
        }
    });
    let noted = kept.is_ok();
    let _ = STANDING.try_with(|it| it.set(Standing { noted, ..it.get() }));
}

fn take_location() -> Option<Location> {
    let take = |it: &Cell<Standing>| {
        let standing = it.get();
        it.set(Standing {
            noted: false,
            ..standing
        });
        standing.noted
    };
    if !STANDING.try_with(take).unwrap_or(false) {
        return None;
    }
    LOCATION
        .try_with(|slot| slot.try_borrow_mut().ok().and_then(|mut slot| slot.take()))
        .ok()
        .flatten()
}

/// Marks this thread as inside a guard while it lives.
///
/// A place that was noted for a panic which the author caught is not that of the next one: it is
/// forgotten where a guard begins and where it ends.
struct Inside {
    outer: u32,
}

impl Inside {
    #[inline]
    fn enter() -> Self {
        let enter = |it: &Cell<Standing>| {
            let outer = it.get().depth;
            let depth = outer.saturating_add(1);
            it.set(Standing {
                depth,
                noted: false,
            });
            outer
        };
        Inside {
            outer: STANDING.try_with(enter).unwrap_or(0),
        }
    }
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        let outside = Standing {
            depth: self.outer,
            noted: false,
        };
        let _ = STANDING.try_with(|it| it.set(outside));
    }
}

fn payload_text(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a payload that is no text".to_owned()
    }
}

/// Reports the panic that `payload` came with; the drop of the payload is guarded as well.
///
/// # Safety
///
/// `call` is null or valid for this call.
#[cold]
unsafe fn report_panic(call: *const Call, phase: Phase, payload: Box<dyn Any + Send>) {
    let report = |phase, payload: &(dyn Any + Send)| {
        let fault = FaultReport {
            kind: FaultKind::Panic,
            phase,
            message: payload_text(payload),
            causes: Vec::new(),
            location: take_location(),
        };
        // SAFETY: null or valid, says the caller.
        unsafe { fault.push(call) };
    };
    report(phase, payload.as_ref());
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        report(Phase::PayloadDrop, second.as_ref());
        // Its drop may panic just the same, without an end.
        std::mem::forget(second);
    }
}

/// Reports an error that an author's method returned; its Display and its drop are guarded as well.
///
/// # Safety
///
/// `call` is null or valid for this call.
#[cold]
unsafe fn report_error(call: *const Call, error: BoxError) {
    match catch_unwind(AssertUnwindSafe(|| describe(error.as_ref()))) {
        // SAFETY: null or valid, says the caller.
        Ok(fault) => unsafe { fault.push(call) },
        // SAFETY: as above.
        Err(payload) => unsafe { report_panic(call, Phase::ErrorDisplay, payload) },
    }
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(error))) {
        // SAFETY: as above.
        unsafe { report_panic(call, Phase::ErrorDrop, payload) };
    }
}

/// Runs one function of a plugin's table; gives the status to return.
///
/// # Safety
///
/// `call` is null or valid until this returns.
#[inline]
pub(crate) unsafe fn run(
    call: *const Call,
    phase: Phase,
    work: impl FnOnce() -> Result<u32, BoxError>,
) -> u32 {
    let _inside = Inside::enter();
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(status)) => return status,
        // SAFETY: null or valid, says the caller.
        Ok(Err(error)) => unsafe { report_error(call, error) },
        // SAFETY: as above.
        Err(payload) => unsafe { report_panic(call, phase, payload) },
    }
    status::FAULT
}

/// Drops the object behind `instance`, guarded; gives the status to return.
///
/// # Safety
///
/// `instance` is null or came from `Box::into_raw` of a `Box<T>`, and this is the last use of it;
/// `call` is null or valid until this returns.
pub(crate) unsafe fn destroy<T>(instance: *mut c_void, call: *const Call) -> u32 {
    // SAFETY: as the caller says.
    unsafe {
        run(call, Phase::ObjectDrop, || {
            if !instance.is_null() {
                drop(Box::from_raw(instance.cast::<T>()));
            }
            Ok(status::OK)
        })
    }
}

fn describe(error: &(dyn std::error::Error + 'static)) -> FaultReport {
    let mut causes = Vec::new();
    let mut cause = error.source();
    // A chain that leads back to itself has no end.
    while let Some(error) = cause.filter(|_| causes.len() < 32) {
        causes.push(error.to_string());
        cause = error.source();
    }
    // What the border itself found is passed on as it is.
    if error.is::<Misuse>() || error.is::<NotUtf8>() {
        return FaultReport::misuse(error.to_string());
    }
    FaultReport::error(error.to_string(), causes)
}

/// The caller broke the contract.
#[derive(Debug)]
pub(crate) struct Misuse(pub(crate) &'static str);

impl std::fmt::Display for Misuse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Misuse {}

/// Runs one of the host's own functions that a plugin called: a panic there becomes `on_panic`.
///
/// The host's panic hook has spoken by then; only the unwinding is stopped.
#[inline]
pub(crate) fn host_side<R>(on_panic: R, work: impl FnOnce() -> R) -> R {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(payload) => {
            let_go(payload);
            on_panic
        }
    }
}

/// Drops the payload of a panic, which may panic as well.
#[cold]
fn let_go(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call;

    fn faults(work: impl FnOnce() -> Result<u32, BoxError>) -> Vec<FaultReport> {
        install_hook();
        // SAFETY: `call::run` hands over a valid call.
        call::run(&[], |call| unsafe { run(call, Phase::Method, work) }).unwrap_err()
    }

    #[derive(Debug)]
    struct Nasty {
        in_display: bool,
    }

    impl std::fmt::Display for Nasty {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            assert!(!self.in_display, "no words");
            f.write_str("nasty")
        }
    }

    impl std::error::Error for Nasty {}

    impl Drop for Nasty {
        fn drop(&mut self) {
            panic!("will not go");
        }
    }

    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::panic_any(Bomb);
        }
    }

    #[test]
    fn a_panic_is_a_fault_with_its_place() {
        let faults = faults(|| panic!("no such {}", "luck"));
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].kind, FaultKind::Panic);
        assert_eq!(faults[0].message, "no such luck");
        let location = faults[0].location.as_ref().unwrap();
        assert!(location.file.ends_with("guard.rs"), "{location}");
    }

    #[test]
    fn the_place_of_a_panic_that_the_author_caught_is_not_that_of_the_next() {
        install_hook();
        let calm = call::run(&[], |call| {
            let caught = || {
                let _ = catch_unwind(|| panic!("caught"));
                Ok(status::OK)
            };
            // SAFETY: `call::run` hands over a valid call.
            unsafe { run(call, Phase::Method, caught) }
        });
        assert_eq!(calm, Ok(status::OK));
        // This one starts without the hook, so its place cannot be known.
        let faults = faults(|| std::panic::resume_unwind(Box::new("again")));
        assert_eq!(faults[0].message, "again");
        assert_eq!(faults[0].location, None);
    }

    #[test]
    fn after_a_guard_inside_another_one_places_are_noted_still() {
        let faults = faults(|| {
            let inner = faults(|| panic!("inner"));
            assert_eq!(inner[0].message, "inner");
            panic!("outer")
        });
        assert_eq!(faults[0].message, "outer");
        assert!(faults[0].location.is_some(), "{faults:?}");
        assert_eq!(STANDING.get().depth, 0);
    }

    #[test]
    fn display_and_drop_of_an_error_are_guarded() {
        let faults = faults(|| Err(Box::new(Nasty { in_display: true })));
        let phases: Vec<_> = faults.iter().map(|fault| fault.phase).collect();
        assert_eq!(phases, [Phase::ErrorDisplay, Phase::ErrorDrop]);
    }

    #[test]
    fn an_error_whose_drop_panics_keeps_its_message() {
        let faults = faults(|| Err(Box::new(Nasty { in_display: false })));
        assert_eq!(faults[0].message, "nasty");
        assert_eq!(faults[1].phase, Phase::ErrorDrop);
        assert_eq!(faults[1].message, "will not go");
    }

    #[test]
    fn a_payload_whose_drop_panics_without_end_is_held() {
        let faults = faults(|| std::panic::panic_any(Bomb));
        let phases: Vec<_> = faults.iter().map(|fault| fault.phase).collect();
        assert_eq!(phases, [Phase::Method, Phase::PayloadDrop]);
    }

    #[test]
    fn a_panic_in_the_host_is_held() {
        assert_eq!(host_side(7, || panic!("host")), 7);
    }
}
