//! What comes of a server without end.

use serde::Deserialize;

use super::{Client, Line, StatusCode};
use crate::error::ClientError;
use crate::request::Asked;
use crate::sse;
use crate::told::{LogsRequest, Told};

#[derive(Deserialize)]
struct Lost {
    count: Option<u64>,
}

impl Client {
    /// Calls `told` with what happens from now on, or behind the event with the number `after`, and
    /// with its number. Returns when the server ends.
    ///
    /// # Errors
    ///
    /// [`ClientError`]; it can be gone on with behind the last number.
    pub fn events(
        &self,
        after: Option<u64>,
        mut told: impl FnMut(u64, Told),
    ) -> Result<(), ClientError> {
        let mut asked = Asked::get("/v1/events");
        asked.after = after;
        self.stream(asked, |message| {
            let Some(id) = message.id else {
                return Ok(());
            };
            if message.event == "lost" {
                let lost: Lost = self.read(message.data.as_bytes())?;
                told(id, Told::Lost(lost.count));
            // A newer server may know more kinds of them.
            } else if let Ok(event) = serde_json::from_str(&message.data) {
                told(id, Told::Event(event));
            }
            Ok(())
        })
    }

    /// The last lines of a log of a package.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn logs(&self, request: &LogsRequest) -> Result<Vec<String>, ClientError> {
        let path = request.path(false)?;
        self.run(async {
            let mut answer = self.ask(Asked::get(path), "text/plain").await?;
            let mut text = Vec::new();
            while let Some(bytes) = answer.next(self).await? {
                text.extend_from_slice(&bytes);
            }
            if answer.status != StatusCode::OK {
                return Err(self.refused(&text));
            }
            let text = String::from_utf8_lossy(&text);
            Ok(text.lines().map(str::to_owned).collect())
        })
    }

    /// Calls `line` with the last lines of a log of a package, and then with each that comes. Returns
    /// when the package is deleted, or the server ends.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn follow_logs(
        &self,
        request: &LogsRequest,
        mut line: impl FnMut(&str),
    ) -> Result<(), ClientError> {
        self.stream(Asked::get(request.path(true)?), |message| {
            if message.event == "line" {
                line(&message.data);
            }
            Ok(())
        })
    }

    fn stream(
        &self,
        asked: Asked,
        mut told: impl FnMut(&Message) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        self.run(async {
            let mut answer = self.ask(asked, sse::KIND).await?;
            let (mut rest, mut message) = (Vec::new(), Message::default());
            while let Some(bytes) = answer.next(self).await? {
                rest.extend_from_slice(&bytes);
                while answer.status == StatusCode::OK
                    && let Some(end) = rest.iter().position(|byte| *byte == b'\n')
                {
                    let line: Vec<u8> = rest.drain(..=end).collect();
                    let line = String::from_utf8_lossy(&line);
                    let line = line.trim_end_matches('\n');
                    if line.is_empty() {
                        told(&std::mem::take(&mut message))?;
                    } else {
                        message.take(line);
                    }
                }
            }
            match answer.status {
                StatusCode::OK => Ok(()),
                _ => Err(self.refused(&rest)),
            }
        })
    }

    fn refused(&self, text: &[u8]) -> ClientError {
        match self.read(text) {
            Ok(Line::Error(problem)) => ClientError::Problem(problem),
            Ok(_) => self.broken("it says neither what is asked nor why not"),
            Err(error) => error,
        }
    }
}

/// A server-sent event.
#[derive(Debug, Default)]
struct Message {
    event: String,
    id: Option<u64>,
    data: String,
}

impl Message {
    fn take(&mut self, line: &str) {
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match key {
            "event" => value.clone_into(&mut self.event),
            "id" => self.id = value.parse().ok(),
            "data" => value.clone_into(&mut self.data),
            _ => {}
        }
    }
}
