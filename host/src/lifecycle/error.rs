//! Why a manager did not do what it was asked for.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::install::InstallError;
use crate::package::Shown;

use super::manager::Holder;
use super::status::LastError;

/// Why a manager did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManagerError {
    /// Somebody else has the state folder.
    #[error("{} is held by {holder}", Shown::new(.path))]
    Held {
        /// The state folder.
        path: PathBuf,
        /// Who has it.
        holder: Holder,
    },
    /// The state folder cannot be used.
    #[error("{} cannot be used", Shown::new(.path))]
    Io {
        /// What it is about.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// What is written in the database cannot be understood.
    #[error("the records in {} are damaged: {why}", Shown::new(.path))]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A change cannot be written to the database.
    #[error("the records in {} cannot be written: {why}", Shown::new(.path))]
    NotWritten {
        /// The database.
        path: PathBuf,
        /// What the database says.
        why: String,
    },
    /// There is no such package on record.
    #[error("there is no package {} on record", Shown::new(.name))]
    NotOnRecord {
        /// The name.
        name: String,
        /// A name that is on record and near.
        near: Option<String>,
    },
    /// What was asked for makes no sense as things are.
    #[error("`{name}` {why}")]
    Refused {
        /// The package.
        name: String,
        /// A stable code.
        code: &'static str,
        /// Why.
        why: String,
        /// What to do instead.
        remedy: Option<String>,
    },
    /// The request itself makes no sense.
    #[error("{what}")]
    BadRequest {
        /// What is wrong with it.
        what: String,
    },
    /// The package could not be brought.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The package's `package.toml` is not as it has to be.
    #[error("{}: {why}", Shown::new(.path))]
    BadPackage {
        /// The file, or the package.
        path: PathBuf,
        /// What is wrong, and where.
        why: String,
    },
    /// The repository could not be fetched.
    #[error("{} is not fetched: {why}", Shown::new(.url))]
    Fetch {
        /// The repository.
        url: String,
        /// A stable code.
        code: &'static str,
        /// Why.
        why: String,
        /// What to do about it.
        remedy: Option<String>,
    },
    /// A step failed: the package is in error now.
    #[error("`{name}` is in error: {}{}", hook(.error), .error.message)]
    Failed {
        /// The package.
        name: String,
        /// What failed.
        error: Box<LastError>,
    },
    /// The manager is about to end.
    #[error("the server is stopping")]
    Stopping,
    /// Others are busy with the package for too long.
    #[error("`{name}` is busy with `{operation}`, for more than {} s", .waited.as_secs())]
    Busy {
        /// The package.
        name: String,
        /// What goes on.
        operation: String,
        /// As long was waited.
        waited: Duration,
    },
}

fn hook(error: &LastError) -> String {
    let hook = error.hook.as_ref();
    hook.map(|hook| format!("hook `{hook}`: "))
        .unwrap_or_default()
}

impl ManagerError {
    /// A stable code, in kebab case.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Held { .. } => "state-held",
            Self::Io { .. } => "io",
            Self::Damaged { .. } => "state-damaged",
            Self::NotWritten { .. } => "state-not-written",
            Self::NotOnRecord { .. } => "not-on-record",
            Self::Refused { code, .. } | Self::Fetch { code, .. } => code,
            Self::BadRequest { .. } => "bad-request",
            Self::Install(error) => error.code(),
            Self::BadPackage { .. } => "bad-package",
            Self::Failed { error, .. } => &error.code,
            Self::Stopping => "stopping",
            Self::Busy { .. } => "busy",
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Damaged { .. } => Some(
                "`keyway serve --recover` sets the file aside and goes on with what can be read of it"
                    .to_owned(),
            ),
            Self::NotOnRecord { near, .. } => {
                let near = near.as_ref()?;
                Some(format!("did you mean `{near}`?"))
            }
            Self::Refused { remedy, .. } | Self::Fetch { remedy, .. } => remedy.clone(),
            Self::Install(error) => error.hint(),
            Self::Failed { name, .. } => Some(format!(
                "when the cause is gone: `keyway package retry {name}`"
            )),
            _ => None,
        }
    }
}
