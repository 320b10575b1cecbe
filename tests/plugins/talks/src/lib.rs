//! A lifecycle that logs what its arguments say, when it starts: `say` as message and as a field,
//! `aside` in a thread of its own, `lines` numbered lines of a KiB, and `steps` of progress.

#![forbid(unsafe_code)]

use keyway_plugin::{Context, Error, Hook, Lifecycle, export_plugin};
use serde_json::Value;

struct Talks {
    context: Context,
}

impl Lifecycle for Talks {
    fn new(context: Context) -> Result<Self, Error> {
        Ok(Talks { context })
    }

    fn start(&mut self, hook: &Hook<'_>) -> Result<(), Error> {
        let kwargs: Value = serde_json::from_str(self.context.install_kwargs())?;
        if let Some(text) = kwargs["say"].as_str() {
            tracing::warn!(package = "acme.other", text, ratio = f64::NAN, "{text}");
        }
        if let Some(text) = kwargs["aside"].as_str() {
            let text = text.to_owned();
            let _ = std::thread::spawn(move || tracing::info!("{text}")).join();
        }
        let filler = "x".repeat(1000);
        for number in 1..=kwargs["lines"].as_u64().unwrap_or_default() {
            tracing::info!(number, filler, "line");
        }
        for done in 1..=kwargs["steps"].as_u64().unwrap_or_default() {
            hook.progress(done, None, "");
        }
        Ok(())
    }
}

export_plugin!(lifecycle Talks, "talks.toml");
