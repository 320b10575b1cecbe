//! The packages that are installed, in all that one can ask about them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use keyway_tests::skipped;
use serde_json::{Value, json};

use crate::answers::Keyway;
use crate::compare::Tally;
use crate::kpackage::{Data, KPackage, built};

/// The types' folders below the data folders that are not their default roots.
const MORE_ROOTS: [(&str, &str); 2] = [
    // System settings modules are loaded from here with a type that has another root.
    ("KPackage/GenericQML", "kpackage/kcms/"),
    // The type has no root.
    ("Wallpaper/Images", "wallpapers/"),
];

/// Debian packages with packages, and something that each of them has.
const DEBIAN: [(&str, &str); 14] = [
    ("breeze", "wallpapers/Next"),
    ("kwin-addons", "kwin/tabbox"),
    ("kwin-bismuth", "kwin/scripts/bismuth"),
    ("kwin-data", "kwin/effects"),
    ("libkf5sysguard-data", "ksysguard/sensorfaces"),
    ("materia-kde", "aurorae/themes/Materia"),
    ("milou", "plasma/plasmoids/org.kde.milou"),
    ("plasma-desktop-data", "plasma/layout-templates"),
    ("plasma-framework", "plasma/desktoptheme/air"),
    ("plasma-nano", "plasma/shells/org.kde.plasma.nano"),
    ("plasma-theme-oxygen", "plasma/look-and-feel/org.kde.oxygen"),
    ("plasma-wallpapers-addons", "plasma/wallpapers/org.kde.potd"),
    (
        "plasma-widgets-addons",
        "plasma/plasmoids/org.kde.plasma.notes",
    ),
    (
        "plasma-workspace-data",
        "plasma/look-and-feel/org.kde.breeze.desktop",
    ),
];

const LOCALES: [&str; 4] = ["C.UTF-8", "de_DE.UTF-8", "pt_BR.UTF-8", "ja_JP.UTF-8"];

pub(crate) fn system() -> Data {
    Data {
        home: "/nonexistent".into(),
        system: "/usr/share".into(),
    }
}

/// The types with their roots below the data folders.
pub(crate) fn roots(keyway: &Keyway) -> Vec<(String, String)> {
    let types = keyway.loader.registry().type_names();
    let mut roots: Vec<(String, String)> = types
        .iter()
        .filter_map(|it| {
            let package = keyway.loader.load_package(it.as_str()).unwrap();
            let root = package.default_package_root()?.to_owned();
            Some((it.to_string(), root))
        })
        .collect();
    roots.extend(MORE_ROOTS.map(|(name, root)| (name.to_owned(), root.to_owned())));
    roots
}

/// The folders with metadata at and below `folder`.
pub(crate) fn packages(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            packages(&entry.path(), found);
        } else if ["metadata.json", "metadata.desktop"].contains(&&*name) {
            found.insert(folder.to_path_buf());
        }
    }
}

/// Every question about a package at `path`.
fn questions(keyway: &Keyway, type_name: &str, path: &str) -> Value {
    let mut package = keyway.loader.load_package(type_name).unwrap();
    let _ = package.set_path(path);
    let mut steps = vec![json!(["load", "p", type_name, path])];
    for word in [
        "path",
        "is_valid",
        "keys",
        "prefixes",
        "default_root",
        "external",
        "fallback_path",
        "metadata",
        "raw_metadata",
    ] {
        steps.push(json!([word, "p"]));
    }
    for key in [
        "KPackageStructure",
        "X-Plasma-API",
        "X-KDE-Keywords",
        "nothing",
    ] {
        steps.push(json!(["metadata_value", "p", key]));
        steps.push(json!(["metadata_list", "p", key]));
    }
    let keys: Vec<&str> = package.definitions().map(|(key, _)| key).collect();
    for key in keys.into_iter().chain(["", "nothing"]) {
        steps.push(json!(["definition", "p", key]));
        steps.push(json!(["file_path", "p", key, ""]));
        steps.push(json!(["file_url", "p", key, ""]));
        steps.push(json!(["file_path", "p", key, "nothing"]));
        steps.push(json!(["entry_list", "p", key]));
        for entry in package.entry_list(key) {
            let entry = entry.to_string_lossy();
            steps.push(json!(["file_path", "p", key, entry]));
        }
    }
    // Pictures are large, and the algorithms are compared with small packages.
    let algorithms = ["sha1", "md5", "sha256"];
    let count = if type_name == "Wallpaper/Images" {
        1
    } else {
        3
    };
    for algorithm in &algorithms[..count] {
        steps.push(json!(["hash", "p", algorithm]));
    }
    json!({"steps": steps})
}

/// What is listed of a type, in its own root and in those that it is used with besides.
fn listings(type_name: &str, root: &str) -> Value {
    json!({"steps": [["list", type_name, ""], ["list", type_name, root]]})
}

#[test]
fn real_packages_are_what_they_are_for_kpackage() {
    let Some(built) = built("real packages beside KPackage") else {
        return;
    };
    let data = system();
    for (package, path) in DEBIAN {
        if !data.system.join(path).exists() {
            skipped(package, "it is not installed");
        }
    }
    let keyway = Keyway::new(&data);
    let mut sides = LOCALES.map(|locale| (locale, KPackage::new(&built, &data, locale)));
    let (mut tally, mut unwanted) = (Tally::new(), Vec::new());
    let mut valid = BTreeMap::<String, usize>::new();
    for (type_name, root) in roots(&keyway) {
        let case = listings(&type_name, &root);
        let theirs = sides[0].1.ask(&case);
        for difference in tally.compare(&case, &theirs, &keyway.ask(&case, "C")) {
            unwanted.push(difference);
        }
        let mut found = BTreeSet::new();
        packages(&data.system.join(&root), &mut found);
        for path in found {
            let path = path.to_str().unwrap();
            for (index, (locale, kpackage)) in sides.iter_mut().enumerate() {
                let case = match index {
                    0 => questions(&keyway, &type_name, path),
                    _ => json!({"steps": [["load", "p", type_name, path], ["metadata", "p"]]}),
                };
                let theirs = kpackage.ask(&case);
                if theirs.get(2) == Some(&json!(true)) {
                    *valid.entry(type_name.clone()).or_default() += 1;
                }
                for difference in tally.compare(&case, &theirs, &keyway.ask(&case, locale)) {
                    unwanted.push(format!("{locale} {type_name} {path}: {difference}"));
                }
            }
        }
    }
    let count = unwanted.len();
    assert!(
        unwanted.is_empty(),
        "{count} differences\n{}",
        unwanted.join("\n")
    );
    let count: usize = valid.values().sum();
    assert!(count > 0 && tally.same > 80 * count, "{tally:?}");
}
