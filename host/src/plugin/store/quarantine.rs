//! Plugins that ended a process while they were loaded, kept from doing it again.
//!
//! Before code of a plugin runs for the first time a *mark* is left: a record that names the plugin, in
//! a file that is held by a lock, and wiped out afterwards. A crash, an abort or an exit in between
//! leaves the record without the lock. Whoever finds such a mark, of this boot, puts the plugin into
//! quarantine, where it stays until its file changes or a person lifts it.
//!
//! A mark that is held belongs to a process that is just loading the plugin and says nothing; so any
//! number of processes may load one plugin at once. A mark of another boot says that the machine
//! stopped, not that the plugin did it. A process that a person kills just then leaves a mark too.
//!
//! Marks stand in *slots*: files that a process locks when it first needs one and keeps until it ends,
//! so that leaving a mark is one write. There are as many as threads ever loaded plugins at once.
//!
//! Marked are: opening the library, attaching, construction and `init_package`. Later calls are not:
//! a mark costs more than such a call.
//!
//! A full disk keeps no plugin from being loaded: a mark that cannot be left is a warning, and a crash
//! is not noticed then. A mark that was left counts, also while it cannot be turned into quarantine.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::plugin::file::identity::FileIdentity;

/// The folder of marks and of plugins in quarantine.
#[derive(Clone, Debug)]
pub struct Quarantine {
    folder: Option<PathBuf>,
    /// Slots that this process has locked and does not use just now.
    free: Arc<Mutex<Vec<File>>>,
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
    /// The start of the names of its files here.
    name: String,
    identity: FileIdentity,
    boot: Option<String>,
}

/// Code of a plugin is about to run. Dropping it wipes the mark out.
#[derive(Debug)]
pub(crate) struct Mark {
    /// The slot with the mark.
    slot: Option<File>,
    free: Arc<Mutex<Vec<File>>>,
}

