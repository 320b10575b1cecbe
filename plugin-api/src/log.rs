//! A plugin's `tracing` events on their way to the host.
//!
//! The bridge is the plugin's global default subscriber, set at attach; an author's own default
//! is left alone. Whether the host wants a place's events is kept beside the place, so a disabled
//! event costs a look-up and an atomic load. Spans stay here; their stack travels with each event.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::{Debug, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use keyway_abi::{CallsiteInfo, HostRef, LogSiteRef, OwnedValue};
use tracing_core::callsite::Identifier;
use tracing_core::field::{Field, Visit};
use tracing_core::span::{Attributes, Current, Id, Record};
use tracing_core::{Dispatch, Event, Interest, Level, Metadata, Subscriber, dispatcher};

/// Makes `host` the place where this plugin's events go. The first host of a process stays it.
pub(crate) fn attach(host: HostRef) {
    let bridge = Bridge {
        host,
        sites: RwLock::new(HashMap::new()),
        spans: RwLock::new(HashMap::new()),
        next_span: AtomicU64::new(1),
    };
    // Fails when there is a default already: the author's own, or the one of the first host.
    let _ = dispatcher::set_global_default(Dispatch::new(bridge));
}

struct Bridge {
    host: HostRef,
    sites: RwLock<HashMap<Identifier, Option<LogSiteRef>>>,
    spans: RwLock<HashMap<u64, Span>>,
    next_span: AtomicU64,
}

struct Span {
    metadata: &'static Metadata<'static>,
    fields: String,
    holds: u64,
}

thread_local! {
    static STACK: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

impl Bridge {
    fn site(&self, metadata: &Metadata<'static>) -> Option<LogSiteRef> {
        let sites = self.sites.read().unwrap_or_else(PoisonError::into_inner);
        sites.get(&metadata.callsite()).copied().flatten()
    }

    fn register(&self, metadata: &'static Metadata<'static>) {
        let identity = metadata.callsite();
        let known = self.sites.read().unwrap_or_else(PoisonError::into_inner);
        if known.contains_key(&identity) {
            return;
        }
        drop(known);
        // The host is called without a lock held.
        let site = self.host.log_register(&CallsiteInfo {
            identity: std::ptr::from_ref(metadata).addr(),
            level: level_number(*metadata.level()),
            line: metadata.line(),
            name: metadata.name(),
            target: metadata.target(),
            file: metadata.file(),
            module_path: metadata.module_path(),
            fields: metadata.fields().iter().map(|field| field.name()).collect(),
        });
        let mut sites = self.sites.write().unwrap_or_else(PoisonError::into_inner);
        sites.entry(identity).or_insert(site);
    }

    fn span_stack(&self) -> String {
        let ids = STACK.try_with(|stack| stack.try_borrow().map(|stack| stack.clone()));
        let Ok(Ok(ids)) = ids else {
            return String::new();
        };
        let spans = self.spans.read().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for span in ids.iter().filter_map(|id| spans.get(id)) {
            if !text.is_empty() {
                text.push(':');
            }
            text.push_str(span.metadata.name());
            if !span.fields.is_empty() {
                let _ = write!(text, "{{{}}}", span.fields);
            }
        }
        text
    }
}

impl Subscriber for Bridge {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.is_span() {
            return Interest::always();
        }
        self.register(metadata);
        // The host's filters may change at any time, so each event asks.
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() || {
            let sites = self.sites.read().unwrap_or_else(PoisonError::into_inner);
            let site = sites.get(&metadata.callsite()).copied().flatten();
            site.is_some_and(LogSiteRef::wanted)
        }
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let id = self.next_span.fetch_add(1, Ordering::Relaxed);
        let mut fields = Text::default();
        attributes.record(&mut fields);
        let span = Span {
            metadata: attributes.metadata(),
            fields: fields.0,
            holds: 1,
        };
        let mut spans = self.spans.write().unwrap_or_else(PoisonError::into_inner);
        spans.insert(id, span);
        Id::from_u64(id)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        let mut fields = Text::default();
        values.record(&mut fields);
        let mut spans = self.spans.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(span) = spans.get_mut(&id.into_u64()) {
            if !span.fields.is_empty() {
                span.fields.push(' ');
            }
            span.fields.push_str(&fields.0);
        }
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let Some(site) = self.site(event.metadata()) else {
            return;
        };
        let mut values = Values::default();
        event.record(&mut values);
        self.host.log_event(site, &values.0, &self.span_stack());
    }

    fn enter(&self, id: &Id) {
        let _ = STACK.try_with(|stack| {
            if let Ok(mut stack) = stack.try_borrow_mut() {
                stack.push(id.into_u64());
            }
        });
    }

    fn exit(&self, id: &Id) {
        let _ = STACK.try_with(|stack| {
            if let Ok(mut stack) = stack.try_borrow_mut() {
                if let Some(at) = stack.iter().rposition(|open| *open == id.into_u64()) {
                    stack.remove(at);
                }
            }
        });
    }

    fn clone_span(&self, id: &Id) -> Id {
        let mut spans = self.spans.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(span) = spans.get_mut(&id.into_u64()) {
            span.holds += 1;
        }
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let mut spans = self.spans.write().unwrap_or_else(PoisonError::into_inner);
        let id = id.into_u64();
        match spans.get_mut(&id) {
            Some(span) if span.holds > 1 => {
                span.holds -= 1;
                false
            }
            Some(_) => spans.remove(&id).is_some(),
            None => false,
        }
    }

    fn current_span(&self) -> Current {
        let top = STACK
            .try_with(|stack| {
                stack
                    .try_borrow()
                    .ok()
                    .and_then(|stack| stack.last().copied())
            })
            .ok()
            .flatten();
        let spans = self.spans.read().unwrap_or_else(PoisonError::into_inner);
        match top.and_then(|id| spans.get(&id).map(|span| (id, span.metadata))) {
            Some((id, metadata)) => Current::new(Id::from_u64(id), metadata),
            None => Current::none(),
        }
    }
}

const fn level_number(level: Level) -> u32 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

/// The values of an event, by the place of their field.
#[derive(Default)]
struct Values(Vec<(u32, OwnedValue)>);

impl Values {
    fn push(&mut self, field: &Field, value: OwnedValue) {
        self.0
            .push((u32::try_from(field.index()).unwrap_or(u32::MAX), value));
    }
}

impl Visit for Values {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, OwnedValue::I64(value));
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, OwnedValue::U64(value));
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, OwnedValue::F64(value));
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, OwnedValue::Bool(value));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, OwnedValue::Str(value.to_owned()));
    }
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.push(field, OwnedValue::Debug(format!("{value:?}")));
    }
}

/// The values of a span as `name=value`, with spaces between.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        let _ = write!(self.0, "{}={value:?}", field.name());
    }
}
