//! What an ELF library needs of the system that loads it, read from the file.

use std::path::Path;

use object::Endianness;
use object::elf::{self, FileHeader64};
use object::read::elf::{Dyn as _, FileHeader as _, ProgramHeader as _};
use object::read::{ReadCache, ReadRef};

/// Larger files are not read for this.
const MAX_SIZE: u64 = 512 * 1024 * 1024;

/// What a library needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::plugin) struct Needs {
    /// The libraries that it names.
    pub(in crate::plugin) libraries: Vec<String>,
    /// The newest version of the GNU C library that it names.
    pub(in crate::plugin) glibc: Option<(u32, u32)>,
    /// Whether it looks for libraries beside itself.
    pub(in crate::plugin) origin: bool,
}

impl Needs {
    /// Reads the file at `path`; what cannot be read needs nothing that could be told.
    pub(in crate::plugin) fn of(path: &Path) -> Self {
        let small = std::fs::metadata(path).is_ok_and(|it| it.len() <= MAX_SIZE);
        if !small || usize::BITS != 64 {
            return Self::default();
        }
        let Ok(file) = std::fs::File::open(path) else {
            return Self::default();
        };
        // Of a file of some megabytes this is a few pages.
        Self::parse(&ReadCache::new(file)).unwrap_or_default()
    }

    fn parse<'a>(file: impl ReadRef<'a>) -> Option<Self> {
        let header = FileHeader64::<Endianness>::parse(file).ok()?;
        let endian = header.endian().ok()?;
        let segments = header.program_headers(endian, file).ok()?;
        // Addresses of the dynamic section are those in memory.
        let at = |address: u64| {
            segments.iter().find_map(|segment| {
                let start = segment.p_vaddr(endian);
                let inside = segment.p_type(endian) == elf::PT_LOAD
                    && address >= start
                    && address - start < segment.p_filesz(endian);
                inside.then(|| (address - start).checked_add(segment.p_offset(endian)))?
            })
        };
        let dynamic = segments
            .iter()
            .find_map(|segment| segment.dynamic(endian, file).ok().flatten())?;
        let strings = dynamic
            .iter()
            .find(|entry| entry.d_tag(endian) == elf::DT_STRTAB)
            .and_then(|entry| at(entry.d_val(endian)))?;
        let end = file.len().ok()?;
        let text = |offset: u64| {
            let start = strings.checked_add(offset)?;
            let text = file.read_bytes_at_until(start..end, 0).ok()?;
            std::str::from_utf8(text).ok()
        };
        let mut needs = Self::default();
        for entry in dynamic {
            let value = entry.d_val(endian);
            match entry.d_tag(endian) {
                elf::DT_NEEDED => needs.libraries.extend(text(value).map(str::to_owned)),
                elf::DT_RPATH | elf::DT_RUNPATH => {
                    let path = text(value).unwrap_or_default();
                    needs.origin |= path.contains("$ORIGIN") || path.contains("${ORIGIN}");
                }
                _ => {}
            }
        }
        let sections = header.sections(endian, file).ok();
        let versions = sections.and_then(|sections| sections.gnu_verneed(endian, file).ok()?);
        if let Some((mut libraries, _)) = versions {
            while let Ok(Some((_, mut names))) = libraries.next() {
                while let Ok(Some(name)) = names.next() {
                    let name = text(u64::from(name.vna_name.get(endian))).unwrap_or_default();
                    needs.glibc = needs.glibc.max(glibc(name));
                }
            }
        }
        Some(needs)
    }
}

/// The version in a name as `GLIBC_2.34`.
fn glibc(name: &str) -> Option<(u32, u32)> {
    let (major, minor) = name.strip_prefix("GLIBC_")?.split_once('.')?;
    let minor = minor.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_library_needs_nothing() {
        assert_eq!(Needs::of(Path::new("/nonexistent")), Needs::default());
        assert_eq!(Needs::of(Path::new("/etc/passwd")), Needs::default());
    }

    #[test]
    fn this_program_needs_the_c_library() {
        let needs = Needs::of(&std::env::current_exe().unwrap());
        let c = |name: &String| name.starts_with("libc.");
        assert!(needs.libraries.iter().any(c), "{needs:?}");
        assert!(!needs.origin);
        if cfg!(target_env = "gnu") {
            let ours = crate::plugin::library::glibc_version().unwrap();
            assert!(needs.glibc.unwrap() <= ours, "{needs:?} {ours:?}");
        }
    }

    #[test]
    fn versions_are_numbers() {
        assert_eq!(glibc("GLIBC_2.9"), Some((2, 9)));
        assert_eq!(glibc("GLIBC_2.34"), Some((2, 34)));
        assert_eq!(glibc("GLIBC_2.2.5"), Some((2, 2)));
        assert_eq!(glibc("GLIBC_PRIVATE"), None);
        assert!(Some((2, 34)) > Some((2, 9)) && Some((2, 9)) > None);
    }
}
