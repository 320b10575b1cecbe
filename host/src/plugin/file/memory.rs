//! What an ELF file's program headers say of memory: the system's loader believes them, and crashes
//! on some lies.

use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, elf};

use super::Unread;

/// The largest page of any system: linkers round the end of what becomes read-only up to a page.
const PAGE: u64 = 64 * 1024;
/// Far more thread-local data than a library has; the loader ends the process when it cannot have
/// what a file asks for.
const MAX_THREAD_LOCAL: u64 = 64 * 1024 * 1024;

/// Whether the loader can make sense of `segments`.
pub(super) fn check<'a, H: FileHeader<Endian = Endianness>>(
    segments: impl Iterator<Item = &'a H::ProgramHeader> + Clone,
    endian: Endianness,
) -> Result<(), Unread>
where
    H::ProgramHeader: 'a,
{
    let malformed = |what: &str| Err(Unread::Malformed(what.to_owned()));
    // What is loaded ends here.
    let mut end = 0;
    for segment in segments.clone() {
        let in_file: u64 = segment.p_filesz(endian).into();
        let in_memory: u64 = segment.p_memsz(endian).into();
        let start: u64 = segment.p_vaddr(endian).into();
        match segment.p_type(endian) {
            elf::PT_LOAD | elf::PT_TLS if in_file > in_memory => {
                return malformed("a segment is larger in the file than in memory");
            }
            // The loader makes room from the first one to the last one, in order: what reaches
            // further would overwrite what lies behind, be it another library.
            elf::PT_LOAD if start < end => {
                return malformed("segments overlap or are out of order");
            }
            elf::PT_LOAD => match start.checked_add(in_memory) {
                Some(this) if this <= i64::MAX as u64 => end = this,
                _ => return malformed("a segment goes beyond the end of all memory"),
            },
            elf::PT_TLS if in_memory.max(segment.p_align(endian).into()) > MAX_THREAD_LOCAL => {
                return malformed("more thread-local data than there can be");
            }
            _ => {}
        }
    }
    for segment in segments {
        let start: u64 = segment.p_vaddr(endian).into();
        let size: u64 = match segment.p_type(endian) {
            elf::PT_DYNAMIC | elf::PT_GNU_RELRO | elf::PT_PHDR => segment.p_memsz(endian).into(),
            // The rest of it is no part of what is loaded.
            elf::PT_TLS => segment.p_filesz(endian).into(),
            _ => continue,
        };
        let most = end.next_multiple_of(PAGE);
        if start.checked_add(size).is_none_or(|this| this > most) {
            return malformed("a segment lies outside of what is loaded");
        }
    }
    Ok(())
}
