//! What went wrong and was given up, put off or taken up again: nothing is lost, nobody is stuck.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use keyway::install::Cancellation;
use keyway::lifecycle::{AddRequest, AddSource, Outcome, PackageManager, Status};
use keyway_tests::threebots::ThreeBot;
use serde_json::{Value, json};

use crate::place::{Ask as _, Place, map, path};

fn version<'a>(version: &'a str, name: &'a str, plugin: &'a str) -> ThreeBot<'a> {
    ThreeBot {
        version,
        ..ThreeBot::new(name, plugin)
    }
}

fn given(mut request: AddRequest, kwargs: Value) -> AddRequest {
    request.install_kwargs = Some(map(kwargs));
    request
}

fn stop(manager: &PackageManager) {
    let stopped = manager.stop_all(Duration::from_secs(20), &Cancellation::new());
    assert_eq!(stopped.failed, []);
}

fn needing<'a>(name: &'a str, toml: &'a str) -> ThreeBot<'a> {
    ThreeBot {
        toml,
        ..ThreeBot::new(name, "hello")
    }
}

fn link(folder: &std::path::Path) -> AddRequest {
    AddRequest::new(AddSource::Link {
        link: folder.to_path_buf(),
    })
}

/// Says to a process of its own where to end.
const ENDS: &str = "KEYWAY_TEST_ENDS";
const NEEDS_BASE: &str = "[dependencies]\n\"acme.base\" = \"*\"";

/// `acme.grows` runs, and its upgrade to 2.0 failed, since it did not stop. The file that lets it stop,
/// and the folder of the new version.
fn fail_to_stop_for_an_upgrade(place: &Place, manager: &PackageManager) -> (PathBuf, PathBuf) {
    let file = place.at("file");
    let kwargs = json!({"stop": format!("fail-unless {}", file.display())});
    let one = ThreeBot::new("grows", "misbehaves").put(place.at("one"));
    manager.add(given(path(one), kwargs)).unwrap();
    let two = version("2.0", "grows", "misbehaves").put(place.at("two"));
    manager.add(path(&two)).unwrap_err();
    (file, two)
}

#[test]
fn an_add_that_fails_leaves_what_was_installed_without_a_manager() {
    let place = Place::new();
    let manager = place.manager();
    let installed = ThreeBot::new("hello", "hello").put(manager.package_root().join("acme.hello"));
    fs::write(installed.join("mine"), "").unwrap();
    // Nothing can be marked as managed.
    let ours = manager.package_root().join(".keyway");
    fs::create_dir_all(&ours).unwrap();
    fs::write(ours.join("managed"), "").unwrap();
    let hello = version("1.1", "hello", "hello").put(place.at("hello"));
    manager.add(path(hello)).unwrap_err();
    assert!(installed.join("mine").exists());
}

#[test]
fn an_upgrade_whose_stop_failed_outlives_the_server() {
    let place = Place::new();
    let manager = place.manager();
    let (file, two) = fail_to_stop_for_an_upgrade(&place, &manager);
    fs::remove_dir_all(&two).unwrap();
    fs::write(&file, "").unwrap();
    stop(&manager);
    drop(manager);
    let manager = place.manager();
    manager.start_all();
    manager.retry("acme.grows").unwrap();
    let status = manager.status("acme.grows").unwrap();
    assert_eq!(status.version.as_deref(), Some("2.0"));
}

#[test]
fn what_runs_all_the_same_starts_again_with_the_next_server() {
    let place = Place::new();
    let manager = place.manager();
    let (file, _) = fail_to_stop_for_an_upgrade(&place, &manager);
    assert_eq!(
        manager.start("acme.grows").unwrap().outcome,
        Outcome::Already
    );
    let status = manager.status("acme.grows").unwrap();
    assert_eq!(status.status, Status::Installed);
    assert_eq!(status.pending, []);
    assert_eq!(status.last_error, None);
    fs::write(&file, "").unwrap();
    stop(&manager);
    drop(manager);
    let manager = place.manager();
    assert_eq!(manager.start_all().started, ["acme.grows"]);
}

