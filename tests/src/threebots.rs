//! 3bot packages with lifecycles, made for tests.

use std::fs;
use std::path::{Path, PathBuf};

use crate::plugin;

/// What a package is made of.
#[derive(Clone, Debug)]
pub struct ThreeBot<'a> {
    /// Its name behind the dot; the part before it is `acme`.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
    /// The crate whose plugin is its lifecycle; `None` for a package without code.
    pub plugin: Option<&'a str>,
    /// What else stands in its `package.toml`.
    pub toml: &'a str,
}

impl<'a> ThreeBot<'a> {
    /// `acme.NAME` 1.0.0, whose lifecycle is the plugin of a crate.
    #[must_use]
    pub fn new(name: &'a str, plugin: &'a str) -> Self {
        Self {
            name,
            version: "1.0.0",
            plugin: Some(plugin),
            toml: "",
        }
    }

    /// The text of its `package.toml`.
    #[must_use]
    pub fn package_toml(&self) -> String {
        let Self {
            name,
            version,
            toml,
            ..
        } = self;
        format!(
            "[source]\nthreebot = \"acme\"\nname = \"{name}\"\nversion = \"{version}\"\n{toml}\n"
        )
    }

    /// Puts it into `folder`, which is made, and gives that.
    ///
    /// # Panics
    ///
    /// When it cannot be written, or the plugin not be built.
    #[must_use]
    pub fn put(&self, folder: impl AsRef<Path>) -> PathBuf {
        let folder = folder.as_ref().to_path_buf();
        let plugins = folder.join("plugins");
        fs::create_dir_all(&plugins).expect("the package's folder");
        fs::write(folder.join("package.toml"), self.package_toml()).expect("its package.toml");
        if let Some(name) = self.plugin {
            let built = plugin(name);
            let to = plugins.join(built.file_name().expect("a file"));
            // A new file, whatever has the old one loaded.
            let _ = fs::remove_file(&to);
            fs::copy(&built, to).expect("its plugin");
        }
        folder
    }
}
