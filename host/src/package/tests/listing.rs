//! Listings that are kept: their answers are those of listings that are not.

use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::support::{Structure, basic};
use crate::package::{DataDirs, ListedPackage, Listing, Package, PackageLoader};
use crate::plugin::{Registry, SearchPath};

/// Longer than the kernel's tick, so that another change has another time.
const TICK: Duration = Duration::from_millis(12);

/// Data folders `home` and `system`, and a cache beside them.
struct Kept {
    _folder: TempDir,
    root: PathBuf,
}

impl Kept {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        for name in ["home/test/basic", "system/test/basic", "elsewhere/ui"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        fs::write(root.join("elsewhere/ui/main.qml"), "").unwrap();
        let _folder = folder;
        Self { _folder, root }
    }

    fn packages(&self) -> PathBuf {
        self.root.join("home/test/basic")
    }

    /// A loader as a fresh process has it.
    fn loader(&self, cache: bool) -> PackageLoader {
        let cache = cache.then(|| self.root.join("cache"));
        let registry = Registry::builder(SearchPath::default())
            .cache_dir(cache)
            .build();
        let dirs = DataDirs::new(Some(self.root.join("home")), [self.root.join("system")]);
        let loader = PackageLoader::with_data_dirs(registry, dirs);
        loader
            .add_known_package_structure("Test/Basic", basic())
            .unwrap();
        loader
    }

    /// Everything that a listing says.
    fn answers(&self, cache: bool, validity: bool) -> Vec<String> {
        let loader = self.loader(cache);
        let listing = later(&loader);
        let listing = if validity {
            listing.with_validity()
        } else {
            listing
        };
        let packages = listing.packages().unwrap();
        packages.iter().map(|it| answer(it, validity)).collect()
    }

    fn compare(&self, what: &str) {
        // Without validity first: that must not lose verdicts, and with it must not use stale ones.
        for validity in [false, true, true] {
            assert_eq!(
                self.answers(true, validity),
                self.answers(false, validity),
                "{what}"
            );
        }
    }

    fn cached(&self) -> Vec<PathBuf> {
        files(&self.root.join("cache/packages"))
    }

    fn package(&self, path: &Path) {
        let id = path.file_name().unwrap().to_str().unwrap();
        fs::create_dir_all(path.join("contents/ui")).unwrap();
        fs::write(path.join("metadata.json"), json(id, "1")).unwrap();
        fs::write(path.join("contents/ui/main.qml"), "").unwrap();
    }

    fn add_many(&self, count: usize) {
        for number in 0..count {
            self.package(&self.packages().join(format!("p{number:02}")));
        }
        thread::sleep(TICK);
    }
}

fn later(loader: &PackageLoader) -> Listing<'_> {
    loader.listing("Test/Basic").later("Test/Basic")
}

fn answer(package: &ListedPackage, validity: bool) -> String {
    format!(
        "{} {} {} {} {} {} {} {}",
        package.id(),
        package.name(),
        package.name_in("de_DE.UTF-8"),
        package.version(),
        package.path().display(),
        package.is_untyped(),
        validity && package.is_valid(),
        package.metadata().document().to_json(),
    )
}

fn json(id: &str, version: &str) -> String {
    format!(
        r#"{{"KPlugin": {{"Id": "{id}", "Name": "N", "Name[de]": "D", "Version": "{version}"}},
            "KPackageStructure": "Test/Basic"}}"#
    )
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

#[test]
fn without_a_cache_folder_nothing_is_kept() {
    let kept = Kept::new();
    kept.add_many(40);
    assert_eq!(kept.answers(false, true).len(), 40);
    assert!(kept.cached().is_empty());
    assert!(files(&kept.root).iter().all(|it| !it.ends_with("cache")));
}

