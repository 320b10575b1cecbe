//! Others may write to a package root, and get no further by that.

use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

use super::*;

/// Somewhere else, where nothing may happen.
fn victim(site: &Site) -> PathBuf {
    let victim = site.folder.path().join("victim");
    for part in [WORK, RECEIPTS] {
        fs::create_dir_all(victim.join(part).join("theirs/package")).unwrap();
        fs::write(victim.join(part).join("theirs.json"), "{}").unwrap();
    }
    victim
}

fn assert_untouched(victim: &Path) {
    let mut all = Vec::new();
    list(victim, "", &mut all);
    assert_eq!(all.len(), 8, "{all:?}");
}

#[test]
fn a_link_in_the_place_of_our_folder_is_not_followed() {
    let site = Site::new();
    let victim = victim(&site);
    fs::create_dir_all(site.path()).unwrap();
    symlink(&victim, site.path().join(FOLDER)).unwrap();
    let root = site.root();
    let error = root.lock(NOW).unwrap_err();
    assert!(matches!(error, RootError::Io { .. }), "{error:?}");
    restore(&site.path());
    drop(root);
    assert_untouched(&victim);
}

#[test]
fn a_folder_that_others_may_write_to_or_made_is_none_of_ours() {
    let site = Site::new();
    site.put("a", "1");
    let folder = site.path().join(FOLDER);
    let set = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
    for mode in [0o775, 0o757, 0o1777] {
        set(mode);
        let error = site.root().lock(NOW).map(|_| ()).unwrap_err();
        assert!(matches!(error, RootError::NotOurs { .. }), "{error:?}");
    }
    set(0o755);
    if rustix::process::geteuid().is_root() {
        chown(&folder, Some(1), None).unwrap();
        let error = site.root().lock(NOW).map(|_| ()).unwrap_err();
        assert!(
            matches!(error, RootError::NotOurs { owner: 1, .. }),
            "{error:?}"
        );
        chown(&folder, Some(0), None).unwrap();
    }
    assert!(site.root().lock(NOW).is_ok());
}

#[test]
fn what_gets_the_name_of_our_folder_later_is_not_used() {
    let site = Site::new();
    let victim = victim(&site);
    site.put("a", "1");
    let root = site.root();
    let work = site.prepare(&root, "a", "2");
    let locked = root.lock(NOW).unwrap();
    let folder = site.path().join(FOLDER);
    fs::rename(&folder, site.path().join("stolen")).unwrap();
    symlink(&victim, &folder).unwrap();
    locked.exchange(&work, "a").unwrap();
    drop(locked);
    work.discard().unwrap();
    drop(root);
    assert_eq!(site.package("a").as_deref(), Some("2"));
    assert_untouched(&victim);
    let left = fs::read_dir(site.path().join("stolen/changes")).unwrap();
    assert_eq!(left.count(), 0);
}

#[test]
fn the_root_itself_may_be_moved_meanwhile() {
    let site = Site::new();
    let root = site.root();
    let work = site.prepare(&root, "a", "1");
    let locked = root.lock(NOW).unwrap();
    let elsewhere = site.folder.path().join("elsewhere");
    let moved = site.folder.path().join("moved");
    fs::create_dir(&elsewhere).unwrap();
    fs::rename(site.path(), &moved).unwrap();
    symlink(&elsewhere, site.path()).unwrap();
    locked.put(&work, "a").unwrap();
    drop(locked);
    work.discard().unwrap();
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    assert_eq!(fs::read_to_string(moved.join("a/text")).unwrap(), "1");
}

#[test]
fn what_is_no_file_in_the_place_of_one_makes_nobody_wait() {
    let site = Site::new();
    site.put("a", "1");
    let folder = site.path().join(FOLDER);
    let target = site.folder.path().join("made");
    fs::remove_file(folder.join(LOCK)).unwrap();
    symlink(&target, folder.join(LOCK)).unwrap();
    assert!(site.root().lock(NOW).is_err());
    assert!(!target.exists());
    fs::remove_file(folder.join(LOCK)).unwrap();

    let pipe = |path: &Path| {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.unwrap().success());
    };
    let work = site.prepare(&site.root(), "a", "2");
    fs::remove_file(work.receipt()).unwrap();
    pipe(&work.shown(&work.receipt()));
    fs::create_dir(work.old()).unwrap();
    kill(work);
    restore(&site.path());
    clean(&site);
    assert_eq!(site.package("a").as_deref(), Some("1"));
    let receipt = receipt(&site.path(), "a");
    fs::remove_file(&receipt).unwrap();
    pipe(&receipt);
    assert!(read_receipt(&receipt).is_err());
}

/// A receipt informs: what is in its way does not keep old packages.
#[test]
fn a_receipt_that_cannot_be_put_there_is_lost() {
    let site = Site::new();
    site.put("a", "1");
    let receipt = receipt(&site.path(), "a");
    fs::remove_file(&receipt).unwrap();
    fs::create_dir_all(receipt.join("in the way")).unwrap();
    for version in ["2", "3"] {
        let root = site.root();
        let work = site.prepare(&root, "a", version);
        let aftermath = root.lock(NOW).unwrap().exchange(&work, "a").unwrap();
        assert_eq!(aftermath.len(), 1);
        work.discard().unwrap();
    }
    clean(&site);
    assert_eq!(site.package("a").as_deref(), Some("3"));
    assert!(!site.path().join(FOLDER).join(WORK).exists());
}
