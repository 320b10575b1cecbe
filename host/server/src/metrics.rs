//! Numbers, in the text form 0.0.4 of Prometheus.
//!
//! It is written by hand, being small. What stands in labels is from closed sets: no names of packages.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use keyway::lifecycle::{HookOutcome, ManagerEvent, Status};

use crate::router::Served;

/// Upper bounds of hooks' durations, in seconds.
const BUCKETS: [f64; 12] = [
    0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0,
];
const STATUSES: [Status; 7] = [
    Status::Init,
    Status::Config,
    Status::ToInstall,
    Status::Installed,
    Status::ToStart,
    Status::Disabled,
    Status::Error,
];

/// What is counted.
#[derive(Debug)]
pub(crate) struct Metrics {
    began: f64,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    hooks: BTreeMap<(String, &'static str), u64>,
    seconds: BTreeMap<String, Histogram>,
    loads: u64,
    restarts: BTreeMap<&'static str, u64>,
    operations: BTreeMap<(&'static str, &'static str), u64>,
    requests: BTreeMap<u16, u64>,
}

#[derive(Debug, Default)]
struct Histogram {
    /// As many in each bucket alone; the last one has no bound.
    counts: [u64; BUCKETS.len() + 1],
    sum: f64,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            began: since.unwrap_or_default().as_secs_f64(),
            counts: Mutex::default(),
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts what happens in the manager.
    pub(crate) fn notice(&self, event: &ManagerEvent) {
        let mut counts = self.counts();
        match event {
            ManagerEvent::HookEnded {
                hook,
                seconds,
                outcome,
                ..
            } => {
                let outcome = match outcome {
                    HookOutcome::Done => "done",
                    HookOutcome::GaveUp => "gave-up",
                    _ => "failed",
                };
                *counts.hooks.entry((hook.clone(), outcome)).or_default() += 1;
                let histogram = counts.seconds.entry(hook.clone()).or_default();
                let bucket = BUCKETS.iter().position(|most| seconds <= most);
                histogram.counts[bucket.unwrap_or(BUCKETS.len())] += 1;
                histogram.sum += seconds;
            }
            ManagerEvent::Loaded { .. } => counts.loads += 1,
            ManagerEvent::Restarted { what, .. } => {
                let what = if what == "worker" {
                    "worker"
                } else {
                    "process"
                };
                *counts.restarts.entry(what).or_default() += 1;
            }
            _ => {}
        }
    }

    /// Counts what was asked for.
    pub(crate) fn operation(&self, operation: &'static str, outcome: &'static str) {
        let mut counts = self.counts();
        *counts.operations.entry((operation, outcome)).or_default() += 1;
    }

    fn request(&self, status: StatusCode) {
        *self
            .counts()
            .requests
            .entry(status.as_u16() / 100)
            .or_default() += 1;
    }

