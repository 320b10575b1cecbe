//! Folders that the application names in code.

use super::super::{Folder, Policy, check_folder};
use super::support::*;
use crate::plugin::FolderOrigin;

#[test]
fn what_everybody_may_write_is_refused_there_too() {
    for (wrong, hint) in [("a", "chmod o-w {}/a"), ("a/b", "chmod o-w {}/a/b")] {
        let place = Place::new();
        let file = place.file("a/b/x.so");
        mode(&place.folder(wrong), 0o777);
        let result = judge(&file, FolderOrigin::Application, &Policy::default());
        let message = format!("everybody may write `{{}}/{wrong}`");
        refused(result, place.path(), ["world-writable", &message, hint]);
    }
    let place = Place::new();
    let file = place.file("a/x.so");
    mode(&file, 0o666);
    let result = judge(&file, FolderOrigin::Application, &Policy::default());
    let expected = [
        "world-writable",
        "everybody may write `{}/a/x.so`",
        "chmod o-w {}/a/x.so",
    ];
    refused(result, place.path(), expected);
}

#[test]
fn another_owners_checkout_is_the_applications_decision() {
    if !can_chown("root over another owner's checkout") {
        return;
    }
    let place = Place::new();
    let file = place.file("checkout/target/x.so");
    for path in [
        place.folder("checkout"),
        place.folder("checkout/target"),
        file.clone(),
    ] {
        give(&path, 4711);
        give_group(&path, 4712);
        // As umask 002 leaves them.
        mode(&path, if path == file { 0o664 } else { 0o2775 });
    }
    for origin in [
        FolderOrigin::Environment,
        FolderOrigin::Executable,
        FolderOrigin::User,
        FolderOrigin::System,
    ] {
        let distrust = judge(&file, origin, &Policy::default()).unwrap_err();
        assert_eq!(distrust.code(), "foreign-owner", "{origin}");
    }
    judge(&file, FolderOrigin::Application, &Policy::default()).unwrap();

    let narrow = Policy {
        application_decides: false,
        ..Policy::default()
    };
    let distrust = judge(&file, FolderOrigin::Application, &narrow).unwrap_err();
    assert_eq!(distrust.code(), "foreign-owner");
}

#[test]
fn a_folder_is_judged_as_a_file_in_it() {
    let place = Place::new();
    let path = place.folder("a/b");
    let folder = Folder::of(&path).unwrap();
    assert_eq!(folder.path(), path);
    check_folder(&folder, FolderOrigin::User, &Policy::default()).unwrap();
    mode(&path, 0o777);
    let folder = Folder::of(&path).unwrap();
    let result = check_folder(&folder, FolderOrigin::Application, &Policy::default());
    let expected = [
        "world-writable",
        "everybody may write `{}/a/b`",
        "chmod o-w {}/a/b",
    ];
    refused(result, place.path(), expected);
    let file = place.file("x.so");
    let expected = [
        "unreadable",
        "`{}/x.so` cannot be read",
        "check the permissions: ls -ld {}/x.so",
    ];
    refused(Folder::of(&file), place.path(), expected);
}
