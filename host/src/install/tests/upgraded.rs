//! One version in place of another.

use super::*;

#[test]
fn what_is_not_replaced() {
    let site = Site::new();
    site.place
        .know("Test/Other", crate::package::tests::support::basic());
    site.installer
        .install(site.offer("old", "a", "1.10"))
        .unwrap();
    site.place.write("home/test/basic/b/keep", "mine");
    let mut other = metadata("c", "1");
    other["KPackageStructure"] = "Test/Other".into();
    site.place
        .write("home/test/basic/c/metadata.json", other.to_string());
    site.place.write(
        "home/test/basic/d/metadata.json",
        metadata("other", "1").to_string(),
    );
    site.events();
    let codes = |id: &str, version: &str, install: bool| {
        let path = site.offer("new", id, version);
        let before = site.holds();
        let result = match install {
            true => site.installer.install(path),
            false => site.installer.upgrade(path),
        };
        let error = site.refused(result, &before);
        let codes = error.refusals().iter().map(Refusal::code);
        codes.collect::<Vec<_>>()
    };
    assert_eq!(codes("a", "2", true), ["already-installed"]);
    for version in ["1.10", "1.9", "1.2", "", "1"] {
        assert_eq!(codes("a", version, false), ["not-newer"], "{version}");
    }
    assert_eq!(codes("b", "2", true), ["no-package-there"]);
    assert_eq!(codes("b", "2", false), ["no-package-there"]);
    assert_eq!(codes("c", "2", false), ["type-changes"]);
    assert_eq!(codes("d", "2", false), ["folder-taken"]);
}

#[test]
fn a_newer_version_takes_the_place_of_an_older_one() {
    let site = Site::new();
    let old = site.offer("old", "a", "1.9");
    fs::write(old.join("contents/only-old"), "").unwrap();
    let installed = site.installer.upgrade(old).unwrap();
    assert_eq!(installed.action, Action::Install);
    site.events();
    let open = fs::File::open(installed.path.join("contents/ui/main.qml")).unwrap();

    let installed = site
        .installer
        .upgrade(site.offer("new", "a", "1.10"))
        .unwrap();
    let from = Some("1.9".to_owned());
    assert_eq!(installed.action, Action::Upgrade { from });
    assert_eq!(site.events(), [(Change::Changed, "a".to_owned())]);
    assert!(!installed.path.join("contents/only-old").exists());
    assert_eq!(std::io::read_to_string(open).unwrap(), "main of old");
    let there = fs::read_to_string(installed.path.join("contents/ui/main.qml")).unwrap();
    assert_eq!(there, "main of new");
    let listed = site.place.loader.list_packages("Test/Basic", None).unwrap();
    assert_eq!(listed.len(), 1);

    let forced = site.installer.clone().force(true);
    let installed = forced.upgrade(site.at("offered/old")).unwrap();
    let from = Some("1.10".to_owned());
    assert_eq!(installed.action, Action::Upgrade { from });
    assert!(installed.path.join("contents/only-old").exists());
    let own = fs::read_dir(site.at(ROOT).join(".keyway")).unwrap();
    let mut own: Vec<_> = own.map(|it| it.unwrap().file_name()).collect();
    own.sort();
    assert_eq!(own, ["lock", "receipts"]);
}

#[test]
#[cfg(unix)]
fn a_linked_package_gives_way_and_what_it_leads_to_stays() {
    let site = Site::new();
    let mine = site.offer("mine", "a", "1");
    site.place.link(&mine, "home/test/basic/a");
    let installed = site.installer.upgrade(site.offer("new", "a", "2")).unwrap();
    assert!(!installed.path.is_symlink());
    assert!(mine.join("contents/ui/main.qml").exists());
}

#[test]
fn a_package_whose_metadata_broke_is_replaced_and_removed() {
    let site = Site::new();
    site.place
        .write("home/test/basic/a/metadata.json", "{broken");
    site.installer.upgrade(site.offer("new", "a", "2")).unwrap();
    site.place
        .write("home/test/basic/a/metadata.json", "{broken");
    let installer = site.installer.clone().type_name("Test/Basic").unwrap();
    installer.uninstall("a").unwrap();
    assert!(!site.at(ROOT).join("a").exists());
}
