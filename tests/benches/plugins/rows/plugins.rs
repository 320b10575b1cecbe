//! Folders of plugins to measure with.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::Duration;

use keyway_tests::{Build, PluginFolder, patch};

/// As large as a small plugin: reading its start reads all that is asked for.
const SIZE: u64 = 320 * 1024;

/// A folder of `count` plugins that can be looked at and not loaded, each with a type of its own.
pub(crate) fn folder(count: usize) -> PluginFolder {
    let folder = PluginFolder::new();
    add(&folder, count);
    folder
}

/// Adds `count` such plugins.
pub(crate) fn add(folder: &PluginFolder, count: usize) {
    for number in 0..count {
        let id = format!("org.example.p{number}");
        let bytes = patch::note_only(&id, "1.0", &type_name(number));
        let path = folder.write(format!("p{number:05}.so"), &bytes);
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(SIZE).unwrap();
    }
}

/// The type of such a plugin.
pub(crate) fn type_name(number: usize) -> String {
    format!("Vendor/Type{number}")
}

/// The example plugin as it is shipped: release, stripped.
pub(crate) fn shipped() -> PathBuf {
    release(Build::of("mystructure"))
}

/// The build, as it is shipped.
pub(crate) fn release(build: Build) -> PathBuf {
    build
        .arg("--release")
        .arg("--config")
        .arg("profile.release.strip=true")
        .path()
}

/// The example plugin's type.
pub(crate) const SHIPPED_TYPE: &str = "MyApp/MyStructure";

/// `count` copies of `file`, each a file of its own.
pub(crate) fn copies(folder: &PluginFolder, file: &Path, count: usize) -> Vec<PathBuf> {
    let copy = |number: usize| folder.copy_as(file, format!("copy{number:04}.so"));
    (0..count).map(copy).collect()
}

/// Lets folders get old enough to be indexed.
pub(crate) fn settle() {
    std::thread::sleep(Duration::from_millis(2100));
}
