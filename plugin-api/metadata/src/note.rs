//! Where a manifest lies in a plugin's file.
//!
//! * ELF: a note in the section [`ELF_SECTION`], and so in a `PT_NOTE` segment, which lies near the
//!   start of the file and outlives `strip`.
//! * PE and Mach-O: the section [`PE_SECTION`] or [`MACHO_SECTION`], whose content is that same
//!   note.
//!
//! The note's description is the manifest; its owner's name is [`NAME`], its kind [`KIND`].

/// The section in ELF files.
pub const ELF_SECTION: &str = ".note.keyway";
/// The section in PE files; names there have eight bytes at most.
pub const PE_SECTION: &str = ".keyway";
/// The segment and section in Mach-O files.
pub const MACHO_SECTION: &str = "__DATA,__keyway";
/// The owner's name, with NUL, padded to a multiple of 4.
pub const NAME: [u8; 8] = *b"Keyway\0\0";
/// How many bytes of [`NAME`] count, the NUL included.
pub const NAME_SIZE: u32 = 7;
/// The kind of note that is a manifest.
pub const KIND: u32 = 1;

/// The manifest in the content of a PE or Mach-O section: one note, little-endian.
///
/// `None` when the bytes are not such a note, or end too early.
#[must_use]
pub fn description(section: &[u8]) -> Option<&[u8]> {
    let word = |at: usize| {
        let bytes = section.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    if word(0)? != NAME_SIZE || word(8)? != KIND || section.get(12..20)? != NAME {
        return None;
    }
    let size = usize::try_from(word(4)?).ok()?;
    section.get(20..20usize.checked_add(size)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(size: u32, text: &[u8]) -> Vec<u8> {
        let mut note = Vec::new();
        for word in [NAME_SIZE, size, KIND] {
            note.extend(word.to_le_bytes());
        }
        note.extend(NAME);
        note.extend(text);
        note
    }

    #[test]
    fn what_is_no_note_has_no_description() {
        assert_eq!(description(b""), None);
        assert_eq!(description(b"something that is no note at all"), None);
        assert_eq!(description(&note(3, b"{}")), None);
        assert_eq!(description(&note(u32::MAX, b"{}")), None);
        let mut other_kind = note(2, b"{}");
        other_kind[8] = 2;
        assert_eq!(description(&other_kind), None);
    }

    #[test]
    fn the_description_is_found() {
        assert_eq!(description(&note(2, b"{}\0\0")), Some(&b"{}"[..]));
    }
}
