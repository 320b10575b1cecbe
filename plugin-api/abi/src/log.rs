//! How a plugin's log events travel to the host.
//!
//! A plugin registers each place that logs once and gets a [`LogSite`]; before it formats an event
//! it looks whether the host wants that place's events at all. So a disabled event costs no call
//! across the border.

use std::ffi::c_void;
use std::sync::atomic::{AtomicU32, Ordering};

use abi_stable::StableAbi;

use crate::text::Str;

/// A place in a plugin's source that logs.
///
/// All its texts are valid for the call that registers it; the host copies them.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct LogCallsite {
    /// What tells this place from others of the same plugin: an address that stays its own.
    pub identity: *const c_void,
    /// 1 error, 2 warn, 3 info, 4 debug, 5 trace.
    pub level: u32,
    /// The line, from 1; 0 when it is not known.
    pub line: u32,
    /// The event's name.
    pub name: Str,
    /// The event's target, as a module's path.
    pub target: Str,
    /// The source file; may be empty.
    pub file: Str,
    /// The module's path; may be empty.
    pub module_path: Str,
    /// The names of the event's fields; may be null.
    pub fields: *const Str,
    /// How many fields, at most 30; further ones are cut.
    pub field_count: usize,
}

/// What a plugin gets for a place that logs. Valid as long as the process.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct LogSite {
    /// Handed to `log_event`; null when the host takes no events of that place.
    pub handle: *const c_void,
    /// 0 while the host wants no event of that place. To be read with an atomic load; it changes
    /// when the host's filters do. Null when `handle` is.
    pub wanted: *const u32,
}

/// How a [`LogValue`] is to be read.
pub mod value_kind {
    /// `bits` is an `int64_t`.
    pub const I64: u32 = 1;
    /// `bits` is a `uint64_t`.
    pub const U64: u32 = 2;
    /// `bits` is a `double`.
    pub const F64: u32 = 3;
    /// `bits` is 0 or 1.
    pub const BOOL: u32 = 4;
    /// `text` is the value.
    pub const STR: u32 = 5;
    /// `text` is how the value is to be shown.
    pub const DEBUG: u32 = 6;
}

/// The value of one field of an event.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct LogValue {
    /// Which of the place's fields, from 0.
    pub field: u32,
    /// One of [`value_kind`].
    pub kind: u32,
    /// The value, for numbers and truth values.
    pub bits: u64,
    /// The value, for texts.
    pub text: Str,
}

/// One event.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct LogEvent {
    /// The values of its fields; may be null.
    pub values: *const LogValue,
    /// How many values.
    pub value_count: usize,
    /// The plugin's own spans that the event happened in, outermost first; may be empty.
    pub spans: Str,
}

/// A place that logs, as the plugin's side describes it.
#[derive(Clone, Debug)]
pub struct CallsiteInfo<'a> {
    /// An address that stays this place's own.
    pub identity: usize,
    /// 1 error to 5 trace.
    pub level: u32,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The event's name.
    pub name: &'a str,
    /// The event's target.
    pub target: &'a str,
    /// The source file.
    pub file: Option<&'a str>,
    /// The module's path.
    pub module_path: Option<&'a str>,
    /// The names of the event's fields.
    pub fields: Vec<&'a str>,
}

/// A value of an event's field, owned.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnedValue {
    /// A signed number.
    I64(i64),
    /// An unsigned number.
    U64(u64),
    /// A floating-point number.
    F64(f64),
    /// A truth value.
    Bool(bool),
    /// A text.
    Str(String),
    /// How something is to be shown.
    Debug(String),
}

/// The plugin's hold on a registered place.
#[derive(Clone, Copy)]
pub struct LogSiteRef(LogSite);

// SAFETY: what it points to belongs to the host, lives as long as the process and is read with
// atomic loads only.
unsafe impl Send for LogSiteRef {}
// SAFETY: as above.
unsafe impl Sync for LogSiteRef {}

impl LogSiteRef {
    /// # Safety
    ///
    /// `site` came from the host's `log_register`.
    pub(crate) unsafe fn new(site: LogSite) -> Option<Self> {
        (!site.handle.is_null() && !site.wanted.is_null()).then_some(Self(site))
    }

    pub(crate) const fn handle(self) -> *const c_void {
        self.0.handle
    }

    /// Whether the host wants events of this place now.
    #[must_use]
    pub fn wanted(self) -> bool {
        // SAFETY: the host's contract: valid as long as the process, changed only atomically.
        let wanted = unsafe { AtomicU32::from_ptr(self.0.wanted.cast_mut()) };
        wanted.load(Ordering::Relaxed) != 0
    }
}

impl LogValue {
    pub(crate) fn borrow(field: u32, value: &OwnedValue) -> Self {
        let (kind, bits, text) = match value {
            OwnedValue::I64(value) => (value_kind::I64, *value as u64, Str::EMPTY),
            OwnedValue::U64(value) => (value_kind::U64, *value, Str::EMPTY),
            OwnedValue::F64(value) => (value_kind::F64, value.to_bits(), Str::EMPTY),
            OwnedValue::Bool(value) => (value_kind::BOOL, u64::from(*value), Str::EMPTY),
            OwnedValue::Str(value) => (value_kind::STR, 0, Str::borrow(value)),
            OwnedValue::Debug(value) => (value_kind::DEBUG, 0, Str::borrow(value)),
        };
        Self {
            field,
            kind,
            bits,
            text,
        }
    }

    /// # Safety
    ///
    /// `text` is valid for this call.
    unsafe fn to_owned_value(self) -> OwnedValue {
        match self.kind {
            value_kind::I64 => OwnedValue::I64(self.bits as i64),
            value_kind::U64 => OwnedValue::U64(self.bits),
            value_kind::F64 => OwnedValue::F64(f64::from_bits(self.bits)),
            value_kind::BOOL => OwnedValue::Bool(self.bits != 0),
            // SAFETY: valid for this call, says the caller.
            value_kind::STR => OwnedValue::Str(unsafe { self.text.to_string_lossy() }),
            // SAFETY: as above.
            _ => OwnedValue::Debug(unsafe { self.text.to_string_lossy() }),
        }
    }
}

/// Reads an event on the host's side: (field, value) pairs and the spans.
///
/// # Safety
///
/// `event` and what it points to are valid for this call.
pub(crate) unsafe fn read_event(event: &LogEvent) -> (Vec<(usize, OwnedValue)>, String) {
    let values = if event.values.is_null() {
        &[]
    } else {
        // SAFETY: not null, and the caller vouches for `value_count` values.
        unsafe { std::slice::from_raw_parts(event.values, event.value_count) }
    };
    let values = values
        .iter()
        // SAFETY: the caller vouches for each value's text.
        .map(|value| (value.field as usize, unsafe { value.to_owned_value() }))
        .collect();
    // SAFETY: the caller vouches for the text.
    (values, unsafe { event.spans.to_string_lossy() })
}
