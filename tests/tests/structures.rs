//! The first-party structures, as built plugins, beside what KPackage 5.103 has.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use keyway::package::{DataDirs, Definition, Kind, Package};
use keyway::{PackageLoader, Registry, SearchPath};
use keyway_tests::command::{keyway_command, run};
use keyway_tests::{PluginFolder, workspace};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The plugins, and a folder of data in which made packages lie.
struct Place {
    data: TempDir,
    plugins: PluginFolder,
    loader: PackageLoader,
}

impl Place {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let plugins = PluginFolder::with(&["keyway-structure-generic", "keyway-structure-plasma"]);
        let registry = Registry::new(SearchPath::only([plugins.path()]));
        let root = data.path().canonicalize().unwrap();
        let loader = PackageLoader::with_data_dirs(registry, DataDirs::new(Some(root), []));
        Self {
            data,
            plugins,
            loader,
        }
    }

    fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.data.path().canonicalize().unwrap().join(path)
    }

    fn write(&self, path: impl AsRef<Path>, text: &str) -> PathBuf {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// A package of no more than these files and metadata.
    fn package(&self, path: &str, files: &[&str], metadata: Value) -> PathBuf {
        for file in files {
            self.write(Path::new(path).join(file), "");
        }
        self.write(Path::new(path).join("metadata.json"), &metadata.to_string());
        self.at(path)
    }

    /// The package at `path`, which may be invalid.
    fn look(&self, type_name: &str, path: impl AsRef<Path>) -> Package {
        let mut package = self.loader.load_package(type_name).unwrap();
        let _ = package.set_path(self.at(path));
        package
    }

    fn load(&self, type_name: &str, path: impl AsRef<Path>) -> Package {
        let path = self.at(path);
        self.loader.load_package_at(type_name, path).unwrap()
    }
}

fn metadata(id: &str) -> Value {
    json!({"KPlugin": {"Id": id}})
}

fn with(mut metadata: Value, key: &str, value: impl Into<Value>) -> Value {
    metadata[key] = value.into();
    metadata
}

fn paths<'a>(package: &'a Package, key: &str) -> &'a [String] {
    package.definition().key(key).map_or(&[], |it| it.paths())
}

fn warnings(package: &Package) -> Vec<&'static str> {
    package.validate().iter().map(|it| it.code()).collect()
}

