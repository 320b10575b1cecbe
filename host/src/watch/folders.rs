//! Which folders the system tells about.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

/// As many links are followed on the way to a folder, as by the system.
const MAX_LINKS: usize = 40;

/// The folders that are watched, each by itself and under its own name, without links.
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

    /// Watches these folders and no others, with those that links on the way to them lie in: who points
    /// one elsewhere changes nothing in the folder that it led to. Instead of one that is not there the
    /// next one above it. Whether there was one that was not watched before.
    pub(super) fn watch(&mut self, wanted: Vec<PathBuf>) -> bool {
        let folders = wanted;
        let mut wanted = BTreeSet::new();
        for folder in folders {
            wanted.extend(existing(&folder));
            let mut left = MAX_LINKS;
            add_folders_of_links(&folder, &mut wanted, &mut left);
        }
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
    let folder = above.find(|folder| folder.is_dir())?;
    fs::canonicalize(folder).ok()
}

fn add_folders_of_links(path: &Path, folders: &mut BTreeSet<PathBuf>, left: &mut usize) {
    for link in path.ancestors() {
        let (Ok(target), Some(folder)) = (fs::read_link(link), link.parent()) else {
            continue;
        };
        if *left == 0 {
            return;
        }
        *left -= 1;
        folders.extend(fs::canonicalize(folder));
        let target = folder.join(target);
        if !target.exists() {
            folders.extend(existing(&target));
        }
        add_folders_of_links(&target, folders, left);
    }
}
