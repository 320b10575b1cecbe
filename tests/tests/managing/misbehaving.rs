//! Lifecycles that panic, fail, hang and lie: nobody else is harmed, and the reason is told.

use std::fs;
use std::time::{Duration, Instant};

use keyway::lifecycle::{AddRequest, Deadlines, ManagerError, PackageManager, Status};
use keyway_tests::threebots::ThreeBot;
use serde_json::{Value, json};

use crate::place::{Ask as _, Place, map, path};

fn misbehaving(place: &Place, name: &str, kwargs: Value) -> AddRequest {
    let folder = ThreeBot::new(name, "misbehaves").put(place.at(name));
    let mut request = path(folder);
    request.install_kwargs = Some(map(kwargs));
    request
}

fn ends(place: &Place, name: &str) -> Vec<String> {
    let hooks = place.hooks(name);
    let ends = hooks.iter().filter(|it| !it.starts_with("new"));
    ends.cloned().collect()
}

/// A manager with a package that runs and is not to be harmed.
fn manager_beside(place: &Place) -> PackageManager {
    let manager = place.manager();
    let bystander = ThreeBot::new("bystander", "hello").put(place.at("bystander"));
    manager.add(path(bystander)).unwrap();
    manager
}

fn assert_unharmed(place: &Place, manager: &PackageManager) {
    let bystander = manager.status("acme.bystander").unwrap();
    assert!(bystander.running);
    assert_eq!(bystander.status, Status::Installed);
    assert_eq!(bystander.last_error, None);
    assert_eq!(place.hooks("acme.bystander").len(), 3);
}

#[test]
fn a_hook_that_panics_or_fails_is_told_in_the_status_and_can_be_retried() {
    let place = Place::new();
    let manager = manager_beside(&place);
    for (index, hook) in ["new", "prepare", "install", "start"]
        .into_iter()
        .enumerate()
    {
        for what in ["panic", "fail"] {
            let short = format!("{what}s{index}");
            let name = format!("acme.{short}");
            let request = misbehaving(&place, &short, json!({hook: what}));
            let error = manager.add(request).unwrap_err();
            let ManagerError::Failed { error: told, .. } = &error else {
                panic!("{error}");
            };
            let status = manager.status(&name).unwrap();
            assert_eq!(status.status, Status::Error);
            assert!(!status.running);
            let last = status.last_error.unwrap();
            assert_eq!(last, **told);
            let shown = if hook == "new" { "prepare" } else { hook };
            assert_eq!(last.hook.as_deref(), Some(shown));
            assert_eq!(last.operation, "add");
            assert!(!last.interrupted);
            let expected = match what {
                "panic" => format!("no luck in {hook}"),
                _ => format!("cannot {hook}"),
            };
            assert!(last.message.contains(&expected), "{}", last.message);
            if what == "panic" && hook != "new" {
                let location = last.location.unwrap();
                assert!(location.contains("misbehaves/src/lib.rs:"), "{location}");
            }
            // A failed start is followed by stop.
            let stopped = ends(&place, &name).contains(&"stop ends".to_owned());
            assert_eq!(stopped, hook == "start");

            // The same again; then with arguments that work.
            assert_eq!(manager.retry(&name).unwrap_err().code(), error.code());
            manager.reconfigure(&name, json!({})).unwrap();
            manager.start(&name).unwrap();
            let status = manager.status(&name).unwrap();
            assert_eq!((status.status, status.running), (Status::Installed, true));
            assert_eq!(status.last_error, None);
        }
    }
    assert_unharmed(&place, &manager);
}

