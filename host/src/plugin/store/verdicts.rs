//! What loading a plugin found out, remembered for that very file.
//!
//! Looking at a file cannot tell whether its code keeps what its manifest says. When loading has
//! found that it does not, listings show it from then on, until the file changes. Resolving is not
//! changed by it: a refusal is final for the one who asked, and the next one tries again.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::quarantine::file_name;
use crate::plugin::file::identity::FileIdentity;

/// Where verdicts are kept.
#[derive(Clone, Debug)]
pub(in crate::plugin) struct Verdicts {
    folder: Option<PathBuf>,
}

/// What an earlier load of a plugin found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RememberedVerdict {
    /// The stable code of the error.
    pub code: String,
    /// What was wrong.
    pub message: String,
    identity: FileIdentity,
}

impl Verdicts {
    pub(in crate::plugin) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    fn file(&self, path: &Path) -> Option<PathBuf> {
        let folder = self.folder.as_deref()?;
        Some(folder.join(format!("{}.verdict", file_name(path))))
    }

    /// The verdict on the file at `path`, if it is still the one that was loaded.
    pub(in crate::plugin) fn get(
        &self,
        path: &Path,
        identity: &FileIdentity,
    ) -> Option<RememberedVerdict> {
        let text = fs::read(self.file(path)?).ok()?;
        let verdict: RememberedVerdict = serde_json::from_slice(&text).ok()?;
        (verdict.identity == *identity).then_some(verdict)
    }

    /// Remembers that loading the file at `path` was refused. What cannot be written is not
    /// remembered.
    pub(in crate::plugin) fn put(
        &self,
        path: &Path,
        identity: &FileIdentity,
        code: &str,
        message: String,
    ) {
        let Some(file) = self.file(path) else {
            return;
        };
        let verdict = RememberedVerdict {
            code: code.to_owned(),
            message,
            identity: *identity,
        };
        let folder = file.parent().unwrap_or(&file);
        let written = fs::create_dir_all(folder)
            .and_then(|()| tempfile::NamedTempFile::new_in(folder))
            .and_then(|temporary| {
                serde_json::to_writer(&temporary, &verdict)?;
                Ok(temporary.persist(&file)?)
            });
        if let Err(error) = written {
            tracing::debug!(%error, "verdict not written");
        }
    }

    /// Forgets what was remembered of the file at `path`: it loaded.
    pub(in crate::plugin) fn forget(&self, path: &Path) {
        if let Some(file) = self.file(path) {
            let _ = fs::remove_file(file);
        }
    }
}
