//! What ends by itself comes back as its request says.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use keyway::lifecycle::{
    AddRequest, AddSource, ManagerEvent, Operation, PackageManager, ProcessPhase,
};
use keyway::package::DataDirs;
use keyway::{PackageLoader, Registry, SearchPath};
use keyway_tests::server::until;
use keyway_tests::threebots::ThreeBot;
use serde_json::{Value, json};

use crate::{
    CHILDREN, Place, added, done, is_alive, kill, marked, said, shell_with, shown, the_one,
    zombies_of,
};

fn quick() -> Place {
    Place::with([("KEYWAY_PROCESS_PAUSE_MS", "50")])
}

#[test]
fn each_policy_does_what_it_says() {
    let home = quick();
    let server = home.serve();
    let mut steps = Vec::new();
    let mut cases = Vec::new();
    for policy in ["never", "on-failure", "always"] {
        for (how, script) in [("ok", "exit 0"), ("bad", "exit 3"), ("hit", "kill -9 $$")] {
            let name = format!("{policy}-{how}");
            // Once; what comes back stays.
            let mark = home.at(&name);
            let script = format!(
                "if [ -e {0} ]; then exec sleep 1000; fi; touch {0}; {script}",
                mark.display()
            );
            steps.push(shell_with(
                &home,
                &name,
                &script,
                json!({"restart": policy}),
            ));
            let returns = policy == "always" || policy == "on-failure" && how != "ok";
            let exit = match how {
                "ok" => "code 0",
                "bad" => "code 3",
                _ => "signal 9",
            };
            cases.push((name, returns, exit));
        }
    }
    added(&home, "policies", json!({"start": steps}));
    for (name, returns, exit) in cases {
        let state = if returns { "running" } else { "exited" };
        let mut shown_now = Value::Null;
        until(&name, || {
            shown_now = shown(&home, "policies", &name);
            shown_now["state"] == state && shown_now["last_exit"] == exit
        });
        assert_eq!(
            shown_now["restarts"],
            json!(u32::from(returns)),
            "{shown_now}"
        );
        assert_eq!(shown_now["pid"].is_null(), !returns, "{shown_now}");
    }
    assert_eq!(zombies_of(server.id()), 0);
    let log = server.log();
    assert!(
        log.contains("a process ended") && log.contains("restart_in"),
        "{log}"
    );
}

#[test]
fn what_is_killed_is_back_and_can_be_stopped() {
    let home = quick();
    let server = home.serve();
    let web = shell_with(
        &home,
        "web",
        "exec sleep 1000 \"$0\"",
        json!({"restart": "always"}),
    );
    let web = json!({"run": "web", "program": "sh", "restart": "always",
        "args": ["-c", "while :; do sleep 0.2; done", web["args"][2]]});
    added(
        &home,
        "back",
        json!({"start": [web], "stop": [{"status": "web"}, {"stop": "web"}, {"status": "web"}]}),
    );
    for _ in 0..3 {
        let pid = the_one(&home, "web");
        kill(pid, "KILL");
        until("its end", || !is_alive(pid));
        assert_ne!(the_one(&home, "web"), pid);
    }
    until("that it is counted", || {
        shown(&home, "back", "web")["restarts"] == 3
    });
    let pid = shown(&home, "back", "web")["pid"].as_u64().unwrap() as u32;
    // People see it.
    let sheet = keyway_tests::command::run(home.command().args(["package", "status", "acme.back"]));
    let line = format!(", process id {pid}, started again 3 times, ended last with signal 9");
    assert!(
        sheet.stdout.contains("web running since ") && sheet.stdout.contains(&line),
        "{}",
        sheet.stdout
    );
    done(&home, &["stop", "acme.back"]);
    assert!(!is_alive(pid));
    // It does not come back.
    std::thread::sleep(Duration::from_millis(300));
    assert!(marked(&home, "web").is_empty());
    let said = said(&home, "back");
    assert_eq!(said[1], "Running 3 Some(Signal(9))");
    assert_eq!(said[3], "Stopped 3 Some(Signal(15))");
    assert_eq!(zombies_of(server.id()), 0);
}

