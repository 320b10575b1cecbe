//! 3bot packages, whose metadata are in `package.toml`, through the command and the library.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod installing;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use keyway::package::threebot::{FullName, PackageToml};
use keyway::package::{DataDirs, LoadError, PackageError};
use keyway::{PackageLoader, Registry, SearchPath};
use keyway_tests::command::{Output, keyway_command, run};
use keyway_tests::snapshot::Snapshot;
use keyway_tests::{PluginFolder, workspace};
use serde_json::{Value, json};
use tempfile::TempDir;

const TYPE: &str = "ThreeBot/Package";
const ROOT: &str = "data/threebot/packages";

/// The plugins, a user's data folder, and what lies beside.
struct Place {
    folder: TempDir,
    plugins: PluginFolder,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            plugins: PluginFolder::with(&["keyway-structure-generic", "keyway-structure-threebot"]),
        }
    }

    fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(path)
    }

    fn write(&self, path: impl AsRef<Path>, text: &str) -> PathBuf {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// A package of that `package.toml` and an actor.
    fn package(&self, path: &str, toml: &str) -> PathBuf {
        self.write(Path::new(path).join("actors/hello.rs"), "");
        self.write(Path::new(path).join("package.toml"), toml);
        self.at(path)
    }

    fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        let mut command = keyway_command();
        command
            .current_dir(self.at(""))
            .env("KEYWAY_PLUGIN_PATH", self.plugins.path())
            .env("XDG_DATA_HOME", self.at("data"))
            .env("XDG_CACHE_HOME", self.at("cache"))
            .env("XDG_STATE_HOME", self.at("state"))
            .args(arguments);
        run(&mut command)
    }

    fn show(&self, type_name: &str, package: &str) -> (i32, Value) {
        let shown = self.run(["show", "--json", "-t", type_name, package]);
        (shown.code, shown.json())
    }

    /// The ids of the packages that are listed.
    fn list(&self, type_name: &str, root: Option<&str>) -> Vec<String> {
        let root = root.map(|root| ["-p".to_owned(), self.at(root).display().to_string()]);
        let arguments = ["list", "--json", "-t", type_name].map(str::to_owned);
        let listed = self.run(arguments.into_iter().chain(root.into_iter().flatten()));
        assert_eq!(listed.code, 0, "{listed:#?}");
        let listed = listed.json();
        let packages = listed.as_array().unwrap().iter();
        packages
            .map(|it| it["id"].as_str().unwrap().to_owned())
            .collect()
    }

    fn loader(&self) -> PackageLoader {
        let registry = Registry::new(SearchPath::only([self.plugins.path()]));
        let dirs = DataDirs::new(Some(self.at("data")), []);
        PackageLoader::with_data_dirs(registry, dirs)
    }
}

fn toml(name: &str, version: &str) -> String {
    format!("[source]\nthreebot = \"acme\"\nname = \"{name}\"\nversion = \"{version}\"\n")
}

fn fixture(name: &str) -> String {
    let folder = workspace().join("plugin-api/metadata/tests/fixtures/package-toml");
    fs::read_to_string(folder.join(name).with_extension("toml")).unwrap()
}

/// Severities, codes and messages of what `show` tells.
fn problems(shown: &Value) -> Vec<[&str; 3]> {
    let problems = shown["problems"].as_array().unwrap().iter();
    let texts =
        problems.map(|it| ["severity", "code", "message"].map(|key| it[key].as_str().unwrap()));
    texts.collect()
}

