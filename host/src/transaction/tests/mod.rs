mod kept;
#[cfg(target_os = "linux")]
mod killed;
mod managed;
#[cfg(unix)]
mod others;

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::*;

const NOW: Duration = Duration::ZERO;

/// A folder in which there is a package root.
struct Site {
    folder: TempDir,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data/root")
    }

    fn root(&self) -> Root {
        Root::new(&self.path(), true)
    }

    /// What lies in the root, and what of it is ours.
    fn holds(&self) -> Vec<String> {
        let mut all = Vec::new();
        list(&self.path(), "", &mut all);
        all
    }

    fn package(&self, id: &str) -> Option<String> {
        fs::read_to_string(self.path().join(id).join("text")).ok()
    }

    fn receipt(&self, id: &str) -> Option<String> {
        let json = fs::read(receipt(&self.path(), id)).ok()?;
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        json["text"].as_str().map(str::to_owned)
    }

    /// Begins to put a package there.
    fn prepare(&self, root: &Root, id: &str, text: &str) -> Work {
        prepare(root, id, text)
    }

    fn put(&self, id: &str, text: &str) {
        let root = self.root();
        let work = self.prepare(&root, id, text);
        assert!(root.lock(NOW).unwrap().put(&work, id).unwrap().is_empty());
        work.discard().unwrap();
    }
}

fn prepare(root: &Root, id: &str, text: &str) -> Work {
    let work = root.lock(NOW).unwrap().begin().unwrap();
    fs::create_dir(work.package()).unwrap();
    fs::write(work.package().join("text"), text).unwrap();
    let folder = Place::of(&work.package()).unwrap();
    let receipt = serde_json::json!({"id": id, "folder": folder, "text": text});
    work.write_receipt(receipt.to_string().as_bytes()).unwrap();
    work.sync().unwrap();
    work
}

fn list(folder: &Path, prefix: &str, all: &mut Vec<String>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        all.push(name.clone());
        list(&entry.path(), &format!("{name}/"), all);
    }
}

#[test]
fn who_holds_a_root_holds_it_alone() {
    let site = Site::new();
    let (one, other) = (site.root(), site.root());
    let held = one.lock(NOW).unwrap();
    let begun = std::time::Instant::now();
    let error = other.lock(Duration::from_millis(30)).unwrap_err();
    assert!(begun.elapsed() >= Duration::from_millis(30));
    assert!(matches!(error, RootError::Locked { .. }), "{error:?}");
    drop(held);
    assert!(other.lock(NOW).is_ok());
}

#[test]
fn nothing_is_left_of_what_came_to_nothing() {
    let site = Site::new();
    let root = site.root();
    let work = site.prepare(&root, "a", "1");
    assert!(!site.holds().is_empty());
    drop((work, root));
    assert_eq!(fs::read_dir(site.folder.path()).unwrap().count(), 0);
}

#[test]
fn what_is_there_is_not_replaced_unasked() {
    let site = Site::new();
    site.put("a", "1");
    let root = site.root();
    let work = site.prepare(&root, "a", "2");
    let error = root.lock(NOW).unwrap().put(&work, "a").unwrap_err();
    assert!(matches!(error, RootError::Io { source, .. }
        if source.kind() == io::ErrorKind::AlreadyExists));
    drop((work, root));
    assert_eq!(site.package("a").as_deref(), Some("1"));
    assert_eq!(site.receipt("a").as_deref(), Some("1"));
}

#[test]
fn a_package_comes_is_exchanged_and_goes() {
    for exchanges in [true, false] {
        let site = Site::new();
        let root = || match exchanges {
            true => site.root(),
            false => site.root().without_exchange(),
        };
        site.put("a", "1");
        assert_eq!(
            site.holds(),
            [
                ".keyway",
                ".keyway/lock",
                ".keyway/receipts",
                ".keyway/receipts/a.json",
                "a",
                "a/text"
            ]
        );
        {
            let root = root();
            let work = site.prepare(&root, "a", "2");
            let aftermath = root.lock(NOW).unwrap().exchange(&work, "a").unwrap();
            assert!(aftermath.is_empty());
            work.discard().unwrap();
        }
        assert_eq!(site.package("a").as_deref(), Some("2"));
        assert_eq!(site.receipt("a").as_deref(), Some("2"));
        assert_eq!(site.holds().len(), 6);
        {
            let root = root();
            let locked = root.lock(NOW).unwrap();
            let (withdrawn, aftermath) = locked.withdraw("a").unwrap();
            assert!(aftermath.is_empty());
            locked.discard(withdrawn).unwrap();
        }
        assert_eq!(site.holds(), [""; 0]);
    }
}

