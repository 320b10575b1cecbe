//! Packages that were made up, as KPackage 5.103 saw them, seen through Keyway.
//!
//! Every answer must be the same, except for the [`DIFFERENCES`], each of which is wanted, is told
//! why, and occurs as often as is written down there. What is not asked is in [`NOT_REPLAYED`].

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::differences::{Answer, DIFFERENCES, NOT_REPLAYED, of_archives};
use super::recorded::{self, text};
use crate::package::{DataDirs, Package, PackageLoader};
use crate::plugin::Registry;

const SCENARIOS: &str = include_str!("../../../tests/fixtures/kpackage-5.103/scenarios.json");

/// As many answers are the same.
const SAME: usize = 1497 + of_archives(90);

/// The keys of `.desktop` files that are lists, as KDE's own file for applets has them.
const PLASMA_APPLET: &str = "[Desktop Entry]\nType=ServiceType\nX-KDE-ServiceType=Plasma/Applet\n\
    [PropertyDef::X-Plasma-Provides]\nType=QStringList\n\
    [PropertyDef::X-Plasma-DropMimeTypes]\nType=QStringList\n\
    [PropertyDef::X-Plasma-RequiredExtensions]\nType=QStringList\n";

/// A scenario in a folder of its own.
struct Replay {
    root: PathBuf,
    loader: PackageLoader,
    packages: BTreeMap<String, Option<Package>>,
    // Dropped last.
    _folders: [TempDir; 2],
}

impl Replay {
    fn new(scenario: &Value) -> Self {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [root, system] = [0, 1].map(|index| fs::canonicalize(folders[index].path()).unwrap());
        let service_types = system.join("kservicetypes5");
        fs::create_dir(&service_types).unwrap();
        fs::write(service_types.join("plasma-applet.desktop"), PLASMA_APPLET).unwrap();

        let env = |name: &str| {
            scenario["env"][name]
                .as_str()
                .map(|dirs| dirs.replace("$ROOT", root.to_str().unwrap()))
        };
        let home = env("XDG_DATA_HOME").map_or_else(|| root.join("xdg-home"), PathBuf::from);
        let dirs = match env("XDG_DATA_DIRS") {
            Some(dirs) => dirs.split(':').map(PathBuf::from).collect(),
            None => vec![system],
        };
        let registry = Registry::default();
        let loader = PackageLoader::with_data_dirs(registry, DataDirs::new(Some(home), dirs));
        for (type_name, structure) in recorded::types() {
            loader
                .add_known_package_structure(&type_name, structure)
                .unwrap();
        }
        for (type_name, spec) in scenario["structures"].as_object().unwrap() {
            let structure = recorded::structure(spec);
            loader
                .add_known_package_structure(type_name, structure)
                .unwrap();
        }
        let replay = Self {
            root,
            loader,
            packages: BTreeMap::new(),
            _folders: folders,
        };
        for entry in scenario["tree"].as_array().unwrap() {
            replay.make(entry);
        }
        replay
    }

    fn expand(&self, text: &str) -> String {
        let long = |text: String, length: usize| {
            text.replace(&format!("$LONG{length}"), &"l".repeat(length))
        };
        let text = text.replace("$ROOT", self.root.to_str().unwrap());
        long(long(long(text, 5000), 256), 255)
    }

