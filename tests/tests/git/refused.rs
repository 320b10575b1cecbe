//! What is refused, and how it is said.

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use keyway::git::{Fetch, GitError};

use crate::Place;
use crate::repository::Repository;
use crate::server::{Answer, Server};

#[test]
fn a_folder_that_is_there_stays() {
    let (repository, place) = (Repository::sample(), Place::new());
    fs::create_dir(place.made()).unwrap();
    let error = place.fetch(&Fetch::new(repository.url())).unwrap_err();
    let shown = format!("`{}` is already there", place.made().display());
    assert_eq!(error.to_string(), shown);
    assert_eq!(place.entries(), ["content"]);
    assert_eq!(fs::read_dir(place.made()).unwrap().count(), 0);
}

/// Also if it has come meanwhile, and is empty.
#[test]
fn a_folder_that_somebody_else_makes_stays() {
    let (repository, place) = (Repository::sample(), Place::new());
    let make = || {
        let _ = fs::create_dir(place.made());
        false
    };
    let fetch = Fetch::new(repository.url());
    let error = fetch.run(&place.made(), &mut |_| (), &make).unwrap_err();
    assert_eq!(error.code(), "git-exists");
    assert_eq!(place.entries(), ["content"]);
    assert_eq!(fs::read_dir(place.made()).unwrap().count(), 0);
}

#[test]
fn a_link_to_nothing_is_in_the_way() {
    let (repository, place) = (Repository::sample(), Place::new());
    std::os::unix::fs::symlink("elsewhere", place.made()).unwrap();
    let error = place.fetch(&Fetch::new(repository.url())).unwrap_err();
    assert_eq!(error.code(), "git-exists");
    assert_eq!(place.entries(), ["content"]);
}

#[test]
fn the_folder_above_must_be_there() {
    let (repository, place) = (Repository::sample(), Place::new());
    let into = place.path().join("missing/content");
    let fetch = Fetch::new(repository.url());
    let error = fetch.run(&into, &mut |_| (), &|| false).unwrap_err();
    assert_eq!(error.code(), "git-io");
    assert_eq!(place.entries(), [""; 0]);
}

#[test]
fn what_is_no_repository_is_named() {
    let (folder, place) = (tempfile::tempdir().unwrap(), Place::new());
    let path = folder.path().to_str().unwrap();
    for url in [
        path.to_owned(),
        format!("file://{path}"),
        format!("{path}/missing"),
    ] {
        let error = place.refused(&Fetch::new(&url));
        assert_eq!(error.to_string(), format!("`{url}` is no git repository"));
    }
}

#[test]
fn an_empty_repository_is_said_to_be_one() {
    let (repository, place) = (Repository::empty(), Place::new());
    let server = Server::of(repository.path());
    for url in [repository.url(), server.url] {
        let error = place.refused(&Fetch::new(&url));
        assert_eq!(
            error.to_string(),
            format!("the repository `{url}` is empty")
        );
        let error = place.refused(&Fetch::new(&url).branch("main"));
        assert_eq!(error.code(), "git-empty");
    }
}

#[test]
fn what_is_not_there_is_named() {
    let (repository, place) = (Repository::sample(), Place::new());
    repository.git(&["symbolic-ref", "HEAD", "refs/heads/gone"]);
    repository.git(&["tag", "text", &repository.blob(b"no commit")]);
    let server = Server::of(repository.path());
    let old = Server::with(repository.path(), |_| Answer::OldGit);
    for url in [repository.url(), server.url, old.url] {
        let fetch = Fetch::new(&url);
        let code = |fetch: Fetch| place.refused(&fetch).code();
        assert_eq!(code(fetch.clone()), "git-no-default-branch", "{url}");
        let error = place.refused(&fetch.clone().branch("stabel"));
        let shown = format!("there is no branch `stabel` in `{url}`; there is `stable`");
        assert_eq!(error.to_string(), shown);
        for revision in ["v3.0", &"ab".repeat(20), "abcdef012"] {
            let error = place.refused(&fetch.clone().revision(revision));
            let shown = format!("there is no commit and no tag `{revision}` in `{url}`");
            assert!(error.to_string().starts_with(&shown), "{error}");
        }
        assert_eq!(code(fetch.clone().revision("text")), "git-not-a-commit");
        let tree = repository.id("main^{tree}");
        assert_eq!(code(fetch.clone().revision(&tree)), "git-not-a-commit");
        let main = repository.id("main");
        let error = place.refused(&fetch.branch("stable").revision(&main));
        assert_eq!(
            error.to_string(),
            format!("the commit `{main}` in `{url}` is not on the branch `stable`")
        );
    }
}

