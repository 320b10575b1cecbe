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
//! | `GET /v1/server` | [`About`] |
//! | `GET /v1/packages`, or with `?status=installed` | a list of [`PackageStatus`] |
//! | `GET /v1/packages/NAME` | [`PackageStatus`] |
//! | `POST /v1/packages` with an [`AddRequest`] | [`Answer`] |
//! | `DELETE /v1/packages/NAME`, with `?purge=true&force=true` as needed | [`Answer`] |
//! | `POST /v1/packages/NAME/ACTION`: `start`, `stop`, `enable`, `disable`, `retry` or `reload` | [`Answer`] |
//! | `POST /v1/packages/NAME/reconfigure` with `{"install_kwargs": {...}}` | [`Answer`] |
//! | `GET /v1/packages/NAME/logs`, with `?lines=100&process=web&follow=true` as needed | lines of text, or a stream |
//! | `GET /v1/events` | a stream |
//! | `GET /healthz` | `ok`, as soon as it answers |
//! | `GET /readyz` | `ready`; 503 with `starting` or `stopping` |
//! | `GET /metrics` | numbers, as Prometheus reads them |
//!
//! Bodies are JSON (`content-type: application/json`) of one MiB at most; what is not known in one is an
//! error that names it. A package that is to be added is named by an absolute path, or by a URL.
//!
//! An operation is answered when it is done. With `Accept: application/x-ndjson` the answer has the
//! status 200 and is a JSON text on each line: any number of `{"progress": HookProgress}`, then one
//! `{"answer": Answer}` or `{"error": {...}}`. Progress that is not read in time is left out. An
//! operation goes on when the client goes away.
//!
//! A stream is `text/event-stream`, with a comment every 15 seconds, until the server ends; 64 may be open
//! at once. That of events has each [`ManagerEvent`] as `event: changed`, `id: 17`, `data: {...}`. Whoever
//! comes back with `Last-Event-ID` gets what he missed of the last 1,024 events; whoever reads too slowly,
//! or comes too late, gets `event: lost` with `{"count": 12}`, or null where nobody knows, and goes on with the
//! oldest that is kept. Nobody is waited for.
//!
//! That of a log has `event: line` with the last `lines` of it (100, and 10,000 at most), and each that comes;
//! it ends when the package is deleted. Logs are what the server and the package's code log of it, in
//! the form that [`PackageLogs`] describes, or what one of its processes prints; they stay when the package goes,
//! unless it is purged.
//!
//! An error is `{"error": {"code", "message", "hint"}}`, where `hint` may be null, and `code` is stable:
//! that of [`ManagerError::code`], or one of the server's own.
//!
//! | status | what |
//! |---|---|
//! | 400 | `bad-request`: the request is no sense, or no JSON; where it is wrong is said |
//! | 404 | `not-on-record`: no such package; `no-such-log`; `unknown-route` |
//! | 405, 408, 413, 415 | `method-not-allowed`, `request-timeout`, `too-large`, `not-json` |
//! | 409 | it makes no sense as things are; somebody else is at it: `busy`, `state-held`, `locked` |
//! | 422 | the package is refused: its `package.toml`, its archive, its type |
//! | 500 | a hook failed, the package is in error now; the disk; `internal` |
//! | 502 | a repository could not be fetched |
//! | 503 | `stopping`: the server is about to end; `too-many-streams` |
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
//! [`ManagerEvent`]: keyway::lifecycle::ManagerEvent
//! [`PackageStatus`]: keyway::lifecycle::PackageStatus
//! [`AddRequest`]: keyway::lifecycle::AddRequest
//! [`Answer`]: keyway::lifecycle::Answer
//! [`ManagerError::code`]: keyway::lifecycle::ManagerError::code
#![doc = ""]
#![doc = include_str!("../docs/systemd.md")]
//!
//! ```ini
#![doc = include_str!("../docs/keyway.service")]
//! ```

mod about;
#[cfg_attr(not(unix), allow(dead_code))]
mod audit;
mod error;
mod events;
mod health;
mod logs;
mod metrics;
mod monitor;
mod openapi;
mod options;
mod page;
#[cfg_attr(not(unix), allow(dead_code))]
mod peer;
mod problem;
// Half of it is for clients.
#[cfg_attr(not(unix), allow(dead_code))]
mod request;
mod router;
mod sse;
mod stream;
#[cfg_attr(not(unix), allow(dead_code))]
mod tls;
mod token;
mod told;

#[cfg(unix)]
mod client;
#[cfg(unix)]
mod connections;
#[cfg(unix)]
mod notify;
#[cfg(unix)]
mod remote;
#[cfg(unix)]
mod serve;
#[cfg(unix)]
mod socket;
#[cfg(unix)]
mod tcp;
#[cfg(not(unix))]
mod unsupported;

#[cfg(test)]
mod tests;

pub use about::About;
pub use audit::{audit_operation, audit_rotation};
pub use error::{ClientError, ServeError};
pub use logs::{JsonLog, LogFile, PackageLogs};
pub use monitor::Monitor;
pub use options::{Ready, Remote, ServeOptions};
pub use problem::Problem;
pub use router::{router, router_with};
pub use tls::{TlsError, TlsFiles};
pub use token::{TokenError, read_token, rotate_token, token_path};
pub use told::{LogsRequest, Told};

#[cfg(unix)]
pub use client::Client;
#[cfg(unix)]
pub use serve::serve;
#[cfg(not(unix))]
pub use unsupported::{Client, serve};
