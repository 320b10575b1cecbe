//! Keyway's answers, in the form of those of `tests/cpp/ask_kpackage.cpp`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use keyway::package::{DataDirs, HashAlgorithm, Package, PackageError, PackageMetadata};
use keyway::{PackageLoader, Registry, SearchPath};
use keyway_plugin::{Error, Package as Described, PackageStructure};
use keyway_tests::PluginFolder;
use serde_json::{Value, json};

use crate::kpackage::Data;

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(crate) fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().map(text).collect()
}

/// A loader of the first-party structures, as built plugins.
pub(crate) struct Keyway {
    pub(crate) loader: PackageLoader,
    _plugins: PluginFolder,
}

impl Keyway {
    pub(crate) fn new(data: &Data) -> Self {
        let plugins = PluginFolder::with(&["keyway-structure-generic", "keyway-structure-plasma"]);
        let registry = Registry::new(SearchPath::only([plugins.path()]));
        let dirs = DataDirs::new(Some(data.home.clone()), [data.system.clone()]);
        Self {
            loader: PackageLoader::with_data_dirs(registry, dirs),
            _plugins: plugins,
        }
    }

    /// The answers to the steps of a case, each with the path of the package that was asked.
    pub(crate) fn ask(&self, case: &Value, locale: &str) -> Vec<(Value, Option<PathBuf>)> {
        for (type_name, spec) in case["structures"].as_object().into_iter().flatten() {
            self.loader
                .add_known_package_structure(type_name, Made(spec.clone()))
                .unwrap();
        }
        let mut asked = Asked {
            loader: &self.loader,
            locale,
            packages: BTreeMap::new(),
        };
        let steps = case["steps"].as_array().unwrap();
        steps
            .iter()
            .map(|step| {
                let step = step.as_array().unwrap();
                let package = asked.packages.get(text(&step[1]));
                let path = package.and_then(Package::path).map(Path::to_path_buf);
                (asked.answer(step), path)
            })
            .collect()
    }
}

/// A structure as a case describes it.
struct Made(Value);

impl PackageStructure for Made {
    fn init_package(&self, package: &mut Described<'_>) -> Result<(), Error> {
        let Self(spec) = self;
        if let Some(root) = spec["default_root"].as_str() {
            package.set_default_package_root(root);
        }
        if spec["prefixes"].is_array() {
            package.set_contents_prefix_paths(&texts(&spec["prefixes"]));
        }
        if spec["default_mime_types"].is_array() {
            package.set_default_mime_types(&texts(&spec["default_mime_types"]));
        }
        package.set_allow_external_paths(spec["external"] == true);
        for definition in spec["definitions"].as_array().into_iter().flatten() {
            let [key, path, name] = ["key", "path", "name"].map(|part| text(&definition[part]));
            match text(&definition["kind"]) {
                "directory" => package.add_directory_definition(key, path, name),
                _ => package.add_file_definition(key, path, name),
            }
            if definition["required"] == true {
                package.set_required(key, true);
            }
            if definition["mime_types"].is_array() {
                package.set_mime_types(key, &texts(&definition["mime_types"]));
            }
        }
        Ok(())
    }

    fn path_changed(&self, package: &mut Described<'_>) -> Result<(), Error> {
        let key = self.0["mainscript_metadata_key"].as_str();
        let path = key.and_then(|key| package.metadata_value(key));
        if let Some(path) = path.filter(|path| !path.is_empty()) {
            package.add_file_definition("mainscript", &path, "");
        }
        Ok(())
    }
}

/// The packages of one case.
struct Asked<'a> {
    loader: &'a PackageLoader,
    locale: &'a str,
    packages: BTreeMap<String, Package>,
}

