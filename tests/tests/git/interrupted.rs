//! Fetches that end early, and those that need no git program.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use keyway::git::Fetch;

use crate::repository::Repository;
use crate::server::{Answer, Server};
use crate::{Place, child, wait_until};

#[test]
fn what_was_cancelled_before_it_began_does_nothing() {
    let (repository, place) = (Repository::sample(), Place::new());
    let fetch = Fetch::new(repository.url());
    let error = fetch.run(&place.made(), &mut |_| (), &|| true).unwrap_err();
    assert_eq!(error.code(), "git-cancelled");
    assert_eq!(place.entries(), [""; 0]);
}

#[test]
fn a_hanging_fetch_ends_within_a_second() {
    let repository = Repository::sample();
    for (bytes, at_post) in [
        (None, false),
        (Some(10), false),
        (None, true),
        (Some(30), true),
    ] {
        let place = Place::new();
        let server = Server::with(repository.path(), move |request| {
            match request.is_post() == at_post {
                true => bytes.map_or(Answer::Silence, Answer::GitUntil),
                false => Answer::Git,
            }
        });
        let cancelled = AtomicBool::new(false);
        let ended = thread::scope(|scope| {
            let task = scope.spawn(|| {
                // Not for ever, if the test fails.
                let end = Instant::now() + Duration::from_secs(30);
                let watch = || cancelled.load(Ordering::Relaxed) || Instant::now() > end;
                let error = Fetch::new(&server.url).run(&place.made(), &mut |_| (), &watch);
                assert_eq!(error.unwrap_err().code(), "git-cancelled");
                Instant::now()
            });
            wait_until(|| server.requests().iter().any(|it| it.is_post() == at_post));
            thread::sleep(Duration::from_millis(200));
            assert!(!task.is_finished());
            let since = Instant::now();
            cancelled.store(true, Ordering::Relaxed);
            task.join().unwrap() - since
        });
        assert!(ended < Duration::from_secs(1), "{ended:?}");
        assert_eq!(place.entries(), [""; 0]);
    }
}

#[test]
fn a_killed_fetch_leaves_what_the_next_one_removes() {
    let (repository, place) = (Repository::sample(), Place::new());
    let server = Server::with(repository.path(), |request| {
        match request.is_post() && !request.body.windows(7).any(|it| it == b"ls-refs") {
            true => Answer::GitUntil(60),
            false => Answer::Git,
        }
    });
    let start = |place: &Place| {
        let asked = server.posts().len();
        let child = child::command(&server.url, &place.made())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait_until(|| server.posts().len() >= asked + 2);
        child
    };
    let mut child = start(&place);
    let left = place.entries();
    assert!(
        left.len() == 1 && left[0].starts_with(".keyway-git."),
        "{left:?}"
    );
    let folder = place.path().join(&left[0]);
    let mode = fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
    // While it works, another one leaves it alone.
    let fetch = Fetch::new(repository.url());
    let other = place.path().join("other");
    fetch.run(&other, &mut |_| (), &|| false).unwrap();
    assert_eq!(place.entries(), [&left[0][..], "other"]);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(place.entries(), [&left[0][..], "other"]);
    // Killed between the folder and its lock; and what is somebody else's.
    fs::create_dir(place.path().join(".keyway-git.begun")).unwrap();
    fs::create_dir(place.path().join(".keyway-gitted")).unwrap();
    fs::write(place.path().join(".keyway-git.note"), "").unwrap();
    std::os::unix::fs::symlink("other", place.path().join(".keyway-git.link")).unwrap();
    place.fetch(&fetch).unwrap();
    assert_eq!(
        place.entries(),
        [
            ".keyway-git.link",
            ".keyway-git.note",
            ".keyway-gitted",
            "content",
            "other"
        ]
    );
    assert_eq!(
        fs::read_to_string(other.join("readme.txt")).unwrap(),
        "second\n"
    );
}

#[test]
fn no_git_program_is_needed() {
    let repository = Repository::sample();
    let server = Server::of(repository.path());
    let nowhere = tempfile::tempdir().unwrap();
    for url in [
        repository.url(),
        format!("file://{}", repository.url()),
        server.url,
    ] {
        let place = Place::new();
        let output = child::command(&url, &place.made())
            .env("PATH", nowhere.path())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains("fetched "), "{said}");
        assert_eq!(place.text("readme.txt"), "second\n");
    }
}

/// The user's configuration can name programs, and other places to fetch from.
#[test]
fn the_users_configuration_counts_for_nothing() {
    let (repository, place) = (Repository::sample(), Place::new());
    let server = Server::of(repository.path());
    let home = tempfile::tempdir().unwrap();
    let config = format!(
        "[url \"file:///nowhere/\"]\n\tinsteadOf = {}\n\tinsteadOf = {}\n[http]\n\tproxy = http://127.0.0.1:1\n[protocol]\n\tallow = never\n[is no configuration\n",
        server.url,
        repository.url()
    );
    fs::write(home.path().join(".gitconfig"), config).unwrap();
    for (url, name) in [(server.url, "one"), (repository.url(), "two")] {
        let output = child::command(&url, &place.path().join(name))
            .env("HOME", home.path())
            .env("GIT_DIR", "/nowhere")
            .env("GIT_OBJECT_DIRECTORY", "/nowhere")
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "protocol.allow")
            .env("GIT_CONFIG_VALUE_0", "never")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains("fetched "), "{said}");
    }
}
