//! `keyway.fetch`: repositories in the data folder of a package.
//!
//! What was fetched is noted in the hidden folder `.keyway-fetched` of the data folder: only what is
//! noted there is ever replaced.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;

use keyway_abi::{CancellationAccess, FetchAccess, FetchRequest};
use serde::{Deserialize, Serialize};

use crate::git::Fetch;
use crate::lifecycle::code::chain;

/// Where notes lie, and what is not in its place yet.
const OURS: &str = ".keyway-fetched";

/// Fetches for one package.
#[derive(Debug)]
pub(in crate::lifecycle) struct Fetches {
    data_dir: PathBuf,
    /// One at a time.
    turn: Mutex<()>,
}

/// What is noted of a folder that was fetched.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    folder: String,
    url: String,
    branch: Option<String>,
    rev: Option<String>,
    commit: String,
    /// Whether it is in its place: without, the process ended before that was certain.
    is_whole: bool,
}

impl Note {
    fn is_of(&self, request: &FetchRequest) -> bool {
        (&self.url, &self.branch, &self.rev) == (&request.url, &request.branch, &request.rev)
    }
}

impl Fetches {
    pub(in crate::lifecycle) fn new(data_dir: PathBuf) -> Self {
        Self {
            data_dir,
            turn: Mutex::default(),
        }
    }

    /// Where the note of a folder lies.
    fn note_of(&self, folder: &str) -> PathBuf {
        // Folders have no control characters and no colon in their names.
        let name = folder.replace('%', "%25").replace('/', "%2F");
        self.data_dir.join(OURS).join(format!("{name}.json"))
    }

    fn write(&self, note: &Note) -> io::Result<()> {
        let path = self.note_of(&note.folder);
        let new = path.with_extension("new");
        fs::write(&new, serde_json::to_vec(note)?)?;
        fs::rename(new, path)
    }

    fn bring(
        &self,
        request: &FetchRequest,
        hook: &dyn CancellationAccess,
    ) -> Result<String, String> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let target = self.data_dir.join(&request.folder);
        let at = |path: &Path| {
            let path = path.display().to_string();
            move |error: io::Error| format!("`{path}`: {error}")
        };
        if Path::new(&request.folder).starts_with(OURS) {
            return Err(format!("`{OURS}` is the host's own folder"));
        }
        self.check_links(&request.folder)?;
        let note = fs::read(self.note_of(&request.folder)).ok();
        let note: Option<Note> = note.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let is_there = fs::symlink_metadata(&target).is_ok();
        match &note {
            Some(note) if is_there && note.is_whole && note.is_of(request) && !request.update => {
                return Ok(note.commit.clone());
            }
            None if is_there => {
                return Err(format!(
                    "`{}` is there already, and was not fetched: nothing is written over it",
                    target.display()
                ));
            }
            _ => {}
        }
        let ours = self.data_dir.join(OURS);
        fs::create_dir_all(&ours).map_err(at(&ours))?;
        let (new, old) = (ours.join("incoming"), ours.join("replaced"));
        for left in [&new, &old] {
            remove(left).map_err(at(left))?;
        }
        let mut fetch = Fetch::new(&request.url);
        if let Some(branch) = &request.branch {
            fetch = fetch.branch(branch);
        }
        if let Some(rev) = &request.rev {
            fetch = fetch.revision(rev);
        }
        let fetched = fetch.run(
            &new,
            &mut |progress| hook.progress(progress.received, None, "bytes fetched"),
            &|| hook.is_cancelled(),
        );
        let fetched = fetched.map_err(|error| chain(&error))?;
        for warning in &fetched.warnings {
            tracing::warn!(url = request.url, "{warning}");
        }
        let mut note = Note {
            folder: request.folder.clone(),
            url: request.url.clone(),
            branch: request.branch.clone(),
            rev: request.rev.clone(),
            commit: fetched.commit,
            is_whole: false,
        };
        // First: whoever is killed in between knows that the folder is ours.
        self.write(&note).map_err(at(&ours))?;
        if is_there {
            fs::rename(&target, &old).map_err(at(&target))?;
        } else if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(at(parent))?;
        }
        fs::rename(&new, &target).map_err(at(&target))?;
        note.is_whole = true;
        self.write(&note).map_err(at(&ours))?;
        if let Err(error) = remove(&old) {
            tracing::warn!(path = %old.display(), %error, "what was replaced is not removed");
        }
        Ok(note.commit)
    }

    /// A link on the way would lead to where nothing of this package is.
    fn check_links(&self, folder: &str) -> Result<(), String> {
        let mut path = self.data_dir.clone();
        for part in Path::new(folder) {
            path.push(part);
            if fs::symlink_metadata(&path).is_ok_and(|it| it.file_type().is_symlink()) {
                return Err(format!(
                    "`{}` is a link: nothing is fetched through it",
                    path.display()
                ));
            }
        }
        Ok(())
    }
}

impl FetchAccess for Fetches {
    fn fetch(
        &self,
        request: &FetchRequest,
        hook: &dyn CancellationAccess,
    ) -> Result<String, String> {
        self.bring(request, hook)
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
