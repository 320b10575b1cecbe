//! What would happen, and why not: a function of what is known, which reads and writes nothing.

use std::cmp::Ordering;
use std::path::PathBuf;

use keyway_metadata::TypeName;

use super::dependency::{BadDependency, Dependency};
use super::refusal::Refusal;
use crate::compare_versions;
use crate::package::is_installable_id;

/// What an installer is asked to do with a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Install it, unless a package of that id is there.
    Install,
    /// Install it, or put it in place of an older version.
    Upgrade,
}

/// What would happen to a package root.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// The package is new.
    Install,
    /// The package takes the place of another version.
    Upgrade {
        /// The version that is there; `None` if it says none.
        from: Option<String>,
    },
}

/// What is wanted.
pub(super) struct Wanted<'a> {
    pub(super) operation: Operation,
    pub(super) type_name: &'a TypeName,
    pub(super) force: bool,
    pub(super) allow_handlers: bool,
}

/// What the package says.
#[derive(Debug)]
pub(super) struct Offered {
    pub(super) id: Option<String>,
    pub(super) types: Vec<String>,
    pub(super) version: Option<String>,
    pub(super) dependencies: Vec<Result<Dependency, BadDependency>>,
}

/// What the root knows of the package's name.
#[derive(Debug)]
pub(super) struct There {
    /// The folder that it has, or would have, if it belongs to the package manager and is not for us
    /// to change.
    pub(super) managed: Option<PathBuf>,
    pub(super) occupant: Option<Occupant>,
}

/// What has the package's name in the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Occupant {
    pub(super) path: PathBuf,
    /// What its metadata say, if it has any.
    pub(super) package: Option<OccupantPackage>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OccupantPackage {
    pub(super) id: Option<String>,
    pub(super) types: Vec<String>,
    pub(super) version: Option<String>,
}

/// How it stands with what the package needs.
pub(super) enum Needed {
    /// It is there.
    Met,
    /// It is not installed.
    Missing,
    /// There are no packages of its type: why, and what to do about it.
    NoType(String, Option<String>),
    /// A version is installed that will not do.
    OtherVersion(Option<String>),
    /// A program would see to it.
    Handler,
    /// No program sees to such a thing.
    NoHandler,
}

pub(super) fn decide(
    wanted: &Wanted<'_>,
    offered: &Offered,
    there: &There,
    needed: impl Fn(&Dependency) -> Needed,
) -> (Action, Vec<Refusal>) {
    let mut refusals = Vec::new();
    if let (Some(path), Some(id)) = (&there.managed, &offered.id) {
        let (path, id) = (path.clone(), id.clone());
        refusals.push(Refusal::Managed { path, id });
    }
    match &offered.id {
        None => refusals.push(Refusal::NoId),
        Some(id) if !is_installable_id(id) => {
            refusals.push(Refusal::BadId { id: id.clone() });
        }
        Some(_) => {}
    }
    let type_name = wanted.type_name.as_str();
    if !offered.types.is_empty() && !offered.types.iter().any(|it| it == type_name) {
        refusals.push(Refusal::OtherType {
            declared: offered.types.clone(),
            wanted: wanted.type_name.clone(),
        });
    }
    for dependency in &offered.dependencies {
        let refusal = match dependency {
            Ok(dependency) => unmet(dependency, &needed(dependency), wanted),
            Err(bad) => Some(Refusal::BadDependency {
                what: bad.0.clone(),
            }),
        };
        refusals.extend(refusal);
    }
    let action = match &there.occupant {
        None => Action::Install,
        Some(occupant) => {
            // Nothing is in the way that would be of use to know.
            if there.managed.is_none() {
                refusals.extend(in_the_way(wanted, offered, occupant));
            }
            let package = occupant.package.as_ref();
            Action::Upgrade {
                from: package.and_then(|it| it.version.clone()),
            }
        }
    };
    (action, refusals)
}

/// Why what is there is not replaced.
fn in_the_way(wanted: &Wanted<'_>, offered: &Offered, there: &Occupant) -> Option<Refusal> {
    let path = there.path.clone();
    let Some(package) = &there.package else {
        return Some(Refusal::NoPackageThere { path });
    };
    if wanted.operation == Operation::Install {
        let version = package.version.clone();
        return Some(Refusal::AlreadyInstalled { path, version });
    }
    // Other folders may be called like that on file systems that fold case, or by hand.
    if let Some(id) = &package.id
        && Some(id) != offered.id.as_ref()
    {
        let id = id.clone();
        return Some(Refusal::OtherPackageThere { path, id });
    }
    let type_name = wanted.type_name.as_str();
    if !package.types.is_empty() && !package.types.iter().any(|it| it == type_name) {
        return Some(Refusal::TypeChanges {
            path,
            installed: package.types.clone(),
            wanted: wanted.type_name.clone(),
        });
    }
    let [installed, version] = [&package.version, &offered.version].map(Option::as_deref);
    let is_newer = compare_versions(version.unwrap_or(""), installed.unwrap_or(""));
    if is_newer != Ordering::Greater && !wanted.force {
        return Some(Refusal::NotNewer {
            path,
            installed: package.version.clone(),
            version: offered.version.clone(),
        });
    }
    None
}

fn unmet(dependency: &Dependency, needed: &Needed, wanted: &Wanted<'_>) -> Option<Refusal> {
    let dependency = dependency.clone();
    match needed {
        Needed::Met => None,
        Needed::Missing => Some(Refusal::MissingDependency {
            dependency,
            installed: None,
        }),
        Needed::NoType(why, remedy) => Some(Refusal::DependencyType {
            dependency,
            why: why.clone(),
            remedy: remedy.clone(),
        }),
        Needed::OtherVersion(version) => Some(Refusal::MissingDependency {
            dependency,
            installed: Some(version.clone().unwrap_or_default()),
        }),
        Needed::NoHandler => Some(Refusal::NoHandler { dependency }),
        Needed::Handler if wanted.allow_handlers => None,
        Needed::Handler => Some(Refusal::HandlerNotAllowed { dependency }),
    }
}
