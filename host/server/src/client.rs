//! Asking a server.

mod watching;

use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use keyway::install::Cancellation;
use keyway::lifecycle::{Answer, HookProgress, Operation, PackageStatus, Status};
use serde::de::DeserializeOwned;
use tokio::{runtime, task, time};

use crate::about::About;
use crate::error::ClientError;
use crate::options::Remote;
use crate::remote::Way;
use crate::request::{Asked, package};
use crate::stream::{LINES, Line};

/// How often to look whether to go on waiting.
const PULSE: Duration = Duration::from_millis(50);
/// As long the answer to a question may take, for which no hook is waited.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// Asks the server at a socket, or on TCP. Each question is a connection of its own; the calling thread waits.
///
/// # Platform
///
/// Unix only.
#[derive(Clone, Debug)]
pub struct Client {
    way: Way,
    left: Cancellation,
    answer_time: Duration,
}

impl Client {
    /// A client of the server at `socket`, which need not be there yet.
    #[must_use]
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self::by(Way::Socket(socket.into()))
    }

    /// A client of the server at a URL, which need not be there yet.
    ///
    /// # Errors
    ///
    /// [`ClientError`]: the URL is none, the token would go to another machine in the clear, or the
    /// authority cannot be read.
    pub fn remote(remote: &Remote) -> Result<Self, ClientError> {
        Ok(Self::by(Way::over(remote)?))
    }

    fn by(way: Way) -> Self {
        Self {
            way,
            left: Cancellation::new(),
            answer_time: ANSWER_TIME,
        }
    }

    /// With what ends all waiting, as [`ClientError::Left`]; the server goes on with what it does.
    #[must_use]
    pub fn cancellation(mut self, left: Cancellation) -> Self {
        self.left = left;
        self
    }

    /// What the server says of itself.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn about(&self) -> Result<About, ClientError> {
        self.question("/v1/server")
    }

    /// All packages on record, or those in one status.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn packages(&self, status: Option<Status>) -> Result<Vec<PackageStatus>, ClientError> {
        let query = status.map(|status| format!("?status={status}"));
        self.question(&format!("/v1/packages{}", query.unwrap_or_default()))
    }

    /// A package on record.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn status(&self, name: &str) -> Result<PackageStatus, ClientError> {
        self.question(&package(name))
    }

    /// Has an operation done, and waits until it is. `progress` is called from this thread.
    ///
    /// # Errors
    ///
    /// [`ClientError`]; what became of the operation is known only of a [`ClientError::Problem`], and of
    /// what was never asked.
    pub fn perform(
        &self,
        operation: &Operation,
        mut progress: impl FnMut(&HookProgress),
    ) -> Result<Answer, ClientError> {
        let asked = Asked::operation(operation);
        let asked = asked.map_err(|error| ClientError::Unspeakable(error.to_string()))?;
        self.run(async {
            let mut answer = self.ask(asked, LINES).await?;
            let mut rest = Vec::new();
            while let Some(bytes) = answer.next(self).await? {
                rest.extend_from_slice(&bytes);
                while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = rest.drain(..=end).collect();
                    match self.read(&line)? {
                        Line::Progress(it) => progress(&it),
                        Line::Answer(answer) => return Ok(*answer),
                        Line::Error(problem) => return Err(ClientError::Problem(problem)),
                    }
                }
            }
            // What is refused before it begins has no lines.
            match self.read(&rest) {
                Ok(Line::Error(problem)) => Err(ClientError::Problem(problem)),
                _ => Err(self.broken("it ended before its answer did")),
            }
        })
    }

    fn question<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let answered = async {
            let mut answer = self.ask(Asked::get(path), "application/json").await?;
            let mut text = Vec::new();
            while let Some(bytes) = answer.next(self).await? {
                text.extend_from_slice(&bytes);
            }
            if answer.status == StatusCode::OK {
                return self.read(&text);
            }
            match self.read(&text)? {
                Line::Error(problem) => Err(ClientError::Problem(problem)),
                _ => Err(self.broken("it says neither what is asked nor why not")),
            }
        };
        self.run(async {
            let answered = time::timeout(self.answer_time, answered).await;
            answered.unwrap_or_else(|_| {
                let seconds = self.answer_time.as_secs();
                Err(self.broken(format!("there is no answer after {seconds} s")))
            })
        })
    }

    fn run<T>(&self, work: impl Future<Output = Result<T, ClientError>>) -> Result<T, ClientError> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| ClientError::Unreachable {
            server: self.way.server(),
            source,
        })?;
        runtime.block_on(work)
    }

    async fn ask(&self, asked: Asked, accept: &str) -> Result<Reply, ClientError> {
        let stream = self.wait(self.way.dial()).await??;
        let mut request = Request::builder()
            .method(asked.method)
            .uri(asked.path)
            .header(header::HOST, self.way.host())
            .header(header::ACCEPT, accept)
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(after) = asked.after {
            request = request.header("last-event-id", after);
        }
        if let Some(shown) = self.way.authorization() {
            request = request.header(header::AUTHORIZATION, shown);
        }
        let request = request.body(Body::from(asked.body.unwrap_or_default()));
        let request = request.map_err(|error| ClientError::Unspeakable(error.to_string()))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.broken(error))?;
        task::spawn(connection);
        let response = self.wait(sender.send_request(request)).await?;
        let response = response.map_err(|error| self.broken(error))?;
        Ok(Reply {
            status: response.status(),
            body: response.into_body(),
            _sender: sender,
        })
    }

    /// Waits, unless somebody says not to.
    async fn wait<F: Future>(&self, future: F) -> Result<F::Output, ClientError> {
        let mut future = pin!(future);
        while !self.left.is_cancelled() {
            if let Ok(done) = time::timeout(PULSE, &mut future).await {
                return Ok(done);
            }
        }
        Err(ClientError::Left)
    }

    fn read<T: DeserializeOwned>(&self, text: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(text).map_err(|error| self.broken(error))
    }

    fn broken(&self, why: impl ToString) -> ClientError {
        ClientError::Broken {
            server: self.way.server(),
            why: why.to_string(),
        }
    }
}

/// An answer that comes.
struct Reply {
    status: StatusCode,
    body: Incoming,
    /// The connection ends without it.
    _sender: http1::SendRequest<Body>,
}

impl Reply {
    /// The next part of the body; `None` at its end.
    async fn next(&mut self, client: &Client) -> Result<Option<Bytes>, ClientError> {
        let body = &mut self.body;
        loop {
            let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context));
            let Some(frame) = client.wait(frame).await? else {
                return Ok(None);
            };
            let frame = frame.map_err(|error| client.broken(error))?;
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_server_that_hangs_is_not_waited_for_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        // It takes connections, and says nothing.
        let _listener = UnixListener::bind(&path).unwrap();
        let mut client = Client::new(&path);
        client.answer_time = Duration::from_millis(100);
        let error = client.packages(None).unwrap_err();
        assert_eq!(error.code(), "no-answer");
        assert!(error.to_string().contains("there is no answer after"));
    }
}
