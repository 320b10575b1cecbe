//! Plugins that ended a process while they were loaded, kept from doing it again.
//!
//! Before code of a plugin runs for the first time a *mark* is left: a file that names the plugin,
//! held by a lock, and taken away afterwards. A crash, an abort or an exit in between leaves the mark
//! without its lock. Whoever finds such a mark, of this boot and for this very file, puts the plugin
//! into quarantine, where it stays until its file changes or a person lifts it.
//!
//! A mark that is held belongs to a process that is just loading the plugin and says nothing; so any
//! number of processes may load one plugin at once. A mark of another boot says that the machine
//! stopped, not that the plugin did it. A process that a person kills just then leaves a mark too.
//!
//! Marked are: opening the library, attaching, construction and `init_package`. Later calls are not:
//! a mark costs more than such a call.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::identity::FileIdentity;

/// The folder of marks and of plugins in quarantine.
#[derive(Clone, Debug)]
pub struct Quarantine {
    folder: Option<PathBuf>,
}

/// A plugin in quarantine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Quarantined {
    /// The plugin's id.
    pub id: String,
    /// Its file; lossy if that is no text.
    pub path: String,
    /// What it was doing when the process ended.
    pub during: String,
    /// The process that it ended.
    pub process: u32,
    identity: FileIdentity,
    boot: Option<String>,
}

/// Code of a plugin is about to run. Dropping it takes the mark away.
#[derive(Debug)]
pub(crate) struct Mark {
    /// The mark, and the lock on it.
    held: Option<(PathBuf, File)>,
}

impl Quarantine {
    /// Keeps marks and quarantine in `folder`, which is made when it is needed; `None` keeps none.
    #[must_use]
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// The plugin at `path`, if it is in quarantine. Marks that were left for it are turned into
    /// quarantine here.
    #[must_use]
    pub fn get(&self, path: &Path, identity: &FileIdentity) -> Option<Quarantined> {
        let folder = self.folder.as_deref()?;
        let name = file_name(path);
        let mut found = read(&folder.join(format!("{name}.json")));
        if found.as_ref().is_some_and(|it| it.identity != *identity) {
            // The file has changed, so it has another chance.
            let _ = fs::remove_file(folder.join(format!("{name}.json")));
            found = None;
        }
        for mark in marks(folder, &name) {
            let Some(left) = left_behind(&mark) else {
                continue;
            };
            if left.identity == *identity && left.boot == boot() {
                tracing::warn!(
                    plugin = left.id,
                    path = %path.display(),
                    during = left.during,
                    "plugin ended a process and is in quarantine from now on"
                );
                let kept = folder.join(format!("{name}.json"));
                let written = serde_json::to_vec(&left)
                    .map_err(io::Error::from)
                    .and_then(|text| fs::write(kept, text));
                if let Err(error) = written {
                    tracing::warn!(%error, "quarantine cannot be written");
                }
                found = Some(left);
            }
            let _ = fs::remove_file(&mark);
        }
        found
    }

    /// The starts of names of all files here: a plugin whose own is not among them is not in
    /// quarantine. For who looks at many plugins at once.
    pub(super) fn names(&self) -> HashSet<String> {
        let folder = self.folder.as_deref();
        let entries = folder
            .into_iter()
            .flat_map(fs::read_dir)
            .flatten()
            .flatten();
        entries
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                Some(name.split('.').next()?.to_owned())
            })
            .collect()
    }

    /// Leaves a mark for code of the plugin `id` at `path`. One that cannot be left is a warning.
    pub(crate) fn enter(
        &self,
        id: &str,
        path: &Path,
        identity: &FileIdentity,
        during: &str,
    ) -> Mark {
        let Some(folder) = self.folder.as_deref() else {
            return Mark { held: None };
        };
        let mark = Quarantined {
            id: id.to_owned(),
            path: path.to_string_lossy().into_owned(),
            during: during.to_owned(),
            process: std::process::id(),
            identity: *identity,
            boot: boot(),
        };
        match leave(folder, &file_name(path), &mark) {
            Ok(held) => Mark { held: Some(held) },
            Err(error) => {
                tracing::warn!(
                    folder = %folder.display(),
                    %error,
                    "no mark can be left: a crash of plugin `{id}` would not be noticed"
                );
                Mark { held: None }
            }
        }
    }

    /// All plugins in quarantine, by path. Marks that were left are not looked at: that happens
    /// when their plugin is.
    #[must_use]
    pub fn list(&self) -> Vec<Quarantined> {
        let Some(folder) = self.folder.as_deref() else {
            return Vec::new();
        };
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut list: Vec<Quarantined> = entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|it| it == "json"))
            .filter_map(|path| read(&path))
            .collect();
        list.sort_by(|left, right| left.path.cmp(&right.path));
        list
    }

    /// Lifts the quarantine of the plugins whose id or path is `plugin`, or of all if there is
    /// none; gives those that were in it.
    ///
    /// # Errors
    ///
    /// When a file cannot be removed.
    pub fn clear(&self, plugin: Option<&str>) -> io::Result<Vec<Quarantined>> {
        let mut cleared = Vec::new();
        let Some(folder) = self.folder.as_deref() else {
            return Ok(cleared);
        };
        for one in self.list() {
            if plugin.is_none_or(|wanted| one.id == wanted || one.path == wanted) {
                // Its own name is that of its path; a path that is no text is found by content.
                for entry in fs::read_dir(folder)?.flatten() {
                    if read(&entry.path()).as_ref() == Some(&one) {
                        fs::remove_file(entry.path())?;
                    }
                }
                cleared.push(one);
            }
        }
        Ok(cleared)
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        if let Some((path, _lock)) = self.held.take() {
            // Taken away while it is still held: nobody sees it unlocked.
            let _ = fs::remove_file(path);
        }
    }
}

