//! Repositories that lie: nothing gets out of the folder, and nothing of them stays.

use std::fs;

use keyway::git::Fetch;
use keyway_tests::snapshot::Snapshot;

use crate::Place;
use crate::repository::Repository;
use crate::server::Server;

/// Fetches from disk and from a server, and gives the code and the message of the refusal.
fn refused(repository: &Repository) -> (String, String) {
    let place = Place::new();
    // What a link would lead to, and what would be overwritten.
    let around = place.path().join("around");
    fs::create_dir_all(around.join("victim")).unwrap();
    fs::write(around.join("victim/file"), "mine").unwrap();
    let before = Snapshot::of(&around);
    let into = around.join("content");
    let server = Server::of(repository.path());
    let refusals = [repository.url(), server.url].map(|url| {
        let error = Fetch::new(url).run(&into, &mut |_| (), &|| false);
        let error = error.unwrap_err();
        (error.code().to_owned(), error.to_string())
    });
    fs::File::open(&around)
        .unwrap()
        .set_modified(
            // The folder itself was written to, for what was prepared in it.
            std::time::SystemTime::UNIX_EPOCH,
        )
        .unwrap();
    let differences = before.differences(&Snapshot::of(&around));
    let differences: Vec<_> = differences
        .iter()
        .filter(|it| !it.starts_with("``"))
        .collect();
    assert!(differences.is_empty(), "{differences:?}");
    assert_eq!(place.entries(), ["around"]);
    let [first, second] = refusals;
    assert_eq!(first, second);
    first
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in [
        &b".."[..],
        b".",
        b"a/b",
        b"/absolute",
        b"../victim",
        b".git",
        b".GIT",
        b".Git",
        b"git~1",
        b"GIT~1",
        b".git ",
        b".git.",
        b".git::$INDEX_ALLOCATION",
        ".g\u{200c}it".as_bytes(),
        "\u{feff}.git".as_bytes(),
    ] {
        for mode in ["100644", "40000"] {
            let repository = Repository::empty();
            let id = match mode {
                "40000" => {
                    let hook = repository.blob(b"#!/bin/sh\n");
                    repository.tree(&[("100755", b"hook", &hook)])
                }
                _ => repository.blob(b"hostile"),
            };
            let tree = repository.tree(&[(mode, name, &id)]);
            repository.commit_tree(&tree);
            let (code, message) = refused(&repository);
            let shown = String::from_utf8_lossy(name);
            let expected = ["git-bad-name", "git-damaged"];
            assert!(expected.contains(&&code[..]), "{shown:?}: {code} {message}");
        }
    }
}

/// Git sends no such name, but may have been told to keep it.
#[test]
fn nothing_is_no_name() {
    let (repository, place) = (Repository::empty(), Place::new());
    let file = repository.blob(b"hostile");
    let tree = repository.tree(&[("100644", b"", &file)]);
    repository.commit_tree(&tree);
    let error = place.refused(&Fetch::new(repository.url()));
    assert_eq!(error.code(), "git-bad-name");
}

#[test]
fn names_are_also_refused_deeper() {
    let repository = Repository::empty();
    let file = repository.blob(b"hostile");
    let inner = repository.tree(&[("100644", b".git", &file)]);
    let tree = repository.tree(&[("40000", b"folder", &inner)]);
    repository.commit_tree(&tree);
    let (code, message) = refused(&repository);
    assert_eq!(code, "git-bad-name");
    assert!(
        message.starts_with("the name of `folder/.git` is refused: "),
        "{message}"
    );
}

#[test]
fn nothing_is_written_through_a_link() {
    let repository = Repository::empty();
    let file = repository.blob(b"hostile");
    let link = repository.blob(b"../victim");
    let inside = repository.blob(b"other");
    let folder = repository.tree(&[("100644", b"file", &file)]);
    for target in [&link, &inside] {
        for entries in [
            [
                ("120000", &b"victim"[..], target),
                ("40000", b"victim", &folder),
            ],
            [("40000", b"victim", &folder), ("120000", b"victim", target)],
            [("120000", b"victim", target), ("100644", b"victim", &file)],
        ] {
            let entries = entries.map(|(mode, name, id)| (mode, name, &id[..]));
            let tree = repository.tree(&entries);
            repository.commit_tree(&tree);
            let (code, message) = refused(&repository);
            let expected = ["git-link-leaves", "git-duplicate"];
            assert!(expected.contains(&&code[..]), "{code} {message}");
        }
    }
}