    fn make(&self, entry: &Value) {
        let path = self.root.join(self.expand(text(&entry["path"])));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if let Some(text) = entry["text"].as_str() {
            fs::write(&path, self.expand(text)).unwrap();
        } else if let Some(latin1) = entry["bytes_latin1"].as_str() {
            let bytes: Vec<u8> = latin1.chars().map(|c| u8::try_from(c).unwrap()).collect();
            fs::write(&path, bytes).unwrap();
        } else if entry["dir"] == true {
            fs::create_dir_all(&path).unwrap();
        } else if let Some(target) = entry["link"].as_str() {
            std::os::unix::fs::symlink(self.expand(target), &path).unwrap();
        } else if let Some(hex) = entry["raw_name_hex"].as_str() {
            use std::os::unix::ffi::OsStringExt as _;
            let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            let name: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
            let name = std::ffi::OsString::from_vec(name);
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join(name), "raw\n").unwrap();
        } else if cfg!(feature = "archive") && entry["archive"].is_string() {
            #[cfg(feature = "archive")]
            {
                let kind = text(&entry["archive"]);
                fs::write(&path, super::archives::recorded(kind, &entry["entries"])).unwrap();
            }
        } else {
            let made = std::process::Command::new("mkfifo")
                .arg(&path)
                .status()
                .unwrap();
            assert!(entry["fifo"] == true && made.success());
        }
        // Root, who recorded the answers, may read what nobody may.
        if let Some(mode) = entry["mode"].as_str().filter(|mode| *mode != "000") {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::Permissions::from_mode(u32::from_str_radix(mode, 8).unwrap());
            fs::set_permissions(&path, mode).unwrap();
        }
    }

    fn package(&mut self, name: &str) -> Option<&mut Package> {
        self.packages.get_mut(name)?.as_mut()
    }

    /// Keyway's answer to one step. Of a type that is not known there is no package, so there the
    /// answers are KPackage's empty ones.
    fn answer(&mut self, step: &[&str], rest: &[Value]) -> Value {
        let flag = || rest[0].as_bool().unwrap();
        let list = || {
            rest[0]
                .as_array()
                .unwrap()
                .iter()
                .map(text)
                .collect::<Vec<_>>()
        };
        match *step {
            ["load_base", name] => {
                let base = recorded::structure(&json!({}));
                self.loader
                    .add_known_package_structure("Test/Base", base)
                    .unwrap();
                let package = self.loader.load_package("Test/Base").unwrap();
                self.packages.insert(name.to_owned(), Some(package));
                return Value::Null;
            }
            ["load", name, type_name, ref path @ ..] => {
                let mut package = self.loader.load_package(type_name).ok();
                if let (Some(package), [path]) = (&mut package, path) {
                    // What became of it is asked next.
                    let _ = package.set_path(path);
                }
                let is_loaded = package.is_some();
                self.packages.insert(name.to_owned(), package);
                return json!(is_loaded);
            }
            ["write", path, text] => {
                fs::create_dir_all(Path::new(path).parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
                return Value::Null;
            }
            ["remove", path] if Path::new(path).is_dir() => {
                fs::remove_dir_all(path).unwrap();
                return Value::Null;
            }
            ["remove", path] => {
                fs::remove_file(path).unwrap();
                return Value::Null;
            }
            ["exists", path] => return json!(Path::new(path).exists()),
            ["tree", folder] => return names(Path::new(folder)),
            ["list_sorted", type_name, root] => return self.list(type_name, root),
            ["set_fallback", name, other] => {
                let fallback = self.packages[other].clone();
                let package = self.package(name).unwrap();
                package.set_fallback_package(fallback).unwrap();
                return recorded::path(package.fallback_package());
            }
            _ => {}
        }
        let Some(package) = self.package(step[1]) else {
            return match step[0] {
                "is_valid" | "has_valid_structure" => json!(false),
                "metadata" => recorded::metadata(None),
                "keys" => {
                    json!({"directories": [], "files": [], "required_directories": [], "required_files": []})
                }
                _ => json!(""),
            };
        };
        match step[0] {
            "set_path" => {
                let _ = package.set_path(step[2]);
                recorded::path(Some(package))
            }
            "path" => recorded::path(Some(package)),
            "is_valid" => json!(package.is_valid()),
            "has_valid_structure" => json!(package.has_valid_structure()),
            "file_path" => {
                recorded::file_path(package, step[2], step.get(3).copied().unwrap_or_default())
            }
            "entry_list" => recorded::entry_list(package, step[2]),
            "hash" => recorded::hash(package, step[2]),
            "metadata" => recorded::metadata(package.metadata()),
            "raw_metadata" => package
                .metadata()
                .map_or(json!({}), |metadata| json!(metadata.document().root())),
            "keys" => json!({
                "directories": package.directories(),
                "files": package.files(),
                "required_directories": package.required_directories(),
                "required_files": package.required_files(),
            }),
            "definition" => {
                let entry = package.definition().key(step[2]);
                json!({
                    "mime_types": package.mime_types(step[2]),
                    "name": entry.map_or("", |entry| entry.name()),
                    "required": package.is_required(step[2]),
                })
            }
            "add_file" => {
                package.add_file_definition(step[2], step[3], step[4]);
                Value::Null
            }
            "remove_definition" => {
                package.remove_definition(step[2]);
                Value::Null
            }
            "set_required" => {
                package.set_required(step[2], flag());
                Value::Null
            }
            "set_mime_types" => {
                package.set_mime_types(step[2], &list());
                Value::Null
            }
            "prefixes" => json!(package.contents_prefix_paths()),
            "set_prefixes" => {
                package.set_contents_prefix_paths(&list());
                json!(package.contents_prefix_paths())
            }
            "set_external" => {
                package.set_allow_external_paths(flag());
                Value::Null
            }
            "default_root" => json!(package.default_package_root().unwrap_or_default()),
            "set_default_root" => {
                package.set_default_package_root(step[2]);
                json!(package.default_package_root().unwrap_or_default())
            }
            "fallback_path" => recorded::path(package.fallback_package()),
            other => panic!("no step is called `{other}`"),
        }
    }

    fn list(&self, type_name: &str, root: &str) -> Value {
        let Ok(packages) = self.loader.list_packages(type_name, Some(Path::new(root))) else {
            return json!("error");
        };
        let mut lines: Vec<String> = packages
            .iter()
            .map(|package| {
                let file = package.metadata().file().unwrap();
                format!("{} {}", package.id(), file.display())
            })
            .collect();
        lines.sort();
        json!(lines)
    }

    /// Keyway's answer with KPackage's name for the folder that an archive is unpacked to.
    fn without_folder(&self, words: &[&str], answer: Value) -> Value {
        #[cfg(feature = "archive")]
        if let [_, package, ..] = words
            && let Some(Some(package)) = self.packages.get(*package)
            && let Some(archive) = &package.contents().archive
        {
            let folder = archive.top().to_str().unwrap();
            let answer = answer.to_string().replace(folder, "$TMP");
            return serde_json::from_str(&answer).unwrap();
        }
        #[cfg(not(feature = "archive"))]
        let _ = words;
        answer
    }

    /// KPackage's recorded answer, with this replay's paths.
    fn recorded(&self, answer: &Value) -> Value {
        match answer {
            Value::String(text) => json!(self.expand(text)),
            Value::Array(items) => items.iter().map(|item| self.recorded(item)).collect(),
            Value::Object(entries) => entries
                .iter()
                .map(|(key, value)| (key.clone(), self.recorded(value)))
                .collect(),
            other => other.clone(),
        }
    }
}

