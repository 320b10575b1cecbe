//! `init_package` calls itself without an end.

#![forbid(unsafe_code)]

use std::hint::black_box;

use keyway_plugin::{Error, Package, PackageStructure, export_plugin};

#[derive(Default)]
struct Structure;

impl PackageStructure for Structure {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_default_package_root(&deeper(black_box(0)).to_string());
        Ok(())
    }
}

fn deeper(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if black_box(true) {
        deeper(depth + 1) + frame[0]
    } else {
        depth
    }
}

export_plugin!(Structure, "plugin.json");
