//! What a package fetches.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyway_abi::{FetchRef, FetchRequest};

use crate::{Hook, ServiceFailure};

/// Brings what stands behind git URLs into the package's data folder. Cheap to clone; may be kept
/// and used from any thread.
///
/// ```
/// use keyway_plugin::{Context, Error, Hook, Lifecycle};
///
/// struct Site {
///     context: Context,
/// }
///
/// impl Lifecycle for Site {
///     fn new(context: Context) -> Result<Self, Error> {
///         Ok(Site { context })
///     }
///
///     fn prepare(&mut self, hook: &Hook<'_>) -> Result<(), Error> {
///         let theme = self
///             .context
///             .fetch()?
///             .git("https://example.org/theme.git")
///             .branch("stable")
///             .into("theme", hook)?;
///         tracing::info!(commit = theme.commit, "in {}", theme.path.display());
///         Ok(())
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Fetch {
    fetch: Arc<FetchRef>,
    data_dir: Arc<Path>,
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetch")
            .field("data_dir", &self.data_dir)
            .finish_non_exhaustive()
    }
}

impl Fetch {
    pub(crate) fn new(fetch: FetchRef, data_dir: &Path) -> Self {
        Self {
            fetch: Arc::new(fetch),
            data_dir: data_dir.into(),
        }
    }

    /// Begins to say what is to be fetched: the repository at `url`. Nothing is done before
    /// [`into`](FetchBuilder::into).
    pub fn git(&self, url: impl Into<String>) -> FetchBuilder {
        let request = FetchRequest {
            url: url.into(),
            ..FetchRequest::default()
        };
        FetchBuilder {
            fetch: self.clone(),
            request,
        }
    }
}

/// What is to be fetched, made by [`Fetch::git`].
#[derive(Clone, Debug)]
#[must_use = "nothing is fetched before `into`"]
pub struct FetchBuilder {
    fetch: Fetch,
    request: FetchRequest,
}

/// What was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The folder with the content, absolute.
    pub path: PathBuf,
    /// The id of the commit that lies there, in hexadecimal digits.
    pub commit: String,
}

impl FetchBuilder {
    /// The branch to take. Unless given, or if it is empty, the repository's own choice.
    pub fn branch(mut self, branch: impl Into<String>) -> Self {
        self.request.branch = Some(branch.into());
        self
    }

    /// The commit or tag to take. Unless given, or if it is empty, the newest commit of the branch.
    pub fn rev(mut self, rev: impl Into<String>) -> Self {
        self.request.rev = Some(rev.into());
        self
    }

    /// Whether what is there already is fetched again. Unless said it is not: then nothing is
    /// fetched, and the commit is the one that lies there.
    pub fn update(mut self, update: bool) -> Self {
        self.request.update = update;
        self
    }

    /// Fetches into `folder`, a name below the package's data folder: `theme` or `vendor/theme`,
    /// without `..`. Returns when it is done. `hook` is the running one: it shows the progress, and
    /// the fetch gives up with it.
    ///
    /// A folder that was not made by fetching is never overwritten.
    ///
    /// # Errors
    ///
    /// What the host says: the folder's name leads elsewhere or is taken, the repository cannot be
    /// had, has no such branch or commit, the disk is full, the hook should give up. The folder is
    /// then what it was before.
    pub fn into(self, folder: &str, hook: &Hook<'_>) -> Result<Fetched, ServiceFailure> {
        let mut request = self.request;
        folder.clone_into(&mut request.folder);
        let commit = self.fetch.fetch.fetch(&request, hook.0)?;
        Ok(Fetched {
            path: self.fetch.data_dir.join(folder),
            commit,
        })
    }
}
