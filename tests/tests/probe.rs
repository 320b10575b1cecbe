//! A plugin is tried in a process of its own before it is loaded.

#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

use std::path::Path;
use std::time::{Duration, Instant};

use keyway::plugin::{Probe, Registry, SearchPath};
use keyway_tests::{PluginFolder, c, keyway};

fn probe() -> Probe {
    Probe::new(env!("CARGO_BIN_EXE_probe")).deadline(Duration::from_secs(30))
}

/// What a registry with a probe says of a type.
fn code(folder: &Path, probe: Probe, type_name: &str) -> String {
    let registry = Registry::builder(SearchPath::only([folder]))
        .cache_dir(None)
        .state_dir(None)
        .probe(Some(probe))
        .build();
    let made = registry.structure(&type_name.parse().unwrap());
    assert_eq!(registry.loaded().len(), usize::from(made.is_ok()));
    match made {
        Ok(_) => "ok".to_owned(),
        Err(error) => {
            let path = folder.join("plugin.so").display().to_string();
            let text = error.to_string();
            let start = format!("`{path}` did not pass its probe: ");
            assert!(text.starts_with(&start), "{text}");
            text[start.len()..].to_owned()
        }
    }
}

fn in_c(what: &str) -> Option<PluginFolder> {
    let compiler = c::compiler("probing plugins that end the process")?;
    let folder = PluginFolder::new();
    let define = format!("-DIN_ATTACH={what}");
    let to = folder.path().join("plugin.so");
    c::library(compiler, "structure.c", &to, &[&define]);
    Some(folder)
}

#[test]
fn a_missing_helper_is_an_error_and_nothing_is_loaded() {
    let folder = PluginFolder::new();
    folder.copy_as(&keyway_tests::plugin("mystructure"), "plugin.so");
    let missing = Probe::new("/nonexistent/helper");
    let said = code(folder.path(), missing, "MyApp/MyStructure");
    assert_eq!(said, "the helper `/nonexistent/helper` cannot be run");
}

#[test]
fn a_plugin_that_crashes_hangs_or_fails_does_so_elsewhere() {
    let Some(crashes) = in_c("abort()") else {
        return;
    };
    let said = code(crashes.path(), probe(), "C/Structure");
    assert!(
        said.starts_with("it ended its process: signal: 6"),
        "{said}"
    );

    let exits = in_c("_Exit(0)").unwrap();
    let said = code(exits.path(), probe(), "C/Structure");
    assert_eq!(said, "it ended its process: exit status: 0");

    let hangs = in_c("for(;;){}").unwrap();
    let began = Instant::now();
    let short = probe().deadline(Duration::from_millis(300));
    let said = code(hangs.path(), short, "C/Structure");
    assert_eq!(said, "it did not come to an end in 0.3 s");
    assert!(began.elapsed() < Duration::from_secs(20));
    // The child is gone: ended and waited for.
    let path = hangs.path().to_str().unwrap();
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let words = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).into_owned();
        assert!(!words.contains(path), "{words}");
    }

    let fails = in_c("").unwrap();
    let said = code(fails.path(), probe(), "C/Structure");
    assert!(
        said.ends_with("failed: made to fail (at ") || said.contains("made to fail"),
        "{said}"
    );
}

#[test]
fn a_sound_plugin_is_loaded() {
    let folder = PluginFolder::new();
    folder.copy_as(&keyway_tests::plugin("mystructure"), "plugin.so");
    assert_eq!(code(folder.path(), probe(), "MyApp/MyStructure"), "ok");
    let outcome = probe().run(&folder.path().join("plugin.so")).unwrap();
    assert_eq!(outcome.types, ["MyApp/MyStructure"]);
}

#[test]
fn the_command_probes_in_a_process_of_its_own() {
    let Some(crashes) = in_c("abort()") else {
        return;
    };
    let file = crashes.path().join("plugin.so");
    let output = keyway(crashes.path(), ["--json", "probe", file.to_str().unwrap()]);
    assert_eq!(output.code, 1, "{output:#?}");
    assert_eq!(output.error()["code"], "probe-ended");

    let sound = PluginFolder::new();
    let file = sound.copy_as(&keyway_tests::plugin("mystructure"), "plugin.so");
    let output = keyway(sound.path(), ["probe", file.to_str().unwrap()]);
    assert_eq!(output.stdout, "ok MyApp/MyStructure\n", "{output:#?}");

    let output = keyway(sound.path(), ["--json", "probe", "/nonexistent.so"]);
    assert_eq!(output.code, 1);
    assert_eq!(output.error()["code"], "unreadable");
}
