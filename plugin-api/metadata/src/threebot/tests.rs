use std::cmp::Ordering;

use serde_json::{Value, json};

use super::*;
use crate::Format;

/// A file with this behind what each needs, which is two lines.
fn with(text: &str) -> String {
    format!("source = {{ threebot = 'acme', name = 'clock' }}\n\n{text}")
}

fn refusal(text: &str) -> String {
    let error = Document::parse_lenient(Format::PackageToml, text.as_bytes());
    error.unwrap_err().to_string()
}

fn read(text: &str) -> Lenient {
    Document::parse_lenient(Format::PackageToml, text.as_bytes()).unwrap()
}

fn package(text: &str) -> PackageToml {
    PackageToml::of(&read(text).document).unwrap()
}

fn problems(lenient: &Lenient) -> Vec<String> {
    lenient.problems.iter().map(ToString::to_string).collect()
}

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!(
            "../../tests/fixtures/package-toml/",
            $name,
            ".toml"
        ))
    };
}

#[test]
fn bad_toml_is_told_with_its_place() {
    for (text, expected) in [
        ("[source\nname = 'x'\n", "at line 1, column 8: "),
        ("[source]\nname = clock\n", "at line 2, column 8: "),
        (
            "[source]\nname = 'a'\nname = 'b'\n",
            "at line 3, column 1: ",
        ),
        (
            "[source]\nthreebot = 'a'\nname = 'b'\n[source]\n",
            "at line 4, column ",
        ),
    ] {
        let refusal = refusal(text);
        assert!(
            refusal.starts_with(&format!("malformed TOML {expected}")),
            "{refusal}"
        );
    }
    let error = Document::parse(Format::PackageToml, b"[source]\nname = '\xff'\n").unwrap_err();
    assert_eq!((error.line(), error.column()), (Some(2), Some(9)));
    // Tables without end are no reason to run out of stack.
    assert!(refusal(&format!("a = {}", "[".repeat(100_000))).starts_with("malformed TOML"));
}

#[test]
fn a_package_without_a_name_is_refused() {
    let part = "expected letters, digits, `_` and `-`, a letter or digit first";
    for (text, expected) in [
        (
            "",
            ": `source` is missing, expected a table, `[source]`, with `threebot` and `name`"
                .into(),
        ),
        (
            "\nsource = 'acme.clock'\n",
            " at line 2, column 1: `source` is a string, expected a table, `[source]`".into(),
        ),
        (
            "\n[source]\nname = 'clock'\n",
            " at line 2, column 2: `source.threebot` is missing, expected the name of who the \
             package is by"
                .into(),
        ),
        (
            "\n[source]\nthreebot = 'acme'\n",
            " at line 2, column 2: `source.name` is missing, expected the package's name".into(),
        ),
        (
            "[source]\nthreebot = 'acme'\nname = ''\n",
            format!(" at line 3, column 1: `source.name` is empty, {part}"),
        ),
        (
            "[source]\nthreebot = 'acme'\nname = 'a.b'\n",
            format!(" at line 3, column 1: `source.name` is `a.b`, {part}"),
        ),
        (
            "[source]\nthreebot = 'acme.'\nname = 'a'\n",
            format!(" at line 2, column 1: `source.threebot` is `acme.`, {part}"),
        ),
        (
            "[source]\nname = '../a'\nthreebot = 'acme'\n",
            format!(" at line 2, column 1: `source.name` is `../a`, {part}"),
        ),
        (
            "[source]\n  name = \"a\\u001b[2J\"\nthreebot = 'acme'\n",
            format!(" at line 2, column 3: `source.name` is `a\\u{{1b}}[2J`, {part}"),
        ),
        (
            "source.name = 7\nsource.threebot = 'acme'\n",
            " at line 1, column 8: `source.name` is a number, expected text in quotes".into(),
        ),
    ] {
        assert_eq!(refusal(text), format!("malformed package.toml{expected}"));
    }
    for part in ["", "_a", "-a", "a b", "a.b", "ä", "a\n", "a/b", "."] {
        assert!(!name::is_part(part), "{part:?}");
    }
}

