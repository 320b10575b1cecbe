//! Which folders the system tells about.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

/// The folders that are watched, each by itself.
pub(super) struct Folders {
    watcher: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
    /// Whether there was a folder that could not be watched.
    is_short: bool,
}

impl Folders {
    pub(super) fn new(watcher: RecommendedWatcher) -> Self {
        Self {
            watcher,
            watched: BTreeSet::new(),
            is_short: false,
        }
    }

    /// Watches these folders and no others; instead of one that is not there the next one above it.
    /// Whether there was one that was not watched before.
    pub(super) fn watch(&mut self, wanted: Vec<PathBuf>) -> bool {
        let wanted = wanted.iter().filter_map(|folder| existing(folder));
        let wanted: BTreeSet<PathBuf> = wanted.collect();
        let mut is_more = false;
        for gone in self.watched.difference(&wanted) {
            // The system has forgotten a folder that is not there any more.
            let _ = self.watcher.unwatch(gone);
        }
        self.watched.retain(|folder| wanted.contains(folder));
        for folder in wanted {
            if self.watched.contains(&folder) {
                continue;
            }
            match self.watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(folder);
                    is_more = true;
                }
                Err(error) if !self.is_short => {
                    self.is_short = true;
                    tracing::warn!(path = ?folder, %error, "changes in a folder are not noticed");
                }
                Err(_) => {}
            }
        }
        is_more
    }

    /// Takes it that folders with one of these names, or above, were replaced: a watch belongs to a
    /// folder, not to its name.
    pub(super) fn forget(&mut self, different: &BTreeSet<PathBuf>) {
        let is_different = |folder: &Path| folder.ancestors().any(|it| different.contains(it));
        let watcher = &mut self.watcher;
        self.watched.retain(|folder| {
            let gone = is_different(folder);
            if gone {
                let _ = watcher.unwatch(folder);
            }
            !gone
        });
    }
}

fn existing(folder: &Path) -> Option<PathBuf> {
    let mut above = folder.ancestors();
    above.find(|folder| folder.is_dir()).map(Path::to_path_buf)
}
