//! Reading a plugin's file without running anything of it.
//!
//! An ordinary file is opened once and read once, its first 8 KiB: there lie the header, the
//! program headers and the note with the manifest. What lies further back is read in a second step,
//! within bounds: whatever a file claims, a few megabytes of memory are enough to read it.

pub(in crate::plugin) mod identity;
mod memory;
pub(in crate::plugin) mod needs;
mod sections;
pub(in crate::plugin) mod target;

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

use keyway_metadata::note;
use object::read::elf::{FileHeader, NoteIterator, ProgramHeader};
use object::{Endianness, FileKind, elf, macho, pe};

use sections::Sections;

/// How much is read at once: enough for the header and the note of nearly every plugin.
const PREFIX: usize = 8 * 1024;
/// How many bytes of notes are read of one file.
const MAX_NOTES: u64 = 1024 * 1024;
/// How much of a PE or Mach-O file is read for its headers: they stand at its start, before code.
const MAX_HEADERS: u64 = 64 * 1024;

/// The kinds of library files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// Linux and most other Unix systems.
    Elf,
    /// Windows.
    Pe,
    /// macOS.
    MachO,
}

impl Container {
    /// The container that this host's system loads.
    pub const HOST: Self = if cfg!(windows) {
        Self::Pe
    } else if cfg!(target_vendor = "apple") {
        Self::MachO
    } else {
        Self::Elf
    };

    /// The name that people know.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Elf => "ELF",
            Self::Pe => "PE",
            Self::MachO => "Mach-O",
        }
    }
}

/// What a library's header says of the machine that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The kind of file.
    pub container: Container,
    /// The architecture, by Rust's name for it.
    pub architecture: String,
    /// The width of a pointer in bits.
    pub pointer_width: u32,
    /// Whether it is little-endian.
    pub little_endian: bool,
}

/// What was read of a file.
#[derive(Debug)]
pub(in crate::plugin) struct Contents {
    pub(in crate::plugin) header: Header,
    /// Every manifest in the file; a plugin has exactly one.
    pub(in crate::plugin) manifests: Vec<Vec<u8>>,
}

/// Why a file gave nothing.
#[derive(Debug)]
pub(in crate::plugin) enum Unread {
    Io(io::Error),
    NotRegular,
    Empty,
    NotALibrary,
    /// The header says that the file goes on beyond its end.
    Truncated {
        needed: u64,
        found: u64,
    },
    Malformed(String),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<object::Error> for Unread {
    fn from(error: object::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// A file that was opened.
pub(in crate::plugin) struct Opened {
    pub(in crate::plugin) file: File,
    pub(in crate::plugin) metadata: Metadata,
    /// Whether the name is that of the file itself, and no link.
    pub(in crate::plugin) is_no_link: bool,
}

/// Opens a file for reading; a FIFO does not block.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<(File, bool)> {
    use std::os::unix::fs::OpenOptionsExt as _;

    let with = |flags| {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(libc::O_NONBLOCK | flags);
        options.open(path)
    };
    match with(libc::O_NOFOLLOW) {
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => Ok((with(0)?, false)),
        opened => Ok((opened?, true)),
    }
}

/// Opens a file for reading.
#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<(File, bool)> {
    Ok((OpenOptions::new().read(true).open(path)?, false))
}

/// Reads what the host must know of a plugin before it may load it.
pub(in crate::plugin) fn read(path: &Path) -> Result<(Contents, Opened), Unread> {
    let (file, is_no_link) = open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(Unread::NotRegular);
    }
    if metadata.len() == 0 {
        return Err(Unread::Empty);
    }
    let source = Source {
        file: &file,
        size: metadata.len(),
    };
    let contents = source.contents()?;
    let opened = Opened {
        file,
        metadata,
        is_no_link,
    };
    Ok((contents, opened))
}

/// An open file whose parts are read where they are needed.
struct Source<'a> {
    file: &'a File,
    size: u64,
}