#[test]
fn a_retry_goes_on_where_it_failed() {
    let place = Place::new();
    let manager = place.manager();
    let wanted = place.at("wanted");
    let kwargs = json!({"install": format!("fail-unless {}", wanted.display())});
    let error = manager
        .add(misbehaving(&place, "waits", kwargs))
        .unwrap_err();
    assert_eq!(error.code(), "plugin-failed");
    fs::write(&wanted, "").unwrap();
    manager.retry("acme.waits").unwrap();
    assert_eq!(
        ends(&place, "acme.waits"),
        [
            "prepare begins",
            "prepare ends",
            "install begins",
            "drop begins",
            "drop ends",
            "install begins",
            "install ends",
            "start begins",
            "start ends"
        ]
    );
    assert!(manager.status("acme.waits").unwrap().running);
}

#[test]
fn a_hook_that_never_returns_blocks_nobody_else() {
    let place = Place::new();
    let mut deadlines = Deadlines::default();
    deadlines.start = Duration::from_secs(1);
    deadlines.grace = Duration::from_millis(200);
    let manager = place.builder().deadlines(deadlines).open().unwrap();
    let bystander = ThreeBot::new("bystander", "hello").put(place.at("bystander"));
    let request = misbehaving(&place, "hangs", json!({"start": "hang"}));
    let began = Instant::now();
    std::thread::scope(|scope| {
        let hangs = scope.spawn(|| manager.add(request));
        manager.add(path(bystander)).unwrap();
        assert!(!hangs.is_finished(), "the bystander had to wait");
        let error = hangs.join().unwrap().unwrap_err();
        assert_eq!(error.code(), "hook-timeout");
        assert!(
            error.to_string().ends_with("hook did not return in 1 s"),
            "{error}"
        );
    });
    assert!(began.elapsed() < Duration::from_secs(15));
    assert_unharmed(&place, &manager);

    let status = manager.status("acme.hangs").unwrap();
    assert!(status.wants_restart);
    assert!(!status.running);
    for error in [manager.start("acme.hangs"), manager.retry("acme.hangs")] {
        assert_eq!(error.unwrap_err().code(), "restart-wanted");
    }
    // It can be taken away all the same, and its files with it.
    manager.disable("acme.hangs").unwrap();
    drop(manager);
    let manager = place.manager();
    assert!(!manager.status("acme.hangs").unwrap().wants_restart);
    manager.reconfigure("acme.hangs", json!({})).unwrap();
    manager.enable("acme.hangs").unwrap();
    assert!(manager.status("acme.hangs").unwrap().running);
}

#[test]
fn a_hook_that_heeds_its_deadline_fails_and_wants_no_restart() {
    let place = Place::new();
    let mut deadlines = Deadlines::default();
    deadlines.start = Duration::from_millis(300);
    let manager = place.builder().deadlines(deadlines).open().unwrap();
    let error = manager
        .add(misbehaving(&place, "heeds", json!({"start": "wait"})))
        .unwrap_err();
    assert_eq!(error.code(), "plugin-failed");
    assert!(!manager.status("acme.heeds").unwrap().wants_restart);
    assert!(
        place
            .hooks("acme.heeds")
            .contains(&"start was told to give up".to_owned())
    );
}