#[test]
fn what_is_in_use_is_no_leftover() {
    let site = Site::new();
    let (one, other) = (site.root(), site.root());
    let first = site.prepare(&one, "a", "1");
    let second = site.prepare(&other, "b", "2");
    assert!(first.package().join("text").exists());
    for (root, work, id) in [(&other, second, "b"), (&one, first, "a")] {
        root.lock(NOW).unwrap().put(&work, id).unwrap();
        work.discard().unwrap();
    }
    assert_eq!(site.package("a").as_deref(), Some("1"));
    assert_eq!(site.package("b").as_deref(), Some("2"));
}

/// Lets go of the lock as the system does when a process is killed.
fn kill(work: Work) {
    work.keep();
}

fn clean(site: &Site) {
    let root = site.root();
    drop(root.lock(NOW).unwrap().begin().unwrap());
}

#[test]
fn what_was_killed_before_the_rename_is_undone() {
    let site = Site::new();
    site.put("a", "1");
    kill(site.prepare(&site.root(), "a", "2"));
    let work = site.root().lock(NOW).unwrap().begin().unwrap();
    fs::write(work.receipt(), "{\"id\": \"a").unwrap();
    kill(work);
    clean(&site);
    assert_eq!(site.package("a").as_deref(), Some("1"));
    assert_eq!(site.receipt("a").as_deref(), Some("1"));
    assert_eq!(site.holds().len(), 6);
}

#[test]
#[cfg(unix)]
fn what_was_killed_behind_the_rename_is_finished() {
    let site = Site::new();
    site.put("a", "1");
    let work = site.prepare(&site.root(), "a", "2");
    assert!(swap::exchange(&work.package(), &site.path().join("a")).unwrap());
    kill(work);
    let work = site.prepare(&site.root(), "b", "1");
    swap::put(&work.package(), &site.path().join("b")).unwrap();
    fs::create_dir_all(site.path().join(".keyway/receipts")).unwrap();
    kill(work);
    clean(&site);
    assert_eq!(site.package("a").as_deref(), Some("2"));
    assert_eq!(site.receipt("a").as_deref(), Some("2"));
    assert_eq!(site.receipt("b").as_deref(), Some("1"));
    assert_eq!(site.holds().len(), 9);
}

#[test]
fn what_was_killed_between_two_steps_is_put_back_by_who_looks() {
    for by_looking in [true, false] {
        let site = Site::new();
        site.put("a", "1");
        let root = site.root();
        let work = site.prepare(&root, "a", "2");
        fs::rename(site.path().join("a"), work.old()).unwrap();
        // Whoever looks while it is worked on leaves it alone.
        restore(&site.path());
        assert_eq!(site.package("a"), None);
        kill(work);
        drop(root);
        match by_looking {
            true => restore(&site.path()),
            false => clean(&site),
        }
        assert_eq!(site.package("a").as_deref(), Some("1"));
        assert_eq!(site.receipt("a").as_deref(), Some("1"));
        clean(&site);
        assert_eq!(site.holds().len(), 6);
    }
}

#[test]
fn what_was_killed_while_it_was_removed_is_gone() {
    let site = Site::new();
    site.put("a", "1");
    site.put("b", "1");
    let removed = |number: u32| site.path().join(format!(".keyway/removed.{number}"));
    fs::rename(site.path().join("a"), removed(0)).unwrap();
    // One that cannot be removed is not in the way of another.
    let root = site.root();
    let locked = root.lock(NOW).unwrap();
    fs::create_dir(removed(1)).unwrap();
    let to = root::withdraw(&site.path().join("b"), &site.path().join(".keyway"));
    assert_eq!(to.unwrap(), removed(2));
    drop(locked);
    drop(root);
    clean(&site);
    assert_eq!(site.holds(), [""; 0]);
}

