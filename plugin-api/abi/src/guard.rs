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

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
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
            let inside = DEPTH.try_with(Cell::get).unwrap_or(0) > 0;
            if !inside {
                previous(info);
                return;
            }
            let location = info.location().map(|at| Location {
                file: at.file().to_owned(),
                line: at.line(),
                column: at.column(),
            });
            let _ = LOCATION.try_with(|slot| {
                if let Ok(mut slot) = slot.try_borrow_mut() {
                    *slot = location;
                }
            });
        }));
    });
}

/// Marks this thread as inside a guard while it lives.
struct Inside;

impl Inside {
    fn enter() -> Self {
        // A place that was noted for a panic which the author caught is not that of the next one.
        let _ = take_location();
        let _ = DEPTH.try_with(|depth| depth.set(depth.get() + 1));
        Inside
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = DEPTH.try_with(|depth| depth.set(depth.get().saturating_sub(1)));
    }
}

fn take_location() -> Option<Location> {
    LOCATION
        .try_with(|slot| slot.try_borrow_mut().ok().and_then(|mut slot| slot.take()))
        .ok()
        .flatten()
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

/// Runs `work`; a panic becomes a fault, and the drop of its payload is guarded as well.
fn caught<R>(
    phase: Phase,
    report: &mut dyn FnMut(FaultReport),
    work: impl FnOnce() -> R,
) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => Some(result),
        Err(payload) => {
            report(FaultReport {
                kind: FaultKind::Panic,
                phase,
                message: payload_text(payload.as_ref()),
                causes: Vec::new(),
                location: take_location(),
            });
            if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                report(FaultReport {
                    kind: FaultKind::Panic,
                    phase: Phase::PayloadDrop,
                    message: payload_text(second.as_ref()),
                    causes: Vec::new(),
                    location: take_location(),
                });
                // Its drop may panic just the same, without an end.
                std::mem::forget(second);
            }
            None
        }
    }
}

/// Runs one function of a plugin's table; gives the status to return.
///
/// # Safety
///
/// `call` is null or valid until this returns.
pub(crate) unsafe fn run(
    call: *const Call,
    phase: Phase,
    work: impl FnOnce() -> Result<u32, BoxError>,
) -> u32 {
    let _inside = Inside::enter();
    let mut failed = false;
    let mut report = |fault: FaultReport| {
        failed = true;
        // SAFETY: null or valid, says the caller.
        unsafe { fault.push(call) };
    };
    match caught(phase, &mut report, work) {
        Some(Ok(status)) => return status,
        Some(Err(error)) => {
            let described = caught(Phase::ErrorDisplay, &mut report, || {
                describe(error.as_ref())
            });
            if let Some(fault) = described {
                report(fault);
            }
            caught(Phase::ErrorDrop, &mut report, || drop(error));
        }
        None => {}
    }
    debug_assert!(failed);
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
pub(crate) struct Misuse(pub(crate) String);

impl std::fmt::Display for Misuse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misuse {}

/// Runs one of the host's own functions that a plugin called: a panic there becomes `on_panic`.
///
/// The host's panic hook has spoken by then; only the unwinding is stopped.
pub(crate) fn host_side<R>(on_panic: R, work: impl FnOnce() -> R) -> R {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(payload) => {
            if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                std::mem::forget(second);
            }
            on_panic
        }
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
