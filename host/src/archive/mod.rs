//! Archives: unpacked whole, or refused whole.
//!
//! ```text
//! file --content--> ArchiveFormat --zip, or decoder and tar--> entries
//!                                                                | names, sizes, limits
//!                                                                v
//!                              files and folders below one folder --at the end--> links
//! ```
//!
//! [`unpack`] takes an archive from anywhere: what it says is checked before it counts, and the
//! first thing that is not as it should be ends it, with an [`ArchiveError`] of its own. There is
//! no switch that turns a check off; [`Limits`] can be set.
//!
//! It knows nothing of packages. All decoders are Rust.

mod decoder;
mod error;
mod format;
mod limits;
mod links;
mod name;
mod pax;
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
pub use name::ArchiveWarning;
pub use unpacker::Unpacked;

use decoder::Decoder;
use unpacker::Unpacker;

/// Unpacks the archive `file` to the folder `into`, which must be empty and should be one that
/// nobody else writes to.
///
/// Files, folders, hidden entries, links and hard links become what they are in the archive, with
/// their permissions; but their owner may always read and write them, and nothing is set-user-id,
/// set-group-id or sticky. Owners, times and attributes do not count. Nothing is written through a
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
/// Elsewhere than on Unix archives with links are refused, and permissions do not count.
pub fn unpack(mut file: File, into: &Path, limits: &Limits) -> Result<Unpacked, ArchiveError> {
    let unreadable = |source| ArchiveError::Unreadable { source };
    let format = ArchiveFormat::of(&mut file).map_err(unreadable)?;
    let format = format.ok_or(ArchiveError::NotAnArchive)?;
    let length = file.metadata().map_err(unreadable)?.len();
    file.rewind().map_err(unreadable)?;

    let unwritable = |source| ArchiveError::Unwritable {
        entry: into.to_path_buf(),
        source,
    };
    if fs::read_dir(into).map_err(unwritable)?.next().is_some() {
        let path = into.to_path_buf();
        return Err(ArchiveError::NotEmpty { path });
    }
    let unpacker = Unpacker::new(into, length, limits).map_err(unwritable)?;
    let unpacked = unpack_as(format, file, length, unpacker);
    if unpacked.is_err() {
        // What is left is the caller's, like the folder.
        let _ = clear(into);
    }
    unpacked
}

fn unpack_as(
    format: ArchiveFormat,
    file: File,
    length: u64,
    mut unpacker: Unpacker<'_>,
) -> Result<Unpacked, ArchiveError> {
    match format {
        ArchiveFormat::Zip => zip::unpack(file, length, &mut unpacker)?,
        ArchiveFormat::Tar(compression) => {
            let file = BufReader::with_capacity(64 << 10, file);
            let mut stream = Decoder::new(compression, file)
                .map_err(|error| ArchiveError::of_stream(error, None))?;
            tar::unpack(&mut stream, &mut unpacker)?;
        }
    }
    unpacker.finish()
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
