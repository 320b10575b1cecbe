//! Lifecycles: one that writes down its hooks, one that panics in each of them.

#![forbid(unsafe_code)]

use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::Duration;

use keyway_plugin::{Context, Error, Hook, Lifecycle, export_plugin};

struct Recorded {
    context: Context,
}

impl Recorded {
    fn record(&self, line: &str) -> Result<(), Error> {
        let path = self.context.data_dir().join("hooks.txt");
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        writeln!(file, "{line}")?;
        Ok(())
    }
}

impl Lifecycle for Recorded {
    fn new(context: Context) -> Result<Self, Error> {
        let recorded = Recorded { context };
        let context = &recorded.context;
        recorded.record(&format!(
            "new {} {} {}",
            context.package_root().display(),
            context.install_kwargs(),
            context.package_toml(),
        ))?;
        Ok(recorded)
    }

    fn prepare(&mut self, hook: &Hook<'_>) -> Result<(), Error> {
        hook.progress(1, Some(2), "preparing");
        self.record("prepare")
    }

    fn install(&mut self, _: &Hook<'_>) -> Result<(), Error> {
        self.record("install")
    }

    fn start(&mut self, hook: &Hook<'_>) -> Result<(), Error> {
        // Keeps the handle longer than the hook runs.
        let cancellation = hook.cancellation();
        let path = self.context.data_dir().join("after.txt");
        std::thread::spawn(move || {
            let cancelled = cancellation.wait(Duration::from_secs(60));
            let _ = std::fs::write(path, format!("cancelled {cancelled}"));
        });
        self.record(&format!("start, {:?} left", hook.remaining()))
    }

    fn stop(&mut self, hook: &Hook<'_>) -> Result<(), Error> {
        // Another thread may wait for the cancellation.
        let cancellation = hook.cancellation();
        let waiter = std::thread::spawn(move || cancellation.wait(Duration::from_secs(60)));
        let cancelled = waiter.join().map_err(|_| "the waiter panicked")?;
        self.record(&format!("stop, cancelled {cancelled}"))
    }

    fn uninstall(&mut self, _: &Hook<'_>) -> Result<(), Error> {
        Err("cannot uninstall".into())
    }
}

struct Panics;

impl Lifecycle for Panics {
    fn new(context: Context) -> Result<Self, Error> {
        assert!(
            context.install_kwargs() != r#"{"panic":true}"#,
            "no luck in new"
        );
        Ok(Panics)
    }

    fn prepare(&mut self, _: &Hook<'_>) -> Result<(), Error> {
        panic!("no luck in prepare");
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("no luck in drop");
    }
}

export_plugin!(
    [lifecycle "Hooks/Recorded" => Recorded, lifecycle "Hooks/Panics" => Panics],
    "hooks.toml"
);
