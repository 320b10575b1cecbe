//! Reading logs, also while they are written to and rotated.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use keyway::foreign::Escaped;

use super::event::{LONGEST, bounded};
use super::file::{KEPT, aged, identity, open};

/// The file of what is logged of a package.
pub(super) const PACKAGE_LOG: &str = "package.log";
/// As much of the end of a file is looked at for its last lines.
const TAIL: u64 = 4 << 20;

/// A log of a package: what is logged of it, or what a process of it prints.
///
/// Lines come without their ends, escaped but for tabs, and cut after 8 KiB.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: Option<File>,
    /// How far it was read.
    at: u64,
    /// The line that has no end yet.
    line: Vec<u8>,
    /// The newest of the older files, when this one was read.
    copy: Option<Known>,
    /// Whether it was cut, and the copy is about to get its name.
    is_cut: bool,
}

/// What a file is known by, and its last change.
type Known = ((u64, u64), Option<SystemTime>);

impl LogFile {
    /// The log of a package in a state folder, or that of one of its processes.
    ///
    /// # Errors
    ///
    /// It is not there: [`io::ErrorKind::NotFound`]; what is asked for can be no name:
    /// [`io::ErrorKind::InvalidInput`].
    pub fn find(state_dir: &Path, package: &str, process: Option<&str>) -> io::Result<Self> {
        if !super::is_full_name(package) {
            let message = "the package's name is none, expected `author.name`";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let name = match process {
            None => PACKAGE_LOG.to_owned(),
            Some(process) if is_process_name(process) => format!("{process}.log"),
            Some(_) => {
                let message = "the process's name is none, expected letters, digits, `.`, `_` and `-`, \
                               the first of which is a letter or a digit";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
        };
        let folder = state_dir.join("logs").join(package);
        fs::metadata(&folder)?;
        let path = folder.join(name);
        // Nothing has been logged of it yet; a process is only known by what it printed.
        if process.is_some() {
            fs::symlink_metadata(&path)?;
        }
        Ok(Self {
            path,
            file: None,
            at: 0,
            line: Vec::new(),
            copy: None,
            is_cut: false,
        })
    }

    /// The processes of a package that have printed something, in order.
    #[must_use]
    pub fn processes(state_dir: &Path, package: &str) -> Vec<String> {
        let folder = state_dir.join("logs").join(package);
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name != PACKAGE_LOG)
            .filter_map(|name| Some(name.strip_suffix(".log")?.to_owned()))
            .filter(|name| is_process_name(name))
            .collect();
        names.sort_unstable();
        names
    }

    /// Whether it has a place at all: it has none once the package's logs are removed.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.path.parent().is_some_and(Path::is_dir)
    }

