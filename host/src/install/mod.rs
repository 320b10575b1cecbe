//! Installing, upgrading and removing packages: entirely, or not at all.
//!
//! ```text
//! folder or archive --content--> Source --metadata, what is installed--> Plan: what would happen,
//!                                                                          |   and why not
//!                       unpacked, checked, validated by its structure, on the disk
//!                                                                          v
//! Receipt <--one rename, or one exchange-- commit <--------------------- Staged
//! ```
//!
//! An [`Installer`] does all of it in one call; who wants to look in between takes the steps one by
//! one. Each has a type of its own, which only the step before gives out: nothing is visible before
//! it was unpacked whole and found valid, and only what is [`Staged`] can be committed.
//!
//! Nothing of a package runs while it is installed. The structure of its type does: that is the code
//! of a plugin.
//!
//! # What holds, whatever happens
//!
//! A process may be killed, the disk may be full, others may install at the same time: the package
//! root holds the old package or the new one, whole. What a killed process leaves lies in the hidden
//! folder `.keyway` of the root, where listings do not look, and is cleaned up by the next
//! operation.
//!
//! Files and folders are on the disk before the rename that makes them visible. Locks keep out whoever
//! uses Keyway; KDE's tools do not know them.
//!
//! # Packages of the package manager
//!
//! What the package manager installs or links belongs to it: `.keyway/managed/ID` of the root says so,
//! whatever is in that file. Installing, upgrading or removing it by other means is refused, since the
//! manager has more to see to than files. While it upgrades a package it keeps the old version, in
//! `.keyway/kept/ID`, until the new one has proved itself.
//!
//! # Limits
//!
//! * Where the system cannot exchange two folders (some network and FUSE file systems, Windows) an
//!   upgrade takes the old package away before it puts the new one there. A process that is killed in
//!   between leaves none of that name, until a listing or an operation by someone who may write to the
//!   root puts the old one back.
//! * Whoever has files of the old version open keeps them; whoever opens them by name gets the new
//!   ones after an upgrade, and none after a removal.
//! * One account installs in a package root: who finds `.keyway` made by somebody else, or writable by
//!   others, is refused, since links in it could lead anywhere. What may happen to the packages of a root
//!   that others may write to is theirs to decide all the same.
//! * The root has to be on one file system: a package that is itself a mount point cannot be replaced.

mod cancellation;
mod decide;
mod dependency;
mod error;
mod handlers;
mod installer;
mod manager;
mod package;
mod plan;
mod receipt;
mod refusal;
mod removal;
mod source;
mod staged;

#[cfg(test)]
mod tests;

pub use crate::archive::{Limits, Progress};
pub use cancellation::Cancellation;
pub use decide::{Action, Operation};
pub use dependency::{Dependency, PackageDependency};
pub use error::InstallError;
pub use handlers::Handlers;
pub use installer::Installer;
#[allow(unused_imports, reason = "the package manager names it")]
pub(crate) use manager::Kept;
pub use plan::Plan;
pub use receipt::{Receipt, ReceiptEntry, ReceiptKind, ReceiptSource};
pub use refusal::Refusal;
pub use removal::{Removal, Removed};
pub use source::{Source, SourceKind};
pub use staged::{Installed, Staged};
