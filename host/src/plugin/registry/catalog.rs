//! What lies in the plugin folders, and who wins: pure functions over what was found.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use keyway_metadata::{GivenType, Manifest, TypeKind, TypeName};

use crate::plugin::file::identity::FileIdentity;
use crate::plugin::gates::candidate::{Compatible, Look};
use crate::plugin::gates::refusal::{NotAPlugin, Refusal};
use crate::plugin::gates::{Gates, Known};
use crate::plugin::search_path::SearchFolder;
use crate::plugin::store::index::Learned;
use crate::version::compare_versions;

/// One file that was found.
#[derive(Clone, Debug)]
pub struct Found {
    path: PathBuf,
    look: Look,
}

impl Found {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What a look at it gave.
    #[must_use]
    pub fn look(&self) -> &Look {
        &self.look
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
}

/// What a scan of one folder found.
#[derive(Debug)]
pub struct FolderScan {
    folder: SearchFolder,
    /// The folder as it was when the scan began; `None` if it is not there.
    identity: Option<FileIdentity>,
    files: Vec<Found>,
    decisions: BTreeMap<GivenType, Decision>,
}

/// Who wins a type in one folder, by place in the list of files.
#[derive(Clone, Copy, Debug)]
enum Decision {
    One(usize),
    Conflict(usize, usize),
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

/// Who gives a type.
#[derive(Clone, Copy, Debug)]
pub(in crate::plugin) enum Winner<'a> {
    One(&'a Compatible),
    Conflict(&'a Path, &'a Path),
    Nobody,
}

impl FolderScan {
    /// Looks at every library in the folder. Nothing that is found is run.
    ///
    /// A folder that is not there or cannot be read gives nothing. Files are taken by their name's
    /// end (`.so`, `.dll`, `.dylib`), in the order of their names' bytes; hidden ones are passed
    /// over.
    pub(in crate::plugin) fn of(folder: &SearchFolder, gates: &Gates, known: &Known) -> Self {
        let identity = fs::metadata(folder.path()).ok();
        let identity = identity.as_ref().map(FileIdentity::of);
        let mut files = Vec::new();
        if folder.is_used() && identity.is_some() {
            files = look_at_all(&library_files(folder.path()), gates, known);
        }
        Self {
            folder: folder.clone(),
            identity,
            decisions: decide(&files),
            files,
        }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &SearchFolder {
        &self.folder
    }

    /// Whether the folder is there.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.identity.is_some()
    }

    /// The files that were found, by name.
    #[must_use]
    pub fn files(&self) -> &[Found] {
        &self.files
    }

    pub(in crate::plugin) fn identity(&self) -> Option<&FileIdentity> {
        self.identity.as_ref()
    }

    /// Who gives `given` in this folder.
    pub(in crate::plugin) fn winner(&self, given: &GivenType) -> Winner<'_> {
        match self.decisions.get(given) {
            Some(Decision::One(file)) => match &self.files[*file].look {
                Look::Compatible(compatible) => Winner::One(compatible),
                _ => Winner::Nobody,
            },
            Some(Decision::Conflict(first, second)) => {
                Winner::Conflict(&self.files[*first].path, &self.files[*second].path)
            }
            None => Winner::Nobody,
        }
    }

    /// What an index keeps of this scan.
    pub(in crate::plugin) fn learned(&self) -> Vec<Learned> {
        let mut learned = Vec::new();
        for (given, decision) in &self.decisions {
            let (file, conflict) = match decision {
                Decision::One(file) => (&self.files[*file], None),
                Decision::Conflict(first, second) => {
                    (&self.files[*first], Some(self.files[*second].path.clone()))
                }
            };
            if let Look::Compatible(compatible) = &file.look {
                learned.push(Learned {
                    given: given.clone(),
                    file: file.path.clone(),
                    identity: *compatible.candidate().identity(),
                    conflict,
                });
            }
        }
        learned
    }
}

/// Who wins each type of a folder's files, which come in the order of their names.
///
/// Of files with one plugin id the higher version, of equal versions the path with the smaller
/// bytes; two ids are a conflict.
fn decide(files: &[Found]) -> BTreeMap<GivenType, Decision> {
    let mut decisions: BTreeMap<GivenType, Decision> = BTreeMap::new();
    for (index, file) in files.iter().enumerate() {
        let Look::Compatible(compatible) = &file.look else {
            continue;
        };
        let theirs = compatible.candidate().manifest();
        for given in &theirs.types {
            let Some(decision) = decisions.get_mut(given) else {
                decisions.insert(given.clone(), Decision::One(index));
                continue;
            };
            let Decision::One(best) = *decision else {
                continue;
            };
            let Some(ours) = files[best].manifest() else {
                continue;
            };
            if ours.id != theirs.id {
                *decision = Decision::Conflict(best, index);
            } else if compare_versions(&theirs.version, &ours.version).is_gt() {
                // A tie stays with the first.
                *decision = Decision::One(index);
            }
        }
    }
    decisions
}

/// Everything that was found in the folders of a search path.
#[derive(Clone, Debug)]
pub struct Catalog {
    scans: Vec<Arc<FolderScan>>,
}

impl Catalog {
    pub(in crate::plugin) fn of(scans: Vec<Arc<FolderScan>>) -> Self {
        Self { scans }
    }

