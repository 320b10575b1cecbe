//! Fetching, from the outside.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use keyway_metadata::foreign::Escaped;

use super::choose::Wish;
use super::error::GitError;
use super::location::Location;
use super::run::{Limits, Run};
use super::work::Work;
use super::{checkout, remote, repository};
use crate::without_credentials;

/// As often it is asked whether the fetch should end.
const PAUSE: Duration = Duration::from_millis(50);

/// Brings the content of a commit into a new folder.
///
/// ```no_run
/// use keyway::git::Fetch;
///
/// let fetched = Fetch::new("https://example.org/author/demo.git")
///     .branch("stable")
///     .run("packages/demo".as_ref(), &mut |_| (), &|| false)?;
/// println!("{}", fetched.commit);
/// # Ok::<(), keyway::git::GitError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fetch {
    url: String,
    branch: Option<String>,
    revision: Option<String>,
    limits: Limits,
    patience: Duration,
}

impl Fetch {
    /// From `url`: `https://`, `http://` on this machine, `file://`, or an absolute path.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            branch: None,
            revision: None,
            limits: Limits::default(),
            patience: Duration::from_secs(60),
        }
    }

    /// The tip of this branch, instead of the default one's.
    #[must_use]
    pub fn branch(mut self, branch: impl Into<String>) -> Self {
        self.branch = Some(branch.into());
        self
    }

    /// This tag, or the commit with this id, of which four digits are enough if no other one begins with
    /// them. With a branch it must be in that one's history.
    ///
    /// A server sends one commit by its whole id or by a tag; for a shortened id, and to find out what is
    /// on a branch, it must send all history.
    #[must_use]
    pub fn revision(mut self, revision: impl Into<String>) -> Self {
        self.revision = Some(revision.into());
        self
    }

    /// As much at most.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// As long may a server be silent, 60 seconds by default.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Fetches into the folder `into`, which must not be there, in a folder that is.
    ///
    /// `into` is there whole at the end, or not at all. All is prepared in a folder beside it whose name
    /// begins with `.keyway-git.`; what a killed process left of one is removed by the next fetch beside
    /// it. Nothing is synced to disk.
    ///
    /// `progress` and `cancelled` are called on this thread, some twenty times a second. Soon after
    /// `cancelled` says `true` this returns, also while the network hangs.
    ///
    /// # Errors
    ///
    /// Any [`GitError`].
    pub fn run(
        &self,
        into: &Path,
        progress: &mut dyn FnMut(Progress),
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Fetched, GitError> {
        let location = Location::parse(&self.url)?;
        let work = Work::begin(into)?;
        let url = without_credentials(&self.url);
        let run = Arc::new(Run::new(url, self.limits.clone(), self.patience));
        let fetched = thread::scope(|scope| {
            // It ends also if one of the closures panics.
            let _ending = CancelOnDrop(&run);
            let (at_end, ended) = mpsc::channel::<()>();
            let (location, work, run) = (&location, &work, &run);
            let task = scope.spawn(move || {
                let _at_end = at_end;
                self.work(location, work, run)
            });
            while ended.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                if cancelled() {
                    run.cancel();
                }
                progress(run.progress());
            }
            task.join().unwrap_or_else(|_| {
                Err(GitError::Damaged {
                    url: run.url.clone(),
                    source: "reading it panicked".into(),
                })
            })
        })?;
        if cancelled() {
            return Err(GitError::Cancelled);
        }
        work.finish()?;
        progress(run.progress());
        Ok(fetched)
    }

    /// What is done on a thread of its own.
    fn work(&self, location: &Location, work: &Work, run: &Arc<Run>) -> Result<Fetched, GitError> {
        let wish = Wish {
            url: &run.url,
            branch: self.branch.as_deref(),
            revision: self.revision.as_deref(),
        };
        let (repository, commit, branch) = match location {
            Location::Folder(folder) => repository::open(folder, wish, run)?,
            Location::Server(url) => remote::fetch(url, &work.repository(), wish, run)?,
        };
        let warnings = checkout::write(&repository, commit, &work.content(), run)?;
        let Progress { files, bytes, .. } = run.progress();
        Ok(Fetched {
            commit: commit.to_string(),
            branch,
            files,
            bytes,
            warnings,
        })
    }
}

struct CancelOnDrop<'a>(&'a Run);

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// How far a fetch is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes that the server has sent.
    pub received: u64,
    /// Files, folders and links that are written.
    pub files: u64,
    /// Bytes of what is written.
    pub bytes: u64,
}

/// What was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fetched {
    /// The commit's whole id.
    pub commit: String,
    /// The branch that it was taken from; `None` if a revision alone was asked for, or `HEAD` names none.
    pub branch: Option<String>,
    /// Files, folders and links.
    pub files: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// What is not as it would be in a clone.
    pub warnings: Vec<Warning>,
}

/// What is not as it would be in a clone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// There is another repository in this folder, which was not fetched; the folder is not there.
    Submodule(PathBuf),
    /// This file stands for one that git LFS keeps elsewhere.
    LfsPointer(PathBuf),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, what) = match self {
            Self::Submodule(path) => (path, "is a submodule, which is not fetched"),
            Self::LfsPointer(path) => (path, "stands for a file in git LFS, which is not fetched"),
        };
        write!(f, "`{}` {what}", Escaped(&path.to_string_lossy()))
    }
}
