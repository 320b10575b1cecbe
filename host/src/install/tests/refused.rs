//! What is not installed leaves nothing.

use std::time::Duration;

use super::*;
use crate::transaction::Root;

fn codes(error: &InstallError) -> Vec<&'static str> {
    error.refusals().iter().map(Refusal::code).collect()
}

#[test]
fn what_is_no_package() {
    let site = Site::new();
    site.place.write("offered/empty/readme", "");
    site.place.write("offered/text", "text");
    site.place.write("offered/broken/metadata.json", "{broken");
    let no_id = serde_json::json!({"KPackageStructure": "Test/Basic"});
    site.offer_with("no-id", &no_id);
    let no_type = serde_json::json!({"KPlugin": {"Id": "a"}});
    site.offer_with("no-type", &no_type);
    let unknown = serde_json::json!({"KPlugin": {"Id": "a"}, "KPackageStructure": "Test/Basics"});
    site.offer_with("unknown", &unknown);
    let before = site.holds();
    for (name, code) in [
        ("nowhere", "package-not-found"),
        ("empty", "metadata-missing"),
        ("text", "not-a-package"),
        ("broken", "metadata-malformed"),
        ("no-id", "id-missing"),
        ("no-type", "type-missing"),
        ("unknown", "unknown-type"),
    ] {
        let path = site.at(format!("offered/{name}"));
        let error = site.refused(site.installer.install(path), &before);
        assert_eq!(error.code(), code, "{name}: {error}");
    }
}

/// A rehearsal finds what an installation would.
#[test]
#[cfg(unix)]
fn a_root_below_a_file() {
    let site = Site::new();
    let file = site.place.write("file", "");
    let path = site.offer("package", "a", "1");
    for root in [file.clone(), file.join("root")] {
        let installer = site.installer.clone().package_root(Some(&root));
        let before = site.holds();
        let plan = installer.plan(Operation::Install, &path).unwrap();
        let rehearsed = plan.rehearse().unwrap_err();
        let installed = site.refused(installer.install(&path), &before);
        for error in [rehearsed, installed] {
            let InstallError::Io { source, .. } = error else {
                panic!("{error}")
            };
            assert_eq!(source.kind(), std::io::ErrorKind::NotADirectory);
        }
    }
}

#[test]
fn ids_that_no_package_is_installed_under() {
    let site = Site::new();
    let long = "a".repeat(251);
    for id in [
        "..", ".", "-rf", "a/b", "a b", "ä", "a\n", "a..b", "a.", &long,
    ] {
        let path = site.offer("package", id, "1");
        let before = site.holds();
        let error = site.refused(site.installer.install(path), &before);
        assert_eq!(codes(&error), ["id-refused"], "{id:?}: {error}");
    }
}

#[test]
fn a_package_of_another_type() {
    let site = Site::new();
    site.place
        .know("Test/Other", crate::package::tests::support::basic());
    let path = site.offer("package", "a", "1");
    let before = site.holds();
    let installer = site.installer.clone().type_name("Test/Other").unwrap();
    let error = site.refused(installer.install(&path), &before);
    assert_eq!(codes(&error), ["type-differs"]);
    assert_eq!(
        error.to_string(),
        format!(
            "the package `{}` is not installed: its metadata name the type `Test/Basic`, \
             expected `Test/Other`",
            path.display()
        )
    );
    assert_eq!(error.hint().as_deref(), Some("install it as `Test/Basic`"));
}

#[test]
fn all_reasons_are_told_at_once() {
    let site = Site::new();
    let metadata = serde_json::json!({
        "KPlugin": {"Id": "..", "Version": "1"},
        "KPackageStructure": "Test/Other",
        "X-Keyway-Dependencies": [{"type": "Test/Basic", "id": "b"}],
    });
    let path = site.offer_with("package", &metadata);
    let before = site.holds();
    let installer = site.installer.clone().type_name("Test/Basic").unwrap();
    let error = site.refused(installer.install(path), &before);
    assert_eq!(
        codes(&error),
        ["id-refused", "type-differs", "dependency-missing"]
    );
}

#[test]
fn what_its_structure_finds_not_valid() {
    let site = Site::new();
    let path = site.offer("package", "a", "1");
    fs::remove_file(path.join("contents/ui/main.qml")).unwrap();
    let archive = site.tar(&path, "");
    let before = site.holds();
    for path in [path, archive] {
        let error = site.refused(site.installer.install(&path), &before);
        assert_eq!(error.code(), "package-invalid");
        assert!(error.to_string().contains("`mainscript`"), "{error}");
    }
}

#[test]
fn an_archive_with_two_packages_or_none() {
    let site = Site::new();
    let (one, two) = (site.offer("one", "a", "1"), site.offer("two", "b", "1"));
    let offered = one.parent().unwrap().to_path_buf();
    let archive = site.tar(&offered, "");
    let before = site.holds();
    let error = site.refused(site.installer.install(&archive), &before);
    assert_eq!(error.code(), "archive-with-packages", "{error}");
    fs::remove_file(&archive).unwrap();
    fs::remove_dir_all(two).unwrap();
    // Too deep for a package.
    let archive = site.tar(&offered, "deep");
    let before = site.holds();
    let error = site.refused(site.installer.install(&archive), &before);
    assert_eq!(error.code(), "metadata-missing", "{error}");
}

