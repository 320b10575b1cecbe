//! A plugin's tracing events arrive at the host's subscriber, and its filters work on them.
//!
//! One test, since a process has one default subscriber.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::sync::{Arc, Mutex};

use keyway::{PackageLoader, Registry, SearchPath};
use keyway_tests::PluginFolder;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn take(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

#[test]
fn events_arrive_and_are_filtered_by_target_and_level() {
    let lines = Lines::default();
    let writer = lines.clone();
    // The host's own events are off.
    let filter = EnvFilter::new("off,logs=debug,logs::loud=warn");
    let (filter, filter_handle) = reload::Layer::new(filter);
    let format = tracing_subscriber::fmt::layer()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .without_time();
    tracing_subscriber::registry()
        .with(filter)
        .with(format)
        .init();

    let folder = PluginFolder::with(&["logs"]);
    let loader = PackageLoader::new(Registry::new(SearchPath::only([folder.path()])));
    loader.load_package("Logs/Events").unwrap();

    let plugin = r#"keyway.plugin="org.example.logs""#;
    let spans = r#"keyway.spans="outer{name=\"first\"}:inner""#;
    let outer = r#"keyway.spans="outer{name=\"first\"}""#;
    assert_eq!(
        lines.take(),
        [
            format!("ERROR logs::loud: an error code=-7 {plugin}"),
            format!(" WARN logs::loud: a warning size=7 ratio=0.5 good=false {plugin}"),
            format!(" INFO logs: an information text=\"said\" shown=Some(1) {plugin} {spans}"),
            format!("DEBUG logs::quiet: a detail {plugin} {outer}"),
        ]
    );

    // A change of the host's filter reaches the plugin.
    filter_handle
        .reload(EnvFilter::new("off,logs::path=trace"))
        .unwrap();
    let data = tempfile::tempdir().unwrap();
    let mut package = loader.load_package("Logs/Events").unwrap();
    package.set_path(data.path()).unwrap();
    assert_eq!(
        lines.take(),
        [format!("TRACE logs::path: changed {plugin}")]
    );

    filter_handle.reload(EnvFilter::new("off")).unwrap();
    package.set_path(std::env::temp_dir()).unwrap();
    assert_eq!(lines.take(), Vec::<String>::new());
}