#[test]
fn few_packages_and_those_that_just_changed_are_not_kept() {
    let kept = Kept::new();
    kept.add_many(31);
    assert_eq!(kept.answers(true, true).len(), 31);
    assert!(kept.cached().is_empty());

    kept.package(&kept.packages().join("one-more"));
    // Now, and not ten seconds later.
    let listed = kept.loader(true).list_packages("Test/Basic", None);
    assert_eq!(listed.unwrap().len(), 32);
    assert!(kept.cached().is_empty());
    kept.answers(true, true);
    assert_eq!(kept.cached().len(), 1);
}

#[test]
fn a_cache_that_cannot_be_written_is_done_without() {
    let kept = Kept::new();
    kept.add_many(40);
    fs::write(kept.root.join("cache"), "a file").unwrap();
    kept.compare("no cache folder");
}

/// What is not read again cannot be seen to have changed: by that it is known to be kept.
#[test]
fn what_has_not_changed_is_not_read_again_and_a_refresh_reads_it() {
    let kept = Kept::new();
    kept.add_many(40);
    kept.answers(true, true);
    let [file] = &kept.cached()[..] else {
        panic!("nothing is kept");
    };
    // Another name under the same checksum: only who uses what is kept finds it.
    let mut bytes = fs::read(file).unwrap();
    let at = bytes.windows(4).rposition(|it| it == b"\x03p39").unwrap();
    bytes[at + 1] = b'q';
    let length = u32::from_le_bytes(*bytes[12..].first_chunk().unwrap());
    let sum = crc32fast::hash(&bytes[16..16 + length as usize]);
    bytes[8..12].copy_from_slice(&sum.to_le_bytes());
    fs::write(file, &bytes).unwrap();

    let loader = kept.loader(true);
    let last = || {
        let packages = later(&loader).packages().unwrap();
        packages.last().unwrap().id().to_owned()
    };
    assert_eq!(last(), "q39");
    loader.refresh();
    assert_eq!(last(), "p39");
    // What was read is kept again.
    assert_eq!(last(), "p39");
    assert_eq!(kept.answers(true, false), kept.answers(false, false));
}

#[test]
fn a_listing_that_learns_nothing_writes_nothing() {
    use std::os::unix::fs::MetadataExt as _;
    let kept = Kept::new();
    kept.add_many(40);
    kept.answers(true, true);
    let inode = || {
        let metadata = fs::metadata(&kept.cached()[0]).unwrap();
        (metadata.ino(), metadata.ctime_nsec())
    };
    let before = inode();
    kept.compare("nothing");
    assert_eq!(inode(), before);
    fs::write(kept.packages().join("p00/metadata.json"), json("p00", "2")).unwrap();
    thread::sleep(TICK);
    kept.compare("one file");
    assert_ne!(inode(), before);
}

#[test]
fn verdicts_of_another_structure_are_not_used() {
    let kept = Kept::new();
    kept.add_many(40);
    let loader = kept.loader(true);
    let valid = |judged: &str| {
        let listing = loader.listing("Test/Basic").later(judged);
        let packages = listing.with_validity().packages().unwrap();
        packages.iter().filter(|it| it.is_valid()).count()
    };
    assert_eq!(valid("one"), 40);
    loader
        .add_known_package_structure(
            "Test/Basic",
            Structure::new(|package| {
                package.set_default_package_root("test/basic");
                package.add_file_definition("other", "other", "");
                package.set_required("other", true);
                Ok(())
            }),
        )
        .unwrap();
    // By their name they are still those of the first one.
    assert_eq!(valid("one"), 40);
    assert_eq!(valid("two"), 0);
}

