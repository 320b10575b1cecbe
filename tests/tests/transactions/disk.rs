//! Disks that are really full.

use keyway_tests::command::run;
use keyway_tests::disk::{Disk, may_mount};

use crate::scenario::{Ending, INSTALL, NEXT, REMOVE, Scenario, UPGRADE};
use crate::site::{Check, Site};

const KIB: u64 = 1 << 10;

/// Runs a scenario on a disk that is made full, and says how it ended.
fn run_on(disk: &Disk, scenario: &Scenario, fill: impl FnOnce(), turn: usize) -> Check<Ending> {
    let site = Site::at(&disk.path().join("data"));
    scenario.prepare(&site);
    let other = site.other();
    fill();
    let output = run(&mut scenario.command(&site));
    let ending = match output.code {
        0 => Ending::Done,
        1 if output.stderr.contains("No space left") => Ending::Failed,
        _ => return Err(format!("a wrong end: {output:#?}")),
    };
    let there = scenario.check(&site, ending, other.as_ref())?;
    disk.empty();
    scenario.follow(&site, NEXT[turn % NEXT.len()], there)?;
    Ok(ending)
}

#[test]
fn on_a_full_disk_it_is_old_or_new_and_removing_always_works() {
    if !may_mount("disk::on_a_full_disk_it_is_old_or_new_and_removing_always_works") {
        return;
    }
    for scenario in [&INSTALL, &UPGRADE, &REMOVE] {
        let mut endings = Vec::new();
        for (turn, room) in (0..=256).step_by(16).enumerate() {
            let disk = Disk::new("size=1m");
            let fill = || disk.fill_up_to(room * KIB);
            match run_on(&disk, scenario, fill, turn) {
                Ok(ending) => endings.push(ending),
                Err(why) => panic!("{} with {room} KiB left: {why}", scenario.name),
            }
        }
        assert_eq!(endings.last(), Some(&Ending::Done), "{}", scenario.name);
        let removes = scenario.after.is_none();
        assert_eq!(!endings.contains(&Ending::Failed), removes, "{endings:?}");
    }
}

#[test]
fn on_a_disk_that_takes_no_more_files_it_is_old_or_new_and_removing_works() {
    if !may_mount("disk::on_a_disk_that_takes_no_more_files_it_is_old_or_new_and_removing_works") {
        return;
    }
    for (scenario, wanted) in [
        (&INSTALL, Ending::Failed),
        (&UPGRADE, Ending::Failed),
        (&REMOVE, Ending::Done),
    ] {
        for turn in 0..NEXT.len() {
            let disk = Disk::new("size=1m,nr_inodes=100");
            let ending = run_on(&disk, scenario, || disk.use_up_inodes(), turn);
            assert_eq!(ending, Ok(wanted), "{}", scenario.name);
        }
    }
}
