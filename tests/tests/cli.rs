//! The command, run as a user runs it.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

#[path = "cli/archives.rs"]
mod archives;
#[path = "cli/foreign.rs"]
mod foreign;
#[path = "cli/permissions.rs"]
mod permissions;
#[path = "cli/recorded.rs"]
mod recorded;

use std::path::{Path, PathBuf};

use keyway_tests::{Output, PluginFolder, keyway, patch, plugin, workspace};

fn sample() -> PathBuf {
    workspace().join("example-plugins/mystructure/package")
}

/// `keyway file` of the sample package, or of another one.
fn file(plugins: &PluginFolder, package: &Path, arguments: &[&str]) -> Output {
    let package = package.to_str().unwrap();
    let mut all = vec!["file", "-t", "MyApp/MyStructure", package];
    all.extend(arguments);
    keyway(plugins.path(), all)
}

/// A copy of the sample package that may be changed.
fn copied_sample() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&sample(), folder.path());
    folder
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn refused(output: &Output, expected: &str) {
    assert_eq!(output.code, 1, "{output:#?}");
    assert_eq!(output.stdout, "");
    assert_eq!(output.stderr, format!("error: {expected}\n"));
}

#[test]
fn what_is_no_file_of_the_package_is_one_clear_line() {
    let plugins = PluginFolder::with(&["mystructure"]);
    let package = copied_sample();
    let secret = PluginFolder::new().write("secret.txt", b"secret");
    let link = package.path().join("contents/images/link.txt");
    std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
    let root = package.path().canonicalize().unwrap();
    let root = root.display();

    refused(
        &file(&plugins, package.path(), &["nosuch"]),
        "the key `nosuch` is not defined",
    );
    refused(
        &file(
            &plugins,
            package.path(),
            &["images", "../../metadata.desktop"],
        ),
        "the file name `../../metadata.desktop` is refused: it has a component `..`",
    );
    refused(
        &file(&plugins, package.path(), &["images", "/etc/passwd"]),
        "the file name `/etc/passwd` is refused: it is absolute",
    );
    refused(
        &file(
            &plugins,
            package.path(),
            &["images", secret.to_str().unwrap()],
        ),
        &format!(
            "the file name `{}` is refused: it is absolute",
            secret.display()
        ),
    );
    refused(
        &file(&plugins, package.path(), &["images", "link.txt"]),
        &format!("`{root}/contents/images/link.txt` lies outside the package, at `/etc/passwd`"),
    );
    refused(
        &file(&plugins, package.path(), &["images", "nosuch.png"]),
        &format!("there is no such file: looked for `{root}/contents/images/nosuch.png`"),
    );
}

#[test]
fn a_file_is_printed_as_an_absolute_path() {
    let plugins = PluginFolder::with(&["mystructure"]);
    let expected = sample()
        .canonicalize()
        .unwrap()
        .join("contents/scripts/main.js");
    let output = file(&plugins, &sample(), &["mainscript"]);
    assert_eq!(output.code, 0, "{output:#?}");
    assert_eq!(output.stdout, format!("{}\n", expected.display()));
    let output = file(&plugins, &sample(), &["--json", "mainscript"]);
    assert_eq!(output.json()["path"], expected.to_str().unwrap());
}

#[test]
fn an_unknown_type_names_the_nearest_and_the_folders() {
    let plugins = PluginFolder::with(&["mystructure"]);
    let output = keyway(plugins.path(), ["show", "-t", "MyApp/MyStrcture", "x"]);
    assert_eq!(output.code, 1);
    let lines: Vec<_> = output.stderr.lines().collect();
    assert_eq!(
        lines[0],
        "error: no plugin gives the structure `MyApp/MyStrcture`"
    );
    let searched = format!(
        "  searched `{}` (KEYWAY_PLUGIN_PATH)",
        plugins.path().display()
    );
    assert_eq!(lines[1], searched);
    assert_eq!(
        *lines.last().unwrap(),
        "hint: did you mean `MyApp/MyStructure`?"
    );

    let error = keyway(plugins.path(), ["--json", "list", "-t", "No/Such"]).error();
    assert_eq!(error["code"], "unknown-type");
}

#[test]
fn wrong_usage_exits_with_2() {
    let plugins = PluginFolder::new();
    for arguments in [
        &["nosuch"][..],
        &["show"],
        &["file", "-t", "A/B", "x"],
        &["list"],
    ] {
        let output = keyway(plugins.path(), arguments);
        assert_eq!(output.code, 2, "{output:#?}");
        assert!(output.stderr.contains("Usage:"), "{output:#?}");
    }
}