/// What KPackage 5.103 says of its types and those of Plasma and KWin.
fn recorded() -> Vec<Value> {
    let path = workspace().join("host/tests/fixtures/kpackage-5.103/types.json");
    let types: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let types = types["types"].as_array().unwrap().clone();
    assert_eq!(types.len(), 19);
    types
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What a definition says of its keys, in the order of additions for each.
fn keys(definition: &Definition) -> BTreeMap<String, Value> {
    let own = definition.keys().filter(|(key, _)| *key != "metadata");
    own.map(|(key, entry)| {
        let said = json!({
            "kind": if entry.kind() == Kind::File { "file" } else { "directory" },
            "name": entry.name(),
            "paths": entry.paths(),
            "required": entry.is_required(),
            "mime_types": definition.mime_types(key),
        });
        (key.to_owned(), said)
    })
    .collect()
}

/// The same of a recorded type, with further definitions.
fn recorded_keys(recorded: &Value, more: &[Value]) -> BTreeMap<String, Value> {
    let mut keys = BTreeMap::<String, Value>::new();
    let all = recorded["definitions"].as_array().unwrap();
    for definition in all.iter().chain(more) {
        let key = keys.entry(text(&definition["key"]).to_owned());
        let key = key.or_insert_with(|| {
            let own = definition.get("mime_types");
            let default = recorded.get("default_mime_types");
            json!({
                "kind": definition["kind"],
                "paths": [],
                "required": definition["required"] == true,
                "mime_types": own.or(default).cloned().unwrap_or(json!([])),
            })
        });
        key["name"] = json!(text(&definition["name"]));
        let paths = key["paths"].as_array_mut().unwrap();
        paths.push(definition["path"].clone());
    }
    keys
}

/// Makes a package that has what the type requires and nothing else.
fn make_valid(place: &Place, recorded: &Value, path: &str, metadata: Value) {
    let prefix = text(&recorded["prefixes"][0]);
    let required = recorded["definitions"].as_array().unwrap().iter();
    let files: Vec<String> = required
        .filter(|definition| definition["required"] == true)
        .map(|definition| {
            let inside = match text(&definition["kind"]) {
                "file" => "",
                _ => "/x",
            };
            format!("{prefix}{}{inside}", text(&definition["path"]))
        })
        .collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    place.package(path, &files, metadata);
}

#[test]
fn a_file_is_a_package_of_no_type_but_one() {
    let place = Place::new();
    let file = place.write("some.txt", "");
    for recorded in recorded() {
        let type_name = text(&recorded["type"]);
        match place.loader.load_package_at(type_name, &file) {
            Ok(_) => assert_eq!(type_name, "Wallpaper/Images"),
            Err(error) => assert_eq!(error.code(), "package-not-found", "{type_name}: {error}"),
        }
    }
    let error = place.loader.load_package_at("Wallpaper/Images", "some.txt");
    assert_eq!(error.unwrap_err().code(), "package-not-found");
    let error = place
        .loader
        .load_package_at("Wallpaper/Images", "/dev/null");
    assert_eq!(error.unwrap_err().code(), "package-not-found");
}

#[test]
fn what_is_required_is_required() {
    let place = Place::new();
    let required: BTreeMap<String, Vec<String>> = recorded()
        .iter()
        .map(|recorded| {
            let type_name = text(&recorded["type"]);
            place.package("empty", &["contents/x"], metadata("empty"));
            let package = place.look(type_name, "empty");
            let errors = package.validate();
            let errors = errors.iter().filter(|it| it.code() == "required-missing");
            let keys = errors.map(|it| it.key().unwrap().to_owned());
            (type_name.to_owned(), keys.collect())
        })
        .collect();
    let script = ["mainscript"].map(String::from);
    for (type_name, required) in required {
        let expected: &[_] = match &*type_name {
            "KWin/Aurorae" => &["decoration".to_owned()],
            "Wallpaper/Images" => &["images".to_owned()],
            "KSysguard/SensorFace" => &[
                "CompactRepresentation".to_owned(),
                "FaceProperties".to_owned(),
                "FullRepresentation".to_owned(),
            ],
            "Plasma/Comic" | "Plasma/LookAndFeel" | "Plasma/Shell" | "Plasma/Theme" => &[],
            _ => &script,
        };
        assert_eq!(required, expected, "{type_name}");
    }
}

#[test]
fn the_definitions_are_those_of_kpackage() {
    let place = Place::new();
    for recorded in recorded() {
        let type_name = text(&recorded["type"]);
        // The package that was asked about, since one type looks at the id.
        make_valid(&place, &recorded, type_name, metadata("org.kpeer.probe"));
        let package = place.load(type_name, type_name);
        assert_eq!(
            keys(package.definition()),
            recorded_keys(&recorded, &[]),
            "{type_name}"
        );
        let definition = package.definition();
        let root = definition.default_package_root().unwrap_or_default();
        assert_eq!(root, text(&recorded["default_root"]), "{type_name}");
        assert_eq!(
            json!(definition.contents_prefix_paths()),
            recorded["prefixes"],
            "{type_name}"
        );
        let external = definition.allow_external_paths();
        assert_eq!(external, recorded["external"] == true, "{type_name}");

        // Before there is a package, all but what comes from its id.
        let mut before = recorded_keys(&recorded, &[]);
        if type_name == "KWin/Aurorae" {
            before.get_mut("configrc").unwrap()["paths"] = json!(["configrc"]);
        }
        let package = place.loader.load_package(type_name).unwrap();
        assert_eq!(keys(package.definition()), before, "{type_name}");
    }
}

/// Each type that KPackage lets name its main script, and no other, in each way.
#[test]
fn the_main_script_that_metadata_name() {
    let place = Place::new();
    for recorded in recorded() {
        let type_name = text(&recorded["type"]);
        let usual: Vec<_> = recorded_keys(&recorded, &[])
            .remove("mainscript")
            .into_iter()
            .collect();
        for key in ["X-Plasma-MainScript", "X-KPackage-MainScript"] {
            let is_looked_at = match recorded["mainscript_metadata_key"].as_str() {
                Some("X-KPackage-MainScript") => true,
                looked_at => looked_at == Some(key),
            };
            let mut expected: Vec<Value> = usual
                .iter()
                .flat_map(|usual| usual["paths"].as_array().unwrap().clone())
                .collect();
            if is_looked_at {
                expected.push(json!("ui/custom.qml"));
            }
            make_valid(
                &place,
                &recorded,
                type_name,
                with(metadata("org.kpeer.probe"), key, "ui/custom.qml"),
            );
            let package = place.load(type_name, type_name);
            assert_eq!(
                json!(paths(&package, "mainscript")),
                json!(expected),
                "{type_name} {key}"
            );
            if is_looked_at {
                // It is enough, and an empty name is none.
                let custom = with(metadata("custom"), key, "ui/custom.qml");
                place.package("custom", &["contents/ui/custom.qml"], custom);
                let package = place.load(type_name, "custom");
                let script = place.at("custom/contents/ui/custom.qml");
                assert_eq!(package.file_path("mainscript", ""), Some(script.into()));
                let empty = with(metadata("unnamed"), key, "");
                place.package("unnamed", &["contents/x"], empty);
                assert!(!place.look(type_name, "unnamed").is_valid(), "{type_name}");
            }
        }
    }
    let both = with(metadata("both"), "X-Plasma-MainScript", "p");
    let both = with(both, "X-KPackage-MainScript", "k");
    place.package("both", &["contents/p", "contents/k"], both);
    let package = place.load("KPackage/Generic", "both");
    assert_eq!(paths(&package, "mainscript"), ["scripts/main.js", "k"]);
}

#[test]
fn a_containment_may_expand_applets_its_own_way() {
    let place = Place::new();
    let types = |types: Value| json!({"KPlugin": {"Id": "x", "ServiceTypes": types}});
    let metadata = [
        (false, metadata("x")),
        (
            false,
            types(json!(["Plasma/Applet", "Plasma/ContainmentX"])),
        ),
        (
            false,
            with(metadata("x"), "KPackageStructure", "Plasma/Containment"),
        ),
        (
            false,
            with(metadata("x"), "KPlugin.ServiceTypes", "Plasma/Containment"),
        ),
        (
            true,
            with(metadata("x"), "X-Plasma-ContainmentType", "Panel"),
        ),
        (true, with(metadata("x"), "X-Plasma-ContainmentType", "")),
        (true, types(json!(["Plasma/Applet", "Plasma/Containment"]))),
        (true, types(json!("Plasma/Containment"))),
    ];
    for (is_containment, metadata) in metadata {
        for type_name in ["Plasma/Applet", "Plasma/Generic"] {
            place.package("x", &["contents/ui/main.qml"], metadata.clone());
            let package = place.load(type_name, "x");
            let expected: &[&str] = match is_containment && type_name == "Plasma/Applet" {
                true => &["applet/CompactApplet.qml"],
                false => &[],
            };
            assert_eq!(paths(&package, "compactapplet"), expected, "{metadata}");
        }
    }
}

#[test]
fn settings_of_a_window_frame_may_be_called_after_it() {
    let place = Place::new();
    let frame = |files: &[&str], metadata| place.package("frame", files, metadata);
    frame(
        &["decoration.svgz", "framerc", "otherrc"],
        metadata("other"),
    );
    let settings = |package: &Package| Some(package.file_path("configrc", "")?.into_owned());
    let package = place.load("KWin/Aurorae", "frame");
    assert_eq!(settings(&package), Some(place.at("frame/otherrc")));
    // Where the metadata do not say, the id is the name of their file.
    frame(&["metadatarc"], json!({"KPlugin": {"Name": "Frame"}}));
    let package = place.load("KWin/Aurorae", "frame");
    assert_eq!(settings(&package), Some(place.at("frame/metadatarc")));
    frame(&["configrc"], metadata("other"));
    let package = place.load("KWin/Aurorae", "frame");
    assert_eq!(settings(&package), Some(place.at("frame/configrc")));

    place.write("rc", "");
    place.write("outrc", "");
    fs::remove_file(place.at("frame/configrc")).unwrap();
    frame(&[], metadata("../out"));
    assert_eq!(settings(&place.load("KWin/Aurorae", "frame")), None);
    fs::remove_file(place.at("frame/metadata.json")).unwrap();
    let package = place.load("KWin/Aurorae", "frame");
    assert_eq!(paths(&package, "configrc"), ["configrc"]);
}

/// The type, its root, its default package and a file of it.
const WITH_DEFAULT: [(&str, &str, &str, &str, &str); 2] = [
    (
        "Plasma/LookAndFeel",
        "plasma/look-and-feel",
        "org.kde.breeze.desktop",
        "defaults",
        "contents/defaults",
    ),
    (
        "Plasma/Shell",
        "plasma/shells",
        "org.kde.plasma.desktop",
        "defaultlayout",
        "contents/layout.js",
    ),
];

#[test]
fn without_the_default_there_is_no_fallback_and_a_warning() {
    let place = Place::new();
    for (type_name, ..) in WITH_DEFAULT {
        place.package("mine", &["contents/x"], metadata("mine"));
        let package = place.load(type_name, "mine");
        assert!(package.fallback_package().is_none());
        assert_eq!(warnings(&package), ["untyped", "fallback-missing"]);
        assert_eq!(place.loader.load_package(type_name).unwrap().path(), None);
    }
}

#[test]
fn what_is_missing_comes_from_the_default() {
    let place = Place::new();
    for (type_name, root, id, key, file) in WITH_DEFAULT {
        let default = place.package(&format!("{root}/{id}"), &[file], metadata(id));
        place.package("Plasma/Applet/x", &["contents/ui/main.qml"], metadata("x"));
        let applet = with(metadata("mine"), "X-Plasma-RootPath", "x");
        for metadata in [metadata("mine"), json!({"KPlugin": {}}), applet] {
            place.package("mine", &["contents/x"], metadata);
            let package = place.load(type_name, "mine");
            let fallback = package.fallback_package().and_then(Package::path);
            assert_eq!(fallback, Some(&*default), "{type_name}");
            assert_eq!(package.file_path(key, ""), Some(default.join(file).into()));
        }
        // Not for the default itself, wherever it lies, nor for what says nothing of itself.
        let applet = with(metadata(id), "X-Plasma-RootPath", "x");
        for metadata in [metadata(id), applet] {
            place.package("mine", &["contents/x"], metadata);
            assert!(place.load(type_name, "mine").fallback_package().is_none());
        }
        fs::remove_file(place.at("mine/metadata.json")).unwrap();
        assert!(place.load(type_name, "mine").fallback_package().is_none());
    }
    // Nobody names a package: then it is the default, of one of the two types.
    let place = Place::new();
    for (type_name, root, id, _, file) in WITH_DEFAULT {
        let default = place.package(&format!("{root}/{id}"), &[file], metadata(id));
        let path = Some(default).filter(|_| type_name == "Plasma/LookAndFeel");
        let package = place.loader.load_package(type_name).unwrap();
        assert_eq!(package.path(), path.as_deref());
    }
}

#[test]
fn a_default_that_calls_itself_otherwise_is_not_its_own_fallback() {
    let place = Place::new();
    for (type_name, root, id, _, file) in WITH_DEFAULT {
        place.package(&format!("{root}/{id}"), &[file], metadata("renamed"));
        let package = place.loader.load_package_at(type_name, id).unwrap();
        assert!(package.fallback_package().is_none());
        assert!(warnings(&package).contains(&"fallback-missing"));
    }
}

#[test]
fn a_shell_names_another_by_name_and_never_by_path() {
    let place = Place::new();
    let (_, root, id, ..) = WITH_DEFAULT[1];
    let layout = "contents/layout.js";
    place.package(&format!("{root}/{id}"), &[layout], metadata(id));
    let other = place.package(&format!("{root}/nano"), &[layout], metadata("nano"));
    let fallback = |name: Value| {
        let metadata = with(metadata("mine"), "X-Plasma-FallbackPackage", name);
        place.package("mine", &["contents/x"], metadata);
        let package = place.load("Plasma/Shell", "mine");
        let fallback = package.fallback_package().and_then(Package::path);
        fallback.map(Path::to_path_buf)
    };
    for name in ["", ".", "..", "../shells/nano", "nano/", "nothere"] {
        assert_eq!(fallback(json!(name)), None, "{name}");
    }
    assert_eq!(fallback(json!(other)), None);
    assert_eq!(fallback(json!("nano")), Some(other));
    let default = place.at(format!("{root}/{id}"));
    assert_eq!(fallback(json!(3)), Some(default));
}

#[test]
fn a_single_picture_is_a_wallpaper() {
    let place = Place::new();
    let picture = place.write("pictures/a.png", "");
    place.write("pictures/b.png", "");
    let package = place.load("Wallpaper/Images", "pictures/a.png");
    assert_eq!(package.path(), Some(&*place.at("pictures")));
    for key in ["preferred", "preferredDark", "screenshot"] {
        let path = package.file_path(key, "");
        assert_eq!(path.as_deref(), Some(&*picture), "{key}");
    }
    assert_eq!(package.contents_prefix_paths(), [""]);
    assert!(!package.is_required("images"));
    // The same package for a folder: nothing is left of the picture.
    let mut package = package;
    assert!(package.set_path(place.at("pictures")).is_err());
    place.package("paper", &["contents/images/1x1.png"], metadata("paper"));
    package.set_path(place.at("paper")).unwrap();
    assert_eq!(package.entry_list("images"), ["1x1.png"]);
    assert_eq!(package.files(), ["metadata", "screenshot"]);

    // A link leads to the folder of what it points to, as in KPackage.
    std::os::unix::fs::symlink(&picture, place.at("link.png")).unwrap();
    let package = place.load("Wallpaper/Images", "link.png");
    assert_eq!(package.file_path("preferred", ""), Some(picture.into()));
    // Names are those of folders.
    place.write("Wallpaper/c.png", "");
    let named = place
        .loader
        .load_package_at("Wallpaper/Images", "Wallpaper/c.png");
    assert_eq!(named.unwrap_err().code(), "package-not-found");
}

#[test]
fn a_platform_comes_before_the_usual() {
    let place = Place::new();
    let phone = "platformcontents/phone/ui/main.qml";
    place.package("x", &[phone, "contents/ui/main.qml"], metadata("x"));
    for (type_name, platforms, file) in [
        ("Plasma/Applet", "", "contents/ui/main.qml"),
        ("Plasma/Applet", "tablet", "contents/ui/main.qml"),
        ("Plasma/Applet", "tablet::phone:", phone),
        ("Plasma/Generic", "phone", phone),
        ("Plasma/Wallpaper", "phone", phone),
        ("Plasma/DataEngine", "phone", "contents/ui/main.qml"),
        ("Plasma/ContainmentActions", "phone", "contents/ui/main.qml"),
    ] {
        let mut command = keyway_command();
        command
            .env("KEYWAY_PLUGIN_PATH", place.plugins.path())
            .env("PLASMA_PLATFORM", platforms)
            .args(["file", "-t", type_name])
            .arg(place.at("x"))
            .arg("mainscript");
        let path = place.at("x").join(file);
        let output = run(&mut command);
        assert_eq!(
            output.stdout.trim_end(),
            path.to_str().unwrap(),
            "{output:?}"
        );
    }
}

#[test]
fn all_types_are_shown_without_running_a_plugin() {
    let place = Place::new();
    let mut command = keyway_command();
    command
        .env("KEYWAY_PLUGIN_PATH", place.plugins.path())
        .args(["types", "--json"]);
    let types = run(&mut command).json();
    let types: Vec<&str> = types
        .as_array()
        .unwrap()
        .iter()
        .map(|it| text(&it["type"]))
        .collect();
    let recorded = recorded();
    let mut expected: Vec<&str> = recorded.iter().map(|it| text(&it["type"])).collect();
    expected.sort_unstable();
    assert_eq!(types, expected);
}
