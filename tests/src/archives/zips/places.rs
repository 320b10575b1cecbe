//! Parts that do not lie where they should, or that other parts do not know.

use super::parts::{Parts, add, put};
use super::script;
use super::{central, end, end_64, local};
use crate::archives::builder::{ZipEntry, zip};
use crate::archives::{Lies, Package};

/// Parts that do not lie where they should.
pub(super) fn places(package: &Package) -> Lies {
    let entries = [package.zip(), vec![script()]].concat();
    let changed = |change: &dyn Fn(&mut Parts)| {
        let mut parts = Parts::new(&entries);
        change(&mut parts);
        parts.bytes()
    };
    let offset = |more: i32| {
        changed(&|it| {
            let at = it.last.1 + central::OFFSET;
            add(&mut it.directory, at, more);
        })
    };
    let hidden = ZipEntry::stored("hidden", "hidden").local();
    let before = |bytes: &[u8], corrected: bool| {
        let mut parts = Parts::new(&entries);
        let more = i32::try_from(bytes.len()).expect("a few bytes");
        if corrected {
            let mut at = 0;
            for entry in &entries {
                add(&mut parts.directory, at + central::OFFSET, more);
                at += entry.central(0).len();
            }
            add(&mut parts.end, end::OFFSET, more);
        }
        [bytes, &parts.bytes()].concat()
    };
    let nested = {
        let inner = ZipEntry::stored("contents/inner", "inner");
        let outer = ZipEntry::stored("contents/outer", inner.local());
        let mut parts = Parts::new(&[package.zip(), vec![outer]].concat());
        let at = parts.last.0 + local::NAME + "contents/outer".len();
        let at = u32::try_from(at).expect("a small archive");
        parts.directory.extend(inner.central(at));
        let size = i32::try_from(inner.central(0).len()).expect("a small record");
        add(&mut parts.end, end::SIZE, size);
        add(&mut parts.end, end::COUNT_HERE, 0x1_0001);
        parts.bytes()
    };
    let whole = zip(&entries);
    let cut = |length: usize| whole[..length].to_vec();
    let parts = Parts::new(&entries);
    let (local, directory) = (parts.entries.len(), parts.directory.len());
    let stray = "archive-stray-data";
    vec![
        ("an entry within another one", stray, nested),
        (
            "two entries with the same data",
            stray,
            changed(&|it| {
                let other = it.directory[it.last.1..].to_vec();
                it.directory.extend(&other);
                let size = i32::try_from(other.len()).expect("a small record");
                add(&mut it.end, end::SIZE, size);
                add(&mut it.end, end::COUNT_HERE, 0x1_0001);
            }),
        ),
        ("an offset into another entry", stray, offset(-8)),
        ("an offset behind the header", stray, offset(4)),
        ("an offset behind the file", stray, offset(1 << 30)),
        (
            "an entry before the first one",
            stray,
            before(&hidden, true),
        ),
        (
            "an entry before the first one, and offsets without it",
            "archive-damaged",
            before(&hidden, false),
        ),
        (
            "something before the first entry",
            "archive-unknown",
            before(b"#!/bin/sh\n", true),
        ),
        (
            "something before the directory",
            stray,
            changed(&|it| {
                it.entries.push(0);
                add(&mut it.end, end::OFFSET, 1);
            }),
        ),
        (
            "something behind the directory",
            "archive-damaged",
            changed(&|it| it.directory.push(0)),
        ),
        (
            "something behind the end",
            stray,
            [&whole[..], b"x"].concat(),
        ),
        (
            "a whole archive behind the end",
            "archive-damaged",
            [&whole[..], &whole].concat(),
        ),
        ("nothing but the first header", "archive-truncated", cut(30)),
        ("cut in an entry", "archive-truncated", cut(local / 2)),
        ("cut before the directory", "archive-truncated", cut(local)),
        (
            "cut in the directory",
            "archive-truncated",
            cut(local + directory / 2),
        ),
        (
            "cut before the end",
            "archive-truncated",
            cut(local + directory),
        ),
        ("cut in the end", "archive-truncated", cut(whole.len() - 1)),
    ]
}

