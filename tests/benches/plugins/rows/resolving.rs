//! Who gives a type, asked by a fresh process that finds an index.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use keyway_tests::PluginFolder;
use tempfile::TempDir;

use super::plugins;
use keyway_tests::bench::measure::{Bound, Scale, in_turns, row, timed};

/// A folder of plugins and the index of it.
struct Indexed {
    folder: PluginFolder,
    cache: TempDir,
    index: PathBuf,
}

const NUMBER: usize = 7;

impl Indexed {
    fn of(folder: PluginFolder) -> Self {
        let cache = tempfile::tempdir().unwrap();
        run(&mut resolve(folder.path(), cache.path()));
        let mut entries = std::fs::read_dir(cache.path()).unwrap();
        let index = entries.next().expect("an index").unwrap().path();
        Self {
            folder,
            cache,
            index,
        }
    }

    fn resolve(&self) -> f64 {
        timed(|| run(&mut resolve(self.folder.path(), self.cache.path())))
    }

    /// A process that does the least that any could do.
    fn floor(&self) -> f64 {
        let file = self.folder.path().join(format!("p{NUMBER:05}.so"));
        timed(|| {
            run(Command::new(env!("CARGO_BIN_EXE_open-index"))
                .arg(&self.index)
                .arg(self.folder.path())
                .arg(file))
        })
    }
}

fn resolve(folder: &Path, cache: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_resolve"));
    command
        .arg(folder)
        .arg(cache)
        .arg(plugins::type_name(NUMBER));
    command
}

fn run(command: &mut Command) {
    let status = command.stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}");
}

pub(crate) fn in_fresh_processes(scale: &Scale) {
    let large = scale.count(10_000);
    let folders = [50, 50, large].map(plugins::folder);
    plugins::settle();
    let [few, other, many] = folders.map(Indexed::of);
    let [few_times, other_times, many_times, floor] = in_turns(
        scale.rounds(201),
        [
            &mut || few.resolve(),
            &mut || other.resolve(),
            &mut || many.resolve(),
            &mut || many.floor(),
        ],
    );
    row(
        "warm resolve in a fresh process: 50 plugins / 50 others",
        &few_times,
        &other_times,
        &Bound::None,
    );
    row(
        &format!("warm resolve in a fresh process: {large} plugins / 50"),
        &many_times,
        &few_times,
        &Bound::AtMost(1.1),
    );
    row(
        &format!("the same, {large} plugins / opening the index, 2 stats"),
        &many_times,
        &floor,
        &Bound::AtMost(3.0),
    );
}
