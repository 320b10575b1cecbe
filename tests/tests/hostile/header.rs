//! Headers that lie. Whatever a file says, a look at it ends soon, holds little memory, never
//! panics, and never takes the file for a plugin that can be loaded when it cannot.
//!
//! Files that are cut off anywhere: `a_plugin_cut_off_anywhere_is_refused` in `looking.rs`.

use std::fs::File;
use std::path::PathBuf;

use keyway_tests::patch::{self, header, manifest_note, put, segment};
use keyway_tests::{PluginFolder, plugin};

use crate::measure::verdict;

/// Numbers that end beyond everything.
const HUGE: [u64; 6] = [
    1 << 63,
    u64::MAX,
    u64::MAX - 7,
    i64::MAX as u64,
    1 << 32,
    (1 << 48) - 1,
];

/// The type that the sound plugin gives.
pub(super) const TYPE: &str = "Runs/Constructor";

pub(super) struct Sound {
    pub(super) folder: PluginFolder,
    pub(super) bytes: Vec<u8>,
}

impl Sound {
    pub(super) fn new() -> Self {
        Self {
            folder: PluginFolder::new(),
            bytes: patch::bytes(&plugin("runs-a-constructor")),
        }
    }

    /// The verdict on the sound plugin with a change.
    pub(super) fn with(&self, change: impl FnOnce(&mut Vec<u8>)) -> (&'static str, String) {
        let mut bytes = self.bytes.clone();
        change(&mut bytes);
        verdict(&self.folder.write("hostile.so", &bytes))
    }

    /// Its code alone, with `new` at `at`.
    pub(super) fn put(&self, at: usize, new: &[u8]) -> &'static str {
        self.with(|bytes| put(bytes, at, new)).0
    }
}

#[test]
fn without_a_change_it_is_sound() {
    assert_eq!(Sound::new().with(|_| ()), ("ok", String::new()));
}

#[test]
fn tables_beyond_the_end_are_truncated_files() {
    let sound = Sound::new();
    for huge in HUGE {
        for field in [header::PHOFF, header::SHOFF] {
            let code = sound.put(field, &huge.to_le_bytes());
            assert_eq!(code, "truncated", "{huge:#x} at {field}");
        }
    }
}

#[test]
fn segments_beyond_the_end_are_refused() {
    let sound = Sound::new();
    for at in patch::segments(&sound.bytes) {
        for huge in HUGE {
            for field in [segment::OFFSET, segment::FILESZ] {
                let code = sound.put(at + field, &huge.to_le_bytes());
                // The end is beyond the file, or beyond all numbers.
                let refused = ["truncated", "malformed-file"].contains(&code);
                assert!(refused, "{huge:#x} at {field}: {code}");
            }
            let code = sound.put(at + segment::OFFSET, &[0xff; 8]);
            assert!(["truncated", "malformed-file"].contains(&code), "{code}");
        }
    }
    let (code, message) = sound.with(|bytes| {
        let at = patch::manifest_segment(bytes);
        put(bytes, at + segment::OFFSET, &u64::MAX.to_le_bytes());
    });
    assert_eq!(code, "malformed-file");
    assert_eq!(
        message,
        "the file's header is malformed: a segment goes beyond the end of all files"
    );
}

