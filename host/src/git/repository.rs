//! A repository on disk: that of somebody, or ours to which is fetched.

use std::collections::HashSet;
use std::path::Path;

use gix::bstr::ByteSlice as _;
use gix::hash::Prefix;
use gix::{ObjectId, Repository, ThreadSafeRepository};

use super::choose::{Head, References, Target, Wish};
use super::error::{GitError, said};
use super::run::Run;

/// No configuration but the repository's own, no environment, no object larger than is allowed, and
/// no object in the place of another one.
fn options(run: &Run) -> gix::open::Options {
    gix::open::Options::isolated().config_overrides([
        format!("gitoxide.objects.allocLimit={}", run.limits.object),
        "core.useReplaceRefs=false".to_owned(),
    ])
}

/// Makes an empty one.
pub(super) fn create(folder: &Path, run: &Run) -> Result<Repository, GitError> {
    let kind = gix::create::Kind::Bare;
    let made = ThreadSafeRepository::init_opts(folder, kind, Default::default(), options(run));
    match made {
        Ok(made) => Ok(made.to_thread_local()),
        Err(error) => Err(GitError::Io {
            path: folder.to_path_buf(),
            source: std::io::Error::other(said(&error)),
        }),
    }
}

/// Opens that in `folder`, with or without a work tree, and finds what is asked for. Gives it, its
/// commit, and the branch.
pub(super) fn open(
    folder: &Path,
    wish: Wish<'_>,
    run: &Run,
) -> Result<(Repository, ObjectId, Option<String>), GitError> {
    let opened = gix::open_opts(folder, options(run));
    let repository = opened.map_err(|error| GitError::NotARepository {
        url: run.url.clone(),
        source: said(&error),
    })?;
    let references = references(&repository).map_err(|error| damaged(&error, run))?;
    let choice = references.choose(wish)?;
    let revision = wish.revision.unwrap_or_default();
    let commit = match &choice.target {
        Target::Reference(name) => named(&repository, name, run)?,
        Target::Id(id) if repository.has_object(id) => commit_of(&repository, *id, revision, run)?,
        Target::Id(_) => return Err(references.unknown(revision, wish.url)),
        Target::Prefix(prefix) => commit_with_prefix(&repository, *prefix, revision, run)?
            .ok_or_else(|| references.unknown(revision, wish.url))?,
    };
    if let Some(branch) = choice.branch.as_deref().filter(|_| choice.check_branch) {
        let tip = named(&repository, &format!("refs/heads/{branch}"), run)?;
        check_on_branch(&repository, commit, (tip, branch), wish, run)?;
    }
    Ok((repository, commit, choice.branch))
}

/// Its branches and tags.
fn references(repository: &Repository) -> gix::Result<References> {
    let mut references = References::default();
    let platform = repository.references()?;
    for branch in platform.local_branches()?.flatten() {
        if let (Ok(name), Some(id)) = (branch.name().shorten().to_str(), id_of(&branch)) {
            references.branches.insert(name.to_owned(), id);
        }
    }
    for tag in platform.tags()?.flatten() {
        if let (Ok(name), Some(id)) = (tag.name().shorten().to_str(), id_of(&tag)) {
            references.tags.insert(name.to_owned(), id);
        }
    }
    let head = repository.head()?;
    references.head = match head.referent_name().map(|name| name.shorten().to_str()) {
        Some(Ok(branch)) => Head::Branch(branch.to_owned()),
        Some(Err(_)) => Head::Missing,
        None => Head::Detached,
    };
    Ok(references)
}

/// Where a reference leads; one that leads to another one is followed.
fn id_of(reference: &gix::Reference<'_>) -> Option<ObjectId> {
    let mut reference = reference.clone();
    reference.follow_to_object().ok().map(gix::Id::detach)
}

/// The commit that a reference leads to.
fn named(repository: &Repository, name: &str, run: &Run) -> Result<ObjectId, GitError> {
    let found = repository
        .find_reference(name)
        .and_then(|mut reference| reference.follow_to_object().map(gix::Id::detach));
    let id = found.map_err(|error| damaged(&error, run))?;
    commit_of(repository, id, name, run)
}

/// The commit that an object is, or a tag that it is leads to. `name` is what leads to it.
pub(super) fn commit_of(
    repository: &Repository,
    id: ObjectId,
    name: &str,
    run: &Run,
) -> Result<ObjectId, GitError> {
    let object = repository
        .find_object(id)
        .and_then(gix::Object::peel_tags_to_end)
        .map_err(|error| damaged(&error, run))?;
    match object.kind {
        gix::objs::Kind::Commit => Ok(object.id),
        _ => Err(GitError::NotACommit {
            url: run.url.clone(),
            name: name.to_owned(),
        }),
    }
}

/// The one commit whose id begins like that, if there is one.
pub(super) fn commit_with_prefix(
    repository: &Repository,
    prefix: Prefix,
    revision: &str,
    run: &Run,
) -> Result<Option<ObjectId>, GitError> {
    let mut found = HashSet::new();
    repository
        .objects
        .lookup_prefix(prefix, Some(&mut found))
        .map_err(|error| damaged(&error, run))?;
    let mut commits = HashSet::new();
    for id in found {
        // Trees and files are not meant.
        match commit_of(repository, id, revision, run) {
            Ok(commit) => commits.insert(commit),
            Err(GitError::NotACommit { .. }) => false,
            Err(error) => return Err(error),
        };
    }
    match commits.len() {
        0 | 1 => Ok(commits.into_iter().next()),
        commits => Err(GitError::Ambiguous {
            url: run.url.clone(),
            revision: revision.to_owned(),
            commits,
        }),
    }
}

/// Refuses a commit that is not in the history of the branch whose tip is given.
pub(super) fn check_on_branch(
    repository: &Repository,
    commit: ObjectId,
    (tip, branch): (ObjectId, &str),
    wish: Wish<'_>,
    run: &Run,
) -> Result<(), GitError> {
    let walk = repository.rev_walk([tip]).all();
    for ancestor in walk.map_err(|error| damaged(&error, run))? {
        run.check()?;
        if ancestor.map_err(|error| damaged(&error, run))?.id == commit {
            return Ok(());
        }
    }
    Err(GitError::NotOnBranch {
        url: run.url.clone(),
        revision: wish.revision.unwrap_or_default().to_owned(),
        branch: branch.to_owned(),
    })
}

/// What is wrong with an object.
pub(super) fn damaged(error: &gix::Error, run: &Run) -> GitError {
    too_large(error, run).unwrap_or_else(|| GitError::Damaged {
        url: run.url.clone(),
        source: said(error),
    })
}

/// Whether it is that an object would need more memory than is allowed.
pub(super) fn too_large(error: &gix::Error, run: &Run) -> Option<GitError> {
    let limit = run.limits.object;
    error
        .is_resource_exhausted()
        .then_some(GitError::TooLarge { limit })
}
