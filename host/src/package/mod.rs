//! Packages: found, looked at, and asked for their files.
//!
//! ```text
//! type name --> PackageLoader --init_package, once--> Definition
//!                                                        |
//! name or path --> search (data folders) --> locate --path_changed--> contents: folder,
//!                                                                     definition, metadata, fallback
//!                                                                        |
//!                                   Package --(key, file name)--> resolve --> a path inside
//! ```
//!
//! - [`PackageLoader`] gives [`Package`]s of a type, and lists those that are installed: by a
//!   [`Listing`], which finds out what has changed since the last one.
//! - [`Definition`] is what packages of a type look like; a structure says it once.
//! - [`Package`] has KPackage's methods under their names, in Rust's spelling. Its answers are those
//!   of KPackage 5.103.
//! - [`Package::validate`] says what is not as it should be, [`Package::examination`] looks at
//!   folders that are no valid package.
//! - With the feature `archive` a package may be an archive; it is unpacked to a private folder.
//! - [`Package::open`] opens a file, and never one outside, even while links are exchanged.
//! - [`Package::cryptographic_hash`] is KPackage's hash, [`Package::content_digest`] a sound one.
//!
//! No lock is held while code of a structure runs.

#[cfg(feature = "archive")]
mod archived;
mod contents;
mod definition;
mod edit;
mod error;
#[cfg(any(feature = "install", feature = "watch"))]
mod event;
mod examination;
mod file_url;
pub(crate) mod hash;
mod hits;
mod listing;
mod loader;
mod locate;
pub(crate) mod metadata;
mod mime;
mod open;
#[expect(
    clippy::module_inception,
    reason = "a package is what the module is about"
)]
mod package;
mod resolve;
mod search;
mod shown;
mod validity;
mod warnings;

#[cfg(test)]
pub(crate) mod tests;

/// What the metadata of a 3bot package say.
#[doc(inline)]
pub use keyway_metadata::threebot;
/// What the metadata of a package say.
#[doc(inline)]
pub use keyway_metadata::{
    Author, DeclaredTypesError, Document, DocumentError, Format, Lenient, PluginMetadata,
    ValueError,
};
/// The name of a package type.
#[doc(inline)]
pub use keyway_metadata::{TypeName, TypeNameError};

pub use definition::{Definition, KeyDefinition, Kind};
pub use error::{FileError, LoadError, NameFault, PackageError, PassedOver, Tried};
#[cfg(any(feature = "install", feature = "watch"))]
pub use event::{Change, PackageEvent};
pub use examination::Examination;
pub use hash::{HashAlgorithm, HashError};
pub use listing::{ListedPackage, Listing, ListingProgress};
pub use loader::PackageLoader;
pub use metadata::{MetadataError, PackageMetadata};
pub use open::OpenError;
pub use package::Package;
pub use search::DataDirs;
pub use validity::{Problem, Severity};

#[cfg(feature = "install")]
pub(crate) use archived::package_in;
#[cfg(feature = "install")]
pub(crate) use resolve::plain;
#[cfg(feature = "install")]
pub(crate) use shown::{Shown, ShownList};
#[cfg(feature = "install")]
pub(crate) use warnings::is_installable_id;
