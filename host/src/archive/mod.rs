//! Archives: unpacked whole, or refused whole.
//!
//! ```text
//! file --content--> ArchiveFormat --zip, or decoder and tar--> entries <--walk-- folder
//!                                                                | names, sizes, limits
//!                                                                v
//!                              files and folders below one folder --at the end--> links
//! ```
//!
//! [`unpack`] takes an archive from anywhere: what it says is checked before it counts, and the
//! first thing that is not as it should be ends it, with an [`ArchiveError`] of its own. There is
//! no switch that turns a check off; [`Limits`] can be set. [`copy_folder`] does the same with what
//! lies in a folder. An [`Observer`] is told what becomes of either, and can end it. [`read_first`]
//! looks for one file and writes nothing.
//!
//! It knows nothing of packages. All decoders are Rust.

mod decoder;
mod error;
mod folder;
mod format;
mod limits;
mod links;
mod name;
mod observer;
mod pax;
mod peek;
mod sink;
mod tar;
mod tree;
mod unpacker;
mod zip;

#[cfg(test)]
pub(crate) mod tests;

use std::fs::{self, File};
use std::io::{self, BufReader, Seek as _};
use std::path::Path;

pub use error::ArchiveError;
pub use format::{ArchiveFormat, Compression};
pub use limits::Limits;
#[cfg(feature = "install")]
#[cfg(feature = "install")]
pub(crate) use links::check_links;
pub use name::ArchiveWarning;
pub use observer::{Observer, Progress, UnpackedEntry, UnpackedKind};
pub use peek::FoundEntry;
pub use unpacker::Unpacked;

use decoder::Decoder;
use observer::Silent;
use peek::Peek;
use sink::{Counted, Position, Sink};
use unpacker::Unpacker;

/// Unpacks the archive `file` to the folder `into`, which must be empty and should be one that
/// nobody else writes to.
///
/// Files, folders, hidden entries, links and hard links become what they are in the archive. Of their
/// modes only whether somebody may execute a file counts; what else is allowed is left to the
/// process's mask, and nothing is set-user-id, set-group-id or sticky. Owners, times and attributes
/// do not count. Nothing is written through a
/// link: links are made when everything else is there, and only if all of them stay below `into`
/// (who takes only a folder of what was unpacked must look again). They may lead nowhere.
///
/// Memory does not grow with the archive, apart from the names in it, which are
/// [limited](Limits::name_bytes); decoding needs at most 128 MiB.
///
/// # Errors
///
/// The archive is refused: see [`ArchiveError`]. Or something cannot be read or written. What was
/// unpacked until then is removed, so that `into` is empty again, as far as that is possible.
///
/// # Platform
///
/// Elsewhere than on Unix archives with links are refused, and modes do not count.
pub fn unpack(file: File, into: &Path, limits: &Limits) -> Result<Unpacked, ArchiveError> {
    unpack_observed(file, into, limits, &mut Silent)
}

/// Unpacks like [`unpack`], and tells `observer` how far it is and what it made.
///
/// # Errors
///
/// As with [`unpack`], and [`Cancelled`](ArchiveError::Cancelled) if the observer ends it. Then,
/// too, `into` is empty again.
///
/// # Examples
///
/// ```no_run
/// use std::fs::File;
/// use std::ops::ControlFlow;
/// use std::path::Path;
///
/// use keyway::archive::{Limits, Observer, Progress, unpack_observed};
///
/// struct Bar;
///
/// impl Observer for Bar {
///     fn progress(&mut self, progress: &Progress) -> ControlFlow<()> {
///         eprint!("\r{} of {} bytes", progress.read, progress.length);
///         ControlFlow::Continue(())
///     }
/// }
///
/// let archive = File::open("clock.plasmoid")?;
/// unpack_observed(archive, Path::new("empty"), &Limits::default(), &mut Bar)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn unpack_observed(
    mut file: File,
    into: &Path,
    limits: &Limits,
    observer: &mut dyn Observer,
) -> Result<Unpacked, ArchiveError> {
    let (format, length) = opened(&mut file)?;
    check_empty(into)?;
    let unpacked = Unpacker::new(into, Some(length), limits, observer)
        .map_err(|error| unwritable(error, into))
        .and_then(|mut unpacker| {
            match format {
                ArchiveFormat::Zip => zip::unpack(file, length, &mut unpacker)?,
                ArchiveFormat::Tar(compression) => {
                    let position = unpacker.position().clone();
                    read_tar(file, compression, &position, &mut unpacker)?;
                }
            }
            unpacker.finish()
        });
    if unpacked.is_err() {
        // What is left is the caller's, like the folder.
        let _ = clear(into);
    }
    unpacked
}