#[test]
fn wrong_usage_is_json_where_json_is_asked_for() {
    let plugins = PluginFolder::new();
    for (arguments, message) in [
        (
            &["--json", "nosuch"][..],
            "unrecognized subcommand 'nosuch'",
        ),
        (
            &["show", "--json", "x"],
            "the following required arguments were not provided: --type <TYPE>",
        ),
        (
            &["types", "--json", "--nosuch"],
            "unexpected argument '--nosuch' found",
        ),
    ] {
        let output = keyway(plugins.path(), arguments);
        assert_eq!((output.code, output.stdout.as_str()), (2, ""));
        let expected = serde_json::json!({"code": "usage", "message": message, "hint": null});
        assert_eq!(output.error(), expected);
    }
    assert_eq!(keyway(plugins.path(), ["--json"]).error()["code"], "usage");
    for arguments in [&["--json", "--help"][..], &["--version", "--json"]] {
        let output = keyway(plugins.path(), arguments);
        assert_eq!((output.code, output.stderr.as_str()), (0, ""));
        assert!(output.stdout.contains("keyway"), "{output:#?}");
    }
}

/// The commands of the README are there, and it leaves none out.
#[test]
fn the_readme_has_the_commands() {
    let plugins = PluginFolder::new();
    let readme = std::fs::read_to_string(workspace().join("README.md")).unwrap();
    let mut named = std::collections::BTreeSet::new();
    for line in readme.lines() {
        let Some(command) = line.strip_prefix("$ keyway ") else {
            continue;
        };
        let words = command.split_whitespace();
        let is_word = |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase());
        let mut words: Vec<&str> = words.take_while(is_word).collect();
        named.insert(words[0].to_owned());
        words.push("--help");
        let output = keyway(plugins.path(), &words);
        assert_eq!(output.code, 0, "{command}: {output:#?}");
        let usage = format!("Usage: keyway {}", words[..words.len() - 1].join(" "));
        assert!(output.stdout.contains(&usage), "{command}: {output:#?}");
    }
    let commands = |help: &[&str]| -> Vec<String> {
        let help = keyway(plugins.path(), help).stdout;
        let (_, commands) = help.split_once("Commands:\n").unwrap();
        let commands = commands.lines().take_while(|line| !line.is_empty());
        let names = commands.filter_map(|line| line.split_whitespace().next());
        names
            .filter(|name| *name != "help")
            .map(str::to_owned)
            .collect()
    };
    for command in commands(&["--help"]) {
        assert!(named.contains(&command), "{command}");
    }
    for command in commands(&["package", "--help"]) {
        let line = format!("\n$ keyway package {command} ");
        assert!(readme.contains(&line), "{command}");
    }
}

#[test]
fn what_is_asked_for_a_package_is_checked_before_anybody_is_asked() {
    let plugins = PluginFolder::new();
    let state = tempfile::tempdir().unwrap();
    let missing = state.path().join("kwargs.json");
    let from = format!("@{}", missing.display());
    for (arguments, code, expected) in [
        (
            &["--path", "x", "--set", "a=1", "--set", "a.b=2"][..],
            "bad-kwargs",
            "`a.b` cannot be set: `a` is no object".to_owned(),
        ),
        (
            &["--path", "x", "--kwargs", &from],
            "bad-kwargs",
            format!(
                "`{}` has no arguments for a package: No such file or directory (os error 2)",
                missing.display()
            ),
        ),
    ] {
        let folder = state.path().join("state");
        let mut all = vec!["package", "--json", "--state-dir", folder.to_str().unwrap()];
        all.push("add");
        all.extend(arguments);
        let output = keyway(plugins.path(), &all);
        assert_eq!(output.code, 1, "{output:#?}");
        assert_eq!(output.error()["code"], code);
        assert_eq!(output.error()["message"], expected);
        assert!(!folder.exists());
    }
    let output = keyway(
        plugins.path(),
        ["package", "add", "--path", "x", "--rev", "1"],
    );
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (2, ""),
        "{output:#?}"
    );
}

#[test]
fn a_server_that_cannot_have_its_socket_says_why() {
    let plugins = PluginFolder::new();
    let state = tempfile::tempdir().unwrap();
    let runtime = state.path().join("r".repeat(100));
    std::fs::create_dir(&runtime).unwrap();
    std::fs::set_permissions(
        &runtime,
        std::os::unix::fs::PermissionsExt::from_mode(0o700),
    )
    .unwrap();
    let mut command = keyway_tests::command::keyway_command();
    command
        .env("KEYWAY_PLUGIN_PATH", plugins.path())
        .env("XDG_RUNTIME_DIR", &runtime)
        .env("KEYWAY_PACKAGE_STATE", state.path().join("state"))
        .args(["serve", "--json"]);
    let output = keyway_tests::command::run(&mut command);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (1, ""),
        "{output:#?}"
    );
    assert_eq!(output.error()["code"], "socket-path-too-long");
    assert!(!runtime.join("keyway").exists());
    // Nobody says where records and data are to lie.
    let mut command = keyway_tests::command::keyway_command();
    command.env_remove("XDG_STATE_HOME").env("HOME", "relative");
    let output = keyway_tests::command::run(command.args(["package", "list", "--json"]));
    assert_eq!(output.error()["code"], "no-state-folder", "{output:#?}");
}