impl Quarantine {
    /// Keeps marks and quarantine in `folder`, which is made when it is needed; `None` keeps none.
    #[must_use]
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            free: Arc::default(),
        }
    }

    /// The plugin at `path`, if it is in quarantine. Marks that were left for it are turned into
    /// quarantine here.
    #[must_use]
    pub fn get(&self, path: &Path, identity: &FileIdentity) -> Option<Quarantined> {
        let folder = self.folder.as_deref()?;
        let left = sweep(folder);
        let name = file_name(path);
        let kept = folder.join(format!("{name}.json"));
        let found = read(&kept).or_else(|| left.into_iter().find(|it| it.name == name))?;
        if found.identity != *identity {
            // The file has changed, so it has another chance.
            let _ = fs::remove_file(kept);
            return None;
        }
        Some(found)
    }

    /// The names of all plugins here: one whose own is not among them is not in quarantine. Marks
    /// that were left are turned into quarantine here.
    pub(in crate::plugin) fn names(&self) -> HashSet<String> {
        let Some(folder) = self.folder.as_deref() else {
            return HashSet::new();
        };
        let left = sweep(folder).into_iter().map(|left| left.name);
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let kept = entries.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some(name.strip_suffix(".json")?.to_owned())
        });
        kept.chain(left).collect()
    }

    /// Leaves a mark for code of the plugin `id` at `path`. One that cannot be left is a warning.
    pub(crate) fn enter(
        &self,
        id: &str,
        path: &Path,
        identity: &FileIdentity,
        during: &str,
    ) -> Mark {
        let free = Arc::clone(&self.free);
        let Some(folder) = self.folder.as_deref() else {
            return Mark { slot: None, free };
        };
        let mark = Quarantined {
            id: id.to_owned(),
            path: path.to_string_lossy().into_owned(),
            name: file_name(path),
            during: during.to_owned(),
            process: std::process::id(),
            identity: *identity,
            boot: boot(),
        };
        let slot = match self.lock_free().pop() {
            Some(slot) => Ok(slot),
            None => lock_a_slot(folder),
        };
        let slot = slot.and_then(|slot| {
            write_record(&slot, &serde_json::to_vec(&mark)?)?;
            Ok(slot)
        });
        match slot {
            Ok(slot) => Mark {
                slot: Some(slot),
                free,
            },
            Err(error) => {
                tracing::warn!(
                    folder = %folder.display(),
                    %error,
                    "no mark can be left: a crash of plugin `{id}` would not be noticed"
                );
                Mark { slot: None, free }
            }
        }
    }

    fn lock_free(&self) -> MutexGuard<'_, Vec<File>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All plugins in quarantine, by path.
    #[must_use]
    pub fn list(&self) -> Vec<Quarantined> {
        let Some(folder) = self.folder.as_deref() else {
            return Vec::new();
        };
        let left = sweep(folder);
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut list: Vec<Quarantined> = entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|it| it == "json"))
            .filter_map(|path| read(&path))
            .collect();
        for one in left {
            if list.iter().all(|it| it.name != one.name) {
                list.push(one);
            }
        }
        list.sort_by(|left, right| left.path.cmp(&right.path));
        list
    }

    /// Lifts the quarantine of the plugins whose id or path is `plugin`, or of all if there is
    /// none; gives those that were in it.
    ///
    /// # Errors
    ///
    /// When a file cannot be removed or written.
    pub fn clear(&self, plugin: Option<&str>) -> io::Result<Vec<Quarantined>> {
        let mut cleared = Vec::new();
        let Some(folder) = self.folder.as_deref() else {
            return Ok(cleared);
        };
        for one in self.list() {
            if plugin.is_none_or(|wanted| one.id == wanted || one.path == wanted) {
                match fs::remove_file(folder.join(format!("{}.json", one.name))) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
                // Where the disk is full it may still stand there.
                for slot in left_slots(folder) {
                    if read_record(&slot).is_some_and(|left| left.name == one.name) {
                        write_record(&slot, b"")?;
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
        if let Some(slot) = self.slot.take() {
            // A slot that cannot be wiped out is given up: its lock ends with the process, and
            // what it says must not count then.
            if write_record(&slot, b"").is_ok() || slot.set_len(0).is_ok() {
                let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
                free.push(slot);
            }
        }
    }
}

/// The start of the names of a plugin's files in the state folder.
pub(in crate::plugin) fn file_name(path: &Path) -> String {
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

fn slot_path(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("slot.{number}"))
}

/// As many slots as there can be at most.
const MAX_SLOTS: usize = 4096;

/// A slot that nobody else holds, with nothing in it.
fn lock_a_slot(folder: &Path) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    for number in 0..MAX_SLOTS {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let slot = options.open(slot_path(folder, number))?;
        match slot.try_lock() {
            Ok(()) => {
                settle(folder, &slot)?;
                return Ok(slot);
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::other("all slots are held"))
}

/// The slots that nobody holds and that were written, each locked.
fn left_slots(folder: &Path) -> impl Iterator<Item = File> {
    let open = |number| {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true);
        options.open(slot_path(folder, number)).ok()
    };
    let is_left =
        |slot: &File| slot.metadata().is_ok_and(|it| it.len() > 0) && slot.try_lock().is_ok();
    (0..MAX_SLOTS).map_while(open).filter(is_left)
}

/// Turns marks that processes left when they ended into quarantine; gives those for which that cannot
/// be written.
fn sweep(folder: &Path) -> Vec<Quarantined> {
    let mut left = Vec::new();
    for slot in left_slots(folder) {
        if let Err(error) = settle(folder, &slot) {
            tracing::warn!(%error, "quarantine cannot be written");
            left.extend(read_record(&slot));
        }
    }
    left
}

/// Turns what stands in a slot that nobody else holds into quarantine, and wipes it out.
fn settle(folder: &Path, slot: &File) -> io::Result<()> {
    let Some(left) = read_record(slot) else {
        return Ok(());
    };
    if left.boot == boot() {
        tracing::warn!(
            plugin = left.id,
            path = left.path,
            during = left.during,
            "plugin ended a process and is in quarantine from now on"
        );
        let kept = folder.join(format!("{}.json", left.name));
        fs::write(kept, serde_json::to_vec(&left)?)?;
    }
    write_record(slot, b"")
}

/// A record is its length, four bytes, and its text.
fn write_record(slot: &File, text: &[u8]) -> io::Result<()> {
    let len = u32::try_from(text.len()).map_err(io::Error::other)?;
    let mut record = Vec::with_capacity(4 + text.len());
    record.extend_from_slice(&len.to_le_bytes());
    record.extend_from_slice(text);
    #[cfg(unix)]
    {
        // One system call.
        std::os::unix::fs::FileExt::write_all_at(slot, &record, 0)
    }
    #[cfg(not(unix))]
    {
        use std::io::{Seek as _, Write as _};
        let mut slot = slot;
        slot.seek(SeekFrom::Start(0))?;
        slot.write_all(&record)
    }
}

fn read_record(mut slot: &File) -> Option<Quarantined> {
    let mut len = [0; 4];
    slot.seek(SeekFrom::Start(0)).ok()?;
    slot.read_exact(&mut len).ok()?;
    let mut text = Vec::new();
    let len = u64::from(u32::from_le_bytes(len)).min(64 * 1024);
    slot.take(len).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
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

    /// As a process that ends leaves it: the record stays, the lock does not.
    fn crash(quarantine: &Quarantine, change: impl FnOnce(&mut Quarantined)) {
        let mut mark = quarantine.enter("crashes", Path::new(PLUGIN), &identity(), "attach");
        let slot = mark.slot.take().unwrap();
        let mut content = read_record(&slot).unwrap();
        change(&mut content);
        write_record(&slot, &serde_json::to_vec(&content).unwrap()).unwrap();
        drop(slot);
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
        assert!(quarantine.list().is_empty());
    }

    #[test]
    fn slots_are_used_again() {
        let (_folder, quarantine) = quarantine();
        let enter = || quarantine.enter("crashes", Path::new(PLUGIN), &identity(), "attach");
        for _ in 0..10 {
            drop((enter(), enter()));
        }
        crash(&quarantine, |_| {});
        // Another host takes the slot that was left, and what it says is not lost.
        let other = Quarantine::new(quarantine.folder.clone());
        drop(other.enter(
            "another",
            Path::new("/plugins/another.so"),
            &identity(),
            "attach",
        ));
        assert_eq!(other.list().len(), 1);
        let folder = quarantine.folder.as_deref().unwrap();
        let slots = fs::read_dir(folder)
            .unwrap()
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("slot."));
        assert_eq!(slots.count(), 2);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_a_warning() {
        let quarantine = Quarantine::new(Some(PathBuf::from("/proc/nonexistent")));
        let mark = quarantine.enter("a", Path::new(PLUGIN), &identity(), "attach");
        assert!(mark.slot.is_none());
        assert_eq!(quarantine.get(Path::new(PLUGIN), &identity()), None);
    }
}
