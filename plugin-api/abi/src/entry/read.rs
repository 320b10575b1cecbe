//! How a host reads a plugin's entry.

use std::ffi::c_void;
use std::fmt;
use std::mem::offset_of;

use super::{
    ABI_MAJOR, ABI_MINOR, ENTRY_SYMBOL, Entry, FLAVOUR_C, FLAVOUR_RUST, Interface, MAGIC,
    MAX_MANIFEST, MAX_ROW_SIZE, MAX_ROWS, Row,
};
use crate::evidence::Evidence;

/// An entry that breaks the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryError {
    /// Something is not aligned as data of pointers must be.
    Misaligned {
        /// What.
        what: &'static str,
    },
    /// The symbol does not begin with [`MAGIC`].
    Magic {
        /// What it begins with.
        found: [u8; 8],
    },
    /// The entry is smaller than major 1 began with.
    Size {
        /// Its size in bytes.
        found: u32,
    },
    /// Another major.
    Major {
        /// The plugin's major.
        found: u16,
    },
    /// The plugin needs a newer host.
    LeastMinor {
        /// The least minor that it needs.
        found: u16,
    },
    /// The size of a row is smaller than major 1 began with, larger than [`MAX_ROW_SIZE`], or no
    /// multiple of a pointer's.
    RowSize {
        /// Its size in bytes.
        found: u32,
    },
    /// More than [`MAX_ROWS`] rows.
    RowCount {
        /// How many rows.
        found: u32,
    },
    /// More than [`MAX_MANIFEST`] bytes of manifest.
    ManifestLength {
        /// How many bytes.
        found: usize,
    },
    /// A pointer is null that must not be.
    Null {
        /// Which pointer.
        what: &'static str,
    },
    /// A function of a table is null.
    NullFunction {
        /// The interface's name.
        name: &'static str,
        /// Its version.
        version: u32,
        /// The function's place in the table, from 0.
        function: usize,
    },
    /// The name of a row is not UTF-8 or longer than 256 bytes.
    RowName {
        /// The row's place, from 0.
        row: u32,
    },
    /// The same (name, version, flavour) twice.
    DoubledRow {
        /// The interface's name.
        name: String,
        /// Its version.
        version: u32,
    },
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misaligned { what: ENTRY_SYMBOL } => {
                write!(f, "`{ENTRY_SYMBOL}` is not aligned to a pointer")
            }
            Self::Misaligned { what } => {
                write!(f, "the entry's `{what}` is not aligned to a pointer")
            }
            Self::Magic { found } => write!(
                f,
                "`{ENTRY_SYMBOL}` does not begin with the magic: found `{}`, expected `{}`",
                found.escape_ascii(),
                MAGIC.escape_ascii()
            ),
            Self::Size { found } => write!(
                f,
                "the entry is too small: found {found} bytes, expected at least {}",
                size_of::<Entry>()
            ),
            Self::Major { found } => write!(
                f,
                "built for another ABI major: found {found}, expected {ABI_MAJOR}"
            ),
            Self::LeastMinor { found } => write!(
                f,
                "needs a newer host: ABI {ABI_MAJOR}.{found} at least, this host has {ABI_MAJOR}.{ABI_MINOR}"
            ),
            Self::RowSize { found } => write!(
                f,
                "rows of {found} bytes: expected {} to {MAX_ROW_SIZE} and a multiple of {}",
                size_of::<Row>(),
                size_of::<usize>()
            ),
            Self::RowCount { found } => {
                write!(f, "{found} rows: expected at most {MAX_ROWS}")
            }
            Self::ManifestLength { found } => write!(
                f,
                "a manifest of {found} bytes: expected at most {MAX_MANIFEST}"
            ),
            Self::Null { what } => write!(f, "the entry's pointer `{what}` is null"),
            Self::NullFunction {
                name,
                version,
                function,
            } => write!(
                f,
                "function {function} of the interface `{name}` {version} is null"
            ),
            Self::RowName { row } => {
                write!(f, "the name of row {row} is no short UTF-8 text")
            }
            Self::DoubledRow { name, version } => {
                write!(f, "the interface `{name}` {version} is listed twice")
            }
        }
    }
}

impl std::error::Error for EntryError {}

