//! Folders of plugins.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The folder of this workspace.
#[must_use]
pub fn workspace() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_path_buf()
}

/// A temporary folder to put plugins into.
#[derive(Debug)]
pub struct PluginFolder(TempDir);

impl PluginFolder {
    /// An empty folder.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    #[must_use]
    pub fn new() -> Self {
        match tempfile::tempdir() {
            Ok(folder) => Self(folder),
            Err(error) => panic!("no temporary folder: {error}"),
        }
    }

    /// A folder with copies of the plugin crates `packages`.
    #[must_use]
    pub fn with(packages: &[&str]) -> Self {
        let folder = Self::new();
        for package in packages {
            folder.copy(&crate::plugin(package));
        }
        folder
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Copies `file` into the folder, under its own name.
    pub fn copy(&self, file: &Path) -> PathBuf {
        let name = file.file_name().unwrap_or_default();
        self.copy_as(file, name)
    }

    /// Copies `file` into the folder, under the name `name`.
    ///
    /// # Panics
    ///
    /// When it cannot be copied.
    pub fn copy_as(&self, file: &Path, name: impl AsRef<Path>) -> PathBuf {
        let to = self.path().join(name);
        if let Err(error) = std::fs::copy(file, &to) {
            panic!("cannot copy `{}`: {error}", file.display());
        }
        to
    }

    /// Writes a file into the folder.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) -> PathBuf {
        let to = self.path().join(name);
        if let Err(error) = std::fs::write(&to, bytes) {
            panic!("cannot write `{}`: {error}", to.display());
        }
        to
    }
}

impl Default for PluginFolder {
    fn default() -> Self {
        Self::new()
    }
}
