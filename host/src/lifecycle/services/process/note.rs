//! What is written down of a process, so that whoever comes after a kill finds it.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Pid;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Site;
use super::system;
use crate::lifecycle::lock::{make_private, private};

/// What stands in the environment of all processes of a state folder, first: another folder has
/// another one, also one of the same name in a container.
pub(super) fn mark_of(state_dir: &Path) -> String {
    let real = fs::canonicalize(state_dir).unwrap_or_else(|_| state_dir.to_path_buf());
    let mut hash = Sha256::new();
    hash.update(real.as_os_str().as_encoded_bytes());
    if let Ok(metadata) = fs::metadata(&real) {
        hash.update([0]);
        hash.update(metadata.dev().to_le_bytes());
        hash.update(metadata.ino().to_le_bytes());
    }
    hex(&hash.finalize()[..16])
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A process as it is written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Noted {
    /// What its environment says.
    pub(super) token: String,
    /// Its id, once it has one.
    pub(super) pid: Option<i32>,
    /// When it started, as the system counts since it was booted; `None` where it does not tell.
    pub(super) started: Option<u64>,
    /// Which time the system was booted; `None` where it does not tell.
    pub(super) boot: Option<String>,
    pub(super) grace_ms: u64,
}

/// Where a process is written down.
#[derive(Debug)]
pub(super) struct Note {
    path: PathBuf,
    /// What only this process has in its environment, and what it starts.
    pub(super) token: String,
}

impl Note {
    pub(super) fn new(site: &Site, package: &str, name: &str) -> Result<Self, String> {
        let mut random = [0; 16];
        let read = File::open("/dev/urandom").and_then(|mut it| it.read_exact(&mut random));
        read.map_err(|error| format!("`/dev/urandom`: {error}"))?;
        let folder = folder(&site.state_dir).join(package);
        Ok(Self {
            path: folder.join(format!("{name}.json")),
            token: format!("{}-{}", site.mark, hex(&random)),
        })
    }

    /// Writes down that it is about to be started, or has been.
    pub(super) fn write(&self, pid: Option<Pid>, grace: Duration) -> io::Result<()> {
        let noted = Noted {
            token: self.token.clone(),
            pid: pid.map(|pid| pid.as_raw_nonzero().get()),
            started: pid.and_then(system::started),
            boot: system::boot(),
            grace_ms: u64::try_from(grace.as_millis()).unwrap_or(u64::MAX),
        };
        if let Some(folder) = self.path.parent() {
            make_private(folder)?;
        }
        // No need to bring it to the disk: it is of no use once the system was started again.
        let new = self.path.with_extension("new");
        let mut options = OpenOptions::new();
        private(options.write(true).create(true).truncate(true))
            .open(&new)?
            .write_all(&serde_json::to_vec(&noted)?)?;
        fs::rename(new, &self.path)
    }

    pub(super) fn remove(&self) {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let path = self.path.display();
                tracing::warn!(%path, %error, "the note of a process cannot be removed");
            }
            _ => {}
        }
    }
}

fn folder(state_dir: &Path) -> PathBuf {
    state_dir.join("processes")
}

/// What another manager wrote down.
pub(super) fn all(state_dir: &Path) -> Vec<Noted> {
    let entries = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten();
        entries.filter_map(|it| Some(it.ok()?.path()))
    };
    let files = entries(&folder(state_dir)).flat_map(|it| entries(&it).collect::<Vec<_>>());
    let noted = files.filter_map(|file| serde_json::from_slice(&fs::read(file).ok()?).ok());
    noted.collect()
}

/// Forgets what another manager wrote down.
pub(super) fn remove_all(state_dir: &Path) {
    let folder = folder(state_dir);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let path = folder.display();
            tracing::warn!(%path, %error, "the notes of processes cannot be removed");
        }
        _ => {}
    }
}
