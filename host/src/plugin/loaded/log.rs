//! A plugin's log events, received.
//!
//! Each place in a plugin that logs gets a callsite of its own here, made once and never freed, so
//! that the host's filters see the place's own target, level and fields. A plugin gets at most
//! [`MAX_SITES`] of them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use keyway_abi::{CallsiteInfo, HostServices, OwnedValue, ServiceOffer};
use tracing_core::callsite::{self, Callsite, Identifier};
use tracing_core::field::{self, Field, FieldSet, Value};
use tracing_core::metadata::Kind;
use tracing_core::subscriber::Interest;
use tracing_core::{Event, Level, Metadata, dispatcher};

/// A plugin that makes more places than this logs no more from new ones.
pub(super) const MAX_SITES: usize = 4096;
/// As many fields as an event of tracing may have.
pub(super) const MAX_FIELDS: usize = 32;
/// The field that says which plugin an event comes from.
pub(super) const PLUGIN_FIELD: &str = "keyway.plugin";
/// The field that has the plugin's own spans, outermost first.
pub(super) const SPANS_FIELD: &str = "keyway.spans";

/// The host as one plugin sees it.
pub(in crate::plugin) struct PluginHost {
    plugin: String,
    sites: Mutex<HashMap<usize, Option<&'static Site>>>,
}

/// A place in a plugin that logs.
pub(super) struct Site {
    metadata: OnceLock<Metadata<'static>>,
    wanted: AtomicU32,
    /// How many of the fields are the plugin's own.
    own_fields: usize,
}

impl Callsite for Site {
    fn set_interest(&self, interest: Interest) {
        self.wanted
            .store(u32::from(!interest.is_never()), Ordering::Relaxed);
    }

    fn metadata(&self) -> &Metadata<'_> {
        match self.metadata.get() {
            Some(metadata) => metadata,
            // Only between making and registering, which nobody else sees.
            None => unreachable!("a site is registered after its metadata is set"),
        }
    }
}

impl PluginHost {
    pub(in crate::plugin) fn new(plugin: String) -> Self {
        Self {
            plugin,
            sites: Mutex::new(HashMap::new()),
        }
    }

    fn intern(&self, info: &CallsiteInfo<'_>) -> Option<&'static Site> {
        let mut sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(site) = sites.get(&info.identity) {
            return *site;
        }
        if sites.len() >= MAX_SITES {
            return None;
        }
        let site = Site::make(info);
        sites.insert(info.identity, Some(site));
        drop(sites);
        callsite::register(site);
        Some(site)
    }
}

impl Site {
    pub(super) fn make(info: &CallsiteInfo<'_>) -> &'static Self {
        let own_fields = info.fields.len().min(MAX_FIELDS - 2);
        let names: Vec<&'static str> = info.fields[..own_fields]
            .iter()
            .map(|name| leak(name))
            .chain([PLUGIN_FIELD, SPANS_FIELD])
            .collect();
        let site: &'static Self = Box::leak(Box::new(Self {
            metadata: OnceLock::new(),
            wanted: AtomicU32::new(0),
            own_fields,
        }));
        let level = match info.level {
            1 => Level::ERROR,
            2 => Level::WARN,
            3 => Level::INFO,
            4 => Level::DEBUG,
            _ => Level::TRACE,
        };
        let _ = site.metadata.set(Metadata::new(
            leak(info.name),
            leak(info.target),
            level,
            info.file.map(leak),
            info.line,
            info.module_path.map(leak),
            FieldSet::new(Vec::leak(names), Identifier(site)),
            Kind::EVENT,
        ));
        site
    }

    /// Sends one event to the host's subscriber.
    pub(super) fn emit(&'static self, plugin: &str, values: &[(usize, OwnedValue)], spans: &str) {
        let Some(metadata) = self.metadata.get() else {
            return;
        };
        dispatcher::get_default(|subscriber| {
            if !subscriber.enabled(metadata) {
                return;
            }
            let fields: Vec<Field> = metadata.fields().iter().collect();
            let Some(first) = fields.first() else {
                return;
            };
            let shown: Vec<Shown<'_>> = values.iter().map(|(_, value)| Shown::of(value)).collect();
            // Places without a value are passed over.
            let mut set: [(&Field, Option<&dyn Value>); MAX_FIELDS] = [(first, None); MAX_FIELDS];
            let mut filled = 0;
            let mut put = |field, value| {
                if let Some(slot) = set.get_mut(filled) {
                    *slot = (field, Some(value));
                    filled += 1;
                }
            };
            for ((index, _), shown) in values.iter().zip(&shown).take(self.own_fields) {
                if let Some(field) = fields[..self.own_fields].get(*index) {
                    put(field, shown.value());
                }
            }
            if !plugin.is_empty() {
                put(&fields[self.own_fields], &plugin);
            }
            if !spans.is_empty() {
                put(&fields[self.own_fields + 1], &spans);
            }
            let values = metadata.fields().value_set(&set);
            subscriber.event(&Event::new(metadata, &values));
        });
    }
}

/// A value in the form that tracing takes.
enum Shown<'a> {
    I64(&'a i64),
    U64(&'a u64),
    F64(&'a f64),
    Bool(&'a bool),
    Str(&'a str),
    Debug(field::DisplayValue<&'a String>),
}

impl<'a> Shown<'a> {
    fn of(value: &'a OwnedValue) -> Self {
        match value {
            OwnedValue::I64(value) => Self::I64(value),
            OwnedValue::U64(value) => Self::U64(value),
            OwnedValue::F64(value) => Self::F64(value),
            OwnedValue::Bool(value) => Self::Bool(value),
            OwnedValue::Str(value) => Self::Str(value),
            OwnedValue::Debug(value) => Self::Debug(field::display(value)),
        }
    }

    fn value(&self) -> &dyn Value {
        match self {
            Self::I64(value) => *value,
            Self::U64(value) => *value,
            Self::F64(value) => *value,
            Self::Bool(value) => *value,
            Self::Str(value) => value,
            Self::Debug(value) => value,
        }
    }
}

fn leak(text: &str) -> &'static str {
    String::leak(text.to_owned())
}

impl HostServices for PluginHost {
    fn log_register(&self, callsite: &CallsiteInfo<'_>) -> Option<(usize, &'static AtomicU32)> {
        let site = self.intern(callsite)?;
        Some((callsite.identity, &site.wanted))
    }

    fn log_event(&self, handle: usize, values: &[(usize, OwnedValue)], spans: &str) {
        let site = {
            let sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
            sites.get(&handle).copied().flatten()
        };
        if let Some(site) = site {
            site.emit(&self.plugin, values, spans);
        }
    }

    fn service(&self, _: &str, _: u32) -> Option<ServiceOffer> {
        // Services belong to packages: see the context of a lifecycle.
        None
    }
}
