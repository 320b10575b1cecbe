//! What processes write: files that they append to themselves, so that nothing is lost with the server.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::lifecycle::lock::{make_private, private};

/// So many are kept besides the newest.
const KEPT: u32 = 3;
/// As much of one is kept at least, in bytes, and four times the size at which it is put aside: of what
/// has grown larger before anybody looked the newest part.
const LEAST_KEPT: u64 = 1 << 20;

/// Opens the log at `path` for a process that is about to be started.
pub(super) fn open(path: &Path, limit: u64) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        make_private(folder)?;
    }
    put_aside(path, limit)?;
    private(options().append(true).create(true)).open(path)
}

/// Nobody writes through a link.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    options
}

/// Copies a log that is larger than `limit` bytes, and empties it: who writes into it goes on at its
/// beginning then. What is written between the last look and that is lost, and of what has grown much
/// larger all but the end.
pub(super) fn put_aside(path: &Path, limit: u64) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(metadata) if metadata.len() <= limit => return Ok(()),
        Ok(_) => {}
    }
    let mut log = options().read(true).write(true).open(path)?;
    // Who starts a process may look at the same time as who looks every second: one of them is enough.
    if log.try_lock().is_err() || log.metadata()?.len() <= limit {
        return Ok(());
    }
    let new = beside(path, "new");
    let mut copy = private(options().write(true).create(true).truncate(true)).open(&new)?;
    // The oldest goes first: there may be no room otherwise.
    for number in (1..=KEPT).rev() {
        let from = beside(path, &number.to_string());
        let moved = match number {
            KEPT => fs::remove_file(from),
            _ => fs::rename(from, beside(path, &(number + 1).to_string())),
        };
        match moved {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    // Up to the end, but no more than there is room for: who writes as fast as this reads must neither
    // keep it for ever nor fill the disk.
    let most = limit.saturating_mul(4).max(LEAST_KEPT);
    let len = log.metadata()?.len();
    log.seek(SeekFrom::Start(len.saturating_sub(most)))?;
    io::copy(&mut (&log).take(most.saturating_mul(2)), &mut copy)?;
    log.set_len(0)?;
    fs::rename(new, beside(path, "1"))
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".");
    name.push(end);
    name.into()
}
