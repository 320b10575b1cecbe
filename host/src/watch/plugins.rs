//! Plugin files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use keyway_metadata::TypeName;

use super::error::WatchError;
use super::worker::{Listener, Look, Worker, tell};
use crate::package::Change;
use crate::plugin::{FileIdentity, Registry};

/// What happened to a plugin file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PluginEvent {
    /// How it changed.
    pub change: Change,
    /// The plugin's id.
    pub id: String,
    /// Its file.
    pub path: PathBuf,
    /// The types that it gives, or gave.
    pub types: Vec<TypeName>,
}

/// Tells what happens to the plugin files in the folders of a registry, until it is dropped.
///
/// The registry is [refreshed](Registry::refresh) before something is told, so that types of new
/// plugins resolve; a [`PackageLoader`](crate::PackageLoader) that has used a type keeps what it knows
/// of it until it is [refreshed](crate::PackageLoader::refresh) itself. Nothing is loaded, and what is
/// loaded stays so.
pub struct PluginWatcher {
    _worker: Worker,
}

impl std::fmt::Debug for PluginWatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginWatcher").finish_non_exhaustive()
    }
}

impl PluginWatcher {
    /// Calls `listener`, in a thread of its own, whenever a plugin file comes, changes or goes, be it one
    /// that is used or not. Files that are no plugins are not told. What happens after this returns is
    /// told, usually within a tenth of a second.
    ///
    /// If `listener` panics, that is logged as an error, and it is called for the next event.
    ///
    /// # Errors
    ///
    /// The system cannot tell about changes.
    pub fn new(
        registry: &Registry,
        listener: impl FnMut(PluginEvent) + Send + 'static,
    ) -> Result<Self, WatchError> {
        let plugins = Plugins {
            registry: registry.clone(),
            known: None,
            listener: Box::new(listener),
        };
        Ok(Self {
            _worker: Worker::start(plugins)?,
        })
    }
}

struct Plugins {
    registry: Registry,
    /// `None` before the first look.
    known: Option<BTreeMap<PathBuf, Known>>,
    listener: Listener<PluginEvent>,
}

#[derive(Clone, Debug)]
struct Known {
    identity: Option<FileIdentity>,
    id: String,
    types: Vec<TypeName>,
}

impl Look for Plugins {
    fn folders(&self) -> Vec<PathBuf> {
        let folders = self.registry.search_path().folders().iter();
        let folders = folders.filter(|folder| folder.is_used());
        folders.map(|folder| folder.path().to_path_buf()).collect()
    }

    fn look(&mut self) {
        if self.known.is_some() {
            self.registry.refresh();
        }
        let catalog = self.registry.catalog();
        let now = catalog.files().filter_map(|file| {
            let manifest = file.manifest()?;
            let metadata = std::fs::metadata(file.path()).ok();
            let known = Known {
                identity: metadata.as_ref().map(FileIdentity::of),
                id: manifest.id.clone(),
                types: manifest.types.iter().map(|it| it.name.clone()).collect(),
            };
            Some((file.path().to_path_buf(), known))
        });
        let now: BTreeMap<PathBuf, Known> = now.collect();
        if let Some(before) = self.known.replace(now) {
            self.tell(&before);
        }
    }
}

impl Plugins {
    fn tell(&mut self, before: &BTreeMap<PathBuf, Known>) {
        let Some(now) = &self.known else { return };
        let mut events = Vec::new();
        for (path, it) in before {
            if !now.contains_key(path) {
                events.push((Change::Removed, path, it));
            }
        }
        for (path, it) in now {
            match before.get(path) {
                None => events.push((Change::Added, path, it)),
                Some(known) if known.identity != it.identity => {
                    events.push((Change::Changed, path, it));
                }
                Some(_) => {}
            }
        }
        let events = events.into_iter().map(|(change, path, it)| PluginEvent {
            change,
            id: it.id.clone(),
            path: path.clone(),
            types: it.types.clone(),
        });
        for event in events {
            tell(&mut self.listener, event);
        }
    }
}
