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
//! | `abort-later MS` | returns, and ends the process after that time |
//! | `abort-unless FILE` | ends the process unless there is that file |
//! | `overflow` | calls itself without an end |
//! | `eat MIB` | takes as much memory, and keeps it |
//! | `spawn` | starts a child that sleeps, and writes its number down in `child` |
//! | `print` | prints a line to stdout and one to stderr |
//! | `log` | logs an event, with a field |
//! | `store` | counts in the store from many threads, to 160 |
//! | `store-later FILE` | returns, and puts something into the store once there is that file |
//! | `big MIB` | puts as much into the store, and gets it again |
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
use std::process::Command;
use std::time::Duration;

use keyway_plugin::{Context, Error, Hook, Lifecycle, Store, export_plugin};
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

fn deeper(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    if std::hint::black_box(true) {
        deeper(depth + 1) + frame[0]
    } else {
        depth
    }
}

/// Adds ten from each of 16 threads at once.
fn count(store: &Store) -> Result<(), Error> {
    std::thread::scope(|scope| {
        let add = || {
            for _ in 0..10 {
                loop {
                    let old = store.get("count").ok()?;
                    let number = old.as_deref().map_or(Some(0), |it| it.first().copied())?;
                    let new = [number + 1];
                    if store
                        .compare_and_swap("count", old.as_deref(), Some(&new))
                        .ok()?
                    {
                        break;
                    }
                }
            }
            Some(())
        };
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(add)).collect();
        for thread in threads {
            let added = thread.join().map_err(|_| "a thread panicked")?;
            added.ok_or("the store does not serve")?;
        }
        Ok::<(), Error>(())
    })?;
    match store.get("count")? {
        Some(count) if count == [160] => Ok(()),
        other => Err(format!("it came to {other:?}").into()),
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
            ("abort-later", _) => {
                let pause = Duration::from_millis(rest.parse()?);
                std::thread::spawn(move || {
                    std::thread::sleep(pause);
                    std::process::abort();
                });
            }
            ("abort-unless", _) if !Path::new(rest).exists() => std::process::abort(),
            ("overflow", _) => {
                deeper(std::hint::black_box(0));
            }
            ("eat", _) => {
                let mib: usize = rest.parse()?;
                std::mem::forget(std::hint::black_box(vec![1_u8; mib << 20]));
            }
            ("spawn", _) => {
                let child = Command::new("sleep").arg("1000").spawn()?;
                let path = self.context.data_dir().join("child");
                std::fs::write(path, child.id().to_string())?;
            }
            ("print", _) => {
                println!("printed in {name}");
                eprintln!("complained in {name}");
            }
            ("log", _) => {
                tracing::info!(target: "misbehaves::log", answer = 42, "logged in {name}")
            }
            ("store", _) => count(&self.context.store()?)?,
            ("store-later", _) => {
                let (store, file) = (self.context.store()?, rest.to_owned());
                let late = self.context.data_dir().join("late");
                std::thread::spawn(move || {
                    wait_for(Path::new(&file));
                    let put = store.put("late", "yes");
                    let _ = std::fs::write(late, format!("{put:?}"));
                });
            }
            ("big", _) => {
                let (store, value) = (self.context.store()?, vec![7; rest.parse::<usize>()? << 20]);
                store.put("big", &value)?;
                if store.get("big")? != Some(value) {
                    return Err("another value".into());
                }
            }
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
