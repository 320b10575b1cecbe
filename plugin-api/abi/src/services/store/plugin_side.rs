//! The store as the plugin's side uses it.

use super::{
    MAX_PAGE, StoreChange, StoreChangeV1, StoreExpected, StoreOutcome, StoreOutcomeV1, StoreV1,
    action, expect,
};
use crate::call::status;
use crate::host::{ServiceError, ServiceHandle};
use crate::lifecycle::ContextRef;
use crate::services::bytes::{Pair, collect_bytes, collect_pairs};
use crate::services::{Bytes, ServiceFailure, with_reason};

/// The plugin's hold on its package's store.
pub struct StoreRef {
    service: ServiceHandle<StoreV1>,
    /// The service is valid as long as this is held.
    _context: ContextRef,
}

// SAFETY: the contract of services: from any thread, as long as the context is held.
unsafe impl Send for StoreRef {}
// SAFETY: as above, several at once.
unsafe impl Sync for StoreRef {}

impl StoreRef {
    /// Asks for the store of the package that `context` knows.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] when the host does not have it, or has it with another layout.
    pub fn of(context: &ContextRef) -> Result<Self, ServiceError> {
        Ok(Self {
            service: context.service()?,
            _context: context.clone(),
        })
    }

    /// The value of `key`, if it is there.
    ///
    /// # Errors
    ///
    /// What the host says.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ServiceFailure> {
        let mut value = None;
        let (status, reason) = with_reason(|error| {
            let (found, status) = collect_bytes(|out| {
                // SAFETY: the service's own function with its own context, which is held; the
                // other pointers outlive the call.
                unsafe {
                    (self.service.table.get)(self.service.context, Bytes::borrow(key), out, error)
                }
            });
            value = found;
            status
        });
        match status {
            status::OK if value.is_some() => Ok(value),
            status::NOT_FOUND => Ok(None),
            _ => Err(ServiceFailure::new(reason, status)),
        }
    }

    /// The next pairs whose key begins with `prefix` and is greater than `after`; none if there is
    /// none left.
    ///
    /// # Errors
    ///
    /// What the host says.
    pub fn scan(&self, prefix: &[u8], after: &[u8]) -> Result<Vec<Pair>, ServiceFailure> {
        let (prefix, after) = (Bytes::borrow(prefix), Bytes::borrow(after));
        let mut pairs = Vec::new();
        let (status, reason) = with_reason(|error| {
            let (found, status) = collect_pairs(|out| {
                let limit = MAX_PAGE as u32;
                let scan = self.service.table.scan;
                // SAFETY: the service's own function with its own context, which is held; the
                // other pointers outlive the call.
                unsafe { scan(self.service.context, prefix, after, limit, out, error) }
            });
            pairs = found;
            status
        });
        match status {
            status::OK => Ok(pairs),
            _ => Err(ServiceFailure::new(reason, status)),
        }
    }

    /// Makes all changes or none.
    ///
    /// # Errors
    ///
    /// What the host says.
    pub fn apply(&self, changes: &[StoreChange<'_>]) -> Result<StoreOutcome, ServiceFailure> {
        let raw: Vec<StoreChangeV1> = changes.iter().map(raw_change).collect();
        let mut out = StoreOutcomeV1 {
            removed: 0,
            conflict: 0,
        };
        let (status, reason) = with_reason(|error| {
            let (first, count) = (raw.as_ptr(), raw.len());
            let apply = self.service.table.apply;
            // SAFETY: the service's own function with its own context, which is held; the other
            // pointers outlive the call.
            unsafe { apply(self.service.context, first, count, &raw mut out, error) }
        });
        match status {
            status::OK => Ok(StoreOutcome::Applied {
                removed: out.removed,
            }),
            status::CONFLICT => Ok(StoreOutcome::Conflict {
                index: usize::try_from(out.conflict).unwrap_or(usize::MAX),
            }),
            _ => Err(ServiceFailure::new(reason, status)),
        }
    }
}

fn raw_change(change: &StoreChange<'_>) -> StoreChangeV1 {
    let (expect, expected) = match change.expected {
        StoreExpected::Any => (expect::ANY, Bytes::EMPTY),
        StoreExpected::Absent => (expect::ABSENT, Bytes::EMPTY),
        StoreExpected::Value(value) => (expect::VALUE, Bytes::borrow(value)),
    };
    let (action, value) = match change.value {
        None => (action::DELETE, Bytes::EMPTY),
        Some(value) => (action::PUT, Bytes::borrow(value)),
    };
    StoreChangeV1 {
        expect,
        action,
        key: Bytes::borrow(change.key),
        expected,
        value,
    }
}
