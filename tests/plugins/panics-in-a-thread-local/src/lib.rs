//! A thread that `init_package` starts has a thread-local whose drop panics.

#![forbid(unsafe_code)]

use keyway_plugin::{Error, Package, PackageStructure, export_plugin};

struct Nasty;

impl Drop for Nasty {
    fn drop(&mut self) {
        panic!("no luck in the drop of a thread-local");
    }
}

thread_local! {
    static NASTY: Nasty = const { Nasty };
}

#[derive(Default)]
struct Structure;

impl PackageStructure for Structure {
    fn init_package(&self, _: &mut Package<'_>) -> Result<(), Error> {
        let thread = std::thread::spawn(|| NASTY.with(|_| ()));
        let _ = thread.join();
        Ok(())
    }
}

export_plugin!(Structure, "plugin.json");
