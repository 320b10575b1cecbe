//! Why a command gave no answer: one line with the cause, then details, then a hint.

use std::error::Error;
use std::fmt;
use std::io;

use keyway::install::InstallError;
use keyway::lifecycle::ManagerError;
use keyway::package::{FileError, HashError, LoadError, PackageError};
use keyway::plugin::TypeNameError;
use keyway::plugin::{InstallPluginError, ProbeError, ResolveError};
use keyway_server::{ClientError, ServeError, TokenError};
use serde_json::{Value, json};

use crate::table::printable;

/// As many lines of details as a person reads.
const MAX_DETAILS: usize = 10;

#[derive(Debug)]
pub(crate) struct Failure {
    code: String,
    message: String,
    details: Vec<String>,
    hint: Option<String>,
    closed_pipe: bool,
}

impl Failure {
    pub(crate) fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            details: Vec::new(),
            hint: None,
            closed_pipe: false,
        }
    }

    /// Something was done, and whoever asked for it cannot be told.
    pub(crate) fn untold(done: &str, error: &io::Error) -> Self {
        Self {
            details: vec![error.to_string()],
            closed_pipe: error.kind() == io::ErrorKind::BrokenPipe,
            ..Self::new(
                "output",
                format!("{done}; this was done, but cannot be written to stdout"),
            )
        }
    }

    fn of(code: &str, error: &dyn Error) -> Self {
        let mut failure = Self::new(code, error.to_string());
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            cause = error.source();
            // Some say their cause themselves.
            let said = failure.details.last().unwrap_or(&failure.message);
            if said.ends_with(&text) {
                continue;
            }
            failure.details.extend(text.lines().map(str::to_owned));
        }
        failure
    }

    pub(crate) fn hint(mut self, hint: Option<impl Into<String>>) -> Self {
        self.hint = hint.map(Into::into);
        self
    }

    /// The hint.
    pub(crate) fn what_to_do(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Code, message and hint, as in the JSON of errors.
    pub(crate) fn parts(&self) -> Value {
        json!({"code": self.code, "message": self.in_one_line(), "hint": self.hint})
    }

    /// What went wrong, in one line.
    pub(crate) fn in_one_line(&self) -> String {
        let mut message = self.message.clone();
        for detail in &self.details {
            message.push_str("; ");
            message.push_str(detail);
        }
        message
    }

    /// Whoever reads our output has seen enough.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        self.closed_pipe
    }

    /// The one JSON shape of errors.
    pub(crate) fn to_json(&self) -> Value {
        json!({"error": self.parts()})
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const BOLD_RED: &str = "\x1b[1;31m";
        const CYAN: &str = "\x1b[36m";
        const PLAIN: &str = "\x1b[0m";
        write!(f, "{BOLD_RED}error{PLAIN}: {}", printable(&self.message))?;
        for detail in self.details.iter().take(MAX_DETAILS) {
            write!(f, "\n  {}", printable(detail))?;
        }
        if self.details.len() > MAX_DETAILS {
            let more = self.details.len() - MAX_DETAILS;
            write!(f, "\n  ({more} more lines with --json)")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n{CYAN}hint{PLAIN}: {}", printable(hint))?;
        }
        Ok(())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self {
            closed_pipe: error.kind() == io::ErrorKind::BrokenPipe,
            ..Self::of("io", &error)
        }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Resolve(error) => error.into(),
            LoadError::Package(error) => error.into(),
            error => Self::of(error.code(), &error).hint(error.hint()),
        }
    }
}

impl From<ResolveError> for Failure {
    fn from(error: ResolveError) -> Self {
        let mut failure = Self::of(error.code(), &error).hint(error.hint());
        // A cause that is told in the details is not told twice.
        let details = error.details();
        if !details.is_empty() {
            failure.details = details;
        }
        failure
    }
}

impl From<PackageError> for Failure {
    fn from(error: PackageError) -> Self {
        Self::of(error.code(), &error).hint(error.hint())
    }
}

impl From<TypeNameError> for Failure {
    fn from(error: TypeNameError) -> Self {
        LoadError::from(error).into()
    }
}

impl From<ProbeError> for Failure {
    fn from(error: ProbeError) -> Self {
        Self::of(error.code(), &error)
    }
}

impl From<InstallPluginError> for Failure {
    fn from(error: InstallPluginError) -> Self {
        Self::of(error.code(), &error).hint(error.hint())
    }
}

impl From<HashError> for Failure {
    fn from(error: HashError) -> Self {
        Self::of(error.code(), &error).hint(error.hint())
    }
}

impl From<InstallError> for Failure {
    fn from(error: InstallError) -> Self {
        let failure = Self::of(error.code(), &error).hint(error.hint());
        match error {
            InstallError::Load(error) => error.into(),
            InstallError::Package(error) => error.into(),
            // What the message says in one line is told in one line for each reason.
            InstallError::Refused { path, refusals } if refusals.len() > 1 => Self {
                message: format!("the package `{}` is not installed", path.display()),
                details: refusals.iter().map(ToString::to_string).collect(),
                ..failure
            },
            InstallError::Invalid {
                path,
                type_name,
                problems,
            } if problems.len() > 1 => Self {
                message: format!(
                    "`{}` is not a valid package of type `{type_name}`",
                    path.display()
                ),
                details: problems.iter().map(|it| it.message().to_owned()).collect(),
                ..failure
            },
            _ => failure,
        }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::of(error.code(), &error)
    }
}

impl From<ManagerError> for Failure {
    fn from(error: ManagerError) -> Self {
        match error {
            ManagerError::Install(error) => error.into(),
            error => Self::of(error.code(), &error).hint(error.hint()),
        }
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        let hint = error.hint();
        match error {
            ServeError::Manager(error) => Self::from(error).hint(hint),
            ServeError::NotStopped(packages) => Self {
                details: packages
                    .iter()
                    .map(|(name, why)| format!("`{name}`: {why}"))
                    .collect(),
                ..Self::new("not-stopped", "not all packages stopped as they should")
            },
            error => Self::of(error.code(), &error).hint(hint),
        }
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        Self::of(error.code(), &error).hint(error.hint())
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::of(error.code(), &error).hint(error.hint())
    }
}
