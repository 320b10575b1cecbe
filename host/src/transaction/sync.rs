//! Bringing what was written to the disk.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Of more files and folders the whole file system is written at once: as measured, 2,000 files take
/// 25 ms so, and a second or more one by one.
#[cfg(any(target_os = "linux", target_os = "android"))]
const ONE_BY_ONE: usize = 16;

/// Writes the folder `top` with all that is in it to the disk.
pub(crate) fn sync_tree(top: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let mut left = ONE_BY_ONE;
        if !is_small(top, &mut left)? {
            return Ok(rustix::fs::syncfs(File::open(top)?)?);
        }
    }
    sync_below(top)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_small(folder: &Path, left: &mut usize) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if *left == 0 {
            return Ok(false);
        }
        *left -= 1;
        if entry.file_type()?.is_dir() && !is_small(&entry.path(), left)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn sync_below(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            sync_below(&entry.path())?;
        } else if kind.is_file() {
            File::open(entry.path())?.sync_all()?;
        }
    }
    sync_folder(folder)
}

/// Writes to the disk which names a folder has, where the file system can do that.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // So says Linux of folders of some network file systems.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

/// Folders cannot be synced there.
#[cfg(not(unix))]
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
