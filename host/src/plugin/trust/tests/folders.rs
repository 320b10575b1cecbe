//! What everybody may write, sticky folders, and what is no file.

use super::super::{Facts, Folder, Policy, check};
use super::support::*;
use crate::plugin::FolderOrigin;

#[test]
fn a_file_that_everybody_may_write_is_refused() {
    let place = Place::new();
    let file = place.file("x.so");
    mode(&file, 0o646);
    let expected = [
        "world-writable",
        "everybody may write `{}/x.so`",
        "chmod o-w {}/x.so",
    ];
    refused(judged(&file), place.path(), expected);
}

#[test]
fn a_folder_that_everybody_may_write_is_refused() {
    let place = Place::new();
    let file = place.file("my plugins/x.so");
    mode(&place.folder("my plugins"), 0o757);
    let expected = [
        "world-writable",
        "everybody may write `{}/my plugins`",
        "chmod o-w '{}/my plugins'",
    ];
    refused(judged(&file), place.path(), expected);
}

#[test]
fn a_folder_far_above_that_everybody_may_write_is_refused() {
    let place = Place::new();
    let file = place.file("a/b/c/x.so");
    mode(&place.folder("a"), 0o757);
    let expected = [
        "world-writable",
        "everybody may write `{}/a`",
        "chmod o-w {}/a",
    ];
    refused(judged(&file), place.path(), expected);
}

#[test]
fn the_hint_mends_it() {
    let place = Place::new();
    let file = place.file("it's mine/x.so");
    mode(&place.folder("it's mine"), 0o757);
    mode(&file, 0o666);
    // Everybody, twice, and where the caller has no private group, the group.
    for _ in 0..4 {
        let Err(distrust) = judged(&file) else {
            return;
        };
        let hint = distrust.hint();
        let status = std::process::Command::new("sh")
            .args(["-c", &hint])
            .status();
        assert!(status.unwrap().success(), "{hint}");
    }
    panic!("still refused");
}

#[test]
fn a_plugin_in_a_sticky_folder_itself_is_refused() {
    let place = Place::new();
    let file = place.file("tmp/x.so");
    mode(&place.folder("tmp"), 0o1777);
    let expected = [
        "world-writable",
        "everybody may write `{}/tmp`",
        "move the plugin into a folder that only its owner may write",
    ];
    refused(judged(&file), place.path(), expected);
}

#[test]
fn anothers_folder_in_a_sticky_folder_is_refused() {
    if !can_chown("another's folder in a sticky folder") {
        return;
    }
    let place = Place::new();
    let file = place.file("tmp/planted/x.so");
    mode(&place.folder("tmp"), 0o1777);
    give(&place.folder("tmp/planted"), 65534);
    let expected = [
        "planted",
        "everybody may put things into `{}/tmp`, and `{}/tmp/planted` belongs to `nobody` (uid \
         65534), not to root",
        "chown --no-dereference root {}/tmp/planted",
    ];
    refused(judged(&file), place.path(), expected);
    // What everybody may do is not the application's decision.
    let application = judge(&file, FolderOrigin::Application, &Policy::default());
    refused(application, place.path(), expected);
}

#[test]
fn a_folder_in_a_sticky_folder_passes() {
    let place = Place::new();
    let file = place.file("tmp/mine/x.so");
    mode(&place.folder("tmp"), 0o1777);
    assert_eq!(judged(&file).unwrap().target(), file);
}

#[test]
fn what_is_no_regular_file_is_refused() {
    let place = Place::new();
    let folder = place.folder("folder.so");
    let expected = [
        "not-a-file",
        "`{}/folder.so` is no regular file",
        "put a library in the place of {}/folder.so",
    ];
    refused(judged(&folder), place.path(), expected);

    let fifo = place.path().join("fifo.so");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    let expected = [
        "not-a-file",
        "`{}/fifo.so` is no regular file",
        "put a library in the place of {}/fifo.so",
    ];
    refused(judged(&fifo), place.path(), expected);
    refused(
        judged("/".as_ref()),
        place.path(),
        [
            "not-a-file",
            "`/` is no regular file",
            "put a library in the place of /",
        ],
    );
}

#[test]
fn a_file_that_was_swapped_is_refused() {
    let place = Place::new();
    let path = place.file("x.so");
    let file = open(&path);
    std::fs::rename(place.file("y.so"), &path).unwrap();
    let facts = Facts::of(&file, &path).unwrap();
    let result = check(&facts, FolderOrigin::User, &Policy::default());
    let expected = [
        "swapped",
        "`{}/x.so` is not the file that was opened",
        "try again",
    ];
    refused(result, place.path(), expected);
}

#[test]
fn a_place_that_is_not_there_is_named() {
    let place = Place::new();
    let path = place.file("a/x.so");
    let file = open(&path);
    std::fs::remove_dir_all(place.folder("a")).unwrap();
    let expected = [
        "unreadable",
        "`{}/a` cannot be read",
        "check the permissions: ls -ld {}/a",
    ];
    refused(Facts::of(&file, &path), place.path(), expected);
}

#[test]
fn a_name_that_is_not_unicode_is_shown_and_quoted() {
    use std::os::unix::ffi::OsStrExt as _;
    let place = Place::new();
    let path = place.path().join(std::ffi::OsStr::from_bytes(b"\xff.so"));
    if std::fs::write(&path, "").is_err() {
        skipped("names that are not Unicode", "this file system has none");
        return;
    }
    mode(&path, 0o666);
    let expected = [
        "world-writable",
        "everybody may write `{}/\u{fffd}.so`",
        r"chmod o-w $'{}/\377.so'",
    ];
    refused(judged(&path), place.path(), expected);
}

#[test]
fn an_ordinary_file_passes() {
    let place = Place::new();
    let file = place.file("a/b/x.so");
    assert_eq!(judged(&file).unwrap().target(), file);
    assert_eq!(
        judged(&place.path().join("a/./b/../b/x.so"))
            .unwrap()
            .target(),
        file
    );
}

#[test]
fn in_a_folder_that_was_looked_at_a_file_is_judged_alike() {
    let place = Place::new();
    let path = place.file("a/x.so");
    let folder = Folder::of(&place.folder("a")).unwrap();
    let judge_it = || {
        let opened = open(&path).metadata().unwrap();
        let name = path.file_name().unwrap();
        let long = folder.facts(&opened, name).unwrap();
        let short = folder.facts_of_no_link(&opened, name);
        assert!(long.components().eq(short.components()));
        let judged = check(&long, FolderOrigin::User, &Policy::default());
        let short = check(&short, FolderOrigin::User, &Policy::default());
        assert_eq!(format!("{judged:?}"), format!("{short:?}"));
        judged
    };
    judge_it().unwrap();
    mode(&path, 0o666);
    let expected = [
        "world-writable",
        "everybody may write `{}/a/x.so`",
        "chmod o-w {}/a/x.so",
    ];
    refused(judge_it(), place.path(), expected);
}
