//! Plugins with one defect, made from sound ones by changing bytes of the file.

use std::path::Path;

use keyway_metadata::note as form;

/// The bytes of a file.
///
/// # Panics
///
/// When it cannot be read.
#[must_use]
pub fn bytes(file: &Path) -> Vec<u8> {
    match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) => panic!("cannot read `{}`: {error}", file.display()),
    }
}

/// Where `needle` stands in `bytes`.
fn find(bytes: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let found = bytes.get(from..)?.windows(needle.len());
    Some(from + found.enumerate().find(|(_, window)| *window == needle)?.0)
}

/// The plugin of an author whose manifest says `new` where it should say `old`; both have the same
/// length.
///
/// # Panics
///
/// When the manifest does not have `old`.
#[must_use]
pub fn manifest(file: &Path, old: &str, new: &str) -> Vec<u8> {
    let mut bytes = bytes(file);
    // Once in the note and once for the entry.
    for _ in 0..2 {
        replace(&mut bytes, old, new);
    }
    bytes
}

/// The plugin with `old` replaced by `new` in its note alone, as somebody would who changes the
/// finished file.
///
/// # Panics
///
/// When the manifest does not have `old`.
#[must_use]
pub fn note(file: &Path, old: &str, new: &str) -> Vec<u8> {
    let mut bytes = bytes(file);
    replace(&mut bytes, old, new);
    bytes
}

