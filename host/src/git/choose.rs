//! What is to be fetched of all that a repository has.

use std::collections::BTreeMap;

use gix::ObjectId;
use gix::hash::Prefix;

use super::error::GitError;

/// The branches and tags of a repository. Names that are not UTF-8 are left out: nobody can ask for them.
#[derive(Debug, Default)]
pub(super) struct References {
    pub(super) head: Head,
    pub(super) branches: BTreeMap<String, ObjectId>,
    pub(super) tags: BTreeMap<String, ObjectId>,
}

/// Where `HEAD` leads.
#[derive(Debug, Default)]
pub(super) enum Head {
    /// To a branch, which may not be there.
    Branch(String),
    /// To a commit.
    Detached,
    /// Nowhere.
    #[default]
    Missing,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    pub(super) url: &'a str,
    pub(super) branch: Option<&'a str>,
    pub(super) revision: Option<&'a str>,
}

/// What is to be fetched.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) target: Target,
    /// The branch that it is on, as far as that is known.
    pub(super) branch: Option<String>,
    /// Whether it is yet to be found out that it is on that branch.
    pub(super) check_branch: bool,
}

/// What leads to a commit.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A reference, by its full name.
    Reference(String),
    /// An object's whole id.
    Id(ObjectId),
    /// How a commit's id begins.
    Prefix(Prefix),
}

impl References {
    /// Chooses what is asked for.
    pub(super) fn choose(&self, wish: Wish<'_>) -> Result<Choice, GitError> {
        let url = || wish.url.to_owned();
        if self.branches.is_empty() && self.tags.is_empty() && !matches!(self.head, Head::Detached)
        {
            return Err(GitError::Empty { url: url() });
        }
        let branch = match wish.branch {
            Some(branch) if !self.branches.contains_key(branch) => {
                return Err(GitError::UnknownBranch {
                    url: url(),
                    branch: branch.to_owned(),
                    near: nearest(branch, &self.branches),
                });
            }
            branch => branch.map(str::to_owned),
        };
        if let Some(revision) = wish.revision {
            let check_branch = branch.is_some();
            return Ok(Choice {
                target: self.find(revision, wish.url)?,
                branch,
                check_branch,
            });
        }
        let branch = match (branch, &self.head) {
            (Some(branch), _) => Some(branch),
            (None, Head::Detached) => None,
            (None, Head::Branch(branch)) if self.branches.contains_key(branch) => {
                Some(branch.clone())
            }
            (None, _) => {
                return Err(GitError::NoDefaultBranch {
                    url: url(),
                    branches: self.branches.keys().take(3).cloned().collect(),
                });
            }
        };
        let name = match &branch {
            Some(branch) => format!("refs/heads/{branch}"),
            None => "HEAD".to_owned(),
        };
        Ok(Choice {
            target: Target::Reference(name),
            branch,
            check_branch: false,
        })
    }

    /// What a revision means: a tag, before a commit whose id begins like that.
    fn find(&self, revision: &str, url: &str) -> Result<Target, GitError> {
        if self.tags.contains_key(revision) {
            return Ok(Target::Reference(format!("refs/tags/{revision}")));
        }
        if let Ok(id) = ObjectId::from_hex(revision.as_bytes()) {
            return Ok(Target::Id(id));
        }
        Prefix::from_hex(revision)
            .map(Target::Prefix)
            .map_err(|_| self.unknown(revision, url))
    }

    /// There is no such revision.
    pub(super) fn unknown(&self, revision: &str, url: &str) -> GitError {
        GitError::UnknownRevision {
            url: url.to_owned(),
            revision: revision.to_owned(),
            near: nearest(revision, &self.tags),
        }
    }
}

/// The names that are much like a mistyped one, at most three.
fn nearest(asked: &str, names: &BTreeMap<String, ObjectId>) -> Vec<String> {
    let far = asked.chars().count() / 3 + 1;
    // Measuring takes as long as both names are.
    let asked: String = asked.to_lowercase().chars().take(100).collect();
    let measured = names.keys().take(10_000).filter_map(|name| {
        let measured: String = name.to_lowercase().chars().take(100).collect();
        let distance = strsim::damerau_levenshtein(&asked, &measured);
        (distance <= far).then_some((distance, name))
    });
    let mut near: Vec<_> = measured.collect();
    near.sort();
    near.into_iter()
        .take(3)
        .map(|(_, name)| name.clone())
        .collect()
}