#[test]
fn a_failed_upgrade_puts_the_old_files_back_and_a_retry_the_new_ones() {
    let place = Place::new();
    let manager = manager_beside(&place);
    let wanted = place.at("wanted");
    let kwargs = json!({"upgrade": format!("fail-unless {}", wanted.display())});
    manager.add(misbehaving(&place, "grows", kwargs)).unwrap();
    let two = ThreeBot {
        version: "2.0.0",
        ..ThreeBot::new("grows", "misbehaves")
    };
    let two = two.put(place.at("two"));
    fs::write(two.join("new-file"), "").unwrap();
    let installed = manager.package_root().join("acme.grows");
    fs::write(installed.join("old-file"), "").unwrap();
    let version = || manager.status("acme.grows").unwrap().version.unwrap();

    manager.add(path(&two)).unwrap_err();
    let status = manager.status("acme.grows").unwrap();
    assert_eq!(
        (status.status, version().as_str()),
        (Status::Error, "1.0.0")
    );
    assert_eq!(status.last_error.unwrap().hook.as_deref(), Some("upgrade"));
    assert!(installed.join("old-file").exists() && !installed.join("new-file").exists());
    manager.retry("acme.grows").unwrap_err();
    assert!(installed.join("old-file").exists() && !installed.join("new-file").exists());

    // The source may be gone by then.
    fs::remove_dir_all(&two).unwrap();
    fs::write(&wanted, "").unwrap();
    manager.retry("acme.grows").unwrap();
    assert_eq!(version(), "2.0.0");
    assert!(!installed.join("old-file").exists() && installed.join("new-file").exists());
    assert!(manager.status("acme.grows").unwrap().running);
    assert!(place.hooks("acme.grows").contains(&"from 1.0.0".to_owned()));
    assert!(
        !manager
            .package_root()
            .join(".keyway/kept/acme.grows")
            .exists()
    );

    // Or the old one is gone on with.
    fs::remove_file(&wanted).unwrap();
    let three = ThreeBot {
        version: "3.0.0",
        ..ThreeBot::new("grows", "misbehaves")
    };
    manager.add(path(three.put(place.at("three")))).unwrap_err();
    manager.start("acme.grows").unwrap();
    assert_eq!(version(), "2.0.0");
    assert!(manager.status("acme.grows").unwrap().running);
    assert!(
        !manager
            .package_root()
            .join(".keyway/kept/acme.grows")
            .exists()
    );
    assert_eq!(fs::read_dir(place.at("state/incoming")).unwrap().count(), 0);
    assert_unharmed(&place, &manager);
}

#[test]
fn what_cannot_be_uninstalled_can_be_forced_away() {
    let place = Place::new();
    let manager = manager_beside(&place);
    for (short, kwargs) in [
        ("clings", json!({"uninstall": "fail"})),
        ("stays", json!({"stop": "panic"})),
    ] {
        let name = format!("acme.{short}");
        manager.add(misbehaving(&place, short, kwargs)).unwrap();
        manager.delete(&name, true).unwrap_err();
        assert_eq!(manager.status(&name).unwrap().status, Status::Error);
        assert!(manager.package_root().join(&name).exists());
        let mut request = keyway::lifecycle::DeleteRequest::new(&name);
        request.force = true;
        request.purge = true;
        let deleted = manager
            .ask(keyway::lifecycle::Operation::Delete(request))
            .unwrap();
        assert!(manager.status(&name).is_err());
        assert!(!manager.package_root().join(&name).exists());
        assert!(!place.at("state/data").join(&name).exists());
        let passed_over = deleted.warnings.iter().any(|it| it.contains("passed over"));
        assert!(passed_over, "{deleted:?}");
    }
    assert_unharmed(&place, &manager);
}

#[test]
fn a_package_toml_that_went_bad_stops_only_its_package() {
    let place = Place::new();
    let manager = manager_beside(&place);
    let hello = ThreeBot::new("hello", "hello").put(place.at("hello"));
    manager.add(path(hello)).unwrap();
    let file = manager.package_root().join("acme.hello/package.toml");
    let good = fs::read_to_string(&file).unwrap();
    fs::write(&file, "[source]\nthreebot = \"acme\"\nname = 3\n").unwrap();
    let status = manager.status("acme.hello").unwrap();
    assert!(status.running);
    assert!(
        status.problems[0].contains("line 3"),
        "{:?}",
        status.problems
    );

    let error = manager.reload("acme.hello").unwrap_err();
    assert_eq!(error.code(), "bad-package");
    let status = manager.status("acme.hello").unwrap();
    assert_eq!((status.status, status.running), (Status::Error, false));
    assert!(status.last_error.unwrap().message.contains("line 3"));
    assert_eq!(
        place.hooks("acme.hello").last().unwrap().split(' ').next(),
        Some("stop")
    );

    fs::write(&file, good).unwrap();
    manager.retry("acme.hello").unwrap();
    assert!(manager.status("acme.hello").unwrap().running);
    assert_unharmed(&place, &manager);
}
