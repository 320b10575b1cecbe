//! Why nothing was installed, upgraded or removed.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use keyway_metadata::TypeName;
use keyway_metadata::foreign::Escaped;

use super::refusal::Refusal;
use crate::archive::ArchiveError;
use crate::package::{LoadError, MetadataError, PackageError, Problem, Shown, ShownList};
use crate::transaction::RootError;

/// Why a package was not installed, upgraded or removed. Nothing was changed then, but for
/// [`Handler`](Self::Handler)s that ran before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// There is nothing to install, or it cannot be read.
    #[error("the package {} cannot be read", Shown::new(.path))]
    Unreadable {
        /// The folder or archive.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It is neither a folder nor an archive.
    #[error("{} is no package: it is neither a folder nor an archive (zip, or tar, plain or with gzip, bzip2, xz or zstd)", Shown::new(.path))]
    NotAPackage {
        /// The file.
        path: PathBuf,
    },
    /// The archive is refused, or the folder is: what is in it cannot be installed as it is.
    #[error("the package {} is refused", Shown::new(.path))]
    Archive {
        /// The folder or archive.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: ArchiveError,
    },
    /// There are no metadata, or there are those of several packages.
    #[error(transparent)]
    Package(PackageError),
    /// It has no metadata.
    #[error("the package {} has no metadata: there is {}", Shown::new(.path), NoneOf(.expected))]
    NoMetadata {
        /// The folder or archive.
        path: PathBuf,
        /// The files that metadata may be in.
        expected: &'static [&'static str],
    },
    /// Its metadata cannot be read.
    #[error("the metadata of the package {} cannot be read", Shown::new(.path))]
    Metadata {
        /// The folder or archive.
        path: PathBuf,
        /// What is wrong with them.
        #[source]
        source: Arc<MetadataError>,
    },
    /// Nobody says of which type it is.
    #[error("the type of {} is not known: its metadata name {}", Shown::new(.path), Types(.declared))]
    NoType {
        /// The folder or archive.
        path: PathBuf,
        /// The types that its metadata name: none, or several.
        declared: Vec<String>,
    },
    /// The type is not known, its plugin was refused, or its code failed.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// There is no folder that packages are installed in.
    #[error("there is no data folder of the {}, in which packages are installed", if *.for_all_users { "system" } else { "user" })]
    NoDataDir {
        /// Whether it is for all users.
        for_all_users: bool,
    },
    /// Neither a type nor a package root is known.
    #[error("neither the type of the package nor its package root is known")]
    NoRoot,
    /// Packages of several types have the name.
    #[error("several packages are called {}: {}", Shown::new(.name), ShownList(.found))]
    Ambiguous {
        /// The name.
        name: String,
        /// Where they are.
        found: Vec<PathBuf>,
    },
    /// It may not be installed: there is a reason, or there are several.
    #[error("the package {} is not installed: {}", Shown::new(.path), Reasons(.refusals))]
    Refused {
        /// The folder or archive.
        path: PathBuf,
        /// Every reason; never empty.
        refusals: Vec<Refusal>,
    },
    /// What was unpacked is not a valid package of its type.
    #[error("{} is not a valid package of type `{type_name}`: {}", Shown::new(.path), First(.problems))]
    Invalid {
        /// The folder or archive.
        path: PathBuf,
        /// Its type.
        type_name: TypeName,
        /// What makes it invalid; never empty.
        problems: Vec<Problem>,
    },
    /// What was unpacked has other metadata than were read at first.
    #[error("the package {} changed while it was read", Shown::new(.path))]
    Changed {
        /// The folder or archive.
        path: PathBuf,
    },
    /// Somebody else is changing the package root.
    #[error("{} is locked: somebody else is installing or removing packages, for more than {} s", Shown::new(.root), .waited.as_secs_f32())]
    Locked {
        /// The package root.
        root: PathBuf,
        /// As long was waited.
        waited: Duration,
    },
    /// The folder `.keyway` of the package root belongs to somebody else, or others may write to it: they
    /// could make us write and remove elsewhere.
    #[error("{} belongs to the user {owner} and has the mode {mode:o}, expected one that only you may write to", Shown::new(.path))]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// Its owner's number.
        owner: u32,
        /// Its permissions.
        mode: u32,
    },
    /// Something cannot be written.
    #[error("{} cannot be changed", Shown::new(.path))]
    Io {
        /// What it is about.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Somebody [cancelled](super::Cancellation) it.
    #[error("it was cancelled")]
    Cancelled,
    /// A program did not see to what the package needs.
    #[error("the package needs {}, and the program {} did not see to it: {why}", Shown::new(.url), Shown::new(.program))]
    Handler {
        /// What it needs.
        url: String,
        /// The program.
        program: PathBuf,
        /// How it ended.
        why: String,
    },
    /// What is to be removed has no name that a package has.
    #[error("{} is no name of a package", Shown::new(.name))]
    BadName {
        /// The name.
        name: String,
    },
    /// What is to be removed is not installed there.
    #[error("there is no package {} in {}", Shown::new(.name), RootOrAll(.root))]
    NotInstalled {
        /// The name.
        name: String,
        /// The package root; `None` if nobody named a type, so that those of all types were searched.
        root: Option<PathBuf>,
        /// Where a package of that name and type is installed all the same.
        elsewhere: Option<PathBuf>,
    },
    /// What is to be removed is not what was [planned](super::Removal) to be.
    #[error("{} is not removed: it is another package, or another version, than when its removal was planned", Shown::new(.path))]
    Replaced {
        /// What is there now.
        path: PathBuf,
    },
    /// What is to be removed belongs to the package manager, be it a linked package.
    #[error("{} is not removed: it belongs to the package manager", Shown::new(.path))]
    Managed {
        /// The folder that it has.
        path: PathBuf,
        /// Its id.
        id: String,
    },
    /// A package is not upgraded anew while its last upgrade may have to be taken back.
    #[error("{} is not upgraded: its last upgrade is not finished", Shown::new(.path))]
    Unfinished {
        /// The package.
        path: PathBuf,
    },
    /// The version that is to be put back is not kept any more.
    #[error("{} stays as it is: the version that is to take its place is not kept", Shown::new(.path))]
    NotKept {
        /// The package.
        path: PathBuf,
    },
    /// What is to be removed is no package, or one of another type.
    #[error("{} is not removed: {why}", Shown::new(.path))]
    NotRemovable {
        /// What is there.
        path: PathBuf,
        /// Why it stays.
        why: String,
    },
}