/// The start of the names of a plugin's files in the state folder.
pub(super) fn file_name(path: &Path) -> String {
    let hash = Sha256::digest(path.as_os_str().as_encoded_bytes());
    hash[..12]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn read(path: &Path) -> Option<Quarantined> {
    let mut text = Vec::new();
    let file = File::open(path).ok()?;
    file.take(64 * 1024).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

fn marks(folder: &Path, name: &str) -> Vec<PathBuf> {
    let start = format!("{name}.mark.");
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&start))
        .map(|entry| entry.path())
        .collect()
}

/// What a mark says, if nobody holds it any more.
fn left_behind(mark: &Path) -> Option<Quarantined> {
    let file = File::open(mark).ok()?;
    match file.try_lock_shared() {
        Ok(()) => read(mark),
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => None,
    }
}

/// Writes a mark under a hidden name, locks it, and only then shows it: nobody ever sees a mark
/// of a living process without its lock.
fn leave(folder: &Path, name: &str, mark: &Quarantined) -> io::Result<(PathBuf, File)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    fs::create_dir_all(folder)?;
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let end = format!("{name}.mark.{}.{number}", mark.process);
    let hidden = folder.join(format!(".{end}"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&hidden)?;
    file.lock()?;
    file.write_all(&serde_json::to_vec(mark)?)?;
    let shown = folder.join(end);
    fs::rename(&hidden, &shown)?;
    Ok((shown, file))
}

/// Which boot of the machine this is, where that can be known.
fn boot() -> Option<String> {
    static BOOT: OnceLock<Option<String>> = OnceLock::new();
    let read = || {
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(id.trim().to_owned())
    };
    BOOT.get_or_init(read).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quarantine() -> (tempfile::TempDir, Quarantine) {
        let folder = tempfile::tempdir().unwrap();
        let quarantine = Quarantine::new(Some(folder.path().join("deep")));
        (folder, quarantine)
    }

    const PLUGIN: &str = "/plugins/crashes.so";

    fn identity() -> FileIdentity {
        FileIdentity::default()
    }

    /// As a process that ends leaves it: the file stays, the lock does not.
    fn crash(quarantine: &Quarantine, change: impl FnOnce(&mut Quarantined)) {
        let mut mark = quarantine.enter("crashes", Path::new(PLUGIN), &identity(), "attach");
        let (path, lock) = mark.held.take().unwrap();
        let mut content = read(&path).unwrap();
        change(&mut content);
        fs::write(&path, serde_json::to_vec(&content).unwrap()).unwrap();
        drop(lock);
    }

    #[test]
    fn a_mark_that_is_left_is_quarantine_until_it_is_lifted() {
        let (_folder, quarantine) = quarantine();
        crash(&quarantine, |_| {});
        let found = quarantine.get(Path::new(PLUGIN), &identity()).unwrap();
        assert_eq!((&*found.id, &*found.during), ("crashes", "attach"));
        assert_eq!(found.process, std::process::id());
        assert_eq!(quarantine.list(), std::slice::from_ref(&found));
        // The mark is gone, the quarantine stays.
        assert_eq!(quarantine.get(Path::new(PLUGIN), &identity()), Some(found));
        assert!(quarantine.clear(Some("another")).unwrap().is_empty());
        assert_eq!(quarantine.clear(Some("crashes")).unwrap().len(), 1);
        assert_eq!(quarantine.get(Path::new(PLUGIN), &identity()), None);
    }

    #[test]
    fn a_changed_file_has_another_chance() {
        let (_folder, quarantine) = quarantine();
        crash(&quarantine, |_| {});
        assert!(quarantine.get(Path::new(PLUGIN), &identity()).is_some());
        let changed = FileIdentity::of(&fs::metadata("/").unwrap());
        assert_eq!(quarantine.get(Path::new(PLUGIN), &changed), None);
        assert!(quarantine.list().is_empty());
    }

    #[test]
    fn a_mark_of_another_boot_says_nothing() {
        let (_folder, quarantine) = quarantine();
        crash(&quarantine, |mark| mark.boot = Some("another".into()));
        assert_eq!(quarantine.get(Path::new(PLUGIN), &identity()), None);
    }

    #[test]
    fn a_mark_that_is_held_says_nothing() {
        let (_folder, quarantine) = quarantine();
        let mark = quarantine.enter("crashes", Path::new(PLUGIN), &identity(), "attach");
        assert_eq!(quarantine.get(Path::new(PLUGIN), &identity()), None);
        drop(mark);
        assert_eq!(quarantine.get(Path::new(PLUGIN), &identity()), None);
        let folder = quarantine.folder.as_deref().unwrap();
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_a_warning() {
        let quarantine = Quarantine::new(Some(PathBuf::from("/proc/nonexistent")));
        let mark = quarantine.enter("a", Path::new(PLUGIN), &identity(), "attach");
        assert!(mark.held.is_none());
        assert_eq!(quarantine.get(Path::new(PLUGIN), &identity()), None);
    }
}
