//! As soon as the library is loaded, the file that `KEYWAY_TEST_MARK` names is there.

use keyway_plugin::{Error, Package, PackageStructure, export_plugin};

extern "C" fn mark() {
    if let Some(mark) = std::env::var_os("KEYWAY_TEST_MARK") {
        let _ = std::fs::write(mark, "loaded\n");
    }
}

#[allow(unsafe_code)]
#[used]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
static MARK: extern "C" fn() = mark;

#[derive(Default)]
struct Structure;

impl PackageStructure for Structure {
    fn init_package(&self, _: &mut Package<'_>) -> Result<(), Error> {
        Ok(())
    }
}

export_plugin!(Structure, "plugin.json");