impl InstallError {
    /// A stable code, in kebab case. That of a [refusal](Self::Refused) is that of the first reason.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "package-not-found"
            }
            Self::Unreadable { .. } => "package-unreadable",
            Self::NotAPackage { .. } => "not-a-package",
            Self::Archive { source, .. } => source.code(),
            Self::Package(error) => error.code(),
            Self::NoMetadata { .. } => "metadata-missing",
            Self::Metadata { source, .. } => source.code(),
            Self::NoType { .. } => "type-missing",
            Self::Load(error) => error.code(),
            Self::NoDataDir { .. } => "no-data-folder",
            Self::NoRoot => "package-root-missing",
            Self::Ambiguous { .. } => "package-ambiguous",
            Self::Refused { refusals, .. } => {
                refusals.first().map_or("install-refused", Refusal::code)
            }
            Self::Invalid { .. } => "package-invalid",
            Self::Changed { .. } => "package-changed",
            Self::Locked { .. } => "locked",
            Self::NotOurs { .. } => "folder-not-own",
            Self::Io { .. } => "io",
            Self::Cancelled => "cancelled",
            Self::Handler { .. } => "handler-failed",
            Self::BadName { .. } => "bad-name",
            Self::NotInstalled { .. } => "not-installed",
            Self::Replaced { .. } => "package-replaced",
            Self::Managed { .. } => "managed",
            Self::Unfinished { .. } => "upgrade-unfinished",
            Self::NotKept { .. } => "version-not-kept",
            Self::NotRemovable { .. } => "not-removable",
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Archive { source, .. } => source.hint().map(str::to_owned),
            Self::Package(error) => error.hint().map(str::to_owned),
            Self::NoType { declared, .. } if declared.is_empty() => {
                Some("say which type it is of".to_owned())
            }
            Self::NoType { .. } => Some("say which of them it is to be installed as".to_owned()),
            Self::Load(error) => error.hint(),
            Self::NoRoot | Self::Ambiguous { .. } => Some("say which type it is of".to_owned()),
            Self::Refused { refusals, .. } => refusals.iter().find_map(Refusal::hint),
            Self::NotInstalled {
                elsewhere: Some(path),
                ..
            } => Some(format!("one is installed in {}", Shown::new(path))),
            Self::NotOurs { path, .. } => Some(format!(
                "install as that user; or remove {}, which holds receipts, what the package manager notes and \
                 keeps, and no package that is seen",
                Shown::new(path)
            )),
            Self::BadName { .. } => {
                Some("packages are removed by their id, not by their path".to_owned())
            }
            Self::NotInstalled { root: None, .. } => {
                Some("if no plugin gives its type, say in which package root it is".to_owned())
            }
            Self::NoDataDir { for_all_users } => Some(
                match for_all_users {
                    true => "XDG_DATA_DIRS has to name an absolute path",
                    false => "HOME or XDG_DATA_HOME has to be an absolute path",
                }
                .to_owned(),
            ),
            Self::Managed { id, .. } => Some(format!(
                "let the package manager do it: `keyway package delete {}`",
                Escaped(id)
            )),
            Self::Replaced { .. } => Some("look at what is there now, and plan it anew".to_owned()),
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::CrossesDevices => Some(
                    "the package, or `.keyway` beside it, lies on another file system than its \
                     package root, or is a mount point: unmount it first"
                        .to_owned(),
                ),
                io::ErrorKind::ResourceBusy => {
                    Some("the package is a mount point: unmount it first".to_owned())
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Every reason why it may not be installed, if that is why.
    #[must_use]
    pub fn refusals(&self) -> &[Refusal] {
        match self {
            Self::Refused { refusals, .. } => refusals,
            _ => &[],
        }
    }

    /// What the archive, or the folder, is refused for.
    pub(crate) fn of_archive(path: &std::path::Path, source: ArchiveError) -> Self {
        match source {
            ArchiveError::Cancelled => Self::Cancelled,
            ArchiveError::Unreadable { source } => Self::Unreadable {
                path: path.to_path_buf(),
                source,
            },
            source => Self::Archive {
                path: path.to_path_buf(),
                source,
            },
        }
    }

    /// Names the path by which people know it.
    pub(super) fn shown_as(self, shown: impl Fn(&std::path::Path) -> PathBuf) -> Self {
        match self {
            Self::Io { path, source } => Self::Io {
                path: shown(&path),
                source,
            },
            other => other,
        }
    }

    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}