/// The system's loader would crash on some of these, end the process on others.
#[test]
fn lies_about_memory_are_malformed() {
    const LOAD: u32 = 1;
    const DYNAMIC: u32 = 2;
    const PHDR: u32 = 6;
    const TLS: u32 = 7;
    const RELRO: u32 = 0x6474_e552;
    let sound = Sound::new();
    for (kind, field, values, expected) in [
        (
            LOAD,
            segment::MEMSZ,
            &[0, 3][..],
            "is larger in the file than in memory",
        ),
        (
            LOAD,
            segment::MEMSZ,
            &[1 << 63, u64::MAX],
            "goes beyond the end of all memory",
        ),
        (
            LOAD,
            segment::VADDR,
            &[1 << 63, u64::MAX],
            "goes beyond the end of all memory",
        ),
        (
            DYNAMIC,
            segment::VADDR,
            &[1 << 40, 1 << 63, u64::MAX],
            "lies outside of what is loaded",
        ),
        (
            DYNAMIC,
            segment::MEMSZ,
            &[1 << 40, 1 << 63, u64::MAX],
            "lies outside of what is loaded",
        ),
        (
            PHDR,
            segment::VADDR,
            &[1 << 40, 1 << 63, u64::MAX],
            "lies outside of what is loaded",
        ),
        (
            RELRO,
            segment::VADDR,
            &[1 << 40, 1 << 63, u64::MAX],
            "lies outside of what is loaded",
        ),
        (
            RELRO,
            segment::MEMSZ,
            &[1 << 40, 1 << 63, u64::MAX],
            "lies outside of what is loaded",
        ),
        (
            TLS,
            segment::VADDR,
            &[1 << 40, 1 << 63, u64::MAX],
            "lies outside of what is loaded",
        ),
        (
            TLS,
            segment::MEMSZ,
            &[0, 3],
            "is larger in the file than in memory",
        ),
        (
            TLS,
            segment::MEMSZ,
            &[1 << 40, 1 << 63, u64::MAX],
            "more thread-local data",
        ),
        (
            TLS,
            segment::ALIGN,
            &[1 << 40, 1 << 63, u64::MAX],
            "more thread-local data",
        ),
    ] {
        // The last segment of the kind: with PT_LOAD one that has something in the file.
        let at = patch::segments(&sound.bytes)
            .into_iter()
            .rfind(|at| sound.bytes[*at..at + 4] == kind.to_le_bytes());
        let at = at.unwrap() + field;
        for value in values {
            let (code, message) = sound.with(|bytes| put(bytes, at, &value.to_le_bytes()));
            assert_eq!(code, "malformed-file", "{kind:#x} at {field}: {value:#x}");
            assert!(
                message.contains(expected),
                "{kind:#x} at {field}: {message}"
            );
        }
    }
}

#[test]
fn odd_program_headers_are_malformed() {
    let sound = Sound::new();
    for size in [0u16, 1, 32, 55, 57, 64, u16::MAX] {
        let code = sound.put(header::PHENTSIZE, &size.to_le_bytes());
        assert_eq!(code, "malformed-file", "{size}");
    }
    for (count, expected) in [(0u16, "0"), (u16::MAX, "65535")] {
        let (code, message) = sound.with(|bytes| put(bytes, header::PHNUM, &count.to_le_bytes()));
        assert_eq!(code, "malformed-file");
        let why = format!("the file's header is malformed: {expected} program headers");
        assert_eq!(message, why);
    }
    let code = sound.put(header::PHNUM, &0xfffe_u16.to_le_bytes());
    assert!(["truncated", "malformed-file"].contains(&code), "{code}");
}

#[test]
fn notes_of_any_alignment_are_read_or_refused() {
    let sound = Sound::new();
    let at = patch::manifest_segment(&sound.bytes) + segment::ALIGN;
    for (align, expected) in [
        (0u64, "ok"),
        (1, "ok"),
        (2, "ok"),
        (3, "ok"),
        (4, "ok"),
        (5, "malformed-file"),
        (16, "malformed-file"),
        (1 << 63, "malformed-file"),
        (u64::MAX, "malformed-file"),
    ] {
        assert_eq!(sound.put(at, &align.to_le_bytes()), expected, "{align}");
    }
    // Aligned to 8 the same bytes are another text, or end too early.
    let code = sound.put(at, &8u64.to_le_bytes());
    assert!(["bad-manifest", "no-manifest"].contains(&code), "{code}");
}

#[test]
fn notes_that_are_longer_than_their_segment_are_none() {
    let sound = Sound::new();
    let at = patch::manifest_segment(&sound.bytes);
    let notes = patch::number(&sound.bytes, at + segment::OFFSET);
    for huge in [u32::MAX, u32::MAX - 3, 1 << 31, (1 << 31) - 1, 1 << 20] {
        for field in [0, 4] {
            let code = sound.put(notes + field, &huge.to_le_bytes());
            assert_eq!(code, "no-manifest", "{huge:#x} at {field}");
        }
    }
    // A manifest that ends too early.
    let code = sound.put(notes + 4, &10u32.to_le_bytes());
    assert_eq!(code, "bad-manifest");
}

