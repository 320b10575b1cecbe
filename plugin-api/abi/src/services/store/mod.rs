//! `keyway.store` 1: keys and values that a package keeps.

mod host_side;
mod plugin_side;

use std::ffi::c_void;

use abi_stable::StableAbi;

use super::{Bytes, BytesSink, PairSink};
use crate::entry::Interface;
use crate::text::StrSink;

pub(crate) use host_side::STORE_TABLE;
pub use host_side::{StoreAccess, StoreHandle};
pub use plugin_side::StoreRef;

/// As long may a key be, in bytes; it has at least one.
pub const MAX_KEY: usize = 1024;
/// As long may a value be, in bytes.
pub const MAX_VALUE: usize = 16 << 20;
/// So many changes may be applied at once.
pub const MAX_CHANGES: usize = 4096;
/// As long may the keys and values of the changes be that are applied at once, in bytes.
pub const MAX_APPLIED: usize = 64 << 20;
/// So many pairs are given at once at most.
pub const MAX_PAGE: usize = 1024;

/// What stands in [`StoreChangeV1::expect`].
mod expect {
    pub(super) const ANY: u32 = 0;
    pub(super) const ABSENT: u32 = 1;
    pub(super) const VALUE: u32 = 2;
}

/// What stands in [`StoreChangeV1::action`].
mod action {
    pub(super) const DELETE: u32 = 0;
    pub(super) const PUT: u32 = 1;
}

/// `keyway.store` 1, the key-value store of one package.
///
/// Keys are ordered byte by byte. A key has 1 to 1024 bytes, a value at most 16 MiB; what is longer
/// is [`status::INVALID`](crate::status::INVALID). Each call is one transaction of its own: none
/// is open between two calls, and none while a sink is filled.
///
/// What [`Self::apply`] has done is on disk when it returns. A store that is full, damaged or
/// closed is [`status::REFUSED`](crate::status::REFUSED), with a text. An [`Self::apply`] that is
/// refused has done nothing, except after an error of the disk: then all of it or nothing.
#[repr(C)]
#[derive(StableAbi)]
pub struct StoreV1 {
    /// Gives the value of `key`. [`status::NOT_FOUND`](crate::status::NOT_FOUND): there is none.
    pub get: unsafe extern "C" fn(
        store: *mut c_void,
        key: Bytes,
        out: *const BytesSink,
        error: *const StrSink,
    ) -> u32,
    /// Gives pairs whose key begins with `prefix` and is greater than `after` (empty: all of them),
    /// in the order of keys. At most `limit` pairs, at least 1, and 1024 at most; fewer where values
    /// are large, but none only if there is none left.
    pub scan: unsafe extern "C" fn(
        store: *mut c_void,
        prefix: Bytes,
        after: Bytes,
        limit: u32,
        out: *const PairSink,
        error: *const StrSink,
    ) -> u32,
    /// Makes `count` changes, all or none, and fills `out`, which may be null. What is expected is
    /// compared before the first change. [`status::CONFLICT`](crate::status::CONFLICT): something
    /// else is there, and nothing was changed. At most 4096 changes of 64 MiB altogether, and each
    /// key only once.
    pub apply: unsafe extern "C" fn(
        store: *mut c_void,
        changes: *const StoreChangeV1,
        count: usize,
        out: *mut StoreOutcomeV1,
        error: *const StrSink,
    ) -> u32,
}

// SAFETY: `#[repr(C)]`, frozen.
unsafe impl Interface for StoreV1 {
    const NAME: &'static str = "keyway.store";
    const VERSION: u32 = 1;
    const SINCE_MINOR: u16 = 0;
}

/// One change of a store.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct StoreChangeV1 {
    /// What the key must have for the change to be made: 0 anything or nothing, 1 nothing,
    /// 2 the value `expected`.
    pub expect: u32,
    /// 0 removes the key, 1 gives it `value`.
    pub action: u32,
    /// The key.
    pub key: Bytes,
    /// Read if `expect` is 2.
    pub expected: Bytes,
    /// Read if `action` is 1.
    pub value: Bytes,
}

/// What became of changes.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct StoreOutcomeV1 {
    /// How many keys were removed that were there.
    pub removed: u64,
    /// With [`status::CONFLICT`](crate::status::CONFLICT) the first change, from 0, whose
    /// expectation does not hold.
    pub conflict: u64,
}

/// What a key must have for a change to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreExpected<'a> {
    /// Anything or nothing.
    Any,
    /// Nothing: the key is not there.
    Absent,
    /// This value.
    Value(&'a [u8]),
}

/// One change of a package's store.
///
/// ```
/// # use keyway_abi::StoreChange;
/// StoreChange::put(b"visits", b"2").if_value(b"1");
/// StoreChange::put(b"owner", b"ada").if_absent();
/// StoreChange::delete(b"draft");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreChange<'a> {
    /// The key.
    pub key: &'a [u8],
    /// What the key must have; else nothing is changed.
    pub expected: StoreExpected<'a>,
    /// What the key has afterwards; `None`: it is not there.
    pub value: Option<&'a [u8]>,
}

impl<'a> StoreChange<'a> {
    /// Gives `key` the value `value`.
    #[must_use]
    pub const fn put(key: &'a [u8], value: &'a [u8]) -> Self {
        Self {
            key,
            expected: StoreExpected::Any,
            value: Some(value),
        }
    }

    /// Removes `key`, if it is there.
    #[must_use]
    pub const fn delete(key: &'a [u8]) -> Self {
        Self {
            key,
            expected: StoreExpected::Any,
            value: None,
        }
    }

    /// Only if the key is not there.
    #[must_use]
    pub const fn if_absent(mut self) -> Self {
        self.expected = StoreExpected::Absent;
        self
    }

    /// Only if the key has the value `value`.
    #[must_use]
    pub const fn if_value(mut self, value: &'a [u8]) -> Self {
        self.expected = StoreExpected::Value(value);
        self
    }
}

/// What became of changes that were to be applied together.
#[must_use = "the changes may not have been made"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreOutcome {
    /// All were made.
    Applied {
        /// How many keys were removed that were there.
        removed: u64,
    },
    /// None was made.
    Conflict {
        /// The first change, from 0, whose expectation does not hold.
        index: usize,
    },
}