/// Ends that do not fit to the directory.
pub(super) fn ends(package: &Package) -> Lies {
    let changed = |is_wide: bool, change: &dyn Fn(&mut Parts)| {
        let mut parts = Parts::new(&package.zip());
        if is_wide {
            parts.widen();
        }
        change(&mut parts);
        parts.bytes()
    };
    let narrow = |at: usize, more: i32| changed(false, &|it| add(&mut it.end, at, more));
    let wide = |at: usize, more: i32| changed(true, &|it| add(&mut it.end_64, at, more));
    let record = i32::try_from(package.zip()[0].central(0).len()).expect("a small record");
    let damaged = "archive-damaged";
    let other = zip(&[script()]);
    vec![
        (
            "more entries than the end says",
            damaged,
            narrow(end::COUNT_HERE, -0x1_0001),
        ),
        (
            "fewer entries than the end says",
            damaged,
            narrow(end::COUNT_HERE, 0x1_0001),
        ),
        (
            "no entry, for the end",
            damaged,
            changed(false, &|it| {
                put(&mut it.end, end::COUNT_HERE, &[0; 4]);
            }),
        ),
        (
            "fewer entries on this disk",
            damaged,
            narrow(end::COUNT_HERE, -1),
        ),
        ("the last of two disks", damaged, narrow(end::DISK, 1)),
        (
            "a directory on another disk",
            damaged,
            narrow(end::DIRECTORY_DISK, 1),
        ),
        (
            "a directory without a size",
            damaged,
            changed(false, &|it| {
                put(&mut it.end, end::SIZE, &[0; 4]);
            }),
        ),
        (
            "a directory that is smaller than it says",
            damaged,
            narrow(end::SIZE, 1),
        ),
        (
            "a directory that is larger than it says",
            damaged,
            narrow(end::SIZE, -record),
        ),
        (
            "a directory that begins later",
            damaged,
            narrow(end::OFFSET, record),
        ),
        (
            "a directory that begins earlier",
            damaged,
            narrow(end::OFFSET, -4),
        ),
        (
            "a directory that begins nowhere",
            damaged,
            changed(false, &|it| {
                put(&mut it.end, end::OFFSET, &[0xff, 0xff, 0xff, 0x7f]);
            }),
        ),
        (
            "a directory without its records",
            damaged,
            changed(false, &|it| {
                it.directory.fill(0);
            }),
        ),
        (
            "a comment that is longer than the file",
            "archive-truncated",
            narrow(end::COMMENT - 2, 1 << 16),
        ),
        (
            "another archive in the comment",
            damaged,
            changed(false, &|it| {
                let length = u16::try_from(other.len()).expect("a small archive");
                put(&mut it.end, end::COMMENT, &length.to_le_bytes());
                it.end.extend(&other);
            }),
        ),
        (
            "an end of 64 bits that is not there",
            damaged,
            changed(false, &|it| {
                it.end[end::COUNT_HERE..end::COMMENT].fill(0xff);
            }),
        ),
        (
            "an end of 64 bits that is for another count",
            damaged,
            wide(end_64::COUNT, 1),
        ),
        (
            "an end of 64 bits that is for fewer on this disk",
            damaged,
            wide(end_64::COUNT_HERE, -1),
        ),
        (
            "an end of 64 bits that is for another disk",
            damaged,
            wide(end_64::DISK, 1),
        ),
        (
            "an end of 64 bits that is for another size",
            damaged,
            wide(end_64::SIZE, -record),
        ),
        (
            "an end of 64 bits that is for another offset",
            damaged,
            wide(end_64::OFFSET, record),
        ),
        (
            "an end of 64 bits that is elsewhere",
            damaged,
            wide(end_64::LOCATOR_OFFSET, 1),
        ),
        (
            "an end of 64 bits on two disks",
            damaged,
            wide(end_64::LOCATOR_DISKS, 1),
        ),
        (
            "two ends that differ",
            damaged,
            changed(true, &|it| {
                put(&mut it.end, end::COUNT_HERE, &[1, 0, 1, 0]);
            }),
        ),
        (
            "two sizes of the directory",
            damaged,
            changed(true, &|it| {
                put(&mut it.end, end::SIZE, &record.to_le_bytes());
            }),
        ),
    ]
}