#[test]
fn a_bad_file_makes_no_package_and_is_told_with_line_key_found_and_expected() {
    let place = Place::new();
    for (toml, trouble) in [
        (
            "[source]\nname = clock\n",
            "malformed TOML at line 2, column 8: ",
        ),
        (
            "[actor]\nnamespace = 'x'\n",
            "malformed package.toml: `source` is missing, expected a table, `[source]`, with \
             `threebot` and `name`",
        ),
        (
            "[source]\nname = 'clock'\n",
            "malformed package.toml at line 1, column 2: `source.threebot` is missing, expected \
             the name of who the package is by",
        ),
        (
            "[source]\nthreebot = 'acme'\nname = 'world.clock'\n",
            "malformed package.toml at line 3, column 1: `source.name` is `world.clock`, expected \
             letters, digits, `_` and `-`, a letter or digit first",
        ),
        (
            "source = { threebot = 'acme', name = 'a' }\n[[bcdbs]]\ntype = 'mysql'\n",
            "malformed package.toml at line 3, column 1: `bcdbs.type` of entry 1 is `mysql`, \
             expected `zdb`, `sqlite`, `redis` or `sdb`",
        ),
        (
            "source = { threebot = 'acme', name = 'a' }\nlifecycle.isolation = 'vm'\n",
            "malformed package.toml at line 2, column 11: `lifecycle.isolation` is `vm`, expected \
             `none` or `process`",
        ),
        (
            "source = { threebot = 'acme', name = 'a', version = 1.0 }\n",
            "malformed package.toml at line 1, column 43: `source.version` is a number, expected \
             text in quotes",
        ),
    ] {
        let folder = place.package(&format!("{ROOT}/acme.bad"), toml);
        let file = folder.join("package.toml");
        let expected = format!("the metadata file `{}`: {trouble}", file.display());

        let (code, shown) = place.show(TYPE, "acme.bad");
        assert_eq!((code, &shown["valid"]), (1, &json!(false)), "{shown:#}");
        let [error] = problems(&shown)[..] else {
            panic!("{shown:#}");
        };
        assert_eq!(error[..2], ["error", "metadata-malformed"]);
        assert!(error[2].starts_with(&expected), "{} {expected}", error[2]);
        assert_eq!(shown["metadata"], Value::Null);

        let error = place
            .loader()
            .load_package_at(TYPE, "acme.bad")
            .unwrap_err();
        let LoadError::Package(PackageError::Invalid { problems, .. }) = &error else {
            panic!("{error}");
        };
        assert!(problems[0].message().starts_with(&expected));
        assert_eq!(place.list(TYPE, None), [""; 0]);

        let before = Snapshot::of(&place.at("data"));
        for arguments in [
            &["install", "--json"][..],
            &["install", "--json", "-t", TYPE],
        ] {
            let refused = place.run(arguments.iter().map(OsStr::new).chain([folder.as_os_str()]));
            assert_eq!(refused.code, 1);
            assert_eq!(
                refused.error()["code"],
                "metadata-malformed",
                "{refused:#?}"
            );
        }
        assert_eq!(Snapshot::of(&place.at("data")), before);
    }
}

#[test]
fn a_package_without_its_file_is_none() {
    let place = Place::new();
    place.write(format!("{ROOT}/acme.none/actors/hello.rs"), "");
    let json = json!({"KPlugin": {"Id": "acme.json"}, "KPackageStructure": TYPE});
    place.write(format!("{ROOT}/acme.json/metadata.json"), &json.to_string());
    place.write(format!("{ROOT}/acme.case/PACKAGE.TOML"), &toml("case", "1"));
    for name in ["acme.none", "acme.json", "acme.case"] {
        let (code, shown) = place.show(TYPE, name);
        assert_eq!((code, &shown["metadata"]), (1, &Value::Null));
        assert_eq!(problems(&shown)[0][..2], ["error", "required-missing"]);
    }
    let listed = place.run(["list", "--json", "-t", TYPE]).json();
    let valid = listed
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["valid"] == true);
    assert_eq!(valid.count(), 0, "{listed:#}");

    for (arguments, path, expected) in [
        (
            &[][..],
            "acme.none",
            "none of `metadata.json`, `metadata.desktop`, `package.toml`",
        ),
        (&["-t", TYPE], "acme.none", "no `package.toml`"),
        (&["-t", TYPE], "acme.json", "no `package.toml`"),
        (&[], "acme.json", "no `package.toml`"),
    ] {
        let path = place.at(ROOT).join(path);
        let arguments = ["install", "--json"]
            .iter()
            .chain(arguments)
            .map(OsStr::new);
        let refused = place.run(arguments.chain([path.as_os_str()])).error();
        assert_eq!(refused["code"], "metadata-missing");
        let message = format!(
            "the package `{}` has no metadata: there is {expected}",
            path.display()
        );
        assert_eq!(refused["message"], message);
    }
}

