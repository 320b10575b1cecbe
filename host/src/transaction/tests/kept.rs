//! Upgrades that are taken back.

use super::*;

/// Version 2 in place of 1, which is kept.
fn upgraded(site: &Site, root: &Root) {
    site.put("a", "1");
    keep(site, root, "2").unwrap();
}

fn keep(site: &Site, root: &Root, text: &str) -> Result<(), RootError> {
    let work = site.prepare(root, "a", text);
    let aftermath = root.lock(NOW).unwrap().exchange_keeping(&work, "a")?;
    assert!(aftermath.is_empty(), "{aftermath:?}");
    work.discard().unwrap();
    Ok(())
}

/// Both ways to put one folder in place of another.
fn both() -> [fn(&Site) -> Root; 2] {
    [Site::root, |site| site.root().without_exchange()]
}

fn ensure(root: &Root, which: Which) -> bool {
    let ensured = root.lock(NOW).unwrap().ensure_in_place("a", which);
    let (changed, aftermath) = ensured.unwrap();
    assert!(aftermath.is_empty(), "{aftermath:?}");
    changed
}

fn in_place(root: &Root) -> Option<Which> {
    let kept = root.lock(NOW).unwrap().kept("a").unwrap();
    kept.unwrap().in_place
}

/// Version and receipt in place.
fn there(site: &Site) -> [Option<String>; 2] {
    [site.package("a"), site.receipt("a")]
}

fn version(text: &str) -> [Option<String>; 2] {
    [Some(text.to_owned()), Some(text.to_owned())]
}

const FOLDERS_OF_ONE: usize = 6;

#[test]
fn what_is_not_kept_is_not_put_in_place() {
    let site = Site::new();
    site.put("a", "1");
    let root = site.root();
    let locked = root.lock(NOW).unwrap();
    for which in [Which::Old, Which::New] {
        let error = locked.ensure_in_place("a", which).unwrap_err();
        assert!(matches!(error, RootError::NotKept { .. }), "{error:?}");
    }
    assert_eq!(locked.kept("a").unwrap(), None);
    locked.drop_kept("a").unwrap();
    drop(locked);
    assert_eq!(there(&site), version("1"));
    assert_eq!(site.holds().len(), FOLDERS_OF_ONE);
}

#[test]
fn what_is_not_there_is_not_kept() {
    let site = Site::new();
    let root = site.root();
    keep(&site, &root, "1").unwrap_err();
    drop(root);
    assert!(!site.path().exists());
}

#[test]
fn while_the_old_version_is_kept_there_is_no_next_upgrade() {
    for root in both() {
        let site = Site::new();
        let root = root(&site);
        upgraded(&site, &root);
        let error = keep(&site, &root, "3").unwrap_err();
        assert!(matches!(error, RootError::Unfinished { .. }), "{error:?}");
        assert_eq!(there(&site), version("2"));
        ensure(&root, Which::Old);
        assert_eq!(there(&site), version("1"));
    }
}

#[test]
fn a_new_version_that_was_taken_back_gives_way_to_the_next_one() {
    for root in both() {
        let site = Site::new();
        let root = root(&site);
        upgraded(&site, &root);
        ensure(&root, Which::Old);
        keep(&site, &root, "3").unwrap();
        assert_eq!(there(&site), version("3"));
        ensure(&root, Which::Old);
        assert_eq!(there(&site), version("1"));
        ensure(&root, Which::New);
        root.lock(NOW).unwrap().drop_kept("a").unwrap();
        assert_eq!(there(&site), version("3"));
        assert_eq!(site.holds().len(), FOLDERS_OF_ONE);
    }
}

#[test]
fn the_two_change_places_as_often_as_is_asked_for() {
    for root in both() {
        let site = Site::new();
        let root = root(&site);
        upgraded(&site, &root);
        assert_eq!(there(&site), version("2"));
        assert_eq!(in_place(&root), Some(Which::New));
        for (which, text) in [
            (Which::New, "2"),
            (Which::Old, "1"),
            (Which::Old, "1"),
            (Which::New, "2"),
            (Which::Old, "1"),
        ] {
            let is_new = there(&site) != version(text);
            assert_eq!(ensure(&root, which), is_new);
            assert_eq!(there(&site), version(text));
            assert_eq!(in_place(&root), Some(which));
            // Nobody cleans it up.
            clean(&site);
            restore(&site.path());
            assert_eq!(in_place(&root), Some(which));
        }
        let kept = root.lock(NOW).unwrap().kept("a").unwrap().unwrap();
        for (receipt, text) in [(kept.old, "1"), (kept.new, "2")] {
            let json: serde_json::Value = serde_json::from_slice(&receipt.unwrap()).unwrap();
            assert_eq!(json["text"], text);
        }
        root.lock(NOW).unwrap().drop_kept("a").unwrap();
        assert_eq!(there(&site), version("1"));
        assert_eq!(site.holds().len(), FOLDERS_OF_ONE);
    }
}

/// What was exchanged at first, and cannot be any more, as after a move to another file system.
#[test]
fn one_way_takes_up_what_the_other_left() {
    let site = Site::new();
    upgraded(&site, &site.root());
    for (number, which) in [Which::Old, Which::New, Which::Old, Which::New]
        .into_iter()
        .enumerate()
    {
        let root = both()[(number + 1) % 2](&site);
        ensure(&root, which);
        let text = if which == Which::Old { "1" } else { "2" };
        assert_eq!(there(&site), version(text));
    }
}

