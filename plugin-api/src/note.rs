//! The manifest as a constant: joined while compiling from what the macro read and what the build
//! knows, and wrapped in the note that the host finds in the file.

use keyway_abi::{ABI_MAJOR, ABI_MINOR, build};

/// An ELF note: three words, the owner's name, the description padded to a multiple of 4.
///
/// On other platforms it is the content of a section.
#[repr(C, align(4))]
pub struct Note<const PADDED: usize> {
    name_size: u32,
    description_size: u32,
    kind: u32,
    name: [u8; 8],
    description: [u8; PADDED],
}

impl<const PADDED: usize> Note<PADDED> {
    /// A note with the description `text`. `name` is the owner's name with NUL, padded; `PADDED`
    /// is the text's length, rounded up to a multiple of 4.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)]
    pub const fn new(name: [u8; 8], name_size: u32, kind: u32, text: &[u8]) -> Self {
        let mut description = [0; PADDED];
        let mut index = 0;
        while index < text.len() {
            description[index] = text[index];
            index += 1;
        }
        Self {
            name_size,
            description_size: text.len() as u32,
            kind,
            name,
            description,
        }
    }
}

/// The parts, one behind the other; `LEN` is [`joined_len`] of them.
#[must_use]
pub const fn joined<const LEN: usize>(parts: &[&str]) -> [u8; LEN] {
    let mut text = [0; LEN];
    let mut filled = 0;
    let mut part = 0;
    while part < parts.len() {
        let bytes = parts[part].as_bytes();
        let mut index = 0;
        while index < bytes.len() {
            text[filled] = bytes[index];
            filled += 1;
            index += 1;
        }
        part += 1;
    }
    text
}

/// How many bytes the joined parts have.
#[must_use]
pub const fn joined_len(parts: &[&str]) -> usize {
    let mut len = 0;
    let mut part = 0;
    while part < parts.len() {
        len += parts[part].len();
        part += 1;
    }
    len
}

/// A number as text, while compiling.
struct Decimal {
    digits: [u8; 10],
    start: usize,
}

impl Decimal {
    const fn new(mut number: u32) -> Self {
        let mut digits = [b'0'; 10];
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        Self { digits, start }
    }

    const fn as_str(&self) -> &str {
        match std::str::from_utf8(self.digits.split_at(self.start).1) {
            Ok(text) => text,
            Err(_) => "0",
        }
    }
}

const MAJOR: &str = const { Decimal::new(ABI_MAJOR as u32) }.as_str();
const MINOR: &str = const { Decimal::new(ABI_MINOR as u32) }.as_str();
const WIDTH: &str = const { Decimal::new(build::POINTER_WIDTH) }.as_str();
const LEAST: [&str; 2] = ["0", "1"];

/// The manifest in parts: `head` is what the macro knows, without the closing brace; the rest is
/// what only the build knows.
#[must_use]
pub const fn manifest_parts<'a>(
    head: &'a str,
    least_host_minor: u16,
    panic: &'a str,
) -> [&'a str; 24] {
    [
        head,
        ",\"abi\":{\"major\":",
        MAJOR,
        ",\"minor\":",
        MINOR,
        ",\"least_host_minor\":",
        LEAST[least_host_minor as usize],
        ",\"digest\":\"",
        build::ABI_DIGEST,
        "\"},\"target\":\"",
        build::TARGET,
        "\",\"pointer_width\":",
        WIDTH,
        ",\"endian\":\"",
        build::ENDIAN,
        "\",\"panic\":\"",
        panic,
        "\",\"rustc\":\"",
        build::RUSTC,
        "\",\"keyway_plugin\":\"",
        env!("CARGO_PKG_VERSION"),
        "\",\"abi_stable\":\"",
        build::ABI_STABLE_VERSION,
        "\"}",
    ]
}
