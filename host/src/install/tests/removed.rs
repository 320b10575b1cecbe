//! Taking packages away.

use super::*;

#[test]
fn what_is_not_removed() {
    let site = Site::new();
    site.place
        .know("Test/Other", crate::package::tests::support::basic());
    site.place.package("home/test/basic/a");
    site.place.package("system/test/basic/global");
    site.place.write("home/test/basic/mine/keep", "mine");
    site.place.write("home/test/keep", "mine");
    let before = site.holds();
    let basic = site.installer.clone().type_name("Test/Basic").unwrap();
    let other = site.installer.clone().type_name("Test/Other").unwrap();
    for (installer, name, code) in [
        (&basic, "..", "bad-name"),
        (&basic, ".", "bad-name"),
        (&basic, "", "bad-name"),
        (&basic, "a/", "bad-name"),
        (&basic, "./a", "bad-name"),
        (&basic, "a\\b", "bad-name"),
        (&basic, "../keep", "bad-name"),
        (&basic, "/etc", "bad-name"),
        (&basic, ".keyway", "bad-name"),
        (&basic, "nothing", "not-installed"),
        (&basic, "global", "not-installed"),
        (&basic, "mine", "not-removable"),
        (&other, "a", "not-removable"),
        (&site.installer, "nothing", "not-installed"),
    ] {
        let error = installer.uninstall(name).unwrap_err();
        assert_eq!(error.code(), code, "{name}: {error}");
        assert_eq!(site.holds(), before);
    }
    let path = site.at("system/test/basic/global");
    let hint = format!("one is installed in `{}`", path.display());
    for installer in [&basic, &site.installer] {
        let error = installer.uninstall("global").unwrap_err();
        assert_eq!(error.hint().as_ref(), Some(&hint), "{error}");
    }
}

#[test]
fn what_is_not_there_under_any_type_is_told_so() {
    let site = Site::new();
    let error = site.installer.uninstall("nothing").unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no package `nothing` in the package root of any type"
    );
    assert!(error.hint().unwrap().contains("package root"), "{error}");
}

#[test]
fn another_package_than_was_planned_stays() {
    let site = Site::new();
    let installer = site.installer.clone().type_name("Test/Basic").unwrap();
    let plan = || installer.plan_removal("a").unwrap();
    let stays = |plan: Removal| {
        let before = site.holds();
        let error = plan.commit().unwrap_err();
        assert_eq!(error.code(), "package-replaced", "{error}");
        assert_eq!(site.holds(), before);
        assert_eq!(site.events(), []);
    };
    let there = site.place.package("home/test/basic/a");
    // Another version, in the same folder.
    let planned = plan();
    let json = metadata("a", "2").to_string();
    site.place.write("home/test/basic/a/metadata.json", json);
    stays(planned);
    // Another folder that says the same.
    let planned = plan();
    let other = site.place.package("outside/a");
    let json = metadata("a", "2").to_string();
    site.place.write("outside/a/metadata.json", json);
    fs::rename(&there, site.at("outside/old")).unwrap();
    fs::rename(other, &there).unwrap();
    stays(planned);
    // Nothing at all.
    let planned = plan();
    fs::rename(&there, site.at("outside/last")).unwrap();
    assert_eq!(planned.commit().unwrap_err().code(), "not-installed");
    fs::rename(site.at("outside/last"), &there).unwrap();
    plan().commit().unwrap();
    assert!(!there.exists());
}

#[test]
fn a_bad_name_has_no_receipt() {
    let site = Site::new();
    let typed = site.installer.clone().type_name("Test/Basic").unwrap();
    for name in ["", "..", "a/b", "nothing"] {
        assert_eq!(typed.receipt(name).unwrap(), None, "{name}");
    }
    let error = site.installer.receipt("a").unwrap_err();
    assert_eq!(error.code(), "package-root-missing");
}

#[test]
fn what_somebody_else_put_there_is_removed() {
    let site = Site::new();
    let path = site.place.package("home/test/basic/a");
    let open = fs::File::open(path.join("contents/ui/main.qml")).unwrap();
    let installer = site.installer.clone().type_name("Test/Basic").unwrap();
    let removed = installer.uninstall("a").unwrap();
    assert_eq!((&removed.id[..], removed.path), ("a", path));
    assert_eq!(std::io::read_to_string(open).unwrap(), "main");
    assert_eq!(fs::read_dir(site.at(ROOT)).unwrap().count(), 0);
    assert_eq!(site.events(), [(Change::Removed, "a".to_owned())]);
}

#[test]
fn the_folder_that_is_named_is_removed_whatever_its_metadata_say() {
    let site = Site::new();
    site.place.package("home/test/basic/other");
    let json = metadata("other", "1").to_string();
    site.place
        .write("home/test/basic/asked/metadata.json", json);
    let outside = site.place.write("outside/precious", "x");
    let json = metadata("../../../outside", "1").to_string();
    site.place.write("home/test/basic/up/metadata.json", json);
    let installer = site.installer.clone().type_name("Test/Basic").unwrap();
    installer.uninstall("asked").unwrap();
    installer.uninstall("up").unwrap();
    assert!(site.at("home/test/basic/other").exists() && outside.exists());
    assert!(!site.at("home/test/basic/asked").exists());
}

#[test]
#[cfg(unix)]
fn of_a_link_only_the_link() {
    let site = Site::new();
    let mine = site.place.package("outside/mine");
    site.place.link(&mine, "home/test/basic/mine");
    site.place.link("nowhere", "home/test/basic/dangling");
    let installer = site.installer.clone().type_name("Test/Basic").unwrap();
    installer.uninstall("mine").unwrap();
    assert!(mine.join("metadata.json").exists());
    assert!(!site.at("home/test/basic/mine").is_symlink());
}

#[test]
fn without_a_type_the_one_that_is_there() {
    let site = Site::new();
    let structure = crate::package::tests::support::Structure::new(|package| {
        package.set_default_package_root("test/loose");
        Ok(())
    });
    site.place.know("Test/Loose", structure);
    site.place.package("home/test/basic/a");
    site.place.package("home/test/basic/b");
    let loose = serde_json::json!({"KPlugin": {"Id": "b"}});
    site.place
        .write("home/test/loose/b/metadata.json", loose.to_string());
    site.installer.uninstall("a").unwrap();
    assert!(!site.at("home/test/basic/a").exists());
    let error = site.installer.uninstall("b").unwrap_err();
    assert_eq!(error.code(), "package-ambiguous", "{error}");
    assert!(site.at("home/test/basic/b").exists());
    let root = site.at("home/test/loose");
    let installer = site.installer.clone().package_root(Some(&root));
    installer.uninstall("b").unwrap();
    assert!(!root.join("b").exists());
}

#[test]
fn what_a_killed_upgrade_took_away_is_there_to_be_removed() {
    let site = Site::new();
    let package = site.place.package("home/test/basic/a");
    // Where folders cannot be exchanged.
    let old = site.at("home/test/basic/.keyway/changes/x/old");
    let receipt = r#"{"id": "a", "folder": {"device": 0, "inode": 0}}"#;
    site.place
        .write("home/test/basic/.keyway/changes/x/receipt.json", receipt);
    std::fs::rename(&package, &old).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let ours = site.at("home/test/basic/.keyway");
        fs::set_permissions(ours, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let installer = site.installer.clone().type_name("Test/Basic").unwrap();
    installer.uninstall("a").unwrap();
    assert!(!package.exists() && !old.exists());
}
