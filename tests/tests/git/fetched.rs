//! What is fetched from disk and from servers, and what it looks like.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use keyway::git::{Fetch, Fetched, Warning};

use crate::Place;
use crate::repository::Repository;
use crate::server::{Answer, Server};

/// All ways to fetch from a repository.
fn ways(repository: &Repository) -> Vec<String> {
    let bare = repository.bare().to_str().unwrap().to_owned();
    vec![
        repository.url(),
        format!("{}/.git", repository.url()),
        format!("file://{}", repository.url()),
        format!("file://{bare}"),
        Server::of(&bare).url,
        format!("{}/", Server::of(&bare).url),
        Server::with(bare, |_| Answer::OldGit).url,
    ]
}

fn fetch(fetch: Fetch) -> (Fetched, String) {
    let place = Place::new();
    let fetched = place.fetch(&fetch).unwrap();
    assert_eq!(place.entries(), ["content"]);
    assert!(!place.made().join(".git").exists());
    let text = place.text("readme.txt");
    (fetched, text)
}

#[test]
fn branches_tags_and_commits_are_found() {
    let repository = Repository::sample();
    let [first, second, stable] = ["v1.0", "main", "stable"].map(|name| repository.id(name));
    for url in ways(&repository) {
        let fetch = |branch: Option<&str>, revision: Option<&str>| {
            let mut wanted = Fetch::new(&url);
            if let Some(branch) = branch {
                wanted = wanted.branch(branch);
            }
            if let Some(revision) = revision {
                wanted = wanted.revision(revision);
            }
            let (fetched, text) = fetch(wanted);
            (fetched.commit, fetched.branch, text)
        };
        let of = |commit: &str, branch: Option<&str>, text: &str| {
            let branch = branch.map(str::to_owned);
            (commit.to_owned(), branch, text.to_owned())
        };
        let in_main = Some("main");
        assert_eq!(fetch(None, None), of(&second, in_main, "second\n"), "{url}");
        assert_eq!(
            fetch(Some("stable"), None),
            of(&stable, Some("stable"), "stable\n")
        );
        assert_eq!(fetch(None, Some("v1.0")), of(&first, None, "first\n"));
        assert_eq!(fetch(None, Some("v2.0")), of(&second, None, "second\n"));
        assert_eq!(fetch(None, Some(&first)), of(&first, None, "first\n"));
        assert_eq!(fetch(None, Some(&first[..7])), of(&first, None, "first\n"));
        assert_eq!(
            fetch(None, Some(&stable[..10].to_uppercase())),
            of(&stable, None, "stable\n")
        );
        // The tag's own id leads to its commit.
        let tag = repository.id("v2.0");
        assert_eq!(fetch(None, Some(&tag)), of(&second, None, "second\n"));
        for revision in ["v1.0", &first, &first[..7]] {
            assert_eq!(
                fetch(in_main, Some(revision)),
                of(&first, in_main, "first\n")
            );
        }
    }
}

#[test]
fn a_head_without_a_branch_is_a_commit() {
    let repository = Repository::sample();
    repository.git(&["checkout", "--quiet", "--detach", "v1.0"]);
    for url in [repository.url(), Server::of(repository.path()).url] {
        let (fetched, text) = fetch(Fetch::new(url));
        assert_eq!((fetched.branch, &text[..]), (None, "first\n"));
    }
}

#[test]
fn files_are_as_they_were_committed() {
    let repository = Repository::empty();
    let odd = OsStr::from_bytes(b"gr\xfc\xdfe \xf0\x9f\x92\xa1\n");
    repository.write("run.sh", "#!/bin/sh\n");
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(repository.path().join("run.sh"), executable).unwrap();
    repository.write("empty", "");
    repository.write(
        ".gitattributes",
        "*.txt text eol=crlf\nignored export-ignore\n",
    );
    repository.write("lines.txt", "one\ntwo\n");
    repository.write("ignored", "not");
    repository.write("back\\slash", "");
    fs::create_dir(repository.path().join(odd)).unwrap();
    fs::write(repository.path().join(odd).join(odd), [0, 255]).unwrap();
    let link = |name: &str, target: &str| {
        std::os::unix::fs::symlink(target, repository.path().join(name)).unwrap();
    };
    fs::create_dir_all(repository.path().join("a/b")).unwrap();
    link("a/b/up", "../../lines.txt");
    link("to-nothing", "missing");
    link("to-folder", "a/b");
    link("through", "to-folder/up");
    repository.commit("files");
    for url in ways(&repository) {
        let place = Place::new();
        let fetched = place.fetch(&Fetch::new(url)).unwrap();
        assert_eq!(fetched.warnings, []);
        let mode = |name: &str| {
            let metadata = fs::metadata(place.made().join(name)).unwrap();
            metadata.permissions().mode() & 0o111
        };
        assert_ne!(mode("run.sh"), 0);
        assert_eq!(mode("empty"), 0);
        assert_eq!(place.text("lines.txt"), "one\ntwo\n");
        assert_eq!(place.text("ignored"), "not");
        assert_eq!(place.text("back\\slash"), "");
        assert_eq!(
            fs::read(place.made().join(odd).join(odd)).unwrap(),
            [0, 255]
        );
        let target = |name: &str| fs::read_link(place.made().join(name)).unwrap();
        assert_eq!(target("a/b/up"), PathBuf::from("../../lines.txt"));
        assert_eq!(target("to-nothing"), PathBuf::from("missing"));
        assert_eq!(place.text("through"), "one\ntwo\n");
        // 7 files, 4 links and 3 folders.
        assert_eq!(fetched.files, 14);
    }
}

#[test]
fn what_is_not_fetched_is_said() {
    let (repository, other, place) = (Repository::sample(), Repository::sample(), Place::new());
    let other = other.url();
    let allowed = "protocol.file.allow=always";
    repository.git(&[
        "-c",
        allowed,
        "submodule",
        "--quiet",
        "add",
        &other,
        "lib/other",
    ]);
    repository.write(
        "large.bin",
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    );
    repository.commit("more");
    let fetched = place.fetch(&Fetch::new(repository.url())).unwrap();
    assert_eq!(
        fetched.warnings,
        [
            Warning::LfsPointer("large.bin".into()),
            Warning::Submodule("lib/other".into())
        ]
    );
    assert_eq!(
        fetched.warnings[1].to_string(),
        "`lib/other` is a submodule, which is not fetched"
    );
    assert!(!place.made().join("lib/other").exists());
    assert!(place.text(".gitmodules").contains(&other));
}

#[test]
fn progress_is_told() {
    let (repository, place) = (Repository::sample(), Place::new());
    let server = Server::of(repository.path());
    let mut seen = Vec::new();
    let fetched = Fetch::new(&server.url).run(&place.made(), &mut |it| seen.push(it), &|| false);
    let fetched = fetched.unwrap();
    let last = seen.last().unwrap();
    assert!(last.received > 500);
    assert_eq!((last.files, last.bytes), (fetched.files, fetched.bytes));
    assert!(seen.is_sorted_by_key(|it| it.received));
}

#[test]
fn a_work_tree_of_its_own_is_a_repository() {
    let repository = Repository::sample();
    repository.git(&["worktree", "add", "--quiet", "beside", "stable"]);
    let (fetched, text) = fetch(Fetch::new(format!("{}/beside", repository.url())));
    assert_eq!(
        (fetched.branch.as_deref(), &text[..]),
        (Some("stable"), "stable\n")
    );
}
