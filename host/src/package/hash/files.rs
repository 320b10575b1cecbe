//! Reading files for a hash.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;

use super::super::metadata::open_without_waiting;
use super::error::HashError;

/// What is read at a time.
const PIECE: usize = 64 << 10;

/// Reads files piece by piece, through one buffer for all of them.
pub(super) struct Reader(Vec<u8>);

impl Reader {
    pub(super) fn new() -> Self {
        Self(vec![0; PIECE])
    }

    /// Hands all of `file` over.
    pub(super) fn read(&mut self, mut file: File, mut to: impl FnMut(&[u8])) -> io::Result<()> {
        loop {
            match file.read(&mut self.0) {
                Ok(0) => return Ok(()),
                Ok(count) => to(&self.0[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Opens what is a regular file: also where a pipe was put in its place just now, nothing waits.
pub(super) fn open(path: &Path) -> Result<(File, Metadata), HashError> {
    let unreadable = |source| HashError::Unreadable {
        path: path.to_path_buf(),
        source,
    };
    let file = open_without_waiting(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_file() {
        Ok((file, metadata))
    } else {
        Err(HashError::NotAFile {
            path: path.to_path_buf(),
        })
    }
}