#[test]
fn the_file_is_nothing_to_packages_of_other_types() {
    const GENERIC: &str = "KPackage/Generic";
    let place = Place::new();
    let json = json!({"KPlugin": {"Id": "org.both"}, "KPackageStructure": GENERIC}).to_string();
    let root = "data/kpackage/generic";
    for (name, toml) in [
        ("only", toml("only", "1.0")),
        ("broken", "[source".to_owned()),
        ("org.both", toml("both", "1.0")),
    ] {
        place.package(&format!("{root}/{name}"), &toml);
        place.write(format!("{root}/{name}/contents/scripts/main.js"), "");
    }
    let (_, without) = place.show(GENERIC, "org.both");
    place.write(format!("{root}/org.both/metadata.json"), &json);

    let listed = place.run(["list", "--json", "-t", GENERIC]);
    assert_eq!(listed.json().as_array().unwrap().len(), 1);
    assert_eq!(
        (listed.stderr.as_str(), listed.json()[0]["id"].as_str()),
        ("", Some("org.both"))
    );
    for name in ["only", "broken"] {
        let (code, shown) = place.show(GENERIC, name);
        assert_eq!(code, 0);
        assert_eq!(
            problems(&shown).iter().map(|it| it[1]).collect::<Vec<_>>(),
            ["metadata-missing"]
        );
        let metadata = shown["definitions"].as_array().unwrap().iter();
        let metadata = metadata.clone().find(|it| it["key"] == "metadata").unwrap();
        assert_eq!(
            metadata["paths"],
            json!(["metadata.json", "metadata.desktop"])
        );
        let path = place.at(root).join(name);
        let refused = place.run(["install", "--json", "-t", GENERIC, path.to_str().unwrap()]);
        assert_eq!(refused.error()["code"], "metadata-missing");
    }
    let (_, both) = place.show(GENERIC, "org.both");
    assert_eq!(both["id"], "org.both");
    // KPackage's hash is that of its metadata file and the contents.
    assert_ne!(both["hash"], without["hash"]);
    fs::remove_file(place.at(root).join("org.both/package.toml")).unwrap();
    let (_, same) = place.show(GENERIC, "org.both");
    assert_eq!(both["hash"], same["hash"]);

    // As a 3bot package the same folder is another package.
    let path = place.package(&format!("{root}/org.both"), &toml("both", "1.0"));
    let (_, shown) = place.show(TYPE, path.to_str().unwrap());
    assert_eq!(shown["id"], "acme.both");
}

#[test]
fn several_types_may_have_one_root() {
    let place = Place::new();
    let mut expected = Vec::new();
    // Enough that what is found is kept.
    for number in 0..200 {
        let json = json!({"KPlugin": {"Id": format!("g{number:03}")}});
        let path = format!("mixed/{number}");
        place.write(format!("{path}/metadata.json"), &json.to_string());
        place.write(format!("{path}/contents/scripts/main.js"), "");
        place.package(&path, &toml(&format!("t{number:03}"), "1.0"));
        expected.push((format!("g{number:03}"), format!("acme.t{number:03}")));
    }
    for _ in 0..3 {
        let (generic, threebot) = expected.iter().cloned().unzip::<_, _, Vec<_>, Vec<_>>();
        assert_eq!(place.list("KPackage/Generic", Some("mixed")), generic);
        assert_eq!(place.list(TYPE, Some("mixed")), threebot);
    }
}

#[test]
fn packages_are_listed_found_and_shown_as_any() {
    let place = Place::new();
    for name in [
        "whole",
        "usual",
        "least",
        "own-store",
        "several-stores",
        "crud-in-source",
    ] {
        // The folder may have any name.
        place.package(&format!("{ROOT}/{name}"), &fixture(name));
    }
    let ids = [
        "acme.archive",
        "acme.clock",
        "acme.guestbook",
        "acme.least",
        "acme.ledger",
        "acme.plain_actors",
    ];
    assert_eq!(place.list(TYPE, None), ids);
    let listed = place.run(["list", "--json", "-t", TYPE]).json();
    assert_eq!(
        listed[1],
        json!({
            "id": "acme.clock", "name": "clock", "version": "1.0.0", "type": TYPE, "valid": true,
            "untyped": false, "path": place.at(ROOT).join("usual"),
        })
    );
    let found = place
        .run(["find", "--json", "-t", TYPE, "zones", "GRID"])
        .json();
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(found[0]["id"], "acme.clock");

    for name in [
        "whole",
        "usual",
        "least",
        "own-store",
        "several-stores",
        "crud-in-source",
    ] {
        let (code, shown) = place.show(TYPE, name);
        assert_eq!(
            (code, &shown["valid"], problems(&shown).len()),
            (0, &json!(true), 0)
        );
    }
    let (_, shown) = place.show(TYPE, "whole");
    assert_eq!(shown["id"], "acme.ledger");
    assert_eq!(
        shown["metadata"]["install_kwargs"]["rates"]["steps"],
        json!([1, 2])
    );
    assert_eq!(shown["metadata"]["KPackageStructure"], TYPE);
    let definitions = shown["definitions"].as_array().unwrap();
    let keys: Vec<_> = definitions
        .iter()
        .map(|it| it["key"].as_str().unwrap())
        .collect();
    assert_eq!(
        keys,
        [
            "actors",
            "chatflows",
            "frontend",
            "html",
            "metadata",
            "models",
            "plugins",
            "wiki"
        ]
    );
    assert_eq!(definitions[0]["entries"], json!(["hello.rs"]));
    assert_eq!(definitions[4]["paths"], json!(["package.toml"]));
    assert_eq!(definitions[4]["required"], true);

    let folder = place.at(ROOT).join("whole");
    for (arguments, expected) in [
        (&["metadata"][..], "package.toml"),
        (&["actors", "hello.rs"], "actors/hello.rs"),
    ] {
        let file = place.run(["file", "-t", TYPE, "whole"].iter().chain(arguments));
        assert_eq!(
            file.stdout.trim_end(),
            folder.join(expected).to_str().unwrap()
        );
    }
    let package = place.loader().load_package_at(TYPE, "whole").unwrap();
    let package = PackageToml::of(package.metadata().unwrap().document()).unwrap();
    assert_eq!(package.name, "acme.ledger".parse::<FullName>().unwrap());
}