#[test]
#[cfg(unix)]
fn a_link_that_leaves_the_package_but_not_the_archive() {
    use std::os::unix::fs::symlink;
    let site = Site::new();
    let path = site.offer("package", "a", "1");
    site.place.write("offered/beside", "secret");
    symlink("../../beside", path.join("contents/out")).unwrap();
    let archive = site.tar(path.parent().unwrap(), "");
    let before = site.holds();
    for path in [&archive, &path] {
        let error = site.refused(site.installer.install(path), &before);
        assert_eq!(error.code(), "archive-link-leaves", "{error}");
    }
    // The same one inside is installed as it is.
    fs::remove_file(&archive).unwrap();
    fs::remove_file(path.join("contents/out")).unwrap();
    symlink("../contents/ui/main.qml", path.join("contents/in")).unwrap();
    let archive = site.tar(path.parent().unwrap(), "");
    let installed = site.installer.install(archive).unwrap();
    let link = fs::read_link(installed.path.join("contents/in")).unwrap();
    assert_eq!(link, Path::new("../contents/ui/main.qml"));
}

#[test]
fn a_root_that_somebody_else_changes() {
    let site = Site::new();
    let path = site.offer("package", "a", "1");
    let root = Root::new(&site.at(ROOT), true);
    let held = root.lock(Duration::ZERO).unwrap();
    let before = site.holds();
    let installer = site.installer.clone().lock_wait(Duration::from_millis(20));
    let error = site.refused(installer.install(&path), &before);
    assert_eq!(error.code(), "locked");
    drop(held);
    installer.install(&path).unwrap();
}

#[test]
fn a_root_that_cannot_be_made() {
    let site = Site::new();
    let path = site.offer("package", "a", "1");
    site.place.write("home/test", "a file");
    let before = site.holds();
    let error = site.refused(site.installer.install(&path), &before);
    assert_eq!(error.code(), "io");
    assert!(error.to_string().contains("home/test"), "{error}");
}

#[test]
fn what_is_cancelled() {
    let site = Site::new();
    let path = site.offer("package", "a", "1");
    let before = site.holds();
    let cancellation = Cancellation::new();
    let installer = site.installer.clone().cancellation(cancellation.clone());
    let cancel = cancellation.clone();
    let installer = installer.on_progress(move |_| cancel.cancel());
    let error = site.refused(installer.install(&path), &before);
    assert_eq!(error.code(), "cancelled");
}

#[test]
fn limits_hold_for_folders_too() {
    let site = Site::new();
    let path = site.offer("package", "a", "1");
    let before = site.holds();
    let limits = Limits {
        entries: 2,
        ..Limits::default()
    };
    let installer = site.installer.clone().limits(limits);
    let error = site.refused(installer.install(&path), &before);
    assert_eq!(error.code(), "archive-too-many-entries");
}

#[test]
fn what_changes_while_it_is_read() {
    let site = Site::new();
    let path = site.offer("package", "a", "1");
    let plan = site.installer.plan(Operation::Install, &path).unwrap();
    site.offer("package", "b", "1");
    let before = site.holds();
    assert_eq!(plan.stage().unwrap_err().code(), "package-changed");
    assert_eq!(site.holds(), before);
}

#[test]
fn what_was_installed_in_the_meantime_stays() {
    let site = Site::new();
    let path = site.offer("package", "a", "1");
    let plan = site.installer.plan(Operation::Install, &path).unwrap();
    assert_eq!(plan.refusals(), []);
    let staged = plan.stage().unwrap();
    let other = site.offer("other", "a", "2");
    site.installer.install(other).unwrap();
    let error = staged.commit().unwrap_err();
    assert_eq!(codes(&error), ["already-installed"]);
    let there = fs::read_to_string(site.at(ROOT).join("a/contents/ui/main.qml")).unwrap();
    assert_eq!(there, "main of other");
}

#[test]
fn a_commit_that_comes_to_nothing_leaves_nothing() {
    let site = Site::new();
    let path = site.offer("package", "a", "1");
    let before = site.holds();
    let cancellation = Cancellation::new();
    let installer = site.installer.clone().cancellation(cancellation.clone());
    let plan = installer.plan(Operation::Install, &path).unwrap();
    let staged = plan.stage().unwrap();
    assert_ne!(site.holds(), before);
    cancellation.cancel();
    assert_eq!(staged.commit().unwrap_err().code(), "cancelled");
    assert_eq!(site.holds(), before);
}

#[test]
#[cfg(unix)]
fn a_root_in_which_others_may_write_to_our_folder() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = Site::new();
    let path = site.offer("package", "a", "1");
    let ours = site.at(ROOT).join(".keyway");
    fs::create_dir_all(&ours).unwrap();
    fs::set_permissions(&ours, fs::Permissions::from_mode(0o777)).unwrap();
    let before = site.holds();
    let error = site.refused(site.installer.install(&path), &before);
    assert_eq!(error.code(), "folder-not-own");
    let expected = format!("`{}` belongs to the user", ours.display());
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert!(error.hint().unwrap().starts_with("install as that user"));
}
