//! What lies in the plugin folders, and who wins: pure functions over what was found.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyway_metadata::{GivenType, Manifest, TypeKind, TypeName};

use super::candidate::{Compatible, Look, look};
use super::refusal::{NotAPlugin, Refusal};
use super::search_path::{SearchFolder, SearchPath};
use crate::version::compare_versions;

/// One file that was found.
#[derive(Clone, Debug)]
pub struct Found {
    path: PathBuf,
    /// The place of its folder in the search path.
    folder: usize,
    look: Look,
}

impl Found {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the file says of itself, if that could be read.
    #[must_use]
    pub fn manifest(&self) -> Option<&Arc<Manifest>> {
        match &self.look {
            Look::Compatible(compatible) => Some(compatible.candidate().manifest()),
            Look::Refused(_, candidate) => candidate.as_ref().map(|it| it.manifest()),
            Look::Ignored(_) => None,
        }
    }

    fn gives(&self, given: &GivenType) -> Option<&Compatible> {
        match &self.look {
            Look::Compatible(compatible) => {
                let manifest = compatible.candidate().manifest();
                manifest.types.contains(given).then_some(compatible)
            }
            _ => None,
        }
    }
}

/// The verdict on one type of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeVerdict {
    /// Whoever asks for the type gets it from this file.
    Ok,
    /// Another file gives it instead.
    Shadowed {
        /// That file.
        by: PathBuf,
    },
    /// Another file in the same folder gives it too, under another plugin id.
    Conflict {
        /// That file.
        with: PathBuf,
    },
}

/// The verdict on one file.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It can be used, for these types.
    Usable(Vec<(GivenType, TypeVerdict)>),
    /// It must not be loaded.
    Refused(Arc<Refusal>),
    /// It is no plugin.
    Ignored(NotAPlugin),
}

/// Everything that was found in the folders of a search path.
#[derive(Debug)]
pub struct Catalog {
    folders: Vec<SearchFolder>,
    files: Vec<Found>,
}

/// Who gives a type.
#[derive(Debug)]
pub(super) enum Winner<'a> {
    One(&'a Compatible),
    Conflict(&'a Path, &'a Path),
    Nobody,
}

impl Catalog {
    /// Looks into every folder. Nothing that is found is run.
    ///
    /// A folder that is not there or cannot be read gives nothing. Files are taken by their name's
    /// end (`.so`, `.dll`, `.dylib`), in the order of their names' bytes; hidden ones and folders
    /// are passed over.
    #[must_use]
    pub(super) fn scan(search_path: &SearchPath) -> Self {
        let mut files = Vec::new();
        let folders = search_path.folders().to_vec();
        for (folder, searched) in folders.iter().enumerate() {
            for path in library_files(searched.path()) {
                let look = look(&path);
                if let Look::Refused(why, _) = &look {
                    tracing::debug!(path = %path.display(), code = why.code(), %why, "plugin refused");
                }
                files.push(Found { path, folder, look });
            }
        }
        Self { folders, files }
    }

    /// The folders that were searched.
    #[must_use]
    pub fn folders(&self) -> &[SearchFolder] {
        &self.folders
    }

    /// The files that were found, by folder and name.
    #[must_use]
    pub fn files(&self) -> &[Found] {
        &self.files
    }

    /// Who gives `given`.
    ///
    /// The first folder that has it wins. In one folder, of files with one plugin id the higher
    /// version, of equal versions the path with the smaller bytes; two ids are a conflict.
    pub(super) fn winner(&self, given: &GivenType) -> Winner<'_> {
        let mut givers = self.files.iter().filter(|file| file.gives(given).is_some());
        let Some(mut best) = givers.next() else {
            return Winner::Nobody;
        };
        for other in givers {
            if other.folder != best.folder {
                break;
            }
            let (Some(theirs), Some(ours)) = (other.manifest(), best.manifest()) else {
                continue;
            };
            if theirs.id != ours.id {
                return Winner::Conflict(&best.path, &other.path);
            }
            // Files of a folder come in the order of their names: a tie stays with the first.
            if compare_versions(&theirs.version, &ours.version).is_gt() {
                best = other;
            }
        }
        match best.gives(given) {
            Some(compatible) => Winner::One(compatible),
            None => Winner::Nobody,
        }
    }

    /// The verdict on `file`.
    #[must_use]
    pub fn verdict(&self, file: &Found) -> Verdict {
        match &file.look {
            Look::Ignored(why) => Verdict::Ignored(*why),
            Look::Refused(why, _) => Verdict::Refused(Arc::clone(why)),
            Look::Compatible(compatible) => {
                let types = &compatible.candidate().manifest().types;
                let verdicts = types
                    .iter()
                    .map(|given| (given.clone(), self.type_verdict(file, given)));
                Verdict::Usable(verdicts.collect())
            }
        }
    }

    fn type_verdict(&self, file: &Found, given: &GivenType) -> TypeVerdict {
        match self.winner(given) {
            Winner::One(winner) if winner.candidate().path() == file.path => TypeVerdict::Ok,
            Winner::One(winner) => TypeVerdict::Shadowed {
                by: winner.candidate().path().to_path_buf(),
            },
            Winner::Conflict(first, second) => {
                let folder = |path| {
                    let found = self.files.iter().find(|other| other.path == path);
                    found.map(|other| other.folder)
                };
                let with = if file.path == first { second } else { first };
                if folder(first) == Some(file.folder) {
                    TypeVerdict::Conflict {
                        with: with.to_path_buf(),
                    }
                } else {
                    TypeVerdict::Shadowed {
                        by: first.to_path_buf(),
                    }
                }
            }
            Winner::Nobody => TypeVerdict::Ok,
        }
    }

    /// The names of one kind that somebody gives, each once.
    #[must_use]
    pub fn type_names(&self, kind: &TypeKind) -> BTreeSet<TypeName> {
        self.files
            .iter()
            .filter_map(|file| match &file.look {
                Look::Compatible(compatible) => Some(compatible.candidate().manifest()),
                _ => None,
            })
            .flat_map(|manifest| manifest.types_of(kind.clone()).cloned())
            .collect()
    }

    /// The files that name `given` but were refused, with the reason.
    pub(super) fn refused(&self, given: &GivenType) -> Vec<(PathBuf, Arc<Refusal>)> {
        self.files
            .iter()
            .filter_map(|file| match &file.look {
                Look::Refused(why, Some(candidate)) => candidate
                    .manifest()
                    .types
                    .contains(given)
                    .then(|| (file.path.clone(), Arc::clone(why))),
                _ => None,
            })
            .collect()
    }
}

/// The files in `folder` that may be libraries, by name.
fn library_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.as_encoded_bytes();
            !name.starts_with(b".") && name.ends_with(std::env::consts::DLL_SUFFIX.as_bytes())
        })
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files
}
