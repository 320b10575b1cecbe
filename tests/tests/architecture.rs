//! What must stay true of the house: the direction of arrows, where `unsafe` stands, what a host
//! application pays for, what stands at the top.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, MetadataCommand};
use keyway_tests::workspace;

/// The crates of ours that each crate uses, outside of tests.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new()
        .manifest_path(workspace().join("Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap();
    let ours: BTreeSet<String> = metadata
        .packages
        .iter()
        .map(|package| package.name.to_string())
        .collect();
    let arrows = metadata.packages.iter().map(|package| {
        let used = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind != DependencyKind::Development)
            .map(|dependency| dependency.name.clone())
            .filter(|name| ours.contains(name));
        (package.name.to_string(), used.collect())
    });
    arrows.collect()
}

#[test]
fn arrows_point_one_way() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("keyway-abi", &[][..]),
        ("keyway-metadata", &[]),
        ("keyway-macros", &["keyway-metadata"]),
        ("keyway-plugin", &["keyway-abi", "keyway-macros"]),
        (
            "keyway",
            &["keyway-abi", "keyway-metadata", "keyway-plugin"],
        ),
        ("keyway-server", &["keyway"]),
        ("keyway-cli", &["keyway", "keyway-server"]),
    ]);
    for (name, used) in arrows() {
        let used: Vec<&str> = used.iter().map(String::as_str).collect();
        match allowed.get(name.as_str()) {
            Some(allowed) => assert_eq!(used, *allowed, "{name}"),
            None if name == "keyway-tests" => {}
            // Plugins use the plugin API and nothing else of ours.
            None => assert!(
                used.is_empty() || used == ["keyway-plugin"],
                "{name}: {used:?}"
            ),
        }
    }
}

