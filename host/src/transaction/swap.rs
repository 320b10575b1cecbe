//! Moving folders: one step that either happens or not.

use std::io;
use std::path::Path;

/// Moves `from` to `to`, where nothing may be.
pub(super) fn put(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Err(error) if is_missing(error) => {}
            moved => return Ok(moved?),
        }
    }
    // Whoever goes by our lock does not come in between.
    if super::is_there(to)? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    std::fs::rename(from, to)
}

/// Exchanges two folders in one step. `false`: the system, or the file system, cannot do that.
#[cfg(feature = "install")]
pub(super) fn exchange(one: &Path, other: &Path) -> io::Result<bool> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
            Ok(()) => return Ok(true),
            Err(error) if is_missing(error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let _ = (one, other);
    Ok(false)
}

/// Whether an error says that this way to rename is not there.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn is_missing(error: rustix::io::Errno) -> bool {
    use rustix::io::Errno;
    [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP].contains(&error)
}
