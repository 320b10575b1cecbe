//! Several packages: who needs whom, all of them started and stopped, another process in between.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use keyway::install::Cancellation;
use keyway::lifecycle::{Outcome, PackageManager, Status};
use keyway_tests::threebots::ThreeBot;
use serde_json::json;

use crate::place::{Ask as _, Place, map, path};

fn needing<'a>(name: &'a str, toml: &'a str) -> ThreeBot<'a> {
    ThreeBot {
        toml,
        ..ThreeBot::new(name, "hello")
    }
}

fn stop(manager: &PackageManager) -> Vec<String> {
    let stopped = manager.stop_all(Duration::from_secs(20), &Cancellation::new());
    assert_eq!(stopped.failed, []);
    stopped.stopped
}

/// `acme.base`, and `acme.top`, which needs it; both run.
fn add_base_and_top(place: &Place, manager: &PackageManager) {
    let base = ThreeBot::new("base", "hello").put(place.at("base"));
    manager.add(path(base)).unwrap();
    let top = needing("top", NEEDS_BASE).put(place.at("top"));
    manager.add(path(top)).unwrap();
}

const NEEDS_BASE: &str = "[dependencies]\n\"acme.base\" = \">=1.0\"";

#[test]
fn what_is_missing_or_too_old_or_circular_is_named() {
    let place = Place::new();
    let manager = place.manager();
    let top = needing("top", NEEDS_BASE).put(place.at("top"));
    let error = manager.add(path(&top)).unwrap_err();
    assert_eq!(error.code(), "dependency-missing");
    let told = "`acme.top` needs `acme.base` >=1.0, which is not on record";
    assert_eq!(error.to_string(), told);
    assert!(manager.packages(None).is_empty());

    // Without being started it may come first; then it is in error until the other one is there.
    let mut request = path(&top);
    request.start = false;
    manager.add(request).unwrap();
    assert_eq!(
        manager.start("acme.top").unwrap_err().code(),
        "dependency-missing"
    );
    let status = manager.status("acme.top").unwrap();
    assert_eq!(status.status, Status::Error);
    assert!(
        status
            .last_error
            .unwrap()
            .message
            .contains("`acme.base` >=1.0")
    );
    assert_eq!(status.dependencies["acme.base"], ">=1.0");

    let old = ThreeBot {
        version: "0.9",
        ..ThreeBot::new("base", "hello")
    };
    manager.add(path(old.put(place.at("old")))).unwrap();
    let error = manager.start("acme.top").unwrap_err();
    assert_eq!(error.code(), "dependency-version");
    assert!(error.to_string().contains("on record 0.9"), "{error}");
    manager
        .add(path(ThreeBot::new("base", "hello").put(place.at("base"))))
        .unwrap();
    manager.start("acme.top").unwrap();

    let circular = ThreeBot {
        version: "1.1",
        ..needing("base", "[dependencies]\n\"acme.top\" = \"*\"")
    };
    let error = manager
        .add(path(circular.put(place.at("circular"))))
        .unwrap_err();
    assert_eq!(error.code(), "dependency-cycle");
    let cycle = "`acme.base` -> `acme.top` -> `acme.base`";
    assert!(error.to_string().ends_with(cycle), "{error}");
    assert!(manager.status("acme.top").unwrap().running);
}

#[test]
fn what_is_needed_is_started_first_and_not_stopped_under_others() {
    let place = Place::new();
    let manager = place.manager();
    add_base_and_top(&place, &manager);
    for refused in [
        manager.stop("acme.base"),
        manager.disable("acme.base"),
        manager.delete("acme.base", false),
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.code(), "needed");
        assert_eq!(
            error.to_string(),
            "`acme.base` is needed by what runs: `acme.top`"
        );
    }
    assert_eq!(place.hooks("acme.base").len(), 3);

    // Upgrading it stops the other one meanwhile.
    let newer = ThreeBot {
        version: "1.1",
        ..ThreeBot::new("base", "hello")
    };
    manager.add(path(newer.put(place.at("newer")))).unwrap();
    let last = |name: &str, count: usize| {
        let hooks = place.hooks(name);
        hooks[hooks.len() - count..].to_vec()
    };
    assert_eq!(last("acme.top", 2), ["stop {}", "start {}"]);
    assert!(manager.status("acme.top").unwrap().running);

    manager.stop("acme.top").unwrap();
    manager.stop("acme.base").unwrap();
    manager.start("acme.top").unwrap();
    assert!(manager.status("acme.base").unwrap().running);
    manager.stop("acme.top").unwrap();
    manager.disable("acme.base").unwrap();
    let error = manager.start("acme.top").unwrap_err();
    assert_eq!(error.code(), "dependency-down");
    assert!(
        error.to_string().contains("`acme.base`, which is disabled"),
        "{error}"
    );
}

