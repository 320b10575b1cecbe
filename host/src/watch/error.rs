//! Why nothing is watched.

use crate::package::LoadError;

/// Why nothing is watched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// The type of the packages is not known.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The system cannot tell about changes, or not to one more program.
    #[error("changes in folders cannot be watched: {0}")]
    System(String),
}

impl WatchError {
    /// A stable code, in kebab case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Load(error) => error.code(),
            Self::System(_) => "watch-unavailable",
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Load(error) => error.hint(),
            Self::System(_) => None,
        }
    }
}

impl From<notify::Error> for WatchError {
    fn from(error: notify::Error) -> Self {
        Self::System(error.to_string())
    }
}
