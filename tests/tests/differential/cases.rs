//! Cases that are made up: a type, a tree, and questions.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::metadata_texts::{desktop, json_text};
use crate::tree::{Entry, ROOT, What};

/// Where made packages of a made type lie below a data folder.
const MADE_ROOT: &str = "test/pkgs/";

/// A case.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// The type: a made one, or the name of a real one.
    pub(crate) made: Option<Value>,
    pub(crate) real: String,
    pub(crate) tree: Vec<Entry>,
    /// The paths of the packages `p` and `q`.
    pub(crate) paths: [String; 2],
    pub(crate) steps: Vec<Value>,
}

/// A real type: its name, root, keys and their paths.
#[derive(Clone, Debug)]
pub(crate) struct Real {
    pub(crate) name: String,
    pub(crate) root: String,
    pub(crate) keys: Vec<String>,
    pub(crate) paths: Vec<String>,
}

/// What names in a case are taken from, so that they meet.
#[derive(Clone, Debug)]
struct World {
    root: String,
    keys: Vec<String>,
    paths: Vec<String>,
}

const KEYS: [&str; 9] = [
    "ui",
    "ui",
    "images",
    "main",
    "mainscript",
    "metadata",
    "",
    "nokey",
    "u",
];

/// Keys that made types define. (KPackage finds metadata through what a type says of `metadata`.)
const DEFINED: [&str; 7] = ["ui", "ui", "images", "main", "mainscript", "u", ""];

/// Paths of definitions; trees have the same.
const PATHS: [&str; 22] = [
    "ui",
    "ui",
    "ui/",
    "ui/main.qml",
    "ui/main.qml",
    "code",
    "images",
    "a/b",
    "UI",
    "",
    ".",
    "./ui",
    "ui//main.qml",
    "ui/../code",
    "../metadata.json",
    "../../two/contents/ui",
    "/code",
    "..",
    ".hid",
    "main.qml/",
    "%75i",
    "ü/x",
];

const PREFIXES: [&str; 12] = [
    "contents/",
    "contents/",
    "contents",
    "",
    "/",
    "platform/x/",
    "contents/ui",
    "a//b/",
    "./",
    "contents/../contents/",
    "../one/contents/",
    "contents//",
];

const NAMES: [&str; 31] = [
    "",
    "",
    "",
    "main.qml",
    "main.qml",
    "main.qml",
    "x",
    "x",
    "X",
    "ui",
    "a",
    "B",
    "_",
    "y z",
    "ü",
    "Ü",
    "-rf",
    "%41",
    "a\nb",
    ".hid",
    "main.qml~",
    "ß",
    "ẞ",
    "İ",
    "ı",
    "\u{1f600}",
    "\u{ff5e}",
    "Σ",
    "aς",
    "10",
    "1",
];

/// File names that are asked for besides those that trees have.
const ODD_NAMES: [&str; 20] = [
    "main.qml",
    "main.qml",
    "x",
    "ui/main.qml",
    "ix",
    "..",
    ".",
    "../x",
    "../../metadata.json",
    "/",
    "/etc/passwd",
    "main.qml/",
    "./main.qml",
    "ui/../main.qml",
    "x/..",
    "\0",
    "x\0y",
    "//x",
    "../../../../../../../../etc/passwd",
    "MAIN.QML",
];

const TARGETS: [&str; 22] = [
    "main.qml",
    "x",
    "../x",
    "../ui",
    "ui",
    "../../metadata.json",
    ".",
    "..",
    "../..",
    "nowhere",
    "$ROOT/outside/file",
    "$ROOT/outside",
    "$ROOT/outside/folder",
    "/etc/hostname",
    "/etc",
    "$ROOT/home/test/pkgs/two",
    "../../two/contents/ui/main.qml",
    "main.qml/",
    "./x",
    "a//b",
    "$ROOT/home/test/pkgs/one/contents/ui/main.qml",
    "$ROOT/home/test/pkgs/one-beside/x",
];

fn of(list: &[&str]) -> impl Strategy<Value = String> + use<> {
    select(list.iter().map(|&it| it.to_owned()).collect::<Vec<_>>())
}

fn of_owned(list: &[String]) -> impl Strategy<Value = String> + use<> {
    select(list.to_vec())
}

