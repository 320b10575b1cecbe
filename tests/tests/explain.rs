//! `keyway explain`, `paths` and `plugins install | remove`: why a type is what it is, and how
//! plugins come and go.

#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use keyway_tests::command::{copy_program, keyway_command, keyway_program, run};
use keyway_tests::patch::{self, EM_AARCH64};
use keyway_tests::{Output, PluginFolder, keyway, plugin, skipped};

#[test]
fn an_unknown_type_is_explained_with_the_nearest_names() {
    let folder = PluginFolder::with(&["mystructure"]);
    let output = keyway(folder.path(), ["explain", "MyApp/MyStrukture"]);
    assert_eq!(output.code, 1);
    let lines: Vec<_> = output.stdout.lines().collect();
    assert_eq!(lines[0], "structure `MyApp/MyStrukture`");
    let first = format!(
        "1. `{}` (KEYWAY_PLUGIN_PATH): 1 files",
        folder.path().display()
    );
    assert_eq!(lines[1], first);
    let end = &lines[lines.len() - 2..];
    assert_eq!(end, ["=> nobody", "   did you mean `MyApp/MyStructure`?"]);
}

#[test]
fn each_candidate_is_walked_through_gate_by_gate() {
    let sound = plugin("runs-a-constructor");
    let (first, second) = (PluginFolder::new(), PluginFolder::new());
    first.write("a.so", &patch::machine(&sound, EM_AARCH64));
    first.write(
        "b.so",
        &patch::manifest(&sound, r#""format":1"#, r#""format":9"#),
    );
    let winner = first.copy_as(&sound, "c.so");
    second.copy_as(&sound, "d.so");
    let mark = first.path().join("mark.txt");
    let path = std::env::join_paths([first.path(), second.path()]).unwrap();
    let explain = |json: bool| {
        let mut command = keyway_command();
        command
            .env("KEYWAY_PLUGIN_PATH", &path)
            .env("KEYWAY_TEST_MARK", &mark)
            .args(["explain", "Runs/Constructor"]);
        if json {
            command.arg("--json");
        }
        run(&mut command)
    };
    let output = explain(false);
    assert_eq!(output.code, 0, "{output:#?}");
    let text = &output.stdout;
    let refused = "file ok, manifest ok, ABI refused (wrong-architecture): \
                   built for the architecture aarch64, this host runs on x86_64";
    assert!(text.contains(refused), "{text}");
    assert!(
        text.contains("hint: build the plugin for this machine"),
        "{text}"
    );
    let passed = "file ok, manifest ok, ABI ok, trust ok, quarantine ok; ";
    assert!(text.contains(&format!("{passed}wins")), "{text}");
    let shadowed = format!("{passed}shadowed by `{}`", winner.display());
    assert!(text.contains(&shadowed), "{text}");
    assert!(
        text.ends_with(&format!("=> `{}`\n", winner.display())),
        "{text}"
    );

    let json = explain(true).json();
    assert_eq!(json["winner"], winner.to_str().unwrap());
    let candidates = json["folders"][0]["candidates"].as_array().unwrap();
    assert_eq!(candidates[0]["code"], "wrong-architecture");
    assert_eq!(candidates[0]["gate"], "ABI");
    assert_eq!(candidates[1]["status"], "ok");
    assert!(!mark.exists(), "explaining ran a plugin");
}

#[test]
fn paths_tell_where_each_folder_comes_from() {
    let folder = PluginFolder::new();
    let path = std::env::join_paths([folder.path(), Path::new(""), Path::new("relative")]).unwrap();
    let mut command = keyway_command();
    command
        .env("KEYWAY_PLUGIN_PATH", path)
        .args(["paths", "--json"]);
    let output = run(&mut command);
    let json = output.json();
    let folders: Vec<(&str, &str, &str)> = json
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            let text = |key: &str| it[key].as_str().unwrap();
            (text("path"), text("origin"), text("state"))
        })
        .collect();
    let ours = folder.path().to_str().unwrap();
    assert_eq!(folders[0], (ours, "KEYWAY_PLUGIN_PATH", "searched"));
    // An empty entry means nothing; a relative one is said and not searched.
    let relative = "not searched: the path is not absolute";
    assert_eq!(folders[1], ("relative", "KEYWAY_PLUGIN_PATH", relative));
    assert_eq!(folders[2].1, "beside the executable");
    assert_eq!(folders.last().unwrap().0, "/usr/lib/keyway/plugins");
}

