//! The index: a fresh process tells who gives a type without looking at every file, and never
//! tells something wrong.

#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use keyway::plugin::{Registry, SearchPath};
use keyway_metadata::TypeKind;
use keyway_tests::disk::{Disk, may_mount};
use keyway_tests::{PluginFolder, patch, skipped};

/// A folder of `count` plugins that can be looked at.
fn folder(count: usize) -> PluginFolder {
    let folder = PluginFolder::new();
    for number in 0..count {
        write(&folder, number, "1.0");
    }
    settle();
    folder
}

fn write(folder: &PluginFolder, number: usize, version: &str) -> PathBuf {
    let (id, name) = (
        format!("org.example.p{number}"),
        format!("Vendor/Type{number}"),
    );
    let bytes = patch::note_only(&id, version, &name);
    folder.write(format!("p{number:05}.so"), &bytes)
}

/// Lets the folder's times get old enough to be trusted.
fn settle() {
    std::thread::sleep(Duration::from_millis(2100));
}

fn registry(folder: &PluginFolder, cache: &Path) -> Registry {
    Registry::builder(SearchPath::only([folder.path()]))
        .cache_dir(Some(cache.to_path_buf()))
        .state_dir(None)
        .build()
}

/// What a fresh process would say: the file that gives the type, or the error's code.
fn resolve(folder: &PluginFolder, cache: &Path, type_name: &str) -> Result<String, &'static str> {
    let resolved =
        registry(folder, cache).resolve(&type_name.parse().unwrap(), TypeKind::Structure);
    match resolved {
        Ok(candidate) => {
            let name = candidate.path().file_name().unwrap().to_str().unwrap();
            Ok(format!("{name} {}", candidate.manifest().version))
        }
        Err(error) => Err(error.code()),
    }
}

fn index_file(cache: &Path) -> Option<PathBuf> {
    let mut entries = fs::read_dir(cache).ok()?.flatten();
    entries.next().map(|entry| entry.path())
}

#[test]
fn what_changes_is_noticed() {
    let folder = folder(40);
    let cache = tempfile::tempdir().unwrap();
    let cache = cache.path();
    let ask = |name: &str| resolve(&folder, cache, name);
    assert_eq!(ask("Vendor/Type7"), Ok("p00007.so 1.0".into()));
    let first = fs::read(index_file(cache).unwrap()).unwrap();
    assert_eq!(ask("Vendor/Type7"), Ok("p00007.so 1.0".into()));
    assert_eq!(ask("Vendor/Nobody"), Err("unknown-type"));
    assert_eq!(first, fs::read(index_file(cache).unwrap()).unwrap());

    // A file comes, goes, is replaced by rename.
    write(&folder, 100, "1.0");
    assert_eq!(ask("Vendor/Type100"), Ok("p00100.so 1.0".into()));
    fs::remove_file(folder.path().join("p00100.so")).unwrap();
    assert_eq!(ask("Vendor/Type100"), Err("unknown-type"));
    let next = folder.write(
        ".next",
        &patch::note_only("org.example.p7", "2.0", "Vendor/Type7"),
    );
    fs::rename(next, folder.path().join("p00007.so")).unwrap();
    assert_eq!(ask("Vendor/Type7"), Ok("p00007.so 2.0".into()));

    // The winner is changed in place.
    settle();
    assert_eq!(ask("Vendor/Type9"), Ok("p00009.so 1.0".into()));
    write(&folder, 9, "3.0");
    assert_eq!(ask("Vendor/Type9"), Ok("p00009.so 3.0".into()));

    // A better version and a conflict come.
    let better = patch::note_only("org.example.p8", "1.10", "Vendor/Type8");
    folder.write("better.so", &better);
    assert_eq!(ask("Vendor/Type8"), Ok("better.so 1.10".into()));
    settle();
    assert_eq!(ask("Vendor/Type8"), Ok("better.so 1.10".into()));
    folder.write(
        "other.so",
        &patch::note_only("org.example.other", "1.0", "Vendor/Type8"),
    );
    settle();
    for _ in 0..2 {
        assert_eq!(ask("Vendor/Type8"), Err("conflict"));
    }
}

