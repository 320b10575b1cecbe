//! Any bytes, taken for a `package.toml`: an answer, soon, within the memory that a look may take.

#![no_main]

use keyway_metadata::threebot::PackageToml;
use keyway_metadata::{Document, Format};
use keyway_tests::memory::{Counting, MOST, peak};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static COUNTING: Counting = Counting;

fuzz_target!(|bytes: &[u8]| {
    let (held, ()) = peak(|| {
        let strict = Document::parse(Format::PackageToml, bytes);
        let lenient = Document::parse_lenient(Format::PackageToml, bytes);
        if let Err(error) = &lenient {
            // Where it is wrong can be told.
            let _ = (error.line(), error.to_string());
        }
        let Ok(document) = strict else {
            return;
        };
        assert!(lenient.is_ok(), "strictly read, and not leniently");
        // Whoever reads it gets a name, and the same one by the general view.
        let package = PackageToml::of(&document).expect("what was read has a view");
        assert_eq!(document.metadata().id(), Some(package.name.as_str()));
        for requirement in package.dependencies.values() {
            let again = requirement.as_str().parse();
            assert_eq!(Ok(requirement), again.as_ref());
        }
    });
    assert!(held < MOST, "{held} bytes for {}", bytes.len());
});