#[test]
fn a_package_without_receipt_gets_none() {
    for root in both() {
        let site = Site::new();
        site.put("a", "1");
        fs::remove_file(receipt(&site.path(), "a")).unwrap();
        let root = root(&site);
        keep(&site, &root, "2").unwrap();
        assert_eq!(there(&site), version("2"));
        ensure(&root, Which::Old);
        assert_eq!(there(&site), [Some("1".to_owned()), None]);
        ensure(&root, Which::New);
        assert_eq!(there(&site), version("2"));
    }
}

#[test]
#[cfg(unix)]
fn a_link_is_kept_as_a_link() {
    use std::os::unix::fs::symlink;
    for root in both() {
        let site = Site::new();
        let elsewhere = site.folder.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join("text"), "mine").unwrap();
        fs::create_dir_all(site.path()).unwrap();
        symlink(&elsewhere, site.path().join("a")).unwrap();
        let root = root(&site);
        keep(&site, &root, "2").unwrap();
        assert!(!site.path().join("a").is_symlink());
        ensure(&root, Which::Old);
        assert!(site.path().join("a").is_symlink());
        ensure(&root, Which::New);
        root.lock(NOW).unwrap().drop_kept("a").unwrap();
        assert_eq!(fs::read_to_string(elsewhere.join("text")).unwrap(), "mine");
    }
}

/// The folders of a package where it is killed between the two renames.
fn between_two_renames(site: &Site, which: Which) {
    let root = site.root().without_exchange();
    upgraded(site, &root);
    if which == Which::New {
        ensure(&root, Which::Old);
    }
    let kept = site.path().join(".keyway/kept/a");
    let away = match which {
        Which::Old => PACKAGE,
        Which::New => OLD,
    };
    fs::rename(site.path().join("a"), kept.join(away)).unwrap();
    assert_eq!(site.package("a"), None);
}

#[test]
fn who_looks_after_a_kill_between_two_renames_finds_the_old_version() {
    for which in [Which::Old, Which::New] {
        for by_looking in [true, false] {
            let site = Site::new();
            between_two_renames(&site, which);
            {
                // Not while somebody works on it.
                let root = site.root();
                let _locked = root.lock(NOW).unwrap();
                restore(&site.path());
                assert_eq!(site.package("a"), None);
            }
            match by_looking {
                true => restore(&site.path()),
                false => clean(&site),
            }
            assert_eq!(site.package("a").as_deref(), Some("1"));
            ensure(&site.root(), which);
            let text = if which == Which::Old { "1" } else { "2" };
            assert_eq!(there(&site), version(text));
        }
    }
}

#[test]
fn a_kill_between_two_renames_loses_nothing_by_what_comes_next() {
    for which in [Which::Old, Which::New] {
        for wanted in [Which::Old, Which::New] {
            let site = Site::new();
            between_two_renames(&site, which);
            ensure(&site.root(), wanted);
            let text = if wanted == Which::Old { "1" } else { "2" };
            assert_eq!(there(&site), version(text));
        }
        let site = Site::new();
        between_two_renames(&site, which);
        site.root().lock(NOW).unwrap().drop_kept("a").unwrap();
        assert_eq!(site.package("a").as_deref(), Some("1"));
    }
}

#[test]
fn what_somebody_else_removed_does_not_come_back() {
    for root in both() {
        let site = Site::new();
        let root = root(&site);
        upgraded(&site, &root);
        fs::remove_dir_all(site.path().join("a")).unwrap();
        restore(&site.path());
        clean(&site);
        assert_eq!(site.package("a"), None);
        assert_eq!(in_place(&root), None);
        root.lock(NOW)
            .unwrap()
            .ensure_in_place("a", Which::New)
            .unwrap_err();
        // Unless it is asked for.
        ensure(&root, Which::Old);
        assert_eq!(there(&site), version("1"));
    }
}

#[test]
fn what_somebody_else_put_there_is_neither() {
    for root in both() {
        let site = Site::new();
        let root = root(&site);
        upgraded(&site, &root);
        let place = site.path().join("a");
        fs::rename(&place, site.folder.path().join("away")).unwrap();
        fs::create_dir(&place).unwrap();
        fs::write(place.join("text"), "theirs").unwrap();
        assert_eq!(in_place(&root), None);
        let locked = root.lock(NOW).unwrap();
        locked.ensure_in_place("a", Which::New).unwrap_err();
        drop(locked);
        assert_eq!(site.package("a").as_deref(), Some("theirs"));
        root.lock(NOW).unwrap().drop_kept("a").unwrap();
        assert_eq!(site.package("a").as_deref(), Some("theirs"));
    }
}

#[test]
fn what_cannot_be_told_apart_any_more_is_neither_and_can_be_given_up() {
    type Spoil = fn(&Path);
    let spoils: [Spoil; 3] = [
        |versions| fs::write(versions, "{\"old\": {\"dev").unwrap(),
        |versions| fs::remove_file(versions).unwrap(),
        |versions| {
            fs::remove_file(versions).unwrap();
            fs::create_dir(versions).unwrap();
        },
    ];
    for spoil in spoils {
        let site = Site::new();
        let root = site.root();
        upgraded(&site, &root);
        spoil(&site.path().join(".keyway/kept/a/versions.json"));
        if cfg!(unix) {
            assert_eq!(in_place(&root), None);
            let locked = root.lock(NOW).unwrap();
            locked.ensure_in_place("a", Which::Old).unwrap_err();
        }
        root.lock(NOW).unwrap().drop_kept("a").unwrap();
        assert_eq!(there(&site), version("2"));
        assert_eq!(site.holds().len(), FOLDERS_OF_ONE);
    }
}