/// The names of what lies in a folder without folders.
fn names(folder: &Path) -> Value {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names.iter().map(|name| name.to_str().unwrap()).collect()
}

/// One question of a step: its words, what follows them, and what KPackage answered.
struct Question {
    words: Vec<String>,
    rest: Vec<Value>,
    kpackage: Value,
}

/// The questions of a step: one, or, where the step asks for many things, one for each.
fn questions(replay: &Replay, step: &Value) -> Vec<Question> {
    let words = step["do"].as_array().unwrap();
    let plain: Vec<&str> = words.iter().map_while(Value::as_str).collect();
    let question = |words: &[&str], kpackage: &Value| Question {
        words: words.iter().map(|word| replay.expand(word)).collect(),
        rest: Vec::new(),
        kpackage: replay.recorded(kpackage),
    };
    match plain[..] {
        ["file_paths", package] => {
            let list = |at: usize| words[at].as_array().unwrap().iter().map(text);
            let cross = list(2).flat_map(|key| list(3).map(move |name| (key, name)));
            cross
                .map(|(key, name)| {
                    let found = step["gave"][key].get(name).cloned().unwrap_or(json!(""));
                    question(&["file_path", package, key, name], &found)
                })
                .collect()
        }
        // How archives are compressed, and so their sizes, is the writer's business.
        ["tree", folder] => {
            let lines = step["gave"].as_array().unwrap().iter().map(text);
            let names = lines.filter_map(|line| Some(line.split_once(' ')?.0));
            vec![question(&["tree", folder], &names.collect())]
        }
        ["entry_lists", package] => step["gave"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, entries)| question(&["entry_list", package, key], entries))
            .collect(),
        _ => vec![Question {
            rest: words[plain.len()..].to_vec(),
            ..question(&plain, &step["gave"])
        }],
    }
}

fn not_replayed(scenario: &str, step: &str) -> Option<usize> {
    NOT_REPLAYED
        .iter()
        .position(|left_out| left_out.covers(scenario, step))
}

#[test]
fn every_answer_is_kpackages_or_a_wanted_difference() {
    let recorded: Value = serde_json::from_str(SCENARIOS).unwrap();
    let scenarios = recorded["scenarios"].as_array().unwrap();
    assert_eq!(scenarios.len(), 46);
    let (mut same, mut unexplained) = (0, Vec::new());
    let mut differing = vec![0; DIFFERENCES.len()];
    let mut left_out = vec![0; NOT_REPLAYED.len()];
    for scenario in scenarios {
        let name = text(&scenario["name"]);
        let mut replay = None;
        for step in scenario["steps"].as_array().unwrap() {
            if let Some(index) = not_replayed(name, text(&step["do"][0])) {
                left_out[index] += 1;
                continue;
            }
            let replay = replay.get_or_insert_with(|| Replay::new(scenario));
            for question in questions(replay, step) {
                let words: Vec<&str> = question.words.iter().map(String::as_str).collect();
                let keyway = replay.answer(&words, &question.rest);
                let keyway = replay.without_folder(&words, keyway);
                if keyway == question.kpackage {
                    same += 1;
                    continue;
                }
                let answer = Answer {
                    scenario: name,
                    step: &words,
                    kpackage: &question.kpackage,
                    keyway: &keyway,
                };
                match DIFFERENCES
                    .iter()
                    .position(|difference| (difference.holds)(&answer))
                {
                    Some(index) => differing[index] += 1,
                    None => unexplained.push(answer.to_string()),
                }
            }
        }
    }
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    for (difference, count) in DIFFERENCES.iter().zip(differing) {
        let (what, why) = (difference.what, difference.why);
        assert_eq!(
            count, difference.count,
            "answers that differ: {what} ({why})"
        );
    }
    for (left_out, count) in NOT_REPLAYED.iter().zip(left_out) {
        assert_eq!(count, left_out.count, "steps left out: {}", left_out.why);
    }
    assert_eq!(same, SAME);
}
