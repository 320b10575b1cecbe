//! A plugin that ends the process that loads it does so once.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

use std::path::Path;
use std::process::{Command, Stdio};

use keyway_tests::command::{keyway_command, run};
use keyway_tests::disk::{Disk, may_mount};
use keyway_tests::{Output, PluginFolder, c, plugin, skipped};

/// The command with state and cache of its own.
fn command(folder: &PluginFolder) -> Command {
    let mut command = keyway_command();
    command
        .env("KEYWAY_PLUGIN_PATH", folder.path())
        .env("XDG_STATE_HOME", folder.path().join("state"))
        .env("XDG_CACHE_HOME", folder.path().join("cache"));
    command
}

fn keyway(folder: &PluginFolder, arguments: &[&str]) -> Output {
    run(command(folder).args(arguments))
}

/// A plugin in C that does `what` in its attach.
fn ending(what: &str) -> Option<PluginFolder> {
    let compiler = c::compiler("plugins that end the process")?;
    let folder = PluginFolder::with(&["mystructure"]);
    let define = format!("-DIN_ATTACH={what}");
    let to = folder.path().join("ends.so");
    c::library(compiler, "structure.c", &to, &[&define]);
    Some(folder)
}

#[test]
fn a_plugin_that_ends_the_process_is_in_quarantine_until_it_is_lifted_or_changes() {
    for what in ["abort()", "_Exit(7)", "*(volatile int*)0=1"] {
        let Some(folder) = ending(what) else {
            return;
        };
        let show = ["list", "-t", "C/Structure"];
        let status = command(&folder)
            .args(show)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(!status.success(), "{what}: {status}");

        // The next start does not load it again, and says why.
        let refused = keyway(&folder, &show);
        assert_eq!(refused.code, 1, "{what}: {refused:#?}");
        assert!(refused.stderr.contains("in quarantine"), "{refused:#?}");
        let plugins = keyway(&folder, &["plugins", "--json"]).json();
        let of = |id: &str| {
            let all = plugins.as_array().unwrap();
            all.iter()
                .find(|plugin| plugin["id"] == id)
                .unwrap()
                .clone()
        };
        assert_eq!(of("c-structure")["status"], "quarantined");
        assert_eq!(of("c-structure")["reason"]["code"], "quarantined");
        assert_eq!(of("MyApp/MyStructure")["status"], "ok");
        assert_eq!(
            keyway(&folder, &["list", "-t", "MyApp/MyStructure"]).code,
            0
        );
        let listed = keyway(&folder, &["quarantine", "--json"]).json();
        assert_eq!(listed[0]["id"], "c-structure");
        assert_eq!(listed[0]["during"], "loading");

        // Lifted by a person.
        let missing = keyway(&folder, &["quarantine", "clear", "another"]);
        assert_eq!(missing.code, 1, "{missing:#?}");
        assert_eq!(
            keyway(&folder, &["quarantine", "clear", "c-structure"]).code,
            0
        );
        assert!(
            !command(&folder)
                .args(show)
                .output()
                .unwrap()
                .status
                .success()
        );

        // Or by another file in its place.
        assert_eq!(keyway(&folder, &show).code, 1);
        let compiler = c::compiler("mending").unwrap();
        let mended = folder.path().join("mended");
        c::library(compiler, "structure.c", &mended, &[]);
        std::fs::rename(mended, folder.path().join("ends.so")).unwrap();
        let works = keyway(&folder, &show);
        assert_eq!(works.code, 0, "{works:#?}");
    }
}

