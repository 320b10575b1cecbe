//! A package's code, ready to be run.

use super::code::chain;
use super::engine::bounded;
use super::status::LifecycleState;
use crate::plugin::{Cancellation, Fault, HookName, Lifecycle, ResolveError};

/// The lifecycle of one package.
#[derive(Debug)]
pub(super) enum Object {
    /// In this process.
    Here(Lifecycle),
}

/// Why an object cannot be made, or why its hook failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// A stable code.
    pub(super) code: String,
    pub(super) message: String,
    /// Where a panic started.
    pub(super) location: Option<String>,
}

impl From<ResolveError> for Failure {
    fn from(error: ResolveError) -> Self {
        Self {
            code: error.code().to_owned(),
            message: why_not_made(&error),
            location: None,
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self {
            code: fault.code().to_owned(),
            message: fault.to_string(),
            location: fault.location().map(|it| bounded(it.to_string())),
        }
    }
}

/// Why there is no object, also where its plugin is there and must not be loaded.
fn why_not_made(error: &ResolveError) -> String {
    let mut why = chain(error);
    if let ResolveError::Unknown { search, .. } = error {
        for (path, refusal) in &search.refused {
            why = format!("{why}; refused `{}`: {refusal}", path.display());
        }
    }
    why
}

impl Object {
    /// What is shown of it.
    pub(super) fn state(&self) -> LifecycleState {
        match self {
            Self::Here(lifecycle) => {
                let plugin = lifecycle.plugin();
                LifecycleState {
                    type_name: lifecycle.type_name().to_string(),
                    plugin: plugin.path().to_path_buf(),
                    plugin_version: plugin.manifest().version.clone(),
                }
            }
        }
    }

    /// Runs a hook; `from` is the version that `upgrade` is from.
    pub(super) fn run(
        &mut self,
        hook: HookName,
        from: &str,
        run: &Cancellation,
    ) -> Result<(), Failure> {
        match self {
            Self::Here(lifecycle) => run_here(lifecycle, hook, from, run),
        }
    }

    /// Drops it; what its drop does wrong.
    pub(super) fn end(self) -> Result<(), String> {
        match self {
            Self::Here(lifecycle) => lifecycle.end().map_err(|fault| fault.to_string()),
        }
    }
}

/// Runs a hook in this process.
pub(super) fn run_here(
    lifecycle: &mut Lifecycle,
    hook: HookName,
    from: &str,
    run: &Cancellation,
) -> Result<(), Failure> {
    let result = match hook {
        HookName::Upgrade => lifecycle.upgrade(from, run),
        hook => lifecycle.run(hook, run),
    };
    result.map_err(Failure::from)
}
