//! What ends a process ends a worker, and no more.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use keyway::install::Cancellation;
use keyway::lifecycle::{Deadlines, ManagerEvent, PackageManager, Status};
use keyway_tests::server::until;
use keyway_tests::threebots::ThreeBot;
use serde_json::json;

use crate::place::{Ask as _, Place, map, path};
use crate::{isolating, kill, misbehaving, pid, pid_of, read, state_of, worker};

fn impatient() -> Deadlines {
    let mut deadlines = Deadlines::default();
    deadlines.prepare = Duration::from_secs(1);
    deadlines.start = Duration::from_secs(1);
    deadlines.stop = Duration::from_secs(1);
    deadlines.grace = Duration::from_millis(300);
    deadlines
}

fn with_bystander(place: &Place, manager: &PackageManager) -> u32 {
    manager
        .add(misbehaving(place, "bystander", json!({})))
        .unwrap();
    pid_of(manager, "acme.bystander")
}

#[test]
fn a_process_that_ends_in_a_hook_is_an_error_of_its_package() {
    let place = Place::new();
    let worker = worker().memory(Some(1 << 30));
    let manager = isolating(&place)
        .worker(worker)
        .deadlines(impatient())
        .open()
        .unwrap();
    let bystander = with_bystander(&place, &manager);
    for (what, code, message) in [
        (
            "abort",
            "worker-ended",
            "ended by signal 6 (SIGABRT) in the hook `HOOK`",
        ),
        (
            "exit",
            "worker-ended",
            "ended with status 3 in the hook `HOOK`",
        ),
        (
            "overflow",
            "worker-ended",
            "ended by signal 6 (SIGABRT) in the hook `HOOK`",
        ),
        (
            "eat 2000",
            "worker-ended",
            "ended by signal 6 (SIGABRT) in the hook `HOOK`",
        ),
        ("hang", "hook-timeout", "hook did not return in 1 s"),
    ] {
        for hook in ["new", "prepare", "start"] {
            let name = format!("{}-{hook}", what.split(' ').next().unwrap());
            let full = format!("acme.{name}");
            let request = misbehaving(&place, &name, json!({hook: what}));
            let error = manager.add(request).unwrap_err();
            let status = manager.status(&full).unwrap();
            let last = status.last_error.clone().unwrap();
            assert_eq!((status.status, status.running), (Status::Error, false));
            assert_eq!(last.code, code, "{error}");
            let shown = if hook == "new" { "prepare" } else { hook };
            assert_eq!(last.hook.as_deref(), Some(shown));
            let message = match hook {
                "new" => message.replace("in the hook `HOOK`", "while its code was loaded"),
                _ => message.replace("HOOK", hook),
            };
            assert!(last.message.contains(&message), "{}", last.message);
            // It can be used at once: only its process was bad.
            assert!(!status.wants_restart);
            assert_eq!(pid(&status), None);
            manager.reconfigure(&full, json!({})).unwrap();
            manager.start(&full).unwrap();
            let status = manager.status(&full).unwrap();
            assert!(status.running && status.last_error.is_none());
            manager.delete(&full, true).unwrap();
        }
    }
    assert_eq!(pid_of(&manager, "acme.bystander"), bystander);
}

#[test]
fn a_stop_that_ends_the_process_can_be_passed_over() {
    let place = Place::new();
    let manager = isolating(&place).deadlines(impatient()).open().unwrap();
    for what in ["abort", "hang"] {
        let (name, full) = (format!("s-{what}"), format!("acme.s-{what}"));
        manager
            .add(misbehaving(&place, &name, json!({"stop": what})))
            .unwrap();
        manager.stop(&full).unwrap_err();
        let status = manager.status(&full).unwrap();
        assert_eq!((status.running, pid(&status)), (false, None));
        // It does not run: so it is stopped.
        manager.retry(&full).unwrap();
        assert_eq!(manager.status(&full).unwrap().status, Status::ToStart);
    }
}

