//! A type that takes its time to look at a package.

#![forbid(unsafe_code)]

use std::thread;
use std::time::Duration;

use keyway_plugin::{Error, Package, PackageStructure, export_plugin};

#[derive(Default)]
struct Structure;

impl PackageStructure for Structure {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_default_package_root("slow/packages/");
        Ok(())
    }

    fn path_changed(&self, _: &mut Package<'_>) -> Result<(), Error> {
        thread::sleep(Duration::from_millis(20));
        Ok(())
    }
}

export_plugin!(Structure, "plugin.json");
