//! The one symbol that a plugin exports, and how a host reads it.
//!
//! # The manifest
//!
//! A plugin's file carries its manifest twice: in a note that can be read without loading the file
//! (ELF: section `.note.keyway`, 4-byte aligned, owner `Keyway`, kind 1; PE and Mach-O: the same
//! bytes in a section), and as a copy that the entry points to. It is one JSON object:
//!
//! ```json
//! {"format": 1, "id": "org.example.plugin", "version": "1.0",
//!  "types": [{"type": "Vendor/Name", "kind": "structure"}],
//!  "metadata": {"KPlugin": {"Id": "org.example.plugin", "Name": "Example"}},
//!  "abi": {"major": 1, "minor": 0, "least_host_minor": 0},
//!  "target": "x86_64-linux-gnu", "pointer_width": 64, "endian": "little", "panic": "none"}
//! ```
//!
//! `kind` is `structure` or `lifecycle`; `panic` is `unwind`, or `none` where there are no panics;
//! `metadata` is the author's, in KDE's form. Further keys are ignored.
//!
//! # Rules
//!
//! * The entry is immutable data; reading it calls nothing; all its pointers live as long as the
//!   process.
//! * Fields are never removed or given another meaning. An entry or a row of a later minor may be
//!   larger: a reader goes by `size` and `row_size` and ignores what it does not know.
//! * Reserved fields are written 0 and ignored. What an old host must not ignore raises
//!   `least_host_minor`.
//! * There are at most [`MAX_ROWS`] rows of at most [`MAX_ROW_SIZE`] bytes, and at most
//!   [`MAX_MANIFEST`] bytes of manifest; all pointers are aligned to a pointer but those to text.
//! * The same (name, version, flavour) twice is an error; an unknown name, version or flavour is
//!   skipped.
//! * A table consists of functions, none of which is null.
//! * The major stands in the symbol's name too, so that one library can serve two majors.

mod read;

use std::ffi::c_void;

use abi_stable::StableAbi;

use crate::evidence::Evidence;

pub use read::{EntryError, RowView, Rows};

/// The major of this border: different majors do not fit together.
pub const ABI_MAJOR: u16 = 1;
/// The minor of this border: grows with each published addition.
pub const ABI_MINOR: u16 = 0;
/// The symbol that a plugin exports: data, an [`Entry`].
pub const ENTRY_SYMBOL: &str = "keyway_entry_1";
/// What an entry begins with.
pub const MAGIC: [u8; 8] = *b"KEYWAY\0\x01";
/// A row with evidence: the layout of its table, as abi_stable describes it.
pub const FLAVOUR_RUST: u32 = 1;
/// A row without evidence: plain C.
pub const FLAVOUR_C: u32 = 2;
/// More rows than this are taken for a broken entry.
pub const MAX_ROWS: u32 = 256;
/// Rows larger than this are taken for a broken entry.
pub const MAX_ROW_SIZE: u32 = 4096;
/// Manifests larger than this are taken for a broken entry.
pub const MAX_MANIFEST: usize = 1024 * 1024;

/// What a plugin exports under [`ENTRY_SYMBOL`].
#[repr(C)]
pub struct Entry {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// The size of this struct in bytes, as the plugin was compiled.
    pub size: u32,
    /// The size of a [`Row`] in bytes, as the plugin was compiled.
    pub row_size: u32,
    /// The major that the plugin was built with.
    pub abi_major: u16,
    /// The minor that the plugin was built with; informs.
    pub abi_minor: u16,
    /// The oldest minor that has what the plugin uses.
    pub least_host_minor: u16,
    /// 0.
    pub flags: u16,
    /// How many rows.
    pub row_count: u32,
    /// 0.
    pub reserved: u32,
    /// The first row; the next one begins `row_size` bytes further.
    pub rows: *const Row,
    /// The manifest: the same bytes as in the note, but not those of the note itself, which tools
    /// may move in the file.
    pub manifest: *const u8,
    /// How many bytes of manifest.
    pub manifest_len: usize,
}

/// One interface that a plugin gives.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Row {
    /// The interface's name, UTF-8.
    pub name: *const u8,
    /// How many bytes of name.
    pub name_len: usize,
    /// The interface's version, from 1.
    pub version: u32,
    /// [`FLAVOUR_RUST`] or [`FLAVOUR_C`].
    pub flavour: u32,
    /// The interface's table.
    pub table: *const c_void,
    /// The table's [`Evidence`]; null in flavour [`FLAVOUR_C`].
    pub evidence: *const c_void,
}

// SAFETY: an entry is immutable data for as long as the process lives.
unsafe impl Sync for Entry {}
// SAFETY: a row is immutable data for as long as the process lives.
unsafe impl Sync for Row {}

/// An interface of the border: a frozen table of functions.
///
/// # Safety
///
/// The implementing type is `#[repr(C)]` and consists of functions, and (name, version) stand for
/// that layout and contract alone, for ever.
pub unsafe trait Interface: StableAbi + Sized + 'static {
    /// The interface's name, as `keyway.structure`.
    const NAME: &'static str;
    /// The interface's version, from 1.
    const VERSION: u32;
    /// The first minor of the ABI that has this version.
    const SINCE_MINOR: u16;
    /// The evidence for this table.
    const EVIDENCE: &'static Evidence = &Evidence::of::<Self>();
}

impl Row {
    /// The row of a plugin written in Rust.
    #[must_use]
    pub const fn rust<I: Interface>(table: &'static I) -> Self {
        Self {
            name: I::NAME.as_ptr(),
            name_len: I::NAME.len(),
            version: I::VERSION,
            flavour: FLAVOUR_RUST,
            table: (table as *const I).cast(),
            evidence: (I::EVIDENCE as *const Evidence).cast(),
        }
    }
}

impl Entry {
    /// The entry of a plugin.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)]
    pub const fn new(rows: &'static [Row], manifest: &'static [u8], least_host_minor: u16) -> Self {
        Self {
            magic: MAGIC,
            size: size_of::<Entry>() as u32,
            row_size: size_of::<Row>() as u32,
            abi_major: ABI_MAJOR,
            abi_minor: ABI_MINOR,
            least_host_minor,
            flags: 0,
            row_count: rows.len() as u32,
            reserved: 0,
            rows: rows.as_ptr(),
            manifest: manifest.as_ptr(),
            manifest_len: manifest.len(),
        }
    }
}

/// What a plugin in Rust exports: its entry, and behind it a reference to its note, so that no
/// linker drops that.
///
/// The entry's manifest is a second copy of what the note has: tools that move notes in a finished
/// file (patchelf) overwrite the place that pointers in the code lead to.
#[repr(C)]
pub struct ExportedEntry {
    entry: Entry,
    note: *const c_void,
}

// SAFETY: immutable data for as long as the process lives.
unsafe impl Sync for ExportedEntry {}

impl ExportedEntry {
    /// An entry that keeps `note` alive.
    #[must_use]
    pub const fn new<N: Sync>(entry: Entry, note: &'static N) -> Self {
        Self {
            entry,
            note: (note as *const N).cast(),
        }
    }
}

const _: () = {
    // The entry has no implicit padding, so that a C compiler lays it out alike.
    assert!(size_of::<Entry>() == 32 + 3 * size_of::<usize>());
    assert!(size_of::<Row>() == 8 + 4 * size_of::<usize>());
};
