//! Log events of another process, sent to this one's subscriber.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use keyway_abi::{CallsiteInfo, OwnedValue};
use serde::{Deserialize, Serialize};
use tracing_core::callsite;
use tracing_core::field::{Field, Visit};
use tracing_core::{Event, Level, Metadata};

use super::log::{MAX_FIELDS, MAX_SITES, PLUGIN_FIELD, SPANS_FIELD, Site};

/// The field that says whose code an event comes from.
const PACKAGE_FIELD: &str = "package";
/// As many bytes of a text are sent.
const LONGEST: usize = 64 << 10;

/// A place that logs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct RemoteSite {
    level: u32,
    name: String,
    target: String,
    file: Option<String>,
    line: Option<u32>,
    module_path: Option<String>,
    fields: Vec<String>,
}

/// A value of an event's field.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum RemoteValue {
    I64(i64),
    U64(u64),
    F64(f64),
    Bool(bool),
    Str(String),
    Debug(String),
}

/// One event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RemoteEvent {
    site: RemoteSite,
    values: Vec<(usize, RemoteValue)>,
    /// The plugin that it comes from; empty if it is not a plugin's.
    plugin: String,
    spans: String,
}

impl RemoteEvent {
    /// An event of this process, for another one.
    pub(crate) fn of(event: &Event<'_>) -> Self {
        let metadata = event.metadata();
        let mut seen = Seen::default();
        event.record(&mut seen);
        let (mut fields, mut values) = (Vec::new(), Vec::new());
        for (name, value) in seen.values {
            values.push((fields.len(), value));
            fields.push(name.to_owned());
        }
        Self {
            site: RemoteSite::of(metadata, fields),
            values,
            plugin: seen.plugin,
            spans: seen.spans,
        }
    }
}

impl RemoteSite {
    fn of(metadata: &Metadata<'_>, fields: Vec<String>) -> Self {
        Self {
            level: level_number(metadata.level()),
            name: metadata.name().to_owned(),
            target: metadata.target().to_owned(),
            file: metadata.file().map(str::to_owned),
            line: metadata.line(),
            module_path: metadata.module_path().map(str::to_owned),
            fields,
        }
    }
}

fn level_number(level: &Level) -> u32 {
    match *level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        _ => 5,
    }
}

/// What is seen of an event.
#[derive(Default)]
struct Seen {
    values: Vec<(&'static str, RemoteValue)>,
    plugin: String,
    spans: String,
}

impl Seen {
    fn put(&mut self, field: &Field, value: RemoteValue) {
        if self.values.len() < MAX_FIELDS - 3 {
            self.values.push((field.name(), value));
        }
    }
}

impl Visit for Seen {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, RemoteValue::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, RemoteValue::U64(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, RemoteValue::F64(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, RemoteValue::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            PLUGIN_FIELD => self.plugin = cut(value.to_owned()),
            SPANS_FIELD => self.spans = cut(value.to_owned()),
            _ => self.put(field, RemoteValue::Str(cut(value.to_owned()))),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, RemoteValue::Debug(cut(format!("{value:?}"))));
    }
}

fn cut(mut text: String) -> String {
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
    }
    text
}

/// The log of one package whose code runs elsewhere.
pub(crate) struct RemoteLog {
    package: String,
    sites: Mutex<HashMap<RemoteSite, &'static Site>>,
}

impl RemoteLog {
    pub(crate) fn new(package: String) -> Self {
        Self {
            package,
            sites: Mutex::default(),
        }
    }

    /// Sends an event to this process's subscriber, as one of the package.
    pub(crate) fn emit(&self, event: RemoteEvent) {
        let Some(site) = self.site(&event.site) else {
            return;
        };
        let values = event.values.into_iter();
        let mut values: Vec<_> = values.map(|(at, value)| (at, value.into())).collect();
        let package = event.site.fields.len().min(MAX_FIELDS - 3);
        values.retain(|(at, _)| *at < package);
        values.push((package, OwnedValue::Str(self.package.clone())));
        site.emit(&event.plugin, &values, &event.spans);
    }

    /// The place here that stands for one there.
    fn site(&self, there: &RemoteSite) -> Option<&'static Site> {
        let mut sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(site) = sites.get(there) {
            return Some(*site);
        }
        if sites.len() >= MAX_SITES {
            return None;
        }
        let own = there.fields.iter().take(MAX_FIELDS - 3).map(String::as_str);
        let site = Site::make(&CallsiteInfo {
            identity: 0,
            level: there.level,
            line: there.line,
            name: &there.name,
            target: &there.target,
            file: there.file.as_deref(),
            module_path: there.module_path.as_deref(),
            fields: own.chain([PACKAGE_FIELD]).collect(),
        });
        sites.insert(there.clone(), site);
        drop(sites);
        callsite::register(site);
        Some(site)
    }
}

impl From<RemoteValue> for OwnedValue {
    fn from(value: RemoteValue) -> Self {
        match value {
            RemoteValue::I64(value) => Self::I64(value),
            RemoteValue::U64(value) => Self::U64(value),
            RemoteValue::F64(value) => Self::F64(value),
            RemoteValue::Bool(value) => Self::Bool(value),
            RemoteValue::Str(value) => Self::Str(value),
            RemoteValue::Debug(value) => Self::Debug(value),
        }
    }
}
