//! Whether what is on record and what is on the disk agree.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use keyway_tests::server::Home;
use serde_json::Value;

/// The names in a folder, but for our own.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|it| it.file_name().into_string().unwrap());
    names.filter(|it| it != ".keyway").collect()
}

fn version_in(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join("package.toml")).ok()?;
    let line = text.lines().find(|it| it.starts_with("version = "))?;
    Some(line.split('"').nth(1)?.to_owned())
}

/// Compares records, as a server tells them, with what is there, and gives what does not fit. Nothing is
/// asked for meanwhile, nor was since the start of a server that `has_started` only just now.
pub(crate) fn disagreements(home: &Home, has_started: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let packages: BTreeMap<String, Value> = home
        .packages()
        .into_iter()
        .map(|it| (it["name"].as_str().unwrap().to_owned(), it))
        .collect();
    let records: BTreeSet<String> = packages.keys().cloned().collect();
    let mut placed = BTreeSet::new();
    let mut half_way = BTreeSet::new();
    for (name, package) in &packages {
        let status = package["status"].as_str().unwrap();
        let runs = package["running"] == true;
        let interrupted = package["last_error"]["interrupted"] == true;
        // Killed by somebody else, and nobody's fault either.
        let ended = package["last_error"]["code"] == "worker-ended";
        let pending = package["pending"].as_array().unwrap();
        let folder = Path::new(package["path"].as_str().unwrap());
        let mut is_wrong = |what: String| wrong.push(format!("{name}: {what}: {package}"));

        // What is recorded has happened; what was interrupted waits for a retry, and says so.
        let as_it_should = match status {
            // Who is reconfigured while it does not run is not started then.
            "installed" => (runs || !has_started) && pending.is_empty() && !interrupted,
            // A stop that was not finished is, and then it does not run.
            // Nor does what was reloaded instead of installed.
            "disabled" | "tostart" | "config" => !runs && pending.is_empty() && !interrupted,
            "error" => !runs && (interrupted || ended) && pending.len() == 1,
            _ => false,
        };
        if !as_it_should {
            is_wrong("it is not as a server that has started leaves it".to_owned());
        }
        if interrupted
            && pending
                .iter()
                .all(|it| it["steps"][0] != package["last_error"]["hook"])
        {
            is_wrong("the journal does not begin with what was interrupted".to_owned());
        }
        match version_in(folder) {
            Some(version) if package["version"] == version.as_str() => {}
            other => is_wrong(format!("in its place is the version {other:?}")),
        }
        placed.insert(name.clone());
        let waits = |step: &str| {
            let steps = pending
                .iter()
                .flat_map(|it| it["steps"].as_array().unwrap());
            steps.into_iter().any(|it| it == step)
        };
        if waits("accept") && !waits("place") {
            half_way.insert(name.clone());
        }
        if !home.data(name).exists() && !package["lifecycle"].is_null() {
            is_wrong("it has no data folder".to_owned());
        }
    }
    let ours = home.root().join(".keyway");
    for (what, found, expected) in [
        ("packages in the root", names(&home.root()), &placed),
        (
            "marks of managed packages",
            names(&ours.join("managed")),
            &records,
        ),
        (
            "versions that are kept",
            names(&ours.join("kept")),
            &half_way,
        ),
    ] {
        if found != *expected {
            wrong.push(format!("{what}: {found:?}, expected {expected:?}"));
        }
    }
    // The name of a copy says nothing: as many as operations that need one.
    let copies = names(&home.state().join("incoming")).len();
    let adds = packages
        .values()
        .filter(|it| it["pending"][0]["operation"] == "add");
    if copies > adds.count() {
        wrong.push(format!("{copies} copies wait for nothing"));
    }
    wrong
}

#[allow(dead_code)]
#[track_caller]
pub(crate) fn assert_agree(home: &Home, when: &str) {
    let wrong = disagreements(home, true);
    assert!(wrong.is_empty(), "{when}: {wrong:#?}");
}

/// What a killed change leaves under way goes with the next change in that root.
#[track_caller]
pub(crate) fn assert_nothing_under_way(home: &Home) {
    let changes = names(&home.root().join(".keyway/changes"));
    assert!(changes.is_empty(), "{changes:?}");
}
