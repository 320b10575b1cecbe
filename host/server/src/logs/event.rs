//! What a log event says, and whose it is.

use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

use keyway::foreign::Escaped;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{self, FormatTime as _};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// The field by which the library says from which plugin an event comes.
const PLUGIN: &str = "keyway.plugin";
/// As long a line may be, in bytes, without its end.
pub(crate) const LONGEST: usize = 8 << 10;
/// What stands where a line was cut.
pub(crate) const CUT: &str = " ...";

/// Whose a span is, and all that is logged in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Owner {
    pub(super) package: String,
    hook: Option<String>,
}

/// Remembers whose a new span is.
pub(super) fn remember<S>(attributes: &Attributes<'_>, id: &Id, context: &Context<'_, S>)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let mut fields = Said::default();
    attributes.record(&mut fields);
    let Some(package) = fields.take("package") else {
        return;
    };
    let hook = fields.take("hook");
    if let Some(span) = context.span(id)
        && span.extensions().get::<Owner>().is_none()
    {
        span.extensions_mut().insert(Owner { package, hook });
    }
}

/// A value, as it is said.
enum Shown {
    /// A number, a boolean, a text.
    Plain(Value),
    /// What has a form of its own.
    Formed(String),
}

/// What an event says.
#[derive(Default)]
pub(super) struct Said {
    message: String,
    fields: Vec<(&'static str, Shown)>,
    /// Which plugin says it.
    pub(super) plugin: Option<String>,
    pub(super) package: Option<String>,
    hook: Option<String>,
}

impl Said {
    /// What an event says, and whose it is: that of the span in which it happens. What comes from no
    /// plugin may also say it by itself.
    pub(super) fn of<S>(event: &Event<'_>, context: &Context<'_, S>) -> Self
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let mut said = Self::default();
        event.record(&mut said);
        said.plugin = said.take(PLUGIN);
        if said.plugin.is_none() {
            (said.package, said.hook) = (said.take("package"), said.take("hook"));
        }
        let scope = context.event_scope(event).into_iter().flatten();
        let owner = scope
            .into_iter()
            .find_map(|span| span.extensions().get::<Owner>().cloned());
        if let Some(owner) = owner {
            said.package = Some(owner.package);
            said.hook = said.hook.or(owner.hook);
        }
        said
    }

    /// Takes a field out that is a text, the last one of that name.
    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.fields.iter().rposition(|(it, _)| *it == name)?;
        match self.fields.remove(at).1 {
            Shown::Plain(Value::String(text)) | Shown::Formed(text) => Some(text),
            Shown::Plain(other) => Some(other.to_string()),
        }
    }

    /// `2026-11-20T22:40:00.123Z INFO target message key=value`, with the end of the line. What is
    /// foreign in it is escaped, so that it is one line.
    pub(super) fn line(&self, event: &Event<'_>) -> String {
        let metadata = event.metadata();
        let mut text = format!(
            "{} {} {} {}",
            now(),
            metadata.level(),
            metadata.target(),
            self.message
        );
        let hook = self.hook.as_ref().filter(|_| self.plugin.is_none());
        if let Some(hook) = hook {
            text.push_str(&format!(" hook={hook}"));
        }
        for (name, shown) in &self.fields {
            text.push_str(&match shown {
                Shown::Plain(value) => format!(" {name}={value}"),
                Shown::Formed(value) => format!(" {name}={value}"),
            });
            // It is cut there anyway.
            if text.len() > LONGEST {
                break;
            }
        }
        let mut line = bounded(&Escaped(&text).to_string()).into_owned();
        line.push('\n');
        line
    }

    /// The same as a JSON object.
    pub(super) fn json(self, event: &Event<'_>) -> Value {
        let metadata = event.metadata();
        let fields = self.fields.into_iter().map(|(name, shown)| {
            let value = match shown {
                Shown::Plain(value) => value,
                Shown::Formed(text) => text.into(),
            };
            (name.to_owned(), value)
        });
        let mut line = Map::new();
        line.insert("time".to_owned(), now().into());
        line.insert("level".to_owned(), metadata.level().as_str().into());
        line.insert("target".to_owned(), metadata.target().into());
        line.insert("message".to_owned(), self.message.into());
        for (key, value) in [
            ("package", self.package),
            ("hook", self.hook),
            ("plugin", self.plugin),
        ] {
            if let Some(value) = value {
                line.insert(key.to_owned(), value.into());
            }
        }
        line.insert("fields".to_owned(), Value::Object(fields.collect()));
        Value::Object(line)
    }

    fn add(&mut self, field: &Field, shown: Shown) {
        match (field.name(), shown) {
            ("message", Shown::Formed(text) | Shown::Plain(Value::String(text))) => {
                self.message = text;
            }
            (name, shown) => self.fields.push((name, shown)),
        }
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, Shown::Formed(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, Shown::Plain(value.into()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Shown::Plain(value.into()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Shown::Plain(value.into()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, Shown::Plain(value.into()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        let shown = if value.is_finite() {
            Shown::Plain(value.into())
        } else {
            Shown::Formed(value.to_string())
        };
        self.add(field, shown);
    }
}

/// Text that is not longer than a line may be.
pub(crate) fn bounded(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST {
        return text.into();
    }
    let end = (0..=LONGEST - CUT.len())
        .rev()
        .find(|at| text.is_char_boundary(*at));
    format!("{}{CUT}", &text[..end.unwrap_or(0)]).into()
}

/// The time, in UTC: `2026-11-20T22:40:00.123Z`.
fn now() -> String {
    let mut text = String::new();
    // It has six digits behind the point.
    if time::SystemTime
        .format_time(&mut Writer::new(&mut text))
        .is_err()
        || text.len() != 27
    {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        return since.unwrap_or_default().as_secs().to_string();
    }
    text.truncate(23);
    text.push('Z');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_and_long_lines_an_end() {
        let time = now();
        assert_eq!(time.len(), "2026-11-20T22:40:00.123Z".len(), "{time}");
        assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
        assert_eq!(bounded("é"), "é");
        let cut = bounded(&"é".repeat(LONGEST)).into_owned();
        assert!(cut.len() <= LONGEST && cut.ends_with("é ..."));
    }
}
