//! What servers are asked for, and how.

use std::fs;

use keyway::git::Fetch;

use crate::repository::Repository;
use crate::server::{Answer, Server};
use crate::{Place, child};

#[test]
fn a_server_is_not_trusted_without_its_certificate() {
    let (repository, place) = (Repository::sample(), Place::new());
    let (server, _) = Server::secure(repository.path());
    let output = child::command(&server.url, &place.made()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let refused = format!("refused git-unreachable `{}` cannot be reached", server.url);
    assert!(
        said.contains(&refused) && said.contains("certificate"),
        "{said}"
    );
    assert_eq!(place.entries(), [""; 0]);
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn certificates_come_from_the_system() {
    let (repository, place) = (Repository::sample(), Place::new());
    let (server, certificate) = Server::secure(repository.path());
    let file = place.path().join("authority.pem");
    fs::write(&file, certificate).unwrap();
    let output = child::command(&server.url, &place.made())
        .env("SSL_CERT_FILE", &file)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains(&format!("fetched {}", repository.id("main"))),
        "{said}"
    );
    assert_eq!(place.text("readme.txt"), "second\n");
    // The certificate is not this host's.
    let other = Place::new();
    let output = child::command(&server.url.replace("localhost", "127.0.0.1"), &other.made())
        .env("SSL_CERT_FILE", &file)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("refused git-unreachable"), "{said}");
}

#[test]
fn one_commit_is_asked_for_without_its_history() {
    let repository = Repository::sample();
    let first = repository.id("v1.0");
    for answer in [|_: &_| Answer::Git, |_: &_| Answer::OldGit] {
        for (branch, revision) in [(None, None), (Some("stable"), None), (None, Some("v1.0"))] {
            let server = Server::with(repository.path(), answer);
            let mut fetch = Fetch::new(&server.url);
            if let Some(branch) = branch {
                fetch = fetch.branch(branch);
            }
            if let Some(revision) = revision {
                fetch = fetch.revision(revision);
            }
            Place::new().fetch(&fetch).unwrap();
            assert!(server.was_asked_for_one_commit());
        }
    }
    let server = Server::of(repository.path());
    Place::new()
        .fetch(&Fetch::new(&server.url).revision(&first))
        .unwrap();
    let posts = server.posts();
    assert!(
        posts
            .iter()
            .any(|it| it.contains("deepen 1") && it.contains(&first))
    );
    // A shortened id could be any commit's.
    let server = Server::of(repository.path());
    Place::new()
        .fetch(&Fetch::new(&server.url).revision(&first[..8]))
        .unwrap();
    assert!(!server.was_asked_for_one_commit());
}

/// Some servers send nothing that no name leads to; then there is its history.
#[test]
fn history_is_asked_for_where_a_commit_alone_is_refused() {
    let repository = Repository::empty();
    repository.write("readme.txt", "first\n");
    let first = repository.commit("first");
    repository.write("readme.txt", "second\n");
    repository.commit("second");
    let server = Server::with(repository.path(), |request| match String::from_utf8_lossy(
        &request.body,
    )
    .contains("deepen 1")
    {
        true => Answer::Bytes(
            "application/x-git-upload-pack-result",
            b"0013ERR not our ref".to_vec(),
        ),
        false => Answer::Git,
    });
    let place = Place::new();
    let fetched = place
        .fetch(&Fetch::new(&server.url).revision(&first))
        .unwrap();
    assert_eq!(fetched.commit, first);
    assert_eq!(place.text("readme.txt"), "first\n");
    assert!(server.was_asked_for_one_commit());
}

#[test]
fn redirects_within_a_server_are_followed() {
    let (repository, place) = (Repository::sample(), Place::new());
    let server = Server::with(repository.path(), |request| {
        match request.path.strip_prefix("/demo.git/") {
            Some(tail) => Answer::Redirect(format!("/moved.git/{tail}")),
            None => Answer::Git,
        }
    });
    place.fetch(&Fetch::new(&server.url)).unwrap();
    assert_eq!(place.text("readme.txt"), "second\n");
    let requests = server.requests();
    let mut posts = requests.iter().filter(|request| request.is_post());
    assert!(posts.all(|request| request.path == "/moved.git/git-upload-pack"));
}
