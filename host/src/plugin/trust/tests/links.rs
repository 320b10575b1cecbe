//! Symbolic links: every place on the way counts.

use super::support::*;

#[test]
fn a_link_in_a_folder_that_everybody_may_write_is_refused() {
    let place = Place::new();
    let file = place.file("safe/x.so");
    let link = place.link("open/x.so", &file);
    mode(&place.folder("open"), 0o777);
    let expected = [
        "world-writable",
        "everybody may write `{}/open`",
        "chmod o-w {}/open",
    ];
    refused(judged(&link), place.path(), expected);
    judged(&file).unwrap();
}

#[test]
fn a_link_out_of_a_safe_folder_is_judged_by_where_it_leads() {
    let place = Place::new();
    let file = place.file("open/deep/x.so");
    mode(&place.folder("open"), 0o777);
    let link = place.link("safe/x.so", &file);
    let expected = [
        "world-writable",
        "everybody may write `{}/open`",
        "chmod o-w {}/open",
    ];
    refused(judged(&link), place.path(), expected);
}

#[test]
fn a_link_halfway_through_an_unsafe_folder_is_refused() {
    let place = Place::new();
    let file = place.file("safe/x.so");
    place.link("open/halfway.so", &file);
    mode(&place.folder("open"), 0o777);
    let link = place.link("mine/x.so", "../open/halfway.so");
    let expected = [
        "world-writable",
        "everybody may write `{}/open`",
        "chmod o-w {}/open",
    ];
    refused(judged(&link), place.path(), expected);
}

#[test]
fn a_folder_reached_by_a_link_in_an_unsafe_folder_is_refused() {
    let place = Place::new();
    place.file("safe/x.so");
    place.link("open/plugins", "../safe");
    mode(&place.folder("open"), 0o777);
    let link = place.path().join("open/plugins/x.so");
    let expected = [
        "world-writable",
        "everybody may write `{}/open`",
        "chmod o-w {}/open",
    ];
    refused(judged(&link), place.path(), expected);
}

#[test]
fn a_folder_that_a_link_only_passes_through_is_refused() {
    let place = Place::new();
    let file = place.file("safe/x.so");
    place.folder("open/sub");
    mode(&place.folder("open"), 0o777);
    // Leads to the same file; but what `open/sub` is can be changed.
    let link = place.link("mine/x.so", "../open/sub/../../safe/x.so");
    let expected = [
        "world-writable",
        "everybody may write `{}/open`",
        "chmod o-w {}/open",
    ];
    refused(judged(&link), place.path(), expected);
    judged(&file).unwrap();
}

#[test]
fn anothers_link_in_a_sticky_folder_is_refused() {
    if !can_chown("another's link in a sticky folder") {
        return;
    }
    let place = Place::new();
    place.file("safe/x.so");
    let link = place.link("tmp/plugins", "../safe");
    mode(&place.folder("tmp"), 0o1777);
    let plugin = link.join("x.so");
    judged(&plugin).unwrap();
    std::os::unix::fs::lchown(&link, Some(65534), None).unwrap();
    let expected = [
        "planted",
        "everybody may put things into `{}/tmp`, and `{}/tmp/plugins` belongs to `nobody` (uid \
         65534), not to root",
        "chown --no-dereference root {}/tmp/plugins",
    ];
    refused(judged(&plugin), place.path(), expected);
}

#[test]
fn a_plugin_linked_in_a_sticky_folder_itself_is_refused() {
    let place = Place::new();
    let file = place.file("safe/x.so");
    // The sticky folder is above the target as well: there it would be fine.
    let link = place.link("safe/tmp/x.so", &file);
    mode(&place.folder("safe/tmp"), 0o1777);
    let expected = [
        "world-writable",
        "everybody may write `{}/safe/tmp`",
        "move the plugin into a folder that only its owner may write",
    ];
    refused(judged(&link), place.path(), expected);

    let above = place.file("tmp/mine/y.so");
    place.link("tmp/y.so", "mine/y.so");
    mode(&place.folder("tmp"), 0o1777);
    judged(&above).unwrap();
    let link = place.link("safe/y.so", place.path().join("tmp/y.so"));
    let expected = [
        "world-writable",
        "everybody may write `{}/tmp`",
        "move the plugin into a folder that only its owner may write",
    ];
    refused(judged(&link), place.path(), expected);
}

#[test]
fn links_that_go_round_are_an_error() {
    let place = Place::new();
    let file = place.file("x.so");
    let open = open(&file);
    let link = place.link("round.so", "round.so");
    let expected = [
        "unreadable",
        "`{}/round.so` cannot be read",
        "check the permissions: ls -ld {}/round.so",
    ];
    refused(
        super::super::Facts::of(&open, &link),
        place.path(),
        expected,
    );
}

#[test]
fn a_chain_of_safe_links_leads_to_the_file() {
    let place = Place::new();
    let file = place.file("store/v1/x.so");
    place.link("store/current", "v1");
    place.link("links/a.so", "../store/current/x.so");
    let link = place.link("plugins/x.so", place.path().join("links/a.so"));
    assert_eq!(judged(&link).unwrap().target(), file);
}

#[test]
fn anothers_link_in_a_safe_folder_passes() {
    if !can_chown("another's link in a safe folder") {
        return;
    }
    let place = Place::new();
    let file = place.file("store/x.so");
    let link = place.link("plugins/x.so", "../store/x.so");
    // Its owner cannot change it, nor put another in its place.
    std::os::unix::fs::lchown(&link, Some(65534), None).unwrap();
    assert_eq!(judged(&link).unwrap().target(), file);
}