#[test]
fn words_that_are_none_are_refused() {
    for (text, expected) in [
        (
            "[[bcdbs]]\n[[bcdbs]]\ntype = 'mysql'\n",
            "at line 5, column 1: `bcdbs.type` of entry 2 is `mysql`, expected `zdb`, `sqlite`, \
             `redis` or `sdb`",
        ),
        (
            "[[bcdbs]]\ntype = 'ZDB'\n",
            "at line 4, column 1: `bcdbs.type` of entry 1 is `ZDB`, expected `zdb`, `sqlite`, \
             `redis` or `sdb`",
        ),
        (
            "[[bcdbs]]\ntype = 0\n",
            "at line 4, column 1: `bcdbs.type` of entry 1 is a number, expected text in quotes",
        ),
        (
            "lifecycle = { isolation = 'container' }\n",
            "at line 3, column 15: `lifecycle.isolation` is `container`, expected `none` or \
             `process`",
        ),
        (
            "[lifecycle]\ntype = 'clock'\n",
            "at line 4, column 1: `lifecycle.type` is `clock`, expected a type name such as \
             `Vendor/Name`",
        ),
    ] {
        let expected = format!("malformed package.toml {expected}");
        assert_eq!(refusal(&with(text)), expected);
    }
}

#[test]
fn values_of_other_types_are_refused() {
    for (text, expected) in [
        (
            "disable_crud = 'yes'\n",
            "column 1: `disable_crud` is a string, expected `true` or `false`",
        ),
        (
            "actor = 'books'\n",
            "column 1: `actor` is a string, expected a table, `[actor]`",
        ),
        (
            "[bcdbs]\nname = 'one'\n",
            "column 2: `bcdbs` is a table, expected a list of tables, `[[bcdbs]]`",
        ),
        (
            "bcdbs = ['one']\n",
            "column 1: `bcdbs` is a list with a string in it, expected a list of tables, \
             `[[bcdbs]]`",
        ),
        (
            "frontend_args = ['a']\n",
            "column 1: `frontend_args` is an array, expected a table, `[frontend_args]`",
        ),
        (
            "install_kwargs = '{}'\n",
            "column 1: `install_kwargs` is a string, expected a table, `[install_kwargs]`",
        ),
        (
            "dependencies = ['acme.base']\n",
            "column 1: `dependencies` is an array, expected a table, `[dependencies]`",
        ),
        (
            "dependencies.base = '1'\n",
            "column 14: `dependencies.base` is no name of a package, expected such as \
             `\"author.name\" = \">=1.0\"`",
        ),
        (
            "dependencies.'acme.base' = '1.0'\n",
            "column 14: `dependencies.acme.base` is `1.0`, expected a version such as `>=1.0`",
        ),
        (
            "dependencies.acme.base = 1.0\n",
            "column 19: `dependencies.acme.base` is a number, expected text in quotes",
        ),
    ] {
        let expected = format!("malformed package.toml at line 3, {expected}");
        assert_eq!(refusal(&with(text)), expected);
    }
    let text = "[source]\nthreebot = 'a'\nname = 'b'\nversion = 1.0\n";
    let expected = "malformed package.toml at line 4, column 1: `source.version` is a number, \
                    expected text in quotes";
    assert_eq!(refusal(text), expected);
    let text = with("[install_kwargs]\nrate = inf\n");
    let expected = "malformed TOML: `install_kwargs.rate` is `inf`, which JSON cannot say";
    assert_eq!(refusal(&text), expected);
}

#[test]
fn unknown_keys_are_told_and_kept_and_set_nothing() {
    let text = fixture!("unknown-keys");
    let lenient = read(text);
    let at = |line: usize, column: usize, key: &str| {
        format!("malformed package.toml at line {line}, column {column}: unknown key `{key}`")
    };
    assert_eq!(
        problems(&lenient),
        [
            at(2, 1, "status"),
            at(3, 1, "path"),
            at(4, 1, "KPackageStructure"),
            at(9, 1, "source.licence"),
            format!("{} of entry 1", at(13, 1, "bcdbs.size")),
            at(16, 1, "lifecycle.restart"),
            at(18, 2, "KPlugin"),
            at(21, 2, "theme"),
        ]
    );
    let error = Document::parse(Format::PackageToml, text.as_bytes()).unwrap_err();
    assert_eq!(error, lenient.problems[0]);

    let metadata = lenient.document.metadata();
    assert_eq!(metadata.value("status").as_deref(), Some("installed"));
    assert_eq!(lenient.document.root()["theme"], json!({"colour": "red"}));
    assert_eq!(metadata.id(), Some("acme.wanderer"));
    assert_eq!(metadata.package_structures(), [TYPE]);

    let many: String = (0..50_000).map(|it| format!("key{it} = 1\n")).collect();
    let lenient = read(&format!("{many}{}", with("")));
    assert_eq!(lenient.problems.len(), 100);
    assert_eq!(lenient.problems[99].line(), Some(100));
}

