//! Archives made byte by byte, so that they can say what no writer lets them say.
//!
//! The suites that cross crates have this file as well, as `keyway_tests::archives::builder`.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// One header of a tar and its data.
#[derive(Clone, Debug)]
pub struct TarEntry {
    /// The letter of its type.
    pub kind: u8,
    /// The name, of which a header takes 100 bytes.
    pub name: Vec<u8>,
    /// What a link leads to.
    pub target: Vec<u8>,
    /// The permissions.
    pub mode: u32,
    /// What follows the header.
    pub data: Vec<u8>,
    /// The size that the header has, if not that of the data.
    pub size: Option<u64>,
}

impl TarEntry {
    /// An entry with nothing in it.
    pub fn new(kind: u8, name: impl AsRef<[u8]>) -> Self {
        Self {
            kind,
            name: name.as_ref().to_vec(),
            target: Vec::new(),
            mode: if kind == b'5' { 0o755 } else { 0o644 },
            data: Vec::new(),
            size: None,
        }
    }

    /// A file.
    pub fn file(name: impl AsRef<[u8]>, data: impl AsRef<[u8]>) -> Self {
        let mut entry = Self::new(b'0', name);
        entry.data = data.as_ref().to_vec();
        entry
    }

    /// A link.
    pub fn link(name: &str, target: impl AsRef<[u8]>) -> Self {
        let mut entry = Self::new(b'2', name);
        entry.target = target.as_ref().to_vec();
        entry
    }

    /// A hard link.
    pub fn hard_link(name: &str, target: &str) -> Self {
        let link = Self::link(name, target);
        Self { kind: b'1', ..link }
    }

    /// A PAX header with one record.
    pub fn pax(key: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        let length = key.len() + value.len() + 3;
        let digits = (length + length.to_string().len()).to_string().len();
        let mut entry = Self::file("pax", (length + digits).to_string());
        entry.kind = b'x';
        for part in [b" ", key.as_bytes(), b"=", value, b"\n"] {
            entry.data.extend_from_slice(part);
        }
        entry
    }

    /// The header, with its checksum.
    pub fn header(&self) -> [u8; 512] {
        let mut header = [0; 512];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &self.name[..self.name.len().min(100)]);
        put(100, format!("{:07o}\0", self.mode).as_bytes());
        put(108, b"0000000\x000000000\0");
        let size = self.size.unwrap_or(self.data.len() as u64);
        put(124, format!("{size:011o}\x0000000000000\0").as_bytes());
        put(156, &[self.kind]);
        put(157, &self.target[..self.target.len().min(100)]);
        put(257, b"ustar\x0000");
        sign(&mut header);
        header
    }

    /// The header and the data, up to the end of a block.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.header().to_vec();
        bytes.extend_from_slice(&self.data);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }
}

