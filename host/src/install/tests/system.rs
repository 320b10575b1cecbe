//! For all users, where the system has several data folders.

use super::*;
use crate::package::DataDirs;
use crate::{PackageLoader, Registry};

/// `local` comes before `system`, as `/usr/local/share` before `/usr/share`.
fn for_all_users(site: &Site) -> Installer {
    let system = ["local", "system"].map(|dir| site.at(dir));
    let dirs = DataDirs::new(Some(site.at("home")), system);
    let loader = PackageLoader::with_data_dirs(Registry::default(), dirs);
    let structure = crate::package::tests::support::basic();
    loader
        .add_known_package_structure("Test/Basic", structure)
        .unwrap();
    Installer::new(loader).for_all_users(true)
}

/// Without a folder of the user nothing is changed for all.
#[test]
fn who_has_no_folder_changes_none_of_the_system() {
    let site = Site::new();
    let path = site.offer("a", "a", "1");
    let system = site.place.package("system/test/basic/b");
    for (user, for_all_users, hint) in [
        (None, false, "HOME"),
        (Some("relative".into()), false, "HOME"),
        (Some(site.at("home")), true, "XDG_DATA_DIRS"),
    ] {
        let system = (!for_all_users).then(|| site.at("system"));
        let dirs = DataDirs::new(user, system);
        let loader = PackageLoader::with_data_dirs(Registry::default(), dirs);
        let structure = crate::package::tests::support::basic();
        loader
            .add_known_package_structure("Test/Basic", structure)
            .unwrap();
        let installer = Installer::new(loader).for_all_users(for_all_users);
        let typed = installer.clone().type_name("Test/Basic").unwrap();
        let before = site.holds();
        for error in [
            installer.install(&path).unwrap_err(),
            installer.upgrade(&path).unwrap_err(),
            installer.uninstall("b").unwrap_err(),
            typed.uninstall("b").unwrap_err(),
            typed.receipt("b").unwrap_err(),
        ] {
            assert_eq!(error.code(), "no-data-folder", "{error}");
            assert!(error.hint().unwrap().contains(hint), "{error}");
        }
        assert_eq!(site.holds(), before);
        // A root that is absolute needs no data folder.
        let own = site.at("own");
        let installer = installer.package_root(Some(&own));
        installer.install(&path).unwrap();
        installer.uninstall("a").unwrap();
    }
    assert!(system.exists());
}

#[test]
fn a_package_is_removed_where_it_is() {
    let site = Site::new();
    let untyped = for_all_users(&site);
    let typed = untyped.clone().type_name("Test/Basic").unwrap();
    site.place.package("home/test/basic/mine");
    for installer in [&untyped, &typed] {
        let before = site.holds();
        let error = installer.uninstall("mine").unwrap_err();
        assert_eq!(error.code(), "not-installed", "{error}");
        let path = site.at("home/test/basic/mine");
        let hint = format!("one is installed in `{}`", path.display());
        assert_eq!(error.hint(), Some(hint));
        assert_eq!(site.holds(), before);

        let system = site.place.package("system/test/basic/a");
        assert_eq!(installer.uninstall("a").unwrap().path, system);
        // Of two the one that is seen.
        let system = site.place.package("system/test/basic/a");
        let local = site.place.package("local/test/basic/a");
        assert_eq!(installer.uninstall("a").unwrap().path, local);
        assert_eq!(installer.uninstall("a").unwrap().path, system);
    }
}

#[test]
fn a_package_is_upgraded_where_it_is_and_installed_in_the_first_folder() {
    let site = Site::new();
    let installer = for_all_users(&site);
    let first = site.offer("first", "a", "1");
    let second = site.offer("second", "a", "2");
    let system = site.place.package("system/test/basic/a");
    let path = |installed: Installed| installed.path;
    assert_eq!(path(installer.upgrade(&first).unwrap()), system);
    let error = installer.upgrade(&first).unwrap_err();
    assert_eq!(error.code(), "not-newer");
    let receipt = installer.clone().type_name("Test/Basic").unwrap();
    let receipt = receipt.receipt("a").unwrap().unwrap();
    assert_eq!(receipt.version.as_deref(), Some("1"));

    let local = site.at("local/test/basic/a");
    assert_eq!(path(installer.install(&first).unwrap()), local);
    assert_eq!(path(installer.upgrade(&second).unwrap()), local);
    let there = fs::read_to_string(system.join("contents/ui/main.qml")).unwrap();
    assert_eq!(there, "main of first");
    // A root that is absolute is one place.
    let own = site.at("own");
    let installer = installer.package_root(Some(&own));
    assert_eq!(path(installer.upgrade(&second).unwrap()), own.join("a"));
}
