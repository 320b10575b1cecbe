//! The log as JSON.

use std::io::{self, Write as _};

use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::event::{Said, remember};

/// A layer for `tracing` that writes each event as a JSON object, in one write with the end of the
/// line: `time`, `level`, `target`, `message` and `fields`, and where they are known `package`, `hook`
/// and `plugin`. A plugin cannot say any of these for another.
#[derive(Debug)]
pub struct JsonLog<W>(W);

impl<W> JsonLog<W> {
    /// Writes to what `writers` makes.
    #[must_use]
    pub fn new(writers: W) -> Self {
        Self(writers)
    }
}

impl<S, W> Layer<S> for JsonLog<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        remember(attributes, id, &context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let line = Said::of(event, &context).json(event);
        let written: io::Result<()> = self
            .0
            .make_writer_for(event.metadata())
            .write_all(format!("{line}\n").as_bytes());
        // There is nobody who could be told.
        drop(written);
    }
}
