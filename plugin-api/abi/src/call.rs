//! What a call of a plugin's function brings along, and what goes wrong in one.

use std::error::Error;
use std::ffi::c_void;
use std::fmt;

use abi_stable::StableAbi;

use crate::guard;
use crate::text::Str;

/// What an author's method fails with: any error.
pub type BoxError = Box<dyn Error>;

/// The statuses that functions of the border return.
pub mod status {
    /// Done.
    pub const OK: u32 = 0;
    /// Failed; a function of a plugin has pushed a [`Fault`](crate::Fault) before.
    pub const FAULT: u32 = 1;
    /// What was asked for is not there: a file, a key, a type, a service.
    pub const NOT_FOUND: u32 = 2;
    /// An argument is not what the contract asks for, as text that is not UTF-8.
    pub const INVALID: u32 = 3;
    /// The type that was asked for is just being initialised by the one who asks.
    pub const CYCLE: u32 = 4;
    /// The other side does not do that, here or now.
    pub const REFUSED: u32 = 5;
    /// What was expected to be there is not, or something else is.
    pub const CONFLICT: u32 = 6;
}

/// One thing that went wrong in a call, in the border's form.
///
/// Valid until [`Call::push_fault`] returns.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct Fault {
    /// 1 error, 2 panic, 3 the caller broke the contract; others count as error.
    pub kind: u32,
    /// Where in the call: 0 the method, 1 construction, 2 an error's Display, 3 an error's drop,
    /// 4 a panic payload's drop, 5 the object's drop.
    pub phase: u32,
    /// The line in `file`, from 1; 0 when it is not known.
    pub line: u32,
    /// The column in `line`, from 1; 0 when it is not known.
    pub column: u32,
    /// What happened.
    pub message: Str,
    /// The source file of a panic; empty when it is not known.
    pub file: Str,
    /// The causes of an error, nearest first; may be null. The host keeps the first 64.
    pub causes: *const Str,
    /// How many causes.
    pub cause_count: usize,
}

/// What the host hands over with each call of a plugin's function.
///
/// Valid until the call returns, on the thread that makes it.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct Call {
    /// Handed to `push_fault`.
    pub context: *mut c_void,
    /// Tells the host what went wrong. May be called several times; the first is the main thing. A
    /// call in which a fault was pushed has failed, whatever status it returns.
    pub push_fault: unsafe extern "C" fn(context: *mut c_void, fault: *const Fault),
}

/// What kind of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The author's code returned an error.
    Error,
    /// The author's code panicked.
    Panic,
    /// One side broke the contract of the border.
    Misuse,
}

/// Where in a call it went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// In the method itself.
    Method,
    /// While the object was constructed.
    Construction,
    /// While the error that the method returned was displayed.
    ErrorDisplay,
    /// While the error that the method returned was dropped.
    ErrorDrop,
    /// While the payload of a panic was dropped.
    PayloadDrop,
    /// While the object was dropped.
    ObjectDrop,
}

impl Phase {
    pub(crate) const fn code(self) -> u32 {
        match self {
            Phase::Method => 0,
            Phase::Construction => 1,
            Phase::ErrorDisplay => 2,
            Phase::ErrorDrop => 3,
            Phase::PayloadDrop => 4,
            Phase::ObjectDrop => 5,
        }
    }

    const fn from_code(code: u32) -> Self {
        match code {
            1 => Phase::Construction,
            2 => Phase::ErrorDisplay,
            3 => Phase::ErrorDrop,
            4 => Phase::PayloadDrop,
            5 => Phase::ObjectDrop,
            _ => Phase::Method,
        }
    }
}

impl FaultKind {
    pub(crate) const fn code(self) -> u32 {
        match self {
            FaultKind::Error => 1,
            FaultKind::Panic => 2,
            FaultKind::Misuse => 3,
        }
    }

    const fn from_code(code: u32) -> Self {
        match code {
            2 => FaultKind::Panic,
            3 => FaultKind::Misuse,
            _ => FaultKind::Error,
        }
    }
}

/// A place in a plugin's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file, as the plugin's compiler was given it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One thing that went wrong in a call, owned by the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultReport {
    /// What kind of thing.
    pub kind: FaultKind,
    /// Where in the call.
    pub phase: Phase,
    /// What the plugin says.
    pub message: String,
    /// The causes of an error, nearest first.
    pub causes: Vec<String>,
    /// Where a panic started, if the plugin could tell.
    pub location: Option<Location>,
}

impl fmt::Display for FaultReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match (self.kind, self.phase) {
            (FaultKind::Panic, Phase::Method) => "panicked: ",
            (FaultKind::Panic, Phase::Construction) => "panicked in its constructor: ",
            (FaultKind::Panic, Phase::ErrorDisplay) => "panicked in the Display of its error: ",
            (FaultKind::Panic, Phase::ErrorDrop) => "panicked in the drop of its error: ",
            (FaultKind::Panic, Phase::PayloadDrop) => "panicked in the drop of a panic's payload: ",
            (FaultKind::Panic, Phase::ObjectDrop) => "panicked in its drop: ",
            (FaultKind::Misuse, _) => "broke the contract of the border: ",
            (FaultKind::Error, _) => "failed: ",
        };
        write!(f, "{what}{}", self.message)?;
        for cause in &self.causes {
            write!(f, ": {cause}")?;
        }
        if let Some(location) = &self.location {
            write!(f, " (at {location})")?;
        }
        Ok(())
    }
}

