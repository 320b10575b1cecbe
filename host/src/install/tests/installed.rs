//! What an installation does.

use super::*;

#[test]
fn a_folder_and_an_archive_in_each_place() {
    let site = Site::new();
    let path = site.offer("package", "a", "1");
    let digest = {
        let package = site.place.basic_at("offered/package");
        package.content_digest().unwrap()
    };
    let sources = [
        path.clone(),
        site.tar(&path, ""),
        // Relative paths are those of whoever asks, as everywhere.
        path.join("../package/."),
    ];
    for source in sources {
        let installed = site.installer.install(&source).unwrap();
        assert_eq!(installed.action, Action::Install);
        assert_eq!(installed.path, site.at(ROOT).join("a"));
        assert_eq!(installed.warnings, [""; 0]);
        assert_eq!(installed.receipt.digest, digest);
        assert_eq!(site.events(), [(Change::Added, "a".to_owned())]);
        let package = site
            .place
            .loader
            .load_package_at("Test/Basic", "a")
            .unwrap();
        assert_eq!(package.content_digest().unwrap(), digest);
        let listed = site.place.loader.list_packages("Test/Basic", None).unwrap();
        assert_eq!(listed.len(), 1);
        assert!(site.holds().iter().all(|name| !name.contains("changes")));
        site.installer
            .clone()
            .type_name("Test/Basic")
            .unwrap()
            .uninstall("a")
            .unwrap();
        assert_eq!(site.events(), [(Change::Removed, "a".to_owned())]);
        assert!(!site.at("home").exists() || fs::read_dir(site.at(ROOT)).unwrap().count() == 0);
    }
}

#[test]
fn a_package_in_a_folder_of_its_archive() {
    let site = Site::new();
    let path = site.offer("package", "a", "1");
    let archive = site.tar(&path, "a-1.0");
    let installed = site.installer.install(archive).unwrap();
    let names: Vec<_> = installed
        .receipt
        .entries
        .iter()
        .map(|it| &it.path[..])
        .collect();
    let expected = [
        "contents",
        "contents/ui",
        "contents/ui/main.qml",
        "metadata.json",
    ];
    assert_eq!(names, expected);
    assert!(installed.path.join("metadata.json").is_file());
    let package = site
        .place
        .loader
        .load_package_at("Test/Basic", "a")
        .unwrap();
    assert_eq!(package.content_digest().unwrap(), installed.receipt.digest);
}

#[test]
fn the_receipt_says_what_was_installed() {
    let site = Site::new();
    let path = site.offer("package", "a", "1.5");
    let archive = site.tar(&path, "");
    let installed = site.installer.install(&archive).unwrap();
    let installer = site.installer.clone().type_name("Test/Basic").unwrap();
    let receipt = installer.receipt("a").unwrap().unwrap();
    assert_eq!(receipt, installed.receipt);
    assert_eq!(receipt.version.as_deref(), Some("1.5"));
    assert_eq!(receipt.type_name, "Test/Basic");
    assert_eq!(Path::new(&receipt.source.path), archive);
    assert_eq!(receipt.source.kind, "tar");
    let main = &receipt.entries[2];
    assert_eq!(main.path, "contents/ui/main.qml");
    let ReceiptKind::File {
        size,
        sha256,
        executable,
    } = &main.kind
    else {
        panic!("{main:?}");
    };
    assert_eq!((*size, *executable), (15, false));
    // The SHA-256 of `main of package`.
    assert_eq!(
        sha256,
        "0646ede3a1667f2f615aa34e59a57635e6629c09ca39e96f0d1f3f8c192a0a44"
    );

    // It is not that of a package which somebody else put there.
    // Often it gets the same inode.
    for _ in 0..20 {
        fs::remove_dir_all(&installed.path).unwrap();
        site.place.package("home/test/basic/a");
        assert_eq!(installer.receipt("a").unwrap(), None);
    }
    assert_eq!(installer.receipt("../a").unwrap(), None);
}

