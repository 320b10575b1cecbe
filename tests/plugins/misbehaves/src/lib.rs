//! A lifecycle whose hooks do what the package's arguments say: `{"start": "panic"}`.
//!
//! | word | what |
//! |---|---|
//! | `panic` | panics |
//! | `fail` | returns an error with a cause |
//! | `fail-unless FILE` | fails unless there is that file |
//! | `hang` | never returns |
//! | `wait` | returns an error once it is told to give up |
//! | `wait-for FILE` | returns once there is that file |
//! | `sleep MS` | takes that long |
//! | `tell FILE` | appends a line to that file: the package's folder, and the hook |
//! | `abort`, `exit` | ends the process |
//! | `fetch URL` | fetches a repository into `fetched` |
//! | `update URL` | fetches it again |
//! | `progress` | says three times how far it is |
//! | `progress FILE` | the same, and then waits for that file |
//!
//! Each hook is written down in `hooks` of the data folder when it begins, and when it ends.

#![forbid(unsafe_code)]

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use keyway_plugin::{Context, Error, Hook, Lifecycle, export_plugin};
use serde_json::Value;

/// One write, so that a line is there or not.
fn append(path: &Path, line: &str) -> Result<(), Error> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(format!("{line}\n").as_bytes())?;
    Ok(())
}

fn wait_for(path: &Path) {
    while !path.exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

struct Misbehaves {
    context: Context,
}

impl Misbehaves {
    fn note(&self, line: &str) -> Result<(), Error> {
        append(&self.context.data_dir().join("hooks"), line)
    }

    fn behaves(&self, name: &str, hook: Option<&Hook<'_>>) -> Result<(), Error> {
        let kwargs: Value = serde_json::from_str(self.context.install_kwargs())?;
        let what = kwargs[name].as_str().unwrap_or_default();
        self.note(&format!("{name} begins"))?;
        let (word, rest) = what.split_once(' ').unwrap_or((what, ""));
        match (word, hook) {
            ("panic", _) => panic!("no luck in {name}"),
            ("fail", _) => return Err(format!("cannot {name}").into()),
            ("fail-unless", _) if !Path::new(rest).exists() => {
                return Err(format!("cannot {name} without {rest}").into());
            }
            ("hang", _) => loop {
                std::thread::sleep(Duration::from_secs(60));
            },
            ("wait", Some(hook)) => {
                if hook.cancellation().wait(Duration::from_secs(600)) {
                    self.note(&format!("{name} was told to give up"))?;
                }
                return Err("gave up".into());
            }
            ("wait-for", _) => wait_for(Path::new(rest)),
            ("tell", _) => {
                let root = self.context.package_root();
                let package = root.file_name().unwrap_or_default().to_string_lossy();
                append(Path::new(rest), &format!("{package} {name}"))?;
            }
            ("sleep", _) => std::thread::sleep(Duration::from_millis(rest.parse()?)),
            ("abort", _) => std::process::abort(),
            ("exit", _) => std::process::exit(3),
            ("fetch" | "update", Some(hook)) => {
                let fetch = self.context.fetch()?.git(rest).update(word == "update");
                let fetched = fetch.into("fetched", hook)?;
                self.note(&format!("commit {}", fetched.commit))?;
            }
            ("progress", Some(hook)) => {
                for done in 1..=3 {
                    hook.progress(done, Some(3), &format!("step {done}"));
                    std::thread::sleep(Duration::from_millis(200));
                }
                if !rest.is_empty() {
                    wait_for(Path::new(rest));
                }
            }
            _ => {}
        }
        self.note(&format!("{name} ends"))
    }
}

impl Lifecycle for Misbehaves {
    fn new(context: Context) -> Result<Self, Error> {
        let misbehaves = Misbehaves { context };
        misbehaves.behaves("new", None)?;
        Ok(misbehaves)
    }

    fn prepare(&mut self, hook: &Hook<'_>) -> Result<(), Error> {
        self.behaves("prepare", Some(hook))
    }

    fn install(&mut self, hook: &Hook<'_>) -> Result<(), Error> {
        self.behaves("install", Some(hook))
    }

    fn start(&mut self, hook: &Hook<'_>) -> Result<(), Error> {
        self.behaves("start", Some(hook))
    }

    fn stop(&mut self, hook: &Hook<'_>) -> Result<(), Error> {
        self.behaves("stop", Some(hook))
    }

    fn uninstall(&mut self, hook: &Hook<'_>) -> Result<(), Error> {
        self.behaves("uninstall", Some(hook))
    }

    fn upgrade(&mut self, from: &str, hook: &Hook<'_>) -> Result<(), Error> {
        self.note(&format!("from {from}"))?;
        self.behaves("upgrade", Some(hook))
    }
}

impl Drop for Misbehaves {
    fn drop(&mut self) {
        let _ = self.behaves("drop", None);
    }
}

export_plugin!(lifecycle Misbehaves, "misbehaves.toml");
