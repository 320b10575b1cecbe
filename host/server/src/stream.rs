//! Answers of several lines: how far an operation is, and what became of it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use hyper::body::{Bytes, Frame};
use keyway::lifecycle::{Answer, HookProgress, Operation};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tokio::task;

use crate::audit::Entry;
use crate::problem::{Failure, Problem, unspeakable};
use crate::router::{self, Served};

/// The media type of such an answer.
pub(crate) const LINES: &str = "application/x-ndjson";
/// As many lines wait for a client that does not read.
const WAITING: usize = 64;

/// A line. Each answer of one line that tells an error has this form, too.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Line {
    Progress(HookProgress),
    Answer(Box<Answer>),
    Error(Problem),
}

impl Line {
    fn to_bytes(&self) -> Bytes {
        let mut text = match serde_json::to_vec(self) {
            Ok(text) => text,
            // A problem has no paths, and can be told.
            Err(error) => {
                serde_json::to_vec(&Self::Error(unspeakable(&error).problem)).unwrap_or_default()
            }
        };
        text.push(b'\n');
        text.into()
    }
}

/// Lets the operation be done, and answers at once; how far it is follows.
pub(crate) fn perform(
    served: Served,
    operation: Operation,
    begun: impl FnOnce(&Operation) -> Option<Entry> + Send + 'static,
) -> Response {
    let (sender, progress) = mpsc::channel(WAITING);
    let (done, end) = oneshot::channel();
    task::spawn_blocking(move || {
        // Who is slow to read, or gone, needs no old news.
        let tell = move |progress: &HookProgress| drop(sender.try_send(progress.clone()));
        let entry = begun(&operation);
        let line = match router::perform(&served, operation, Arc::new(tell), entry) {
            Ok(answer) => Line::Answer(Box::new(answer)),
            Err(failure) => Line::Error(failure.problem),
        };
        let _ = done.send(line);
    });
    let lines = Lines {
        progress,
        end: End::Awaited(end),
    };
    ([(header::CONTENT_TYPE, LINES)], Body::new(lines)).into_response()
}

/// The lines of an operation.
struct Lines {
    progress: mpsc::Receiver<HookProgress>,
    end: End,
}

/// The last line.
enum End {
    Awaited(oneshot::Receiver<Line>),
    Here(Line),
    Told,
}

impl Lines {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Line>> {
        if let End::Awaited(end) = &mut self.end
            && let Poll::Ready(line) = Pin::new(end).poll(context)
        {
            let line = line.unwrap_or_else(|_| Line::Error(Failure::internal().problem));
            self.end = End::Here(line);
            // A hook that never returns holds on to the other end, and may go on talking.
            self.progress.close();
        }
        if let Poll::Ready(Some(progress)) = self.progress.poll_recv(context) {
            return Poll::Ready(Some(Line::Progress(progress)));
        }
        match std::mem::replace(&mut self.end, End::Told) {
            End::Here(line) => Poll::Ready(Some(line)),
            End::Told => Poll::Ready(None),
            awaited @ End::Awaited(_) => {
                self.end = awaited;
                Poll::Pending
            }
        }
    }
}

impl hyper::body::Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let line = self.poll(context);
        line.map(|line| line.map(|line| Ok(Frame::data(line.to_bytes()))))
    }
}
