//! Reading what lies in a folder, nothing kept from before.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use keyway::{Registry, SearchPath};
use keyway_tests::PluginFolder;

use super::plugins;
use keyway_tests::bench::kde;
use keyway_tests::bench::measure::{Bound, Scale, in_turns, median, row, timed};

/// Cold discovery against opening each file and reading its first 8 KiB.
pub(crate) fn beside_reading(scale: &Scale) {
    for count in [500, 5000] {
        let count = scale.count(count);
        let folder = plugins::folder(count);
        let what = format!("cold discovery of {count} plugins / reading 8 KiB of each");
        measured(scale, &what, &folder, count);
    }
    let count = scale.count(500);
    let folder = PluginFolder::new();
    plugins::copies(&folder, &plugins::shipped(), count);
    let what = format!("the same, {count} copies of the example plugin");
    measured(scale, &what, &folder, count);
}

fn measured(scale: &Scale, what: &str, folder: &PluginFolder, count: usize) {
    let files = files(folder.path());
    let [keyway, floor] = in_turns(
        scale.rounds(if count > 1000 { 31 } else { 101 }),
        [&mut || discover(folder.path(), count), &mut || {
            timed(|| read_starts(&files))
        }],
    );
    row(what, &keyway, &floor, &Bound::AtMost(1.5));
    let each = |times: &[f64]| times.iter().map(|it| it / count as f64).collect::<Vec<_>>();
    row(
        "  for each plugin",
        &each(&keyway),
        &each(&floor),
        &Bound::None,
    );
}

/// Qt's discovery against Keyway's, of as many plugins.
pub(crate) fn beside_kde(scale: &Scale) {
    let Some(built) = kde::built("discovery beside KPluginMetaData") else {
        return;
    };
    let count = scale.count(500);
    let ours = plugins::folder(count);
    let theirs = PluginFolder::new();
    plugins::copies(&theirs, &built.join("libsmall.so"), count);
    // The first of three rounds on either side meets caches that the other side has used.
    let mut find = || {
        let mut command = Command::new(built.join("find_plugins"));
        command.arg(theirs.path()).args(["3", &count.to_string()]);
        median(&kde::nanoseconds(&mut command)[1..])
    };
    let mut look = || {
        let rounds = [(); 3].map(|()| discover(ours.path(), count));
        median(&rounds[1..])
    };
    let [kde, keyway] = in_turns(scale.rounds(21), [&mut find, &mut look]);
    let each = |times: Vec<f64>| -> Vec<f64> { times.iter().map(|it| it / count as f64).collect() };
    row(
        "KPluginMetaData::findPlugins / cold discovery, each plugin",
        &each(kde),
        &each(keyway),
        &Bound::AtLeast(6.0),
    );
}

fn discover(folder: &Path, count: usize) -> f64 {
    let mut files = 0;
    let time = timed(|| {
        let registry = Registry::builder(SearchPath::only([folder]))
            .cache_dir(None)
            .state_dir(None)
            .build();
        let catalog = registry.catalog();
        files = catalog
            .files()
            .filter(|file| file.manifest().is_some())
            .count();
        (registry, catalog)
    });
    assert_eq!(files, count);
    time
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// What cannot be had for less.
fn read_starts(files: &[PathBuf]) -> usize {
    use std::os::unix::fs::FileExt as _;
    let mut bytes = [0; 8 * 1024];
    files
        .iter()
        .map(|file| {
            let file = File::open(file).unwrap();
            file.read_at(&mut bytes, 0).unwrap()
        })
        .sum()
}