impl From<RootError> for InstallError {
    fn from(error: RootError) -> Self {
        match error {
            RootError::Locked { path: root, waited } => Self::Locked { root, waited },
            RootError::NotOurs { path, owner, mode } => Self::NotOurs { path, owner, mode },
            RootError::NotKept { path } => Self::NotKept { path },
            RootError::Unfinished { path } => Self::Unfinished { path },
            RootError::Io { path, source } => Self::Io { path, source },
        }
    }
}

/// The first problem, and how many more there are.
struct First<'a>(&'a [Problem]);

impl std::fmt::Display for First<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [first, rest @ ..] = self.0 else {
            return Ok(());
        };
        f.write_str(first.message())?;
        match rest.len() {
            0 => Ok(()),
            more => write!(f, " (and {more} more)"),
        }
    }
}

/// All reasons.
struct Reasons<'a>(&'a [Refusal]);

impl std::fmt::Display for Reasons<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, refusal) in self.0.iter().enumerate() {
            let before = if index == 0 { "" } else { "; " };
            write!(f, "{before}{refusal}")?;
        }
        Ok(())
    }
}

/// A package root, or those of all types.
struct RootOrAll<'a>(&'a Option<PathBuf>);

impl std::fmt::Display for RootOrAll<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(root) => Shown::new(root).fmt(f),
            None => f.write_str("the package root of any type"),
        }
    }
}

/// Types that metadata name.
struct Types<'a>(&'a [String]);

impl std::fmt::Display for Types<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            [] => f.write_str("none"),
            types => ShownList(types).fmt(f),
        }
    }
}

/// The names of files of which none is there.
struct NoneOf<'a>(&'a [&'static str]);

impl std::fmt::Display for NoneOf<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            [only] => write!(f, "no `{only}`"),
            [one, other] => write!(f, "neither `{one}` nor `{other}`"),
            names => write!(f, "none of {}", ShownList(names)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// They are told by their kind alone: who installs for all users is not known here.
    #[test]
    fn what_the_system_says_has_a_hint_where_one_fits() {
        let hint = |kind: io::ErrorKind| InstallError::io("/x")(kind.into()).hint();
        assert_eq!(hint(io::ErrorKind::PermissionDenied), None);
        let crossed = hint(io::ErrorKind::CrossesDevices).unwrap();
        assert!(crossed.contains("another file system"), "{crossed}");
        let busy = hint(io::ErrorKind::ResourceBusy).unwrap();
        assert!(busy.contains("mount point"), "{busy}");
    }
}