/// One row of a plugin's entry, as the host has read it.
#[derive(Clone, Copy)]
pub struct RowView {
    /// The interface's name.
    pub name: &'static str,
    /// The interface's version.
    pub version: u32,
    /// The row's flavour.
    pub flavour: u32,
    table: *const c_void,
    evidence: *const c_void,
}

/// What a host has read of a plugin's entry.
pub struct Rows {
    /// The minor that the plugin was built with.
    pub abi_minor: u16,
    /// The manifest in memory.
    pub manifest: &'static [u8],
    rows: Vec<RowView>,
}

// SAFETY: what the rows point to is immutable and lives as long as the process.
unsafe impl Send for RowView {}
// SAFETY: as above.
unsafe impl Sync for RowView {}

impl Rows {
    /// Reads the entry at `entry`, in the order that the rules give.
    ///
    /// # Safety
    ///
    /// `entry` is the address of the symbol [`ENTRY_SYMBOL`] in a library that is never unloaded
    /// and whose manifest and file header have passed the host's gates: its author says that
    /// there is an entry, and what the entry points to is what these rules say.
    ///
    /// # Errors
    ///
    /// [`EntryError`] names the first rule that is broken.
    pub unsafe fn read(entry: *const c_void) -> Result<Rows, EntryError> {
        if entry.is_null() {
            return Err(EntryError::Null { what: ENTRY_SYMBOL });
        }
        if entry.addr() % align_of::<Entry>() != 0 {
            return Err(EntryError::Misaligned { what: ENTRY_SYMBOL });
        }
        // SAFETY: aligned; the caller vouches that a library's data begins here, and a library's
        // segment has at least these bytes mapped to its page's end or the entry is complete.
        let magic = unsafe { entry.cast::<[u8; 8]>().read() };
        if magic != MAGIC {
            return Err(EntryError::Magic { found: magic });
        }
        // SAFETY: the magic says that this is an entry, which has `size` in every version.
        let size = unsafe { field::<u32>(entry, offset_of!(Entry, size)) };
        if (size as usize) < size_of::<Entry>() {
            return Err(EntryError::Size { found: size });
        }
        // SAFETY: the entry has at least the bytes of major 1's first form.
        let entry = unsafe { &*entry.cast::<Entry>() };
        if entry.abi_major != ABI_MAJOR {
            return Err(EntryError::Major {
                found: entry.abi_major,
            });
        }
        if entry.least_host_minor > ABI_MINOR {
            return Err(EntryError::LeastMinor {
                found: entry.least_host_minor,
            });
        }
        let row_size = entry.row_size as usize;
        if row_size < size_of::<Row>()
            || entry.row_size > MAX_ROW_SIZE
            || row_size % size_of::<usize>() != 0
        {
            return Err(EntryError::RowSize {
                found: entry.row_size,
            });
        }
        if entry.row_count > MAX_ROWS {
            return Err(EntryError::RowCount {
                found: entry.row_count,
            });
        }
        if entry.row_count > 0 {
            pointer(entry.rows.cast(), "rows")?;
        }
        if entry.manifest.is_null() {
            return Err(EntryError::Null { what: "manifest" });
        }
        if entry.manifest_len > MAX_MANIFEST {
            return Err(EntryError::ManifestLength {
                found: entry.manifest_len,
            });
        }
        let mut rows: Vec<RowView> = Vec::with_capacity(entry.row_count as usize);
        for index in 0..entry.row_count {
            // SAFETY: not null and aligned, as is each step; `row_count` rows follow each other in
            // steps of `row_size`, say the rules.
            let row = unsafe { &*entry.rows.byte_add(index as usize * row_size) };
            let row = read_row(row, index)?;
            let same = |other: &RowView| {
                (other.name, other.version, other.flavour) == (row.name, row.version, row.flavour)
            };
            if rows.iter().any(same) {
                return Err(EntryError::DoubledRow {
                    name: row.name.to_owned(),
                    version: row.version,
                });
            }
            rows.push(row);
        }
        // SAFETY: not null, and the rules say that `manifest_len` bytes live there for ever.
        let manifest = unsafe { std::slice::from_raw_parts(entry.manifest, entry.manifest_len) };
        Ok(Rows {
            abi_minor: entry.abi_minor,
            manifest,
            rows,
        })
    }

    /// All rows, also those that this host does not know.
    #[must_use]
    pub fn rows(&self) -> &[RowView] {
        &self.rows
    }

