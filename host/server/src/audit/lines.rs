//! The file: a JSON object on each line, and at most three older ones beside it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

/// As large the log grows before it becomes an older one.
const MOST: u64 = 10 * 1024 * 1024;
/// As many older ones are kept.
const KEPT: u32 = 3;

/// Writes a line, with the time first. That it cannot be written is told to the log, and ends nothing.
pub(super) fn append(path: &Path, line: Map<String, Value>) {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let mut whole = Map::new();
    let time = since.map_or(0, |since| since.as_secs());
    whole.insert("time".to_owned(), time.into());
    whole.extend(line);
    let text = format!("{}\n", Value::Object(whole));
    if let Err(error) = write(path, &text, MOST) {
        tracing::error!(?path, %error, line = text.trim_end(), "the audit log cannot be written");
    }
}

fn write(path: &Path, text: &str, most: u64) -> io::Result<()> {
    loop {
        let mut file = open(path)?;
        // Commands write to it, too.
        file.lock()?;
        if !is_at(&file, path)? {
            continue;
        }
        if file.metadata()?.len() >= most {
            for number in (1..KEPT).rev() {
                rename(&older(path, number), &older(path, number + 1))?;
            }
            rename(path, &older(path, 1))?;
            continue;
        }
        return file.write_all(text.as_bytes());
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        renamed => renamed,
    }
}

fn older(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

/// Whether the file has not been moved away since it was opened.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let own = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (own.dev(), own.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_large_log_becomes_an_older_one_and_no_line_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        thread::scope(|scope| {
            for writer in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    for number in 0..50 {
                        write(path, &format!("{writer} {number:>8}\n"), 1100).unwrap();
                    }
                });
            }
        });
        // 200 lines of 11 bytes: one file of 100, or a line more, is full.
        let lines = |path: &Path| fs::read_to_string(path).unwrap().lines().count();
        assert_eq!(lines(&path) + lines(&older(&path, 1)), 200);
        for _ in 0..1000 {
            write(&path, "0123456789\n", 1100).unwrap();
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
        assert_eq!(lines(&older(&path, 3)), 100);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o7777, 0o600);
        }
    }
}
