//! The gates that a file passes before it is loaded, in order.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::candidate::{Candidate, Compatible, Look, look};
use super::quarantine::{Quarantine, file_name};
use super::refusal::Refusal;

/// What the gates go by.
#[derive(Clone, Debug)]
pub(super) struct Gates {
    pub(super) quarantine: Quarantine,
}

/// A plugin that may be loaded now: it has passed every gate.
#[derive(Clone, Debug)]
pub(super) struct Admitted(Compatible);

impl Admitted {
    pub(super) fn compatible(&self) -> &Compatible {
        &self.0
    }

    pub(super) fn into_candidate(self) -> Candidate {
        self.0.into_candidate()
    }
}

/// What is known of all files at once, for who looks at many.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// See [`Quarantine::names`].
    in_quarantine: HashSet<String>,
}

impl Gates {
    pub(super) fn known(&self) -> Known {
        Known {
            in_quarantine: self.quarantine.names(),
        }
    }

    /// Looks at the file at `path` and puts it through the gates. Nothing of it is run.
    pub(super) fn look(&self, path: &Path, known: &Known) -> Look {
        match look(path) {
            Look::Compatible(compatible) => {
                let quick = known.in_quarantine.is_empty()
                    || !known.in_quarantine.contains(&file_name(path));
                if quick {
                    return Look::Compatible(compatible);
                }
                match self.admit(&compatible) {
                    Ok(Admitted(compatible)) => Look::Compatible(compatible),
                    Err(why) => Look::Refused(why, Some(compatible.into_candidate())),
                }
            }
            other => other,
        }
    }

    /// The last gates: what may have changed since the file was looked at.
    pub(super) fn admit(&self, compatible: &Compatible) -> Result<Admitted, Arc<Refusal>> {
        let candidate = compatible.candidate();
        match self.quarantine.get(candidate.path(), candidate.identity()) {
            Some(quarantined) => Err(Arc::new(Refusal::Quarantined(Box::new(quarantined)))),
            None => Ok(Admitted(compatible.clone())),
        }
    }
}
