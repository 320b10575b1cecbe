//! The store as a host gives it.

use std::collections::HashSet;
use std::ffi::c_void;
use std::sync::Arc;

use super::{
    MAX_APPLIED, MAX_CHANGES, MAX_KEY, MAX_PAGE, MAX_VALUE, StoreChange, StoreChangeV1,
    StoreExpected, StoreOutcome, StoreOutcomeV1, StoreV1, action, expect,
};
use crate::call::status;
use crate::services::{Bytes, BytesSink, Failed, PairSink, answer};
use crate::text::StrSink;

/// The host's side of `keyway.store` 1 for one package. The limits are checked before: keys,
/// values and changes are no longer, and there are no more, than the contract allows; no key
/// stands twice among changes. Errors are shown to the package's author.
pub trait StoreAccess: Send + Sync + 'static {
    /// The value of `key`, or `None`.
    ///
    /// # Errors
    ///
    /// Why it cannot be told.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, String>;

    /// At most `limit` pairs whose key begins with `prefix` and is greater than `after`, in the
    /// order of keys. Fewer where values are large, but none only if there is none left.
    ///
    /// # Errors
    ///
    /// Why it cannot be told.
    #[allow(clippy::type_complexity)]
    fn scan(
        &self,
        prefix: &[u8],
        after: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, String>;

    /// Makes all changes or none, and has them on disk when it returns. What is expected is
    /// compared before the first change.
    ///
    /// # Errors
    ///
    /// Why it cannot be done; nothing was changed then, except after an error of the disk, where
    /// everything may have been.
    fn apply(&self, changes: &[StoreChange<'_>]) -> Result<StoreOutcome, String>;
}

/// What a store's context points to.
pub type StoreHandle = Arc<dyn StoreAccess>;

pub(crate) static STORE_TABLE: StoreV1 = StoreV1 { get, scan, apply };

/// # Safety
///
/// `store` points to a [`StoreHandle`] that is held.
unsafe fn held<'a>(store: *mut c_void) -> &'a dyn StoreAccess {
    // SAFETY: as the caller says.
    unsafe { &**store.cast::<StoreHandle>() }
}

/// # Safety
///
/// `bytes` are valid for `'a`.
unsafe fn read<'a>(bytes: Bytes, what: &str) -> Result<&'a [u8], Failed> {
    // SAFETY: as the caller says.
    let bytes = unsafe { bytes.to_slice() };
    bytes.ok_or_else(|| Failed::Invalid(format!("{what} is a null pointer")))
}

/// # Safety
///
/// `bytes` are valid for `'a`.
unsafe fn read_key<'a>(bytes: Bytes) -> Result<&'a [u8], Failed> {
    // SAFETY: as the caller says.
    let key = unsafe { read(bytes, "a key") }?;
    if key.is_empty() {
        return Err(Failed::Invalid("a key is empty".to_owned()));
    }
    not_longer(key, "a key", MAX_KEY)
}

fn not_longer<'a>(bytes: &'a [u8], what: &str, limit: usize) -> Result<&'a [u8], Failed> {
    if bytes.len() > limit {
        let found = bytes.len();
        let why = format!("{what} has {found} bytes, at most {limit} are allowed");
        return Err(Failed::Invalid(why));
    }
    Ok(bytes)
}

unsafe extern "C" fn get(
    store: *mut c_void,
    key: Bytes,
    out: *const BytesSink,
    error: *const StrSink,
) -> u32 {
    // SAFETY: the contract: the store is held, all pointers are valid for this call.
    unsafe {
        answer(error, || {
            let key = read_key(key)?;
            let Some(value) = held(store).get(key).map_err(Failed::Refused)? else {
                return Ok(status::NOT_FOUND);
            };
            if let Some(sink) = out.as_ref() {
                (sink.push)(sink.context, Bytes::borrow(&value));
            }
            Ok(status::OK)
        })
    }
}

