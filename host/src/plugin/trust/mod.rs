//! The trust gate: who could have made, or could swap, the file that is about to be loaded.
//!
//! ```text
//! open file + name --look--> Facts --decide by a Policy--> Trusted --read once--> VerifiedBytes
//! ```
//!
//! [`Facts`] are gathered and judge nothing; [`check`] judges and touches nothing. What it lets pass
//! is [`Trusted`], what it does not is a [`Distrust`] that names the place, who may write there and
//! the command that mends it.
//!
//! # The rule
//!
//! The file and every folder on the way to it may be written only by root, the caller (the effective
//! user) and a group that only one of these is in. Then nobody else can swap the file, and it is
//! loaded in place.
//!
//! * *Every folder on the way*: those above the name, those above each symbolic link that is followed,
//!   and those above what it all leads to. Who may write any of them decides what is loaded.
//! * *Their private group*: many systems give each user a group of that user's name and a umask of
//!   002, so that all files may be written by the group. If the group has one account in it, it
//!   allows nobody more.
//! * *Sticky folders* such as `/tmp`: there, an entry can be replaced only by its owner, the folder's
//!   and root. They are fine on the way if the next entry down belongs to somebody allowed. They
//!   are not fine as the folder in which the plugin itself lies or is linked: whoever may add a file
//!   there decides what a plugin that looks beside itself (`$ORIGIN`) finds.
//! * *Folders that the application names in code*
//!   ([`FolderOrigin::Application`](super::FolderOrigin::Application)) are its decision, so that root
//!   can work on another owner's checkout, and a team on a shared folder. Only what everybody may write
//!   is refused, be it the file or any folder on the way. Anything in a sticky folder must
//!   belong to somebody allowed there too: else everybody could have put it there before the
//!   application did.
//!
//! An application widens or narrows this with a [`Policy`]. It may also ask for signatures in
//! minisign's format; a file that does not fit its signature is never loaded, whatever the policy.
//!
//! # Limits
//!
//! * Access lists: on Linux, POSIX access lists are seen where they let anybody write (the group bits
//!   of the mode are their mask, so without group write no entry gives it); such a place is refused
//!   without looking whom the list names. Access lists of NFSv4, macOS and others are not looked at.
//! * Accounts are those in `/etc/passwd` and `/etc/group`. A private group that a directory service
//!   knows alone is not recognised and so not allowed; a member that only a directory service knows
//!   is not seen. Group passwords and programs that run with a group's rights are not looked at.
//! * Owner and mode are what the kernel says. A network file system may let others write on the server;
//!   in a container, users that are not mapped all look like one (65534); some mounts (WSL's drives,
//!   FAT) show one owner and mode for everything.
//! * Who was let in earlier is not seen: a process that opened the file for writing before its mode was
//!   mended can still write.
//! * A signature says who vouches for the bytes, not under which name or version they were meant: an
//!   older signed file in the place of a newer one is valid.
//! * Not looked at: the libraries that a plugin itself needs, wherever the loader finds them.
//! * Elsewhere than on Unix, nothing is known of owners and folders and [`check`] judges only what
//!   kind of file it is and its signature: see [`OWNERS_ARE_KNOWN`].

mod account;
#[cfg(unix)]
mod accounts;
mod check;
mod component;
mod distrust;
mod facts;
mod keys;
mod policy;
mod shell;
mod signature;
mod verified;
#[cfg(unix)]
mod walk;

#[cfg(test)]
mod tests;

pub use account::Account;
pub use check::{Trusted, check, check_folder};
pub use component::{Component, Kind};
pub use distrust::{Distrust, Writers};
pub use facts::{Facts, Folder};
pub use keys::{KeyError, Keys};
pub use policy::{Policy, SignatureRule};
pub use signature::{KeyId, MAX_SIGNED, Signature, Tampering};
pub use verified::{PrivateCopy, VerifiedBytes};

/// Whether this system tells who may write a file. Where it does not, no folder and no owner is
/// judged, and an application that needs more asks for signatures.
pub const OWNERS_ARE_KNOWN: bool = cfg!(unix);
