//! Foreign text on its way to a terminal, and names that are not Unicode.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

use keyway_tests::command::{keyway_command, keyway_program, run};
use keyway_tests::{PluginFolder, keyway, skipped};

const TITLE: &str = "\x1b]0;pwned\x07";

#[test]
fn what_was_typed_is_repeated_escaped() {
    let plugins = PluginFolder::new();
    let output = keyway(plugins.path(), [TITLE]);
    assert_eq!(output.code, 2);
    assert_eq!(
        output.stderr.lines().next(),
        Some(r"error: unrecognized subcommand '\u{1b}]0;pwned\u{7}'")
    );
    let output = keyway(plugins.path(), ["types", "a\u{9b}2J\u{202e}"]);
    assert_eq!(
        output.stderr.lines().next(),
        Some(r"error: unexpected argument 'a\u{9b}2J\u{202e}' found")
    );
    for byte in output.stderr.bytes() {
        assert!(byte == b'\n' || !byte.is_ascii_control());
    }
}

/// A package whose folder has an odd name.
fn odd_package(name: &OsStr) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    crate::copy(&crate::sample(), &folder.path().join(name));
    folder
}

#[test]
fn a_path_is_raw_for_programs_and_escaped_on_a_terminal() {
    let plugins = PluginFolder::with(&["mystructure"]);
    let folder = odd_package(OsStr::new(TITLE));
    let package = folder.path().canonicalize().unwrap().join(TITLE);
    let script = package.join("contents/scripts/main.js");
    let output = crate::file(&plugins, &package, &["mainscript"]);
    assert_eq!(output.stdout, format!("{}\n", script.display()));

    // `script` runs a command on a terminal of its own.
    let typed = format!(
        "{} file -t MyApp/MyStructure \"$PACKAGE\" mainscript",
        keyway_program().display()
    );
    let usual = keyway_command();
    let mut on_terminal = Command::new("script");
    for (name, value) in usual.get_envs() {
        on_terminal.env(name, value.unwrap_or_default());
    }
    on_terminal
        .env("KEYWAY_PLUGIN_PATH", plugins.path())
        .env("PACKAGE", &package)
        .args(["-qec", &typed, "/dev/null"]);
    if on_terminal.output().is_err() {
        skipped("a path on a terminal", "there is no script");
        return;
    }
    let output = run(&mut on_terminal);
    assert_eq!(output.code, 0, "{output:#?}");
    let shown = script.to_str().unwrap();
    let shown = shown.replace('\x1b', r"\u{1b}").replace('\x07', r"\u{7}");
    assert_eq!(output.stdout.trim_end(), shown);
}

#[test]
fn json_has_no_character_that_a_terminal_obeys() {
    let plugins = PluginFolder::with(&["mystructure"]);
    let name = "c1-\u{9b}2J-bidi-\u{202e}-wide-\u{200b}";
    let folder = odd_package(OsStr::new(name));
    let package = folder.path().canonicalize().unwrap().join(name);
    let output = crate::file(&plugins, &package, &["--json", "mainscript"]);
    assert!(
        output
            .stdout
            .contains(r"c1-\u009b2J-bidi-\u202e-wide-\u200b/contents"),
        "{output:#?}"
    );
    let script = package.join("contents/scripts/main.js");
    assert_eq!(output.json()["path"], script.to_str().unwrap());
    // Errors, too.
    let output = crate::file(&plugins, &package, &["--json", "\u{9b}\u{202e}"]);
    assert!(output.stderr.is_ascii(), "{output:#?}");
    assert_eq!(output.error()["code"], "unknown-key");
    let output = keyway(plugins.path(), ["--json", "\u{9b}"]);
    assert_eq!(output.code, 2);
    assert!(output.stderr.is_ascii(), "{output:#?}");
}

#[test]
fn a_package_root_that_is_not_unicode() {
    let plugins = PluginFolder::with(&["mystructure"]);
    let root = OsStr::from_bytes(b"o\xff");
    let folder = odd_package(root);
    let root = folder.path().canonicalize().unwrap().join(root);
    std::fs::rename(&root, root.with_file_name("moved")).unwrap();
    std::fs::create_dir(&root).unwrap();
    let package = root.join("org.example.greeting");
    std::fs::rename(root.with_file_name("moved"), package).unwrap();
    let run = |start: &[&str], end: &[&str]| {
        let mut arguments: Vec<OsString> = start.iter().map(OsString::from).collect();
        arguments.extend(["-t".into(), "MyApp/MyStructure".into(), "-p".into()]);
        arguments.push(root.clone().into_os_string());
        arguments.extend(end.iter().map(OsString::from));
        keyway(plugins.path(), arguments)
    };
    let listed = run(&["list", "--json"], &[]).json();
    assert_eq!(listed[0]["id"], "org.example.greeting");
    assert_eq!(listed[1], serde_json::Value::Null);
    let shown = run(&["show", "--json"], &["org.example.greeting"]);
    assert_eq!(shown.code, 0, "{shown:#?}");
    assert_eq!(shown.json()["path_bytes"], listed[0]["path_bytes"]);
    let output = run(&["file"], &["org.example.greeting", "mainscript"]);
    assert!(
        output
            .stdout
            .ends_with("/org.example.greeting/contents/scripts/main.js\n"),
        "{output:#?}"
    );
    let error = run(&["show", "--json"], &["nosuch"]).error();
    assert_eq!(error["code"], "package-not-found");
}

#[test]
fn names_of_files_that_are_not_unicode_come_as_bytes_too() {
    let plugins = PluginFolder::with(&["mystructure"]);
    let package = crate::copied_sample();
    let images = package.path().join("contents/images");
    let entries = || {
        let path = package.path().to_str().unwrap();
        let arguments = ["show", "--json", "-t", "MyApp/MyStructure", path];
        let shown = keyway(plugins.path(), arguments).json();
        let definitions = shown["definitions"].as_array().unwrap();
        definitions
            .iter()
            .find(|it| it["key"] == "images")
            .unwrap()
            .clone()
    };
    assert!(entries().get("entries_bytes").is_none());
    std::fs::write(images.join(OsStr::from_bytes(b"a\xff.svg")), "").unwrap();
    let entries = entries();
    assert_eq!(
        entries["entries"],
        serde_json::json!(["a\u{fffd}.svg", "wave.svg"])
    );
    assert_eq!(
        entries["entries_bytes"],
        serde_json::json!(["Yf8uc3Zn", "d2F2ZS5zdmc="])
    );
}
