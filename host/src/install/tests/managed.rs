//! Packages that belong to the package manager.

use super::*;
use crate::transaction::Which;

fn manager(site: &Site) -> Installer {
    let installer = site.installer.clone().for_manager();
    installer.type_name("Test/Basic").unwrap()
}

fn typed(site: &Site) -> Installer {
    site.installer.clone().type_name("Test/Basic").unwrap()
}

/// Version 2 in place of 1, which is kept.
fn upgraded(site: &Site) -> Installer {
    let manager = manager(site);
    manager.install(site.offer("one", "a", "1")).unwrap();
    keep(&manager, site.offer("two", "a", "2")).unwrap();
    site.events();
    manager
}

fn keep(manager: &Installer, path: PathBuf) -> Result<Installed, InstallError> {
    let plan = manager.plan(Operation::Upgrade, path)?;
    plan.stage()?.commit_keeping()
}

/// The version in place, and that of its receipt.
fn version(site: &Site, installer: &Installer) -> [Option<String>; 2] {
    let json = fs::read(site.at(ROOT).join("a/metadata.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let version = json["KPlugin"]["Version"].as_str().map(str::to_owned);
    let receipt = installer.receipt("a").unwrap();
    [version, receipt.and_then(|it| it.version)]
}

fn is(text: &str) -> [Option<String>; 2] {
    [Some(text.to_owned()), Some(text.to_owned())]
}

#[test]
fn others_change_nothing_of_it() {
    let site = Site::new();
    manager(&site).install(site.offer("one", "a", "1")).unwrap();
    site.events();
    let two = site.offer("two", "a", "2");
    let archive = site.tar(&two, "");
    let before = site.holds();
    let forced = site.installer.clone().force(true);
    for path in [&two, &archive] {
        for result in [
            site.installer.install(path),
            site.installer.upgrade(path),
            forced.upgrade(path),
        ] {
            let error = site.refused(result, &before);
            assert_eq!(error.code(), "managed", "{error}");
            let [refusal] = error.refusals() else {
                panic!("{error}");
            };
            assert_eq!(
                refusal.to_string(),
                format!(
                    "`{}` belongs to the package manager",
                    site.at(ROOT).join("a").display()
                )
            );
            let hint = error.hint().unwrap();
            assert!(hint.contains("`keyway package add`"), "{hint}");
        }
    }
    for installer in [&site.installer, &typed(&site)] {
        for error in [
            installer.uninstall("a").unwrap_err(),
            installer.plan_removal("a").unwrap_err(),
        ] {
            assert_eq!(error.code(), "managed", "{error}");
            let hint = error.hint().unwrap();
            assert!(hint.contains("`keyway package delete a`"), "{hint}");
        }
    }
    assert_eq!(site.holds(), before);
    assert_eq!(site.events(), []);
}

#[test]
fn a_linked_package_has_no_folder_and_is_refused_all_the_same() {
    let site = Site::new();
    manager(&site).mark_managed("a").unwrap();
    let path = site.offer("one", "a", "1");
    let before = site.holds();
    let error = site.refused(site.installer.install(&path), &before);
    assert_eq!(error.code(), "managed");
    let error = site.refused(site.installer.upgrade(&path), &before);
    assert_eq!(error.code(), "managed");
    for installer in [&site.installer, &typed(&site)] {
        let error = installer.uninstall("a").unwrap_err();
        assert_eq!(error.code(), "managed", "{error}");
    }
    // Only in that root.
    let elsewhere = site.installer.clone().package_root(Some(&site.at("own")));
    elsewhere.install(&path).unwrap();
    // The mark alone can go, and the package come.
    manager(&site).unmark_managed("a").unwrap();
    manager(&site).unmark_managed("a").unwrap();
    site.installer.install(&path).unwrap();
    site.installer.uninstall("a").unwrap();
}

#[test]
fn what_became_the_managers_meanwhile_is_left_alone() {
    let site = Site::new();
    let typed = typed(&site);
    let path = site.offer("one", "a", "1");
    let staged = site.installer.plan(Operation::Install, &path);
    let staged = staged.unwrap().stage().unwrap();
    manager(&site).mark_managed("a").unwrap();
    let error = staged.commit().unwrap_err();
    assert_eq!(error.code(), "managed");
    assert!(!site.at(ROOT).join("a").exists());
    manager(&site).unmark_managed("a").unwrap();

    typed.install(&path).unwrap();
    let removal = typed.plan_removal("a").unwrap();
    manager(&site).mark_managed("a").unwrap();
    assert_eq!(removal.commit().unwrap_err().code(), "managed");
    assert!(site.at(ROOT).join("a").exists());
}

#[test]
fn marks_have_the_names_of_packages() {
    let site = Site::new();
    let manager = manager(&site);
    for id in ["", "..", "a/b", ".keyway"] {
        for error in [
            manager.mark_managed(id).unwrap_err(),
            manager.unmark_managed(id).unwrap_err(),
            manager.drop_kept(id).unwrap_err(),
            manager.kept(id).unwrap_err(),
            manager.ensure_in_place(id, Which::Old).unwrap_err(),
        ] {
            assert_eq!(error.code(), "bad-name", "{id}: {error}");
        }
    }
    assert!(!site.at("home").exists());
}

#[test]
fn what_cannot_be_put_there_leaves_no_mark() {
    let site = Site::new();
    let manager = manager(&site);
    let path = site.offer("one", "a", "1");
    let staged = manager.plan(Operation::Install, &path).unwrap();
    let staged = staged.stage().unwrap();
    site.place.write("home/test/basic/a/keep", "mine");
    assert_eq!(staged.commit().unwrap_err().code(), "no-package-there");
    assert_eq!(manager.managed().unwrap(), [""; 0]);
    let error = keep(&manager, path).unwrap_err();
    assert_eq!(error.code(), "no-package-there");
    assert_eq!(manager.managed().unwrap(), [""; 0]);
}

#[test]
fn the_manager_installs_upgrades_and_removes() {
    let site = Site::new();
    let manager = manager(&site);
    manager.mark_managed("linked").unwrap();
    manager.install(site.offer("one", "a", "1")).unwrap();
    assert_eq!(manager.managed().unwrap(), ["a", "linked"]);
    manager.upgrade(site.offer("two", "a", "2")).unwrap();
    assert_eq!(version(&site, &manager), is("2"));
    assert_eq!(manager.kept("a").unwrap(), None);
    site.installer.install(site.offer("b", "b", "1")).unwrap();
    manager.uninstall("a").unwrap();
    assert_eq!(manager.managed().unwrap(), ["linked"]);
    manager.unmark_managed("linked").unwrap();
    manager.uninstall("b").unwrap();
    assert_eq!(fs::read_dir(site.at(ROOT)).into_iter().flatten().count(), 0);
}

#[test]
fn what_others_installed_is_the_managers_after_its_upgrade() {
    let site = Site::new();
    typed(&site).install(site.offer("one", "a", "1")).unwrap();
    let manager = manager(&site);
    keep(&manager, site.offer("two", "a", "2")).unwrap();
    assert_eq!(manager.managed().unwrap(), ["a"]);
    assert_eq!(typed(&site).uninstall("a").unwrap_err().code(), "managed");
}

#[test]
fn an_upgrade_is_not_begun_before_the_last_one_is_finished() {
    let site = Site::new();
    let manager = upgraded(&site);
    let error = keep(&manager, site.offer("three", "a", "3")).unwrap_err();
    assert_eq!(error.code(), "upgrade-unfinished", "{error}");
    assert_eq!(version(&site, &manager), is("2"));
    assert_eq!(site.events(), []);
    manager.ensure_in_place("a", Which::Old).unwrap();
    keep(&manager, site.at("offered/three")).unwrap();
    assert_eq!(version(&site, &manager), is("3"));
    let kept = manager.kept("a").unwrap().unwrap();
    let versions = [kept.old, kept.new].map(|it| it.unwrap().version.unwrap());
    assert_eq!(versions, ["1", "3"]);
}

#[test]
fn what_is_not_kept_is_not_put_back() {
    let site = Site::new();
    let manager = manager(&site);
    let installed = keep(&manager, site.offer("one", "a", "1")).unwrap();
    assert_eq!(installed.action, Action::Install);
    assert_eq!(manager.managed().unwrap(), ["a"]);
    assert_eq!(manager.kept("a").unwrap(), None);
    let error = manager.ensure_in_place("a", Which::Old).unwrap_err();
    assert_eq!(error.code(), "version-not-kept", "{error}");
    assert_eq!(version(&site, &manager), is("1"));
}

#[test]
fn an_upgrade_is_taken_back_and_tried_again() {
    let site = Site::new();
    let manager = upgraded(&site);
    assert_eq!(version(&site, &manager), is("2"));
    let kept = manager.kept("a").unwrap().unwrap();
    assert_eq!(kept.in_place, Some(Which::New));
    assert_eq!(manager.ensure_in_place("a", Which::New).unwrap(), [""; 0]);
    assert_eq!(site.events(), []);
    for (which, text) in [(Which::Old, "1"), (Which::New, "2")] {
        assert_eq!(manager.ensure_in_place("a", which).unwrap(), [""; 0]);
        assert_eq!(version(&site, &manager), is(text));
        assert_eq!(site.events(), [(Change::Changed, "a".to_owned())]);
        let kept = manager.kept("a").unwrap().unwrap();
        assert_eq!(kept.in_place, Some(which));
        let listed = site.place.loader.list_packages("Test/Basic", None).unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].version(), text);
    }
    manager.drop_kept("a").unwrap();
    manager.drop_kept("a").unwrap();
    assert_eq!(version(&site, &manager), is("2"));
    let own = fs::read_dir(site.at(ROOT).join(".keyway")).unwrap();
    let mut own: Vec<_> = own.map(|it| it.unwrap().file_name()).collect();
    own.sort();
    assert_eq!(own, ["lock", "managed", "receipts"]);
}

#[test]
fn what_is_kept_goes_with_the_package() {
    let site = Site::new();
    let manager = upgraded(&site);
    manager.ensure_in_place("a", Which::Old).unwrap();
    manager.uninstall("a").unwrap();
    assert_eq!(manager.kept("a").unwrap(), None);
    assert_eq!(fs::read_dir(site.at(ROOT)).into_iter().flatten().count(), 0);
    // So it does when the package is replaced for good.
    let manager = upgraded(&site);
    manager.upgrade(site.offer("three", "a", "3")).unwrap();
    assert_eq!(manager.kept("a").unwrap(), None);
    assert_eq!(version(&site, &manager), is("3"));
}
