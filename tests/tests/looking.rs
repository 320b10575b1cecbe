//! Looking at plugin files: each gets its verdict, and none of their code runs.

#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use keyway::plugin::{Look, TypeVerdict, Verdict};
use keyway::{Registry, SearchPath};
use keyway_tests::command::{keyway_command, run};
use keyway_tests::patch::{self, EM_AARCH64};
use keyway_tests::{Build, PluginFolder, plugin};

/// A folder with one file for each defect. All of them are made from a plugin that leaves a mark
/// as soon as it is loaded.
fn defects() -> PluginFolder {
    let sound = plugin("runs-a-constructor");
    let whole = patch::bytes(&sound);
    let folder = PluginFolder::new();
    folder.write("a-sound.so", &whole);
    folder.write("aarch64.so", &patch::machine(&sound, EM_AARCH64));
    let aarch64 = patch::manifest(&sound, "x86_64-unknown", "aarch64-unknow");
    folder.write("aarch64-manifest.so", &aarch64);
    let major = patch::manifest(&sound, r#""major":1"#, r#""major":7"#);
    folder.write("abi-major.so", &major);
    let minor = patch::manifest(&sound, r#""least_host_minor":0"#, r#""least_host_minor":9"#);
    folder.write("abi-minor.so", &minor);
    let form = patch::manifest(&sound, r#"{"format":1"#, r#"{"format":9"#);
    folder.write("future-manifest.so", &form);
    let broken = patch::manifest(&sound, r#""types":["#, r#""types":{"#);
    folder.write("bad-manifest.so", &broken);
    let musl = patch::manifest(&sound, "linux-gnu\"", "linux-mus\"");
    folder.write("musl.so", &musl);
    folder.write("truncated.so", &whole[..whole.len() / 2]);
    folder.write("truncated-header.so", &whole[..40]);
    folder.write("empty.so", b"");
    folder.write("text.so", b"this is text\n");
    folder.copy_as(&plugin("no-plugin"), "no-plugin.so");
    // Not looked at: another ending, hidden.
    folder.write("readme.txt", b"text");
    folder.write(".hidden.so", &whole);
    std::fs::create_dir(folder.path().join("folder.so")).unwrap();
    symlink("nowhere", folder.path().join("dangling.so")).unwrap();
    folder
}

/// What each defect is called.
const EXPECTED: [(&str, &str, &str); 15] = [
    ("a-sound.so", "ok", ""),
    ("aarch64-manifest.so", "refused", "wrong-architecture"),
    ("aarch64.so", "refused", "wrong-architecture"),
    ("abi-major.so", "refused", "abi-major"),
    ("abi-minor.so", "refused", "abi-too-new"),
    ("bad-manifest.so", "refused", "bad-manifest"),
    ("dangling.so", "refused", "unreadable"),
    ("empty.so", "ignored", "empty-file"),
    ("folder.so", "ignored", "not-a-file"),
    ("future-manifest.so", "refused", "manifest-format"),
    ("musl.so", "refused", "wrong-c-library"),
    ("no-plugin.so", "ignored", "no-manifest"),
    ("text.so", "ignored", "not-a-library"),
    ("truncated-header.so", "refused", "truncated"),
    ("truncated.so", "refused", "truncated"),
];

#[test]
fn each_file_has_its_verdict_and_no_code_runs() {
    let folder = defects();
    let mark = folder.path().join("mark.txt");
    let keyway = |arguments: &[&str]| {
        let mut command = keyway_command();
        command
            .env("KEYWAY_PLUGIN_PATH", folder.path())
            .env("KEYWAY_TEST_MARK", &mark)
            .args(arguments);
        run(&mut command)
    };

    let output = keyway(&["plugins", "--all", "--json"]);
    assert_eq!(output.code, 0, "{output:#?}");
    let json = output.json();
    let found: Vec<(String, &str, &str)> = json
        .as_array()
        .unwrap()
        .iter()
        .map(|plugin| {
            let path = Path::new(plugin["path"].as_str().unwrap());
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let code = plugin["reason"]["code"].as_str().unwrap_or_default();
            (name, plugin["status"].as_str().unwrap(), code)
        })
        .collect();
    let found: Vec<_> = found
        .iter()
        .map(|(name, status, code)| (name.as_str(), *status, *code))
        .collect();
    assert_eq!(found, EXPECTED);

    // Without --all what is no plugin is left out.
    let shown = keyway(&["plugins", "--json"]).json();
    assert_eq!(shown.as_array().unwrap().len(), 11);

    for arguments in [&["types"][..], &["plugins"], &["types", "--json"]] {
        assert_eq!(keyway(arguments).code, 0);
        assert!(!mark.exists(), "`keyway {arguments:?}` ran a plugin");
    }
    let refused = keyway(&["list", "-t", "No/Such"]);
    assert_eq!(refused.code, 1);
    assert!(!mark.exists(), "resolving a type ran a plugin");

    // The mark works: using the type leaves it.
    assert_eq!(keyway(&["list", "-t", "Runs/Constructor"]).code, 0);
    assert!(mark.exists(), "the plugin leaves no mark");
}

#[test]
fn a_plugin_built_with_panic_abort_is_refused_before_it_runs() {
    let plugin = Build::of("runs-a-constructor")
        .arg("--config")
        .arg(r#"profile.dev.panic="abort""#)
        .in_workspace(&keyway_tests::workspace(), "panic-abort")
        .path();
    let folder = PluginFolder::new();
    folder.copy(&plugin);
    let registry = Registry::new(SearchPath::only([folder.path()]));
    let catalog = registry.catalog();
    let Verdict::Refused(why) = catalog.verdict(catalog.files().next().unwrap()) else {
        panic!("{catalog:?}");
    };
    assert_eq!(why.code(), "panic-strategy");
    assert_eq!(
        why.hint(),
        "build the plugin with `panic = \"unwind\"`, cargo's default"
    );
    let type_name = "Runs/Constructor".parse().unwrap();
    let error = registry.structure(&type_name).unwrap_err();
    assert_eq!(error.code(), "unknown-type");
    assert!(error.details()[0].starts_with("refused `"), "{error:?}");
    assert!(registry.loaded().is_empty());
}

#[test]
fn a_plugin_cut_off_anywhere_is_refused() {
    let sound = plugin("runs-a-constructor");
    let len = patch::bytes(&sound).len();
    let folder = PluginFolder::new();
    // Every byte of the headers, then in steps to the end, and the last byte.
    let cuts = (0..1024)
        .chain((1024..len).step_by(len / 64))
        .chain([len - 1]);
    for cut in cuts {
        let path = folder.write("cut.so", &patch::truncated(&sound, cut));
        let code = match keyway::plugin::look(&path) {
            Look::Refused(why, _) => why.code(),
            Look::Ignored(why) => why.code(),
            Look::Compatible(_) => "ok",
        };
        let expected = match cut {
            0 => "empty-file",
            1..4 => "not-a-library",
            _ => "truncated",
        };
        assert_eq!(code, expected, "cut at {cut}");
    }
}

/// The verdicts on the one type of each file, by the file's name.
fn verdicts(folders: &[&PluginFolder]) -> BTreeMap<String, TypeVerdict> {
    let path = SearchPath::only(folders.iter().map(|folder| folder.path()));
    let registry = Registry::new(path);
    let catalog = registry.catalog();
    let verdicts = catalog.files().map(|file| {
        let Verdict::Usable(types) = catalog.verdict(file) else {
            panic!("{file:?}");
        };
        (name(file.path()), types[0].1.clone())
    });
    verdicts.collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn shadowed(by: &Path) -> TypeVerdict {
    let by: PathBuf = by.to_path_buf();
    TypeVerdict::Shadowed { by }
}

#[test]
fn two_ids_for_one_type_in_one_folder_are_a_conflict() {
    let sound = plugin("mystructure");
    let (first, second) = (PluginFolder::new(), PluginFolder::new());
    let one = first.copy_as(&sound, "one.so");
    let other = patch::manifest(
        &sound,
        r#""id":"MyApp/MyStructure""#,
        r#""id":"MyApp/MyStructurf""#,
    );
    let two = first.write("two.so", &other);
    second.copy_as(&sound, "later.so");

    let verdicts = verdicts(&[&first, &second]);
    let conflict = |with: &Path| TypeVerdict::Conflict {
        with: with.to_path_buf(),
    };
    assert_eq!(verdicts["one.so"], conflict(&two));
    assert_eq!(verdicts["two.so"], conflict(&one));
    assert_eq!(verdicts["later.so"], shadowed(&one));

    let registry = Registry::new(SearchPath::only([first.path()]));
    let error = registry
        .structure(&"MyApp/MyStructure".parse().unwrap())
        .unwrap_err();
    assert_eq!(error.code(), "conflict");
    let message = error.to_string();
    assert!(message.contains(one.to_str().unwrap()), "{message}");
    assert!(message.contains(two.to_str().unwrap()), "{message}");
}

#[test]
fn the_first_folder_wins_then_the_higher_version_then_the_smaller_path() {
    let sound = plugin("mystructure");
    let newer = patch::manifest(&sound, r#""version":"1""#, r#""version":"2""#);
    let (first, second) = (PluginFolder::new(), PluginFolder::new());
    let low = first.copy_as(&sound, "a.so");
    second.write("z.so", &newer);
    let found = verdicts(&[&first, &second]);
    assert_eq!(found["a.so"], TypeVerdict::Ok);
    assert_eq!(found["z.so"], shadowed(&low));

    let high = second.write("y.so", &newer);
    second.copy_as(&sound, "a-low.so");
    let found = verdicts(&[&second]);
    assert_eq!(found["y.so"], TypeVerdict::Ok);
    assert_eq!(found["z.so"], shadowed(&high));
    assert_eq!(found["a-low.so"], shadowed(&high));
}

#[test]
fn a_refused_plugin_is_passed_over() {
    let sound = plugin("mystructure");
    let (first, second) = (PluginFolder::new(), PluginFolder::new());
    let major = patch::manifest(&sound, r#""major":1"#, r#""major":7"#);
    first.write("refused.so", &major);
    second.copy_as(&sound, "good.so");
    let path = SearchPath::only([first.path(), second.path()]);
    let structure = Registry::new(path)
        .structure(&"MyApp/MyStructure".parse().unwrap())
        .unwrap();
    assert_eq!(name(structure.plugin_path().unwrap()), "good.so");
}
