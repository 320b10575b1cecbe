//! What a server says of itself.

use std::path::{Path, PathBuf};
use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

use keyway::lifecycle::PackageManager;
use serde::{Deserialize, Serialize, Serializer};

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct About {
    /// Its process.
    pub pid: u32,
    /// Since when it serves, in seconds since 1970.
    pub since: u64,
    /// Its version.
    pub version: String,
    /// Where records and data lie. In JSON what is not UTF-8 of it is lost.
    #[serde(serialize_with = "lossy")]
    pub state_dir: PathBuf,
    /// Where packages lie. In JSON what is not UTF-8 of it is lost.
    #[serde(serialize_with = "lossy")]
    pub package_root: PathBuf,
    /// Whether it is about to end, and does nothing new.
    pub stopping: bool,
}

impl About {
    /// What this process says of itself, which serves `manager` from now on.
    pub(crate) fn now(manager: &PackageManager) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            pid: process::id(),
            since: since.map_or(0, |since| since.as_secs()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            state_dir: manager.state_dir().to_owned(),
            package_root: manager.package_root().to_owned(),
            stopping: false,
        }
    }
}

fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}