impl FaultReport {
    /// An error with its causes.
    #[must_use]
    pub fn error(message: String, causes: Vec<String>) -> Self {
        Self {
            kind: FaultKind::Error,
            phase: Phase::Method,
            message,
            causes,
            location: None,
        }
    }

    /// A broken contract, found on this side.
    #[must_use]
    pub fn misuse(message: impl Into<String>) -> Self {
        Self {
            kind: FaultKind::Misuse,
            phase: Phase::Method,
            message: message.into(),
            causes: Vec::new(),
            location: None,
        }
    }

    /// Copies a fault that crossed the border.
    ///
    /// # Safety
    ///
    /// Every text of `fault` and its list of causes are valid for this call.
    unsafe fn copy(fault: &Fault) -> Self {
        let causes = if fault.causes.is_null() {
            &[]
        } else {
            let count = fault.cause_count.min(MAX_CAUSES);
            // SAFETY: not null, and the caller vouches for `cause_count` texts.
            unsafe { std::slice::from_raw_parts(fault.causes, count) }
        };
        // SAFETY: the caller vouches for each text.
        let (message, file, causes) = unsafe {
            (
                fault.message.to_string_lossy(),
                fault.file.to_string_lossy(),
                causes.iter().map(|text| text.to_string_lossy()).collect(),
            )
        };
        Self {
            kind: FaultKind::from_code(fault.kind),
            phase: Phase::from_code(fault.phase),
            message,
            causes,
            location: (!file.is_empty()).then_some(Location {
                file,
                line: fault.line,
                column: fault.column,
            }),
        }
    }

    /// Pushes this fault to the host.
    ///
    /// # Safety
    ///
    /// `call` is null or valid for this call.
    pub(crate) unsafe fn push(&self, call: *const Call) {
        // SAFETY: null or valid, says the caller.
        let Some(call) = (unsafe { call.as_ref() }) else {
            return;
        };
        let causes: Vec<Str> = self.causes.iter().map(|cause| Str::borrow(cause)).collect();
        let (file, line, column) = match &self.location {
            Some(at) => (Str::borrow(&at.file), at.line, at.column),
            None => (Str::EMPTY, 0, 0),
        };
        let fault = Fault {
            kind: self.kind.code(),
            phase: self.phase.code(),
            line,
            column,
            message: Str::borrow(&self.message),
            file,
            causes: causes.as_ptr(),
            cause_count: causes.len(),
        };
        // SAFETY: the call's own function with the call's own context; `fault` outlives it.
        unsafe { (call.push_fault)(call.context, &raw const fault) };
    }
}

/// At most this many causes are kept of one fault.
const MAX_CAUSES: usize = 64;
/// At most this many faults are kept of one call.
const MAX_FAULTS: usize = 16;

unsafe extern "C" fn keep_fault(context: *mut c_void, fault: *const Fault) {
    guard::host_side((), || {
        // SAFETY: `run` made the context, and the plugin has it for that call only.
        let faults = unsafe { &mut *context.cast::<Vec<FaultReport>>() };
        // SAFETY: null or valid until this returns, says the contract.
        if let Some(fault) = unsafe { fault.as_ref() } {
            if faults.len() < MAX_FAULTS {
                // SAFETY: valid until this returns, says the contract.
                faults.push(unsafe { FaultReport::copy(fault) });
            }
        }
    });
}

/// The host's side of a call: runs `invoke` with a [`Call`] and gives back the status that it
/// returned, or what went wrong, at least one fault.
///
/// `accepted` are the statuses besides [`status::OK`] that are no failure.
#[inline]
pub(crate) fn run(
    accepted: &[u32],
    invoke: impl FnOnce(*const Call) -> u32,
) -> Result<u32, Vec<FaultReport>> {
    let mut faults: Vec<FaultReport> = Vec::new();
    let call = Call {
        context: (&raw mut faults).cast(),
        push_fault: keep_fault,
    };
    let status = invoke(&raw const call);
    if status == status::OK && faults.is_empty() {
        // Nothing was pushed, so there is nothing to free.
        std::mem::forget(faults);
        return Ok(status);
    }
    not_ok(accepted, status, faults)
}

#[cold]
fn not_ok(
    accepted: &[u32],
    status: u32,
    faults: Vec<FaultReport>,
) -> Result<u32, Vec<FaultReport>> {
    if !faults.is_empty() {
        return Err(faults);
    }
    if accepted.contains(&status) {
        return Ok(status);
    }
    Err(vec![FaultReport::misuse(format!(
        "status {status} without a fault"
    ))])
}