#[test]
fn a_process_that_ends_by_itself_is_started_again_with_pauses() {
    let place = Place::new();
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    let observer = Arc::new(move |event: &ManagerEvent| {
        if let ManagerEvent::Restarted { name, what } = event {
            seen.lock()
                .unwrap()
                .push((name.clone(), what.clone(), Instant::now()));
        }
    });
    let manager = isolating(&place).observer(observer).open().unwrap();
    let bystander = with_bystander(&place, &manager);
    let name = "acme.dies";
    let kwargs = json!({"start": "abort-later 50"});
    let began = Instant::now();
    manager.add(misbehaving(&place, "dies", kwargs)).unwrap();
    until("the end of the worker", || {
        manager.status(name).unwrap().status == Status::Error
    });
    let status = manager.status(name).unwrap();
    let error = status.last_error.clone().unwrap();
    assert_eq!(
        (error.code.as_str(), error.hook.as_deref()),
        ("worker-ended", None)
    );
    assert!(
        error
            .message
            .contains("ended by signal 6 (SIGABRT) while the package ran"),
        "{}",
        error.message
    );
    assert_eq!((status.running, pid(&status)), (false, None));
    until("three more starts", || events.lock().unwrap().len() >= 3);
    // 200, 400 and 800 ms, and each time 50 ms until it ended.
    assert!(began.elapsed() >= Duration::from_millis(1400 + 3 * 50));
    for (package, what, _) in &*events.lock().unwrap() {
        assert_eq!((package.as_str(), what.as_str()), (name, "worker"));
    }
    let starts = place
        .hooks(name)
        .iter()
        .filter(|it| *it == "start ends")
        .count();
    assert!(starts >= 4, "{starts}");
    assert_eq!(pid_of(&manager, "acme.bystander"), bystander);

    // Who stops it does not have it started again; who starts it has it back.
    until("its end", || {
        manager.status(name).unwrap().status == Status::Error
    });
    manager.stop(name).unwrap();
    let status = manager.status(name).unwrap();
    assert_eq!((status.status, status.last_error), (Status::ToStart, None));
    let starts = place.hooks(name).len();
    std::thread::sleep(Duration::from_millis(1200));
    assert_eq!(place.hooks(name).len(), starts);
    manager.reconfigure(name, json!({})).unwrap();
    manager.start(name).unwrap();
    let first = pid_of(&manager, name);
    kill("KILL", first);
    until("it runs again", || {
        let status = manager.status(name).unwrap();
        status.running && pid(&status) != Some(first)
    });
    // Rust's own handler takes the first one for a stack that overflowed, or not.
    let second = pid_of(&manager, name);
    kill("SEGV", second);
    std::thread::sleep(Duration::from_millis(100));
    kill("SEGV", second);
    until("its end", || {
        manager.status(name).unwrap().status == Status::Error
    });
    let error = manager.status(name).unwrap().last_error.unwrap();
    assert!(
        error.message.contains("signal 11 (SIGSEGV)"),
        "{}",
        error.message
    );
    // Not in vain: another thing done with it takes its place.
    manager.delete(name, true).unwrap();
    assert!(manager.status(name).is_err());
}

#[test]
fn a_process_that_ends_as_its_start_returns_is_started_again() {
    let place = Place::new();
    // Whoever is told that the hook ended takes longer than the worker lives.
    let observer = Arc::new(|event: &ManagerEvent| {
        if let ManagerEvent::HookEnded { hook, .. } = event
            && hook == "start"
        {
            std::thread::sleep(Duration::from_millis(150));
        }
    });
    let manager = isolating(&place).observer(observer).open().unwrap();
    let name = "acme.brief";
    let kwargs = json!({"start": "abort-later 20"});
    manager.add(misbehaving(&place, "brief", kwargs)).unwrap();
    until("the end of the worker", || {
        let status = manager.status(name).unwrap();
        status.status == Status::Error && !status.running
    });
    let starts = || {
        let hooks = place.hooks(name);
        hooks.iter().filter(|it| *it == "start ends").count()
    };
    until("two more starts", || starts() >= 3);
}

