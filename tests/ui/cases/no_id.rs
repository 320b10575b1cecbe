use keyway_plugin::{Error, Package, PackageStructure, export_plugin};

#[derive(Default)]
struct One;

impl PackageStructure for One {
    fn init_package(&self, _: &mut Package<'_>) -> Result<(), Error> {
        Ok(())
    }
}

export_plugin!(One, "metadata/no-id.json");

fn main() {}
