//! Plugins with one defect, made from sound ones by changing bytes of the file.

use std::path::Path;

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
