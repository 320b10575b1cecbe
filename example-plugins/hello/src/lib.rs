//! `Example/Hello`: the lifecycle of the smallest 3bot package. It writes down each of its hooks, with
//! the arguments that it was installed with, into the file `hooks` of its data folder.
//!
//! `./add --set greeting=Hi` builds this crate, packs it with what lies in `package`, and adds the package.

#![forbid(unsafe_code)]

use std::fs::OpenOptions;
use std::io::Write as _;

use keyway_plugin::{Context, Error, Hook, Lifecycle, export_plugin};

struct Hello {
    context: Context,
}

impl Hello {
    fn write_down(&self, hook: &str) -> Result<(), Error> {
        let path = self.context.data_dir().join("hooks");
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        // One write, so that a line is there or not.
        let line = format!("{hook} {}\n", self.context.install_kwargs());
        file.write_all(line.as_bytes())?;
        Ok(())
    }
}

impl Lifecycle for Hello {
    fn new(context: Context) -> Result<Self, Error> {
        Ok(Hello { context })
    }

    fn prepare(&mut self, _: &Hook<'_>) -> Result<(), Error> {
        self.write_down("prepare")
    }

    fn install(&mut self, _: &Hook<'_>) -> Result<(), Error> {
        self.write_down("install")
    }

    fn start(&mut self, _: &Hook<'_>) -> Result<(), Error> {
        self.write_down("start")
    }

    fn stop(&mut self, _: &Hook<'_>) -> Result<(), Error> {
        self.write_down("stop")
    }

    fn uninstall(&mut self, _: &Hook<'_>) -> Result<(), Error> {
        self.write_down("uninstall")
    }

    fn upgrade(&mut self, from: &str, _: &Hook<'_>) -> Result<(), Error> {
        self.write_down(&format!("upgrade from {from}"))
    }
}

export_plugin!(lifecycle Hello, "hello.toml");