#[test]
fn a_lifecycle_is_told_from_a_package_type() {
    let plugins = PluginFolder::with(&["hooks"]);
    for command in [
        &["show", "-t", "Hooks/Recorded", "x"][..],
        &["list", "-t", "Hooks/Recorded"],
    ] {
        let output = keyway(plugins.path(), command);
        assert_eq!(output.code, 1);
        assert_eq!(
            output.stderr.lines().last(),
            Some("hint: `Hooks/Recorded` is a lifecycle, not a package type")
        );
    }
    let output = keyway(plugins.path(), ["plugins"]);
    for name in ["Hooks/Recorded", "Hooks/Panics"] {
        let marked = format!("{name} (lifecycle)");
        assert!(output.stdout.contains(&marked), "{output:#?}");
    }
}

#[test]
fn where_nothing_was_found_is_told() {
    let plugins = PluginFolder::new();
    for (command, nothing) in [
        ("types", "no plugin gives a package type"),
        ("plugins", "there are no plugins"),
    ] {
        let output = keyway(plugins.path(), [command]);
        assert_eq!(output.code, 0);
        assert_eq!(output.stdout.lines().count(), 1, "{output:#?}");
        let lines: Vec<_> = output.stderr.lines().collect();
        assert_eq!(lines[0], nothing);
        let searched = format!(
            "  searched `{}` (KEYWAY_PLUGIN_PATH)",
            plugins.path().display()
        );
        assert_eq!(lines[1], searched);
        assert!(lines.len() <= 1 + 8 + 1);
        // Programs see it from the empty list.
        let output = keyway(plugins.path(), [command, "--json"]);
        assert_eq!(
            (output.stdout.as_str(), output.stderr.as_str()),
            ("[]\n", "")
        );
    }
    // However many there are.
    let many: Vec<_> = (0..20)
        .map(|it| plugins.path().join(it.to_string()))
        .collect();
    let many = std::env::join_paths(many).unwrap();
    let output = keyway(Path::new(&many), ["types"]);
    assert_eq!(output.stderr.lines().count(), 1 + 8 + 1, "{output:#?}");
    assert!(output.stderr.ends_with(" more: see `keyway paths`\n"));
}

#[test]
fn a_fault_of_a_plugin_exits_with_1_and_says_where() {
    let plugins = PluginFolder::with(&["panics"]);
    for (name, method, message) in [
        (
            "InitPackage",
            "init_package",
            "panicked: no luck in init_package",
        ),
        (
            "Constructor",
            "constructor",
            "panicked in its constructor: no luck in the constructor",
        ),
        (
            "ErrorDisplay",
            "init_package",
            "panicked in the Display of its error: no luck in Display",
        ),
        (
            "ErrorDrop",
            "init_package",
            "failed: an error that will not go; then panicked in the drop of its error: \
             no luck in the drop of an error",
        ),
        (
            "Payload",
            "init_package",
            "panicked: a payload that is no text",
        ),
        (
            "PathChanged",
            "path_changed",
            "panicked: no luck in path_changed",
        ),
    ] {
        let type_name = format!("Panics/{name}");
        let output = keyway(plugins.path(), ["show", "-t", &type_name, "/usr"]);
        assert_eq!(output.code, 1, "{output:#?}");
        let start = format!(
            "error: plugin `panics`, type `{type_name}`, method `{method}`: {message} (at "
        );
        assert!(output.stderr.starts_with(&start), "{output:#?}");
        assert!(output.stderr.contains("panics/src/lib.rs:"), "{output:#?}");
        // The plugin's panic hook is silent.
        assert_eq!(output.stderr.lines().count(), 1, "{output:#?}");
    }
}

#[test]
fn a_lying_manifest_is_found_out_when_the_type_is_used() {
    let plugins = PluginFolder::new();
    let lie = patch::manifest(
        &plugin("mystructure"),
        r#"{"type":"MyApp/MyStructure""#,
        r#"{"type":"MyApp/NotStructur""#,
    );
    plugins.write("lying.so", &lie);
    let listed = keyway(plugins.path(), ["plugins", "--json"]).json();
    assert_eq!(listed[0]["status"], "ok");
    let output = keyway(
        plugins.path(),
        ["--json", "show", "-t", "MyApp/NotStructur", "x"],
    );
    assert_eq!(output.code, 1);
    assert_eq!(output.error()["code"], "type-not-given");
}