#[test]
fn no_stop_follows_a_start_that_was_never_tried() {
    let place = Place::new();
    let manager = place.manager();
    let top = needing("top", NEEDS_BASE).put(place.at("top"));
    let mut request = path(&top);
    request.start = false;
    manager.add(request).unwrap();
    manager.start("acme.top").unwrap_err();
    assert_eq!(place.hooks("acme.top"), ["prepare {}", "install {}"]);
}

#[test]
fn a_failed_upgrade_puts_the_old_arguments_back_and_a_retry_the_new_ones() {
    let place = Place::new();
    let manager = place.manager();
    let one = ThreeBot::new("grows", "misbehaves").put(place.at("one"));
    manager
        .add(given(path(one), json!({"some": "old"})))
        .unwrap();
    let file = place.at("file");
    let two = version("2.0", "grows", "misbehaves").put(place.at("two"));
    let kwargs = json!({"upgrade": format!("fail-unless {}", file.display())});
    manager.add(given(path(two), kwargs.clone())).unwrap_err();
    let kwargs_now = || json!(manager.status("acme.grows").unwrap().given_kwargs);
    assert_eq!(kwargs_now(), json!({"some": "old"}));
    fs::write(&file, "").unwrap();
    manager.retry("acme.grows").unwrap();
    assert_eq!(kwargs_now(), kwargs);
}

/// A package whose upgrade failed, and what of it is kept is gone.
fn without_what_was_kept(place: &Place, gone: &str) -> PackageManager {
    let manager = place.manager();
    let file = place.at("file");
    let kwargs = json!({"upgrade": format!("fail-unless {}", file.display())});
    let one = ThreeBot::new("grows", "misbehaves").put(place.at("one"));
    manager.add(given(path(one), kwargs)).unwrap();
    let two = version("2.0", "grows", "misbehaves").put(place.at("two"));
    fs::write(two.join("new-file"), "").unwrap();
    manager.add(path(&two)).unwrap_err();
    fs::write(&file, "").unwrap();
    let kept = manager.package_root().join(".keyway/kept/acme.grows");
    fs::remove_dir_all(kept.join(gone)).unwrap();
    manager
}

#[test]
fn an_upgrade_is_not_gone_on_with_without_its_files() {
    let place = Place::new();
    let manager = without_what_was_kept(&place, "");
    let installed = manager.package_root().join("acme.grows");
    assert!(!installed.join("new-file").exists());
    manager.retry("acme.grows").unwrap_err();
    let status = manager.status("acme.grows").unwrap();
    assert_eq!(status.version.as_deref(), Some("1.0.0"));
    manager.start("acme.grows").unwrap();
}

#[test]
fn a_retry_that_has_no_files_can_be_given_up() {
    let place = Place::new();
    let manager = without_what_was_kept(&place, "package");
    manager.retry("acme.grows").unwrap_err();
    manager.retry("acme.grows").unwrap_err();
    manager.start("acme.grows").unwrap();
    manager.delete("acme.grows", true).unwrap();
}

#[test]
fn what_is_asked_for_after_a_recorded_delete_is_not_lost() {
    let place = Place::new();
    let hello = ThreeBot::new("hello", "hello").put(place.at("hello"));
    let newer = version("1.1", "hello", "hello").put(place.at("newer"));
    let manager = place.manager();
    manager.add(path(&hello)).unwrap();
    drop(manager);
    let records = place.builder().records_only(true).open().unwrap();
    records.delete("acme.hello", false).unwrap();
    for folder in [&hello, &newer] {
        let error = records.add(path(folder)).unwrap_err();
        assert_eq!(error.code(), "to-be-deleted", "{error}");
    }
    let error = records.reconfigure("acme.hello", json!({})).unwrap_err();
    assert_eq!(error.code(), "to-be-deleted");
    assert_eq!(fs::read_dir(place.at("state/incoming")).unwrap().count(), 0);
    // Unless it is not to go after all.
    records.start("acme.hello").unwrap();
    drop(records);
    let manager = place.manager();
    assert_eq!(manager.start_all().started, ["acme.hello"]);
}