/// Where a verdict depends on more than the package's own folder, it is found out each time.
#[test]
fn verdicts_that_depend_on_other_places_are_not_kept() {
    let kept = Kept::new();
    kept.add_many(40);
    let ui = |number: usize| kept.packages().join(format!("p{number:02}/contents/ui"));
    fs::remove_dir_all(ui(1)).unwrap();
    symlink(kept.packages().join("p02/contents/ui"), ui(1)).unwrap();
    fs::remove_file(ui(3).join("main.qml")).unwrap();
    symlink("../../../p04/metadata.json", ui(3).join("main.qml")).unwrap();
    fs::create_dir(ui(5).join(".hidden")).unwrap();
    fs::remove_file(ui(5).join("main.qml")).unwrap();
    symlink(".hidden/x", ui(5).join("main.qml")).unwrap();
    let root_path = |applet| {
        format!(
            r#"{{"KPlugin": {{"Id": "p07"}}, "KPackageStructure": "Test/Basic",
                "X-Plasma-RootPath": "{applet}"}}"#
        )
    };
    fs::remove_dir_all(ui(7)).unwrap();
    let metadata = kept.packages().join("p07/metadata.json");
    fs::write(metadata, root_path("base")).unwrap();
    let base = kept.root.join("home/test/applets/base");
    kept.package(&base);
    thread::sleep(TICK);

    let answers = |cache: bool| {
        let loader = kept.loader(cache);
        loader
            .add_known_package_structure(
                "Plasma/Applet",
                Structure::new(|package| {
                    package.set_default_package_root("test/applets");
                    package.add_file_definition("mainscript", "ui/main.qml", "");
                    package.set_required("mainscript", true);
                    Ok(())
                }),
            )
            .unwrap();
        let packages = later(&loader).with_validity().packages().unwrap();
        let valid = packages.iter().filter(|it| it.is_valid());
        valid.map(|it| it.id().to_owned()).collect::<Vec<_>>()
    };
    for round in 0..2 {
        let all = answers(true);
        assert_eq!(all, answers(false));
        let has = |id: &str| all.iter().any(|it| it == id);
        assert!(!has("p01") && !has("p03") && !has("p05"));
        assert!(has("p07"), "{round}");
    }
    fs::write(ui(5).join(".hidden/x"), "").unwrap();
    fs::remove_dir_all(base).unwrap();
    thread::sleep(TICK);
    let all = answers(true);
    assert_eq!(all, answers(false));
    let has = |id: &str| all.iter().any(|it| it == id);
    assert!(has("p05") && !has("p07"));
}

/// Loading takes no other name, and takes JSON first.
#[test]
fn of_several_metadata_files_the_one_that_loading_takes_counts() {
    let desktop = "[Desktop Entry]\nX-KDE-PluginInfo-Name=desktop\n";
    for (names, id) in [
        (&["METADATA.json", "metadata.json"][..], "metadata.json"),
        (&["METADATA.json", "metadata.desktop"], "desktop"),
        (&["metadata.desktop", "metadata.json"], "metadata.json"),
        (&["METADATA.DESKTOP", "METADATA.json"], "METADATA.json"),
    ] {
        let kept = Kept::new();
        let package = kept.packages().join("p");
        fs::create_dir_all(&package).unwrap();
        for name in names {
            let text = match name.ends_with("json") {
                true => json(name, "1"),
                false => desktop.to_owned(),
            };
            fs::write(package.join(name), text).unwrap();
        }
        let listed = later(&kept.loader(false)).packages().unwrap();
        let ids: Vec<&str> = listed.iter().map(ListedPackage::id).collect();
        assert_eq!(ids, [id], "{names:?}");
    }
}

