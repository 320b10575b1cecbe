//! Why a type name does not lead to a type.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use keyway_metadata::{GivenType, TypeKind, TypeName};

use super::catalog::Catalog;
use crate::plugin::gates::candidate::Look;
use crate::plugin::gates::refusal::{NotAPlugin, Refusal};
use crate::plugin::library::LoadError;
use crate::plugin::search_path::SearchFolder;

/// Why a type name does not lead to a type.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// No plugin gives the type, or none that may be loaded.
    #[error("no plugin gives the {kind} `{type_name}`")]
    Unknown {
        /// The type's name.
        type_name: TypeName,
        /// What was asked for.
        kind: TypeKind,
        /// What the search saw.
        search: Box<Search>,
    },
    /// Two plugins in one folder give the type.
    #[error("two plugins give the {kind} `{type_name}`: `{}` and `{}`", first.display(), second.display())]
    Conflict {
        /// The type's name.
        type_name: TypeName,
        /// What was asked for.
        kind: TypeKind,
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// The plugin was refused at the last moment.
    #[error("the plugin `{}` is refused: {why}", path.display())]
    NotAdmitted {
        /// The plugin's file.
        path: PathBuf,
        /// Why.
        why: Arc<Refusal>,
    },
    /// The file is no plugin.
    #[error("`{}` is no plugin: {why}", path.display())]
    NotAPlugin {
        /// The file.
        path: PathBuf,
        /// Why.
        why: NotAPlugin,
    },
    /// The plugin is just being loaded by the one who asks for it.
    #[error("the plugin `{}` asks for itself while it is being loaded", path.display())]
    FileCycle {
        /// The plugin's file.
        path: PathBuf,
    },
    /// This process loads no plugins.
    #[error("the {kind} `{type_name}` is not loaded: this process is in safe mode")]
    SafeMode {
        /// The type's name.
        type_name: TypeName,
        /// What was asked for.
        kind: TypeKind,
    },
    /// The application keeps types of this vendor to itself, and has registered none of that name.
    #[error("the application has no `{type_name}`, and takes no plugin's: it keeps the vendor `{}` to itself", type_name.vendor())]
    Reserved {
        /// The type's name.
        type_name: TypeName,
    },
    /// The type is just being made by the one who asks for it.
    #[error("the type `{type_name}` asks for itself while it is being loaded")]
    Cycle {
        /// The type's name.
        type_name: TypeName,
    },
    /// The plugin that gives the type cannot be used.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// Where a type was looked for, and what was passed over.
#[derive(Clone, Debug)]
pub struct Search {
    /// The folders, in order.
    pub folders: Vec<SearchFolder>,
    /// The files that name the type but must not be loaded.
    pub refused: Vec<(PathBuf, Arc<Refusal>)>,
    /// Names of types that there are, nearest first, if any is near.
    pub nearest: Vec<TypeName>,
}

impl Search {
    pub(in crate::plugin) fn of(
        catalog: &Catalog,
        given: &GivenType,
        names: BTreeSet<TypeName>,
    ) -> Self {
        let refused = catalog.files().filter_map(|file| match file.look() {
            Look::Refused(why, Some(candidate)) => candidate
                .manifest()
                .types
                .contains(given)
                .then(|| (file.path().to_path_buf(), Arc::clone(why))),
            _ => None,
        });
        Self {
            folders: catalog.folders().map(|it| it.folder().clone()).collect(),
            refused: refused.collect(),
            nearest: nearest(&given.name, names),
        }
    }
}

/// The names that somebody may have meant, at most three.
fn nearest(asked: &TypeName, names: BTreeSet<TypeName>) -> Vec<TypeName> {
    let asked = asked.as_str().to_lowercase();
    let mut near: Vec<(usize, TypeName)> = names
        .into_iter()
        .map(|name| {
            let distance = strsim::damerau_levenshtein(&asked, &name.as_str().to_lowercase());
            (distance, name)
        })
        .filter(|(distance, _)| *distance <= asked.len().div_ceil(4))
        .collect();
    near.sort();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

impl ResolveError {
    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown-type",
            Self::Conflict { .. } => "conflict",
            Self::NotAdmitted { why, .. } => why.code(),
            Self::NotAPlugin { why, .. } => why.code(),
            Self::SafeMode { .. } => "safe-mode",
            Self::Reserved { .. } => "reserved-vendor",
            Self::Cycle { .. } | Self::FileCycle { .. } => "cycle",
            Self::Load(error) => error.code(),
        }
    }

    /// More about it, a line each.
    #[must_use]
    pub fn details(&self) -> Vec<String> {
        match self {
            Self::Unknown { search, .. } => search
                .refused
                .iter()
                .map(|(path, why)| format!("refused `{}`: {why}", path.display()))
                .chain(search.folders.iter().map(|folder| {
                    let (path, origin) = (folder.path().display(), folder.origin());
                    match folder.skipped() {
                        Some(why) => format!("skipped `{path}` ({origin}): {why}"),
                        None => format!("searched `{path}` ({origin})"),
                    }
                }))
                .collect(),
            Self::Load(error) => error.details(),
            _ => Vec::new(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { search, .. } => Some(match search.nearest.as_slice() {
                [] => match search.refused.first() {
                    Some((_, why)) => why.hint(),
                    None => "put the plugin that gives it into one of these folders".to_owned(),
                },
                nearest => {
                    let names: Vec<_> = nearest.iter().map(|name| format!("`{name}`")).collect();
                    format!("did you mean {}?", names.join(" or "))
                }
            }),
            Self::Conflict { .. } => Some("remove one of them".to_owned()),
            Self::NotAdmitted { why, .. } => Some(why.hint()),
            Self::SafeMode { .. } => Some("unset KEYWAY_SAFE_MODE".to_owned()),
            Self::Reserved { .. }
            | Self::Cycle { .. }
            | Self::FileCycle { .. }
            | Self::NotAPlugin { .. } => None,
            Self::Load(error) => error.hint().map(str::to_owned),
        }
    }
}
