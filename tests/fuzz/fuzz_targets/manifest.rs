//! Any bytes, taken for a manifest: an answer, soon, within the memory that a look may take.

#![no_main]

use keyway_metadata::Manifest;
use keyway_tests::memory::{Counting, MOST, peak};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static COUNTING: Counting = Counting;

fuzz_target!(|bytes: &[u8]| {
    let (held, ()) = peak(|| {
        let Ok(manifest) = Manifest::parse(bytes) else {
            return;
        };
        let _ = manifest.metadata();
        // What was read can be told, and what is told is the same again.
        let told = serde_json::to_vec(&manifest).expect("a manifest has a JSON form");
        let again = Manifest::parse(&told).expect("what is told can be read");
        assert_eq!((manifest.id, manifest.types), (again.id, again.types));
        assert_eq!(manifest.abi, again.abi);
    });
    assert!(held < MOST, "{held} bytes for {}", bytes.len());
});