#[test]
fn full_packages_are_the_valid_ones() {
    let kept = Kept::new();
    kept.add_many(10);
    fs::remove_dir_all(kept.packages().join("p03/contents")).unwrap();
    let secret = kept.root.join("elsewhere/ui/main.qml");
    let leaves = kept.packages().join("p04/contents/ui/main.qml");
    fs::remove_file(&leaves).unwrap();
    symlink(&secret, &leaves).unwrap();
    let loader = kept.loader(true);
    let packages = loader.load_packages("Test/Basic", None).unwrap();
    let names: Vec<_> = packages
        .iter()
        .map(|it| it.path().unwrap().file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["p00", "p01", "p02", "p05", "p06", "p07", "p08", "p09"]
    );
    // They are as `load_package_at` gives them.
    let script = packages[0].file_path("mainscript", "");
    let loaded = loader.load_package_at("Test/Basic", "p00").unwrap();
    assert_eq!(script, loaded.file_path("mainscript", ""));
    assert_eq!(packages[0].metadata(), loaded.metadata());
    symlink(&secret, kept.packages().join("p00/contents/ui/x")).unwrap();
    assert_eq!(packages[0].file_path("ui", "x"), None);

    let listed = loader.list_packages("Test/Basic", None).unwrap();
    assert_eq!(listed.len(), 10);
    assert_eq!(listed[3].load().unwrap_err().code(), "package-invalid");
    let path = |package: Package| package.path().map(Path::to_path_buf);
    assert_eq!(
        path(listed[0].load().unwrap()),
        path(loaded),
        "{:?}",
        listed[0]
    );
}

#[test]
fn packages_are_found_by_their_metadata() {
    let kept = Kept::new();
    kept.add_many(40);
    fs::write(kept.packages().join("p07/metadata.json"), json("p07", "7")).unwrap();
    for cache in [false, true, true] {
        let loader = kept.loader(cache);
        let find = |version: &str| {
            let found = loader.find_packages("Test/Basic", None, |metadata| {
                metadata.view().version() == Some(version)
            });
            let found = found.unwrap().into_iter();
            found.map(|it| it.id().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(find("7"), ["p07"]);
        assert_eq!(find("1").len(), 39);
        assert_eq!(find("2"), [""; 0]);
    }
}

#[test]
fn a_listing_tells_how_far_it_is() {
    let kept = Kept::new();
    kept.add_many(100);
    let loader = kept.loader(false);
    let (calls, most, checked) = (
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    let listing = loader.listing("Test/Basic").on_progress(|progress| {
        calls.fetch_add(1, Ordering::Relaxed);
        most.fetch_max(progress.found, Ordering::Relaxed);
        checked.fetch_max(progress.checked, Ordering::Relaxed);
    });
    assert_eq!(listing.with_validity().packages().unwrap().len(), 100);
    let counts = [calls, most, checked].map(AtomicUsize::into_inner);
    assert_eq!(counts, [200, 100, 100]);
}

/// A generator of numbers that are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % end
    }
}

/// All folders with metadata below the roots, hidden or not.
fn folders(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut next = vec![root.to_path_buf()];
    while let Some(folder) = next.pop() {
        for path in files(&folder) {
            if path.is_dir() && !path.is_symlink() {
                next.push(path.clone());
                if path.join("contents").exists() {
                    found.push(path);
                }
            }
        }
    }
    found.sort();
    found
}

fn damage(file: &Path, numbers: &mut Numbers) {
    let Ok(mut bytes) = fs::read(file) else {
        return;
    };
    match numbers.below(5) {
        0 => bytes.truncate(numbers.below(bytes.len() + 1)),
        1 => bytes.clear(),
        2 => bytes.extend(b"more"),
        3 => bytes = vec![0xff; 4096],
        _ if !bytes.is_empty() => {
            let at = numbers.below(bytes.len());
            bytes[at] ^= 1 << numbers.below(8);
        }
        _ => {}
    }
    fs::write(file, bytes).unwrap();
}

/// Makes one change, and says which.
fn change(kept: &Kept, numbers: &mut Numbers) -> String {
    let all = folders(&kept.root.join("home"));
    let package = all[numbers.below(all.len())].clone();
    let other = all[numbers.below(all.len())].clone();
    let id = format!("p{:02}", numbers.below(60));
    let version = numbers.below(10).to_string();
    let metadata = package.join("metadata.json");
    let ui = package.join("contents/ui");
    let what = numbers.below(24);
    // Where something is in the way, there is no change.
    let _ = match what {
        0 | 1 => {
            kept.package(&kept.packages().join(&id));
            Ok(())
        }
        2 => {
            kept.package(&ui.join(&id));
            Ok(())
        }
        3 if all.len() > 40 => fs::remove_dir_all(&package),
        4 => fs::rename(&package, package.with_file_name(&id)),
        // In place, of the same length.
        5 | 6 => fs::write(&metadata, json(&id, &version)),
        7 => {
            let next = package.join("next");
            fs::write(&next, json(&id, &version)).unwrap();
            fs::rename(next, &metadata)
        }
        8 => fs::set_permissions(&metadata, Permissions::from_mode(0o600)),
        9 => fs::set_permissions(&package, Permissions::from_mode(0o700)),
        10 => fs::rename(&metadata, package.join("m.json"))
            .and_then(|()| symlink("m.json", &metadata)),
        11 => fs::remove_file(&metadata)
            .and_then(|()| symlink(other.join("metadata.json"), &metadata)),
        12 => fs::write(
            package.join("metadata.desktop"),
            format!("[Desktop Entry]\nX-KDE-PluginInfo-Name={id}\n"),
        ),
        13 => fs::remove_file(&metadata),
        14 => fs::rename(
            &package,
            package.with_file_name(format!(".{}", package.file_name().unwrap().display())),
        ),
        15 => fs::remove_file(ui.join("main.qml")),
        16 => fs::write(ui.join("main.qml"), ""),
        17 => fs::remove_dir_all(&ui).and_then(|()| symlink(kept.root.join("elsewhere/ui"), &ui)),
        18 => fs::write(
            &metadata,
            ["{broken", "{}", "{\"KPlugin\": {\"Id\": \"\u{1}\"}}", "[]"][numbers.below(4)],
        ),
        19 => fs::rename(&metadata, package.join("METADATA.JSON")),
        // Two change places.
        20 if !other.starts_with(&package) && !package.starts_with(&other) => {
            let between = kept.root.join("between");
            fs::rename(&package, &between)
                .and_then(|()| fs::rename(&other, &package))
                .and_then(|()| fs::rename(&between, &other))
        }
        21 => {
            // The same times everywhere, as a copy or an unpacked archive may have them.
            let times = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH);
            let mut paths = all.clone();
            paths.extend(all.iter().map(|it| it.join("metadata.json")));
            paths.extend(all.iter().map(|it| it.join("contents/ui")));
            for path in paths {
                let _ = File::open(path).and_then(|file| file.set_times(times));
            }
            Ok(())
        }
        _ => {
            for file in kept.cached() {
                damage(&file, numbers);
            }
            Ok(())
        }
    };
    format!("{what} {}", package.display())
}

