//! What is loaded: where a lie would make the system's loader overwrite something.

use keyway_tests::keyway;
use keyway_tests::patch::{self, put, segment};

use crate::header::{Sound, TYPE};

/// The loader would map such a segment over other libraries of the process.
#[test]
fn segments_that_overlap_are_malformed() {
    let sound = Sound::new();
    let loaded = loaded_segments(&sound);
    for at in &loaded[..loaded.len() - 1] {
        for size in [1u64 << 20, 1 << 40, 1 << 46] {
            let (code, message) = sound.with(|bytes| {
                put(bytes, at + segment::MEMSZ, &size.to_le_bytes());
            });
            assert_eq!(code, "malformed-file", "{size:#x}");
            let why = "the file's header is malformed: segments overlap or are out of order";
            assert_eq!(message, why);
        }
    }
    let (code, _) = sound.with(|bytes| {
        let (first, second) = (loaded[0], loaded[1]);
        for place in 0..56 {
            bytes.swap(first + place, second + place);
        }
    });
    assert_eq!(code, "malformed-file");
}

/// What remains is the loader's affair: it says so, and the process lives.
#[test]
fn what_the_loader_cannot_map_is_an_error_at_worst() {
    let sound = Sound::new();
    let at = *loaded_segments(&sound).last().unwrap();
    for huge in [1u64 << 40, 1 << 46] {
        let code = sound.put(at + segment::MEMSZ, &huge.to_le_bytes());
        assert_eq!(code, "ok", "{huge:#x}");
        let output = keyway(sound.folder.path(), ["--json", "list", "-t", TYPE]);
        // Where there is room for so much, nothing is wrong with it.
        if output.code != 0 {
            assert_eq!(output.error()["code"], "cannot-load", "{output:#?}");
        }
    }
}

/// The places of the program headers of what is loaded.
fn loaded_segments(sound: &Sound) -> Vec<usize> {
    let segments = patch::segments(&sound.bytes);
    segments
        .into_iter()
        .filter(|at| sound.bytes[*at..*at + 4] == 1u32.to_le_bytes())
        .collect()
}
