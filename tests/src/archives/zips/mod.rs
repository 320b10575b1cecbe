//! Lies that only a zip can tell.

mod entries;
mod parts;
mod places;

use super::builder::{ZipEntry, zip};
use super::{Good, Hostile, Package, ZIP, of_format};
use parts::{Parts, put};

pub(super) use parts::zip_64;

/// Fields of the header before an entry's data, by their place in it.
mod local {
    pub(super) const FLAGS: usize = 6;
    pub(super) const METHOD: usize = 8;
    pub(super) const CRC: usize = 14;
    pub(super) const COMPRESSED: usize = 18;
    pub(super) const SIZE: usize = 22;
    pub(super) const NAME: usize = 30;
}

/// Fields of the directory's record of an entry.
mod central {
    pub(super) const COMPRESSED: usize = 20;
    pub(super) const OFFSET: usize = 42;
}

/// Fields of the end.
mod end {
    pub(super) const DISK: usize = 4;
    pub(super) const DIRECTORY_DISK: usize = 6;
    pub(super) const COUNT_HERE: usize = 8;
    pub(super) const COUNT: usize = 10;
    pub(super) const SIZE: usize = 12;
    pub(super) const OFFSET: usize = 16;
    pub(super) const COMMENT: usize = 20;
}

/// Fields of the end with 64 bits: its record, and the locator behind that.
mod end_64 {
    pub(super) const DISK: usize = 16;
    pub(super) const COUNT_HERE: usize = 24;
    pub(super) const COUNT: usize = 32;
    pub(super) const SIZE: usize = 40;
    pub(super) const OFFSET: usize = 48;
    pub(super) const RECORD: usize = 56;
    pub(super) const LOCATOR_OFFSET: usize = RECORD + 8;
    pub(super) const LOCATOR_DISKS: usize = RECORD + 16;
}

fn script() -> ZipEntry {
    ZipEntry::deflated(
        "contents/code/more.js",
        "more and more and more of the same",
    )
}

/// The sizes and the offset of an entry in an extra field, with 64 bits.
fn sizes_64(numbers: &[u64]) -> Vec<u8> {
    let length = u16::try_from(numbers.len() * 8).expect("a few numbers");
    let mut field = vec![1, 0];
    field.extend(length.to_le_bytes());
    field.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    field
}

/// The extra field in which Info-ZIP says a name a second time.
fn other_name(name: &[u8]) -> Vec<u8> {
    let length = u16::try_from(name.len() + 5).expect("a short name");
    let checksum = crc32fast::hash(name).to_le_bytes();
    [b"up", &length.to_le_bytes()[..], b"\x01", &checksum, name].concat()
}

pub(super) fn good(package: &Package) -> Vec<Good> {
    let mut wide = Parts::new(&package.zip());
    wide.widen();
    let mut comment = zip(&package.zip());
    let end = comment.len() - 2;
    put(&mut comment, end, &[4, 0]);
    comment.extend(b"1f2e");
    let with = |entry| zip(&[package.zip(), vec![entry]].concat());
    let mut named = script();
    named.extra = other_name(&named.name);
    let good = [
        ("as it is", zip(&package.zip())),
        ("with one more file", with(script())),
        (
            "with one more link",
            with(ZipEntry::link("contents/link", "code")),
        ),
        ("with a name that is said twice", with(named)),
        ("with sizes of 64 bits", wide_entry(package, |_| ()).bytes()),
        ("with an end of 64 bits", wide.bytes()),
        ("with a comment", comment),
        ("empty", zip(&[])),
    ];
    let good = good.into_iter();
    good.map(|(name, bytes)| Good {
        name,
        file_name: ZIP,
        bytes,
    })
    .collect()
}

/// The package and a file that has its sizes in an extra field, which is changed.
fn wide_entry(package: &Package, change: impl FnOnce(&mut Vec<u8>)) -> Parts {
    let mut entry = script();
    entry.extra = sizes_64(&[u64::from(entry.size), entry.data.len() as u64]);
    change(&mut entry.extra);
    let mut parts = Parts::new(&[package.zip(), vec![entry]].concat());
    let (at_local, at_central) = parts.last;
    put(&mut parts.entries, at_local + local::COMPRESSED, &[0xff; 8]);
    put(
        &mut parts.directory,
        at_central + central::COMPRESSED,
        &[0xff; 8],
    );
    parts
}

pub(super) fn hostile(package: &Package) -> Vec<Hostile> {
    let lies = [
        entries::entries(package),
        entries::headers(package),
        places::places(package),
        places::ends(package),
    ];
    of_format(ZIP, lies.concat())
}