#[test]
fn who_is_started_again_is_not_waited_for_by_what_it_needs() {
    let place = Place::new();
    let seconds = Duration::from_secs;
    let manager = isolating(&place)
        .restart_pauses(seconds(2), seconds(2), seconds(60))
        .open()
        .unwrap();
    let needed = ThreeBot::new("needed", "asks-others").put(place.at("needed"));
    let mut needed = path(needed);
    needed.install_kwargs = Some(map(json!({"start": ["start acme.needs"]})));
    manager.add(needed).unwrap();
    let needs = ThreeBot {
        toml: "[dependencies]\n\"acme.needed\" = \"*\"",
        ..ThreeBot::new("needs", "misbehaves")
    };
    manager.add(path(needs.put(place.at("needs")))).unwrap();
    kill("KILL", pid_of(&manager, "acme.needs"));
    until("its end", || {
        manager.status("acme.needs").unwrap().status == Status::Error
    });
    manager.stop("acme.needed").unwrap();
    let began = Instant::now();
    until("both run again", || {
        let runs = |name| manager.status(name).unwrap().running;
        runs("acme.needed") && runs("acme.needs")
    });
    assert!(began.elapsed() < seconds(20), "{:?}", began.elapsed());
    let answers = read(place.at("state/data/acme.needed/answers"));
    assert!(answers.contains("waits for what waits for it"), "{answers}");
}

#[test]
fn what_waits_to_be_started_again_is_needed_as_if_it_ran() {
    let place = Place::new();
    let hour = Duration::from_secs(3600);
    let manager = isolating(&place)
        .restart_pauses(hour, hour, hour)
        .open()
        .unwrap();
    manager
        .add(misbehaving(&place, "needed", json!({})))
        .unwrap();
    let needs = ThreeBot {
        toml: "[dependencies]\n\"acme.needed\" = \"*\"",
        ..ThreeBot::new("needs", "misbehaves")
    };
    manager.add(path(needs.put(place.at("needs")))).unwrap();
    kill("KILL", pid_of(&manager, "acme.needed"));
    until("its end", || {
        manager.status("acme.needed").unwrap().status == Status::Error
    });
    for refused in [
        manager.stop("acme.needed"),
        manager.delete("acme.needed", false),
    ] {
        assert_eq!(refused.unwrap_err().code(), "needed");
    }
    // Who needs it is stopped for an upgrade, and runs again with the new version.
    let newer = ThreeBot {
        version: "2.0.0",
        ..ThreeBot::new("needed", "misbehaves")
    };
    manager.add(path(newer.put(place.at("newer")))).unwrap();
    assert!(manager.status("acme.needed").unwrap().running);
    assert!(manager.status("acme.needs").unwrap().running);
    let hooks = place.hooks("acme.needs");
    let count = |what: &str| hooks.iter().filter(|it| *it == what).count();
    assert_eq!((count("stop ends"), count("start ends")), (1, 2));
}

#[test]
fn a_package_that_waits_to_be_started_again_is_started_with_the_next_server() {
    let place = Place::new();
    let slow = Duration::from_secs(60);
    let open = || {
        isolating(&place)
            .restart_pauses(slow, slow, slow)
            .open()
            .unwrap()
    };
    let manager = open();
    manager.add(misbehaving(&place, "dies", json!({}))).unwrap();
    kill("KILL", pid_of(&manager, "acme.dies"));
    until("its end", || {
        manager.status("acme.dies").unwrap().status == Status::Error
    });
    let stopped = manager.stop_all(Duration::from_secs(20), &Cancellation::new());
    assert_eq!((stopped.stopped, stopped.failed), (vec![], vec![]));
    drop(manager);
    let manager = open();
    assert_eq!(manager.start_all().started, ["acme.dies"]);
    let status = manager.status("acme.dies").unwrap();
    assert_eq!(
        (status.status, status.last_error),
        (Status::Installed, None)
    );
}

#[test]
fn a_start_that_fails_when_it_is_started_again_is_tried_on() {
    let place = Place::new();
    let manager = isolating(&place).open().unwrap();
    let file = place.at("file");
    fs::write(&file, "").unwrap();
    let kwargs = json!({"start": format!("abort-unless {}", file.display())});
    manager.add(misbehaving(&place, "tries", kwargs)).unwrap();
    fs::remove_file(&file).unwrap();
    kill("KILL", pid_of(&manager, "acme.tries"));
    let error = || manager.status("acme.tries").unwrap().last_error;
    until("a start that fails", || {
        error().is_some_and(|it| it.hook.as_deref() == Some("start"))
    });
    fs::write(&file, "").unwrap();
    // It runs a moment before that is written down.
    until("it runs", || {
        let status = manager.status("acme.tries").unwrap();
        status.running && status.last_error.is_none()
    });
}