    /// What was found in each folder, in the order of the search path.
    pub fn folders(&self) -> impl Iterator<Item = &FolderScan> {
        self.scans.iter().map(|scan| &**scan)
    }

    /// The files that were found, by folder and name.
    pub fn files(&self) -> impl Iterator<Item = &Found> {
        self.folders().flat_map(FolderScan::files)
    }

    /// Who gives `given`: the first folder that has it wins.
    pub(in crate::plugin) fn winner(&self, given: &GivenType) -> Winner<'_> {
        self.winning_folder(given).1
    }

    fn winning_folder(&self, given: &GivenType) -> (Option<&FolderScan>, Winner<'_>) {
        for scan in self.folders() {
            match scan.winner(given) {
                Winner::Nobody => {}
                winner => return (Some(scan), winner),
            }
        }
        (None, Winner::Nobody)
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

    /// The verdict on one type of `file`.
    #[must_use]
    pub fn type_verdict(&self, file: &Found, given: &GivenType) -> TypeVerdict {
        let (folder, winner) = self.winning_folder(given);
        let by = |path: &Path| TypeVerdict::Shadowed {
            by: path.to_path_buf(),
        };
        match winner {
            Winner::One(winner) if winner.candidate().path() == file.path => TypeVerdict::Ok,
            Winner::One(winner) => by(winner.candidate().path()),
            Winner::Conflict(first, second) => {
                let mut same_folder = folder.into_iter().flat_map(FolderScan::files);
                if same_folder.any(|other| other.path == file.path) {
                    let with = if file.path == first { second } else { first };
                    TypeVerdict::Conflict {
                        with: with.to_path_buf(),
                    }
                } else {
                    by(first)
                }
            }
            Winner::Nobody => TypeVerdict::Ok,
        }
    }

    /// The names of one kind that somebody gives, each once.
    #[must_use]
    pub fn type_names(&self, kind: &TypeKind) -> BTreeSet<TypeName> {
        self.folders()
            .flat_map(|scan| scan.decisions.keys())
            .filter(|given| given.kind == *kind)
            .map(|given| given.name.clone())
            .collect()
    }
}

/// Looks at each file, in order. Many files are shared out among as many threads as there are
/// processors, four at most: looking is mostly waiting for the system.
fn look_at_all(paths: &[PathBuf], gates: &Gates, known: &Known) -> Vec<Found> {
    /// Fewer files are looked at before a thread has begun.
    const WORTH_A_THREAD: usize = 64;

    let look_at = |path: &PathBuf| {
        let look = gates.look(path, known);
        if let Look::Refused(why, _) = &look {
            tracing::debug!(path = %path.display(), code = why.code(), %why, "plugin refused");
        }
        Found {
            path: path.clone(),
            look,
        }
    };
    let worth = paths.len() / WORTH_A_THREAD;
    // Asking for the number of processors costs as much as looking at several files.
    let processors = || thread::available_parallelism().map_or(1, NonZero::get);
    let threads = if worth < 2 {
        1
    } else {
        processors().min(4).min(worth)
    };
    if threads < 2 {
        return paths.iter().map(look_at).collect();
    }
    thread::scope(|scope| {
        let shares = paths.chunks(paths.len().div_ceil(threads));
        let workers: Vec<_> = shares
            .map(|share| scope.spawn(move || share.iter().map(look_at).collect::<Vec<_>>()))
            .collect();
        let found = workers.into_iter().map(|worker| match worker.join() {
            Ok(found) => found,
            Err(panic) => resume_unwind(panic),
        });
        found.flatten().collect()
    })
}

/// The files in `folder` that may be libraries, by name.
fn library_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<OsString> = entries
        .flatten()
        .map(|entry| entry.file_name())
        .filter(|name| is_library_name(name))
        .collect();
    // By bytes: comparing paths takes them apart each time.
    names.sort_unstable_by(|left, right| left.as_encoded_bytes().cmp(right.as_encoded_bytes()));
    names.iter().map(|name| folder.join(name)).collect()
}

/// Whether a file of that name is looked at.
pub(in crate::plugin) fn is_library_name(name: &std::ffi::OsStr) -> bool {
    let name = name.as_encoded_bytes();
    !name.starts_with(b".") && name.ends_with(std::env::consts::DLL_SUFFIX.as_bytes())
}