#[test]
fn every_key_has_its_meaning() {
    let lenient = read(fixture!("whole"));
    assert_eq!(problems(&lenient), [""; 0]);
    let package = PackageToml::of(&lenient.document).unwrap();
    let object = |value: Value| value.as_object().unwrap().clone();
    let versions = |text: &str| text.parse::<Requirement>().unwrap();
    assert_eq!(
        package,
        PackageToml {
            name: "acme.ledger".parse().unwrap(),
            version: Some("1.4.0".into()),
            description: Some("Keeps books of what the farm earns".into()),
            frontend: true,
            actor_namespace: "books".into(),
            bcdbs: vec![Bcdb {
                name: "ledger".into(),
                namespace: "acme_ledger".into(),
                kind: BcdbType::Sqlite,
                instance: "cold".into(),
            }],
            disable_crud: true,
            frontend_args: object(json!({
                "id": "ledger", "value": "Ledger", "icon": "mdi mdi-book",
                "data": [{"id": "accounts", "value": "Accounts"}],
            })),
            lifecycle: Some(LifecycleChoice {
                type_name: Some("Acme/Ledger".parse().unwrap()),
                isolation: Isolation::Process,
            }),
            install_kwargs: object(json!({
                "currency": "EUR", "since": "2020-05-01", "rates": {"base": 1.5, "steps": [1, 2]},
            })),
            dependencies: [
                ("acme.base".parse().unwrap(), versions(">=1.0")),
                ("tools-2.web_server".parse().unwrap(), versions(">=0.9, <2")),
            ]
            .into(),
        }
    );
    assert_eq!(
        (package.name.author(), package.name.name()),
        ("acme", "ledger")
    );
}

#[test]
fn it_answers_as_any_packages_metadata_do() {
    let lenient = read(fixture!("usual"));
    let metadata = lenient.document.metadata();
    assert_eq!(metadata.id(), Some("acme.clock"));
    assert_eq!(metadata.name(), Some("clock"));
    assert_eq!(metadata.version(), Some("1.0.0"));
    let description = "Shows the time in all zones of the grid";
    assert_eq!(metadata.description(), Some(description));
    assert_eq!(metadata.value("KPackageStructure").as_deref(), Some(TYPE));
    assert_eq!(metadata.raw()["source"]["threebot"], "acme");
    assert_eq!(problems(&lenient), [""; 0]);
}

#[test]
fn what_is_left_out_has_its_default() {
    let lenient = read(fixture!("least"));
    assert_eq!(lenient.document.metadata().version(), None);
    assert_eq!(lenient.document.metadata().description(), None);
    let package = PackageToml::of(&lenient.document).unwrap();
    assert_eq!(
        package,
        PackageToml {
            name: "acme.least".parse().unwrap(),
            version: None,
            description: None,
            frontend: false,
            actor_namespace: String::new(),
            bcdbs: Vec::new(),
            disable_crud: false,
            frontend_args: Map::new(),
            lifecycle: None,
            install_kwargs: Map::new(),
            dependencies: [].into(),
        }
    );
    let lifecycle = self::package(&with("[lifecycle]\n")).lifecycle.unwrap();
    assert_eq!(
        (lifecycle.type_name, lifecycle.isolation),
        (None, Isolation::None)
    );
    // A byte order mark and the line ends of Windows are no trouble.
    let text = format!("\u{feff}{}", fixture!("usual").replace('\n', "\r\n"));
    assert_eq!(self::package(&text).name.as_str(), "acme.clock");
}

#[test]
fn a_package_has_any_number_of_stores() {
    let store = |name: &str, namespace: &str, kind, instance: &str| Bcdb {
        name: name.into(),
        namespace: namespace.into(),
        kind,
        instance: instance.into(),
    };
    assert_eq!(
        package(fixture!("own-store")).bcdbs,
        [store("", "guestbook", BcdbType::Zdb, "default")]
    );
    assert_eq!(
        package(fixture!("several-stores")).bcdbs,
        [
            store("hot", "", BcdbType::Redis, "default"),
            store("cold", "acme_archive", BcdbType::Sqlite, "slow"),
            store("usual", "", BcdbType::Zdb, "default"),
        ]
    );
    let sdb = package(&with("bcdbs = [{ type = 'sdb' }]\n"));
    assert_eq!(sdb.bcdbs, [store("", "", BcdbType::Sdb, "default")]);
}