/// No room for a mark: loading goes on with a warning, and a crash is not noticed. A mark that was left
/// before the disk was full counts, also when it cannot become quarantine, and can be lifted.
#[test]
fn on_a_full_disk_plugins_load_and_marks_that_were_left_count() {
    let name = "on_a_full_disk_plugins_load_and_marks_that_were_left_count";
    if !may_mount(name) {
        return;
    }
    let Some(folder) = ending("abort()") else {
        return;
    };
    let disk = Disk::new("size=256k");
    let on_disk = |arguments: &[&str]| {
        let mut command = command(&folder);
        command.env("XDG_STATE_HOME", disk.path()).args(arguments);
        command.output().unwrap()
    };
    let (good, crashing) = (
        ["list", "-t", "MyApp/MyStructure"],
        ["list", "-t", "C/Structure"],
    );
    let works = keyway(&folder, &good);
    if works.stderr.contains("not trusted: `/` belongs to") {
        let why = "a namespace of a plain user does not show who owns folders";
        return skipped("a full state folder", why);
    }
    assert_eq!(works.code, 0, "{works:#?}");

    for _ in 0..2 {
        disk.fill_up_to(0);
        let output = on_disk(&good);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        let warning =
            "no mark can be left: a crash of plugin `MyApp/MyStructure` would not be noticed";
        assert!(said.contains(warning), "{said}");
        assert_eq!(on_disk(&crashing).status.code(), None);
        disk.fill_up_to(128 * 1024);
        assert_eq!(on_disk(&["quarantine", "--json"]).stdout, b"[]\n");
    }

    // There is room until the process has ended.
    assert_eq!(on_disk(&crashing).status.code(), None);
    disk.fill_up_to(0);
    for _ in 0..2 {
        let output = on_disk(&crashing);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("in quarantine"), "{said}");
        let listed = on_disk(&["quarantine", "--json"]).stdout;
        assert!(String::from_utf8(listed).unwrap().contains("c-structure"));
    }
    assert_eq!(on_disk(&good).status.code(), Some(0));
    let cleared = on_disk(&["quarantine", "clear", "c-structure"]);
    assert_eq!(cleared.status.code(), Some(0), "{cleared:?}");
    assert_eq!(on_disk(&["quarantine", "--json"]).stdout, b"[]\n");
    assert_eq!(on_disk(&crashing).status.code(), None);

    // With room again it becomes quarantine as ever.
    disk.fill_up_to(128 * 1024);
    assert_eq!(on_disk(&crashing).status.code(), Some(1));
    disk.fill_up_to(0);
    assert_eq!(on_disk(&crashing).status.code(), Some(1));
}

#[test]
fn fifty_processes_that_load_one_plugin_quarantine_nothing() {
    let folder = PluginFolder::with(&["mystructure"]);
    let start = || {
        command(&folder)
            .args(["list", "-t", "MyApp/MyStructure"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let children: Vec<_> = (0..50).map(|_| start()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let quarantine = folder.path().join("state/keyway/quarantine");
    let names = std::fs::read_dir(quarantine).unwrap().flatten();
    for name in names.map(|entry| entry.file_name().into_string().unwrap()) {
        assert!(name.starts_with("slot."), "{name}");
    }
    assert_eq!(
        keyway(&folder, &["quarantine", "--json"]).json(),
        serde_json::json!([])
    );
}

#[test]
fn in_safe_mode_no_plugin_is_loaded() {
    let folder = PluginFolder::with(&["runs-a-constructor"]);
    let mark = folder.path().join("mark.txt");
    let mut command = command(&folder);
    command
        .env("KEYWAY_SAFE_MODE", "1")
        .env("KEYWAY_TEST_MARK", &mark)
        .args(["--json", "list", "-t", "Runs/Constructor"]);
    let output = run(&mut command);
    assert_eq!(output.code, 1);
    assert_eq!(output.error()["code"], "safe-mode");
    assert!(!Path::new(&mark).exists());
}

#[test]
fn what_loading_found_out_is_shown_from_then_on() {
    let folder = PluginFolder::new();
    let lie = keyway_tests::patch::manifest(
        &plugin("mystructure"),
        r#"{"type":"MyApp/MyStructure""#,
        r#"{"type":"MyApp/NotStructur""#,
    );
    let path = folder.write("lying.so", &lie);
    let status = || {
        let plugins = keyway(&folder, &["plugins", "--json"]).json();
        let reason = plugins[0]["reason"]["code"].as_str().map(str::to_owned);
        (plugins[0]["status"].as_str().unwrap().to_owned(), reason)
    };
    assert_eq!(status(), ("ok".into(), None));
    assert_eq!(
        keyway(&folder, &["list", "-t", "MyApp/NotStructur"]).code,
        1
    );
    assert_eq!(status(), ("refused".into(), Some("type-not-given".into())));
    // Another file in its place has another chance.
    std::fs::remove_file(&path).unwrap();
    folder.write("lying.so", &lie);
    assert_eq!(status(), ("ok".into(), None));
}