unsafe extern "C" fn scan(
    store: *mut c_void,
    prefix: Bytes,
    after: Bytes,
    limit: u32,
    out: *const PairSink,
    error: *const StrSink,
) -> u32 {
    // SAFETY: the contract: the store is held, all pointers are valid for this call.
    unsafe {
        answer(error, || {
            let prefix = not_longer(read(prefix, "a prefix")?, "a prefix", MAX_KEY)?;
            let after = not_longer(read(after, "a key")?, "a key", MAX_KEY)?;
            let limit = usize::try_from(limit).unwrap_or(MAX_PAGE).min(MAX_PAGE);
            if limit == 0 {
                return Err(Failed::Invalid("no pair at all is asked for".to_owned()));
            }
            let pairs = held(store).scan(prefix, after, limit);
            let pairs = pairs.map_err(Failed::Refused)?;
            if let Some(sink) = out.as_ref() {
                for (key, value) in pairs.iter().take(limit) {
                    (sink.push)(sink.context, Bytes::borrow(key), Bytes::borrow(value));
                }
            }
            Ok(status::OK)
        })
    }
}

unsafe extern "C" fn apply(
    store: *mut c_void,
    changes: *const StoreChangeV1,
    count: usize,
    out: *mut StoreOutcomeV1,
    error: *const StrSink,
) -> u32 {
    // SAFETY: the contract: the store is held, all pointers are valid for this call.
    unsafe {
        answer(error, || {
            let changes = read_changes(changes, count)?;
            let outcome = held(store).apply(&changes).map_err(Failed::Refused)?;
            let (status, removed, conflict) = match outcome {
                StoreOutcome::Applied { removed } => (status::OK, removed, 0),
                StoreOutcome::Conflict { index } => (status::CONFLICT, 0, index as u64),
            };
            if let Some(out) = out.as_mut() {
                *out = StoreOutcomeV1 { removed, conflict };
            }
            Ok(status)
        })
    }
}

/// # Safety
///
/// `first` is null or valid for reading `count` changes, whose bytes are valid for `'a`.
unsafe fn read_changes<'a>(
    first: *const StoreChangeV1,
    count: usize,
) -> Result<Vec<StoreChange<'a>>, Failed> {
    if count > MAX_CHANGES {
        let why = format!("{count} changes at once, at most {MAX_CHANGES} are allowed");
        return Err(Failed::Invalid(why));
    }
    if count == 0 {
        return Ok(Vec::new());
    }
    if first.is_null() {
        let why = "the changes are a null pointer";
        return Err(Failed::Invalid(why.to_owned()));
    }
    // SAFETY: not null, and the caller vouches for `count` changes.
    let raw = unsafe { std::slice::from_raw_parts(first, count) };
    let mut keys = HashSet::with_capacity(count);
    let mut size = 0_usize;
    let mut changes = Vec::with_capacity(count);
    for change in raw {
        // SAFETY: the caller vouches for the bytes.
        let change = unsafe { read_change(change) }?;
        if !keys.insert(change.key) {
            let why = "a key stands twice among the changes";
            return Err(Failed::Invalid(why.to_owned()));
        }
        size += change.key.len() + change.value.map_or(0, <[u8]>::len);
        changes.push(change);
    }
    if size > MAX_APPLIED {
        let why = format!("the changes have {size} bytes, at most {MAX_APPLIED} are allowed");
        return Err(Failed::Invalid(why));
    }
    Ok(changes)
}

/// # Safety
///
/// The bytes that `change` points to and that it says to be read are valid for `'a`.
unsafe fn read_change<'a>(change: &StoreChangeV1) -> Result<StoreChange<'a>, Failed> {
    // SAFETY: the caller vouches for the bytes.
    unsafe {
        let key = read_key(change.key)?;
        let expected = match change.expect {
            expect::ANY => StoreExpected::Any,
            expect::ABSENT => StoreExpected::Absent,
            expect::VALUE => StoreExpected::Value(read_value(change.expected)?),
            other => {
                let why = format!("a change expects {other}, which is unknown");
                return Err(Failed::Invalid(why));
            }
        };
        let value = match change.action {
            action::DELETE => None,
            action::PUT => Some(read_value(change.value)?),
            other => {
                let why = format!("a change does {other}, which is unknown");
                return Err(Failed::Invalid(why));
            }
        };
        Ok(StoreChange {
            key,
            expected,
            value,
        })
    }
}

/// # Safety
///
/// `bytes` are valid for `'a`.
unsafe fn read_value<'a>(bytes: Bytes) -> Result<&'a [u8], Failed> {
    // SAFETY: as the caller says.
    let value = unsafe { read(bytes, "a value") }?;
    not_longer(value, "a value", MAX_VALUE)
}
