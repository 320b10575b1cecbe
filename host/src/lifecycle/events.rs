//! What happens in a manager, told to who wants to know.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::request::HookProgress;

/// What happens in a manager.
///
/// As JSON: an object whose `event` says what, as in `{"event": "changed", "name": "a.b"}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ManagerEvent {
    /// What is known of a package is not what it was: ask for it again.
    Changed {
        /// Its full name.
        name: String,
    },
    /// A package is not on record any more.
    Removed {
        /// Its full name.
        name: String,
    },
    /// A hook of a package's code begins.
    HookBegun {
        /// The package's full name.
        name: String,
        /// The hook.
        hook: String,
    },
    /// A hook of a package's code ended, or was given up.
    HookEnded {
        /// The package's full name.
        name: String,
        /// The hook.
        hook: String,
        /// As long it took.
        seconds: f64,
        /// How.
        outcome: HookOutcome,
    },
    /// The object of a package's code was made anew, for which its plugin was loaded if need be.
    Loaded {
        /// The package's full name.
        name: String,
        /// Its type name.
        #[serde(rename = "type")]
        type_name: String,
        /// The plugin's id.
        plugin: String,
    },
    /// How far a hook is.
    Progress(HookProgress),
    /// Something of a package ended by itself, and is started again.
    Restarted {
        /// The package's full name.
        name: String,
        /// What: `worker`, or the name of a process of the package.
        what: String,
    },
}

/// How a hook ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HookOutcome {
    /// It did what it should.
    Done,
    /// It failed, or panicked, or could not be run.
    Failed,
    /// It did not return in time.
    GaveUp,
}

/// What is called with what happens.
type Told = Arc<dyn Fn(&ManagerEvent) + Send + Sync>;

/// Who is told.
#[derive(Clone, Default)]
pub(super) struct Observer(pub(super) Option<Told>);

impl Observer {
    pub(super) fn tell(&self, event: &ManagerEvent) {
        if let Some(observer) = &self.0 {
            observer(event);
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observer").field(&self.0.is_some()).finish()
    }
}
