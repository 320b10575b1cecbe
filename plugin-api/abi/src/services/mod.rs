//! The services that a package may ask its context for, and what they have in common.
//!
//! A service's `context` is valid as long as the lifecycle context that it was asked of is held:
//! who keeps the one keeps the other. The functions of a service may be called from any thread,
//! several at once, also when the lifecycle has ended.
//!
//! A function that does not do what it was asked for pushes one text that says why into the sink
//! `error`, which may be null, and returns [`status::INVALID`] when the question itself is against
//! the contract, else [`status::REFUSED`].

mod bytes;
pub(crate) mod config;
pub(crate) mod fetch;
pub(crate) mod packages;
pub(crate) mod process;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::call::status;
use crate::guard;
use crate::text::{Str, StrSink, collect_strings};

pub use bytes::{Bytes, BytesSink, PairSink};

/// Why a service of the host did not do what it was asked for, in the host's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceFailure {
    message: String,
}

impl fmt::Display for ServiceFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ServiceFailure {}

impl ServiceFailure {
    /// What the host said, or that it said nothing.
    fn new(message: Option<String>, status: u32) -> Self {
        let message =
            message.unwrap_or_else(|| format!("the host gave no reason (status {status})"));
        Self { message }
    }
}

/// Why the host's side does not do it.
enum Failed {
    /// The question is against the contract.
    Invalid(String),
    /// The host cannot.
    Refused(String),
}

/// Runs a service's function on the host's side: what keeps it from being done, also a panic, is
/// told in `error`.
///
/// # Safety
///
/// `error` is null or valid for this call.
unsafe fn answer(error: *const StrSink, work: impl FnOnce() -> Result<u32, Failed>) -> u32 {
    let (status, why) = match guard::host_side(None, || Some(work())) {
        Some(Ok(status)) => return status,
        Some(Err(Failed::Invalid(why))) => (status::INVALID, why),
        Some(Err(Failed::Refused(why))) => (status::REFUSED, why),
        None => (status::REFUSED, "the host's service panicked".to_owned()),
    };
    // SAFETY: null or valid, says the caller.
    unsafe { StrSink::push_all(error, [why.as_str()]) };
    status
}

/// Reads a text of a question; `what` names it where it is none.
///
/// # Safety
///
/// `text` is valid for `'a`.
unsafe fn read_str<'a>(text: Str, what: &str) -> Result<&'a str, Failed> {
    // SAFETY: as the caller says.
    let text = unsafe { text.to_str() };
    text.map_err(|error| Failed::Invalid(format!("{what}: {error}")))
}

/// Calls with a sink for the reason, and gives the status and the reason.
fn with_reason(call: impl FnOnce(*const StrSink) -> u32) -> (u32, Option<String>) {
    // A host whose reason is no text gave none.
    let mut status = status::REFUSED;
    let reason = collect_strings(|error| status = call(error));
    (status, reason.ok().and_then(|(reason, ())| reason))
}