/// Replaces `old` in the first manifest that has it.
fn replace(bytes: &mut [u8], old: &str, new: &str) {
    assert_eq!(old.len(), new.len(), "the manifest's length must stay");
    let start = find(bytes, br#"{"format":1,"#, 0);
    let at = start.and_then(|start| find(bytes, old.as_bytes(), start));
    match at {
        Some(at) => bytes[at..at + new.len()].copy_from_slice(new.as_bytes()),
        None => panic!("the manifest does not have `{old}`"),
    }
}

/// The ELF plugin with the machine number in its header replaced.
#[must_use]
pub fn machine(file: &Path, machine: u16) -> Vec<u8> {
    let mut bytes = bytes(file);
    bytes[18..20].copy_from_slice(&machine.to_le_bytes());
    bytes
}

/// aarch64, as ELF headers number it.
pub const EM_AARCH64: u16 = 183;

/// The plugin cut off after `len` bytes.
#[must_use]
pub fn truncated(file: &Path, len: usize) -> Vec<u8> {
    let mut bytes = bytes(file);
    bytes.truncate(len);
    bytes
}

/// The smallest file that is a plugin as far as looking goes: an ELF header and a note. It cannot
/// be loaded.
#[must_use]
pub fn note_only(id: &str, version: &str, type_name: &str) -> Vec<u8> {
    let target = keyway_abi::build::TARGET;
    let manifest = format!(
        r#"{{"format":1,"id":"{id}","version":"{version}","types":[{{"type":"{type_name}","kind":"structure"}}],"metadata":{{"KPlugin":{{"Id":"{id}","Name":"A plugin","Description":"Made for a test","License":"MIT"}}}},"abi":{{"major":1,"minor":0,"least_host_minor":0,"digest":"0000000000000000"}},"target":"{target}","pointer_width":64,"endian":"little","panic":"unwind","rustc":"rustc 1.95.0","keyway_plugin":"0.1.0","abi_stable":"0.11.3"}}"#
    );
    let mut note = Vec::new();
    for word in [7, manifest.len() as u32, 1] {
        note.extend_from_slice(&word.to_le_bytes());
    }
    note.extend_from_slice(b"Keyway\0\0");
    note.extend_from_slice(manifest.as_bytes());
    note.resize(note.len().next_multiple_of(4), 0);

    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let half = |file: &mut Vec<u8>, value: u16| file.extend_from_slice(&value.to_le_bytes());
    let word = |file: &mut Vec<u8>, value: u32| file.extend_from_slice(&value.to_le_bytes());
    let long = |file: &mut Vec<u8>, value: u64| file.extend_from_slice(&value.to_le_bytes());
    half(&mut file, 3); // shared object
    half(
        &mut file,
        if cfg!(target_arch = "aarch64") {
            EM_AARCH64
        } else {
            62
        },
    );
    word(&mut file, 1);
    for value in [0, 64, 0] {
        long(&mut file, value); // entry, program headers, section headers
    }
    word(&mut file, 0);
    for value in [64, 56, 1, 64, 0, 0] {
        half(&mut file, value);
    }
    word(&mut file, 4); // PT_NOTE
    word(&mut file, 4);
    for value in [120, 120, 120, note.len() as u64, note.len() as u64, 4] {
        long(&mut file, value);
    }
    file.extend_from_slice(&note);
    file
}

/// A note with Keyway's owner whose description is `manifest`.
///
/// # Panics
///
/// When the manifest is larger than notes can be.
#[must_use]
pub fn manifest_note(manifest: &[u8]) -> Vec<u8> {
    let size = u32::try_from(manifest.len()).expect("a manifest has less than 4 GiB");
    let mut bytes = Vec::new();
    for word in [form::NAME_SIZE, size, form::KIND] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(form::NAME);
    bytes.extend(manifest);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Fields of a 64-bit ELF header, by their place in the file.
pub mod header {
    /// `e_phoff`, 8 bytes.
    pub const PHOFF: usize = 32;
    /// `e_shoff`, 8 bytes.
    pub const SHOFF: usize = 40;
    /// `e_phentsize`, 2 bytes.
    pub const PHENTSIZE: usize = 54;
    /// `e_phnum`, 2 bytes.
    pub const PHNUM: usize = 56;
}

/// Fields of a 64-bit ELF program header, by their place in it.
pub mod segment {
    /// How large one is.
    pub const SIZE: usize = 56;
    /// `p_offset`, 8 bytes.
    pub const OFFSET: usize = 8;
    /// `p_vaddr`, 8 bytes.
    pub const VADDR: usize = 16;
    /// `p_filesz`, 8 bytes.
    pub const FILESZ: usize = 32;
    /// `p_memsz`, 8 bytes.
    pub const MEMSZ: usize = 40;
    /// `p_align`, 8 bytes.
    pub const ALIGN: usize = 48;
}

/// Replaces what stands at `at`.
///
/// # Panics
///
/// When that is beyond the end.
pub fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    bytes[at..at + new.len()].copy_from_slice(new);
}

/// Eight bytes at `at`, as a number.
///
/// # Panics
///
/// When that is beyond the end.
#[must_use]
pub fn number(bytes: &[u8], at: usize) -> usize {
    let bytes = bytes[at..at + 8].try_into().expect("eight bytes");
    usize::try_from(u64::from_le_bytes(bytes)).expect("a 64-bit machine")
}

/// Where the program headers of a 64-bit ELF file stand.
#[must_use]
pub fn segments(bytes: &[u8]) -> Vec<usize> {
    let first = number(bytes, header::PHOFF);
    let count = u16::from_le_bytes([bytes[header::PHNUM], bytes[header::PHNUM + 1]]);
    let places = (0..usize::from(count)).map(|index| first + index * segment::SIZE);
    places.collect()
}

/// The program header of the notes among which the manifest is.
///
/// # Panics
///
/// When there is none.
#[must_use]
pub fn manifest_segment(bytes: &[u8]) -> usize {
    let has_manifest = |at: &usize| {
        let start = number(bytes, at + segment::OFFSET);
        let size = number(bytes, at + segment::FILESZ);
        // PT_NOTE
        bytes[*at..at + 4] == 4u32.to_le_bytes()
            && find(&bytes[start..start + size], &form::NAME, 0).is_some()
    };
    match segments(bytes).into_iter().find(has_manifest) {
        Some(at) => at,
        None => panic!("the file has no manifest"),
    }
}

/// The plugin with `notes` at the end of its file in place of the notes among which its manifest
/// is, as patchelf moves them.
#[must_use]
pub fn notes(file: &Path, notes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes(file);
    let at = manifest_segment(&bytes);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let (offset, size) = (bytes.len() as u64, notes.len() as u64);
    put(&mut bytes, at + segment::OFFSET, &offset.to_le_bytes());
    put(&mut bytes, at + segment::FILESZ, &size.to_le_bytes());
    put(&mut bytes, at + segment::ALIGN, &4u64.to_le_bytes());
    bytes.extend(notes);
    bytes
}
