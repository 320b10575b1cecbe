//! PE and Mach-O files, whose headers name the section that the note lies in.

use keyway_metadata::note;
use object::read::macho::{MachHeader, Section as _, Segment as _};
use object::read::pe::ImageNtHeaders;
use object::{Endian as _, Endianness, LittleEndian, macho, pe};

use super::{Container, Header};

/// What the headers at a file's start say.
pub(super) struct Sections {
    pub(super) header: Header,
    /// Offset and size of each section that should have a note.
    pub(super) notes: Vec<(u64, u64)>,
}

/// Reads the headers of a PE file.
pub(super) fn pe<Pe: ImageNtHeaders>(headers: &[u8]) -> object::read::Result<Sections> {
    let dos = pe::ImageDosHeader::parse(headers)?;
    let mut offset = dos.nt_headers_offset().into();
    let (nt, _) = Pe::parse(headers, &mut offset)?;
    let sections = nt.sections(headers, offset)?;
    let notes = sections
        .iter()
        .filter(|section| section.raw_name() == note::PE_SECTION.as_bytes())
        .map(|section| section.pe_file_range())
        .map(|(offset, size)| (offset.into(), size.into()))
        .collect();
    let architecture = match nt.file_header().machine.get(LittleEndian) {
        pe::IMAGE_FILE_MACHINE_AMD64 => "x86_64".to_owned(),
        pe::IMAGE_FILE_MACHINE_I386 => "x86".to_owned(),
        pe::IMAGE_FILE_MACHINE_ARM64 | pe::IMAGE_FILE_MACHINE_ARM64EC => "aarch64".to_owned(),
        pe::IMAGE_FILE_MACHINE_ARMNT => "arm".to_owned(),
        other => format!("PE machine {}", other.0),
    };
    let header = Header {
        container: Container::Pe,
        architecture,
        pointer_width: if nt.is_type_64() { 64 } else { 32 },
        little_endian: true,
    };
    Ok(Sections { header, notes })
}

/// Reads the headers of a Mach-O file.
pub(super) fn macho<M: MachHeader<Endian = Endianness>>(
    headers: &[u8],
) -> object::read::Result<Sections> {
    let header = M::parse(headers, 0)?;
    let endian = header.endian()?;
    let mut notes = Vec::new();
    let mut commands = header.load_commands(endian, headers, 0)?;
    while let Some(command) = commands.next()? {
        let Some((segment, sections)) = M::Segment::from_command(command)? else {
            continue;
        };
        for section in segment.sections(endian, sections)? {
            let name = (section.segment_name(), section.name());
            if name == parts(note::MACHO_SECTION) {
                notes.push((section.offset(endian).into(), section.size(endian).into()));
            }
        }
    }
    let architecture = match header.cputype(endian) {
        macho::CPU_TYPE_X86_64 => "x86_64".to_owned(),
        macho::CPU_TYPE_X86 => "x86".to_owned(),
        macho::CPU_TYPE_ARM64 | macho::CPU_TYPE_ARM64_32 => "aarch64".to_owned(),
        macho::CPU_TYPE_ARM => "arm".to_owned(),
        other => format!("Mach-O machine {}", other.0),
    };
    let header = Header {
        container: Container::MachO,
        architecture,
        pointer_width: if header.is_type_64() { 64 } else { 32 },
        little_endian: endian.is_little_endian(),
    };
    Ok(Sections { header, notes })
}

/// Segment and section of a name such as `__DATA,__keyway`.
fn parts(name: &str) -> (&[u8], &[u8]) {
    let (segment, section) = name.split_once(',').unwrap_or(("", name));
    (segment.as_bytes(), section.as_bytes())
}