#[test]
fn entries_that_are_there_twice_are_refused() {
    let repository = Repository::empty();
    let (one, two) = (repository.blob(b"one"), repository.blob(b"two"));
    let tree = repository.tree(&[("100644", b"file", &one), ("100644", b"file", &two)]);
    repository.commit_tree(&tree);
    let twice = "`file` is there twice".to_owned();
    assert_eq!(refused(&repository), ("git-duplicate".to_owned(), twice));
}

#[test]
fn links_that_lead_out_are_refused() {
    let targets: [&[u8]; 8] = [
        b"/etc/passwd",
        b"..",
        b"../victim/file",
        b"../../..",
        b"folder/../..",
        b"./../victim",
        b"",
        b"a\0b",
    ];
    for target in targets {
        let repository = Repository::empty();
        let link = repository.blob(target);
        let tree = repository.tree(&[("120000", b"link", &link)]);
        repository.commit_tree(&tree);
        let (code, message) = refused(&repository);
        assert_eq!(code, "git-link-leaves", "{message}");
    }
    // Out of what another link leads to.
    let repository = Repository::empty();
    let top = repository.blob(b"../..");
    let out = repository.blob(b"top/../victim");
    let inner = repository.tree(&[("120000", b"link", &out), ("120000", b"top", &top)]);
    let outer = repository.tree(&[("40000", b"b", &inner)]);
    let tree = repository.tree(&[("40000", b"a", &outer)]);
    repository.commit_tree(&tree);
    assert_eq!(refused(&repository).0, "git-link-leaves");
}

#[test]
fn folders_that_never_end_are_refused() {
    let repository = Repository::empty();
    let mut tree = repository.tree(&[]);
    for _ in 0..100 {
        tree = repository.tree(&[("40000", b"folder", &tree)]);
    }
    repository.commit_tree(&tree);
    assert_eq!(refused(&repository).0, "git-too-deep");
}

#[test]
fn what_is_missing_in_a_repository_is_damage() {
    let repository = Repository::sample();
    let file = repository.id("main:readme.txt");
    let object = format!(".git/objects/{}/{}", &file[..2], &file[2..]);
    fs::remove_file(repository.path().join(object)).unwrap();
    let place = Place::new();
    assert_eq!(
        place.refused(&Fetch::new(repository.url())).code(),
        "git-damaged"
    );
}

/// None of what a repository can name is started.
#[test]
fn nothing_of_a_repository_runs() {
    let repository = Repository::sample();
    let place = Place::new();
    let proof = place.path().join("proof");
    let touch = format!("touch {}", proof.display());
    repository.write(".gitattributes", "* filter=evil text eol=crlf ident\n");
    repository.write("id.txt", "$Id$\n");
    repository.commit("attributes");
    let script = format!("#!/bin/sh\n{touch}\n");
    for hook in [
        "post-checkout",
        "pre-receive",
        "post-upload-pack",
        "reference-transaction",
    ] {
        let path = repository.path().join(".git/hooks").join(hook);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &script).unwrap();
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    for key in [
        "filter.evil.smudge",
        "filter.evil.process",
        "core.fsmonitor",
        "core.sshCommand",
        "core.gitProxy",
        "core.alternateRefsCommand",
        "credential.helper",
        "uploadpack.packObjectsHook",
        "diff.external",
    ] {
        repository.git(&["config", key, &touch]);
    }
    let fetched = place.fetch(&Fetch::new(repository.url())).unwrap();
    assert_eq!(fetched.branch.as_deref(), Some("main"));
    assert!(!proof.exists());
    assert_eq!(place.text("readme.txt"), "second\n");
    assert_eq!(place.text("id.txt"), "$Id$\n");
}
