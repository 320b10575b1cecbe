//! The files that logs lie in: one that is written to, and those before it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// As large a file gets.
pub(crate) const LARGEST: u64 = 1 << 20;
/// As many older ones are kept: `.1` is the newest of them.
pub(crate) const KEPT: usize = 3;

/// The file that is `age` files old.
pub(crate) fn aged(path: &Path, age: usize) -> PathBuf {
    if age == 0 {
        return path.to_path_buf();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{age}"));
    name.into()
}

/// Appends a line, with its end, to a file in a folder that is there. One caller at a time.
pub(super) fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    let mut file = open_to_append(path)?;
    let size = file.metadata()?.len();
    if size > 0 && size.saturating_add(line.len() as u64) > LARGEST {
        for age in (0..KEPT).rev() {
            match fs::rename(aged(path, age), aged(path, age + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        file = open_to_append(path)?;
    }
    file.write_all(line)
}

/// Opens a file of ours; what is no file is none, and is not waited for.
fn open_to_append(path: &Path) -> io::Result<File> {
    opened(OpenOptions::new().append(true).create(true), path)
}

/// The same, to read it.
pub(super) fn open(path: &Path) -> io::Result<File> {
    opened(OpenOptions::new().read(true), path)
}

fn opened(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;

        use rustix::fs::OFlags;
        // A package may put what it likes where its processes log to.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options
            .mode(0o600)
            .custom_flags(flags.bits().try_into().unwrap_or_default());
    }
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    Ok(file)
}

/// Makes the folder of a package's logs, for us alone.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// What a file is known by, whatever it is called.
pub(super) fn identity(file: &fs::Metadata) -> (u64, u64) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        (file.dev(), file.ino())
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        (0, 0)
    }
}
