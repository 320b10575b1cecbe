//! Why nothing was fetched.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use keyway_metadata::foreign::Escaped;

/// Why nothing was fetched. The folder was not made then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// It is no URL, and no absolute path.
    #[error("{} is no URL of a git repository: {why}", Named(.url))]
    Malformed {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It names another way to fetch.
    #[error("{} cannot be fetched: found `{}`, expected `https://`, `file://` or an absolute path", Named(.url), Escaped(.scheme))]
    Unsupported {
        /// What was given.
        url: String,
        /// Its scheme.
        scheme: String,
    },
    /// It is `http://`, and not of this machine.
    #[error("{} is not encrypted: `http://` is for this machine only", Named(.url))]
    Insecure {
        /// What was given.
        url: String,
    },
    /// There is a user's name or a password in it.
    #[error("there are credentials in the URL {}", Named(.url))]
    Credentials {
        /// What was given, without them.
        url: String,
    },
    /// There is something already.
    #[error("{} is already there", Named(&.path.to_string_lossy()))]
    Exists {
        /// The folder that was to be made.
        path: PathBuf,
    },
    /// The system says no.
    #[error("{}", Named(&.path.to_string_lossy()))]
    Io {
        /// What it is about.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// There is no repository on disk.
    #[error("{} is no git repository", Named(.url))]
    NotARepository {
        /// What was given.
        url: String,
        /// What is wrong.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server cannot be reached, or not be trusted.
    #[error("{} cannot be reached", Named(.url))]
    Unreachable {
        /// What was given.
        url: String,
        /// What went wrong.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server says no.
    #[error("{} answers with the status {status}", Named(.url))]
    Status {
        /// What was asked for.
        url: String,
        /// The status of HTTP.
        status: u16,
    },
    /// The server sends us elsewhere.
    #[error("{} redirects to {}", Named(.url), Named(.to))]
    Redirected {
        /// What was asked for.
        url: String,
        /// Where to.
        to: String,
    },
    /// The server was silent for too long.
    #[error("{} has sent nothing for {} seconds", Named(.url), .waited.as_secs())]
    Stalled {
        /// What was given.
        url: String,
        /// As long was waited.
        waited: Duration,
    },
    /// The server does not speak git's protocol, or says that something is wrong.
    #[error("{} does not answer as a git server", Named(.url))]
    Protocol {
        /// What was given.
        url: String,
        /// What went wrong.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// There is no commit in it.
    #[error("the repository {} is empty", Named(.url))]
    Empty {
        /// What was given.
        url: String,
    },
    /// Its `HEAD` leads nowhere.
    #[error("the repository {} has no default branch", Named(.url))]
    NoDefaultBranch {
        /// What was given.
        url: String,
        /// Some of its branches.
        branches: Vec<String>,
    },
    /// There is no such branch.
    #[error("there is no branch {} in {}{}", Named(.branch), Named(.url), Near(.near))]
    UnknownBranch {
        /// What was given.
        url: String,
        /// The branch.
        branch: String,
        /// Branches with names that are much like it.
        near: Vec<String>,
    },
    /// There is no such commit, and no such tag.
    #[error("there is no commit and no tag {} in {}{}", Named(.revision), Named(.url), Near(.near))]
    UnknownRevision {
        /// What was given.
        url: String,
        /// The revision.
        revision: String,
        /// Tags with names that are much like it.
        near: Vec<String>,
    },
    /// Several commits begin like that.
    #[error("{commits} commits in {} begin with {}", Named(.url), Named(.revision))]
    Ambiguous {
        /// What was given.
        url: String,
        /// The revision.
        revision: String,
        /// As many do.
        commits: usize,
    },
    /// It is something else than a commit.
    #[error("{} in {} is no commit", Named(.name), Named(.url))]
    NotACommit {
        /// What was given.
        url: String,
        /// What leads there.
        name: String,
    },
    /// Commit and branch do not go together.
    #[error("the commit {} in {} is not on the branch {}", Named(.revision), Named(.url), Named(.branch))]
    NotOnBranch {
        /// What was given.
        url: String,
        /// The revision.
        revision: String,
        /// The branch.
        branch: String,
    },
    /// Something is missing in it, or damaged.
    #[error("the repository {} is damaged", Named(.url))]
    Damaged {
        /// What was given.
        url: String,
        /// What is wrong.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Too many bytes would be written.
    #[error("the files have more than {limit} bytes together")]
    TooManyBytes {
        /// What [`Limits::bytes`](super::Limits::bytes) allows.
        limit: u64,
    },
    /// Too much would be written.
    #[error("there are more than {limit} files, folders and links")]
    TooManyFiles {
        /// What [`Limits::files`](super::Limits::files) allows.
        limit: u64,
    },
    /// An object is too large.
    #[error("an object has more than {limit} bytes")]
    TooLarge {
        /// What [`Limits::object`](super::Limits::object) allows.
        limit: u64,
    },
    /// The server sends too much.
    #[error("the server sends more than {limit} bytes")]
    TooMuchReceived {
        /// What [`Limits::received`](super::Limits::received) allows.
        limit: u64,
    },
    /// A name leads elsewhere, or is git's own.
    #[error("the name of {} is refused: {why}", Named(&.path.to_string_lossy()))]
    BadName {
        /// The entry.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Two entries have one name, at least for this file system.
    #[error("{} is there twice", Named(&.path.to_string_lossy()))]
    Duplicate {
        /// The second one.
        path: PathBuf,
    },
    /// Folders lie too deep in each other.
    #[error("{} lies more than {limit} folders deep", Named(&.path.to_string_lossy()))]
    TooDeep {
        /// The folder.
        path: PathBuf,
        /// As deep may it be.
        limit: usize,
    },
    /// A link leads out.
    #[error("the link {} leads out: to {}", Named(&.path.to_string_lossy()), Named(.target))]
    LinkLeaves {
        /// The link.
        path: PathBuf,
        /// What it leads to.
        target: String,
    },
    /// Somebody has ended it.
    #[error("fetching was cancelled")]
    Cancelled,
}

impl GitError {
    /// What is wrong, in one word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "git-malformed-url",
            Self::Unsupported { .. } => "git-unsupported",
            Self::Insecure { .. } => "git-insecure",
            Self::Credentials { .. } => "git-credentials",
            Self::Exists { .. } => "git-exists",
            Self::Io { .. } => "git-io",
            Self::NotARepository { .. } => "git-not-a-repository",
            Self::Unreachable { .. } => "git-unreachable",
            Self::Status { .. } => "git-status",
            Self::Redirected { .. } => "git-redirected",
            Self::Stalled { .. } => "git-stalled",
            Self::Protocol { .. } => "git-protocol",
            Self::Empty { .. } => "git-empty",
            Self::NoDefaultBranch { .. } => "git-no-default-branch",
            Self::UnknownBranch { .. } => "git-unknown-branch",
            Self::UnknownRevision { .. } => "git-unknown-revision",
            Self::Ambiguous { .. } => "git-ambiguous",
            Self::NotACommit { .. } => "git-not-a-commit",
            Self::NotOnBranch { .. } => "git-not-on-branch",
            Self::Damaged { .. } => "git-damaged",
            Self::TooManyBytes { .. } => "git-too-many-bytes",
            Self::TooManyFiles { .. } => "git-too-many-files",
            Self::TooLarge { .. } => "git-too-large",
            Self::TooMuchReceived { .. } => "git-too-much-received",
            Self::BadName { .. } => "git-bad-name",
            Self::Duplicate { .. } => "git-duplicate",
            Self::TooDeep { .. } => "git-too-deep",
            Self::LinkLeaves { .. } => "git-link-leaves",
            Self::Cancelled => "git-cancelled",
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Malformed { .. } | Self::Unsupported { .. } => {
                "give an `https://` URL, or clone the repository and give its absolute path"
            }
            Self::Insecure { .. } => "use `https://`",
            Self::Credentials { .. } => {
                "credentials are never sent, and a URL is written down: clone the repository with git and give its absolute path"
            }
            Self::Status {
                status: 401 | 403, ..
            } => {
                "repositories that want a login cannot be fetched: clone it with git and give its absolute path"
            }
            Self::Status { status: 404, .. } => {
                "check the URL; some servers also say this of repositories that want a login"
            }
            Self::Redirected { .. } => "if that is where it should come from, give that URL",
            Self::Stalled { .. } => "try again later",
            Self::NoDefaultBranch { .. } => "name a branch",
            Self::Ambiguous { .. } => "give more of the commit's id",
            Self::LinkLeaves { .. } => "a repository may have links, but only to what lies in it",
            _ => return None,
        })
    }

    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self + use<'_> {
        move |source| Self::Io {
            path: path.to_path_buf(),
            source,
        }
    }
}

/// What gix says of an error and of all that caused it, without what a terminal would obey.
pub(super) fn said(error: &gix::Error) -> Box<dyn Error + Send + Sync> {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.iter_errors() {
        let cause = cause.to_string();
        // Some say what caused them themselves.
        if !parts.iter().any(|part| part.contains(&cause)) {
            parts.push(cause);
        }
    }
    said_text(&parts.join(": "))
}

/// As [`said`], of a text.
pub(super) fn said_text(text: &str) -> Box<dyn Error + Send + Sync> {
    /// As many characters are enough to see what is wrong.
    const SHOWN: usize = 600;
    let cut: String = text.chars().take(SHOWN).collect();
    Escaped(&cut).to_string().into()
}

/// Foreign text in backticks, escaped.
struct Named<'a, T: ?Sized>(&'a T);

impl<T: AsRef<str> + ?Sized> fmt::Display for Named<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", Escaped(self.0.as_ref()))
    }
}

/// The nearest names, if there are any.
struct Near<'a>(&'a [String]);

impl fmt::Display for Near<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { "; there is " } else { ", " })?;
            Named(name).fmt(f)?;
        }
        Ok(())
    }
}