#[test]
fn equal_times_do_not_hide_a_change() {
    let folder = folder(40);
    let cache = tempfile::tempdir().unwrap();
    let epoch = |path: &Path| {
        let file = fs::File::open(path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    };
    for entry in fs::read_dir(folder.path()).unwrap() {
        epoch(&entry.unwrap().path());
    }
    epoch(folder.path());
    settle();
    let ask = |name: &str| resolve(&folder, cache.path(), name);
    assert_eq!(ask("Vendor/Type100"), Err("unknown-type"));
    epoch(&write(&folder, 100, "1.0"));
    epoch(folder.path());
    assert_eq!(ask("Vendor/Type100"), Ok("p00100.so 1.0".into()));
    epoch(&write(&folder, 100, "2.0"));
    assert_eq!(ask("Vendor/Type100"), Ok("p00100.so 2.0".into()));
}

#[test]
fn a_folder_that_changed_just_now_is_not_indexed_yet() {
    let folder = PluginFolder::new();
    for number in 0..40 {
        write(&folder, number, "1.0");
    }
    let cache = tempfile::tempdir().unwrap();
    assert!(resolve(&folder, cache.path(), "Vendor/Type7").is_ok());
    assert_eq!(index_file(cache.path()), None);
}

#[test]
fn a_damaged_or_missing_cache_makes_it_slower_at_worst() {
    let folder = folder(40);
    let cache = tempfile::tempdir().unwrap();
    let right = || {
        let answer = resolve(&folder, cache.path(), "Vendor/Type7");
        assert_eq!(answer, Ok("p00007.so 1.0".into()));
        let answer = resolve(&folder, cache.path(), "Vendor/Nobody");
        assert_eq!(answer, Err("unknown-type"));
    };
    right();
    let index = index_file(cache.path()).unwrap();
    let whole = fs::read(&index).unwrap();
    for bytes in [
        &whole[..whole.len() / 2],
        &whole[..100],
        b"",
        b"something else",
    ] {
        fs::write(&index, bytes).unwrap();
        right();
        // It heals itself.
        assert_eq!(fs::read(&index).unwrap().len(), whole.len());
    }
    for no_cache in ["/proc/nonexistent", "/dev/full", "/dev/null/below"] {
        let answer = resolve(&folder, Path::new(no_cache), "Vendor/Type7");
        assert_eq!(answer, Ok("p00007.so 1.0".into()));
    }
    let registry = Registry::builder(SearchPath::only([folder.path()]))
        .cache_dir(None)
        .build();
    let name = "Vendor/Type7".parse().unwrap();
    assert!(registry.resolve(&name, TypeKind::Structure).is_ok());
}

/// On a disk of any size fresh processes say what is right, and leave a whole index or none.
#[test]
fn a_full_disk_makes_it_slower_at_worst() {
    if !may_mount("a_full_disk_makes_it_slower_at_worst") {
        return;
    }
    let folder = folder(40);
    let right = answers(&folder, Path::new("/proc/nonexistent"));
    let roomy = Disk::new("size=4m");
    assert_eq!(answers(&folder, roomy.path()), right);
    let whole = only_index(roomy.path()).unwrap();
    let mut written = Vec::new();
    let sizes = (4..=124).step_by(12).map(|kib| format!("size={kib}k"));
    for options in sizes.chain([1, 3, 5].map(|files| format!("nr_inodes={files}"))) {
        let disk = Disk::new(&options);
        let cache = disk.path().join("cache");
        for _ in 0..2 {
            assert_eq!(answers(&folder, &cache), right, "{options}");
            let index = only_index(&cache);
            assert!(
                index.is_none() || index.as_ref() == Some(&whole),
                "{options}"
            );
            written.push(index.is_some());
        }
    }
    assert!(written.contains(&true) && written.contains(&false));

    // An index that is no longer right stays where there is no room for another one.
    write(&folder, 7, "2.0");
    write(&folder, 100, "1.0");
    settle();
    let right = answers(&folder, Path::new("/proc/nonexistent"));
    let mut written = Vec::new();
    for left in (0..=128).step_by(32) {
        roomy.fill_up_to(left * 1024);
        for _ in 0..2 {
            assert_eq!(answers(&folder, roomy.path()), right, "{left} KiB are left");
            written.push(only_index(roomy.path()).unwrap() != whole);
        }
    }
    assert!(written.contains(&true) && written.contains(&false));
}

/// What fresh processes say, and their exit codes.
fn answers(folder: &PluginFolder, cache: &Path) -> Vec<(Option<i32>, String)> {
    let answer = |number: &u32| {
        let output = Command::new(env!("CARGO_BIN_EXE_resolve"))
            .arg(folder.path())
            .arg(cache)
            .arg(format!("Vendor/Type{number}"))
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    let answers: Vec<_> = [7, 39, 100, 1000].iter().map(answer).collect();
    assert_eq!((answers[0].0, answers[3].0), (Some(0), Some(1)));
    answers
}

/// What stands in the index, if there is one. Beside it there is nothing but what fills the disk.
fn only_index(cache: &Path) -> Option<Vec<u8>> {
    let entries = fs::read_dir(cache).ok()?.map(|it| it.unwrap().path());
    let mut entries = entries.filter(|it| !it.ends_with("filler"));
    let index = entries.next()?;
    let name = index.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("index-"), "{name}");
    assert_eq!(entries.next(), None);
    Some(fs::read(index).unwrap())
}

/// The number of system calls of a fresh process that resolves one type does not grow with the
/// number of plugins.
#[test]
fn a_fresh_process_does_the_same_few_system_calls_for_50_and_5000_plugins() {
    if Command::new("strace").arg("-V").output().is_err() {
        skipped("counting system calls", "there is no strace");
        return;
    }
    let program = env!("CARGO_BIN_EXE_resolve");
    let count = |plugins: usize| {
        let folder = folder(plugins);
        let cache = tempfile::tempdir().unwrap();
        let trace = cache.path().join("trace");
        let resolve = |strace: bool| {
            let mut command = if strace {
                let mut command = Command::new("strace");
                command.arg("-f").arg("-o").arg(&trace).arg(program);
                command
            } else {
                Command::new(program)
            };
            let output = command
                .arg(folder.path())
                .arg(cache.path().join("cache"))
                .arg("Vendor/Type7")
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
            assert!(String::from_utf8_lossy(&output.stdout).contains("p00007.so"));
        };
        resolve(false);
        resolve(true);
        fs::read_to_string(&trace).unwrap().lines().count()
    };
    let (few, many) = (count(50), count(5000));
    // Memory is asked for in other portions for a larger file.
    assert!(
        many <= few + 8,
        "{few} calls for 50 plugins, {many} for 5000"
    );
    assert!(few < 400, "{few}");
}

/// Asking for a type that nobody gives looks at every file, and learns nothing new by it.
#[test]
#[cfg(unix)]
fn an_index_that_is_right_is_not_written_again() {
    use std::os::unix::fs::MetadataExt as _;

    let folder = folder(40);
    let cache = tempfile::tempdir().unwrap();
    assert!(resolve(&folder, cache.path(), "Vendor/Type1").is_ok());
    let inode = || {
        let mut entries = std::fs::read_dir(cache.path()).unwrap();
        let entry = entries.next().unwrap().unwrap();
        (entry.file_name(), entry.metadata().unwrap().ino())
    };
    let first = inode();
    for _ in 0..2 {
        assert!(resolve(&folder, cache.path(), "Vendor/Type1000").is_err());
        assert_eq!(inode(), first);
    }
    write(&folder, 1, "2.0");
    settle();
    let newer = resolve(&folder, cache.path(), "Vendor/Type1").unwrap();
    assert!(newer.ends_with(" 2.0"), "{newer}");
    assert!(resolve(&folder, cache.path(), "Vendor/Type1000").is_err());
    assert_ne!(inode(), first);
}
