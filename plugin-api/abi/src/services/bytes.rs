//! Bytes that are no text, and the sinks that they are pushed into.

use std::ffi::c_void;

use abi_stable::StableAbi;

/// Bytes that somebody else owns. Valid for the call that they are handed over in.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct Bytes {
    /// The first byte; may be null when `len` is 0.
    pub ptr: *const u8,
    /// How many bytes.
    pub len: usize,
}

impl Bytes {
    /// No bytes.
    pub const EMPTY: Bytes = Bytes {
        ptr: std::ptr::null(),
        len: 0,
    };

    /// Borrows `bytes`; the receiver must not use the result longer than `bytes` lives.
    #[must_use]
    pub const fn borrow(bytes: &[u8]) -> Bytes {
        Bytes {
            ptr: bytes.as_ptr(),
            len: bytes.len(),
        }
    }

    /// The bytes; `None` when they are said to be somewhere, but nowhere.
    ///
    /// # Safety
    ///
    /// `ptr` is null, or valid for reading `len` bytes that do not change during `'a`.
    #[must_use]
    pub unsafe fn to_slice<'a>(self) -> Option<&'a [u8]> {
        if self.ptr.is_null() {
            return (self.len == 0).then_some(&[]);
        }
        // SAFETY: not null, and the caller vouches for `len` readable bytes during 'a.
        Some(unsafe { std::slice::from_raw_parts(self.ptr, self.len) })
    }
}

/// Takes bytes, as [`StrSink`](crate::StrSink) takes texts.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct BytesSink {
    /// Handed to `push`.
    pub context: *mut c_void,
    /// Takes one item.
    pub push: unsafe extern "C" fn(context: *mut c_void, item: Bytes),
}

/// Takes keys with their values, as [`StrSink`](crate::StrSink) takes texts.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct PairSink {
    /// Handed to `push`.
    pub context: *mut c_void,
    /// Takes one pair.
    pub push: unsafe extern "C" fn(context: *mut c_void, key: Bytes, value: Bytes),
}

unsafe extern "C" fn keep_bytes(context: *mut c_void, item: Bytes) {
    // SAFETY: `collect_bytes` made the context, and whoever pushes has it for that call only.
    let kept = unsafe { &mut *context.cast::<Option<Vec<u8>>>() };
    // SAFETY: the sink's contract: valid until this returns.
    *kept = unsafe { item.to_slice() }.map(<[u8]>::to_vec);
}

/// Calls `fill` with a sink and gives back what was pushed last, and what `fill` returned.
pub(super) fn collect_bytes(fill: impl FnOnce(*const BytesSink) -> u32) -> (Option<Vec<u8>>, u32) {
    let mut kept: Option<Vec<u8>> = None;
    let sink = BytesSink {
        context: (&raw mut kept).cast(),
        push: keep_bytes,
    };
    let status = fill(&raw const sink);
    (kept, status)
}

/// A key and its value.
pub(super) type Pair = (Vec<u8>, Vec<u8>);

unsafe extern "C" fn keep_pair(context: *mut c_void, key: Bytes, value: Bytes) {
    // SAFETY: `collect_pairs` made the context, and whoever pushes has it for that call only.
    let kept = unsafe { &mut *context.cast::<Vec<Pair>>() };
    // SAFETY: the sink's contract: valid until this returns.
    if let (Some(key), Some(value)) = unsafe { (key.to_slice(), value.to_slice()) } {
        kept.push((key.to_vec(), value.to_vec()));
    }
}

/// Calls `fill` with a sink and gives back what was pushed, and what `fill` returned.
pub(super) fn collect_pairs(fill: impl FnOnce(*const PairSink) -> u32) -> (Vec<Pair>, u32) {
    let mut kept: Vec<Pair> = Vec::new();
    let sink = PairSink {
        context: (&raw mut kept).cast(),
        push: keep_pair,
    };
    let status = fill(&raw const sink);
    (kept, status)
}