#[test]
fn what_a_worker_started_ends_with_it_and_one_that_stands_still_is_killed() {
    let place = Place::new();
    let manager = isolating(&place).deadlines(impatient()).open().unwrap();
    let name = "acme.parent";
    manager
        .add(misbehaving(&place, "parent", json!({"start": "spawn"})))
        .unwrap();
    let child = || {
        read(place.at("state/data").join(name).join("child"))
            .parse::<u32>()
            .unwrap()
    };
    let (worker, first) = (pid_of(&manager, name), child());
    assert!(state_of(first).is_some());
    kill("KILL", worker);
    until("the end of the child", || {
        state_of(first).is_none_or(|it| it == 'Z')
    });
    until("it runs again", || {
        let status = manager.status(name).unwrap();
        status.running && pid(&status) != Some(worker)
    });
    let second = child();
    let worker = pid_of(&manager, name);
    kill("STOP", worker);
    let began = Instant::now();
    let error = manager.stop(name).unwrap_err();
    assert_eq!(error.code(), "hook-timeout");
    assert!(began.elapsed() < Duration::from_secs(8));
    assert_eq!(state_of(worker), None);
    until("the end of the child", || {
        state_of(second).is_none_or(|it| it == 'Z')
    });
    assert!(!manager.status(name).unwrap().wants_restart);
}

#[test]
fn isolation_without_a_worker_is_refused() {
    let place = Place::new();
    let manager = place.manager();
    let asks = ThreeBot {
        toml: "[lifecycle]\nisolation = \"process\"",
        ..ThreeBot::new("asks", "misbehaves")
    };
    let folder = asks.put(place.at("asks"));
    assert_eq!(
        manager.add(path(&folder)).unwrap_err().code(),
        "isolation-not-here"
    );
    assert_eq!(place.hooks("acme.asks"), [""; 0]);
    drop(manager);
    // One that asks is isolated, the others are not.
    let manager = place.builder().worker(worker()).open().unwrap();
    manager.retry("acme.asks").unwrap();
    manager
        .add(misbehaving(&place, "other", json!({})))
        .unwrap();
    assert!(pid(&manager.status("acme.asks").unwrap()).is_some());
    let other = manager.status("acme.other").unwrap().lifecycle.unwrap();
    assert_eq!((other.isolated, other.pid), (false, None));
    drop(manager);
    // A program that is no worker, and one that is not there.
    for (program, what) in [
        ("/bin/true", "while its code was loaded"),
        ("/nowhere", "cannot be started"),
    ] {
        let place = Place::new();
        let worker = keyway::lifecycle::Worker::new(program);
        let manager = place
            .builder()
            .worker(worker)
            .isolate_all(true)
            .open()
            .unwrap();
        let error = manager
            .add(misbehaving(&place, "asks", json!({})))
            .unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
}

/// In the manager's own process it would hold the loader, and with it everybody who loads something.
#[test]
fn a_library_that_is_never_loaded_to_the_end_stops_nobody_else() {
    let place = Place::new();
    let manager = isolating(&place).deadlines(impatient()).open().unwrap();
    let stalls = path(ThreeBot::new("stalls", "stalls").put(place.at("stalls")));
    let began = Instant::now();
    std::thread::scope(|scope| {
        let stalled = scope.spawn(|| manager.add(stalls).unwrap_err());
        manager
            .add(misbehaving(&place, "other", json!({})))
            .unwrap();
        assert_eq!(stalled.join().unwrap().code(), "hook-timeout");
    });
    assert!(began.elapsed() < Duration::from_secs(10));
    let status = manager.status("acme.stalls").unwrap();
    assert_eq!(status.status, Status::Error);
    assert!(!status.wants_restart, "another process can be had at once");
    assert_eq!(pid(&status), None);
    assert!(manager.status("acme.other").unwrap().running);
}