#[test]
fn ids_that_begin_alike_are_not_guessed() {
    let (repository, place) = (Repository::empty(), Place::new());
    let mut input = String::new();
    for number in 0..1500 {
        input += &format!(
            "commit refs/heads/main\ncommitter Ann <ann@example.org> {number} +0000\ndata 0\n\n"
        );
    }
    repository.git_with(&["fast-import", "--quiet"], input.as_bytes());
    let ids = repository.git(&["rev-list", "main"]);
    let mut ids: Vec<&str> = ids.lines().collect();
    ids.sort_unstable();
    let alike = ids.windows(2).find(|two| two[0][..4] == two[1][..4]);
    let alike = alike.unwrap()[0];
    let fetch = Fetch::new(repository.url());
    match place.refused(&fetch.clone().revision(&alike[..4])) {
        GitError::Ambiguous { commits, .. } => assert!(commits >= 2),
        error => panic!("{error}"),
    }
    let fetched = place.fetch(&fetch.revision(&alike[..12])).unwrap();
    assert_eq!(fetched.commit, alike);
}

#[test]
fn a_status_is_said_and_no_credentials_are_sent() {
    let (repository, place) = (Repository::sample(), Place::new());
    for (status, hint) in [
        (401, "login"),
        (403, "login"),
        (404, "check the URL"),
        (500, ""),
    ] {
        let server = Server::with(repository.path(), move |_| {
            Answer::Status(status, "WWW-Authenticate: Basic realm=\"x\"\r\n")
        });
        let error = place.refused(&Fetch::new(&server.url));
        let asked = format!("{}/info/refs?service=git-upload-pack", server.url);
        assert_eq!(
            error.to_string(),
            format!("`{asked}` answers with the status {status}")
        );
        assert!(error.hint().unwrap_or_default().contains(hint));
        assert_eq!(server.requests().len(), 1);
        assert_eq!(server.requests()[0].header("authorization"), None);
    }
    // Only when something is to be fetched.
    let server = Server::with(repository.path(), |request| match request.is_post() {
        true => Answer::Status(401, "WWW-Authenticate: Basic realm=\"x\"\r\n"),
        false => Answer::Git,
    });
    assert_eq!(place.refused(&Fetch::new(&server.url)).code(), "git-status");
}

#[test]
fn redirects_to_elsewhere_are_not_followed() {
    let (repository, place) = (Repository::sample(), Place::new());
    let other = Server::of(repository.path());
    let tail = "info/refs?service=git-upload-pack";
    for to in [
        format!("{}/{tail}", other.url),
        format!("https://example.org/demo.git/{tail}"),
        format!("//example.org/demo.git/{tail}"),
        "file:///etc/passwd".to_owned(),
        "/login".to_owned(),
    ] {
        let redirect = to.clone();
        let server = Server::with(repository.path(), move |_| {
            Answer::Redirect(redirect.clone())
        });
        let error = place.refused(&Fetch::new(&server.url));
        let shown = format!("`{}/{tail}` redirects to `{to}`", server.url);
        assert_eq!(error.to_string(), shown);
        assert!(error.hint().unwrap().contains("give that URL"));
    }
    assert_eq!(other.requests().len(), 0);
    // Nor for ever.
    let round = Server::with(repository.path(), |request| {
        Answer::Redirect(request.path.clone())
    });
    assert_eq!(
        place.refused(&Fetch::new(&round.url)).code(),
        "git-redirected"
    );
    assert_eq!(round.requests().len(), 6);
    // Nor when something is sent.
    let post = Server::with(repository.path(), |request| match request.is_post() {
        true => Answer::Redirect("/other.git/git-upload-pack".to_owned()),
        false => Answer::Git,
    });
    assert_eq!(
        place.refused(&Fetch::new(&post.url)).code(),
        "git-redirected"
    );
}

