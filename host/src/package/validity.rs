//! Is it a package of its type, and what is not as it should be?

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use keyway_metadata::TypeName;
#[cfg(feature = "install")]
use keyway_metadata::foreign::Escaped;

use super::contents::Contents;
use super::definition::METADATA_KEY;
use super::error::FileError;
use super::metadata::MetadataFiles;
use super::search::DataDirs;
use super::shown::Shown;

/// How much a problem matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It makes the package invalid.
    Error,
    /// The package is valid all the same.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// Something about a package that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    severity: Severity,
    code: &'static str,
    key: Option<String>,
    path: Option<PathBuf>,
    message: String,
}

impl Problem {
    pub(super) fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            key: None,
            path: None,
            message: message.into(),
        }
    }

    pub(super) fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message)
        }
    }

    pub(super) fn of_key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    pub(super) fn at(mut self, path: impl Into<PathBuf>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The same of the package at `to`, which was looked at where it lay at `from`.
    #[cfg(feature = "install")]
    pub(crate) fn moved(mut self, from: &Path, to: &Path) -> Self {
        let [old, new] = [from, to].map(|path| Escaped(&path.to_string_lossy()).to_string());
        self.message = self.message.replace(&old, &new);
        if let Some(below) = self.path.as_ref().and_then(|it| it.strip_prefix(from).ok()) {
            self.path = Some(to.join(below));
        }
        self
    }

    /// Whether it makes the package invalid.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// A stable code, in kebab case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The key that it is about, if it is about one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The file or folder that it is about, if it is about one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// What is wrong, in one sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, self.message)
    }
}

impl Contents {
    /// Everything that is not as it should be, the errors first. There are errors if and only if
    /// it is not valid.
    pub(super) fn problems(&self, type_name: &TypeName, dirs: &DataDirs) -> Vec<Problem> {
        let mut problems = self.errors();
        if let Some(root) = &self.root {
            self.metadata_warnings(root, type_name, &mut problems);
            self.warnings(root, dirs, &mut problems);
        }
        #[cfg(feature = "archive")]
        self.archive_warnings(&mut problems);
        if let Some(trouble) = &self.fallback_trouble {
            let message = format!(
                "the fallback package that {} names does not count: {}",
                trouble.named_by, trouble.why
            );
            problems.push(Problem::warning(trouble.code, message));
        }
        problems
    }

    #[cfg(feature = "archive")]
    fn archive_warnings(&self, problems: &mut Vec<Problem>) {
        for warning in self.archive.iter().flat_map(|archive| archive.warnings()) {
            let problem = Problem::warning(warning.code(), warning.to_string());
            problems.push(problem.at(warning.entry()));
        }
    }

    /// What makes it invalid.
    pub(super) fn errors(&self) -> Vec<Problem> {
        let Some(root) = &self.root else {
            return vec![Problem::error("no-package", "the package has no path")];
        };
        let mut problems = Vec::new();
        if self.is_hidden() {
            let message = "the metadata say `isHidden`, so the package does not count";
            problems.push(Problem::error("hidden", message).of_key(METADATA_KEY));
        }
        if let Some(trouble) = self.namelessness() {
            let problem = Problem::error(trouble.code(), trouble.to_string());
            problems.push(problem.of_key(METADATA_KEY).at(trouble.path()));
        }
        for key in self.definition.required_keys() {
            let Err(error) = self.find(key, OsStr::new("")) else {
                continue;
            };
            let code = match error {
                FileError::Outside { .. } => "required-outside",
                FileError::Unreadable { .. } => "required-unreadable",
                _ => "required-missing",
            };
            let message = format!(
                "the required key {} does not resolve: {error}",
                Shown::new(key)
            );
            problems.push(Problem::error(code, message).of_key(key).at(root));
        }
        problems
    }

    fn metadata_warnings(&self, root: &Path, type_name: &TypeName, problems: &mut Vec<Problem>) {
        let mut warn = |code, path: &Path, message: String| {
            problems.push(
                Problem::warning(code, message)
                    .of_key(METADATA_KEY)
                    .at(path),
            );
        };
        if let Some(trouble) = &self.metadata_trouble
            && self.namelessness().is_none()
        {
            warn(trouble.code(), trouble.path(), trouble.to_string());
        }
        let Some(metadata) = &self.metadata else {
            if self.metadata_trouble.is_none() {
                warn(
                    "metadata-missing",
                    root,
                    "there is no metadata file".to_owned(),
                );
            }
            return;
        };
        let file = metadata.file().unwrap_or(root);
        for problem in metadata.problems() {
            warn(
                "metadata-malformed",
                file,
                format!("{}: {problem}", Shown::new(file)),
            );
        }
        match metadata.declared_types().as_slice() {
            [] => warn(
                "untyped",
                file,
                "the metadata name no package type".to_owned(),
            ),
            types if types.iter().any(|declared| type_name == declared.as_str()) => {}
            types => {
                let named = super::shown::ShownList(types);
                let message = format!(
                    "the metadata name the type {named}, the package is used as `{type_name}`"
                );
                warn("type-differs", file, message);
            }
        }
        match metadata.view().id() {
            None => warn(
                "id-missing",
                file,
                "the metadata have no `KPlugin.Id`".to_owned(),
            ),
            // What an archive was unpacked to has any name, and a 3bot package's own folder too.
            Some(id)
                if self.path() == Some(root)
                    && self.definition.metadata_files() == MetadataFiles::KPackage
                    && root.file_name() != Some(OsStr::new(id)) =>
            {
                let folder = root.file_name().unwrap_or_default();
                let message = format!(
                    "the id is {}, the folder's name {}",
                    Shown::new(id),
                    Shown::new(folder)
                );
                warn("id-differs", file, message);
            }
            Some(_) => {}
        }
    }
}