#[test]
fn a_new_process_starts_what_should_run_and_nothing_else() {
    let place = Place::new();
    let manager = place.manager();
    for name in ["base", "stopped", "disabled", "later", "brought"] {
        let mut request = path(ThreeBot::new(name, "hello").put(place.at(name)));
        request.start = name != "later";
        request.install = name != "brought";
        manager.add(request).unwrap();
    }
    manager
        .add(path(needing("top", NEEDS_BASE).put(place.at("top"))))
        .unwrap();
    let fails = ThreeBot::new("fails", "misbehaves").put(place.at("fails"));
    let file = place.at("file");
    let mut request = path(fails);
    let kwargs = json!({"start": format!("fail-unless {}", file.display())});
    request.install_kwargs = Some(map(kwargs));
    manager.add(request).unwrap_err();
    manager.stop("acme.stopped").unwrap();
    manager.disable("acme.disabled").unwrap();
    let statuses = |manager: &PackageManager| {
        let packages = manager.packages(None).into_iter();
        packages
            .map(|it| (it.name, it.status))
            .collect::<BTreeMap<_, _>>()
    };
    let before = statuses(&manager);
    // Nothing can be asked for any more, and the order is the reverse.
    assert_eq!(stop(&manager), ["acme.top", "acme.base"]);
    assert_eq!(
        manager.start("acme.stopped").unwrap_err().code(),
        "stopping"
    );
    assert_eq!(statuses(&manager), before);
    drop(manager);

    fs::write(&file, "").unwrap();
    let manager = place.manager();
    assert_eq!(statuses(&manager), before);
    let started = manager.start_all();
    assert_eq!(started.failed, []);
    let mut running = started.started.clone();
    running.sort();
    let expected = ["base", "fails", "later", "stopped", "top"];
    assert_eq!(running, expected.map(|it| format!("acme.{it}")));
    let place_of = |name: &str| started.started.iter().position(|it| it == name);
    assert!(place_of("acme.base") < place_of("acme.top"));
    assert_eq!(statuses(&manager)["acme.disabled"], Status::Disabled);
    assert_eq!(statuses(&manager)["acme.brought"], Status::ToInstall);
    assert_eq!(statuses(&manager)["acme.stopped"], Status::Installed);
    stop(&manager);
}

#[test]
fn one_bad_package_stops_only_those_that_need_it() {
    let place = Place::new();
    let manager = place.manager();
    add_base_and_top(&place, &manager);
    manager
        .add(path(ThreeBot::new("other", "hello").put(place.at("other"))))
        .unwrap();
    stop(&manager);
    drop(manager);
    let file = place.at("share/threebot/packages/acme.base/package.toml");
    fs::write(file, "[source").unwrap();
    let manager = place.manager();
    let started = manager.start_all();
    assert_eq!(started.started, ["acme.other"]);
    let failed: Vec<_> = started
        .failed
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(failed, ["acme.base", "acme.top"]);
    let top = manager.status("acme.top").unwrap();
    let error = top.last_error.unwrap();
    assert_eq!(error.code, "dependency-down");
    assert!(
        error
            .message
            .contains("needs `acme.base`, which does not run"),
        "{}",
        error.message
    );
    stop(&manager);
}

#[test]
fn a_hundred_packages_start_side_by_side_and_in_order() {
    // One plugin for all of them.
    let place = Place::with(&["misbehaves"]);
    let manager = place.manager();
    for number in 0..100 {
        let name = format!("p{number:03}");
        let mut toml = "[lifecycle]\ntype = \"Test/Misbehaves\"\n".to_owned();
        // Chains of four.
        if number % 4 > 0 {
            toml += &format!("[dependencies]\n\"acme.p{:03}\" = \"*\"", number - 1);
        }
        let package = ThreeBot {
            name: &name,
            version: "1.0.0",
            plugin: None,
            toml: &toml,
        };
        let mut request = path(package.put(place.at(&name)));
        request.install_kwargs = Some(map(json!({"start": "sleep 100"})));
        request.start = false;
        manager.add(request).unwrap();
    }
    let began = Instant::now();
    let started = manager.start_all();
    let took = began.elapsed();
    assert_eq!(started.failed, []);
    assert_eq!(started.started.len(), 100);
    // One after the other they would sleep for 10 s.
    assert!(took < Duration::from_secs(5), "{took:?}");
    let place_of = |number: usize| {
        let name = format!("acme.p{number:03}");
        started.started.iter().position(|it| *it == name).unwrap()
    };
    for number in (0..100).filter(|number| number % 4 > 0) {
        assert!(place_of(number - 1) < place_of(number));
    }
    let stopped = stop(&manager);
    assert_eq!(stopped.len(), 100);
}