#[test]
fn many_program_headers_cost_little() {
    let sound = Sound::new();
    // PT_NULL, and the notes as the last.
    let one = patch::manifest_segment(&sound.bytes);
    let one = sound.bytes[one..one + segment::SIZE].to_vec();
    let moved = |headers: Vec<u8>| {
        sound.with(|bytes| {
            bytes.resize(bytes.len().next_multiple_of(8), 0);
            let at = bytes.len() as u64;
            let count = u16::try_from(headers.len() / segment::SIZE).unwrap();
            put(bytes, header::PHOFF, &at.to_le_bytes());
            put(bytes, header::PHNUM, &count.to_le_bytes());
            bytes.extend(headers);
        })
    };
    for count in [10_000, 65_533] {
        let mut headers = vec![0; count * segment::SIZE];
        headers.extend(&one);
        assert_eq!(moved(headers).0, "ok");
    }
    // The same notes over and over: more than a plugin has, however often they are one.
    for count in [10_000, 65_534] {
        let (code, message) = moved(one.repeat(count));
        assert_eq!(code, "malformed-file");
        assert!(message.ends_with("bytes of notes"), "{message}");
    }
    let (code, message) = moved(one.repeat(3));
    assert_eq!(code, "doubled-manifest");
    assert_eq!(message, "the file has 3 manifests, a plugin has one");
}

#[test]
fn big_endian_copies_are_refused() {
    let sound = Sound::new();
    // The header alone: what it leads to is nonsense.
    let code = sound.with(|bytes| big_endian_header(bytes)).0;
    assert!(["truncated", "malformed-file"].contains(&code), "{code}");
    // The program headers and the notes as well.
    let (code, message) = sound.with(|bytes| {
        for at in patch::segments(bytes) {
            reverse(bytes, at, &[4, 4, 8, 8, 8, 8, 8, 8]);
        }
        let at = patch::manifest_segment(&sound.bytes);
        let notes = patch::number(&sound.bytes, at + segment::OFFSET);
        reverse(bytes, notes, &[4, 4, 4]);
        big_endian_header(bytes);
    });
    assert_eq!(code, "wrong-endianness");
    assert_eq!(
        message,
        "built for big-endian machines, this host is little-endian"
    );
    // The mark alone.
    let code = sound.put(5, &[2]);
    assert!(["truncated", "malformed-file"].contains(&code), "{code}");
    assert_eq!(sound.put(5, &[7]), "malformed-file");
}

fn big_endian_header(bytes: &mut [u8]) {
    bytes[5] = 2;
    reverse(bytes, 16, &[2, 2, 4, 8, 8, 8, 4, 2, 2, 2, 2, 2, 2]);
}

/// Turns the bytes of fields around.
fn reverse(bytes: &mut [u8], mut at: usize, sizes: &[usize]) {
    for size in sizes {
        bytes[at..at + size].reverse();
        at += size;
    }
}

/// A 32-bit file with one segment, that of `notes`.
fn elf32(machine: u16, notes: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    bytes.extend(3u16.to_le_bytes());
    bytes.extend(machine.to_le_bytes());
    // Version, entry, program headers, section headers, flags.
    for word in [1u32, 0, 52, 0, 0] {
        bytes.extend(word.to_le_bytes());
    }
    // Sizes and numbers of headers.
    for half in [52u16, 32, 1, 40, 0, 0] {
        bytes.extend(half.to_le_bytes());
    }
    let size = u32::try_from(notes.len()).unwrap();
    for word in [4u32, 84, 84, 84, size, size, 4, 4] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(notes);
    bytes
}

#[test]
fn files_of_32_bits_are_refused() {
    let sound = Sound::new();
    let at = patch::manifest_segment(&sound.bytes);
    let start = patch::number(&sound.bytes, at + segment::OFFSET);
    let size = patch::number(&sound.bytes, at + segment::FILESZ);
    let notes = sound.bytes[start..start + size].to_vec();
    // x32 has the machine of x86-64; i386 has its own.
    let x32 = sound.with(|bytes| *bytes = elf32(62, &notes));
    assert_eq!(x32.0, "wrong-pointer-width");
    assert_eq!(x32.1, "built for pointers of 32 bits, this host has 64");
    let i386 = sound.with(|bytes| *bytes = elf32(3, &notes));
    assert_eq!(i386.0, "wrong-architecture");
    for (field, huge) in [
        (28, u32::MAX),
        (32, u32::MAX),
        (56, 1 << 31),
        (68, u32::MAX),
    ] {
        let code = sound
            .with(|bytes| {
                *bytes = elf32(62, &notes);
                put(bytes, field, &huge.to_le_bytes());
            })
            .0;
        assert_eq!(code, "truncated", "{huge:#x} at {field}");
    }
    // The class alone, and one that does not exist.
    let code = sound.put(4, &[1]);
    assert!(["truncated", "malformed-file"].contains(&code), "{code}");
    assert_eq!(sound.put(4, &[3]), "not-a-library");
}

