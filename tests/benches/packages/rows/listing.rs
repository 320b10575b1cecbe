//! Listing packages.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use keyway::{DataDirs, PackageLoader, Registry, SearchPath};
use keyway_tests::bench::kde;
use keyway_tests::bench::measure::{Bound, Scale, in_turns, row, row_of_bytes, timed};
use keyway_tests::{Build, PluginFolder, skipped};

use super::generated;

/// The argument that makes this program the process that lists.
pub(crate) const CHILD: &str = "--list-packages";

const TYPE: &str = "Plasma/Applet";
const PLASMOIDS: &str = "/usr/share/plasma/plasmoids";

pub(crate) fn beside_kpackage(scale: &Scale) {
    let Some(built) = kde::built("listings beside KPackage") else {
        return;
    };
    let plugins = PluginFolder::new();
    let structure = Build::of("keyway-structure-plasma").arg("--release");
    plugins.copy(&structure.path());
    let count = scale.count(10_000);
    let generated = generated::applets(count);
    let lists = Lists {
        plugins,
        theirs: built.join("list_packages"),
    };

    let real = lists.ours(Path::new(PLASMOIDS), None)[1] as usize;
    if real == 0 {
        skipped("the listing of real plasmoids", "there are none");
    } else {
        let what = format!("listPackages, KPackage / Keyway: {real} plasmoids, cold");
        lists.in_process(
            &what,
            Path::new(PLASMOIDS),
            real,
            scale.rounds(51),
            &Bound::AtLeast(4.0),
        );
    }
    let what = format!("listPackages, KPackage / Keyway: {count} generated, cold");
    lists.in_process(
        &what,
        generated.path(),
        count,
        scale.rounds(11),
        &Bound::None,
    );
    lists.memory(generated.path(), count, scale);
    lists.as_processes(generated.path(), count, scale);
}

struct Lists {
    plugins: PluginFolder,
    theirs: PathBuf,
}

impl Lists {
    fn in_process(&self, what: &str, root: &Path, count: usize, rounds: usize, bound: &Bound) {
        let [kpackage, keyway] = in_turns(
            rounds,
            [&mut || self.theirs(root, count)[0], &mut || {
                self.ours(root, None)[0]
            }],
        );
        row(what, &kpackage, &keyway, bound);
    }

    /// By how much a process grows for each package.
    fn memory(&self, root: &Path, count: usize, scale: &Scale) {
        let each = |bytes: f64| bytes / count as f64;
        let cache = tempfile::tempdir().unwrap();
        settle();
        self.ours(root, Some(cache.path()));
        let [kpackage, cold, warm] = in_turns(
            scale.rounds(5),
            [
                &mut || each(self.theirs(root, count)[1]),
                &mut || each(self.ours(root, None)[2]),
                &mut || each(self.ours(root, Some(cache.path()))[2]),
            ],
        );
        let what = "memory for each package, KPackage / Keyway";
        row_of_bytes(
            &format!("{what}, cold"),
            &kpackage,
            &cold,
            &Bound::AtLeast(1.0),
        );
        row_of_bytes(
            &format!("{what}, warm"),
            &kpackage,
            &warm,
            &Bound::AtLeast(1.0),
        );
    }

    /// The commands, from start to end, with validity in Keyway's.
    fn as_processes(&self, root: &Path, count: usize, scale: &Scale) {
        let program = Build::of("keyway-cli").arg("--release").program();
        let cache = tempfile::tempdir().unwrap();
        let keyway = |cache: &Path| {
            let mut command = Command::new(&program);
            command
                .args(["list", "-t", TYPE, "-p"])
                .arg(root)
                .env("KEYWAY_PLUGIN_PATH", self.plugins.path())
                .env("XDG_CACHE_HOME", cache);
            lines(&mut command, count)
        };
        let kpackagetool = || {
            let mut command = Command::new("kpackagetool5");
            command
                .args(["--list", "-t", TYPE, "-p"])
                .arg(root)
                .env("QT_QPA_PLATFORM", "offscreen");
            lines(&mut command, count)
        };
        if Command::new("kpackagetool5").arg("-v").output().is_err() {
            skipped("the listings beside kpackagetool5", "it is not there");
            return;
        }
        // The first listing leaves what is kept.
        settle();
        keyway(cache.path());
        let [theirs, cold, warm] = in_turns(
            scale.rounds(11),
            [
                &mut || kpackagetool(),
                &mut || keyway(tempfile::tempdir().unwrap().path()),
                &mut || keyway(cache.path()),
            ],
        );
        let what = format!("kpackagetool5 --list / keyway list: {count} packages");
        row(
            &format!("{what}, cold"),
            &theirs,
            &cold,
            &Bound::AtLeast(5.0),
        );
        row(
            &format!("{what}, warm"),
            &theirs,
            &warm,
            &Bound::AtLeast(20.0),
        );
    }

    /// Nanoseconds, and the bytes by which the process has grown.
    fn theirs(&self, root: &Path, count: usize) -> Vec<f64> {
        let mut command = Command::new(&self.theirs);
        command.arg(TYPE).arg(root).arg(count.to_string());
        kde::nanoseconds(&mut command)
    }

    /// Nanoseconds, how many packages there are, and the bytes by which the process has grown.
    fn ours(&self, root: &Path, cache: Option<&Path>) -> Vec<f64> {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(CHILD).arg(self.plugins.path()).arg(root);
        if let Some(cache) = cache {
            command.arg(cache);
        }
        kde::nanoseconds(&mut command)
    }
}

/// The process that lists with Keyway.
pub(crate) fn child(arguments: &[String]) {
    let (plugins, root) = (&arguments[0], Path::new(&arguments[1]));
    let registry = Registry::builder(SearchPath::only([plugins]))
        .cache_dir(arguments.get(2).map(PathBuf::from))
        .build();
    let loader = PackageLoader::with_data_dirs(registry, DataDirs::new(None, []));
    // KPackage does not ask the structure of a type whose root is given.
    loader.load_package(TYPE).unwrap();
    let before = resident();
    let mut packages = Vec::new();
    let time = timed(|| packages = loader.list_packages(TYPE, Some(root)).unwrap());
    let grown = resident().saturating_sub(before);
    println!("{time}\n{}\n{grown}", packages.len());
}

/// The bytes of this process that lie in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB");
    kib.parse::<usize>().unwrap() * 1024
}

/// The nanoseconds that a command takes to print as many lines, and one for the heads.
fn lines(command: &mut Command, count: usize) -> f64 {
    let mut output = None;
    let time = timed(|| output = Some(command.output().unwrap()));
    let output = output.unwrap();
    assert!(output.status.success(), "{command:?}");
    let lines = output.stdout.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(lines, count + 1, "{command:?}");
    time
}

/// Lets files get old enough to be kept.
fn settle() {
    std::thread::sleep(Duration::from_millis(2100));
}
