//! A server that owns a package manager, and answers for it on a Unix socket, and on TCP if asked to.
//!
//! ```text
//!  client --HTTP with JSON--> socket --who is it?--> router --> PackageManager (the crate `keyway`)
//!                                                      |              |
//!                                                      <-- Answer, or lines of progress and the answer
//!  client --HTTP, or TLS--> TCP --name? site? token?--> the same router
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
//! | 401, 429 | over TCP: `unauthorized`, `too-many-tries`: no token, or a wrong one |
//! | 403, 421 | over TCP: `cross-site`, `host-not-allowed` |
//! | 404 | `not-on-record`: no such package; `no-such-log`; `unknown-route` |
//! | 405, 408, 413, 415 | `method-not-allowed`, `request-timeout`, `too-large`, `not-json` |
//! | 409 | it makes no sense as things are; somebody else is at it: `busy`, `state-held`, `locked` |
//! | 422 | the package is refused: its `package.toml`, its archive, its type |
//! | 500 | a hook failed, the package is in error now; the disk; `internal` |
//! | 502 | a repository could not be fetched |
//! | 503 | `stopping`: the server is about to end; `too-many-streams` |
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
//! the log. Programs of the same user are not told apart.
//!
//! The socket lies in `$XDG_RUNTIME_DIR/keyway`, if that is a private folder of the user; else for root
//! in `/run/keyway`; else in `run` of the state folder. Its name has a digest of the state folder's path
//! in it. Clients need not know: the state folder says who holds it, and at which socket.
//!
//! ## Over TCP
//!
//! Nothing is listened at unless [`ServeOptions::listen`] says so. Then whoever has the token may ask: 256
//! bits of the system's chance, as 64 hexadecimal digits on a line of `token` in the state folder, a file
//! with the mode 0600 in a folder that nobody else may write to. It is made at the first start. If others
//! may read it, or it is somebody else's, the server does not begin, or lets nobody in any more. It is
//! compared in a time that does not depend on how much of it is right. [`rotate_token`] replaces it: the old
//! one is refused from then on, and within a second or two those who showed it are cut off.
//!
//! * Addresses beyond this machine want TLS (1.2 or 1.3; [`ServeOptions::tls`], read anew at SIGHUP) or
//!   [`ServeOptions::behind_proxy`]: a proxy sees to TLS, nothing else can connect, and it passes `Host` on as
//!   it is. What it says in `X-Forwarded-For` is written in the audit log, and believed by nothing else.
//! * Each request is held at one gate before its route is looked up. In order: it has one host name, and
//!   that is allowed (else 421; so a page whose name is made to lead here cannot ask); its `Origin`, if it
//!   has one, is that host, and `Sec-Fetch-Site` is `same-origin` or `none` (else 403; no answer ever has a
//!   CORS header); it has `Authorization: Bearer TOKEN` (else 401, also for routes that are not there). Only
//!   `GET /`, `/healthz` and `/readyz` need no token, and they say nothing of packages. There are no cookies,
//!   and no token in a URL.
//! * What did not show the token is the last of its connection, so that nothing can be smuggled before the
//!   request of somebody else behind the same proxy.
//! * Limits: headers of 32 KiB, 100 of them, and 10 seconds; 10 seconds for TLS; bodies as above, and 30
//!   seconds; an answer of which nothing is read for 30 seconds ends, while a stream that has nothing to tell
//!   does not; 10 wrong tokens a minute and address, then 429 (the right one is always taken). 512 connections,
//!   or a quarter of the files that the process may have, 64 of one address but for loopback and a proxy's:
//!   for one more the oldest ends that has not shown the token. All of it has a thread of its own, so that
//!   those at the socket do not notice.
//!
//! [`Client::remote`] asks such a server. It sends the token in the clear to this machine alone, unless it is
//! told to.
//!
//! # The audit log
//!
//! `audit.log` in the state folder (0600): a JSON object on each line, with `time` (in seconds since 1970),
//! `event` and `who`: `{"user", "pid"}` at the socket, `{"address"}` over TCP, with `forwarded_for` behind
//! a proxy. At 10 MiB it becomes `audit.log.1`, and that `.2`, up to `.3`. That it cannot be written is an
//! error in the log, and stops nothing.
//!
//! | `event` | what |
//! |---|---|
//! | `operation` | `operation`, `package` (null before it is known), for what is added `source` without passwords, `kwargs`: their keys, never their values; one line with the `outcome` `begun`, then one with `done`, `already`, or the code of the error. What a command writes down without a server has one line, with `recorded` |
//! | `token-rotated` | `outcome` |
//! | `refused` | `outcome`: `unauthorized`, `too-many-tries`, `host-not-allowed`, `cross-site`, or `other-user` at the socket. The first of a peer and minute at once; how many more there were, as `count`, when it is over |
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
