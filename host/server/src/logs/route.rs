//! What was logged of a package, and what is.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Bytes;
use keyway::lifecycle::ManagerError;
use tokio::sync::mpsc;

use super::read::LogFile;
use crate::problem::Failure;
use crate::router::{Served, blocking};
use crate::{request, sse};

/// As often it is looked whether there is more.
pub(crate) const PAUSE: Duration = Duration::from_millis(200);
/// As often it is looked whether the package is still there.
const LOOK: Duration = Duration::from_secs(1);

/// `GET /v1/packages/NAME/logs`
pub(crate) async fn logs(
    State(served): State<Served>,
    name: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, Failure> {
    let Path(name) = name?;
    let asked = request::logs(uri.query().unwrap_or_default())?;
    let permit = asked
        .follow
        .then(|| sse::permit(&served.monitor))
        .transpose()?;
    let found = served.clone();
    let (name, log, lines) = blocking(move || {
        let (name, mut log) = find(&found, &name, asked.process.as_deref())?;
        let mut lines = log.last(asked.lines).map_err(unread)?;
        if !asked.follow {
            lines.extend(log.rest());
            let more = lines.len().saturating_sub(asked.lines);
            lines.drain(..more);
        }
        Ok::<_, Failure>((name, log, lines))
    })
    .await??;
    let Some(permit) = permit else {
        let mut text = lines.join("\n");
        if !text.is_empty() {
            text.push('\n');
        }
        let headers = [
            (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        return Ok((headers, text).into_response());
    };
    let (sender, messages) = mpsc::channel(sse::WAITING);
    // Not one of the runtime's threads: those may all be busy with what was asked for.
    let spawned = thread::Builder::new().spawn(move || {
        if let Err(error) = follow(&served, &name, log, lines, &sender) {
            tracing::debug!(%error, "a log is not followed any more");
        }
    });
    spawned.map_err(unread)?;
    Ok(sse::answer(messages, permit))
}

/// The log, and the name of the package on record, or of one that was.
fn find(served: &Served, name: &str, process: Option<&str>) -> Result<(String, LogFile), Failure> {
    let (name, missing) = match served.manager.status(name) {
        Ok(status) => (status.name, None),
        Err(error @ ManagerError::NotOnRecord { .. }) => (name.replacen("__", ".", 1), Some(error)),
        Err(error) => return Err(error.into()),
    };
    let state_dir = &served.about.state_dir;
    match LogFile::find(state_dir, &name, process) {
        Ok(log) => Ok((name, log)),
        Err(error) => Err(match (error.kind(), missing, process) {
            (_, Some(missing), _) => missing.into(),
            (io::ErrorKind::InvalidInput, ..) => Failure::bad_request(error.to_string()),
            (io::ErrorKind::NotFound, _, Some(process)) => {
                let known = LogFile::processes(state_dir, &name);
                let message = format!("no process `{process}` of `{name}` has printed anything");
                let failure = Failure::new(StatusCode::NOT_FOUND, "no-such-log", message);
                match known[..] {
                    [] => failure.hint("none of its processes has"),
                    _ => failure.hint(&format!("those that have: {}", known.join(", "))),
                }
            }
            (io::ErrorKind::NotFound, ..) => {
                let message = format!("nothing is logged of `{name}`");
                Failure::new(StatusCode::NOT_FOUND, "no-such-log", message)
            }
            _ => unread(error),
        }),
    }
}

fn unread(error: io::Error) -> Failure {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Failure::new(status, "io", format!("the log cannot be read: {error}"))
}

/// Sends lines until nobody reads, the server ends, or the package is gone.
fn follow(
    served: &Served,
    name: &str,
    mut log: LogFile,
    lines: Vec<String>,
    to: &mpsc::Sender<Bytes>,
) -> io::Result<()> {
    let send = |message: Bytes| to.blocking_send(message).map_err(io::Error::other);
    send(sse::COMMENT.into())?;
    for line in lines {
        send(sse::message("line", None, &line))?;
    }
    let mut told = Instant::now();
    let mut looked = Instant::now();
    loop {
        let is_over = served.monitor.is_closed() || to.is_closed();
        let is_gone = looked.elapsed() >= LOOK && {
            looked = Instant::now();
            served.manager.status(name).is_err()
        };
        let mut has_news = false;
        log.news(&mut |line| {
            has_news = true;
            send(sse::message("line", None, &line))
        })?;
        if is_over || is_gone {
            return Ok(());
        }
        if has_news {
            told = Instant::now();
        } else if told.elapsed() >= sse::PULSE {
            send(sse::COMMENT.into())?;
            told = Instant::now();
        }
        thread::sleep(PAUSE);
    }
}
