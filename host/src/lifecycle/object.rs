//! A package's code, ready to be run.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::code::chain;
use super::engine::bounded;
#[cfg(unix)]
use super::isolated::Isolated;
use super::status::LifecycleState;
use crate::plugin::{Cancellation, Fault, HookName, Lifecycle, ResolveError};

/// The lifecycle of one package.
#[derive(Debug)]
pub(super) enum Object {
    /// In this process.
    Here(Lifecycle),
    /// In a process of its own.
    #[cfg(unix)]
    Isolated(Isolated),
}

/// The code of errors whose cause is the end of a worker.
pub(super) const ENDED: &str = "worker-ended";

/// Ends what an object runs in, so that who waits for it has an answer.
pub(super) type Killer = Arc<dyn Fn() + Send + Sync>;

/// Why an object cannot be made, or why its hook failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
                    plugin_id: plugin.manifest().id.clone(),
                    plugin_version: plugin.manifest().version.clone(),
                    isolated: false,
                    pid: None,
                }
            }
            #[cfg(unix)]
            Self::Isolated(isolated) => isolated.state(),
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
            #[cfg(unix)]
            Self::Isolated(isolated) => isolated.run(hook, from, run),
        }
    }

    /// Drops it; what its drop does wrong.
    pub(super) fn end(self) -> Result<(), String> {
        match self {
            Self::Here(lifecycle) => lifecycle.end().map_err(|fault| fault.to_string()),
            #[cfg(unix)]
            Self::Isolated(isolated) => isolated.end(),
        }
    }

    /// What ends what it runs in; `None` for one that is in this process.
    pub(super) fn killer(&self) -> Option<Killer> {
        match self {
            Self::Here(_) => None,
            #[cfg(unix)]
            Self::Isolated(isolated) => Some(isolated.killer()),
        }
    }

    pub(super) fn is_isolated(&self) -> bool {
        !matches!(self, Self::Here(_))
    }

    /// How its process ended, if it did.
    pub(super) fn ended(&self) -> Option<String> {
        match self {
            Self::Here(_) => None,
            #[cfg(unix)]
            Self::Isolated(isolated) => isolated.ended(),
        }
    }

    /// As long its process has been there.
    pub(super) fn lasted(&self) -> Duration {
        match self {
            Self::Here(_) => Duration::MAX,
            #[cfg(unix)]
            Self::Isolated(isolated) => isolated.lasted(),
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

#[cfg(unix)]
impl From<crate::plugin::ErrandError> for Failure {
    fn from(error: crate::plugin::ErrandError) -> Self {
        match error {
            crate::plugin::ErrandError::Resolve(error) => error.into(),
            error => Self {
                code: "worker".to_owned(),
                message: chain(&error),
                location: None,
            },
        }
    }
}