impl Asked<'_> {
    fn answer(&mut self, step: &[Value]) -> Value {
        let words: Vec<&str> = step.iter().map(text).collect();
        match words[..] {
            ["list", type_name, root] => return self.list(type_name, root),
            ["load", name, type_name, ref path @ ..] => {
                let mut package = self.loader.load_package(type_name).unwrap();
                if let [path] = path {
                    // What became of it is asked next.
                    let _ = package.set_path(path);
                }
                self.packages.insert(name.to_owned(), package);
                return json!(true);
            }
            ["set_fallback", name, other] => {
                let fallback = self.packages[other].clone();
                let package = self.packages.get_mut(name).unwrap();
                // A refusal is seen in the answers.
                let _ = package.set_fallback_package(Some(fallback));
                return Value::Null;
            }
            _ => {}
        }
        let package = self.packages.get_mut(words[1]).unwrap();
        match words[..] {
            ["path", _] => path(Some(package)),
            ["set_path", _, asked] => {
                let before = package.clone();
                if let Err(PackageError::NotFound { .. }) = package.set_path(asked) {
                    assert_eq!(package.path(), None);
                    // KPackage stays with what was there, so that is what the next steps ask about.
                    *package = before;
                    return json!({"not_there": true, "before": path(Some(package))});
                }
                path(Some(package))
            }
            ["is_valid", _] => json!(package.is_valid()),
            ["file_path", _, key, name] => found(package.file_path(key, name).map(Cow::into_owned)),
            ["file_url", _, key, name] => json!(package.file_url(key, name).unwrap_or_default()),
            ["entry_list", _, key] => package
                .entry_list(key)
                .iter()
                .map(|entry| entry.to_string_lossy())
                .collect(),
            ["hash", _, name] => {
                let algorithm = HashAlgorithm::from_name(name).unwrap();
                json!(package.cryptographic_hash(algorithm).unwrap_or_default())
            }
            ["metadata", _] => metadata(package.metadata(), self.locale),
            ["raw_metadata", _] => package
                .metadata()
                .map_or(json!({}), |metadata| json!(metadata.document().root())),
            ["metadata_value", _, key] => {
                let value = package.metadata().and_then(|it| it.view().value(key));
                json!(value.unwrap_or_default())
            }
            ["metadata_list", _, key] => {
                let metadata = package.metadata();
                json!(metadata.map_or_else(Vec::new, |it| it.view().list(key)))
            }
            ["keys", _] => json!({
                "directories": package.directories(),
                "files": package.files(),
                "required_directories": package.required_directories(),
                "required_files": package.required_files(),
            }),
            ["definition", _, key] => json!({
                "name": package.definition().key(key).map_or("", |entry| entry.name()),
                "required": package.is_required(key),
                "mime_types": package.mime_types(key),
            }),
            ["prefixes", _] => json!(package.contents_prefix_paths()),
            ["default_root", _] => json!(package.default_package_root().unwrap_or_default()),
            ["external", _] => json!(package.allow_external_paths()),
            ["fallback_path", _] => path(package.fallback_package()),
            _ => {
                change(package, &words, step);
                Value::Null
            }
        }
    }

    fn list(&self, type_name: &str, root: &str) -> Value {
        let packages = self.loader.list_packages(type_name, Some(Path::new(root)));
        let packages = packages.unwrap();
        let files = packages.iter();
        let files = files.map(|it| (it.id().to_owned(), json!(it.metadata().file())));
        Value::Object(files.collect())
    }
}

fn change(package: &mut Package, words: &[&str], step: &[Value]) {
    match *words {
        ["set_prefixes", _, _] => package.set_contents_prefix_paths(&texts(&step[2])),
        ["set_default_root", _, root] => package.set_default_package_root(root),
        ["set_external", _, _] => package.set_allow_external_paths(step[2] == true),
        ["set_default_mime_types", _, _] => package.set_default_mime_types(&texts(&step[2])),
        ["add_directory", _, key, path, name] => package.add_directory_definition(key, path, name),
        ["add_file", _, key, path, name] => package.add_file_definition(key, path, name),
        ["remove_definition", _, key] => package.remove_definition(key),
        ["set_required", _, key, _] => package.set_required(key, step[3] == true),
        ["set_mime_types", _, key, _] => package.set_mime_types(key, &texts(&step[3])),
        _ => panic!("no step is called {words:?}"),
    }
}

fn found(path: Option<PathBuf>) -> Value {
    path.map_or(json!(""), |path| json!(path.to_string_lossy()))
}

/// A package's folder with the slash that KPackage puts behind it, or nothing.
fn path(package: Option<&Package>) -> Value {
    match package.and_then(Package::path) {
        Some(path) => json!(format!("{}/", path.display())),
        None => json!(""),
    }
}

fn metadata(metadata: Option<&PackageMetadata>, locale: &str) -> Value {
    let Some(metadata) = metadata else {
        return json!({"valid": false});
    };
    let view = metadata.view();
    let file = metadata.file().unwrap().to_str().unwrap();
    let translated = |key| view.translated(key, locale).unwrap_or_default();
    let people = |key| -> Value {
        let people = view.people(key, locale);
        let person = |it: &keyway::package::Author<'_>| json!({"name": it.name, "email": it.email.unwrap_or_default()});
        people.iter().map(person).collect()
    };
    json!({
        "valid": true,
        "id": metadata.id().unwrap_or_default(),
        "name": view.name_in(locale).unwrap_or_default(),
        "description": view.description_in(locale).unwrap_or_default(),
        "version": view.version().unwrap_or_default(),
        "authors": people("Authors"),
        "translators": people("Translators"),
        "other_contributors": people("OtherContributors"),
        "category": view.category().unwrap_or_default(),
        "copyright": translated("Copyright"),
        "license": view.license().unwrap_or_default(),
        "website": view.website().unwrap_or_default(),
        "bug_report_url": view.bug_report_url().unwrap_or_default(),
        "icon": view.icon().unwrap_or_default(),
        "enabled_by_default": view.is_enabled_by_default(),
        "is_hidden": view.is_hidden_from_users(),
        "initial_preference": view.initial_preference(),
        "form_factors": view.form_factors(),
        "mime_types": view.mime_types(),
        "service_types": view.service_types(),
        "kpackage_structure": view.value("KPackageStructure").unwrap_or_default(),
        "file_name": metadata.document().library().unwrap_or(file),
        "metadata_file": file,
    })
}
