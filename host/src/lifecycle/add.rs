//! Packages that are to be added: brought, looked at, kept until they are wanted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyway_metadata::threebot::PackageToml;

use super::code::Said;
use super::entry::Entry;
use super::error::ManagerError;
use super::hook::Report;
use super::manager::PackageManager;
use super::record::{Wanted, WantedAdd, needs_of};
use super::request::{AddRequest, AddSource, Answer};
use super::status::InstalledFrom;
use crate::package::PackageMetadata;

/// Where what was brought lies, where it came from, and our own folder around it.
type Brought = (PathBuf, InstalledFrom, Option<PathBuf>);

impl PackageManager {
    /// Adds a package.
    pub(super) fn add(
        &self,
        request: &AddRequest,
        report: &Report,
    ) -> Result<Answer, ManagerError> {
        if let Some(known) = self.known_source(request) {
            let record = known.record().clone();
            let add = WantedAdd {
                source: record.source.clone(),
                version: record.version.clone(),
                dependencies: record.dependencies.clone(),
                incoming: None,
                install_kwargs: request.install_kwargs.clone(),
                reinstall: false,
                reload: request.reload,
                install: request.install,
                start: request.start,
            };
            return self.enter(&known, Wanted::Add(add), None, report);
        }
        let (path, source, incoming) = match &request.source {
            AddSource::Link { link } => return self.add_link(request, link, report),
            AddSource::Path { path } => {
                let source = InstalledFrom::Path { path: path.clone() };
                (path.clone(), source, None)
            }
            AddSource::Git {
                git_url,
                branch,
                rev,
            } => self.fetch(git_url, branch.as_deref(), rev.as_deref(), report)?,
        };
        let added = self.add_from(request, &path, source, incoming.as_deref(), report);
        if added.is_err()
            && let Some(incoming) = incoming
            && !self.uses(&incoming)
        {
            self.files().drop_incoming(&incoming);
        }
        added
    }

    fn add_from(
        &self,
        request: &AddRequest,
        path: &Path,
        source: InstalledFrom,
        incoming: Option<&Path>,
        report: &Report,
    ) -> Result<Answer, ManagerError> {
        let plan = self.files().plan(path)?;
        let said = Said::of(plan.source().metadata())?;
        let name = said.toml.name.to_string();
        self.check_ours(&name)?;
        let mut add = wanted_add(request, source, &said, incoming.map(Path::to_path_buf));
        if request.start {
            self.check_needs(&name, &add)?;
        }
        // What was there must not be lost before the new one is whole and valid.
        let is_on_record = self.entry(&name).is_some_and(|it| it.record().is_placed);
        let is_occupied = !is_on_record && self.files().has(&name);
        let is_kept = self.inner().records_only || is_on_record || is_occupied;
        let staged = if is_kept {
            if incoming.is_none() {
                plan.rehearse()?;
                add.incoming = Some(self.files().take_in(path)?);
            } else {
                plan.rehearse()?;
            }
            None
        } else {
            Some(plan.stage()?)
        };
        let (entry, is_new) = self.entry_or_new(&name, &add)?;
        let copy = add.incoming.clone();
        let done = self.enter(&entry, Wanted::Add(add), staged, report);
        if done.is_err() {
            if is_new && !self.inner().records_only {
                self.take_back(&entry, is_occupied)?;
            }
            if let Some(copy) = copy.filter(|it| !self.uses(it)) {
                self.files().drop_incoming(&copy);
            }
        }
        done
    }

    /// A package that is managed, and not on our record, is on somebody else's.
    fn check_ours(&self, name: &str) -> Result<(), ManagerError> {
        if self.entry(name).is_some() || !self.files().managed()?.iter().any(|it| it == name) {
            return Ok(());
        }
        let root = self.files().root().display();
        Err(ManagerError::Refused {
            name: name.to_owned(),
            code: "managed-elsewhere",
            why: format!("belongs in `{root}` to a manager with another state folder"),
            remedy: Some(
                "use that one's `--state-dir`, or another `--package-root`; if it is lost, \
                 `keyway serve --recover` takes over what is there"
                    .to_owned(),
            ),
        })
    }

    fn add_link(
        &self,
        request: &AddRequest,
        link: &Path,
        report: &Report,
    ) -> Result<Answer, ManagerError> {
        let refused = |why: String| ManagerError::BadPackage {
            path: link.to_path_buf(),
            why,
        };
        let folder = std::fs::canonicalize(link);
        let folder = folder.map_err(|error| refused(format!("cannot be linked: {error}")))?;
        if folder.starts_with(self.files().root()) || self.files().root().starts_with(&folder) {
            let why = "cannot be linked: the packages of the manager lie there";
            return Err(refused(why.to_owned()));
        }
        let said = self.files().check_link(&folder)?;
        let name = said.toml.name.to_string();
        self.check_ours(&name)?;
        let add = wanted_add(request, InstalledFrom::Link { path: folder }, &said, None);
        if request.start {
            self.check_needs(&name, &add)?;
        }
        let (entry, is_new) = self.entry_or_new(&name, &add)?;
        let done = self.enter(&entry, Wanted::Add(add), None, report);
        if done.is_err() && is_new {
            self.take_back(&entry, true)?;
        }
        done
    }