    /// The last lines that are there, `most` at most; reading goes on behind them.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn last(&mut self, most: usize) -> io::Result<Vec<String>> {
        self.file = present(open(&self.path))?;
        self.copy = self.copy_now();
        let mut lines = Vec::new();
        let mut own = None;
        if let Some(file) = &mut self.file {
            let found = file.metadata()?;
            own = Some(identity(&found));
            let (text, end) = tail(file)?;
            self.at = end;
            let whole = text
                .iter()
                .rposition(|it| *it == b'\n')
                .map_or(0, |at| at + 1);
            self.line = text[whole..].to_vec();
            lines = split(&text[..whole]);
        }
        for age in 1..=KEPT {
            if lines.len() >= most {
                break;
            }
            let Some(mut file) = present(open(&aged(&self.path, age)))? else {
                continue;
            };
            // It was rotated since.
            if Some(identity(&file.metadata()?)) == own {
                continue;
            }
            let mut older = split(&tail(&mut file)?.0);
            older.append(&mut lines);
            lines = older;
        }
        lines.drain(..lines.len().saturating_sub(most));
        Ok(lines)
    }

    /// The line that has no end yet, where one was begun.
    pub fn rest(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        (!line.is_empty()).then(|| shown(&line))
    }

    /// Reads what has come since, also through rotations, and calls `line` with each line. When it was
    /// rotated too often meanwhile, what was lost is passed over.
    ///
    /// # Errors
    ///
    /// It cannot be read, or `line` fails.
    pub fn news(&mut self, line: &mut dyn FnMut(String) -> io::Result<()>) -> io::Result<()> {
        loop {
            let Some(mut file) = self.file.take() else {
                let Some(file) = present(open(&self.path))? else {
                    return Ok(());
                };
                (self.file, self.at) = (Some(file), 0);
                self.copy = self.copy_now();
                continue;
            };
            let read = self.read(&mut file, line);
            let next = read.and_then(|()| self.next(&mut file, line));
            match next {
                Ok(None) => {
                    self.file = Some(file);
                    return Ok(());
                }
                Ok(Some(next)) => {
                    if let Some(rest) = self.rest() {
                        line(rest)?;
                    }
                    (self.file, self.at) = (Some(next), 0);
                    self.copy = self.copy_now();
                }
                Err(error) => {
                    self.file = Some(file);
                    return Err(error);
                }
            }
        }
    }

    /// Reads to the end of a file.
    fn read(
        &mut self,
        file: &mut File,
        line: &mut dyn FnMut(String) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut copy = present(open(&aged(&self.path, 1)))?;
        let found = copy.as_ref().map(File::metadata).transpose()?;
        let known = found.as_ref().map(|it| (identity(it), it.modified().ok()));
        let own = file.metadata()?;
        let newest = present(fs::symlink_metadata(&self.path))?;
        let is_newest = newest.is_some_and(|it| identity(&it) == identity(&own));
        let (size, copied) = (own.len(), found.map_or(0, |it| it.len()));
        // It was copied and cut. A copy that is just being made is smaller.
        let is_copied = is_newest && known != self.copy && size < copied && self.at <= copied;
        let is_new = known.is_some() && known != self.copy;
        if size < self.at && !is_new && !std::mem::replace(&mut self.is_cut, true) {
            return Ok(());
        }
        self.is_cut = false;
        if size < self.at || is_copied {
            if let Some(copy) = &mut copy
                && is_new
                && copied >= self.at
            {
                self.read_on(copy, line)?;
            }
            if let Some(rest) = self.rest() {
                line(rest)?;
            }
            self.at = 0;
        }
        self.copy = known;
        self.read_on(file, line)
    }

    /// What the newest of the older files is known by.
    fn copy_now(&self) -> Option<Known> {
        let found = fs::symlink_metadata(aged(&self.path, 1)).ok()?;
        Some((identity(&found), found.modified().ok()))
    }

    fn read_on(
        &mut self,
        file: &mut File,
        line: &mut dyn FnMut(String) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        file.seek(SeekFrom::Start(self.at))?;
        loop {
            let length = file.read(&mut buffer)?;
            if length == 0 {
                return Ok(());
            }
            self.at += length as u64;
            for part in buffer[..length].split_inclusive(|it| *it == b'\n') {
                let (text, is_whole) = match part.strip_suffix(b"\n") {
                    Some(text) => (text, true),
                    None => (part, false),
                };
                // One byte more shows that it is to be cut.
                let left = (LONGEST + 1).saturating_sub(self.line.len());
                self.line.extend_from_slice(&text[..text.len().min(left)]);
                if is_whole {
                    let text = shown(&std::mem::take(&mut self.line));
                    line(text)?;
                }
            }
        }
    }

    /// The file to be read after this one, which was read; `None` if it is the newest.
    fn next(
        &mut self,
        file: &mut File,
        line: &mut dyn FnMut(String) -> io::Result<()>,
    ) -> io::Result<Option<File>> {
        let own = identity(&file.metadata()?);
        let is_at = |age| {
            let found = fs::symlink_metadata(aged(&self.path, age));
            present(found).map(|it| it.map(|it| identity(&it)) == Some(own))
        };
        if is_at(0)? {
            return Ok(None);
        }
        let (path, mut place) = (self.path.clone(), None);
        for age in 1..=KEPT {
            if is_at(age)? {
                place = Some(age);
            }
        }
        // What was written before it got its other name.
        self.read_on(file, line)?;
        let Some(age) = place else {
            // It is gone: what is left is newer, if anything is.
            for age in (0..=KEPT).rev() {
                if let Some(file) = present(open(&aged(&path, age)))? {
                    return Ok(Some(file));
                }
            }
            return Ok(None);
        };
        let Some(next) = present(open(&aged(&path, age - 1)))? else {
            // It is about to be made.
            return Ok(None);
        };
        let found = present(fs::symlink_metadata(aged(&path, age)))?;
        // It was rotated again just now: the next time.
        Ok((found.map(|it| identity(&it)) == Some(own)).then_some(next))
    }
}

/// Whether a name can be that of a process, and so of a file.
fn is_process_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || b"._-".contains(&it))
}

fn present<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The end of a file, from the beginning of a line on, and where it ends.
fn tail(file: &mut File) -> io::Result<(Vec<u8>, u64)> {
    let from = file.metadata()?.len().saturating_sub(TAIL);
    file.seek(SeekFrom::Start(from))?;
    let mut text = Vec::new();
    // It may grow meanwhile.
    file.take(2 * TAIL).read_to_end(&mut text)?;
    let end = from + text.len() as u64;
    if from > 0 {
        let first = text.iter().position(|it| *it == b'\n');
        text.drain(..first.map_or(0, |at| at + 1));
    }
    Ok((text, end))
}

fn split(text: &[u8]) -> Vec<String> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    if text.is_empty() {
        return Vec::new();
    }
    text.split(|it| *it == b'\n').map(shown).collect()
}

/// A line as it may reach anybody.
fn shown(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = String::from_utf8_lossy(line);
    let parts: Vec<String> = text
        .split('\t')
        .map(|part| Escaped(part).to_string())
        .collect();
    bounded(&parts.join("\t")).into_owned()
}
