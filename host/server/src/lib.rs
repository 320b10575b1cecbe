//! A server that owns a package manager, and answers for it on a Unix socket.
//!
//! ```text
//!  client --HTTP with JSON--> socket --who is it?--> router --> PackageManager (the crate `keyway`)
//!                                                      |              |
//!                                                      <-- Answer, or lines of progress and the answer
//! ```
//!
//! [`serve`] is the whole of it: it opens the manager, starts what should run, answers, and stops all
//! on SIGTERM or SIGINT. [`Client`] asks such a server. [`router`] is the part in between, for those who
//! serve it elsewhere.
//!
//! # The interface
//!
//! | request | answer |
//! |---|---|
//! | `GET /` | the page, for people with a browser |
//! | `GET /v1/openapi.json` | all this for programs, as an OpenAPI 3.1 document |
//! | `GET /v1/server` | [`About`] |
//! | `GET /v1/packages`, or with `?status=installed` | a list of [`PackageStatus`] |
//! | `GET /v1/packages/NAME` | [`PackageStatus`] |
//! | `POST /v1/packages` with an [`AddRequest`] | [`Answer`] |
//! | `DELETE /v1/packages/NAME`, with `?purge=true&force=true` as needed | [`Answer`] |
//! | `POST /v1/packages/NAME/ACTION`: `start`, `stop`, `enable`, `disable`, `retry` or `reload` | [`Answer`] |
//! | `POST /v1/packages/NAME/reconfigure` with `{"install_kwargs": {...}}` | [`Answer`] |
//!
//! Bodies are JSON (`content-type: application/json`) of one MiB at most; what is not known in one is an
//! error that names it. A package that is to be added is named by an absolute path, or by a URL.
//!
//! An operation is answered when it is done. With `Accept: application/x-ndjson` the answer has the
//! status 200 and is a JSON text on each line: any number of `{"progress": HookProgress}`, then one
//! `{"answer": Answer}` or `{"error": {...}}`. Progress that is not read in time is left out. An
//! operation goes on when the client goes away.
//!
//! An error is `{"error": {"code", "message", "hint"}}`, where `hint` may be null, and `code` is stable:
//! that of [`ManagerError::code`], or one of the server's own.
//!
//! | status | what |
//! |---|---|
//! | 400 | `bad-request`: the request is no sense, or no JSON; where it is wrong is said |
//! | 404 | `not-on-record`: no such package; `unknown-route` |
//! | 405, 408, 413, 415 | `method-not-allowed`, `request-timeout`, `too-large`, `not-json` |
//! | 409 | it makes no sense as things are; somebody else is at it: `busy`, `state-held`, `locked` |
//! | 422 | the package is refused: its `package.toml`, its archive, its type |
//! | 500 | a hook failed, the package is in error now; the disk; `internal` |
//! | 502 | a repository could not be fetched |
//! | 503 | `stopping`: the server is about to end |
//!
//! # The page
//!
//! At `/` people see the packages with status, version and last error, can start, stop, enable, disable,
//! retry, delete and add them, and read their logs while they are written. It is plain HTML with a
//! little script, has no build step, and is part of the program. It asks for the same things as any other
//! client, in the same way: where a token is wanted, people log in with it, and the script sends it as
//! `Authorization: Bearer`. The token is kept in the tab's `sessionStorage`, never in a cookie, so that
//! pages from elsewhere cannot ask in its name; log-out forgets it. Everything that comes from a package
//! is shown as text, with controls and what changes the order of a text escaped; a content security
//! policy lets nothing run or load that is not the page's own.
//!
//! It follows `/v1/events`; where there are none it asks for the list every two seconds.
//!
//! # Who may ask
//!
//! Whoever may add a package runs code as the server's user, so only that user may, and root. Three
//! things see to it: the socket's folder has the mode 0700, the socket 0600, from the first moment on;
//! and of each connection the kernel is asked whose it is: those of others are closed, with a line in
//! the log. There is no other way in: no TCP, no password, no token. Programs of the same user are not
//! told apart.
//!
//! The socket lies in `$XDG_RUNTIME_DIR/keyway`, if that is a private folder of the user; else for root
//! in `/run/keyway`; else in `run` of the state folder. Its name has a digest of the state folder's path
//! in it. Clients need not know: the state folder says who holds it, and at which socket.
//!
//! # Platform
//!
//! Unix. Elsewhere the crate compiles, and [`serve`] says what is missing.
//!
//! [`PackageStatus`]: keyway::lifecycle::PackageStatus
//! [`AddRequest`]: keyway::lifecycle::AddRequest
//! [`Answer`]: keyway::lifecycle::Answer
//! [`ManagerError::code`]: keyway::lifecycle::ManagerError::code

mod about;
mod error;
mod openapi;
mod options;
mod page;
// TCP is not served yet.
#[allow(dead_code)]
mod peer;
mod problem;
// Half of it is for clients.
#[cfg_attr(not(unix), allow(dead_code))]
mod request;
mod router;
mod stream;

#[cfg(unix)]
mod client;
#[cfg(unix)]
mod connections;
#[cfg(unix)]
mod serve;
#[cfg(unix)]
mod socket;
#[cfg(not(unix))]
mod unsupported;

#[cfg(test)]
mod tests;

pub use about::About;
pub use error::{ClientError, ServeError};
pub use options::{Ready, ServeOptions};
pub use problem::Problem;
pub use router::router;

#[cfg(unix)]
pub use client::Client;
#[cfg(unix)]
pub use serve::serve;
#[cfg(not(unix))]
pub use unsupported::{Client, serve};
