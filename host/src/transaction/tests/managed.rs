//! Marks of packages that belong to the package manager.

use super::*;

#[test]
fn without_a_mark_none_is_managed() {
    let site = Site::new();
    assert!(!is_managed(&site.path(), "a").unwrap());
    assert_eq!(managed(&site.path()).unwrap(), [""; 0]);
    site.put("a", "1");
    assert!(!is_managed(&site.path(), "a").unwrap());
    let root = site.root();
    let locked = root.lock(NOW).unwrap();
    locked.unmark("a").unwrap();
    assert!(!locked.is_managed("a").unwrap());
    // A file has no packages.
    let file = site.folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(!is_managed(&file, "a").unwrap());
}

#[test]
fn marks_stay_whatever_is_tidied_and_go_without_a_trace() {
    let site = Site::new();
    {
        let root = site.root();
        let locked = root.lock(NOW).unwrap();
        assert!(locked.mark("b").unwrap());
        assert!(!locked.mark("b").unwrap());
        assert!(locked.mark("a").unwrap());
    }
    clean(&site);
    site.put("a", "1");
    clean(&site);
    assert_eq!(managed(&site.path()).unwrap(), ["a", "b"]);
    assert!(is_managed(&site.path(), "b").unwrap());
    {
        let root = site.root();
        let locked = root.lock(NOW).unwrap();
        let (withdrawn, _) = locked.withdraw("a").unwrap();
        locked.discard(withdrawn).unwrap();
        assert!(locked.is_managed("a").unwrap());
        locked.unmark("a").unwrap();
        locked.unmark("b").unwrap();
    }
    assert_eq!(site.holds(), [""; 0]);
}

#[test]
fn whatever_another_version_wrote_counts() {
    let site = Site::new();
    site.put("a", "1");
    let marks = site.path().join(".keyway/managed");
    fs::create_dir(&marks).unwrap();
    fs::write(marks.join("a"), "{\"format\": 99").unwrap();
    fs::create_dir_all(marks.join("b/c")).unwrap();
    for id in ["a", "b"] {
        let root = site.root();
        let locked = root.lock(NOW).unwrap();
        assert!(locked.is_managed(id).unwrap());
        assert!(!locked.mark(id).unwrap());
        assert!(is_managed(&site.path(), id).unwrap());
        locked.unmark(id).unwrap();
        assert!(!locked.is_managed(id).unwrap());
    }
    assert!(!marks.exists());
}

#[test]
#[cfg(unix)]
fn nobody_else_may_write_marks() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = Site::new();
    site.put("a", "1");
    {
        let root = site.root();
        let work = site.prepare(&root, "a", "2");
        let locked = root.lock(NOW).unwrap();
        locked.mark("a").unwrap();
        locked.exchange_keeping(&work, "a").unwrap();
    }
    for part in [MANAGED, KEPT] {
        let metadata = fs::metadata(site.path().join(FOLDER).join(part)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o022, 0, "{part}");
    }
}