#[test]
fn what_waits_for_a_server_is_found_by_another_path() {
    let place = Place::new();
    let hello = ThreeBot::new("hello", "hello").put(place.at("hello"));
    let records = place.builder().records_only(true).open().unwrap();
    records.add(path(&hello)).unwrap();
    drop(records);
    std::os::unix::fs::symlink(place.at("state"), place.at("other")).unwrap();
    let manager = place.builder().state_dir(place.at("other"));
    let manager = manager.open().unwrap();
    let started = manager.start_all();
    assert_eq!(started.failed, []);
    assert_eq!(started.started, ["acme.hello"]);
}

#[test]
fn a_link_that_is_recorded_is_not_forgotten_when_the_server_ends_at_once() {
    let place = Place::new();
    let hello = ThreeBot::new("hello", "hello").put(place.at("hello"));
    let records = place.builder().records_only(true).open().unwrap();
    records.add(link(&hello)).unwrap();
    drop(records);
    let manager = place.manager();
    stop(&manager);
    manager.start_all();
    drop(manager);
    let manager = place.manager();
    assert_eq!(manager.start_all().started, ["acme.hello"]);
}

#[test]
fn a_package_whose_name_is_long_can_be_deleted_with_its_data() {
    let place = Place::new();
    let manager = place.manager();
    let name = "n".repeat(210);
    let long = ThreeBot::new(&name, "hello").put(place.at("long"));
    manager.add(path(long)).unwrap();
    manager.delete(&format!("acme.{name}"), true).unwrap();
    assert_eq!(manager.packages(None), []);
}

#[test]
fn arguments_that_could_not_be_read_again_are_refused() {
    let place = Place::new();
    let manager = place.manager();
    let hello = ThreeBot::new("hello", "hello").put(place.at("hello"));
    let deep = (0..124).fold(json!(1), |inner, _| json!({"a": inner}));
    let error = manager.add(given(path(&hello), deep.clone())).unwrap_err();
    assert_eq!(error.code(), "bad-request", "{error}");
    assert_eq!(manager.packages(None), []);
    manager.add(path(&hello)).unwrap();
    manager.reconfigure("acme.hello", deep).unwrap_err();
    stop(&manager);
    drop(manager);
    assert_eq!(place.manager().start_all().started, ["acme.hello"]);
}

#[test]
fn a_reload_of_what_failed_leaves_no_error_without_a_reason() {
    let place = Place::new();
    let manager = place.manager();
    let kwargs = json!({"start": "fail"});
    let one = ThreeBot::new("fails", "misbehaves").put(place.at("one"));
    manager.add(given(path(one), kwargs)).unwrap_err();
    manager.reload("acme.fails").unwrap();
    let status = manager.status("acme.fails").unwrap();
    assert!(status.status != Status::Error || status.last_error.is_some());
}

#[test]
fn what_another_needs_is_not_stopped_by_a_retry() {
    let place = Place::new();
    let manager = place.manager();
    let file = place.at("file");
    let kwargs = json!({"stop": format!("fail-unless {}", file.display())});
    let base = ThreeBot::new("base", "misbehaves").put(place.at("base"));
    manager.add(given(path(base), kwargs)).unwrap();
    manager.stop("acme.base").unwrap_err();
    manager
        .add(path(needing("top", NEEDS_BASE).put(place.at("top"))))
        .unwrap();
    fs::write(&file, "").unwrap();
    assert_eq!(manager.retry("acme.base").unwrap_err().code(), "needed");
    assert!(manager.status("acme.base").unwrap().running);
}