#[test]
fn unknown_keys_are_warnings() {
    let place = Place::new();
    place.package(&format!("{ROOT}/acme.wanderer"), &fixture("unknown-keys"));
    let (code, shown) = place.show(TYPE, "acme.wanderer");
    assert_eq!(
        (code, &shown["valid"], &shown["id"]),
        (0, &json!(true), &json!("acme.wanderer"))
    );
    let problems = problems(&shown);
    assert_eq!(problems.len(), 8);
    assert_eq!(problems[0][..2], ["warning", "metadata-malformed"]);
    let expected = "malformed package.toml at line 2, column 1: unknown key `status`";
    assert!(problems[0][2].ends_with(expected), "{}", problems[0][2]);
    assert_eq!(place.list(TYPE, None), ["acme.wanderer"]);
}

#[test]
fn the_hash_is_of_all_that_a_package_holds() {
    let place = Place::new();
    let path = place.package("clock", &toml("clock", "1.0"));
    let hash = |algorithm: &str| {
        let hash = place.run([
            "hash",
            "--json",
            "-a",
            algorithm,
            "-t",
            TYPE,
            path.to_str().unwrap(),
        ]);
        assert_eq!(hash.code, 0, "{hash:#?}");
        hash.json()["hash"].as_str().unwrap().to_owned()
    };
    for algorithm in ["sha1", "content"] {
        let before = hash(algorithm);
        place.package("clock", &toml("clock", "1.1"));
        assert_ne!(hash(algorithm), before);
        place.package("clock", &toml("clock", "1.0"));
        assert_eq!(hash(algorithm), before);
        place.write("clock/wiki/page.md", algorithm);
        assert_ne!(hash(algorithm), before);
    }
}

#[test]
fn a_name_may_be_spelled_without_its_dot() {
    let place = Place::new();
    for name in ["acme.clock", "acme.world__clock"] {
        let short = name.strip_prefix("acme.").unwrap();
        place.package(&format!("{ROOT}/{name}"), &toml(short, "1.0"));
    }
    let generic = "data/kpackage/generic/org.clock";
    let json = json!({"KPlugin": {"Id": "org.clock"}, "KPackageStructure": "KPackage/Generic"});
    place.write(format!("{generic}/metadata.json"), &json.to_string());
    place.write(format!("{generic}/contents/scripts/main.js"), "");

    for (type_name, name) in [
        ("KPackage/Generic", "org__clock"),
        (TYPE, "acme__cloc"),
        (TYPE, "ac__me.clock"),
        (TYPE, "acme.world.clock"),
    ] {
        let missing = place.run(["show", "--json", "-t", type_name, name]);
        assert_eq!(missing.error()["code"], "package-not-found", "{name}");
        let missing = place.run(["remove", "--json", name]);
        assert_eq!(missing.error()["code"], "not-installed", "{name}");
    }
    for (name, id) in [
        ("acme.clock", "acme.clock"),
        ("acme__clock", "acme.clock"),
        ("acme__world__clock", "acme.world__clock"),
    ] {
        let (code, shown) = place.show(TYPE, name);
        assert_eq!((code, shown["id"].as_str()), (0, Some(id)));
    }
    let removed = place.run(["remove", "acme__clock"]);
    assert_eq!(removed.code, 0, "{removed:#?}");
    assert_eq!(place.list(TYPE, None), ["acme.world__clock"]);
}
