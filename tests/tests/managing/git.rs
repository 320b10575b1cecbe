//! Packages from git repositories, and repositories that lifecycles fetch.

use std::fs;
use std::path::Path;
use std::process::Command;

use keyway::lifecycle::{AddRequest, AddSource, InstalledFrom, Outcome};
use keyway_tests::threebots::ThreeBot;
use serde_json::json;

use crate::place::{Ask as _, Place, map, path};

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=a", "-c", "user.email=a@example.org"])
        .args(["-c", "safe.directory=*"])
        .args(arguments)
        .output()
        .expect("the git program, which makes repositories for tests");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Commits all that is in a folder; the commit's id.
fn commit(folder: &Path) -> String {
    if !folder.join(".git").exists() {
        git(folder, &["init", "--quiet", "--initial-branch=main"]);
    }
    git(folder, &["add", "--all"]);
    git(
        folder,
        &["commit", "--quiet", "--allow-empty", "-m", "some"],
    );
    git(folder, &["rev-parse", "HEAD"])
}

fn from(url: &str) -> AddRequest {
    AddRequest::new(AddSource::Git {
        git_url: url.to_owned(),
        branch: None,
        rev: None,
    })
}

#[test]
fn what_cannot_be_fetched_leaves_nothing() {
    let place = Place::new();
    let manager = place.manager();
    for (url, code) in [
        ("https://user:secret@example.org/a.git", "git-credentials"),
        ("ssh://example.org/a.git", "git-unsupported"),
        ("file:///nowhere/at/all", "git-not-a-repository"),
    ] {
        let error = manager.add(from(url)).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    // A repository that is no package.
    let folder = place.at("plain");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("readme"), "").unwrap();
    commit(&folder);
    let url = format!("file://{}", folder.display());
    assert_eq!(
        manager.add(from(&url)).unwrap_err().code(),
        "metadata-missing"
    );
    assert!(manager.packages(None).is_empty());
    assert_eq!(fs::read_dir(place.at("state/incoming")).unwrap().count(), 0);
}

#[test]
fn a_repository_is_a_package_and_fetched_again_only_if_asked() {
    let place = Place::new();
    let manager = place.manager();
    let folder = ThreeBot::new("hello", "hello").put(place.at("repository"));
    let first = commit(&folder);
    let url = format!("file://{}", folder.display());
    manager.add(from(&url)).unwrap();
    let status = manager.status("acme.hello").unwrap();
    let source = |commit: &str| InstalledFrom::Git {
        url: url.clone(),
        branch: None,
        rev: None,
        commit: commit.to_owned(),
    };
    assert_eq!((status.running, status.source), (true, source(&first)));
    assert!(!status.path.join(".git").exists());

    let newer = ThreeBot {
        version: "1.1.0",
        ..ThreeBot::new("hello", "hello")
    };
    let _ = newer.put(&folder);
    let second = commit(&folder);
    // It is there, so it is not even looked for.
    let away = place.at("away");
    fs::rename(&folder, &away).unwrap();
    assert_eq!(manager.add(from(&url)).unwrap().outcome, Outcome::Already);
    fs::rename(&away, &folder).unwrap();
    assert_eq!(manager.add(from(&url)).unwrap().outcome, Outcome::Already);
    let mut update = from(&url);
    update.update = true;
    manager.add(update).unwrap();
    let status = manager.status("acme.hello").unwrap();
    assert_eq!(status.source, source(&second));
    assert_eq!(status.version.as_deref(), Some("1.1.0"));
    let hooks = place.hooks("acme.hello");
    assert_eq!(
        hooks[hooks.len() - 2..],
        ["upgrade from 1.0.0 {}", "start {}"]
    );
    assert_eq!(fs::read_dir(place.at("state/incoming")).unwrap().count(), 0);
}

#[test]
fn a_lifecycle_fetches_into_its_data_and_over_nothing_else() {
    let place = Place::new();
    let manager = place.manager();
    let folder = place.at("repository");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("file"), "one").unwrap();
    let first = commit(&folder);
    let url = format!("file://{}", folder.display());
    let mut request = path(ThreeBot::new("fetches", "misbehaves").put(place.at("fetches")));
    request.install_kwargs = Some(map(json!({"prepare": format!("fetch {url}")})));
    manager.add(request).unwrap();
    let data = manager.status("acme.fetches").unwrap().data_dir;
    let fetched = || fs::read_to_string(data.join("fetched/file")).unwrap();
    assert_eq!(fetched(), "one");
    assert!(
        place
            .hooks("acme.fetches")
            .contains(&format!("commit {first}"))
    );

    fs::write(folder.join("file"), "two").unwrap();
    let second = commit(&folder);
    let again = |word: &str| {
        let kwargs = json!({"prepare": format!("{word} {url}")});
        manager.reconfigure("acme.fetches", kwargs)
    };
    again("fetch").unwrap();
    assert_eq!(fetched(), "one");
    again("update").unwrap();
    assert_eq!(fetched(), "two");
    assert!(
        place
            .hooks("acme.fetches")
            .contains(&format!("commit {second}"))
    );

    // What somebody else put there stays.
    fs::remove_dir_all(data.join(".keyway-fetched")).unwrap();
    let error = again("update").unwrap_err();
    assert!(error.to_string().contains("was not fetched"), "{error}");
    assert_eq!(fetched(), "two");
    fs::remove_dir_all(data.join("fetched")).unwrap();
    std::os::unix::fs::symlink(&folder, data.join("fetched")).unwrap();
    let error = again("update").unwrap_err();
    assert!(error.to_string().contains("is a link"), "{error}");
    assert_eq!(fs::read_to_string(folder.join("file")).unwrap(), "two");
}
