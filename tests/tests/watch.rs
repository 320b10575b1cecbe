//! What happens in other processes is noticed.

#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use keyway::watch::{Change, PackageEvent, PackageWatcher, PluginEvent, PluginWatcher};
use keyway::{DataDirs, PackageLoader, Registry, SearchPath};
use keyway_tests::command::{keyway_command, run};
use keyway_tests::{PluginFolder, plugin, workspace};

const TYPE: &str = "MyApp/MyStructure";
const ID: &str = "org.example.greeting";

/// As long something may take that should happen; it usually takes a tenth of a second.
const LONG: Duration = Duration::from_secs(30);

/// As long nothing should happen.
const SHORT: Duration = Duration::from_millis(400);

fn sample() -> std::path::PathBuf {
    workspace().join("example-plugins/mystructure/package")
}

#[test]
fn what_the_command_installs_upgrades_and_removes_is_told_once() {
    let plugins = PluginFolder::with(&["mystructure"]);
    let home = tempfile::tempdir().unwrap();
    let data = home.path().canonicalize().unwrap().join("data");
    let registry = Registry::new(SearchPath::only([plugins.path()]));
    let dirs = DataDirs::new(Some(data.clone()), []);
    let loader = PackageLoader::with_data_dirs(registry, dirs);
    let (told, events) = channel();
    let watcher = PackageWatcher::new(&loader, TYPE, None, move |event: PackageEvent| {
        let _ = told.send(event);
    })
    .unwrap();
    let next = || {
        let event: PackageEvent = events.recv_timeout(LONG).unwrap();
        assert_eq!((event.type_name.as_str(), &event.id[..]), (TYPE, ID));
        assert_eq!(event.path, data.join("myapp/packages").join(ID));
        event.change
    };
    let keyway = |arguments: &[&str]| {
        let mut command = keyway_command();
        command
            .env("KEYWAY_PLUGIN_PATH", plugins.path())
            .env("XDG_DATA_HOME", &data)
            .args(arguments);
        let output = run(&mut command);
        assert_eq!(output.code, 0, "{output:#?}");
    };
    let package = sample();
    let package = package.to_str().unwrap();
    keyway(&["install", package]);
    assert_eq!(next(), Change::Added);
    keyway(&["upgrade", "--force", package]);
    assert_eq!(next(), Change::Changed);
    keyway(&["remove", ID]);
    assert_eq!(next(), Change::Removed);
    // What is refused, or was only tried, is nothing that happened.
    keyway(&["install", "--dry-run", package]);
    assert!(events.recv_timeout(SHORT).is_err());
    drop(watcher);
    keyway(&["install", package]);
    assert!(events.recv_timeout(SHORT).is_err());
}

fn watch(folder: &Path) -> (Registry, PluginWatcher, Receiver<PluginEvent>) {
    let registry = Registry::new(SearchPath::only([folder]));
    let (told, events) = channel();
    let watcher = PluginWatcher::new(&registry, move |event| {
        let _ = told.send(event);
    });
    (registry, watcher.unwrap(), events)
}

#[test]
fn plugins_that_come_change_and_go() {
    let built = plugin("mystructure");
    let home = tempfile::tempdir().unwrap();
    // The folder is not there yet.
    let folder = home.path().canonicalize().unwrap().join("lib/plugins");
    let (registry, _watcher, events) = watch(&folder);
    let type_name = TYPE.parse().unwrap();
    assert!(registry.structure(&type_name).is_err());
    let next = || {
        let event = events.recv_timeout(LONG).unwrap();
        assert_eq!(event.path, folder.join("plugin.so"));
        assert!(event.types.iter().any(|it| it.as_str() == TYPE));
        event.change
    };
    let put = || {
        let file = home.path().join("plugin.so");
        fs::copy(&built, &file).unwrap();
        fs::create_dir_all(&folder).unwrap();
        fs::rename(file, folder.join("plugin.so")).unwrap();
    };
    put();
    assert_eq!(next(), Change::Added);
    // The registry knows it by then.
    assert!(registry.structure(&type_name).is_ok());
    put();
    assert_eq!(next(), Change::Changed);
    // Files that are no plugins are nothing.
    fs::write(folder.join("readme"), "text").unwrap();
    assert!(events.recv_timeout(SHORT).is_err());
    fs::remove_file(folder.join("plugin.so")).unwrap();
    assert_eq!(next(), Change::Removed);
}