#[test]
fn inside_the_host_arrows_point_one_way() {
    const ROOMS: [&str; 8] = [
        "archive",
        "git",
        "install",
        "lifecycle",
        "package",
        "plugin",
        "transaction",
        "watch",
    ];
    for (room, known) in [
        ("plugin", &[][..]),
        ("archive", &[]),
        ("git", &[]),
        ("transaction", &[]),
        ("package", &["archive", "plugin", "transaction"]),
        ("install", &["archive", "package", "plugin", "transaction"]),
        (
            "lifecycle",
            &[
                "archive",
                "git",
                "install",
                "package",
                "plugin",
                "transaction",
            ],
        ),
        ("watch", &["package", "plugin"]),
    ] {
        let strangers = ROOMS
            .iter()
            .filter(|it| **it != room && !known.contains(it));
        let strangers: Vec<String> = strangers.map(|it| format!("crate::{it}::")).collect();
        for file in sources(&workspace().join("host/src").join(room)) {
            let text = std::fs::read_to_string(&file).unwrap();
            for stranger in &strangers {
                assert!(!text.contains(stranger), "{stranger} in {}", file.display());
            }
        }
    }
    for file in sources(&workspace().join("host/src")) {
        if file.components().any(|part| part.as_os_str() == "tests") {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let text: String = code.collect();
        for word in ["println!", "eprintln!", "std::env::args"] {
            assert!(!text.contains(word), "`{word}` in {}", file.display());
        }
    }
}

/// The rooms of `host/src/plugin`, and which others each knows.
#[test]
fn inside_plugin_rooms_know_only_those_before_them() {
    let rooms: [(&str, &[&str]); 7] = [
        ("file", &[]),
        ("trust", &[]),
        ("store", &["file"]),
        ("gates", &["file", "trust", "store"]),
        ("library", &["file", "trust", "store", "gates", "loaded"]),
        ("loaded", &["library"]),
        (
            "registry",
            &["file", "trust", "store", "gates", "library", "loaded"],
        ),
    ];
    // A refusal carries what the probe said, and a test compares the C library's version.
    let exceptions = [
        ("library", "registry::probe::ProbeError"),
        ("file", "library::glibc_version"),
    ];
    for (room, known) in rooms {
        for file in sources(&workspace().join("host/src/plugin").join(room)) {
            let text = std::fs::read_to_string(&file).unwrap();
            for used in text.split("crate::plugin::").skip(1) {
                let other = rooms.map(|(name, _)| name).into_iter().find(|name| {
                    let rest = used.strip_prefix(name);
                    rest.is_some_and(|rest| rest.starts_with("::"))
                });
                let Some(other) = other else { continue };
                let excepted = exceptions
                    .iter()
                    .any(|(from, to)| *from == room && used.starts_with(to));
                let allowed = other == room || known.contains(&other) || excepted;
                assert!(allowed, "{} uses {other}", file.display());
            }
        }
    }
}

/// What lets unsafe code in. The macros' `unsafe(no_mangle)` and `unsafe(link_section)` stand in
/// what they generate, and are checked where it is compiled.
const UNSAFE: [&str; 8] = [
    "allow(unsafe_code)",
    "expect(unsafe_code)",
    "warn(unsafe_code)",
    "unsafe {",
    "unsafe impl",
    "unsafe fn",
    "unsafe extern",
    "unsafe trait",
];

#[test]
fn unsafe_stands_in_two_places() {
    let allowed = ["plugin-api/abi/src", "host/src/plugin/library"];
    let mut found: BTreeSet<&str> = BTreeSet::new();
    for folder in ["plugin-api", "host", "structures", "example-plugins"] {
        for file in sources(&workspace().join(folder)) {
            let text = std::fs::read_to_string(&file).unwrap();
            let path = file.strip_prefix(workspace()).unwrap().to_owned();
            let place = allowed.iter().find(|place| path.starts_with(place));
            for words in UNSAFE {
                if text.contains(words) {
                    assert!(place.is_some(), "`{words}` in {}", path.display());
                    found.extend(place);
                }
            }
        }
    }
    assert_eq!(found.len(), allowed.len());
}

/// The crates that a host application builds for the library with its default features. A new one
/// is a decision: write it down here.
#[test]
fn the_default_features_pull_in_few_crates() {
    let output = Command::new(env!("CARGO"))
        .current_dir(workspace())
        .args([
            "tree",
            "--package",
            "keyway",
            "--edges",
            "normal,no-proc-macro",
        ])
        .args(["--prefix", "none", "--no-dedupe", "--format", "{lib}"])
        .args(["--target", "x86_64-unknown-linux-gnu"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let found: BTreeSet<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let expected = BTreeSet::from(include!("dependencies.in"));
    assert_eq!(found, expected);
}

#[test]
fn a_plugin_needs_one_dependency() {
    let manifest = workspace().join("example-plugins/mystructure/Cargo.toml");
    let text = std::fs::read_to_string(manifest).unwrap();
    let (_, dependencies) = text.split_once("[dependencies]\n").unwrap();
    let (dependencies, _) = dependencies.split_once("\n\n").unwrap();
    assert_eq!(dependencies, "keyway-plugin.workspace = true");
}

#[test]
fn nothing_else_stands_at_the_top() {
    let output = Command::new("git")
        .current_dir(workspace())
        .args(["ls-files", "-z"])
        .output();
    let Ok(output) = output else {
        keyway_tests::skipped("what stands at the top", "there is no git");
        return;
    };
    if !output.status.success() {
        keyway_tests::skipped("what stands at the top", "this is no git repository");
        return;
    }
    let text = String::from_utf8(output.stdout).unwrap();
    let files = text.split('\0').filter(|file| !file.is_empty());
    let names: BTreeSet<&str> = files
        .map(|file| file.split_once('/').map_or(file, |(folder, _)| folder))
        .collect();
    assert!(names.contains("Cargo.toml"), "{names:?}");
    let allowed = [
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "SECURITY.md",
        "clippy.toml",
        "deny.toml",
        "example-plugins",
        "host",
        "plugin-api",
        "rustfmt.toml",
        "structures",
        "tests",
    ];
    for name in names.iter().filter(|name| !name.starts_with('.')) {
        assert!(allowed.contains(name), "{name}");
    }
}

#[test]
fn rooms_are_small() {
    for folder in [
        "plugin-api",
        "host",
        "structures",
        "example-plugins",
        "tests",
    ] {
        for file in sources(&workspace().join(folder)) {
            let lines = std::fs::read_to_string(&file).unwrap().lines().count();
            assert!(lines <= 600, "{}: {lines} lines", file.display());
        }
    }
}

/// The commands that the README gives are there.
#[test]
fn the_readme_is_true() {
    let readme = std::fs::read_to_string(workspace().join("README.md")).unwrap();
    let alias = std::fs::read_to_string(workspace().join(".cargo/config.toml")).unwrap();
    assert!(readme.contains("$ cargo demo\n") && alias.contains("demo = "));
    let ci = std::fs::read_to_string(workspace().join(".ci/run")).unwrap();
    let tests = "cargo test --workspace";
    assert!(readme.contains(&format!("$ {tests}\n")) && ci.contains(tests));
    for link in readme.split("](").skip(1) {
        let (target, _) = link.split_once(')').unwrap();
        assert!(workspace().join(target).exists(), "{target}");
    }
    // The example in the README is the example in the repository.
    let example = workspace().join("example-plugins/mystructure/src/lib.rs");
    let example = std::fs::read_to_string(example).unwrap();
    let (_, code) = readme.split_once("```rust,ignore\n").unwrap();
    let (code, _) = code.split_once("```").unwrap();
    for line in code.lines() {
        assert!(example.contains(line), "{line}");
    }
}

/// All Rust sources below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let entries = std::fs::read_dir(folder).unwrap();
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() && entry.file_name() != "target" {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
