//! Removing whatever lies somewhere.

use std::fs;
use std::io;
use std::path::Path;

/// Removes a folder with all that is in it, a file, or a link, never what a link leads to. That it
/// is not there is no error.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata?,
    };
    if !metadata.is_dir() {
        return super::unless_absent(fs::remove_file(path));
    }
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            // Its owner may not write to a folder in it.
            open_up(path)?;
            super::unless_absent(fs::remove_dir_all(path))
        }
        removed => super::unless_absent(removed),
    }
}

/// Lets the owner do everything with the folders at and below `path`, which lie where nobody else
/// writes.
#[cfg(unix)]
fn open_up(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn open_up(_: &Path) -> io::Result<()> {
    Ok(())
}
