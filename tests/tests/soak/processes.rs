//! What runs in a home, as `/proc` shows it, and what its server says of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use keyway_tests::server::Home;
use serde_json::Value;

use crate::packages::{Kind, Package, mark};

/// A process as `/proc` shows it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) pid: u32,
    state: char,
    parent: u32,
    group: u32,
    /// Whether its environment is of that home.
    is_own: bool,
    arguments: Vec<String>,
}

fn seen(home: &Home) -> Vec<Seen> {
    let own = format!("={}/", home.at("").to_str().unwrap().trim_end_matches('/'));
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let seen = entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let (_, fields) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        let environment = String::from_utf8_lossy(&environment).into_owned();
        let arguments = fs::read(entry.path().join("cmdline")).ok()?;
        let arguments = arguments.split(|it| *it == 0);
        Some(Seen {
            pid,
            state: fields[0].chars().next()?,
            parent: fields[1].parse().ok()?,
            group: fields[2].parse().ok()?,
            is_own: environment.contains(&own),
            arguments: arguments
                .map(|it| String::from_utf8_lossy(it).into_owned())
                .collect(),
        })
    });
    seen.collect()
}

impl Seen {
    pub(crate) fn is_worker(&self) -> bool {
        self.arguments.get(1).is_some_and(|it| it == "worker")
    }
}

/// The processes of a home that have not ended: its server, and whatever came of that.
pub(crate) fn of_home(home: &Home) -> Vec<Seen> {
    let mut seen = seen(home);
    seen.retain(|it| it.is_own && it.state != 'Z');
    seen
}

/// `kill -9`, unless it is somebody else by now; whether it was sent.
pub(crate) fn kill(home: &Home, pid: u32) -> bool {
    let is_there = of_home(home).iter().any(|it| it.pid == pid);
    let kill = || {
        let kill = std::process::Command::new("kill")
            .args(["-9", &pid.to_string()])
            .stderr(std::process::Stdio::null())
            .status();
        kill.is_ok_and(|it| it.success())
    };
    is_there && kill()
}

/// Ends what is left of a home, when a test has failed.
pub(crate) fn kill_all(home: &Home) {
    for it in of_home(home) {
        kill(home, it.pid);
    }
}

fn pid(value: &Value) -> Option<u32> {
    value.as_u64()?.try_into().ok()
}

/// What of the processes and of the packages as they are told does not fit.
pub(crate) fn disagreements(
    home: &Home,
    server: u32,
    packages: &[Package],
    told: &[Value],
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut expected = BTreeMap::new();
    let mut noted = BTreeSet::new();
    for it in told {
        let name = it["name"].as_str().unwrap();
        let package = packages.iter().find(|it| it.name == name).unwrap();
        let runs = it["running"] == true;
        let worker = pid(&it["lifecycle"]["pid"]);
        if worker.is_some() != (runs && package.kind == Kind::Isolated) {
            wrong.push(format!("its worker is {worker:?}: {it}"));
        }
        expected.extend(worker.map(|pid| (pid, None)));
        let mut running = 0;
        for process in it["processes"].as_array().unwrap() {
            let own = process["name"].as_str().unwrap();
            let is_well = match pid(&process["pid"]) {
                Some(pid) => {
                    running += 1;
                    expected.insert(pid, Some(mark(home, name, own)));
                    runs && process["state"] == "running"
                }
                None => !runs && process["state"] == "stopped",
            };
            if !is_well {
                wrong.push(format!("its process is not as it should be: {it}"));
            }
        }
        if (running > 0) != (runs && package.kind == Kind::Child) {
            wrong.push(format!("{running} processes run: {it}"));
        }
        if running > 0 {
            noted.insert(name.to_owned());
        }
    }
    let seen = seen(home);
    for it in seen.iter().filter(|it| it.is_own || it.parent == server) {
        let leads = expected.get(&it.group).is_some_and(Option::is_some);
        let is_well = match expected.get(&it.pid) {
            _ if it.state == 'Z' => false,
            Some(_) if it.parent != server => false,
            Some(Some(mark)) => it.arguments.contains(mark) && it.group == it.pid,
            Some(None) => true,
            None => it.pid == server || (leads && it.is_own),
        };
        if !is_well {
            wrong.push(format!("nobody said that it runs: {it:?}"));
        }
    }
    for (pid, mark) in &expected {
        if !seen.iter().any(|it| it.pid == *pid) {
            wrong.push(format!("it is said to run: {pid} {mark:?}"));
        }
    }
    // What is written down of processes, for the next server.
    let folder = home.state().join("processes");
    let notes = fs::read_dir(folder).into_iter().flatten().flatten();
    let notes: BTreeSet<String> = notes
        .filter(|it| fs::read_dir(it.path()).is_ok_and(|mut it| it.next().is_some()))
        .map(|it| it.file_name().into_string().unwrap())
        .collect();
    if notes != noted {
        wrong.push(format!("notes of processes: {notes:?}, expected {noted:?}"));
    }
    wrong
}
