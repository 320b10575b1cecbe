//! Files that a group may write.

use super::super::Policy;
use super::support::*;
use crate::plugin::FolderOrigin;

const PASSWD: &str = "root:x:0:0::/root:/bin/sh\n\
    alice:x:1000:1000::/home/alice:/bin/sh\n\
    bob:x:1001:1001::/home/bob:/bin/sh\n";
const GROUP: &str = "root:x:0:\nstaff:x:50:\nalice:x:1000:\nbob:x:1001:\nteam:x:2000:alice,bob\n";

const STAFF: u32 = 50;

#[test]
fn a_shared_group_is_refused() {
    if !can_chown("a shared group") {
        return;
    }
    let place = Place::new();
    let file = place.file("x.so");
    give_group(&file, 2000);
    mode(&file, 0o664);
    let result = judged_by(0, PASSWD, GROUP, &file, &Policy::default());
    let expected = [
        "group-writable",
        "the group `team` (gid 2000) may write `{}/x.so`",
        "chmod g-w {}/x.so",
    ];
    refused(result, place.path(), expected);
}

#[test]
fn a_folder_of_a_shared_group_is_refused() {
    if !can_chown("a folder of a shared group") {
        return;
    }
    let place = Place::new();
    let file = place.file("local/lib/x.so");
    give_group(&place.folder("local"), STAFF);
    mode(&place.folder("local"), 0o2775);
    let result = judged_by(0, PASSWD, GROUP, &file, &Policy::default());
    let expected = [
        "group-writable",
        "the group `staff` (gid 50) may write `{}/local`",
        "chmod g-w {}/local",
    ];
    refused(result, place.path(), expected);
}

#[test]
fn the_private_group_of_somebody_else_is_refused() {
    if !can_chown("the private group of somebody else") {
        return;
    }
    let place = Place::new();
    let file = place.file("x.so");
    give_group(&file, 1001);
    mode(&file, 0o664);
    let result = judged_by(1000, PASSWD, GROUP, &file, &Policy::default());
    let expected = [
        "group-writable",
        "the group `bob` (gid 1001) may write `{}/x.so`",
        "chmod g-w {}/x.so",
    ];
    refused(result, place.path(), expected);
}

#[test]
fn a_group_without_a_name_is_refused() {
    if !can_chown("a group without a name") {
        return;
    }
    let place = Place::new();
    let file = place.file("x.so");
    give_group(&file, 4711);
    mode(&file, 0o664);
    let result = judged_by(0, PASSWD, GROUP, &file, &Policy::default());
    let expected = [
        "group-writable",
        "the group gid 4711 may write `{}/x.so`",
        "chmod g-w {}/x.so",
    ];
    refused(result, place.path(), expected);
}

#[test]
fn without_private_groups_they_are_refused() {
    let place = Place::new();
    let file = place.file("x.so");
    if is_root() {
        give_group(&file, 0);
    }
    mode(&file, 0o664);
    let policy = Policy {
        private_groups: false,
        ..Policy::default()
    };
    let distrust = judge(&file, FolderOrigin::User, &policy).unwrap_err();
    assert_eq!(distrust.code(), "group-writable");
}

#[test]
fn an_access_list_that_lets_others_write_is_refused() {
    let place = Place::new();
    let file = place.file("x.so");
    // Besides the three of the mode: user 4711 may write, and the mask that allows it.
    let entries: [(u16, u16, u32); 5] = [
        (0x01, 6, u32::MAX),
        (0x02, 6, 4711),
        (0x04, 4, u32::MAX),
        (0x10, 6, u32::MAX),
        (0x20, 4, u32::MAX),
    ];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        list.extend(tag.to_le_bytes());
        list.extend(permissions.to_le_bytes());
        list.extend(id.to_le_bytes());
    }
    let name = "system.posix_acl_access";
    if rustix::fs::setxattr(&file, name, &list, rustix::fs::XattrFlags::empty()).is_err() {
        skipped("access lists", "this file system has none");
        return;
    }
    let expected = [
        "access-list",
        "an access list lets others write `{}/x.so`",
        "setfacl --remove-all {}/x.so",
    ];
    refused(judged(&file), place.path(), expected);
    // A trusted group does not make those on the list trusted.
    let mut policy = Policy::default();
    policy.groups.extend(0..=65535);
    refused(
        judge(&file, FolderOrigin::User, &policy),
        place.path(),
        expected,
    );
    // Without the mask's write permission nobody on it may write.
    mode(&file, 0o644);
    judged(&file).unwrap();
}

#[test]
fn anothers_folder_in_a_groups_sticky_folder_is_refused() {
    if !can_chown("a group's sticky folder") {
        return;
    }
    let place = Place::new();
    let file = place.file("team/plugins/x.so");
    give_group(&place.folder("team"), 2000);
    mode(&place.folder("team"), 0o1775);
    judged_by(0, PASSWD, GROUP, &file, &Policy::default()).unwrap();
    give(&place.folder("team/plugins"), 1001);
    let result = judged_by(0, PASSWD, GROUP, &file, &Policy::default());
    let expected = [
        "planted",
        "the group `team` (gid 2000) may put things into `{}/team`, and `{}/team/plugins` belongs \
         to `bob` (uid 1001), not to root",
        "chown --no-dereference root {}/team/plugins",
    ];
    refused(result, place.path(), expected);
}

#[test]
fn all_is_well_under_umask_002() {
    if !can_chown("umask 002") {
        return;
    }
    let place = Place::new();
    let file = place.file("src/target/x.so");
    for path in [place.folder("src"), place.folder("src/target")] {
        give(&path, 1000);
        give_group(&path, 1000);
        mode(&path, 0o775);
    }
    give(&file, 1000);
    give_group(&file, 1000);
    mode(&file, 0o664);
    judged_by(1000, PASSWD, GROUP, &file, &Policy::default()).unwrap();
    // Root's own group, too.
    give_group(&file, 0);
    judged_by(1000, PASSWD, GROUP, &file, &Policy::default()).unwrap();
}

#[test]
fn a_group_that_the_policy_trusts_passes() {
    if !can_chown("a group that the policy trusts") {
        return;
    }
    let place = Place::new();
    let file = place.file("x.so");
    give_group(&file, STAFF);
    mode(&file, 0o664);
    let mut policy = Policy::default();
    policy.groups.insert(STAFF);
    judged_by(0, PASSWD, GROUP, &file, &policy).unwrap();
}
