//! Fetching what is in a git repository, without a git program.
//!
//! ```text
//! URL --Location--> http: what the server has --choose--> one commit --pack--> objects --+
//!                   path: what the repository has --choose--> one commit                 |
//!                                                                                        v
//!                                       folder <--one rename-- files and folders, then links
//! ```
//!
//! [`Fetch`] brings the content of one commit into a new folder: no history, no `.git`. It knows
//! `https://` (and `http://` on this machine), `file://` and absolute paths. A server is spoken to by
//! git's protocol for HTTP; a repository on disk is opened where it lies.
//!
//! # What a repository can do
//!
//! Nothing of it runs: no hooks, no filters, no submodules, no LFS; attributes change no line ends; no
//! configuration but the repository's own is read, and none of it names a program that is started.
//! Names that lead elsewhere, or that git itself would take for its own (`.git` in all its spellings), are
//! refused, and so are links that lead out, entries that are there twice, and more than the [`Limits`]
//! allow. Links are made last, so nothing is ever written through one.
//!
//! # What is sent
//!
//! No credentials, ever, and nobody is asked for any. Redirects are followed within the same host and
//! port. Certificates are checked as the system does (on Linux also by `SSL_CERT_FILE` and
//! `SSL_CERT_DIR`); a proxy is used as `HTTPS_PROXY` and `NO_PROXY` say.

mod checkout;
mod choose;
mod error;
mod fetch;
mod http;
mod location;
mod remote;
mod repository;
mod run;
#[cfg(test)]
mod tests;
mod work;

pub use error::GitError;
pub use fetch::{Fetch, Fetched, Progress, Warning};
#[cfg(feature = "lifecycle")]
pub use run::Limits;
