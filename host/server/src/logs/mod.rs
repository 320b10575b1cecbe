//! What is logged of packages: files of each of them, written here, and read.

mod event;
mod file;
mod json;
mod read;
pub(crate) mod route;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use keyway::lifecycle::ManagerEvent;
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterFn, filter_fn};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

pub use json::JsonLog;
pub use read::LogFile;

use event::{Said, remember};

/// As many packages may be written of at once.
const LANES: usize = 32;

/// The logs of packages: `logs/PACKAGE/package.log` in the state folder, with what is logged of the
/// package, or by its code.
///
/// It is a layer for `tracing`, to be filtered with [`wanted`](Self::wanted); a [server](crate::serve)
/// that is [told of it](crate::ServeOptions::package_logs) says where the files lie. Cheap to clone.
///
/// An event is a package's if it happens in a span with a field `package`, as hooks do, or if it has
/// such a field and comes from no plugin. What a plugin says in threads of its own is written to the
/// logs of all packages whose code is last known to be of that plugin.
///
/// An event is a line, `2026-11-20T22:40:00.123Z INFO target message key=value`, of 8 KiB at most, in
/// which what is foreign is escaped. The files have the mode 0600 in a folder of mode 0700; one that would
/// get larger than 1 MiB is called `.1`, as the ones before it `.2` and `.3`, and a new one begun.
#[derive(Clone, Default)]
pub struct PackageLogs(Arc<Inner>);

struct Inner {
    folder: OnceLock<PathBuf>,
    /// Packages that have a folder.
    made: Mutex<HashSet<String>>,
    /// The last plugin that each package's code came from.
    plugins: RwLock<BTreeMap<String, String>>,
    lanes: [Mutex<()>; LANES],
    hasher: RandomState,
    lost: AtomicU64,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            folder: OnceLock::new(),
            made: Mutex::default(),
            plugins: RwLock::default(),
            lanes: std::array::from_fn(|_| Mutex::new(())),
            hasher: RandomState::new(),
            lost: AtomicU64::new(0),
        }
    }
}

impl fmt::Debug for PackageLogs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PackageLogs")
            .field(&self.0.folder.get())
            .finish()
    }
}

impl PackageLogs {
    /// Logs that are not written yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What is worth being written: what is INFO or worse, and that hooks begin.
    pub fn wanted() -> FilterFn {
        filter_fn(is_wanted as fn(&Metadata<'_>) -> bool).with_max_level_hint(Level::DEBUG)
    }

    /// Says where the state folder is. From now on there are files; the first one counts.
    pub fn open(&self, state_dir: &Path) {
        let _ = self.0.folder.set(state_dir.join("logs"));
    }

    /// As many lines could not be written.
    pub(crate) fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Takes notice of what happens in a manager: who is on record has a folder.
    pub(crate) fn notice(&self, event: &ManagerEvent) {
        match event {
            ManagerEvent::Changed { name } => self.make(name),
            ManagerEvent::Loaded { name, plugin, .. } => {
                let mut plugins = self.0.plugins.write();
                let plugins = plugins.as_deref_mut();
                if let Ok(plugins) = plugins {
                    plugins.insert(name.clone(), plugin.clone());
                }
            }
            ManagerEvent::Removed { name } => {
                lock(&self.0.made).remove(name);
                if let Ok(mut plugins) = self.0.plugins.write() {
                    plugins.remove(name);
                }
            }
            _ => {}
        }
    }

    fn make(&self, name: &str) {
        let Some(folder) = self.0.folder.get().filter(|_| is_full_name(name)) else {
            return;
        };
        let mut made = lock(&self.0.made);
        // If it cannot be made now, it is tried again.
        if !made.contains(name) && file::make_folder(&folder.join(name)).is_ok() {
            made.insert(name.to_owned());
        }
    }

    /// Appends a line to the log of a package.
    fn append(&self, package: &str, line: &str) {
        let Some(folder) = self.0.folder.get().filter(|_| is_full_name(package)) else {
            return;
        };
        let lane = self.0.hasher.hash_one(package) as usize % LANES;
        let _turn = lock(&self.0.lanes[lane]);
        let path = folder.join(package).join(read::PACKAGE_LOG);
        match file::append(&path, line.as_bytes()) {
            // Of what is not on record there is no folder, and no log.
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                self.0.lost.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

impl<S> Layer<S> for PackageLogs
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        remember(attributes, id, &context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let said = Said::of(event, &context);
        match (&said.package, &said.plugin) {
            (Some(package), _) => self.append(package, &said.line(event)),
            (None, Some(plugin)) => {
                let users: Vec<String> = match self.0.plugins.read() {
                    Ok(plugins) => plugins
                        .iter()
                        .filter(|(_, it)| *it == plugin)
                        .map(|(package, _)| package.clone())
                        .collect(),
                    Err(_) => return,
                };
                let line = said.line(event);
                for package in users {
                    self.append(&package, &line);
                }
            }
            (None, None) => {}
        }
    }
}

fn is_wanted(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO
        || (*metadata.level() == Level::DEBUG && metadata.target() == "keyway::lifecycle::run")
}

/// Whether a name can be a package's, `author.name`, and so that of a folder.
pub(crate) fn is_full_name(name: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphanumeric())
            && part
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || it == b'_' || it == b'-')
    };
    name.split_once('.')
        .is_some_and(|(author, name)| is_part(author) && is_part(name))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