    /// The row of interface `I` in a flavour that this host knows; with evidence rather than
    /// without.
    #[must_use]
    pub fn row<I: Interface>(&self) -> Option<&RowView> {
        [FLAVOUR_RUST, FLAVOUR_C].iter().find_map(|flavour| {
            self.rows.iter().find(|row| {
                row.name == I::NAME && row.version == I::VERSION && row.flavour == *flavour
            })
        })
    }
}

impl RowView {
    /// The row's evidence, or `None` when the flavour has none.
    #[must_use]
    pub fn evidence(&self) -> Option<*const Evidence> {
        (self.flavour == FLAVOUR_RUST).then_some(self.evidence.cast())
    }

    /// The row's table, taken for an `I`.
    ///
    /// # Safety
    ///
    /// The row was found as that of `I`, and its layout has been checked if it has evidence; a
    /// row without evidence is taken at its author's word.
    ///
    /// # Errors
    ///
    /// [`EntryError::NullFunction`] when a function is left out, as C lets its authors do.
    pub unsafe fn table<I: Interface>(&self) -> Result<&'static I, EntryError> {
        for function in 0..size_of::<I>() / size_of::<usize>() {
            // SAFETY: not null and aligned (`read_row`), and the caller vouches for its type,
            // which consists of functions (`Interface`).
            let address = unsafe { self.table.cast::<usize>().add(function).read() };
            if address == 0 {
                return Err(EntryError::NullFunction {
                    name: I::NAME,
                    version: I::VERSION,
                    function,
                });
            }
        }
        // SAFETY: as above, and none of its functions is null.
        Ok(unsafe { &*self.table.cast::<I>() })
    }
}

/// Whether a pointer to what has pointers can be followed, as far as can be told from it.
fn pointer(to: *const c_void, what: &'static str) -> Result<(), EntryError> {
    if to.is_null() {
        return Err(EntryError::Null { what });
    }
    if to.addr() % align_of::<usize>() != 0 {
        return Err(EntryError::Misaligned { what });
    }
    Ok(())
}

fn read_row(row: &Row, index: u32) -> Result<RowView, EntryError> {
    if row.name.is_null() || row.name_len > 256 {
        return Err(EntryError::RowName { row: index });
    }
    // SAFETY: not null, a bounded length, and the rules say that names live for ever.
    let name = unsafe { std::slice::from_raw_parts(row.name, row.name_len) };
    let name = std::str::from_utf8(name).map_err(|_| EntryError::RowName { row: index })?;
    pointer(row.table, "table")?;
    if row.flavour == FLAVOUR_RUST {
        pointer(row.evidence, "evidence")?;
    }
    Ok(RowView {
        name,
        version: row.version,
        flavour: row.flavour,
        table: row.table,
        evidence: row.evidence,
    })
}

/// # Safety
///
/// A `T` stands at `offset` bytes from `base`.
unsafe fn field<T: Copy>(base: *const c_void, offset: usize) -> T {
    // SAFETY: as the caller says.
    unsafe { base.byte_add(offset).cast::<T>().read() }
}

#[cfg(test)]
mod tests {
    use super::*;

    static MANIFEST: &[u8] = b"{}";

    fn row(name: &'static str, version: u32, flavour: u32) -> Row {
        static TABLE: usize = 0;
        Row {
            name: name.as_ptr(),
            name_len: name.len(),
            version,
            flavour,
            table: (&raw const TABLE).cast(),
            evidence: (&raw const TABLE).cast(),
        }
    }

    fn read(change: impl FnOnce(&mut Entry)) -> Result<Rows, EntryError> {
        let rows: &'static [Row] = Box::leak(Box::new([row("a", 1, 2), row("b", 1, 2)]));
        let mut entry = Entry::new(rows, MANIFEST, 0);
        change(&mut entry);
        // SAFETY: a real entry but for what the test changed, which the rules catch.
        unsafe { Rows::read((&raw const *Box::leak(Box::new(entry))).cast()) }
    }

