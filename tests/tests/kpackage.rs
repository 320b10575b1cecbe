//! Keyway beside the real kpackagetool5, over the real plasmoids of this machine.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use keyway_tests::command::{keyway_command, run};
use keyway_tests::{Output, PluginFolder, skipped};

/// What is done to a copy of a package, and its name.
type Damage = (&'static str, fn(&Path));

const PLASMOIDS: &str = "/usr/share/plasma/plasmoids";

/// Runs kpackagetool5 with the packages in `data`, or says why not.
fn kpackagetool(data: &Path, arguments: &[&str]) -> Option<Output> {
    let mut command = Command::new("kpackagetool5");
    command
        .env("QT_QPA_PLATFORM", "offscreen")
        .env("LC_ALL", "C.UTF-8")
        .env("XDG_DATA_HOME", data)
        .env("XDG_DATA_DIRS", "/usr/share")
        .args(arguments);
    if command.output().is_err() {
        skipped("the comparison with KPackage", "there is no kpackagetool5");
        return None;
    }
    Some(run(&mut command))
}

fn plasmoids() -> Option<Vec<PathBuf>> {
    let Ok(entries) = std::fs::read_dir(PLASMOIDS) else {
        skipped("the comparison with KPackage", "there are no plasmoids");
        return None;
    };
    let mut folders: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    Some(folders)
}

fn keyway(plugins: &PluginFolder, data: &Path, arguments: &[&str]) -> Output {
    let mut command = keyway_command();
    command
        .env("KEYWAY_PLUGIN_PATH", plugins.path())
        .env("XDG_DATA_HOME", data)
        .env("XDG_DATA_DIRS", "/usr/share")
        .args(arguments);
    run(&mut command)
}

#[test]
fn the_same_plasmoids_are_listed() {
    let nothing = tempfile::tempdir().unwrap();
    let arguments = ["-t", "Plasma/Applet", "-g", "--list"];
    let Some(theirs) = kpackagetool(nothing.path(), &arguments) else {
        return;
    };
    let mut theirs: Vec<&str> = theirs.stdout.lines().skip(1).collect();
    theirs.sort_unstable();
    let plugins = PluginFolder::with(&["keyway-structure-plasma"]);
    let ours = keyway(
        &plugins,
        nothing.path(),
        &["list", "--json", "-t", "Plasma/Applet"],
    )
    .json();
    let ours: Vec<&str> = ours
        .as_array()
        .unwrap()
        .iter()
        .map(|package| package["id"].as_str().unwrap())
        .collect();
    // Sorted, and none twice.
    assert_eq!(ours, theirs);
    assert!(ours.len() >= 46, "{}", ours.len());
}

/// What kpackagetool5 takes as valid is valid, and nothing else: the real plasmoids as they are,
/// and copies of some with something missing.
#[test]
fn the_same_plasmoids_are_valid() {
    let Some(folders) = plasmoids() else {
        return;
    };
    let data = tempfile::tempdir().unwrap();
    let packages = data.path().join("plasma/plasmoids");
    std::fs::create_dir_all(&packages).unwrap();
    let mut names = Vec::new();
    for folder in &folders {
        names.push(folder.file_name().unwrap().to_str().unwrap().to_owned());
    }
    let damages: [Damage; 4] = [
        ("no-main-script", |package| {
            let _ = std::fs::remove_dir_all(package.join("contents/ui"));
        }),
        ("empty-main-script", |package| {
            let _ = std::fs::write(package.join("contents/ui/main.qml"), "");
        }),
        ("hidden", |package| {
            let hidden = r#"{"isHidden": true, "KPlugin": {"Id": "hidden"}}"#;
            std::fs::write(package.join("metadata.json"), hidden).unwrap();
        }),
        ("main-script-leaves", |package| {
            let script = package.join("contents/ui/main.qml");
            let _ = std::fs::remove_file(&script);
            let _ = std::os::unix::fs::symlink("/etc/hostname", script);
        }),
    ];
    for (index, folder) in folders.iter().step_by(6).enumerate() {
        let (name, damage) = damages[index % damages.len()];
        let name = format!("damaged.{index}.{name}");
        let copied = Command::new("cp")
            .arg("-r")
            .arg(folder)
            .arg(packages.join(&name))
            .status();
        assert!(copied.unwrap().success());
        damage(&packages.join(&name));
        names.push(name);
    }

    let plugins = PluginFolder::with(&["keyway-structure-plasma"]);
    let mut verdicts = BTreeMap::new();
    for name in &names {
        let arguments = ["-t", "Plasma/Applet", "--show", name];
        let Some(theirs) = kpackagetool(data.path(), &arguments) else {
            return;
        };
        let ours = keyway(
            &plugins,
            data.path(),
            &["show", "--json", "-t", "Plasma/Applet", name],
        );
        let ours_valid = ours.code == 0 && ours.json()["valid"] == true;
        assert_eq!(
            ours_valid,
            theirs.code == 0,
            "{name}: {ours:#?} {theirs:#?}"
        );
        *verdicts.entry(ours_valid).or_insert(0) += 1;
    }
    assert!(verdicts[&true] >= 46, "{verdicts:?}");
    assert!(verdicts[&false] >= 4, "{verdicts:?}");
}

/// The main script is the one that the metadata and the files give.
#[test]
fn the_main_script_of_real_plasmoids() {
    let Some(folders) = plasmoids() else {
        return;
    };
    let nothing = tempfile::tempdir().unwrap();
    let plugins = PluginFolder::with(&["keyway-structure-plasma"]);
    for folder in folders {
        let path = folder.to_str().unwrap();
        let output = keyway(
            &plugins,
            nothing.path(),
            &["file", "-t", "Plasma/Applet", path, "mainscript"],
        );
        let metadata = std::fs::read(folder.join("metadata.json")).unwrap();
        let metadata: serde_json::Value = serde_json::from_slice(&metadata).unwrap();
        let root = match metadata["X-Plasma-RootPath"].as_str() {
            Some(other) => folder.with_file_name(other),
            None => folder,
        };
        if !root.exists() {
            // Its main script lies in a package that is not installed, so it is not valid.
            assert_eq!(output.code, 1, "{output:#?}");
            continue;
        }
        let named = metadata["X-Plasma-MainScript"]
            .as_str()
            .unwrap_or("ui/main.qml");
        let usual = root.join("contents/ui/main.qml");
        let expected = if usual.exists() {
            usual
        } else {
            root.join("contents").join(named)
        };
        assert_eq!(
            output.stdout.trim_end(),
            expected.to_str().unwrap(),
            "{output:#?}"
        );
    }
}