    /// Forgets a package of whose add nothing has come; what lies in its place stays, if it `stays`.
    fn take_back(&self, entry: &Entry, stays: bool) -> Result<(), ManagerError> {
        // Somebody else may have added it by now, or be about to.
        let Ok(_busy) = self.turn(entry, "add") else {
            return Ok(());
        };
        let record = entry.record().clone();
        if record.is_placed {
            return Ok(());
        }
        self.abandon(&record)?;
        if !stays {
            self.files().remove(&entry.name)?;
        }
        self.forget_anyway(entry);
        Ok(())
    }

    /// Brings a repository's content to where it is ours: where it lies, where it came from, and our
    /// folder with it.
    #[cfg(feature = "git")]
    fn fetch(
        &self,
        url: &str,
        branch: Option<&str>,
        rev: Option<&str>,
        report: &Report,
    ) -> Result<Brought, ManagerError> {
        use super::files::Files;
        use super::request::HookProgress;
        use crate::git::{Fetch, GitError};
        use crate::without_credentials;

        let mut fetch = Fetch::new(url);
        if let Some(branch) = branch {
            fetch = fetch.branch(branch);
        }
        if let Some(rev) = rev {
            fetch = fetch.revision(rev);
        }
        let incoming = self.files().new_incoming()?;
        let path = Files::copy_in(&incoming);
        let fetched = fetch.run(
            &path,
            &mut |progress| {
                report(&HookProgress {
                    name: without_credentials(url),
                    step: "fetch".to_owned(),
                    done: progress.received,
                    total: None,
                    message: "bytes received".to_owned(),
                });
            },
            &|| self.is_stopping(),
        );
        let fetched = fetched.map_err(|error| {
            self.files().drop_incoming(&incoming);
            match error {
                GitError::Cancelled => ManagerError::Stopping,
                error => ManagerError::Fetch {
                    url: without_credentials(url),
                    code: error.code(),
                    why: super::code::chain(&error),
                    remedy: error.hint().map(str::to_owned),
                },
            }
        })?;
        for warning in &fetched.warnings {
            tracing::warn!(url, "{warning}");
        }
        let source = InstalledFrom::Git {
            url: url.to_owned(),
            branch: branch.map(str::to_owned),
            rev: rev.map(str::to_owned),
            commit: fetched.commit,
        };
        Ok((path, source, Some(incoming)))
    }

    /// Nothing is fetched here.
    #[cfg(not(feature = "git"))]
    fn fetch(
        &self,
        url: &str,
        _: Option<&str>,
        _: Option<&str>,
        _: &Report,
    ) -> Result<Brought, ManagerError> {
        Err(ManagerError::Fetch {
            url: url.to_owned(),
            code: "git-not-here",
            why: "this program was built without git".to_owned(),
            remedy: Some("fetch it by other means, and add it by `--path`".to_owned()),
        })
    }

    /// A package on record that came from that very place, unless it is to be fetched again.
    fn known_source(&self, request: &AddRequest) -> Option<Arc<Entry>> {
        let AddSource::Git {
            git_url,
            branch,
            rev,
        } = &request.source
        else {
            return None;
        };
        if request.update || request.reinstall {
            return None;
        }
        self.entries().into_iter().find(|entry| {
            let record = entry.record();
            record.is_placed
                && matches!(&record.source, InstalledFrom::Git { url, branch: b, rev: r, .. }
                    if url == git_url && b == branch && r == rev)
        })
    }

    /// Whether somebody still needs a copy.
    fn uses(&self, incoming: &Path) -> bool {
        let uses = |entry: &Arc<Entry>| {
            let record = entry.record();
            record
                .pending
                .iter()
                .any(|it| it.wanted.incoming() == Some(incoming))
        };
        self.entries().iter().any(uses)
    }
}

impl Said {
    /// What the metadata of a package that is to be installed say.
    fn of(metadata: &PackageMetadata) -> Result<Self, ManagerError> {
        let toml = PackageToml::of(metadata.document());
        let toml = toml.map_err(|error| ManagerError::BadRequest {
            what: error.to_string(),
        })?;
        Ok(Self {
            toml,
            root: metadata.document().root().clone(),
            problems: Vec::new(),
        })
    }
}

fn wanted_add(
    request: &AddRequest,
    source: InstalledFrom,
    said: &Said,
    incoming: Option<PathBuf>,
) -> WantedAdd {
    WantedAdd {
        source,
        version: said.toml.version.clone(),
        dependencies: needs_of(said),
        incoming,
        install_kwargs: request.install_kwargs.clone(),
        reinstall: request.reinstall,
        reload: request.reload,
        install: request.install,
        start: request.start,
    }
}
