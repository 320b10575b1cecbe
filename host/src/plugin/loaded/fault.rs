//! What went wrong in a plugin's own code.

use std::fmt;
use std::path::{Path, PathBuf};

use keyway_abi::{FaultKind, FaultReport, Location};
use keyway_metadata::TypeName;

use super::lifecycle::HookName;

/// The methods of a plugin that the host calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// The plugin is introduced to the host.
    Attach,
    /// An object is constructed.
    Construct,
    /// `PackageStructure::init_package`.
    InitPackage,
    /// `PackageStructure::path_changed`.
    PathChanged,
    /// A hook of a `Lifecycle`.
    Hook(HookName),
    /// An object is dropped.
    Drop,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hook(hook) => return hook.fmt(f),
            Self::Attach => "attach",
            Self::Construct => "constructor",
            Self::InitPackage => "init_package",
            Self::PathChanged => "path_changed",
            Self::Drop => "drop",
        })
    }
}

/// A plugin's own code failed or panicked.
///
/// The process goes on; what the call was to give is not there.
#[derive(Clone, Debug)]
pub struct Fault(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    plugin: String,
    path: Option<PathBuf>,
    type_name: Option<TypeName>,
    method: Method,
    reports: Vec<FaultReport>,
}

impl Fault {
    pub(crate) fn new(
        plugin: String,
        path: Option<PathBuf>,
        type_name: impl Into<Option<TypeName>>,
        method: Method,
        reports: Vec<FaultReport>,
    ) -> Self {
        Self(Box::new(Inner {
            plugin,
            path,
            type_name: type_name.into(),
            method,
            reports,
        }))
    }

    /// The plugin's id.
    #[must_use]
    pub fn plugin(&self) -> &str {
        &self.0.plugin
    }

    /// The plugin's file; `None` for a structure that the application registered.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// The type whose code it was; `None` for the plugin as a whole.
    #[must_use]
    pub fn type_name(&self) -> Option<&TypeName> {
        self.0.type_name.as_ref()
    }

    /// The method that was called.
    #[must_use]
    pub fn method(&self) -> Method {
        self.0.method
    }

    /// What happened, the main thing first: an error whose drop panics gives two.
    #[must_use]
    pub fn reports(&self) -> &[FaultReport] {
        &self.0.reports
    }

    /// Where a panic started, if that is what happened.
    #[must_use]
    pub fn location(&self) -> Option<&Location> {
        self.0
            .reports
            .iter()
            .find_map(|report| report.location.as_ref())
    }

    /// Whether it was a panic, first or after an error.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        self.0
            .reports
            .iter()
            .any(|report| report.kind == FaultKind::Panic)
    }

    /// A stable code: `plugin-panicked` or `plugin-failed`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        if self.is_panic() {
            "plugin-panicked"
        } else {
            "plugin-failed"
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        write!(f, "plugin `{}`", inner.plugin)?;
        if let Some(type_name) = &inner.type_name {
            write!(f, ", type `{type_name}`")?;
        }
        write!(f, ", method `{}`: ", inner.method)?;
        for (index, report) in inner.reports.iter().enumerate() {
            if index > 0 {
                f.write_str("; then ")?;
            }
            write!(f, "{report}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}