/// A PE file whose one section `.keyway` says that it has `size` bytes at `offset`.
fn pe(sections: u16, offset: u32, size: u32) -> Vec<u8> {
    let mut bytes = vec![0; 0x40];
    put(&mut bytes, 0, b"MZ");
    put(&mut bytes, 0x3c, &0x40u32.to_le_bytes());
    bytes.extend(b"PE\0\0");
    bytes.extend(0x8664u16.to_le_bytes());
    bytes.extend(sections.to_le_bytes());
    bytes.extend([0; 12]);
    bytes.extend(240u16.to_le_bytes());
    bytes.extend(0x2022u16.to_le_bytes());
    let optional = bytes.len();
    bytes.resize(optional + 240, 0);
    put(&mut bytes, optional, &0x20bu16.to_le_bytes());
    put(&mut bytes, optional + 108, &16u32.to_le_bytes());
    for _ in 0..sections {
        bytes.extend(b".keyway\0");
        for word in [size, 0x1000, size, offset, 0, 0, 0, 0x4000_0040] {
            bytes.extend(word.to_le_bytes());
        }
    }
    bytes
}

/// A Mach-O file whose one section `__DATA,__keyway` says that it has `size` bytes at `offset`.
fn macho(commands: u32, offset: u32, size: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [0xfeed_facf_u32, 0x0100_0007, 3, 6, commands, 152, 0, 0] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(0x19u32.to_le_bytes());
    bytes.extend(152u32.to_le_bytes());
    let name = |text: &str| {
        let mut name = text.as_bytes().to_vec();
        name.resize(16, 0);
        name
    };
    bytes.extend(name("__DATA"));
    bytes.extend([0; 32]);
    for word in [3u32, 3, 1, 0] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(name("__keyway"));
    bytes.extend(name("__DATA"));
    bytes.extend(0u64.to_le_bytes());
    bytes.extend(size.to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    bytes.extend([0; 28]);
    bytes
}

fn some_manifest() -> Vec<u8> {
    let text = r#"{"format":1,"id":"a","types":[],"abi":{"major":1,"minor":0,"least_host_minor":0},"target":"t","pointer_width":64,"endian":"little","panic":"none"}"#;
    manifest_note(text.as_bytes())
}

#[test]
fn libraries_of_other_systems_are_named() {
    let sound = Sound::new();
    let notes = some_manifest();
    let size = notes.len();
    let with_notes = |mut bytes: Vec<u8>| {
        bytes.resize(1024, 0);
        bytes.extend(&notes);
        sound.with(|it| *it = bytes)
    };
    let (code, message) = with_notes(pe(1, 1024, u32::try_from(size).unwrap()));
    assert_eq!(code, "wrong-file-format");
    assert_eq!(message, "the file is PE, this system loads ELF");
    let (code, message) = with_notes(macho(1, 1024, size as u64));
    assert_eq!(code, "wrong-file-format");
    assert_eq!(message, "the file is Mach-O, this system loads ELF");
    // Without the section they are libraries of somebody else.
    let (code, _) = with_notes(pe(0, 0, 0));
    assert_eq!(code, "no-manifest");
    let (code, _) = with_notes(macho(0, 0, 0));
    assert_eq!(code, "no-manifest");
}

#[test]
fn lies_in_the_headers_of_other_systems_cost_little() {
    let sound = Sound::new();
    let code = |bytes: Vec<u8>| sound.with(|it| *it = bytes).0;
    assert_eq!(code(pe(1, 0, u32::MAX)), "malformed-file");
    assert_eq!(code(pe(1, u32::MAX, 1 << 20)), "no-manifest");
    // As many sections as there can be: each by itself is small enough.
    assert_eq!(code(pe(1000, 0, 1 << 20)), "malformed-file");
    let mut many = pe(1, 0, 0);
    put(&mut many, 0x46, &u16::MAX.to_le_bytes());
    assert_eq!(code(many), "malformed-file");
    assert_eq!(code(macho(1, 0, u64::MAX)), "malformed-file");
    assert_eq!(code(macho(1, u32::MAX, 1 << 20)), "no-manifest");
    assert_eq!(code(macho(u32::MAX, 0, 1)), "malformed-file");
    let mut commands = macho(1, 0, 1);
    put(&mut commands, 20, &u32::MAX.to_le_bytes());
    assert_eq!(code(commands), "malformed-file");
}

/// Numbers that are always the same and look like chance (xorshift).
fn noise(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    })
}