/// Under raised privileges the environment and the user's folder decide nothing.
#[test]
fn a_setuid_process_ignores_what_its_caller_could_choose() {
    let what = "a setuid process";
    let as_nobody = Command::new("setpriv").arg("--version").output();
    let root = std::fs::metadata("/proc/self").is_ok_and(|it| {
        use std::os::unix::fs::MetadataExt as _;
        it.uid() == 0
    });
    if !root || as_nobody.is_err() {
        skipped(what, "it takes root and setpriv");
        return;
    }
    let folder = PluginFolder::with(&["mystructure"]);
    let program = folder.path().join("keyway");
    copy_program(&keyway_program(), &program);
    for (path, mode) in [(folder.path(), 0o755), (&program, 0o4755)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&program)
        .env_clear()
        .env("HOME", folder.path())
        .env("KEYWAY_PLUGIN_PATH", folder.path())
        .args(["paths", "--json"]);
    let output = run(&mut command);
    let json = output.json();
    let why = "not searched: this process has raised privileges";
    for folder in json.as_array().unwrap() {
        let origin = folder["origin"].as_str().unwrap();
        let ignored = origin == "KEYWAY_PLUGIN_PATH" || origin == "user";
        assert_eq!(folder["used"], !ignored, "{json}");
        assert_eq!(folder["state"] == why, ignored, "{json}");
    }
    assert!(output.stderr.contains("raised privileges"), "{output:#?}");
}

/// Runs the command with a home of its own.
fn at_home(home: &Path, arguments: &[&str]) -> Output {
    let mut command = keyway_command();
    command.env("HOME", home).args(arguments);
    run(&mut command)
}

#[test]
fn what_would_be_refused_is_not_installed() {
    let (files, home) = (PluginFolder::new(), tempfile::tempdir().unwrap());
    let sound = plugin("mystructure");
    let aarch64 = files.write("aarch64.so", &patch::machine(&sound, EM_AARCH64));
    let text = files.write("text.so", b"text");
    let odd = files.copy_as(&sound, "plugin.txt");
    for (file, code) in [
        (&aarch64, "wrong-architecture"),
        (&text, "not-a-library"),
        (&odd, "bad-file-name"),
        (&files.path().join("nosuch.so"), "unreadable"),
    ] {
        let install = ["plugins", "install", "--json", file.to_str().unwrap()];
        let output = at_home(home.path(), &install);
        assert_eq!(output.code, 1, "{output:#?}");
        assert_eq!(output.error()["code"], code);
    }
    assert!(!home.path().join(".local").exists());
    let output = at_home(home.path(), &["plugins", "remove", "--json", "nosuch"]);
    assert_eq!(output.error()["code"], "plugin-not-found");
}

#[test]
fn a_plugin_is_installed_replaced_and_removed() {
    let (files, home) = (PluginFolder::new(), tempfile::tempdir().unwrap());
    let sound = plugin("mystructure");
    let file = files.copy_as(&sound, "mystructure.so");
    let install = ["plugins", "install", file.to_str().unwrap()];
    let folder = home.path().join(".local/lib/keyway/plugins");
    let installed = folder.join("mystructure.so");

    let output = at_home(home.path(), &install);
    assert_eq!(
        output.stdout,
        format!("installed {}\n", installed.display())
    );
    let version = || at_home(home.path(), &["types", "--json"]).json()[0]["version"].clone();
    assert_eq!(version(), "1");

    let newer = patch::manifest(&sound, r#""version":"1""#, r#""version":"2""#);
    std::fs::write(&file, newer).unwrap();
    assert_eq!(at_home(home.path(), &install).code, 0);
    assert_eq!(version(), "2");
    let list = ["list", "-t", "MyApp/MyStructure"];
    assert_eq!(at_home(home.path(), &list).code, 0);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);

    let output = at_home(home.path(), &["plugins", "remove", "MyApp/MyStructure"]);
    assert_eq!(output.stdout, format!("removed {}\n", installed.display()));
    assert_eq!(at_home(home.path(), &list).code, 1);
}
