//! What is fetched of all that a repository has.

use gix::ObjectId;

use crate::git::choose::{Head, References, Target, Wish};
use crate::git::error::GitError;

const URL: &str = "https://example.org/demo";

fn wish<'a>(branch: Option<&'a str>, revision: Option<&'a str>) -> Wish<'a> {
    Wish {
        url: URL,
        branch,
        revision,
    }
}

fn references() -> References {
    let id = ObjectId::null(gix::hash::Kind::Sha1);
    let with = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), id)).collect();
    References {
        head: Head::Branch("main".to_owned()),
        branches: with(&["main", "stable", "feature/lists"]),
        tags: with(&["v1.0", "v1.1", "v2.0", "cafe"]),
    }
}

#[test]
fn what_is_not_there_names_what_is_near() {
    let error = references().choose(wish(Some("mian"), None)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no branch `mian` in `https://example.org/demo`; there is `main`"
    );
    let error = references().choose(wish(None, Some("v1.2"))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no commit and no tag `v1.2` in `https://example.org/demo`; there is `v1.0`, `v1.1`, `v2.0`"
    );
    let error = references()
        .choose(wish(Some("zzz\u{1b}"), None))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        r"there is no branch `zzz\u{1b}` in `https://example.org/demo`"
    );
}

#[test]
fn revisions_that_could_be_no_id_are_unknown() {
    for revision in [
        "",
        "abc",
        "xyzw",
        "HEAD",
        "main",
        "HEAD~1",
        "refs/tags/v1.0",
        &"a".repeat(65),
    ] {
        let error = references().choose(wish(None, Some(revision))).unwrap_err();
        assert_eq!(error.code(), "git-unknown-revision", "{revision}");
    }
}

#[test]
fn heads_that_lead_nowhere_are_told_apart() {
    let empty = References::default().choose(wish(None, None)).unwrap_err();
    assert_eq!(empty.code(), "git-empty");
    let mut gone = references();
    gone.head = Head::Branch("gone".to_owned());
    match gone.choose(wish(None, None)).unwrap_err() {
        GitError::NoDefaultBranch { branches, .. } => {
            assert_eq!(branches, ["feature/lists", "main", "stable"]);
        }
        error => panic!("{error}"),
    }
}

#[test]
fn tags_come_before_ids() {
    let chosen = references().choose(wish(None, Some("cafe"))).unwrap();
    assert_eq!(
        chosen.target,
        Target::Reference("refs/tags/cafe".to_owned())
    );
    assert_eq!(chosen.branch, None);
    let chosen = references().choose(wish(None, Some("CAFE0"))).unwrap();
    assert!(matches!(chosen.target, Target::Prefix(_)));
    let chosen = references()
        .choose(wish(Some("main"), Some(&"a".repeat(40))))
        .unwrap();
    assert!(matches!(chosen.target, Target::Id(_)) && chosen.check_branch);
}
