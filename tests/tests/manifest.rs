//! The manifest stays readable, whatever is done to the file.

#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;

use keyway::plugin::{Look, look};
use keyway::{PackageLoader, Registry, SearchPath};
use keyway_tests::{Build, PluginFolder, skipped};

/// Whether the tool is there; says so if it is not.
fn has(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok();
    if !found {
        skipped(&format!("the manifest after {tool}"), "it is not installed");
    }
    found
}

fn run(tool: &str, arguments: &[&str], file: &Path) -> String {
    let output = Command::new(tool)
        .args(arguments)
        .arg(file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{tool}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The file is still a plugin, and one that works.
fn works(file: &Path) {
    let Look::Compatible(compatible) = look(file) else {
        panic!("{}: {:?}", file.display(), look(file));
    };
    assert_eq!(compatible.candidate().manifest().id, "MyApp/MyStructure");
    let folder = PluginFolder::new();
    folder.copy(file);
    let registry = Registry::new(SearchPath::only([folder.path()]));
    let package = PackageLoader::new(registry)
        .load_package("MyApp/MyStructure")
        .unwrap();
    assert!(package.is_required("mainscript"));
}

#[test]
fn the_manifest_survives_release_fat_lto_strip_and_patchelf() {
    let built = Build::of("mystructure")
        .arg("--release")
        .arg("--config")
        .arg(r#"profile.release.lto="fat""#)
        .arg("--config")
        .arg(r#"profile.release.opt-level="z""#)
        .path();
    let folder = PluginFolder::new();
    let file = folder.copy(&built);
    works(&file);
    if has("readelf") {
        let notes = run("readelf", &["--notes", "--wide"], &file);
        assert!(notes.contains(".note.keyway"), "{notes}");
        assert!(notes.contains("Keyway"), "{notes}");
    }
    if has("strip") {
        run("strip", &["--strip-all"], &file);
        works(&file);
    }
    if has("patchelf") {
        // A long path, so that the notes are moved.
        let rpath = format!("/{}", "long/".repeat(400));
        run("patchelf", &["--set-rpath", &rpath], &file);
        works(&file);
    }
}