#[test]
fn what_is_being_stopped_does_not_count_as_running() {
    let place = Place::new();
    let manager = place.manager();
    let base = ThreeBot::new("base", "misbehaves").put(place.at("base"));
    manager
        .add(given(path(base), json!({"stop": "sleep 1000"})))
        .unwrap();
    let mut request = path(needing("top", NEEDS_BASE).put(place.at("top")));
    request.start = false;
    manager.add(request).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| manager.stop("acme.base").unwrap());
        std::thread::sleep(Duration::from_millis(300));
        let _ = manager.start("acme.top");
    });
    let runs = |name: &str| manager.status(name).unwrap().running;
    assert!(!runs("acme.top") || runs("acme.base"));
}

#[test]
fn dependents_run_again_if_another_one_cannot_be_stopped() {
    let place = Place::new();
    let manager = place.manager();
    manager
        .add(path(ThreeBot::new("base", "hello").put(place.at("base"))))
        .unwrap();
    let one = ThreeBot {
        toml: NEEDS_BASE,
        ..ThreeBot::new("clings", "misbehaves")
    };
    manager
        .add(given(
            path(one.put(place.at("one"))),
            json!({"stop": "fail"}),
        ))
        .unwrap();
    for name in ["aaa", "zzz"] {
        let other = needing(name, NEEDS_BASE).put(place.at(name));
        manager.add(path(other)).unwrap();
    }
    manager.reconfigure("acme.base", json!({})).unwrap_err();
    for name in ["acme.base", "acme.aaa", "acme.zzz"] {
        assert!(manager.status(name).unwrap().running, "{name}");
    }
}

#[test]
fn a_package_that_calls_itself_something_else_is_in_error() {
    let place = Place::new();
    let manager = place.manager();
    let hello = ThreeBot::new("hello", "hello").put(place.at("hello"));
    manager.add(link(&hello)).unwrap();
    let _ = ThreeBot::new("other", "hello").put(&hello);
    let error = manager.reload("acme.hello").unwrap_err();
    assert!(error.to_string().contains("`acme.other`"), "{error}");
    let _ = ThreeBot::new("hello", "hello").put(&hello);
    manager.retry("acme.hello").unwrap();
}

#[test]
fn what_a_link_needs_by_now_is_started_first() {
    let place = Place::new();
    let manager = place.manager();
    let top = ThreeBot::new("a-top", "hello").put(place.at("top"));
    manager.add(link(&top)).unwrap();
    manager
        .add(path(ThreeBot::new("base", "hello").put(place.at("base"))))
        .unwrap();
    stop(&manager);
    drop(manager);
    let _ = needing("a-top", NEEDS_BASE).put(&top);
    let manager = place.manager();
    let started = manager.start_all();
    assert_eq!(started.failed, []);
    assert_eq!(started.started, ["acme.base", "acme.a-top"]);
}

#[test]
fn what_is_asked_of_a_package_whose_delete_is_finished_first_finds_nothing() {
    let place = Place::new();
    let manager = place.manager();
    let kwargs = json!({"uninstall": "sleep 1000"});
    let one = ThreeBot::new("goes", "misbehaves").put(place.at("one"));
    manager.add(given(path(one), kwargs)).unwrap();
    std::thread::scope(|scope| {
        let deleted = scope.spawn(|| manager.delete("acme.goes", false));
        std::thread::sleep(Duration::from_millis(400));
        stop(&manager);
        assert_eq!(deleted.join().unwrap().unwrap_err().code(), "stopping");
    });
    drop(manager);
    let records = place.builder().records_only(true).open().unwrap();
    for answer in [records.start("acme.goes"), records.reload("acme.goes")] {
        assert_eq!(answer.unwrap_err().code(), "to-be-deleted");
    }
    drop(records);
    let manager = place.manager();
    let error = manager.start("acme.goes").unwrap_err();
    assert_eq!(error.code(), "not-on-record");
    drop(manager);
    assert_eq!(place.manager().packages(None), []);
}