impl Source<'_> {
    fn contents(&self) -> Result<Contents, Unread> {
        let prefix = self.part(0, PREFIX as u64)?;
        match FileKind::parse(&*prefix) {
            Ok(FileKind::Elf64) => self.elf::<elf::FileHeader64<Endianness>>(&prefix),
            Ok(FileKind::Elf32) => self.elf::<elf::FileHeader32<Endianness>>(&prefix),
            Ok(FileKind::Pe64) => self.sections(sections::pe::<pe::ImageNtHeaders64>),
            Ok(FileKind::Pe32) => self.sections(sections::pe::<pe::ImageNtHeaders32>),
            Ok(FileKind::MachO64) => self.sections(sections::macho::<macho::MachHeader64<_>>),
            Ok(FileKind::MachO32) => self.sections(sections::macho::<macho::MachHeader32<_>>),
            // Too short to say which class of ELF it is.
            _ if prefix.starts_with(&elf::ELFMAG) && self.size < 16 => Err(Unread::Truncated {
                needed: size_of::<elf::FileHeader64<Endianness>>() as u64,
                found: self.size,
            }),
            _ => Err(Unread::NotALibrary),
        }
    }

    /// The bytes from `offset`, `len` of them or as many as there are.
    fn part(&self, offset: u64, len: u64) -> Result<Vec<u8>, Unread> {
        let len = len.min(self.size.saturating_sub(offset));
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let mut filled = 0;
        while filled < bytes.len() {
            match read_at(self.file, &mut bytes[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(more) => filled += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    fn elf<H: FileHeader<Endian = Endianness>>(&self, prefix: &[u8]) -> Result<Contents, Unread> {
        let found = self.size;
        let needed = size_of::<H>() as u64;
        if found < needed {
            return Err(Unread::Truncated { needed, found });
        }
        let header = H::parse(prefix)?;
        let endian = header.endian()?;
        let segments = self.segments(header, endian, prefix)?;
        let mut manifests = Vec::new();
        // Section headers are not needed to load a file, but stand at its end: without those that
        // the header speaks of, it is not what its author shipped.
        let sections = u64::from(header.e_shnum(endian)) * u64::from(header.e_shentsize(endian));
        let mut needed = header.e_shoff(endian).into().saturating_add(sections);
        for segment in segments.iter() {
            let offset: u64 = segment.p_offset(endian).into();
            let size: u64 = segment.p_filesz(endian).into();
            let end = offset.checked_add(size).ok_or_else(|| {
                Unread::Malformed("a segment goes beyond the end of all files".into())
            })?;
            needed = needed.max(end);
        }
        if needed > found {
            return Err(Unread::Truncated { needed, found });
        }
        memory::check::<H>(segments.iter(), endian)?;
        let mut allowance = Allowance::default();
        for segment in segments.iter() {
            if segment.p_type(endian) != elf::PT_NOTE {
                continue;
            }
            let offset: u64 = segment.p_offset(endian).into();
            let size: u64 = segment.p_filesz(endian).into();
            allowance.take(size)?;
            let align = segment.p_align(endian);
            match slice(prefix, offset, size) {
                Some(notes) => find_notes::<H>(endian, align, notes, &mut manifests)?,
                // Moved to the end of the file, as patchelf does.
                None => {
                    let notes = self.part(offset, size)?;
                    find_notes::<H>(endian, align, &notes, &mut manifests)?;
                }
            }
        }
        let class_bits = if header.is_class_64() { 64 } else { 32 };
        Ok(Contents {
            header: Header {
                container: Container::Elf,
                architecture: architecture(header.e_machine(endian), class_bits),
                pointer_width: class_bits,
                little_endian: endian == Endianness::Little,
            },
            manifests,
        })
    }

    /// The program headers, from the prefix if they lie there.
    fn segments<H: FileHeader<Endian = Endianness>>(
        &self,
        header: &H,
        endian: Endianness,
        prefix: &[u8],
    ) -> Result<Segments<H::ProgramHeader>, Unread> {
        let offset: u64 = header.e_phoff(endian).into();
        let count = u64::from(header.e_phnum(endian));
        // 0xffff would mean that the number stands in a section header: no library has so many.
        if count == 0 || count == u64::from(elf::PN_XNUM) {
            return Err(Unread::Malformed(format!("{count} program headers")));
        }
        let entry = size_of::<H::ProgramHeader>() as u64;
        if u64::from(header.e_phentsize(endian)) != entry {
            return Err(Unread::Malformed("program headers of an odd size".into()));
        }
        let size = count * entry;
        let end = offset.saturating_add(size);
        if end > self.size {
            return Err(Unread::Truncated {
                needed: end,
                found: self.size,
            });
        }
        let bytes = match slice(prefix, offset, size) {
            Some(bytes) => bytes.to_vec(),
            None => self.part(offset, size)?,
        };
        Ok(Segments {
            bytes,
            kind: std::marker::PhantomData,
        })
    }

    /// PE and Mach-O files, whose sections may lie anywhere.
    fn sections(
        &self,
        read: fn(&[u8]) -> object::read::Result<Sections>,
    ) -> Result<Contents, Unread> {
        let Sections { header, notes } = read(&self.part(0, MAX_HEADERS)?)?;
        let mut allowance = Allowance::default();
        let mut manifests = Vec::new();
        for (offset, size) in notes {
            allowance.take(size)?;
            if let Some(manifest) = note::description(&self.part(offset, size)?) {
                manifests.push(manifest.to_vec());
            }
        }
        Ok(Contents { header, manifests })
    }
}

/// How many bytes of notes may still be read: many segments may claim one large place.
struct Allowance(u64);

impl Default for Allowance {
    fn default() -> Self {
        Self(MAX_NOTES)
    }
}

impl Allowance {
    fn take(&mut self, size: u64) -> Result<(), Unread> {
        self.0 = self
            .0
            .checked_sub(size)
            .ok_or_else(|| Unread::Malformed(format!("more than {MAX_NOTES} bytes of notes")))?;
        Ok(())
    }
}

/// Program headers in their own bytes: those of a file need not be aligned.
struct Segments<P> {
    bytes: Vec<u8>,
    kind: std::marker::PhantomData<P>,
}

impl<P: object::Pod> Segments<P> {
    fn iter(&self) -> impl Iterator<Item = &P> + Clone {
        self.bytes
            .chunks_exact(size_of::<P>())
            .filter_map(|bytes| object::pod::from_bytes::<P>(bytes).ok().map(|(it, _)| it))
    }
}

fn find_notes<H: FileHeader<Endian = Endianness>>(
    endian: Endianness,
    align: <H as FileHeader>::Word,
    notes: &[u8],
    manifests: &mut Vec<Vec<u8>>,
) -> Result<(), Unread> {
    let owner = &note::NAME[..note::NAME_SIZE as usize - 1];
    let Ok(mut notes) = NoteIterator::<H>::new(endian, align, notes) else {
        let ours = notes.windows(note::NAME.len()).any(|it| it == note::NAME);
        if ours {
            let align: u64 = align.into();
            let message = format!("its manifest's note is aligned to {align} bytes, expected 4");
            return Err(Unread::Malformed(message));
        }
        return Ok(());
    };
    while let Ok(Some(found)) = notes.next() {
        if found.name() == owner && found.n_type(endian).0 == note::KIND {
            manifests.push(found.desc().to_vec());
        }
    }
    Ok(())
}

fn slice(bytes: &[u8], offset: u64, len: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    let end = start.checked_add(usize::try_from(len).ok()?)?;
    bytes.get(start..end)
}

#[cfg(unix)]
pub(in crate::plugin) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, offset)
}

#[cfg(windows)]
pub(in crate::plugin) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, offset)
}

/// Rust's name for an ELF machine.
fn architecture(machine: elf::Machine, class_bits: u32) -> String {
    let name = match machine {
        elf::EM_X86_64 => "x86_64",
        elf::EM_386 => "x86",
        elf::EM_AARCH64 => "aarch64",
        elf::EM_ARM => "arm",
        elf::EM_RISCV if class_bits == 64 => "riscv64",
        elf::EM_RISCV => "riscv32",
        elf::EM_PPC64 => "powerpc64",
        elf::EM_PPC => "powerpc",
        elf::EM_S390 => "s390x",
        elf::EM_LOONGARCH if class_bits == 64 => "loongarch64",
        elf::EM_SPARCV9 => "sparc64",
        elf::EM_MIPS if class_bits == 64 => "mips64",
        elf::EM_MIPS => "mips",
        other => return format!("ELF machine {}", other.0),
    };
    name.to_owned()
}