pub(crate) fn case(reals: &[Real]) -> impl Strategy<Value = Case> + use<> {
    let made = structure().prop_flat_map(|spec| {
        let world = World {
            root: MADE_ROOT.to_owned(),
            keys: KEYS.map(str::to_owned).to_vec(),
            paths: PATHS.map(str::to_owned).to_vec(),
        };
        in_world(&world, true).prop_map(move |(tree, paths, steps)| Case {
            made: Some(spec.clone()),
            real: String::new(),
            tree,
            paths,
            steps,
        })
    });
    let real = select(reals.to_vec()).prop_flat_map(|real| {
        let world = World {
            root: real.root.clone(),
            keys: [&real.keys[..], &["".to_owned()]].concat(),
            paths: real.paths.clone(),
        };
        in_world(&world, false).prop_map(move |(tree, paths, steps)| Case {
            made: None,
            real: real.name.clone(),
            tree,
            paths,
            steps,
        })
    });
    prop_oneof![2 => made, 1 => real]
}

fn in_world(
    world: &World,
    may_list: bool,
) -> impl Strategy<Value = (Vec<Entry>, [String; 2], Vec<Value>)> + use<> {
    let packages = packages(world);
    let metadata = vec(metadata(world), 0..4);
    let paths = [path(world, "one"), path(world, "two")];
    (
        metadata,
        vec(packages, 0..16),
        paths,
        vec(step(world, may_list), 1..16),
    )
        .prop_map(|(mut tree, more, paths, steps)| {
            tree.extend(more);
            (tree, paths, steps)
        })
}

/// A structure that is made up.
fn structure() -> impl Strategy<Value = Value> {
    let definition = (
        select(vec!["directory", "file"]),
        of(&DEFINED),
        of(&PATHS),
        select(vec!["", "", "Name", "Other"]),
        proptest::bool::weighted(0.15),
        proptest::option::weighted(0.2, mime_types()),
    )
        .prop_map(|(kind, key, path, name, required, mime_types)| {
            json!({"kind": kind, "key": key, "path": path, "name": name, "required": required, "mime_types": mime_types})
        });
    let roots = vec!["test/pkgs", "test/pkgs/", "test/pkgs/", "test//pkgs/"];
    (
        proptest::option::weighted(0.9, select(roots)),
        proptest::option::weighted(0.5, vec(of(&PREFIXES), 0..3)),
        proptest::bool::weighted(0.2),
        proptest::option::weighted(0.2, mime_types()),
        vec(definition, 0..6),
        proptest::option::weighted(0.2, of(&["X-Plasma-MainScript", "KPackageStructure"])),
    )
        .prop_map(
            |(root, prefixes, external, mime_types, definitions, script)| {
                let mut spec = json!({"external": external, "definitions": definitions});
                let optional = [
                    ("default_root", json!(root)),
                    ("prefixes", json!(prefixes)),
                    ("default_mime_types", json!(mime_types)),
                    ("mainscript_metadata_key", json!(script)),
                ];
                for (name, value) in optional {
                    if !value.is_null() {
                        spec[name] = value;
                    }
                }
                spec
            },
        )
}

fn mime_types() -> impl Strategy<Value = Vec<String>> {
    vec(of(&["a/b", "text/plain", ""]), 0..3)
}

/// The folders that packages and others lie in.
fn places(world: &World) -> impl Strategy<Value = String> + use<> {
    let root = &world.root;
    prop_oneof![
        14 => Just(format!("home/{root}one")),
        3 => Just(format!("home/{root}two")),
        1 => Just(format!("system/{root}one")),
        1 => Just(format!("system/{root}three")),
        1 => Just(format!("home/{root}one-beside")),
        2 => Just("home/plasma/plasmoids/app".to_owned()),
        1 => Just("outside".to_owned()),
    ]
}

fn metadata(world: &World) -> impl Strategy<Value = Entry> + use<> {
    let file = prop_oneof![
        6 => json_text().prop_map(|bytes| ("metadata.json", bytes)),
        3 => desktop().prop_map(|bytes| ("metadata.desktop", bytes)),
        1 => json_text().prop_map(|bytes| ("METADATA.json", bytes)),
    ];
    (places(world), file).prop_map(|(place, (name, bytes))| Entry {
        path: format!("{place}/{name}"),
        what: match String::from_utf8(bytes) {
            Ok(text) => What::File(text),
            Err(error) => What::Bytes(error.into_bytes()),
        },
    })
}

fn packages(world: &World) -> impl Strategy<Value = Entry> + use<> {
    let below = of(&[
        "contents",
        "contents",
        "contents",
        "",
        "platform/x",
        "contents/ui",
        "a/b",
    ]);
    let what = prop_oneof![
        30 => of(&["one\n", "two\n", ""]).prop_map(What::File),
        4 => Just(What::Folder),
        10 => of(&TARGETS).prop_map(What::Link),
        1 => Just(What::Socket),
        1 => select(vec![0o000, 0o200, 0o400, 0o755]).prop_map(What::Mode),
        1 => Just(What::OddName),
    ];
    (
        places(world),
        below,
        of_owned(&world.paths),
        of(&NAMES),
        what,
    )
        .prop_map(|(place, below, path, name, what)| {
            let inner = format!("{below}/{path}/{name}");
            // What is no folder, KPackage takes for an archive.
            let is_package = inner.split('/').all(|part| matches!(part, "" | "." | ".."));
            Entry {
                path: format!("{place}/{inner}"),
                what: if is_package { What::Folder } else { what },
            }
        })
}

