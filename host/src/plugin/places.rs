//! The host's own folders: a cache that may be lost at any moment, and state that should not.

use std::path::PathBuf;

use super::library::raised_privileges;

/// The folder for what can be learned again: `XDG_CACHE_HOME/keyway`, else `~/.cache/keyway`.
///
/// `None` without a home, and with raised privileges: whoever started the process could choose it.
#[must_use]
pub fn cache_dir() -> Option<PathBuf> {
    below("XDG_CACHE_HOME", ".cache")
}

/// The folder for what should last, as the quarantine: `XDG_STATE_HOME/keyway`, else
/// `~/.local/state/keyway`.
///
/// `None` without a home, and with raised privileges.
#[must_use]
pub fn state_dir() -> Option<PathBuf> {
    below("XDG_STATE_HOME", ".local/state")
}

fn below(variable: &str, in_home: &str) -> Option<PathBuf> {
    if raised_privileges() {
        return None;
    }
    let named = std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute());
    let folder = named.or_else(|| {
        let home = std::env::home_dir().filter(|home| home.is_absolute())?;
        Some(home.join(in_home))
    })?;
    Some(folder.join("keyway"))
}
