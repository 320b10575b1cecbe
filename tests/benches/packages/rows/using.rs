//! What an application does with one package.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::process::Command;

use keyway::package::HashAlgorithm;
use keyway::{DataDirs, Package, PackageLoader, Registry, SearchPath};
use keyway_tests::bench::kde;
use keyway_tests::bench::measure::{Bound, Scale, median, row, timed};
use keyway_tests::{Build, PluginFolder, skipped};

/// The argument that makes this program the process that uses a package.
pub(crate) const CHILD: &str = "--use-package";

const TYPE: &str = "Plasma/Applet";

/// Real packages, and a file of each below `ui`.
const PACKAGES: [(&str, &str); 2] = [
    ("org.kde.plasma.calculator", "calculator.qml"),
    ("org.kde.plasma.analogclock", "analogclock.qml"),
];

/// As often as each thing is done in a process.
const TIMES: usize = 500;

/// What is compared, by the names that both programs print, and the bounds.
const ROWS: [(&str, &str, f64); 6] = [
    ("load", "load_package + set_path + is_valid", 5.0),
    ("metadata", "load_package + set_path + name", 4.0),
    ("file-cold", "file_path, cold", 3.0),
    ("file-warm", "file_path, warm", 1.0),
    (
        "file-warm-threads",
        "file_path, warm, Keyway in two threads",
        1.0,
    ),
    ("hash", "cryptographic_hash, SHA-1", 1.5),
];

pub(crate) fn beside_kpackage(scale: &Scale) {
    let Some(built) = kde::built("packages beside KPackage") else {
        return;
    };
    let plugins = PluginFolder::new();
    let structure = Build::of("keyway-structure-plasma").arg("--release");
    plugins.copy(&structure.path());
    for (package, file) in PACKAGES {
        let path = format!("/usr/share/plasma/plasmoids/{package}");
        if !std::path::Path::new(&path).is_dir() {
            skipped(&format!("the use of {package}"), "it is not installed");
            continue;
        }
        let times = scale.count(TIMES).to_string();
        let arguments = [TYPE, &path, "ui", file, &times];
        let (mut ours, mut theirs) = (Taken::new(), Taken::new());
        for round in 0..=scale.rounds(15) {
            let mut keyway = Command::new(std::env::current_exe().unwrap());
            keyway.arg(CHILD).arg(plugins.path()).args(arguments);
            let mut kpackage = Command::new(built.join("use_package"));
            kpackage.args(arguments);
            // The first round warms up; then they take turns at being first.
            let mut turns = [(&mut keyway, &mut ours), (&mut kpackage, &mut theirs)];
            turns.rotate_left(round % 2);
            for (command, taken) in turns {
                let printed = kde::printed(command);
                for line in printed.lines().filter(|_| round > 0) {
                    let (name, time) = line.split_once(' ').unwrap();
                    let times = taken.entry(name.to_owned()).or_default();
                    times.push(time.parse().unwrap());
                }
            }
        }
        // There KPackage can be asked by one thread alone.
        theirs.insert("file-warm-threads".into(), theirs["file-warm"].clone());
        let short = package.rsplit('.').next().unwrap_or(package);
        for (name, what, least) in ROWS {
            let what = format!("{short}: {what}");
            row(&what, &theirs[name], &ours[name], &Bound::AtLeast(least));
        }
    }
}

/// Nanoseconds, round by round, by name.
type Taken = BTreeMap<String, Vec<f64>>;

/// The process that uses a package with Keyway: prints what `use_package` prints.
pub(crate) fn child(arguments: &[String]) {
    let [plugins, type_name, path, key, file, times] = arguments else {
        panic!("unexpected arguments");
    };
    let times: usize = times.parse().unwrap();
    let registry = Registry::builder(SearchPath::only([plugins]))
        .cache_dir(None)
        .state_dir(None)
        .build();
    let loader = PackageLoader::with_data_dirs(registry, DataDirs::from_env());
    let fresh = || {
        let mut package = loader.load_package(type_name).unwrap();
        package.set_path(path).unwrap();
        package
    };
    let print = |name: &str, work: &dyn Fn() -> f64| {
        let taken: Vec<f64> = (0..times).map(|_| work()).collect();
        println!("{name} {}", median(&taken));
    };
    print("load", &|| timed(|| fresh().is_valid()));
    print("metadata", &|| {
        timed(|| fresh().metadata().unwrap().view().name().map(str::len))
    });
    print("file-cold", &|| {
        let package = fresh();
        timed(|| package.file_path(key, file).unwrap().as_os_str().len())
    });
    let package = fresh();
    print("file-warm", &|| warm(&package, key, file));
    print("file-warm-threads", &|| {
        std::thread::scope(|scope| {
            let other = scope.spawn(|| warm(&package, key, file));
            let this = warm(&package, key, file);
            this.max(other.join().unwrap())
        })
    });
    print("hash", &|| {
        let package = fresh();
        timed(|| package.cryptographic_hash(HashAlgorithm::Sha1).unwrap())
    });
}

/// Nanoseconds for finding a file that was found before.
fn warm(package: &Package, key: &str, file: &str) -> f64 {
    const CALLS: u32 = 1000;
    let time = timed(|| {
        for _ in 0..CALLS {
            black_box(black_box(package).file_path(key, file));
        }
    });
    time / f64::from(CALLS)
}
