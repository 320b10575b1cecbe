//! The packages that are installed, in all that one can ask about them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::answers::{Keyway, text};
use crate::compare::Tally;
use crate::kpackage::{Data, KPackage, built};

/// The types' folders below the data folders that are not their default roots.
const MORE_ROOTS: [(&str, &str); 2] = [
    // System settings modules are loaded from here with a type that has another root.
    ("KPackage/GenericQML", "kpackage/kcms/"),
    // The type has no root.
    ("Wallpaper/Images", "wallpapers/"),
];

/// Each locale, with the fields of metadata that depend on it.
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
    for key in ["KPackageStructure", "X-Plasma-API", "X-KDE-Keywords", "nothing"] {
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
    for algorithm in ["md5", "sha1", "sha256"] {
        steps.push(json!(["hash", "p", algorithm]));
    }
    json!({"steps": steps})
}

#[test]
fn real_packages_are_what_they_are_for_kpackage() {
    let Some(built) = built("real packages beside KPackage") else {
        return;
    };
    let data = system();
    let keyway = Keyway::new(&data);
    let mut kpackage = KPackage::new(&built, &data, "C.UTF-8");
    let mut others = LOCALES[1..].iter().map(|it| (*it, KPackage::new(&built, &data, it))).collect::<Vec<_>>();
    let mut tally = Tally::new();
    let mut unwanted = Vec::new();
    let mut valid = 0;
    for (type_name, root) in roots(&keyway) {
        let mut found = BTreeSet::new();
        packages(&data.system.join(&root), &mut found);
        let default_root = json!({"steps": [["load", "p", type_name, ""], ["default_root", "p"], ["keys", "p"]]});
        for path in found {
            let path = path.to_str().unwrap();
            let case = questions(&keyway, &type_name, path);
            let theirs = kpackage.ask(&case);
            valid += usize::from(theirs[2] == true);
            for difference in tally.compare(&case, &theirs, &keyway.ask(&case, "C")) {
                unwanted.push(format!("{type_name} {path}: {difference}"));
            }
            let case = json!({"steps": [["load", "p", type_name, path], ["metadata", "p"]]});
            for (locale, kpackage) in &mut others {
                let theirs = kpackage.ask(&case);
                for difference in tally.compare(&case, &theirs, &keyway.ask(&case, locale)) {
                    unwanted.push(format!("{locale} {type_name} {path}: {difference}"));
                }
            }
        }
        let _ = text(&default_root);
    }
    eprintln!("{valid} valid, {tally:?}");
    assert!(unwanted.is_empty(), "{} differences: {}", unwanted.len(), unwanted.join("\n"));
}
