//! The package type `MyApp/MyStructure`.
//!
//! A package of it has a folder of images, a folder of code, and one file that must be there: the
//! main script.

#![forbid(unsafe_code)]

use keyway_plugin::{Error, Package, PackageStructure, export_plugin};

#[derive(Default)]
struct MyStructure;

impl PackageStructure for MyStructure {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_default_package_root("myapp/packages/");

        package.add_directory_definition("images", "images", "Images");
        package.set_mime_types("images", &["image/svg+xml", "image/png", "image/jpeg"]);
        package.add_directory_definition("code", "code", "Javascript files");
        package.add_file_definition("mainscript", "scripts/main.js", "Main Script File");
        // A package without it is not valid.
        package.set_required("mainscript", true);
        Ok(())
    }
}

export_plugin!(MyStructure, "myapp-packagestructure-mystructure.desktop");
