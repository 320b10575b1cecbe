//! Files and folders of others.

use std::path::Path;

use super::super::{Facts, Policy};
use super::support::*;
use crate::plugin::FolderOrigin;

const PASSWD: &str = "alice:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n";

#[test]
fn anothers_file_is_refused() {
    if !can_chown("another's file") {
        return;
    }
    let place = Place::new();
    let file = place.file("x.so");
    give(&file, 1001);
    let by_root = judged_by(0, PASSWD, "", &file, &Policy::default());
    let expected = [
        "foreign-owner",
        "`{}/x.so` belongs to `bob` (uid 1001), not to root",
        "chown root {}/x.so",
    ];
    refused(by_root, place.path(), expected);
    let by_alice = judged_by(1000, PASSWD, "", &file, &Policy::default());
    let expected = [
        "foreign-owner",
        "`{}/x.so` belongs to `bob` (uid 1001), not to root or the caller, `alice` (uid 1000)",
        "chown 1000 {}/x.so",
    ];
    refused(by_alice, place.path(), expected);
}

#[test]
fn a_file_in_anothers_folder_is_refused() {
    if !can_chown("another's folder") {
        return;
    }
    let place = Place::new();
    let file = place.file("theirs/plugins/x.so");
    give(&place.folder("theirs"), 4711);
    let result = judged_by(0, PASSWD, "", &file, &Policy::default());
    let expected = [
        "foreign-owner",
        "`{}/theirs` belongs to uid 4711, not to root",
        "move the plugin into a folder of yours, or let the application trust uid 4711",
    ];
    refused(result, place.path(), expected);
}

#[test]
fn where_only_root_may_write_the_callers_file_is_refused() {
    if !can_chown("a policy of root's files only") {
        return;
    }
    let place = Place::new();
    let file = place.file("x.so");
    give(&file, 1000);
    let policy = Policy {
        caller: false,
        ..Policy::default()
    };
    let result = judged_by(1000, PASSWD, "", &file, &policy);
    assert_eq!(result.unwrap_err().code(), "foreign-owner");
    give(&file, 0);
    judged_by(1000, PASSWD, "", &file, &policy).unwrap();
}

#[test]
fn files_of_root_and_of_the_caller_pass() {
    if !can_chown("the caller's file") {
        return;
    }
    let place = Place::new();
    let file = place.file("x.so");
    judged_by(1000, PASSWD, "", &file, &Policy::default()).unwrap();
    give(&file, 1000);
    judged_by(1000, PASSWD, "", &file, &Policy::default()).unwrap();
}

#[test]
fn files_of_whom_the_policy_trusts_pass() {
    if !can_chown("a user that the policy trusts") {
        return;
    }
    let place = Place::new();
    let file = place.file("theirs/x.so");
    give(&place.folder("theirs"), 1001);
    give(&file, 1001);
    give_group(&file, 1001);
    mode(&file, 0o664);
    let mut policy = Policy::default();
    policy.users.insert(1001);
    let group = "bob:x:1001:\n";
    judged_by(0, PASSWD, group, &file, &policy).unwrap();
}

#[test]
fn the_facts_say_what_was_seen() {
    let place = Place::new();
    let path = place.file("a/x.so");
    let facts = Facts::of(&open(&path), &path).unwrap();
    let seen: Vec<_> = facts.components().map(|it| it.path.clone()).collect();
    let mut expected: Vec<_> = path.ancestors().map(Path::to_path_buf).collect();
    expected.reverse();
    assert_eq!(seen, expected);
    let holders: Vec<_> = facts.components().filter(|it| it.holds_plugin).collect();
    assert_eq!(holders.len(), 1);
    assert_eq!(holders[0].path, place.folder("a"));
    let file = facts.components().last().unwrap();
    assert_eq!(file.owner.id, rustix::process::geteuid().as_raw());
    assert_eq!(file.mode, 0o644);
    assert!(judge(&path, FolderOrigin::System, &Policy::default()).is_ok());
}
