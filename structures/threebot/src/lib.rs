//! `ThreeBot/Package`: what a 3bot serves, in one folder.
//!
//! Its metadata are in `package.toml`, which a package cannot do without: there it says who it is.
//! All else may be left out.

#![forbid(unsafe_code)]

use keyway_plugin::{Error, Package, PackageStructure, export_plugin};

/// `ThreeBot/Package`.
#[derive(Default)]
struct ThreeBot;

/// The folders of a package, which have the names of their keys, and what people call them.
const FOLDERS: [(&str, &str); 7] = [
    ("actors", "Actors, which others call"),
    ("chatflows", "Chat Flows"),
    ("frontend", "Single-Page Application"),
    ("html", "Web Pages"),
    ("models", "Schemas of Data"),
    ("plugins", "Lifecycle Plugins"),
    ("wiki", "Wiki"),
];

impl PackageStructure for ThreeBot {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_default_package_root("threebot/packages/");
        package.set_contents_prefix_paths(&[]);
        // The host goes by this: the metadata of these packages are in this file and in no other.
        package.add_file_definition("metadata", "package.toml", "Who the package is");
        package.set_required("metadata", true);
        for (folder, name) in FOLDERS {
            package.add_directory_definition(folder, folder, name);
        }
        Ok(())
    }
}

export_plugin!(ThreeBot, "threebot.json");