#[test]
fn what_cannot_be_put_back_yet_keeps_its_receipt() {
    let site = Site::new();
    site.put("a", "1");
    let work = site.prepare(&site.root(), "a", "2");
    fs::rename(site.path().join("a"), work.old()).unwrap();
    // Nobody can say whether it is held.
    fs::remove_file(work.place(LOCK)).unwrap();
    fs::create_dir(work.place(LOCK)).unwrap();
    kill(work);
    clean(&site);
    assert_eq!(site.receipt("a").as_deref(), Some("1"));
}

#[test]
fn what_nobody_knows_the_name_of_stays() {
    type Spoil = fn(&Path);
    let spoils: [Spoil; 2] = [
        |receipt| fs::write(receipt, "{\"id\": \"a").unwrap(),
        |receipt| {
            fs::remove_file(receipt).unwrap();
            fs::create_dir(receipt).unwrap();
        },
    ];
    for spoil in spoils {
        let site = Site::new();
        site.put("a", "1");
        let work = site.prepare(&site.root(), "a", "2");
        fs::rename(site.path().join("a"), work.old()).unwrap();
        spoil(&work.receipt());
        let old = work.shown(&work.old());
        kill(work);
        clean(&site);
        assert_eq!(fs::read_to_string(old.join("text")).unwrap(), "1");
        assert_eq!(site.receipt("a").as_deref(), Some("1"));
    }
}

#[test]
fn who_looks_without_the_lock_sees_one_or_the_other() {
    let site = Site::new();
    site.put("a", "1");
    let path = site.path().join("a");
    let mut texts = Vec::new();
    let seen = unreplaced(&path, || {
        if texts.is_empty() {
            fs::rename(&path, site.path().join("b")).unwrap();
        }
        texts.push(site.package("a"));
        path.exists()
    });
    assert!(!seen);
    assert_eq!(texts, [None, None]);
}

#[test]
fn a_receipt_of_nothing_goes_away() {
    let site = Site::new();
    site.put("a", "1");
    site.put("b", "1");
    fs::remove_dir_all(site.path().join("a")).unwrap();
    clean(&site);
    assert_eq!(site.receipt("a"), None);
    assert_eq!(site.receipt("b").as_deref(), Some("1"));
}

#[test]
#[cfg(unix)]
fn of_a_link_the_link_goes() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let site = Site::new();
    let elsewhere = site.folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("text"), "mine").unwrap();
    fs::create_dir_all(site.path()).unwrap();
    symlink(&elsewhere, site.path().join("a")).unwrap();
    {
        let root = site.root();
        let work = site.prepare(&root, "a", "2");
        root.lock(NOW).unwrap().exchange(&work, "a").unwrap();
        work.discard().unwrap();
    }
    assert_eq!(fs::read_to_string(elsewhere.join("text")).unwrap(), "mine");
    assert_eq!(site.package("a").as_deref(), Some("2"));

    // Folders in which nothing may be removed go, too.
    let closed = site.path().join("a/closed");
    fs::create_dir(&closed).unwrap();
    fs::write(closed.join("x"), "").unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    let root = site.root();
    let locked = root.lock(NOW).unwrap();
    let (withdrawn, _) = locked.withdraw("a").unwrap();
    locked.discard(withdrawn).unwrap();
    drop(locked);
    drop(root);
    assert_eq!(site.holds(), [""; 0]);
}

#[test]
fn receipts_name_nothing_outside() {
    let site = Site::new();
    site.put("a", "1");
    for id in ["..", ".", "", "a/b", "/a", "../x", "a/"] {
        let work = site.root().lock(NOW).unwrap().begin().unwrap();
        fs::create_dir(work.old()).unwrap();
        let receipt = serde_json::json!({"id": id, "folder": null});
        work.write_receipt(receipt.to_string().as_bytes()).unwrap();
        kill(work);
        clean(&site);
        assert_eq!(site.holds().len(), 6, "{id}");
    }
}