#[test]
fn show_gives_an_invalid_package_with_its_problems() {
    let plugins = PluginFolder::with(&["mystructure"]);
    let package = copied_sample();
    std::fs::remove_file(package.path().join("contents/scripts/main.js")).unwrap();
    let path = package.path().to_str().unwrap();
    let arguments = ["show", "--json", "-t", "MyApp/MyStructure", path];
    let output = keyway(plugins.path(), arguments);
    assert_eq!(output.code, 1);
    let shown = output.json();
    assert_eq!(shown["valid"], false);
    assert_eq!(shown["metadata"]["KPlugin"]["Name"], "Greeting");
    let problem = &shown["problems"][0];
    assert_eq!(problem["severity"], "error");
    assert_eq!(problem["code"], "required-missing");
    assert_eq!(problem["key"], "mainscript");
    assert_eq!(shown["definitions"].as_array().unwrap().len(), 4);
}

#[test]
fn show_has_the_agreed_shape() {
    let plugins = PluginFolder::with(&["mystructure"]);
    let path = sample();
    let path = path.to_str().unwrap();
    let shown = keyway(
        plugins.path(),
        ["show", "--json", "-t", "MyApp/MyStructure", path],
    )
    .json();
    assert_eq!(shown["id"], "org.example.greeting");
    assert_eq!(shown["type"], "MyApp/MyStructure");
    assert_eq!(shown["valid"], true);
    // The one that kpackagetool5 gives.
    let sha1 = "95f6ec30bddda6b6b8761db3f110373466a6ed5c";
    assert_eq!(shown["hash"], serde_json::json!({"sha1": sha1}));
    let definitions = shown["definitions"].as_array().unwrap();
    let images = definitions.iter().find(|it| it["key"] == "images").unwrap();
    assert_eq!(images["kind"], "directory");
    assert_eq!(images["name"], "Images");
    assert_eq!(images["required"], false);
    assert_eq!(images["paths"], serde_json::json!(["images"]));
    assert_eq!(images["entries"], serde_json::json!(["wave.svg"]));
    let types = serde_json::json!(["image/svg+xml", "image/png", "image/jpeg"]);
    assert_eq!(images["mime_types"], types);
    let script = definitions
        .iter()
        .find(|it| it["key"] == "mainscript")
        .unwrap();
    assert_eq!(script["required"], true);
    assert_eq!(script["name"], "Main Script File");
    assert!(
        script["resolved"]
            .as_str()
            .unwrap()
            .ends_with("/contents/scripts/main.js")
    );
}

#[test]
fn types_have_the_agreed_shape() {
    let plugins = PluginFolder::with(&["mystructure", "keyway-structure-generic"]);
    let types = keyway(plugins.path(), ["types", "--json"]).json();
    let names: Vec<_> = types
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["type"])
        .collect();
    assert_eq!(
        names,
        [
            "KPackage/Generic",
            "KPackage/GenericQML",
            "MyApp/MyStructure"
        ]
    );
    assert_eq!(
        types[2],
        serde_json::json!({
            "type": "MyApp/MyStructure",
            "plugin": "MyApp/MyStructure",
            "version": "1",
            "default_package_root": null,
            "source": "plugin",
        })
    );
    let types = keyway(plugins.path(), ["types", "--json", "--roots"]).json();
    assert_eq!(types[2]["default_package_root"], "myapp/packages/");
}

#[test]
fn installed_packages_are_found_by_name_the_users_before_the_systems() {
    let plugins = PluginFolder::with(&["mystructure"]);
    let (user, system) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for data in [&user, &system] {
        let to = data.path().join("myapp/packages/org.example.greeting");
        copy(&sample(), &to);
    }
    let run = |arguments: &[&str]| {
        let mut command = keyway_tests::command::keyway_command();
        command
            .env("KEYWAY_PLUGIN_PATH", plugins.path())
            .env("XDG_DATA_HOME", user.path())
            .env("XDG_DATA_DIRS", system.path())
            .args(arguments);
        keyway_tests::command::run(&mut command)
    };
    let name = "org.example.greeting";
    let in_user = user.path().canonicalize().unwrap();
    let in_system = system.path().canonicalize().unwrap();
    for (option, data) in [(None, &in_user), (Some("-g"), &in_system)] {
        let mut arguments = vec!["file", "-t", "MyApp/MyStructure", name, "mainscript"];
        arguments.extend(option);
        let output = run(&arguments);
        assert!(
            output.stdout.starts_with(data.to_str().unwrap()),
            "{output:#?}"
        );

        let mut arguments = vec!["list", "--json", "-t", "MyApp/MyStructure"];
        arguments.extend(option);
        let listed = run(&arguments).json();
        assert_eq!(listed.as_array().unwrap().len(), 1);
        assert_eq!(listed[0]["id"], name);
        assert_eq!(listed[0]["valid"], true);
    }
}
