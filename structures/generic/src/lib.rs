//! KPackage's built-in types: `KPackage/Generic`, a package of scripts, and `KPackage/GenericQML`,
//! one with a user interface in QML.
//!
//! The layout is that of KPackage 5.103.

#![forbid(unsafe_code)]

use keyway_plugin::{Error, Package, PackageStructure, export_plugin};

/// `KPackage/Generic`.
#[derive(Default)]
struct Generic;

/// `KPackage/GenericQML`.
#[derive(Default)]
struct GenericQml;

impl PackageStructure for Generic {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        define_common(package);
        package.set_default_package_root("kpackage/generic/");
        package.add_file_definition("mainscript", "scripts/main.js", "Main Script File");
        package.set_required("mainscript", true);
        Ok(())
    }

    fn path_changed(&self, package: &mut Package<'_>) -> Result<(), Error> {
        add_main_script(package);
        Ok(())
    }
}

impl PackageStructure for GenericQml {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        define_common(package);
        package.set_default_package_root("kpackage/genericqml/");
        package.add_file_definition("mainscript", "scripts/main.js", "Main Script File");
        package.add_file_definition("mainscript", "ui/main.qml", "Main UI File");
        package.set_required("mainscript", true);
        Ok(())
    }

    fn path_changed(&self, package: &mut Package<'_>) -> Result<(), Error> {
        add_main_script(package);
        Ok(())
    }
}

/// The directories that both types have.
fn define_common(package: &mut Package<'_>) {
    let images = ["image/svg+xml", "image/png", "image/jpeg"];
    package.add_directory_definition("images", "images", "Images");
    package.set_mime_types("images", &images);
    package.add_directory_definition("theme", "theme", "Themed Images");
    package.set_mime_types("theme", &images);
    package.add_directory_definition("config", "config", "Configuration Definitions");
    package.set_mime_types("config", &["text/xml"]);
    package.add_directory_definition("ui", "ui", "User Interface");
    package.add_directory_definition("data", "data", "Data Files");
    package.add_directory_definition("scripts", "code", "Executable Scripts");
    package.set_mime_types("scripts", &["text/plain"]);
    package.add_directory_definition("translations", "locale", "Translations");
}

/// A package may name its main script itself, in one of two ways. It comes after the usual ones, so
/// it counts where those are not there.
fn add_main_script(package: &mut Package<'_>) {
    let script = ["X-KPackage-MainScript", "X-Plasma-MainScript"]
        .iter()
        .filter_map(|key| package.metadata_value(key))
        .find(|script| !script.is_empty());
    if let Some(script) = script {
        package.add_file_definition("mainscript", &script, "Main Script File");
    }
}

export_plugin!(
    ["KPackage/Generic" => Generic, "KPackage/GenericQML" => GenericQml],
    "generic.json"
);
