//! Server-sent events: answers that do not end by themselves.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use hyper::body::{Bytes, Frame};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::monitor::Monitor;
use crate::problem::Failure;

/// The media type of such an answer.
pub(crate) const KIND: &str = "text/event-stream";
/// As many of them there may be at once.
pub(crate) const MOST: usize = 64;
/// So often there is a sign of life.
pub(crate) const PULSE: Duration = Duration::from_secs(15);
/// A sign of life, which means nothing.
pub(crate) const COMMENT: &str = ":\n\n";
/// As many messages wait for a client that does not read.
pub(crate) const WAITING: usize = 16;

/// The right to one of the streams.
pub(crate) fn permit(monitor: &Monitor) -> Result<OwnedSemaphorePermit, Failure> {
    monitor.stream().ok_or_else(|| {
        let message = format!("{MOST} streams are open, and there are to be no more");
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Failure::new(status, "too-many-streams", message).hint("end one of them, or ask again")
    })
}

/// An answer of what comes through `messages`.
pub(crate) fn answer(messages: mpsc::Receiver<Bytes>, permit: OwnedSemaphorePermit) -> Response {
    let headers = [
        (header::CONTENT_TYPE, KIND),
        (header::CACHE_CONTROL, "no-store"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let stream = Stream {
        messages,
        _permit: permit,
    };
    (headers, Body::new(stream)).into_response()
}

/// A message; `data` is one line.
pub(crate) fn message(event: &str, id: Option<u64>, data: &str) -> Bytes {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("event: {event}\n{id}data: {data}\n\n").into()
}

struct Stream {
    messages: mpsc::Receiver<Bytes>,
    _permit: OwnedSemaphorePermit,
}

impl hyper::body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let message = self.messages.poll_recv(context);
        message.map(|it| it.map(|bytes| Ok(Frame::data(bytes))))
    }
}
