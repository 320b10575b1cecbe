#![forbid(unsafe_code)]
#![allow(non_camel_case_types)]

use keyway_plugin::{Error, Package, PackageStructure, export_plugin};

#[derive(Default)]
struct One;

impl PackageStructure for One {
    fn init_package(&self, _: &mut Package<'_>) -> Result<(), Error> {
        Ok(())
    }
}

#[derive(Default)]
struct structure;

impl PackageStructure for structure {
    fn init_package(&self, _: &mut Package<'_>) -> Result<(), Error> {
        Ok(())
    }
}

// A type may bear the name of a kind.
export_plugin!(["Ui/One" => self::One, structure "Ui/Two" => structure], "metadata/two.json",);

fn main() {}