    fn error(change: impl FnOnce(&mut Entry)) -> String {
        match read(change) {
            Ok(_) => "no error".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn each_broken_rule_is_named() {
        assert_eq!(
            error(|entry| entry.magic[0] = b'X'),
            r"`keyway_entry_1` does not begin with the magic: found `XEYWAY\x00\x01`, expected `KEYWAY\x00\x01`"
        );
        assert_eq!(
            error(|entry| entry.size = 8),
            "the entry is too small: found 8 bytes, expected at least 56"
        );
        assert_eq!(
            error(|entry| entry.abi_major = 2),
            "built for another ABI major: found 2, expected 1"
        );
        assert_eq!(
            error(|entry| entry.least_host_minor = 9),
            "needs a newer host: ABI 1.9 at least, this host has 1.0"
        );
        assert_eq!(
            error(|entry| entry.row_size = 41),
            "rows of 41 bytes: expected 40 to 4096 and a multiple of 8"
        );
        assert_eq!(
            error(|entry| entry.row_size = 1 << 31),
            "rows of 2147483648 bytes: expected 40 to 4096 and a multiple of 8"
        );
        assert_eq!(
            error(|entry| entry.rows = entry.rows.wrapping_byte_add(1)),
            "the entry's `rows` is not aligned to a pointer"
        );
        assert_eq!(
            error(|entry| entry.manifest_len = usize::MAX),
            "a manifest of 18446744073709551615 bytes: expected at most 1048576"
        );
        assert_eq!(
            error(|entry| entry.row_count = u32::MAX),
            "4294967295 rows: expected at most 256"
        );
        assert_eq!(
            error(|entry| entry.rows = std::ptr::null()),
            "the entry's pointer `rows` is null"
        );
        assert_eq!(
            error(|entry| entry.manifest = std::ptr::null()),
            "the entry's pointer `manifest` is null"
        );
        assert_eq!(
            error(|entry| entry.rows = entry.rows.wrapping_byte_add(4)),
            "the entry's `rows` is not aligned to a pointer"
        );
        assert_eq!(
            error(|entry| entry.manifest_len = usize::MAX),
            "a manifest of 18446744073709551615 bytes: expected at most 1048576"
        );
    }

    #[test]
    fn a_bad_row_is_named() {
        let with = |rows: Vec<Row>| {
            error(|entry| {
                let rows: &'static [Row] = Box::leak(rows.into_boxed_slice());
                entry.rows = rows.as_ptr();
                entry.row_count = u32::try_from(rows.len()).unwrap();
            })
        };
        assert_eq!(
            with(vec![row("a", 1, 1), row("a", 1, 1)]),
            "the interface `a` 1 is listed twice"
        );
        let mut no_name = row("a", 1, 1);
        no_name.name = std::ptr::null();
        assert_eq!(
            with(vec![no_name]),
            "the name of row 0 is no short UTF-8 text"
        );
        let mut no_table = row("a", 1, 1);
        no_table.table = std::ptr::null();
        assert_eq!(with(vec![no_table]), "the entry's pointer `table` is null");
        let mut crooked = row("a", 1, 1);
        crooked.table = crooked.table.wrapping_byte_add(1);
        assert_eq!(
            with(vec![crooked]),
            "the entry's `table` is not aligned to a pointer"
        );
        let mut no_evidence = row("a", 1, FLAVOUR_RUST);
        no_evidence.evidence = std::ptr::null();
        assert_eq!(
            with(vec![no_evidence]),
            "the entry's pointer `evidence` is null"
        );
    }

    #[test]
    fn a_larger_row_is_stepped_over() {
        #[repr(C)]
        struct LargeRow {
            row: Row,
            more: usize,
        }
        let rows: &'static [LargeRow] = Box::leak(Box::new([
            LargeRow {
                row: row("a", 1, 2),
                more: 1,
            },
            LargeRow {
                row: row("b", 7, 2),
                more: 2,
            },
        ]));
        let read = read(|entry| {
            entry.rows = rows.as_ptr().cast();
            entry.row_size = u32::try_from(size_of::<LargeRow>()).unwrap();
        })
        .unwrap();
        let names: Vec<_> = read
            .rows()
            .iter()
            .map(|row| (row.name, row.version))
            .collect();
        assert_eq!(names, [("a", 1), ("b", 7)]);
    }

    #[test]
    fn an_unknown_flavour_may_have_no_evidence_and_is_kept_aside() {
        let mut unknown = row("a", 1, 99);
        unknown.evidence = std::ptr::null();
        let rows: &'static [Row] = Box::leak(Box::new([unknown]));
        let read = read(|entry| {
            entry.rows = rows.as_ptr();
            entry.row_count = 1;
        })
        .unwrap();
        assert_eq!(read.rows()[0].flavour, 99);
        assert!(read.rows()[0].evidence().is_none());
    }
}