#[test]
fn magics_with_garbage_behind_are_no_plugins() {
    let sound = Sound::new();
    let magics: [&[u8]; 12] = [
        b"\x7fELF\x02\x01\x01",
        b"\x7fELF\x02\x02\x01",
        b"\x7fELF\x01\x01\x01",
        b"\x7fELF\x01\x02\x01",
        b"MZ",
        &pe(1, 0, 0)[..0x46],
        b"\xcf\xfa\xed\xfe",
        b"\xfe\xed\xfa\xcf",
        b"\xce\xfa\xed\xfe",
        b"\xfe\xed\xfa\xce",
        b"\xca\xfe\xba\xbe",
        b"\xca\xfe\xba\xbf",
    ];
    for magic in magics {
        for len in [0, 1, 9, 64, 500, 9_000, 100_000] {
            let random = noise(len as u64 + 1).flat_map(u64::to_le_bytes);
            let garbage = [vec![0; len], vec![0xff; len], random.take(len).collect()];
            for garbage in garbage {
                let code = sound.with(|bytes| *bytes = [magic, &garbage].concat()).0;
                assert_ne!(code, "ok", "{magic:?} and {len} bytes");
            }
        }
    }
}

/// A few thousand of what the fuzzer does by the million.
#[test]
fn bytes_changed_at_random_harm_nobody() {
    let sound = Sound::new();
    let at = patch::manifest_segment(&sound.bytes);
    let end = patch::number(&sound.bytes, at + segment::OFFSET) + 600;
    let mut numbers = noise(0x6b65_7977_6179);
    let mut next = move |below: usize| numbers.next().unwrap() as usize % below;
    // The file is small, so that writing it takes no time.
    let start = &sound.bytes[..8 * 1024];
    for _ in 0..3_000 {
        let mut bytes = start.to_vec();
        for _ in 0..=next(6) {
            bytes[next(end)] = next(256) as u8;
        }
        verdict(&sound.folder.write("hostile.so", &bytes));
    }
}

#[test]
fn a_file_of_ten_gibibytes_costs_no_more_than_a_small_one() {
    let sound = Sound::new();
    let starts: [(&str, Vec<u8>, &str); 7] = [
        // What lies behind a plugin's end does not matter.
        ("sound", sound.bytes.clone(), "ok"),
        ("zeros", Vec::new(), "not-a-library"),
        ("elf", b"\x7fELF\x02\x01\x01".to_vec(), "malformed-file"),
        ("pe", pe(1, 0, u32::MAX), "malformed-file"),
        ("macho", macho(1, 0, 9 << 30), "malformed-file"),
        ("notes", huge_notes(&sound, 9 << 30, 1), "malformed-file"),
        (
            "many-notes",
            huge_notes(&sound, 1 << 20, 65_534),
            "malformed-file",
        ),
    ];
    for (name, start, expected) in starts {
        let path: PathBuf = sound.folder.write(format!("{name}.so"), &start);
        let file = File::options().write(true).open(&path).unwrap();
        file.set_len(10 << 30).unwrap();
        assert_eq!(verdict(&path).0, expected, "{name}");
    }
}

/// The sound plugin with `count` segments of notes that have `size` bytes each.
fn huge_notes(sound: &Sound, size: u64, count: u16) -> Vec<u8> {
    let mut bytes = sound.bytes.clone();
    let at = patch::manifest_segment(&bytes);
    let mut one = bytes[at..at + segment::SIZE].to_vec();
    put(&mut one, segment::FILESZ, &size.to_le_bytes());
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let end = bytes.len() as u64;
    put(&mut bytes, header::PHOFF, &end.to_le_bytes());
    put(&mut bytes, header::PHNUM, &count.to_le_bytes());
    bytes.extend(one.repeat(usize::from(count)));
    bytes
}