    /// All of it, with what is the case just now.
    fn text(&self, now: &Now) -> String {
        let mut page = Page(String::new());
        let counts = self.counts();
        page.head("keyway_build_info", "gauge", "The version of the server.");
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        page.line("keyway_build_info", &version, 1.0);

        page.head("keyway_packages", "gauge", "Packages on record by status.");
        for status in STATUSES {
            let found = now.states.iter().filter(|(it, _)| *it == status).count();
            let status = [("status", status.as_str())];
            page.line("keyway_packages", &status, found as f64);
        }
        let running = now.states.iter().filter(|(_, running)| *running).count();
        let name = "keyway_packages_running";
        page.one(name, "gauge", "Packages that run.", running as f64);

        let name = "keyway_hooks_total";
        page.head(name, "counter", "Hooks that ended, by how they did.");
        for ((hook, outcome), count) in &counts.hooks {
            let labels = [("hook", &**hook), ("outcome", outcome)];
            page.line(name, &labels, *count as f64);
        }
        let name = "keyway_hook_seconds";
        page.head(name, "histogram", "How long hooks took.");
        for (hook, histogram) in &counts.seconds {
            let mut sum = 0;
            for (index, count) in histogram.counts.iter().enumerate() {
                sum += count;
                let bound = BUCKETS.get(index).map(f64::to_string);
                let bound = bound.as_deref().unwrap_or("+Inf");
                let labels = [("hook", &**hook), ("le", bound)];
                page.line("keyway_hook_seconds_bucket", &labels, sum as f64);
            }
            let labels = [("hook", &**hook)];
            page.line("keyway_hook_seconds_sum", &labels, histogram.sum);
            page.line("keyway_hook_seconds_count", &labels, sum as f64);
        }
        let name = "keyway_plugin_loads_total";
        let help = "Objects of packages' code that were made, for which their plugins are loaded.";
        page.one(name, "counter", help, counts.loads as f64);

        let name = "keyway_restarts_total";
        let help = "What of packages ended by itself and was started again.";
        page.head(name, "counter", help);
        for what in ["process", "worker"] {
            let count = counts.restarts.get(what).copied().unwrap_or_default();
            page.line(name, &[("what", what)], count as f64);
        }
        let name = "keyway_operations_total";
        page.head(name, "counter", "What was asked for, by what became of it.");
        for ((operation, outcome), count) in &counts.operations {
            let labels = [("operation", *operation), ("outcome", outcome)];
            page.line(name, &labels, *count as f64);
        }
        let name = "keyway_http_requests_total";
        page.head(name, "counter", "Requests by the class of their answer.");
        for (class, count) in &counts.requests {
            let class = format!("{class}xx");
            page.line(name, &[("code", &class)], *count as f64);
        }
        drop(counts);
        let name = "keyway_streams";
        let help = "Streams of events and logs that are open.";
        page.one(name, "gauge", help, now.streams as f64);
        let name = "keyway_log_lines_lost_total";
        let help = "Lines of packages' logs that could not be written.";
        page.one(name, "counter", help, now.lost as f64);

        let name = "process_start_time_seconds";
        let help = "When the server began, in seconds since 1970.";
        page.one(name, "gauge", help, self.began);
        for (name, help, value) in process() {
            page.one(name, "gauge", help, value);
        }
        page.0
    }
}

/// What is the case just now.
struct Now {
    states: Vec<(Status, bool)>,
    streams: usize,
    lost: u64,
}

/// The text, as far as it is.
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// None of the labels' values has a character that is to be escaped.
    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(key, value)| format!("{key}=\"{value}\""))
            .collect();
        let labels = match labels[..] {
            [] => String::new(),
            _ => format!("{{{}}}", labels.join(",")),
        };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.head(name, kind, help);
        self.line(name, &[], value);
    }
}

/// What the system says of this process, where it says it in files.
fn process() -> Vec<(&'static str, &'static str, f64)> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let number = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    };
    let files = std::fs::read_dir("/proc/self/fd").ok();
    // One of them is that of the folder.
    let files = files.map(|files| files.count().saturating_sub(1) as f64);
    let found = [
        (
            "process_resident_memory_bytes",
            "Memory that is in use, in bytes.",
            number("VmRSS:").map(|kib| kib * 1024.0),
        ),
        (
            "process_threads",
            "Threads of the process.",
            number("Threads:"),
        ),
        ("process_open_fds", "Files that are open.", files),
    ];
    found
        .into_iter()
        .filter_map(|(name, help, value)| Some((name, help, value?)))
        .collect()
}

/// `GET /metrics`
pub(crate) async fn metrics(State(served): State<Served>) -> Response {
    let monitor = &served.monitor;
    let now = Now {
        states: served.manager.states(),
        streams: monitor.streams(),
        lost: monitor.lost_lines(),
    };
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    let text = monitor.metrics().text(&now);
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// Counts the answers.
pub(crate) async fn counted(
    State(served): State<Served>,
    request: Request,
    next: Next,
) -> Response {
    let answer = next.run(request).await;
    served.monitor.metrics().request(answer.status());
    answer
}
