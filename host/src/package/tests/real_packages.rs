//! Packages of Debian 12, as KPackage 5.103 saw them, seen through Keyway.
//!
//! Each is asked about if its Debian package is installed in the version that was recorded; else
//! a line says that it is left out.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::differences::normal;
use super::recorded::{self, text};
use crate::package::{DataDirs, Kind, Package, PackageLoader};
use crate::plugin::Registry;

const PACKAGES: &str = include_str!("../../../tests/fixtures/kpackage-5.103/packages.json");

/// The versions of the Debian packages that are installed.
fn installed() -> BTreeMap<String, String> {
    let status = fs::read_to_string("/var/lib/dpkg/status").unwrap_or_default();
    let field = |stanza: &str, name: &str| {
        let line = stanza.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim().to_owned())
    };
    status
        .split("\n\n")
        .filter(|stanza| stanza.contains("\nStatus: install ok installed"))
        .filter_map(|stanza| Some((field(stanza, "Package:")?, field(stanza, "Version:")?)))
        .collect()
}

fn definitions(package: &Package) -> Value {
    package
        .definitions()
        .map(|(key, entry)| {
            json!({
                "key": key,
                "kind": if entry.kind() == Kind::File { "file" } else { "directory" },
                "name": entry.name(),
                "required": entry.is_required(),
                "mime_types": package.mime_types(key),
            })
        })
        .collect()
}

/// For each key with an answer, the answer.
fn by_key(package: &Package, ask: impl Fn(&str) -> Value) -> Value {
    let answers: Map<String, Value> = package
        .definitions()
        .map(|(key, _)| (key.to_owned(), ask(key)))
        .filter(|(_, answer)| *answer != json!("") && *answer != json!([]))
        .collect();
    Value::Object(answers)
}

/// The differences, one line each.
fn compare(package: &Package, kpackage: &Value) -> Vec<String> {
    let url = package.file_url("mainscript", "");
    let path = |package| match recorded::path(package) {
        path if path == "" => Value::Null,
        path => path,
    };
    let hash = |algorithm| match recorded::hash(package, algorithm) {
        none if none == "" => Value::Null,
        hash => hash,
    };
    let answers = [
        ("valid", json!(package.is_valid())),
        ("path", path(Some(package))),
        ("fallback_package", path(package.fallback_package())),
        ("mainscript_url", json!(url)),
        ("sha1", hash("sha1")),
        ("sha256", hash("sha256")),
        (
            "file_paths",
            by_key(package, |key| recorded::file_path(package, key, "")),
        ),
        (
            "entry_lists",
            by_key(package, |key| recorded::entry_list(package, key)),
        ),
        ("metadata", recorded::metadata(package.metadata())),
        ("definitions", definitions(package)),
    ];
    answers
        .into_iter()
        .filter(|(what, _)| *what != "definitions" || kpackage["definitions"].is_array())
        .filter(|(what, keyway)| match *what {
            // KPackage keeps the slash that a definition has behind a folder.
            "file_paths" | "entry_lists" => normal(&kpackage[what]) != *keyway,
            _ => kpackage[what] != *keyway,
        })
        .map(|(what, keyway)| {
            let kpackage = &kpackage[what];
            format!("{what}\n  KPackage {kpackage}\n  Keyway   {keyway}")
        })
        .collect()
}

#[test]
fn real_packages_are_what_they_are_for_kpackage() {
    let dirs = ["/usr/local/share", "/usr/share"].map(PathBuf::from);
    let loader = PackageLoader::with_data_dirs(Registry::default(), DataDirs::new(None, dirs));
    for (type_name, structure) in recorded::types() {
        loader
            .add_known_package_structure(&type_name, structure)
            .unwrap();
    }
    let recorded: Value = serde_json::from_str(PACKAGES).unwrap();
    let installed = installed();
    let mut differences = Vec::new();
    for kpackage in recorded["packages"].as_array().unwrap() {
        let dir = text(&kpackage["dir"]);
        let debian_package = text(&kpackage["debian_package"]);
        if installed.get(debian_package).map(String::as_str) != kpackage["version"].as_str() {
            let version = &kpackage["version"];
            super::support::skipped(&format!(
                "{dir}: {debian_package} {version} is not installed"
            ));
            continue;
        }
        let needs = kpackage["fallback_package"].as_str();
        if let Some(needs) = needs.filter(|path| fs::metadata(path).is_err()) {
            super::support::skipped(&format!("{dir}: its fallback {needs} is not installed"));
            continue;
        }
        let mut package = loader.load_package(text(&kpackage["type"])).unwrap();
        let is_set = package.set_path(dir).is_ok();
        assert_eq!(is_set, kpackage["valid"] == true, "{dir}");
        for difference in compare(&package, kpackage) {
            differences.push(format!("{dir}: {difference}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
