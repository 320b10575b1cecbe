//! Archives on the command line.

use std::path::{Path, PathBuf};
use std::process::Command;

use keyway_tests::{Output, PluginFolder, keyway};
use tempfile::TempDir;

use super::{copied_sample, sample};

/// The sample package, packed by the system's `tar`, with more options for it.
fn archive(folder: &TempDir, options: &[&str]) -> PathBuf {
    let path = folder.path().canonicalize().unwrap().join("archive");
    let status = Command::new("tar")
        .arg("-czf")
        .arg(&path)
        .arg("-C")
        .arg(sample())
        .args(options)
        .status();
    assert!(status.unwrap().success());
    path
}

fn show(plugins: &PluginFolder, package: &Path, arguments: &[&str]) -> Output {
    let package = package.to_str().unwrap();
    let mut all = vec!["show", "-t", "MyApp/MyStructure", package];
    all.extend(arguments);
    keyway(plugins.path(), all)
}

#[test]
fn a_hostile_archive_is_refused_and_nothing_is_left() {
    let plugins = PluginFolder::with(&["mystructure"]);
    let folder = tempfile::tempdir().unwrap();
    let path = archive(&folder, &["--transform=s|.*main.js|../evil.js|", "."]);
    let output = show(&plugins, &path, &[]);
    assert_eq!((output.code, &output.stdout[..]), (1, ""));
    assert_eq!(
        output.stderr,
        format!(
            "error: the archive `{}` was not unpacked\n  the name `../evil.js` has a component `..`\n",
            path.display()
        )
    );
    let error = show(&plugins, &path, &["--json"]).error();
    assert_eq!(error["code"], "archive-climbing-name");

    let escape = path.with_file_name("a\u{1b}[2Jb");
    std::fs::rename(&path, &escape).unwrap();
    let output = show(&plugins, &escape, &[]);
    assert!(!output.stderr.contains('\u{1b}'), "{output:#?}");
}

#[test]
fn an_archive_is_shown_like_its_folder() {
    let plugins = PluginFolder::with(&["mystructure"]);
    let folder = tempfile::tempdir().unwrap();
    let path = archive(&folder, &["."]);
    let package = copied_sample();
    let expected = show(&plugins, package.path(), &["--json"]).json();

    let output = show(&plugins, &path, &["--json"]);
    assert_eq!(output.code, 0, "{output:#?}");
    let found = output.json();
    assert_eq!(found["path"], path.to_str().unwrap());
    for field in ["id", "type", "valid", "metadata", "hash"] {
        assert_eq!(found[field], expected[field], "{field}");
    }
    let entries = |shown: &serde_json::Value| {
        let definitions = shown["definitions"].as_array().unwrap();
        let entries = definitions.iter().map(|it| it["entries"].clone());
        entries.collect::<Vec<_>>()
    };
    assert_eq!(entries(&found), entries(&expected));
    // What it was unpacked to is gone with the command.
    let resolved = found["definitions"][0]["resolved"].as_str().unwrap();
    assert!(resolved.contains("keyway-package-"), "{resolved}");
    assert!(!Path::new(resolved).exists());
    let plain = show(&plugins, &path, &[]);
    assert!(plain.stdout.contains(path.to_str().unwrap()), "{plain:#?}");
}