/// A path or a name under which somebody asks for the package in the folder `name`.
fn path(world: &World, name: &'static str) -> impl Strategy<Value = String> + use<> {
    let folder = format!("{ROOT}/home/{}{name}", world.root);
    prop_oneof![
        8 => Just(folder.clone()),
        3 => Just(name.to_owned()),
        1 => Just(format!("{folder}/")),
        1 => Just(format!("{folder}//../{name}/.")),
        1 => Just(format!("{name}/")),
        1 => Just(format!("./{name}")),
        1 => Just(format!("../{name}")),
        1 => Just(format!("{folder}/contents")),
        1 => Just(format!("{ROOT}/nowhere")),
        1 => Just(String::new()),
    ]
}

fn step(world: &World, may_list: bool) -> impl Strategy<Value = Value> + use<> {
    let key = || of_owned(&world.keys);
    let file = || {
        prop_oneof![
            3 => of(&NAMES),
            2 => of(&ODD_NAMES),
            2 => (of_owned(&world.paths), of(&NAMES)).prop_map(|(path, name)| format!("{path}/{name}")),
        ]
    };
    let package = || of(&["p", "p", "p", "p", "q"]);
    let plain = [
        "path",
        "is_valid",
        "is_valid",
        "metadata",
        "metadata",
        "raw_metadata",
        "keys",
        "prefixes",
        "default_root",
        "external",
        "fallback_path",
    ];
    let values = [
        "isHidden",
        "X-Plasma-MainScript",
        "X-Plasma-RootPath",
        "KPackageStructure",
        "X-Odd",
        "Keywords",
        "KPlugin",
        "nothing",
    ];
    let listed = if may_list { 2 } else { 0 };
    let asks = prop_oneof![
        10 => (of(&plain), package()).prop_map(|(word, p)| json!([word, p])),
        12 => (package(), key(), file()).prop_map(|(p, key, file)| json!(["file_path", p, key, file])),
        1 => (package(), key(), file()).prop_map(|(p, key, file)| json!(["file_url", p, key, file])),
        5 => (package(), key()).prop_map(|(p, key)| json!(["entry_list", p, key])),
        2 => (package(), of(&values)).prop_map(|(p, key)| json!(["metadata_value", p, key])),
        1 => (package(), of(&values)).prop_map(|(p, key)| json!(["metadata_list", p, key])),
        2 => (package(), key()).prop_map(|(p, key)| json!(["definition", p, key])),
        1 => (package(), of(&["md5", "sha1", "sha256"])).prop_map(|(p, name)| json!(["hash", p, name])),
        listed => of(&["", "", "test/pkgs", "nowhere", "$ROOT/system/test"]).prop_map(|root| json!(["list", "$TYPE", root])),
    ];
    let path = prop_oneof![path(world, "one"), path(world, "two"), path(world, "three")];
    let changes = prop_oneof![
        3 => (package(), path).prop_map(|(p, path)| json!(["set_path", p, path])),
        3 => Just(json!(["set_fallback", "p", "q"])),
        1 => Just(json!(["set_fallback", "q", "p"])),
        1 => (package(), vec(of(&PREFIXES), 0..3)).prop_map(|(p, prefixes)| json!(["set_prefixes", p, prefixes])),
        1 => (package(), any::<bool>()).prop_map(|(p, flag)| json!(["set_external", p, flag])),
        1 => (package(), key(), any::<bool>()).prop_map(|(p, key, flag)| json!(["set_required", p, key, flag])),
        1 => (package(), key(), of(&PATHS)).prop_map(|(p, key, path)| json!(["add_directory", p, key, path, "Added"])),
        1 => (package(), key(), of(&PATHS)).prop_map(|(p, key, path)| json!(["add_file", p, key, path, ""])),
        1 => (package(), key()).prop_map(|(p, key)| json!(["remove_definition", p, key])),
        1 => (package(), key(), mime_types()).prop_map(|(p, key, types)| json!(["set_mime_types", p, key, types])),
        1 => (package(), mime_types()).prop_map(|(p, types)| json!(["set_default_mime_types", p, types])),
        1 => (package(), of(&["other/", "", "test/pkgs"])).prop_map(|(p, root)| json!(["set_default_root", p, root])),
    ];
    prop_oneof![6 => asks, 1 => changes]
}