/// Copies what lies in the folder `from` to the folder `into`, which must be empty and should be
/// one that nobody else writes to, as if `from` were an archive that is unpacked.
///
/// So the same holds: limits (but for the ratio), names, modes, and links, which are kept as they
/// are and refused if they lead out. Hidden files are copied, hard links become files of their own.
/// What is no file, folder or link is refused. Nothing in `from` is reached through a link, so what
/// lies outside of it is not copied whoever writes there meanwhile; `from` itself may be a link.
///
/// A folder comes before what lies in it, and what lies in one folder in the order of the names'
/// bytes: the same folder gives the same calls of `observer`.
///
/// # Errors
///
/// As with [`unpack_observed`], [`IntoItself`](ArchiveError::IntoItself) if `into` lies in `from`,
/// [`EntryUnreadable`](ArchiveError::EntryUnreadable) for what cannot be read, and
/// [`Changed`](ArchiveError::Changed) for a file that became shorter, longer or something else.
///
/// # Platform
///
/// Elsewhere than on Unix folders with links are refused, modes do not count, and `from`
/// should be a folder that nobody else writes to.
pub fn copy_folder(
    from: &Path,
    into: &Path,
    limits: &Limits,
    observer: &mut dyn Observer,
) -> Result<Unpacked, ArchiveError> {
    folder::check_apart(from, into)?;
    check_empty(into)?;
    let copied = Unpacker::new(into, None, limits, observer)
        .map_err(|error| unwritable(error, into))
        .and_then(|mut unpacker| {
            let position = unpacker.position().clone();
            folder::read(from, into, &position, &mut unpacker)?;
            unpacker.finish()
        });
    if copied.is_err() {
        let _ = clear(into);
    }
    copied
}

/// Looks for one file in the archive `file` without writing anything: the one for whose name, as it
/// would be unpacked, `rank` gives the lowest number. `None` stands for a file that is not wanted; of
/// equal ranks the first name in the order of bytes wins, and 0 may end the search at once. Only
/// files count, no links and no hard links.
///
/// Of a zip only this file is decoded; a tar is decoded up to it, or to its end if no file has the
/// rank 0. Memory is that of [`unpack`] and `most` bytes.
///
/// What is found says nothing about the rest: [`unpack`] may still refuse the archive.
///
/// # Errors
///
/// The file that is wanted most has more than `most` bytes
/// ([`TooManyBytes`](ArchiveError::TooManyBytes)), or what was looked at would be refused.
pub fn read_first(
    mut file: File,
    limits: &Limits,
    most: u64,
    rank: &dyn Fn(&Path) -> Option<u32>,
) -> Result<Option<FoundEntry>, ArchiveError> {
    let (format, length) = opened(&mut file)?;
    let mut peek = Peek::new(length, limits, most, rank);
    match format {
        ArchiveFormat::Zip => zip::find(file, length, &mut peek)?,
        ArchiveFormat::Tar(compression) => {
            read_tar(file, compression, &Position::default(), &mut peek)?;
        }
    }
    peek.finish()
}

/// What kind of archive it is, and its bytes.
fn opened(file: &mut File) -> Result<(ArchiveFormat, u64), ArchiveError> {
    let unreadable = |source| ArchiveError::Unreadable { source };
    let format = ArchiveFormat::of(file).map_err(unreadable)?;
    let format = format.ok_or(ArchiveError::NotAnArchive)?;
    let length = file.metadata().map_err(unreadable)?.len();
    file.rewind().map_err(unreadable)?;
    Ok((format, length))
}

fn check_empty(into: &Path) -> Result<(), ArchiveError> {
    let unwritable = |error| unwritable(error, into);
    if fs::read_dir(into).map_err(unwritable)?.next().is_some() {
        let path = into.to_path_buf();
        return Err(ArchiveError::NotEmpty { path });
    }
    Ok(())
}

fn unwritable(source: io::Error, into: &Path) -> ArchiveError {
    let entry = into.to_path_buf();
    ArchiveError::Unwritable { entry, source }
}

fn read_tar(
    file: File,
    compression: Compression,
    position: &Position,
    sink: &mut dyn Sink,
) -> Result<(), ArchiveError> {
    let file = BufReader::with_capacity(64 << 10, Counted::new(file, position));
    let stream = Decoder::new(compression, file);
    let stream = stream.map_err(|error| ArchiveError::of_stream(error, None))?;
    // Headers are small, and decoders take long for little.
    let mut stream = BufReader::with_capacity(32 << 10, stream);
    tar::read(&mut stream, sink)
}

/// Removes all that is in a folder.
fn clear(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