#[test]
fn without_a_server_what_is_wanted_is_recorded() {
    let place = Place::new();
    let records = || place.builder().records_only(true).open().unwrap();
    let hello = ThreeBot::new("hello", "hello").put(place.at("hello"));
    let answer = records().add(path(&hello)).unwrap();
    assert_eq!(answer.outcome, Outcome::Recorded);
    // The source may go.
    fs::remove_dir_all(&hello).unwrap();
    let status = records().status("acme.hello").unwrap();
    assert_eq!(status.pending[0].operation, "add");
    assert_eq!(place.hooks("acme.hello"), [""; 0]);

    let manager = place.manager();
    assert_eq!(manager.start_all().started, ["acme.hello"]);
    assert_eq!(
        place.hooks("acme.hello"),
        ["prepare {}", "install {}", "start {}"]
    );
    assert_eq!(fs::read_dir(place.at("state/incoming")).unwrap().count(), 0);
    stop(&manager);
    drop(manager);

    assert_eq!(
        records().stop("acme.hello").unwrap().outcome,
        Outcome::Recorded
    );
    let manager = place.manager();
    assert_eq!(manager.start_all().started, [""; 0]);
    assert_eq!(
        manager.status("acme.hello").unwrap().status,
        Status::ToStart
    );
    drop(manager);

    // The last one counts.
    records().disable("acme.hello").unwrap();
    assert_eq!(
        records().start("acme.hello").unwrap_err().code(),
        "disabled"
    );
    records().enable("acme.hello").unwrap();
    let newer = ThreeBot {
        version: "1.1",
        ..ThreeBot::new("hello", "hello")
    };
    records().add(path(newer.put(&hello))).unwrap();
    place.forget_hooks("acme.hello");
    let manager = place.manager();
    assert_eq!(manager.start_all().started, ["acme.hello"]);
    assert_eq!(
        place.hooks("acme.hello"),
        ["start {}", "stop {}", "upgrade from 1.0.0 {}", "start {}"]
    );
    stop(&manager);
    drop(manager);

    records().delete("acme.hello", true).unwrap();
    let manager = place.manager();
    assert_eq!(manager.start_all().started, [""; 0]);
    assert!(manager.packages(None).is_empty());
    assert!(!manager.package_root().join("acme.hello").exists());
    assert!(!place.at("state/data/acme.hello").exists());
}

#[test]
fn a_second_manager_is_told_who_has_the_first() {
    let place = Place::new();
    assert_eq!(PackageManager::holder(&place.at("state")).unwrap(), None);
    let manager = place.builder().socket("/run/somewhere").open().unwrap();
    let holder = PackageManager::holder(&place.at("state")).unwrap().unwrap();
    assert_eq!(holder.pid, std::process::id());
    assert_eq!(
        holder.socket.unwrap(),
        std::path::Path::new("/run/somewhere")
    );
    let error = place.builder().open().unwrap_err();
    assert_eq!(error.code(), "state-held");
    assert!(
        error
            .to_string()
            .contains(&format!("process {}", holder.pid))
    );
    drop(manager);
    assert_eq!(PackageManager::holder(&place.at("state")).unwrap(), None);
    place.manager();
}

#[test]
fn a_folder_can_be_used_where_it_lies() {
    let place = Place::new();
    let manager = place.manager();
    let folder = ThreeBot::new("hello", "hello").put(place.at("work"));
    let link = || {
        keyway::lifecycle::AddRequest::new(keyway::lifecycle::AddSource::Link {
            link: folder.clone(),
        })
    };
    manager.add(link()).unwrap();
    let status = manager.status("acme.hello").unwrap();
    assert_eq!((status.running, &status.path), (true, &folder));
    assert!(!manager.package_root().join("acme.hello").exists());
    // A change of the folder counts when it is reloaded.
    fs::write(
        folder.join("package.toml"),
        ThreeBot {
            toml: "[install_kwargs]\nnew = true",
            ..ThreeBot::new("hello", "hello")
        }
        .package_toml(),
    )
    .unwrap();
    manager.reload("acme.hello").unwrap();
    assert_eq!(
        place.hooks("acme.hello").last().unwrap(),
        "start {\"new\":true}"
    );

    // A copy takes its place, and goes back.
    let newer = ThreeBot {
        version: "1.1",
        ..ThreeBot::new("hello", "hello")
    };
    manager.add(path(newer.put(place.at("newer")))).unwrap();
    assert_eq!(
        manager.status("acme.hello").unwrap().path,
        manager.package_root().join("acme.hello")
    );
    let newest = ThreeBot {
        version: "1.2",
        ..ThreeBot::new("hello", "hello")
    };
    let _ = newest.put(&folder);
    manager.add(link()).unwrap();
    assert_eq!(manager.status("acme.hello").unwrap().path, folder);
    assert!(!manager.package_root().join("acme.hello").exists());
    manager.delete("acme.hello", false).unwrap();
    assert!(folder.join("package.toml").exists());
}
