use std::fs;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::*;
use crate::package::tests::support::Place;

/// As long something may take that should happen; in a test that passes it takes a tenth of a second.
const LONG: Duration = Duration::from_secs(20);

fn watch(place: &Place) -> (PackageWatcher, Receiver<(Change, String)>) {
    let (events, received) = channel();
    let listener = move |event: PackageEvent| {
        assert_eq!(event.type_name.as_str(), "Test/Basic");
        let _ = events.send((event.change, event.id));
    };
    let watcher = PackageWatcher::new(&place.loader, "Test/Basic", None, listener).unwrap();
    (watcher, received)
}

/// Puts a package there in one step, as an installation does.
fn put(place: &Place, path: &str) {
    let name = path.rsplit('/').next().unwrap();
    let package = place.package(&format!("outside/{name}"));
    fs::create_dir_all(place.at(path).parent().unwrap()).unwrap();
    fs::rename(package, place.at(path)).unwrap();
}

/// Replaces a file in one step, as editors do.
fn replace(place: &Place, path: &str, text: &str) {
    let file = place.write("outside/file", text);
    fs::rename(file, place.at(path)).unwrap();
}

#[test]
fn a_type_that_nobody_gives() {
    let place = Place::new();
    let error = PackageWatcher::new(&place.loader, "No/Such", None, |_| {}).unwrap_err();
    assert_eq!(error.code(), "unknown-type");
}

#[test]
fn packages_that_come_change_and_go() {
    let place = Place::new();
    // Neither the root nor the data folder is there.
    let (watcher, received) = watch(&place);
    let next = || received.recv_timeout(LONG).unwrap();
    put(&place, "home/test/basic/a");
    assert_eq!(next(), (Change::Added, "a".to_owned()));

    let json = r#"{"KPlugin": {"Id": "a", "Version": "2"}, "KPackageStructure": "Test/Basic"}"#;
    replace(&place, "home/test/basic/a/metadata.json", json);
    assert_eq!(next(), (Change::Changed, "a".to_owned()));

    // Another id is another package.
    let json = r#"{"KPlugin": {"Id": "b"}, "KPackageStructure": "Test/Basic"}"#;
    replace(&place, "home/test/basic/a/metadata.json", json);
    assert_eq!(next(), (Change::Removed, "a".to_owned()));
    assert_eq!(next(), (Change::Added, "b".to_owned()));

    fs::rename(place.at("home"), place.at("outside/home")).unwrap();
    assert_eq!(next(), (Change::Removed, "b".to_owned()));
    put(&place, "home/test/basic/c");
    assert_eq!(next(), (Change::Added, "c".to_owned()));

    // One of the user's in front of it, and away again.
    put(&place, "system/test/basic/c");
    fs::rename(place.at("home/test/basic/c"), place.at("outside/gone")).unwrap();
    assert_eq!(next(), (Change::Changed, "c".to_owned()));

    drop(watcher);
    put(&place, "home/test/basic/d");
    let nothing = received.recv_timeout(Duration::from_millis(300));
    assert!(nothing.is_err(), "{nothing:?}");
}

#[test]
fn what_is_no_package_is_not_told() {
    let place = Place::new();
    place.package("home/test/basic/a");
    let (_watcher, received) = watch(&place);
    place.write("home/test/basic/file", "");
    place.write(
        "home/test/basic/.keyway/changes/x/package/metadata.json",
        "{}",
    );
    let other = r#"{"KPlugin": {"Id": "x"}, "KPackageStructure": "Test/Other"}"#;
    place.write("home/test/basic/x/metadata.json", other);
    fs::create_dir(place.at("home/test/basic/empty")).unwrap();
    put(&place, "home/test/basic/b");
    let next = received.recv_timeout(LONG).unwrap();
    assert_eq!(next, (Change::Added, "b".to_owned()));
    assert!(received.recv_timeout(Duration::from_millis(300)).is_err());
}

