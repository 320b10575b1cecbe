//! The log of a server: on stderr, and in the files of packages.

use std::io::{self, Write};

use clap::ValueEnum;
use keyway_server::{JsonLog, PackageLogs};
use tracing::Level;
use tracing_subscriber::filter::FilterExt as _;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{fmt, registry};

use crate::{Log, filter, json};

/// In what form a server logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A line of text for each event; whoever reads it adds the time
    Text,
    /// A JSON object on a line for each event, with its time
    Json,
}

/// Stderr for events in JSON: they stay JSON, whatever a package says.
struct JsonLines;

impl Write for JsonLines {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = json::escaped(&String::from_utf8_lossy(event));
        io::stderr().lock().write_all(text.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Log events go to stderr as `KEYWAY_LOG` asks for, and those of packages into files of theirs: what is
/// INFO or worse, and what `KEYWAY_LOG` asks for.
pub(crate) fn serve(format: LogFormat) -> PackageLogs {
    let logs = PackageLogs::new();
    let text = (format == LogFormat::Text).then(|| {
        let text = fmt::layer().with_writer(|| Log).without_time();
        text.with_filter(filter(Level::INFO))
    });
    let json = (format == LogFormat::Json)
        .then(|| JsonLog::new(|| JsonLines).with_filter(filter(Level::INFO)));
    let of_packages = PackageLogs::wanted().or(filter(Level::INFO));
    let _ = registry()
        .with(text)
        .with(json)
        .with(logs.clone().with_filter(of_packages))
        .try_init();
    logs
}
