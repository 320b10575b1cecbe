//! Copies of this workspace with something changed, as an older or newer Keyway would be.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::folder::workspace;

/// What a copy needs: the border, the host, the command and one plugin.
const PARTS: [&str; 4] = ["Cargo.lock", "plugin-api", "host", "example-plugins"];

/// The crates of a copy.
const MEMBERS: [&str; 7] = [
    "plugin-api",
    "plugin-api/abi",
    "plugin-api/macros",
    "plugin-api/metadata",
    "host",
    "host/cli",
    "example-plugins/mystructure",
];

/// A copy of the workspace below `target/copies`.
#[derive(Debug)]
pub struct Copy {
    folder: PathBuf,
    /// (file, old text, new text)
    patches: Vec<(&'static str, String, String)>,
}

impl Copy {
    /// A copy under that name; nothing is written yet.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            folder: workspace().join("target/copies").join(name),
            patches: Vec::new(),
        }
    }

    /// Replaces `old` by `new` in `file`, once.
    #[must_use]
    pub fn patch(
        mut self,
        file: &'static str,
        old: impl Into<String>,
        new: impl Into<String>,
    ) -> Self {
        self.patches.push((file, old.into(), new.into()));
        self
    }

    /// Writes the copy and gives its folder. Files that are already so keep their times, so that
    /// what was built of them stays fresh.
    ///
    /// # Panics
    ///
    /// When it cannot be written, or a text that is to be replaced is not there.
    #[must_use]
    pub fn make(self) -> PathBuf {
        let mut patches = self.patches;
        // Tests run side by side and may share a copy.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _lock = ONE_AT_A_TIME.lock();
        let members = format!("members = {MEMBERS:?}");
        let manifest = read(&workspace().join("Cargo.toml"));
        let (before, rest) = split(&manifest, "members = [");
        let (_, after) = split(rest, "]\n");
        write(
            &self.folder.join("Cargo.toml"),
            format!("{before}{members}\n{after}").as_bytes(),
        );
        let mut written = BTreeSet::new();
        for part in PARTS {
            copy(Path::new(part), &self.folder, &mut patches, &mut written);
            remove_others(&self.folder.join(part), &written);
        }
        assert!(
            patches.is_empty(),
            "these texts to replace are not there: {patches:#?}"
        );
        self.folder
    }
}

/// Removes files of an earlier copy that are no more.
fn remove_others(path: &Path, written: &BTreeSet<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            remove_others(&entry.path(), written);
        }
    } else if !written.contains(path) {
        fs::remove_file(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    }
}

fn copy(
    part: &Path,
    to: &Path,
    patches: &mut Vec<(&'static str, String, String)>,
    written: &mut BTreeSet<PathBuf>,
) {
    let from = workspace().join(part);
    if from.is_dir() {
        let entries = fs::read_dir(&from).unwrap_or_else(|error| panic!("{part:?}: {error}"));
        for entry in entries.flatten() {
            if entry.file_name() != "target" {
                copy(&part.join(entry.file_name()), to, patches, written);
            }
        }
        return;
    }
    let mut bytes = fs::read(&from).unwrap_or_else(|error| panic!("{part:?}: {error}"));
    patches.retain(|(file, old, new)| {
        if part != Path::new(file) {
            return true;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if !text.contains(old.as_str()) {
            return true;
        }
        bytes = text.replacen(old.as_str(), new, 1).into_bytes();
        false
    });
    write(&to.join(part), &bytes);
    written.insert(to.join(part));
}

fn split<'a>(text: &'a str, at: &str) -> (&'a str, &'a str) {
    text.split_once(at)
        .unwrap_or_else(|| panic!("the workspace's manifest has no `{at}`"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

fn write(path: &Path, bytes: &[u8]) {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return;
    }
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    fs::write(path, bytes).unwrap_or_else(|error| panic!("{path:?}: {error}"));
}
