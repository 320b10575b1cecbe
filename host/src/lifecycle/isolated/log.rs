//! The worker's log, told to the manager.

use std::sync::Arc;

use tracing_core::dispatcher::{self, Dispatch};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, LevelFilter, Metadata, Subscriber};

use super::wire::FromWorker;
use super::worker::Link;
use crate::plugin::RemoteEvent;

/// Tells the manager of each event.
pub(super) struct Forward {
    link: Arc<Link>,
    level: LevelFilter,
}

/// What of a log this process wants, as a number: 0 nothing, 1 errors, to 5 all.
pub(super) fn wanted() -> u32 {
    let levels = LEVELS.iter().zip(0..);
    let found = levels.filter(|(level, _)| **level <= LevelFilter::current());
    found.map(|(_, number)| number).max().unwrap_or(0)
}

const LEVELS: [LevelFilter; 6] = [
    LevelFilter::OFF,
    LevelFilter::ERROR,
    LevelFilter::WARN,
    LevelFilter::INFO,
    LevelFilter::DEBUG,
    LevelFilter::TRACE,
];

impl Forward {
    /// Tells of all that this process logs from now on, from a level upwards.
    pub(super) fn install(link: &Arc<Link>, level: u32) {
        let level = LEVELS.get(level as usize).copied();
        let forward = Self {
            link: Arc::clone(link),
            level: level.unwrap_or(LevelFilter::TRACE),
        };
        // A program that logs already goes on as it does.
        let _ = dispatcher::set_global_default(Dispatch::new(forward));
    }
}

impl Subscriber for Forward {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.link.send(&FromWorker::Log(RemoteEvent::of(event)));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
