//! A type that asks for itself while it is initialised.

#![forbid(unsafe_code)]

use std::path::Path;

use keyway_plugin::{Error, Package, PackageStructure, export_plugin};

#[derive(Default)]
struct Structure;

impl PackageStructure for Structure {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_fallback_package("Cycle/Self", Path::new("default"))
    }
}

export_plugin!(Structure, "plugin.json");