#[test]
fn who_fails_again_and_again_has_longer_and_longer_to_wait() {
    let home = Place::with([("KEYWAY_PROCESS_PAUSE_MS", "200")]);
    let server = home.serve();
    let times = home.at("times");
    let script = format!("date +%s%N >> {}; exit 1", times.display());
    let web = shell_with(&home, "web", &script, json!({"restart": "on-failure"}));
    added(&home, "fails", json!({"start": [web]}));
    let read = || -> Vec<u64> {
        let text = fs::read_to_string(&times).unwrap_or_default();
        text.lines().map(|it| it.parse().unwrap()).collect()
    };
    until("four times", || read().len() >= 4);
    let times = read();
    for (number, pair) in times.windows(2).enumerate().take(3) {
        let pause = Duration::from_nanos(pair[1] - pair[0]);
        let least = Duration::from_millis(200 << number);
        assert!(pause >= least, "{pause:?} {least:?}");
    }
    // It is between two times: a stop does not wait for the next one.
    until("the pause", || {
        shown(&home, "fails", "web")["state"] == "restarting"
    });
    let began = Instant::now();
    done(&home, &["stop", "acme.fails"]);
    assert!(began.elapsed() < Duration::from_secs(5));
    let count = read().len();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(read().len(), count);
    assert_eq!(shown(&home, "fails", "web")["state"], "stopped");
    drop(server);
}

#[test]
fn what_cannot_be_started_again_is_tried_again() {
    let home = quick();
    let _server = home.serve();
    let program = home.at("program");
    let make = || {
        use std::os::unix::fs::PermissionsExt as _;
        fs::write(&program, "#!/bin/sh\nsleep 1000\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    };
    make();
    let web = json!({"run": "web", "program": program, "restart": "always"});
    added(&home, "gone", json!({"start": [web]}));
    fs::remove_file(&program).unwrap();
    let pid = shown(&home, "gone", "web")["pid"].as_u64().unwrap() as u32;
    kill(pid, "KILL");
    until("that it is missed", || {
        shown(&home, "gone", "web")["last_exit"] == "not known"
    });
    make();
    until("that it is back", || {
        shown(&home, "gone", "web")["state"] == "running"
    });
}

#[test]
fn whoever_watches_a_manager_is_told_and_a_manager_that_is_dropped_leaves_nothing() {
    let home = Place::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let observed = Arc::clone(&told);
    let search = SearchPath::only([home.plugins().path()]);
    let registry = Registry::builder(search).cache_dir(None).state_dir(None);
    let dirs = DataDirs::new(Some(home.at("share")), []);
    let loader = PackageLoader::with_data_dirs(registry.build(), dirs);
    let manager = PackageManager::builder(loader)
        .state_dir(home.state())
        .observer(Arc::new(move |event| {
            observed.lock().unwrap().push(event.clone());
        }))
        .open()
        .unwrap();
    let path = ThreeBot::new("told", "runs").put(home.at("packages/told"));
    let mut request = AddRequest::new(AddSource::Path { path });
    let web = shell_with(&home, "web", CHILDREN, json!({"restart": "always"}));
    request.install_kwargs = json!({"start": [web]}).as_object().cloned();
    let added = manager.perform(Operation::Add(request), Arc::new(|_| {}));
    added.unwrap();
    let pid = the_one(&home, "web");
    kill(pid, "KILL");
    let restarted = ManagerEvent::Restarted {
        name: "acme.told".to_owned(),
        what: "web".to_owned(),
    };
    until("that it is told", || {
        told.lock().unwrap().contains(&restarted)
    });
    let status = manager.status("acme.told").unwrap();
    let [web] = &status.processes[..] else {
        panic!("{status:?}");
    };
    assert_eq!((web.state, web.restarts), (ProcessPhase::Running, 1));
    let pid = the_one(&home, "web");
    assert_eq!(web.pid, Some(pid));
    // Nobody has called `stop_all`.
    drop(manager);
    assert!(!is_alive(pid));
    assert!(marked(&home, "web").is_empty());
}
