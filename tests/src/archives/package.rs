//! The package that archives are made of.

use super::builder::{TarEntry, ZipEntry};

/// A small package with what packages may hold: folders, compressed and stored files, a link, and
/// in a tar a hard link and long names.
#[derive(Clone, Debug)]
pub struct Package {
    metadata: String,
}

const SCRIPT: &str = "contents/scripts/main.js";
const IMAGE: &str = "contents/images/picture.svg";
const LONG: &str = "contents/code/a-name-that-is-too-long-for-the-hundred-bytes-that-the-header-of-\
                    a-tar-has-for-names-and-so-stands-before-it.js";

impl Package {
    /// A package of that type, `org.example.hostile`.
    #[must_use]
    pub fn new(type_name: &str) -> Self {
        let metadata = format!(
            r#"{{
    "KPackageStructure": "{type_name}",
    "KPlugin": {{ "Id": "org.example.hostile", "Name": "Hostile", "Version": "1.0" }}
}}
"#
        );
        Self { metadata }
    }

    fn script() -> String {
        "console.log('a line that is there again and again');\n".repeat(20)
    }

    /// The package as entries of a zip.
    #[must_use]
    pub fn zip(&self) -> Vec<ZipEntry> {
        let mut late = ZipEntry::deflated(LONG, Self::script());
        late.flags = 1 << 3;
        late.behind = descriptor(&late);
        vec![
            ZipEntry::stored("metadata.json", &self.metadata),
            ZipEntry::of_mode(0o040_755, "contents/", ""),
            ZipEntry {
                mode: 0o100_755,
                ..ZipEntry::deflated(SCRIPT, Self::script())
            },
            ZipEntry::stored(IMAGE, "<svg/>"),
            late,
            ZipEntry::link("contents/images/link.svg", "picture.svg"),
        ]
    }

    /// The package as entries of a tar.
    #[must_use]
    pub fn tar(&self) -> Vec<TarEntry> {
        let mut long = TarEntry::file("././@LongLink", format!("{LONG}\0"));
        long.kind = b'L';
        vec![
            TarEntry::file("metadata.json", &self.metadata),
            TarEntry::new(b'5', "contents/"),
            TarEntry {
                mode: 0o755,
                ..TarEntry::file(SCRIPT, Self::script())
            },
            TarEntry::file(IMAGE, "<svg/>"),
            TarEntry::link("contents/images/link.svg", "picture.svg"),
            TarEntry::hard_link("contents/images/again.svg", IMAGE),
            long,
            TarEntry::file("short", Self::script()),
            TarEntry::pax("path", format!("{LONG}.pax")),
            TarEntry::file("short", Self::script()),
        ]
    }
}

/// What stands behind data whose sizes were not known before: checksum and sizes.
pub(super) fn descriptor(entry: &ZipEntry) -> Vec<u8> {
    let compressed = u32::try_from(entry.data.len()).unwrap_or(u32::MAX);
    let numbers = [entry.crc, compressed, entry.size].map(u32::to_le_bytes);
    [b"PK\x07\x08", numbers.as_flattened()].concat()
}
