//! A repository on a server.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use gix::bstr::ByteSlice as _;
use gix::protocol::handshake::Ref;
use gix::remote::Direction;
use gix::remote::fetch::{RefMap, Shallow, Tags};
use gix::remote::ref_map;
use gix::{ObjectId, Repository, progress};
use gix_transport::Protocol;
use gix_transport::client::blocking_io::http::Transport;

use super::choose::{Choice, Head, References, Target, Wish};
use super::error::{GitError, said};
use super::http::Client;
use super::repository::{self, commit_of, commit_with_prefix};
use super::run::Run;

const HEADS: &str = "refs/heads/";
const TAGS: &str = "refs/tags/";

/// Fetches what is asked for from the server at `url` to a new repository `folder`. Gives it, its
/// commit, and the branch.
pub(super) fn fetch(
    url: &str,
    folder: &Path,
    wish: Wish<'_>,
    run: &Arc<Run>,
) -> Result<(Repository, ObjectId, Option<String>), GitError> {
    let repository = repository::create(folder, run)?;
    let server = Server {
        url,
        repository: &repository,
        run,
    };
    let references = server.list()?;
    let choice = references.choose(wish)?;
    let commit = server.receive(&choice, &references, wish)?;
    Ok((repository, commit, choice.branch))
}

/// A server, and where what it sends is put.
struct Server<'a> {
    url: &'a str,
    repository: &'a Repository,
    run: &'a Arc<Run>,
}

