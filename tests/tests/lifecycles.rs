//! Lifecycles across the border: what hooks get, and what they do wrong.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyway::plugin::{HookName, LoadError, Method, Registry, ResolveError, SearchPath};
use keyway_abi::{Cancellation, CancellationAccess, ContextAccess, FaultKind, Phase, ServiceOffer};
use keyway_tests::PluginFolder;

struct Context {
    data: PathBuf,
    kwargs: &'static str,
}

impl ContextAccess for Context {
    fn package_root(&self) -> PathBuf {
        PathBuf::from("/the/package")
    }
    fn data_dir(&self) -> PathBuf {
        self.data.clone()
    }
    fn install_kwargs(&self) -> String {
        self.kwargs.to_owned()
    }
    fn package_toml(&self) -> String {
        r#"{"source":{"name":"hooks"}}"#.to_owned()
    }
    fn service(&self, _: &str, _: u32) -> Option<ServiceOffer> {
        None
    }
}

#[derive(Default)]
struct Run {
    progress: Mutex<Vec<String>>,
    cancelled: bool,
}

impl CancellationAccess for Run {
    fn remaining(&self) -> Option<Duration> {
        Some(Duration::from_millis(1500))
    }
    fn is_cancelled(&self) -> bool {
        self.cancelled
    }
    fn wait_cancelled(&self, timeout: Duration) -> bool {
        if !self.cancelled {
            std::thread::sleep(timeout);
        }
        self.cancelled
    }
    fn progress(&self, done: u64, total: Option<u64>, message: &str) {
        let line = format!("{done} of {total:?}: {message}");
        self.progress.lock().unwrap().push(line);
    }
}

fn lifecycle(
    name: &str,
    data: &Path,
    kwargs: &'static str,
) -> Result<keyway::plugin::Lifecycle, ResolveError> {
    let folder = PluginFolder::with(&["hooks"]);
    let registry = Registry::new(SearchPath::only([folder.path()]));
    let data = data.to_path_buf();
    registry.lifecycle(&name.parse().unwrap(), Box::new(Context { data, kwargs }))
}

#[test]
fn a_panic_in_new_a_hook_or_drop_is_a_fault() {
    let data = tempfile::tempdir().unwrap();
    let error = lifecycle("Hooks/Panics", data.path(), r#"{"panic":true}"#).unwrap_err();
    let ResolveError::Load(LoadError::Fault(fault)) = error else {
        panic!("{error}");
    };
    assert_eq!(fault.method(), Method::Construct);
    assert_eq!(fault.reports()[0].message, "no luck in new");

    let run: Cancellation = Arc::new(Run::default());
    let mut panics = lifecycle("Hooks/Panics", data.path(), "{}").unwrap();
    let fault = panics.run(HookName::Prepare, &run).unwrap_err();
    assert_eq!(fault.method(), Method::Hook(HookName::Prepare));
    assert!(fault.location().unwrap().file.ends_with("hooks/src/lib.rs"));
    assert!(
        fault.to_string().starts_with(
            "plugin `org.example.hooks`, type `Hooks/Panics`, method `prepare`: \
             panicked: no luck in prepare (at "
        ),
        "{fault}"
    );
    // A hook that is not written does nothing.
    panics.run(HookName::Start, &run).unwrap();

    let fault = panics.end().unwrap_err();
    assert_eq!(fault.reports()[0].phase, Phase::ObjectDrop);
}

#[test]
fn an_error_of_a_hook_is_a_fault() {
    let data = tempfile::tempdir().unwrap();
    let run: Cancellation = Arc::new(Run::default());
    let mut recorded = lifecycle("Hooks/Recorded", data.path(), "{}").unwrap();
    let fault = recorded.run(HookName::Uninstall, &run).unwrap_err();
    assert_eq!(fault.reports()[0].kind, FaultKind::Error);
    assert_eq!(fault.reports()[0].message, "cannot uninstall");
}

#[test]
fn hooks_get_what_they_need() {
    let data = tempfile::tempdir().unwrap();
    let run = Arc::new(Run {
        cancelled: true,
        ..Run::default()
    });
    let cancellation: Cancellation = Arc::clone(&run) as Cancellation;
    let mut recorded = lifecycle("Hooks/Recorded", data.path(), r#"{"port":80}"#).unwrap();
    for hook in [
        HookName::Prepare,
        HookName::Install,
        HookName::Start,
        HookName::Stop,
    ] {
        recorded.run(hook, &cancellation).unwrap();
    }
    // Unless written, it prepares again.
    recorded.upgrade("0.9", &cancellation).unwrap();
    recorded.end().unwrap();

    let recorded = std::fs::read_to_string(data.path().join("hooks.txt")).unwrap();
    assert_eq!(
        recorded.lines().collect::<Vec<_>>(),
        [
            r#"new /the/package {"port":80} {"source":{"name":"hooks"}}"#,
            "prepare",
            "install",
            "start, Some(1.5s) left",
            "stop, cancelled true",
            "prepare",
        ]
    );
    let progress = run.progress.lock().unwrap();
    assert_eq!(
        *progress,
        ["1 of Some(2): preparing", "1 of Some(2): preparing"]
    );
    drop((progress, cancellation));
    // The plugin gives back what it held, its threads too.
    wait_until(|| Arc::strong_count(&run) == 1);
}

#[test]
fn a_hook_that_has_ended_counts_as_cancelled() {
    let data = tempfile::tempdir().unwrap();
    let run: Cancellation = Arc::new(Run::default());
    let mut recorded = lifecycle("Hooks/Recorded", data.path(), "{}").unwrap();
    recorded.run(HookName::Start, &run).unwrap();
    let after = data.path().join("after.txt");
    wait_until(|| std::fs::read_to_string(&after).is_ok_and(|text| text == "cancelled true"));
}

/// Waits for something that other threads do, ten seconds at most.
fn wait_until(is_so: impl Fn() -> bool) {
    for _ in 0..1000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it does not come true");
}
