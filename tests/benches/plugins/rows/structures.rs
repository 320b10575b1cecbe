//! Loading one package structure in a fresh process, beside KPackage.

use std::path::{Path, PathBuf};
use std::process::Command;

use keyway::{DataDirs, PackageLoader, Registry, SearchPath};
use keyway_tests::PluginFolder;
use tempfile::TempDir;

use super::plugins;
use keyway_tests::bench::kde;
use keyway_tests::bench::measure::{Bound, Scale, in_turns, median, row, timed};

/// The argument that makes this program the process that loads.
pub(crate) const CHILD: &str = "--load-structure";

pub(crate) fn beside_kde(scale: &Scale) {
    let Some(built) = kde::built("package structures beside KPackage") else {
        return;
    };
    let many = scale.count(500);
    let [few_ours, many_ours] = [3, many].map(Ours::of);
    plugins::settle();
    // The first look leaves the index.
    few_ours.load();
    many_ours.load();
    let guessed = Theirs::of(&built, 3, "bench_wanted.so");
    let [few_theirs, many_theirs] = [3, many].map(|count| Theirs::of(&built, count, "other.so"));
    let [a, b, c, d, e] = in_turns(
        scale.rounds(51),
        [
            &mut || guessed.load(),
            &mut || few_theirs.load(),
            &mut || few_ours.load(),
            &mut || many_theirs.load(),
            &mut || many_ours.load(),
        ],
    );
    let show = |what: &str, a: &[f64], b: &[f64]| row(what, a, b, &Bound::None);
    show(
        "KPackage's / Keyway's load, 3 plugins, by file name",
        &a,
        &c,
    );
    show("KPackage's / Keyway's load, 3 plugins, by a scan", &b, &c);
    let what = format!("KPackage's / Keyway's load, {many} plugins, by a scan");
    show(&what, &d, &e);
    let what = format!("Keyway's load: {many} plugins / 3");
    show(&what, &e, &c);
}

/// The example plugin among others, with an index where there are many.
struct Ours {
    folder: PluginFolder,
    own: TempDir,
}

impl Ours {
    fn of(count: usize) -> Self {
        let folder = plugins::folder(count - 1);
        folder.copy(&plugins::shipped());
        let own = tempfile::tempdir().unwrap();
        Self { folder, own }
    }

    fn load(&self) -> f64 {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .arg(CHILD)
            .arg(self.folder.path())
            .arg(self.own.path());
        median(&kde::nanoseconds(&mut command))
    }
}

/// The process that loads with Keyway: prints nanoseconds.
pub(crate) fn child(arguments: &[String]) {
    let own = Path::new(&arguments[1]);
    let registry = Registry::builder(SearchPath::only([&arguments[0]]))
        .cache_dir(Some(own.join("cache")))
        .state_dir(Some(own.join("state")))
        .build();
    let loader = PackageLoader::with_data_dirs(registry, DataDirs::from_env());
    let time = timed(|| {
        loader
            .load_package_structure(plugins::SHIPPED_TYPE)
            .unwrap()
    });
    println!("{time}");
}

/// KPackage's structure `Bench/Wanted` among others.
struct Theirs {
    folder: TempDir,
    program: PathBuf,
}

impl Theirs {
    fn of(built: &Path, count: usize, name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let structures = folder.path().join("kpackage/packagestructure");
        std::fs::create_dir_all(&structures).unwrap();
        for number in 1..count {
            let to = structures.join(format!("p{number:05}.so"));
            std::fs::copy(built.join("libsmall.so"), to).unwrap();
        }
        std::fs::copy(built.join("libwanted.so"), structures.join(name)).unwrap();
        Self {
            folder,
            program: built.join("load_structure"),
        }
    }

    fn load(&self) -> f64 {
        let mut command = Command::new(&self.program);
        command
            .arg("Bench/Wanted")
            .env("QT_PLUGIN_PATH", self.folder.path());
        median(&kde::nanoseconds(&mut command))
    }
}
