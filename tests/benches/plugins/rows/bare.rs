//! The least that a border costs: C functions behind pointers, each with a guard, and text that is
//! copied where it arrives. It has no place to note a panic in, no faults and no checks of text.

use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};

use keyway_abi::PackageAccess;
use keyway_plugin::{Package, PackageStructure};

use super::calling::{Asked, OneValue};

/// A structure behind such a border.
pub(crate) struct Bare {
    structure: Box<dyn PackageStructure>,
    path_changed: extern "C" fn(&Bare, &Lent<'_>) -> u32,
}

/// The package that is handed across.
struct Lent<'a> {
    package: &'a dyn PackageAccess,
    metadata_value: extern "C" fn(&Lent<'_>, &&str, &mut Sink) -> u32,
}

/// Where the answer is pushed.
struct Sink {
    text: Option<String>,
    push: extern "C" fn(&mut Sink, &&str),
}

impl Bare {
    pub(crate) fn new(structure: Box<dyn PackageStructure>) -> Self {
        black_box(Self {
            structure,
            path_changed,
        })
    }

    pub(crate) fn path_changed(&self, package: &mut dyn PackageAccess) -> bool {
        let lent = black_box(Lent {
            package,
            metadata_value,
        });
        (self.path_changed)(self, &lent) == 0
    }
}

fn guarded(work: impl FnOnce() -> bool) -> u32 {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(true) => 0,
        _ => 1,
    }
}

extern "C" fn path_changed(bare: &Bare, lent: &Lent<'_>) -> u32 {
    guarded(|| {
        let mut package = OneValue(Across(lent));
        let mut package = Package::new(&mut package);
        bare.structure.path_changed(&mut package).is_ok()
    })
}

extern "C" fn metadata_value(lent: &Lent<'_>, key: &&str, sink: &mut Sink) -> u32 {
    guarded(|| {
        let value = lent.package.metadata_value(key);
        if let Some(value) = &value {
            (sink.push)(sink, &&**value);
        }
        value.is_some()
    })
}

extern "C" fn push(sink: &mut Sink, text: &&str) {
    sink.text = Some((*text).to_owned());
}

/// The value on the other side.
struct Across<'a>(&'a Lent<'a>);

impl Asked for Across<'_> {
    fn ask(&self, key: &str) -> Option<String> {
        let mut sink = black_box(Sink { text: None, push });
        (self.0.metadata_value)(self.0, &key, &mut sink);
        sink.text
    }
}