#[test]
fn whatever_changes_the_answers_are_those_without_a_cache() {
    for seed in [1, 2] {
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let kept = Kept::new();
        kept.add_many(50);
        for number in 0..3 {
            let system = kept.root.join(format!("system/test/basic/p{number:02}"));
            kept.package(&system);
        }
        thread::sleep(TICK);
        let mut changes = Vec::new();
        for _ in 0..50 {
            kept.compare(&format!("seed {seed}: {changes:#?}"));
            for _ in 0..=numbers.below(2) {
                changes.push(change(&kept, &mut numbers));
            }
            thread::sleep(TICK);
        }
        assert!(!kept.cached().is_empty());
    }
}

#[test]
fn many_may_write_and_damage_what_is_kept_at_once() {
    let kept = Kept::new();
    kept.add_many(60);
    let expected = kept.answers(false, true);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..15 {
                    assert_eq!(kept.answers(true, true), expected);
                }
            });
        }
        scope.spawn(|| {
            let mut numbers = Numbers(7);
            for _ in 0..30 {
                for file in kept.cached() {
                    damage(&file, &mut numbers);
                }
                thread::sleep(TICK);
            }
        });
    });
    kept.answers(true, true);
    let left = kept.cached();
    assert_eq!(left.len(), 1, "{left:?}");
}