#[test]
fn what_others_write_into_a_receipt_stays() {
    let site = Site::new();
    let installer = site.installer.clone().type_name("Test/Basic").unwrap();
    installer.install(site.offer("one", "a", "1")).unwrap();
    let path = site.at(ROOT).join(".keyway/receipts/a.json");
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    json["rating"] = serde_json::json!({"stars": 5});
    fs::write(&path, json.to_string()).unwrap();
    installer.upgrade(site.offer("two", "a", "2")).unwrap();
    let receipt = installer.receipt("a").unwrap().unwrap();
    assert_eq!(receipt.other["rating"]["stars"], 5);
    assert_eq!(receipt.version.as_deref(), Some("2"));
}

#[test]
#[cfg(unix)]
fn executables_stay_and_other_rights_do_not() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = Site::new();
    let path = site.offer("package", "a", "1");
    for (name, mode) in [("tool", 0o4755), ("closed", 0o400), ("open", 0o666)] {
        let file = path.join("contents").join(name);
        fs::write(&file, name).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::write(path.join("contents/.hidden"), "x").unwrap();
    let umask = {
        let file = site.place.write("probe", "");
        fs::metadata(file).unwrap().permissions().mode() & 0o777
    };
    let archive = site.tar(&path, "");
    for source in [&path, &archive] {
        let installed = site.installer.clone().force(true).upgrade(source).unwrap();
        let mode = |name: &str| {
            let file = installed.path.join("contents").join(name);
            fs::metadata(file).unwrap().permissions().mode() & 0o7777
        };
        assert_eq!(mode("tool"), umask | (umask & 0o444) >> 2);
        assert_eq!((mode("closed"), mode("open")), (umask, umask));
        assert_eq!(mode(".hidden"), umask);
    }
}

#[test]
fn another_root_and_all_users() {
    let site = Site::new();
    let path = site.offer("package", "a", "1");
    let at = |installer: Installer| installer.install(&path).unwrap().path;
    let installer = &site.installer;
    let root = |root: &Path| at(installer.clone().package_root(Some(root)));
    assert_eq!(root(&site.at("own")), site.at("own/a"));
    assert_eq!(root(Path::new("rel/root")), site.at("home/rel/root/a"));
    assert_eq!(root(Path::new("")), site.at(ROOT).join("a"));
    let all = installer.clone().for_all_users(true);
    assert_eq!(at(all.clone()), site.at("system/test/basic/a"));
    all.type_name("Test/Basic").unwrap().uninstall("a").unwrap();
    assert!(!site.at("system/test/basic/a").exists());
}

#[test]
fn a_rehearsal_leaves_nothing() {
    let site = Site::new();
    let path = site.offer("package", "a", "1");
    let archive = site.tar(&path, "below");
    let before = site.holds();
    for path in [&path, &archive] {
        let plan = site.installer.plan(Operation::Upgrade, path).unwrap();
        assert_eq!(
            (plan.action(), plan.refusals()),
            (&Action::Install, &[][..])
        );
        assert_eq!(plan.target(), Some(site.at(ROOT).join("a")));
        plan.rehearse().unwrap();
        assert_eq!(site.holds(), before);
    }
    fs::remove_file(path.join("contents/ui/main.qml")).unwrap();
    let plan = site.installer.plan(Operation::Install, &path).unwrap();
    let error = plan.rehearse().unwrap_err();
    assert_eq!(error.code(), "package-invalid");
    // Of what was unpacked nothing is told.
    let there = format!("`{}`", path.join("contents/ui/main.qml").display());
    assert!(error.to_string().contains(&there), "{error}");
    let up = site.offer("up", "../../up", "1");
    let plan = site.installer.plan(Operation::Install, up).unwrap();
    assert_eq!(plan.target(), None);
}

#[test]
fn kpackages_own_methods() {
    let site = Site::new();
    let mut package = site.place.basic();
    package.install(site.offer("one", "a", "1"), None).unwrap();
    assert_eq!(package.path(), Some(&*site.at(ROOT).join("a")));
    package.update(site.offer("two", "a", "2"), None).unwrap();
    let version = package
        .metadata()
        .unwrap()
        .view()
        .version()
        .map(str::to_owned);
    assert_eq!(version.as_deref(), Some("2"));
    assert!(package.is_valid());
    package.uninstall("a", None).unwrap();
    assert_eq!(package.path(), None);
}
