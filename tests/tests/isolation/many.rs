//! Many workers at once.

use std::time::{Duration, Instant};

use keyway::install::Cancellation;
use keyway_tests::threebots::ThreeBot;

use crate::place::{Ask as _, Place, path};
use crate::{children, isolating, pid_of, read, state_of};

/// As many as this.
const MANY: usize = 100;

#[test]
fn a_hundred_start_and_stop_and_leave_nothing() {
    let place = Place::with(&["misbehaves"]);
    let manager = isolating(&place).open().unwrap();
    std::thread::scope(|scope| {
        for first in 0..8 {
            let (place, manager) = (&place, &manager);
            scope.spawn(move || {
                for number in (first..MANY).step_by(8) {
                    // From the search path: a hundred copies of a plugin would fill a disk.
                    let name = format!("p{number}");
                    let package = ThreeBot {
                        plugin: None,
                        toml: "[lifecycle]\ntype = \"Test/Misbehaves\"",
                        ..ThreeBot::new(&name, "")
                    };
                    let mut request = path(package.put(place.at(&name)));
                    request.start = false;
                    manager.add(request).unwrap();
                }
            });
        }
    });
    // What does not run has no process.
    let none = (0..MANY).all(|number| {
        let status = manager.status(&format!("acme.p{number}")).unwrap();
        status.lifecycle.unwrap().pid.is_none()
    });
    assert!(none);
    let began = Instant::now();
    assert_eq!(manager.start_all().started.len(), MANY);
    let started = began.elapsed();
    let pids: Vec<u32> = (0..MANY)
        .map(|it| pid_of(&manager, &format!("acme.p{it}")))
        .collect();
    let resident = read(format!("/proc/{}/status", pids[0]));
    let resident = resident
        .lines()
        .find(|it| it.starts_with("VmRSS"))
        .unwrap()
        .to_owned();
    let shared = read(format!("/proc/{}/smaps_rollup", pids[0]));
    let shared = shared
        .lines()
        .filter(|it| it.starts_with("Pss:") || it.starts_with("Private_Dirty"));
    let shared: Vec<_> = shared.map(str::to_owned).collect();
    let began = Instant::now();
    let stopped = manager.stop_all(Duration::from_secs(60), &Cancellation::new());
    println!(
        "{MANY} workers: started in {started:?}, stopped in {:?}; one has {resident}, {shared:?}",
        began.elapsed()
    );
    assert_eq!((stopped.stopped.len(), stopped.failed), (MANY, vec![]));
    // Reaped, so that not even a zombie is there.
    for pid in pids {
        assert_eq!(state_of(pid), None, "{:?}", children(std::process::id()));
    }
}
