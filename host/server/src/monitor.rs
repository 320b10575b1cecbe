//! What a server shows those who operate it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use keyway::lifecycle::ManagerEvent;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::events::Events;
use crate::logs::PackageLogs;
use crate::metrics::Metrics;
use crate::sse;

/// What a server shows those who operate it: events, metrics, and whether it is ready.
///
/// For those who serve a [`router`](crate::router_with) themselves: its [`observer`](Self::observer) is
/// given to the manager's settings before that is opened. Cheap to clone.
#[derive(Clone)]
pub struct Monitor(Arc<Inner>);

struct Inner {
    events: Arc<Events>,
    first_event: u64,
    metrics: Metrics,
    streams: Arc<Semaphore>,
    logs: Option<PackageLogs>,
    is_ready: AtomicBool,
    is_closed: AtomicBool,
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").finish_non_exhaustive()
    }
}

impl Default for Monitor {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Monitor {
    /// Of a server that is not ready yet; `logs` have folders for the packages that are on record.
    #[must_use]
    pub fn new(logs: Option<PackageLogs>) -> Self {
        let events = Events::new();
        Self(Arc::new(Inner {
            first_event: events.first(),
            events: Arc::new(events),
            metrics: Metrics::new(),
            streams: Arc::new(Semaphore::new(sse::MOST)),
            logs,
            is_ready: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
        }))
    }

    /// What the manager is to call with what happens.
    #[must_use]
    pub fn observer(&self) -> Arc<dyn Fn(&ManagerEvent) + Send + Sync> {
        let inner = Arc::clone(&self.0);
        Arc::new(move |event| {
            if let Some(logs) = &inner.logs {
                logs.notice(event);
            }
            inner.metrics.notice(event);
            inner.events.tell(event);
        })
    }

    /// What should run was started: the server is ready.
    pub fn ready(&self) {
        self.0.is_ready.store(true, Ordering::Relaxed);
    }

    /// The server ends: streams do, too.
    pub fn close(&self) {
        self.0.is_closed.store(true, Ordering::Relaxed);
        self.0.events.close();
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.0.is_ready.load(Ordering::Relaxed)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_closed.load(Ordering::Relaxed)
    }

    pub(crate) fn events(&self) -> &Arc<Events> {
        &self.0.events
    }

    /// The number of the first event that there could be.
    pub(crate) fn first_event(&self) -> u64 {
        self.0.first_event
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// As many lines of logs could not be written.
    pub(crate) fn lost_lines(&self) -> u64 {
        self.0.logs.as_ref().map_or(0, PackageLogs::lost)
    }

    /// The right to one more stream; `None` if there are too many.
    pub(crate) fn stream(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.streams).try_acquire_owned().ok()
    }

    /// As many streams there are.
    pub(crate) fn streams(&self) -> usize {
        sse::MOST - self.0.streams.available_permits()
    }
}