/// A watch belongs to a folder, not to its name.
#[test]
fn a_root_that_is_replaced_in_one_step() {
    let place = Place::new();
    put(&place, "home/test/basic/a");
    put(&place, "other/test/basic/b");
    let (_watcher, received) = watch(&place);
    let events = || {
        let mut events: Vec<_> = (0..2)
            .map(|_| received.recv_timeout(LONG).unwrap())
            .collect();
        events.sort_by(|(_, one), (_, other)| one.cmp(other));
        events
    };
    fs::rename(place.at("home"), place.at("outside/home")).unwrap();
    fs::rename(place.at("other"), place.at("home")).unwrap();
    let expected = [(Change::Removed, "a"), (Change::Added, "b")];
    assert_eq!(
        events(),
        expected.map(|(change, id)| (change, id.to_owned()))
    );
    put(&place, "home/test/basic/c");
    put(&place, "home/test/basic/d");
    let expected = [(Change::Added, "c"), (Change::Added, "d")];
    assert_eq!(
        events(),
        expected.map(|(change, id)| (change, id.to_owned()))
    );
}

/// A watcher may be dropped by its own listener.
#[test]
fn a_listener_may_end_it() {
    use std::sync::{Arc, Mutex};
    let place = Place::new();
    let slot: Arc<Mutex<Option<PackageWatcher>>> = Arc::default();
    let (done, received) = channel();
    let own = Arc::clone(&slot);
    let listener = move |_| {
        own.lock().unwrap().take();
        let _ = done.send(());
    };
    let watcher = PackageWatcher::new(&place.loader, "Test/Basic", None, listener);
    *slot.lock().unwrap() = Some(watcher.unwrap());
    place.package("home/test/basic/a");
    received.recv_timeout(LONG).unwrap();
}

/// Who points a link elsewhere changes nothing in the folder that it led to.
#[test]
#[cfg(unix)]
fn a_root_that_is_a_link_and_leads_elsewhere() {
    for at in ["home/test/basic", "home/test"] {
        let place = Place::new();
        let below = if at == "home/test" { "/basic" } else { "" };
        for (folder, id) in [("one", "a"), ("two", "b")] {
            place.package(&format!("outside/{folder}{below}/{id}"));
        }
        // By way of another link, in another folder.
        place.link("../outside/one", "links/inner");
        place.link(place.at("links/inner"), at);
        // The folder above all is not watched for what is not there.
        fs::create_dir_all(place.at("system/test/basic")).unwrap();
        let (_watcher, received) = watch(&place);
        let follow = |link: &str, target: &str, gone: &str, come: &str| {
            fs::remove_file(place.at(link)).unwrap();
            place.link(target, link);
            let next = || received.recv_timeout(LONG).unwrap();
            let mut events = [next(), next()];
            events.sort_by_key(|(change, _)| *change == Change::Added);
            assert_eq!(events[0], (Change::Removed, gone.to_owned()), "{at}");
            assert_eq!(events[1], (Change::Added, come.to_owned()), "{at}");
        };
        follow("links/inner", "../outside/two", "a", "b");
        let one = place.at("outside/one");
        follow(at, one.to_str().unwrap(), "b", "a");
        // What it leads to is watched now.
        put(&place, &format!("outside/one{below}/c"));
        let next = received.recv_timeout(LONG).unwrap();
        assert_eq!(next, (Change::Added, "c".to_owned()), "{at}");
    }
}

#[test]
fn a_listener_that_panics_is_called_again() {
    let place = Place::new();
    let (events, received) = channel();
    let listener = move |event: PackageEvent| {
        let _ = events.send(event.id.clone());
        assert_eq!(event.id, "b", "this test panics");
    };
    let watcher = PackageWatcher::new(&place.loader, "Test/Basic", None, listener);
    let _watcher = watcher.unwrap();
    for id in ["a", "b"] {
        put(&place, &format!("home/test/basic/{id}"));
        assert_eq!(received.recv_timeout(LONG).unwrap(), id);
    }
}