#[test]
fn the_switch_for_crud_may_stand_in_two_places() {
    let lenient = read(fixture!("crud-in-source"));
    assert_eq!(problems(&lenient), [""; 0]);
    assert!(package(fixture!("crud-in-source")).disable_crud);
    // Where both are there, the root's counts.
    let both = |root, source| {
        package(&format!(
            "disable_crud = {root}\n{}disable_crud = {source}\n",
            fixture!("least")
        ))
    };
    assert!(both(true, false).disable_crud);
    assert!(!both(false, true).disable_crud);
}

#[test]
fn dependencies_may_be_written_with_dotted_keys() {
    let quoted = package(&with(
        "[dependencies]\n'acme.base' = '>=1.0'\n'acme.web' = '*'\n",
    ));
    let dotted = package(&with(
        "[dependencies]\nacme.base = '>=1.0'\nacme.web = '*'\n",
    ));
    assert_eq!(quoted.dependencies.len(), 2);
    assert_eq!(quoted, dotted);
}

#[test]
fn full_names_are_found_by_two_spellings() {
    let meant = |text| {
        FullName::meant(text)
            .map(|it| it.to_string())
            .collect::<Vec<_>>()
    };
    for text in [
        "", "a", ".", "a.", ".a", "a.b.c", "_a.b", "a._b", "a b.c", "__", "a__", "__a", "é__b",
    ] {
        assert_eq!(meant(text), [""; 0], "{text}");
    }
    assert_eq!(meant("acme.clock"), ["acme.clock"]);
    assert_eq!(meant("acme__clock"), ["acme.clock"]);
    assert_eq!(meant("a__b__c"), ["a.b__c", "a__b.c"]);
    assert_eq!(meant("a___b"), ["a_.b"]);
    assert_eq!(meant("a.b__c"), ["a.b__c"]);
    let error = "a".parse::<FullName>().unwrap_err();
    let expected = "`a` is no name of a package, expected `author.name`, each of letters, digits, \
                    `_` and `-`, a letter or digit first";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn requirements_say_which_versions_will_do() {
    for text in [
        "1.0",
        ">=",
        "~1",
        ">= 1 0",
        ">=1,",
        ",",
        "=>1",
        "> =1",
        ">=1 || <0",
    ] {
        let error = text.parse::<Requirement>().unwrap_err();
        let expected = format!("`{text}` says no versions, expected such as `>=1.0`");
        assert_eq!(error.to_string(), expected);
    }
    let compare = |own: i32| move |other: &str| own.cmp(&other.parse().unwrap_or(0));
    for (text, admitted) in [
        ("", &[1, 2, 3][..]),
        ("*", &[1, 2, 3]),
        (">=2", &[2, 3]),
        (">2", &[3]),
        ("<= 2", &[1, 2]),
        ("<2", &[1]),
        ("=2", &[2]),
        (">=2, <3", &[2]),
    ] {
        let versions: Requirement = text.parse().unwrap();
        let admits = |it: &i32| versions.admits(compare(*it));
        let found: Vec<_> = [1, 2, 3].into_iter().filter(admits).collect();
        assert_eq!(found, admitted, "{text}");
    }
    assert!(
        !">1"
            .parse::<Requirement>()
            .unwrap()
            .admits(|_| Ordering::Equal)
    );
}

/// Each character of a file replaced by each of these: whatever comes of it, what is refused has its
/// place in the file, and what is taken has a typed view and the type of a 3bot package.
#[test]
fn what_is_damaged_is_refused_with_its_place_or_still_sound() {
    let text = fixture!("whole");
    let (mut refused, mut taken) = (0, 0);
    for place in 0..text.len() {
        for by in [
            "", "\"", "'", "[", "]", "{", "=", ".", "\n", "#", "1", "\u{1}", "\u{fc}",
        ] {
            let (Some(before), Some(after)) = (text.get(..place), text.get(place + 1..)) else {
                continue;
            };
            let text = format!("{before}{by}{after}");
            match Document::parse_lenient(Format::PackageToml, text.as_bytes()) {
                Ok(Lenient { document, problems }) => {
                    taken += 1;
                    assert!(PackageToml::of(&document).is_ok(), "{text}");
                    assert_eq!(document.root()["KPackageStructure"], TYPE);
                    assert!(problems.iter().all(|it| it.line().is_some()), "{text}");
                }
                Err(error) => {
                    refused += 1;
                    let is_gone = error.message().starts_with("`source` is missing");
                    assert!(error.line().is_some() || is_gone, "{error}\n{text}");
                }
            }
        }
    }
    assert!(refused > 1000 && taken > 1000, "{refused} {taken}");
}