/// Puts in a header's checksum.
pub fn sign(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// A tar with its end.
pub fn tar(entries: &[TarEntry]) -> Vec<u8> {
    let mut bytes: Vec<u8> = entries.iter().flat_map(TarEntry::bytes).collect();
    bytes.extend([0; 1024]);
    bytes
}

/// One entry of a zip.
#[derive(Clone, Debug)]
pub struct ZipEntry {
    /// The name that the directory has.
    pub name: Vec<u8>,
    /// What the header before the data says, if something else.
    pub local_name: Option<Vec<u8>>,
    /// The size in the header before the data, if another one.
    pub local_size: Option<u32>,
    /// How the data are compressed: 0 not at all, 8 with deflate.
    pub method: u16,
    /// The bits of the general purpose flag.
    pub flags: u16,
    /// The checksum of what comes out.
    pub crc: u32,
    /// The bytes of what comes out.
    pub size: u32,
    /// Type and permissions as on Unix.
    pub mode: u32,
    /// The extra fields of both headers.
    pub extra: Vec<u8>,
    /// The compressed data.
    pub data: Vec<u8>,
    /// What lies behind the data.
    pub behind: Vec<u8>,
}

impl ZipEntry {
    /// A file as it is.
    pub fn stored(name: impl AsRef<[u8]>, data: impl AsRef<[u8]>) -> Self {
        let data = data.as_ref();
        Self {
            name: name.as_ref().to_vec(),
            local_name: None,
            local_size: None,
            method: 0,
            flags: 0,
            crc: crc32fast::hash(data),
            size: u32::try_from(data.len()).unwrap(),
            mode: 0o100_644,
            extra: Vec::new(),
            data: data.to_vec(),
            behind: Vec::new(),
        }
    }

    /// A file that is compressed.
    pub fn deflated(name: &str, data: impl AsRef<[u8]>) -> Self {
        let level = flate2::Compression::default();
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
        encoder.write_all(data.as_ref()).unwrap();
        let entry = Self::stored(name, data);
        Self {
            method: 8,
            data: encoder.finish().unwrap(),
            ..entry
        }
    }

    /// A file, or whatever the mode says.
    pub fn of_mode(mode: u32, name: &str, data: impl AsRef<[u8]>) -> Self {
        let entry = Self::stored(name, data);
        Self { mode, ..entry }
    }

    /// A link, whose target lies in it.
    pub fn link(name: &str, target: impl AsRef<[u8]>) -> Self {
        Self::of_mode(0o120_777, name, target)
    }

    fn fields(&self, name: &[u8], size: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [20, self.flags, self.method, 0, 0x21] {
            bytes.extend(u16::to_le_bytes(number));
        }
        let compressed = u32::try_from(self.data.len()).unwrap();
        for number in [self.crc, compressed, size] {
            bytes.extend(number.to_le_bytes());
        }
        for length in [name.len(), self.extra.len()] {
            bytes.extend(u16::try_from(length).unwrap().to_le_bytes());
        }
        bytes
    }

    /// Header and data.
    pub fn local(&self) -> Vec<u8> {
        let name = self.local_name.as_ref().unwrap_or(&self.name);
        let fields = self.fields(name, self.local_size.unwrap_or(self.size));
        [
            b"PK\x03\x04",
            &fields[..],
            name,
            &self.extra,
            &self.data,
            &self.behind,
        ]
        .concat()
    }

    /// What the directory says.
    pub fn central(&self, offset: u32) -> Vec<u8> {
        let mut bytes = b"PK\x01\x02\x14\x03".to_vec();
        bytes.extend(self.fields(&self.name, self.size));
        // No comment, the first disk, no attributes inside.
        bytes.extend([0; 6]);
        bytes.extend((self.mode << 16).to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        bytes.extend_from_slice(&self.name);
        bytes.extend_from_slice(&self.extra);
        bytes
    }
}

/// A zip of entries, with its directory and its end.
pub fn zip(entries: &[ZipEntry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        directory.extend(entry.central(u32::try_from(bytes.len()).unwrap()));
        bytes.extend(entry.local());
    }
    zip_of(bytes, &directory, entries.len())
}

/// A zip of its parts: entries, directory, and as many entries as the end says.
pub fn zip_of(entries: Vec<u8>, directory: &[u8], count: usize) -> Vec<u8> {
    let count = u16::try_from(count).unwrap().to_le_bytes();
    let [size, offset] =
        [directory.len(), entries.len()].map(|it| u32::try_from(it).unwrap().to_le_bytes());
    let end = [
        &b"PK\x05\x06\0\0\0\0"[..],
        &count,
        &count,
        &size,
        &offset,
        &[0, 0],
    ]
    .concat();
    [entries, directory.to_vec(), end].concat()
}

/// Compresses with the system's program; `None` if there is none.
pub fn compressed(program: &str, options: &[&str], data: &[u8]) -> Option<Vec<u8>> {
    let mut child = Command::new(program)
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take().unwrap();
    let data = data.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&data));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{program}");
    Some(output.stdout)
}

/// The programs that compress, with what makes them write to their output.
pub const PROGRAMS: [(&str, &[&str]); 4] = [
    ("gzip", &["-c"]),
    ("bzip2", &["-c"]),
    ("xz", &["-c"]),
    ("zstd", &["-q", "-c", "--check"]),
];
