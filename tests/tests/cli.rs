//! The command, run as a user runs it.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

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
    assert_eq!(shown["hash"], serde_json::Value::Null);
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