impl Server<'_> {
    /// Asks for branches and tags.
    fn list(&self) -> Result<References, GitError> {
        let specs = ["HEAD", "refs/heads/*", "refs/tags/*"].map(spec);
        let (map, _) = self
            .remote(&specs)
            .and_then(|remote| {
                let connection = remote
                    .to_connection_with_transport(self.transport()?)
                    .with_credentials(|_| Ok(None));
                connection.ref_map(progress::Discard, ref_map::Options::default())
            })
            .map_err(|error| self.failed(&error))?;
        Ok(references(&map))
    }

    /// Fetches what was chosen: that commit alone if possible, else all that leads to it.
    fn receive(
        &self,
        choice: &Choice,
        references: &References,
        wish: Wish<'_>,
    ) -> Result<ObjectId, GitError> {
        if !choice.check_branch {
            match &choice.target {
                Target::Reference(name) => {
                    let map = self.pack(&[spec(name)], true)?;
                    return self.named(&map, name);
                }
                // Some servers send no commit that no name leads to.
                Target::Id(id) => match self.pack(&[format!("+{id}:refs/keyway/commit")], true) {
                    Ok(_) => return commit_of(self.repository, *id, &id.to_string(), self.run),
                    Err(error @ GitError::Protocol { .. }) => {
                        tracing::debug!(%error, "all history is fetched");
                    }
                    Err(error) => return Err(error),
                },
                Target::Prefix(_) => {}
            }
        }
        let branch = choice.branch.as_ref().filter(|_| choice.check_branch);
        let specs = match (branch, &choice.target) {
            (Some(branch), Target::Reference(tag)) => {
                vec![spec(&format!("{HEADS}{branch}")), spec(tag)]
            }
            (Some(branch), _) => vec![spec(&format!("{HEADS}{branch}"))],
            (None, _) => vec![spec("refs/heads/*"), spec("refs/tags/*")],
        };
        let map = self.pack(&specs, false)?;
        let revision = wish.revision.unwrap_or_default();
        // What is elsewhere than on the branch was not fetched.
        let missing = || match branch {
            Some(branch) => GitError::NotOnBranch {
                url: self.run.url.clone(),
                revision: revision.to_owned(),
                branch: branch.clone(),
            },
            None => references.unknown(revision, wish.url),
        };
        let commit = match &choice.target {
            Target::Reference(tag) => self.named(&map, tag)?,
            Target::Id(id) if self.repository.has_object(id) => {
                commit_of(self.repository, *id, revision, self.run)?
            }
            Target::Id(_) => return Err(missing()),
            Target::Prefix(prefix) => {
                commit_with_prefix(self.repository, *prefix, revision, self.run)?
                    .ok_or_else(missing)?
            }
        };
        if let Some(branch) = branch {
            let tip = self.named(&map, &format!("{HEADS}{branch}"))?;
            repository::check_on_branch(self.repository, commit, (tip, branch), wish, self.run)?;
        }
        Ok(commit)
    }

    /// Receives the objects that `specs` name, with their history unless `shallow`.
    fn pack(&self, specs: &[String], shallow: bool) -> Result<RefMap, GitError> {
        let shallow = match shallow {
            true => Shallow::DepthAtRemote(NonZeroU32::MIN),
            false => Shallow::NoChange,
        };
        let outcome = self
            .remote(specs)
            .and_then(|remote| {
                let connection = remote
                    .to_connection_with_transport(self.transport()?)
                    .with_credentials(|_| Ok(None));
                connection
                    .prepare_fetch(progress::Discard, ref_map::Options::default())?
                    .with_shallow(shallow)
                    .with_write_packed_refs_only(true)
                    .receive(progress::Discard, &self.run.cancelled)
            })
            .map_err(|error| self.failed(&error))?;
        Ok(outcome.ref_map)
    }

    /// The commit that a reference leads to, of those that were fetched.
    fn named(&self, map: &RefMap, name: &str) -> Result<ObjectId, GitError> {
        let mapping = map
            .mappings
            .iter()
            .find(|mapping| mapping.remote.as_name() == Some(name.into()));
        let id = mapping.and_then(|mapping| mapping.remote.as_id());
        // It was there a moment ago.
        let id = id.ok_or_else(|| GitError::Protocol {
            url: self.run.url.clone(),
            source: format!("`{name}` is gone").into(),
        })?;
        let short = [HEADS, TAGS]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))
            .unwrap_or(name);
        commit_of(self.repository, id.to_owned(), short, self.run)
    }

    fn remote(&self, specs: &[impl AsRef<str>]) -> gix::Result<gix::Remote<'_>> {
        let specs = specs.iter().map(|spec| spec.as_ref().as_bytes().as_bstr());
        self.repository
            .remote_at_without_url_rewrite(self.url)?
            .with_fetch_tags(Tags::None)
            .with_refspecs(specs, Direction::Fetch)
    }

    fn transport(&self) -> gix::Result<Transport<Client>> {
        let url = gix::url::parse(self.url.as_bytes().as_bstr())?;
        let client = Client::new(self.url, self.run);
        Ok(Transport::new_http(client, url, Protocol::V2, false))
    }

    /// Why it failed: what was kept on the way, or what gix says.
    fn failed(&self, error: &gix::Error) -> GitError {
        if let Err(cancelled) = self.run.check() {
            return cancelled;
        }
        if let Some(kept) = self.run.take_failure() {
            return kept;
        }
        repository::too_large(error, self.run).unwrap_or_else(|| GitError::Protocol {
            url: self.run.url.clone(),
            source: said(error),
        })
    }
}

/// Fetches a reference to where it is in nobody's way.
fn spec(name: &str) -> String {
    format!("+{name}:refs/keyway/{name}")
}

/// What a server says that it has.
fn references(map: &RefMap) -> References {
    let mut references = References::default();
    for reference in &map.remote_refs {
        let (name, target, peeled) = reference.unpack();
        let name = name.to_str().ok();
        if name == Some("HEAD") {
            references.head = head(reference);
            continue;
        }
        let (Some(name), Some(id)) = (name, peeled.or(target)) else {
            continue;
        };
        if let Some(branch) = name.strip_prefix(HEADS) {
            references.branches.insert(branch.to_owned(), id.to_owned());
        } else if let Some(tag) = name.strip_prefix(TAGS) {
            references.tags.insert(tag.to_owned(), id.to_owned());
        }
    }
    references
}

fn head(reference: &Ref) -> Head {
    match reference {
        Ref::Symbolic { target, .. } => match target.to_str().map(|it| it.strip_prefix(HEADS)) {
            Ok(Some(branch)) => Head::Branch(branch.to_owned()),
            _ => Head::Detached,
        },
        Ref::Unborn { .. } => Head::Missing,
        Ref::Direct { .. } | Ref::Peeled { .. } => Head::Detached,
    }
}