#[test]
fn a_package_that_cannot_be_put_back_keeps_nobody_from_opening() {
    let place = Place::new();
    if let Some(folder) = std::env::var_os(ENDS) {
        // The child: its process ends in the upgrade.
        let manager = place.builder().state_dir(&folder);
        let root = std::path::Path::new(&folder).join("root");
        let manager = manager.package_root(root).open().unwrap();
        let one = ThreeBot::new("grows", "misbehaves").put(place.at("one"));
        let kwargs = json!({"upgrade": "exit"});
        manager.add(given(path(one), kwargs)).unwrap();
        let two = version("2.0", "grows", "misbehaves").put(place.at("two"));
        let _ = manager.add(path(two));
        panic!("it has not ended");
    }
    let state = place.at("state");
    let ended = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "given_up::a_package_that_cannot_be_put_back_keeps_nobody_from_opening",
        ])
        .env(ENDS, &state)
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(3), "{ended:?}");
    let root = state.join("root");
    fs::remove_dir_all(root.join(".keyway/kept/acme.grows/package")).unwrap();
    let manager = place.builder().package_root(&root).open().unwrap();
    let error = manager.status("acme.grows").unwrap().last_error.unwrap();
    assert!(error.interrupted);
    assert!(error.message.contains("could not be put back"), "{error:?}");
    let bystander = ThreeBot::new("bystander", "hello").put(place.at("bystander"));
    manager.add(path(bystander)).unwrap();
    manager.delete("acme.grows", true).unwrap();
}

#[test]
fn two_state_folders_do_not_take_each_others_packages() {
    let place = Place::new();
    let manager = place.manager();
    let hello = ThreeBot::new("hello", "hello").put(place.at("hello"));
    manager.add(path(&hello)).unwrap();
    let other = place.builder().state_dir(place.at("other")).open().unwrap();
    let error = other.add(path(&hello)).unwrap_err();
    assert_eq!(error.code(), "managed-elsewhere");
    assert_eq!(
        other.delete("acme.hello", true).unwrap_err().code(),
        "not-on-record"
    );
    assert!(other.packages(None).is_empty());
    let link = keyway::lifecycle::AddSource::Link { link: hello };
    let error = other
        .add(keyway::lifecycle::AddRequest::new(link))
        .unwrap_err();
    assert_eq!(error.code(), "managed-elsewhere");
    assert!(manager.status("acme.hello").unwrap().running);
    assert!(manager.package_root().join("acme.hello").exists());
}

#[test]
fn a_start_after_a_failed_reconfiguration_installs_with_the_new_arguments() {
    let place = Place::new();
    let manager = place.manager();
    let package = ThreeBot::new("picky", "misbehaves").put(place.at("picky"));
    manager.add(path(package)).unwrap();
    let wanted = place.at("wanted");
    let kwargs = json!({"install": format!("fail-unless {}", wanted.display())});
    manager.reconfigure("acme.picky", kwargs).unwrap_err();
    fs::write(&wanted, "").unwrap();
    place.forget_hooks("acme.picky");
    manager.start("acme.picky").unwrap();
    let begun: Vec<_> = place
        .hooks("acme.picky")
        .into_iter()
        .filter(|it| it.ends_with("begins"))
        .collect();
    assert_eq!(
        begun,
        [
            "new begins",
            "prepare begins",
            "install begins",
            "start begins"
        ]
    );
}

#[test]
fn an_object_whose_drop_hangs_wants_a_restart() {
    let place = Place::new();
    let manager = place.manager();
    let package = ThreeBot::new("clings", "misbehaves").put(place.at("clings"));
    manager
        .add(given(path(package), json!({"drop": "hang"})))
        .unwrap();
    manager.reload("acme.clings").unwrap();
    assert!(manager.status("acme.clings").unwrap().wants_restart);
}
