//! The gates that a file passes before it is loaded, in order.
//!
//! File, manifest and ABI are those of [`look`]; trust and quarantine follow here. A plugin that is
//! about to be loaded passes the last two again, on the open file.

pub(in crate::plugin) mod candidate;
pub(in crate::plugin) mod refusal;

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::plugin::file::Opened;
use crate::plugin::file::identity::FileIdentity;
use crate::plugin::search_path::FolderOrigin;
use crate::plugin::store::quarantine::{Quarantine, file_name};
use crate::plugin::trust::{self, Distrust, Facts, Folder, Policy, Trusted};
use candidate::{Candidate, Compatible, Look, look_open};
use refusal::Refusal;

/// What the gates go by.
#[derive(Clone, Debug)]
pub(in crate::plugin) struct Gates {
    pub(in crate::plugin) policy: Policy,
    pub(in crate::plugin) quarantine: Quarantine,
}

/// A plugin that may be loaded now: it has passed every gate, and this is its open file.
#[derive(Debug)]
pub(in crate::plugin) struct Admitted {
    compatible: Compatible,
    trusted: Trusted,
    file: File,
}

impl Admitted {
    pub(in crate::plugin) fn candidate(&self) -> &Candidate {
        self.compatible.candidate()
    }

    pub(in crate::plugin) fn into_candidate(self) -> Candidate {
        self.compatible.into_candidate()
    }

    pub(in crate::plugin) fn trusted(&self) -> &Trusted {
        &self.trusted
    }

    pub(in crate::plugin) fn file(&self) -> &File {
        &self.file
    }
}

/// What is so of all files in a folder at one moment: looked up when it is first needed, once.
#[derive(Debug)]
pub(in crate::plugin) struct Known {
    path: PathBuf,
    origin: FolderOrigin,
    /// Who may write the folder and those above it.
    folder: OnceLock<Option<Folder>>,
    /// See [`Quarantine::names`].
    in_quarantine: OnceLock<HashSet<String>>,
}

impl Known {
    fn folder(&self) -> Option<&Folder> {
        let folder = self.folder.get_or_init(|| Folder::of(&self.path).ok());
        folder.as_ref()
    }
}

impl Gates {
    /// What is so from now on of files in the folder at `path`.
    pub(in crate::plugin) fn known(&self, path: &Path, origin: FolderOrigin) -> Known {
        Known {
            path: path.to_path_buf(),
            origin,
            folder: OnceLock::new(),
            in_quarantine: OnceLock::new(),
        }
    }

    /// Looks at the file at `path` and puts it through the gates. Nothing of it is run.
    pub(in crate::plugin) fn look(&self, path: &Path, known: &Known) -> Look {
        let (look, opened) = look_open(path);
        let (Look::Compatible(compatible), Some(opened)) = (&look, opened) else {
            return look;
        };
        let refused = |why| {
            let candidate = compatible.candidate().clone();
            Look::Refused(Arc::new(why), Some(candidate))
        };
        if let Err(why) = self.trust(path, &opened, known) {
            return refused(why);
        }
        match self.not_in_quarantine(compatible.candidate(), known) {
            Ok(()) => look,
            Err(why) => refused(why),
        }
    }

    /// The last gates, on the file as it is now: trust, and the quarantine. `known` is of this
    /// moment too.
    pub(in crate::plugin) fn admit(
        &self,
        compatible: &Compatible,
        known: &Known,
    ) -> Result<Admitted, Arc<Refusal>> {
        let candidate = compatible.candidate();
        let path = candidate.path();
        let opened = File::open(path).and_then(|file| {
            Ok(Opened {
                metadata: file.metadata()?,
                // The name is looked at once more: it is what the system's loader opens.
                is_no_link: false,
                file,
            })
        });
        let opened = opened.map_err(Refusal::Unreadable)?;
        if FileIdentity::of(&opened.metadata) != *candidate.identity() {
            return Err(Arc::new(Refusal::Changed));
        }
        let trusted = self.trust(path, &opened, known)?;
        self.not_in_quarantine(candidate, known)?;
        Ok(Admitted {
            compatible: compatible.clone(),
            trusted,
            file: opened.file,
        })
    }

    fn trust(&self, path: &Path, opened: &Opened, known: &Known) -> Result<Trusted, Refusal> {
        let trusted = || -> Result<Trusted, Distrust> {
            let facts = match (known.folder(), path.file_name()) {
                (Some(folder), Some(name)) if opened.is_no_link => {
                    folder.facts_of_no_link(&opened.metadata, name)
                }
                (Some(folder), Some(name)) => folder.facts(&opened.metadata, name)?,
                _ => Facts::of(&opened.file, path)?,
            };
            let facts = if self.policy.looks_at_signatures() {
                facts.with_signature(&opened.file, &self.policy)?
            } else {
                facts
            };
            trust::check(&facts, known.origin, &self.policy)
        };
        trusted().map_err(|why| Refusal::Trust(Box::new(why)))
    }

    fn not_in_quarantine(&self, candidate: &Candidate, known: &Known) -> Result<(), Refusal> {
        let names = known.in_quarantine.get_or_init(|| self.quarantine.names());
        if names.is_empty() || !names.contains(&file_name(candidate.path())) {
            return Ok(());
        }
        match self.quarantine.get(candidate.path(), candidate.identity()) {
            Some(quarantined) => Err(Refusal::Quarantined(Box::new(quarantined))),
            None => Ok(()),
        }
    }
}