#[test]
fn what_is_no_git_server_is_said_to_be_none() {
    let place = Place::new();
    const ADVERTISEMENT: &str = "application/x-git-upload-pack-advertisement";
    for (kind, bytes) in [
        ("text/html", &b"<html>"[..]),
        (ADVERTISEMENT, b""),
        (ADVERTISEMENT, b"<html>"),
        (ADVERTISEMENT, b"ffff"),
        (ADVERTISEMENT, b"0003"),
        (ADVERTISEMENT, b"001e# service=git-receive-pack\n0000"),
        (
            ADVERTISEMENT,
            b"001e# service=git-upload-pack\n0000000eversion 9\n0000",
        ),
        (
            ADVERTISEMENT,
            b"001e# service=git-upload-pack\n0000000eversion 2\n",
        ),
    ] {
        let server = Server::with("/", move |_| Answer::Bytes(kind, bytes.to_vec()));
        let error = place.refused(&Fetch::new(&server.url));
        let shown = format!("`{}` does not answer as a git server", server.url);
        assert_eq!(error.to_string(), shown, "{bytes:?}");
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[test]
fn garbage_in_place_of_objects_is_refused() {
    let (repository, place) = (Repository::sample(), Place::new());
    let pack = |text: &[u8]| {
        let mut line = format!("{:04x}\x01", text.len() + 5).into_bytes();
        line.extend_from_slice(text);
        line
    };
    let after = |rest: Vec<u8>| [b"000dpackfile\n".to_vec(), rest, b"0000".to_vec()].concat();
    let garbage = vec![
        Vec::new(),
        b"0000".to_vec(),
        b"garbage".to_vec(),
        b"0011ERR go away\x1b[2J".to_vec(),
        after(Vec::new()),
        after(pack(b"")),
        after(pack(b"PACK")),
        after(pack(b"nothing of the kind")),
        // As many objects as there can be.
        after(pack(b"PACK\0\0\0\x02\xff\xff\xff\xff")),
        after(pack(
            b"PACK\0\0\0\x02\0\0\0\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        )),
        after(pack(
            &[b"PACK\0\0\0\x02\0\0\0\0".to_vec(), vec![0; 20]].concat(),
        )),
    ];
    for bytes in garbage {
        let answer = bytes.clone();
        let server = Server::with(repository.path(), move |request| {
            match request.is_post() && !request.body.windows(7).any(|it| it == b"ls-refs") {
                true => Answer::Bytes("application/x-git-upload-pack-result", answer.clone()),
                false => Answer::Git,
            }
        });
        let error = place.refused(&Fetch::new(&server.url).patience(Duration::from_secs(5)));
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let cause = cause.unwrap_or_default();
        let expected = ["git-protocol", "git-damaged", "git-too-large"];
        assert!(
            expected.contains(&error.code()),
            "{bytes:?}: {error}: {cause}"
        );
        assert!(!cause.contains('\x1b'));
    }
}

#[test]
fn a_server_that_is_not_there_cannot_be_reached() {
    let place = Place::new();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = place.refused(&Fetch::new(format!("http://{address}/demo.git")));
    let shown = format!("`http://{address}/demo.git` cannot be reached");
    assert_eq!(error.to_string(), shown);
}

#[test]
fn a_silent_server_is_given_up() {
    let (repository, place) = (Repository::sample(), Place::new());
    for answer in [|_: &_| Answer::Silence, |_: &_| Answer::GitUntil(20)] {
        let server = Server::with(repository.path(), answer);
        let since = Instant::now();
        let error = place.refused(&Fetch::new(&server.url).patience(Duration::from_secs(1)));
        let shown = format!("`{}` has sent nothing for 1 seconds", server.url);
        assert_eq!(error.to_string(), shown);
        assert!(since.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn what_says_nothing_of_tls_is_given_up() {
    let place = Place::new();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("https://{}/demo.git", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let error = place.refused(&Fetch::new(url).patience(Duration::from_secs(1)));
    assert_eq!(error.code(), "git-stalled");
}
