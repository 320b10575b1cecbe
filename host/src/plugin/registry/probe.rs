//! Trying a plugin in a process of its own, before it is loaded here.
//!
//! A probe costs a process, and a plugin that behaves there may still misbehave here. What it does
//! find: a plugin that crashes, hangs or exits while it is loaded and its types are constructed.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use keyway_metadata::TypeKind;
use serde::{Deserialize, Serialize};

use super::Registry;
use crate::plugin::search_path::SearchPath;

/// How a plugin is tried: by a helper program, in a time.
///
/// The helper gets the plugin's path as its last argument, calls [`probe_here`] with it and prints
/// the outcome as JSON. The command does so as `keyway probe --here FILE`; an application can do it
/// in its own executable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    helper: PathBuf,
    arguments: Vec<OsString>,
    deadline: Duration,
}

/// What came of trying a plugin, where it was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProbeOutcome {
    /// The types that were constructed.
    pub types: Vec<String>,
    /// Why the plugin cannot be used, if so.
    pub error: Option<ProbeFault>,
}

/// Why a plugin that was tried cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProbeFault {
    /// A stable code.
    pub code: String,
    /// What happened.
    pub message: String,
}

/// Why a plugin did not pass its probe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The helper cannot be run. The plugin was not tried, and is not loaded.
    #[error("the helper `{}` cannot be run", helper.display())]
    Helper {
        /// The helper.
        helper: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The plugin took too long. The helper was ended.
    #[error("it did not come to an end in {} s", deadline.as_secs_f32())]
    Deadline {
        /// How long it had.
        deadline: Duration,
    },
    /// The plugin ended the helper.
    #[error("it ended its process: {status}")]
    Ended {
        /// How.
        status: ExitStatus,
    },
    /// The plugin cannot be used, for an ordinary reason.
    #[error("{} ({})", fault.message, fault.code)]
    Fault {
        /// Why.
        fault: ProbeFault,
    },
}

impl ProbeError {
    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Helper { .. } => "probe-helper",
            Self::Deadline { .. } => "probe-deadline",
            Self::Ended { .. } => "probe-ended",
            Self::Fault { fault } => &fault.code,
        }
    }
}

impl Probe {
    /// A probe by `helper`, which has ten seconds.
    pub fn new(helper: impl Into<PathBuf>) -> Self {
        Self {
            helper: helper.into(),
            arguments: Vec::new(),
            deadline: Duration::from_secs(10),
        }
    }

    /// Hands the helper one more argument, before the plugin's path.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Gives the helper so much time.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Tries the plugin at `path`: gives the types that were constructed.
    ///
    /// The helper is ended when its time is over, and always waited for.
    ///
    /// # Errors
    ///
    /// [`ProbeError`]; also when the helper itself cannot be run.
    pub fn run(&self, path: &Path) -> Result<ProbeOutcome, ProbeError> {
        let helper = |source| ProbeError::Helper {
            helper: self.helper.clone(),
            source,
        };
        let mut child = Command::new(&self.helper)
            .args(&self.arguments)
            .arg(path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(helper)?;
        // What it says is read beside, so that it never waits for us.
        let said = child.stdout.take();
        let reader = thread::spawn(move || {
            let mut text = Vec::new();
            if let Some(said) = said {
                let _ = said.take(1024 * 1024).read_to_end(&mut text);
            }
            text
        });
        let status = self.wait(&mut child).map_err(helper)?;
        let Some(status) = status else {
            return Err(ProbeError::Deadline {
                deadline: self.deadline,
            });
        };
        let text = reader.join().unwrap_or_default();
        match serde_json::from_slice::<ProbeOutcome>(&text) {
            Ok(outcome) => match outcome.error {
                None if status.success() => Ok(outcome),
                None => Err(ProbeError::Ended { status }),
                Some(fault) => Err(ProbeError::Fault { fault }),
            },
            Err(_) => Err(ProbeError::Ended { status }),
        }
    }

    /// Waits until the child has ended; one that takes too long is ended, and `None`.
    fn wait(&self, child: &mut Child) -> std::io::Result<Option<ExitStatus>> {
        let end = Instant::now() + self.deadline;
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= end {
                let _ = child.kill();
                child.wait()?;
                return Ok(None);
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

/// Tries the plugin at `path` in this process: loads it and constructs every structure that its
/// manifest names. For helpers of a [`Probe`]: whatever the plugin does, this process suffers.
#[must_use]
pub fn probe_here(path: &Path) -> ProbeOutcome {
    let fault = |code: &str, message: String| ProbeOutcome {
        types: Vec::new(),
        error: Some(ProbeFault {
            code: code.to_owned(),
            message,
        }),
    };
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let Some(folder) = path.parent() else {
        return fault("not-a-file", "this is no file".to_owned());
    };
    let registry = Registry::builder(SearchPath::only([folder]))
        .cache_dir(None)
        .state_dir(None)
        .build();
    let plugin = match registry.load_file(&path) {
        Ok(plugin) => plugin,
        Err(error) => return fault(error.code(), error.to_string()),
    };
    let mut types = Vec::new();
    for name in plugin.manifest().types_of(TypeKind::Structure) {
        match plugin.structure(name) {
            Ok(_) => types.push(name.to_string()),
            Err(error) => return fault(error.code(), error.to_string()),
        }
    }
    ProbeOutcome { types, error: None }
}
