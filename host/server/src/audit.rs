//! The audit log: who changed what, and who was turned away.

mod lines;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use keyway::lifecycle::{AddSource, Answer, Operation};
use serde_json::{Map, Value, json};

use crate::peer::Peer;
use lines::append;

/// The log's file, in the state folder.
const NAME: &str = "audit.log";
/// Refusals of one kind and peer are one line in this time.
const WINDOW: Duration = Duration::from_secs(60);
/// As many peers are told apart in it.
const MOST_PEERS: usize = 1000;
/// As many refusals wait to be written.
const WAITING: usize = 1000;
/// As long a text of a client may be in a line, in characters.
const LONGEST: usize = 200;
/// As long a path or a URL of a client may be in it.
const LONGEST_SOURCE: usize = 4096;
/// As many keys of arguments are in it.
const MOST_KEYS: usize = 100;

/// Writes down what was asked for. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Audit {
    path: PathBuf,
    refusals: SyncSender<Refusal>,
}

/// Somebody was turned away.
#[derive(Debug)]
struct Refusal {
    peer: Peer,
    code: &'static str,
}

/// What is left to be written when the server ends.
#[derive(Debug)]
pub(crate) struct Writer(JoinHandle<()>);

impl Writer {
    /// Waits for the last lines, which come once nobody has the [`Audit`] any more.
    pub(crate) fn finish(self, within: Duration) {
        let begun = Instant::now();
        while !self.0.is_finished() && begun.elapsed() < within {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Audit {
    /// The log of a state folder.
    pub(crate) fn open(state_dir: &Path) -> std::io::Result<(Self, Writer)> {
        let path = state_dir.join(NAME);
        let (refusals, waiting) = mpsc::sync_channel(WAITING);
        let to = path.clone();
        let writer = thread::Builder::new().name("audit".to_owned());
        let writer = writer.spawn(move || write_refusals(&to, &waiting, WINDOW))?;
        Ok((Self { path, refusals }, Writer(writer)))
    }

    /// An operation of `peer` begins: what comes of it is for [`Entry::ended`].
    pub(crate) fn begun(&self, peer: Option<&Peer>, operation: &Operation) -> Entry {
        let who = peer.map_or(Value::Null, |peer| who(peer, true));
        let entry = Entry {
            path: self.path.clone(),
            line: line("operation", who, operation),
        };
        // What ends us leaves this behind.
        entry.write("begun", None);
        entry
    }

    /// Somebody is turned away. This never waits.
    pub(crate) fn refused(&self, peer: &Peer, code: &'static str) {
        let peer = peer.clone();
        match self.refusals.try_send(Refusal { peer, code }) {
            Err(TrySendError::Full(it)) => {
                tracing::error!(peer = %it.peer, code, "refused, and too much waits for the audit log");
            }
            _ => tracing::debug!(%code, "refused"),
        }
    }
}

/// An operation that goes on.
#[derive(Debug)]
pub(crate) struct Entry {
    path: PathBuf,
    line: Map<String, Value>,
}

impl Entry {
    /// What came of it: the answer, or the code of the error.
    pub(crate) fn ended(self, outcome: Result<&Answer, &str>) {
        match outcome {
            Ok(answer) => {
                let done = serde_json::to_value(answer.outcome).unwrap_or_default();
                self.write(done.as_str().unwrap_or_default(), Some(&answer.name));
            }
            Err(code) => self.write(code, None),
        }
    }

    fn write(&self, outcome: &str, package: Option<&str>) {
        let mut line = self.line.clone();
        if let Some(package) = package {
            line.insert("package".to_owned(), package.into());
        }
        line.insert("outcome".to_owned(), outcome.into());
        append(&self.path, line);
    }
}

/// Writes down in the audit log of a state folder what a process of its own did there, without a server:
/// an operation, with the outcome that was answered or the code of the error.
///
/// A log that cannot be written is an error in the log of `tracing`.
pub fn audit_operation(state_dir: &Path, operation: &Operation, outcome: Result<&Answer, &str>) {
    let path = state_dir.join(NAME);
    let line = line("operation", who(&Peer::own(), true), operation);
    Entry { path, line }.ended(outcome);
}

/// The same of a token that was replaced.
pub fn audit_rotation(state_dir: &Path) {
    let mut line = begin("token-rotated", who(&Peer::own(), true));
    line.insert("outcome".to_owned(), "done".into());
    append(&state_dir.join(NAME), line);
}

fn begin(event: &str, who: Value) -> Map<String, Value> {
    let mut line = Map::new();
    line.insert("event".to_owned(), event.into());
    line.insert("who".to_owned(), who);
    line
}

/// What is said of an operation. Values of arguments may be secrets; their keys are not.
fn line(event: &str, who: Value, operation: &Operation) -> Map<String, Value> {
    let mut line = begin(event, who);
    let mut put = |key: &str, value: Value| line.insert(key.to_owned(), value);
    put("operation", operation.name().into());
    let package = operation.package().map(|name| cut(name).into());
    put("package", package.unwrap_or_default());
    let keys = |kwargs: &Map<String, Value>| {
        let mut keys: Vec<_> = kwargs.keys().take(MOST_KEYS).map(|key| cut(key)).collect();
        if kwargs.len() > MOST_KEYS {
            keys.push(format!("... {} more", kwargs.len() - MOST_KEYS));
        }
        Value::from(keys)
    };
    match operation {
        Operation::Add(request) => {
            put("source", source(&request.source));
            let given = request.install_kwargs.as_ref();
            put("kwargs", given.map_or(Value::Null, keys));
        }
        Operation::Reconfigure { install_kwargs, .. } => {
            put("kwargs", keys(install_kwargs));
        }
        Operation::Delete(request) => {
            put("purge", request.purge.into());
            put("force", request.force.into());
        }
        _ => {}
    }
    line
}

fn source(source: &AddSource) -> Value {
    let long = |text: &str| text.chars().take(LONGEST_SOURCE).collect::<String>();
    match source {
        AddSource::Path { path } => json!({"path": long(&path.to_string_lossy())}),
        AddSource::Link { link } => json!({"link": long(&link.to_string_lossy())}),
        AddSource::Git {
            git_url,
            branch,
            rev,
        } => json!({
            "git_url": long(&keyway::without_credentials(git_url)),
            "branch": branch.as_deref().map(cut),
            "rev": rev.as_deref().map(cut),
        }),
        _ => Value::Null,
    }
}

/// Who asks; refusals do not tell the connections of one apart.
fn who(peer: &Peer, connection: bool) -> Value {
    match peer {
        Peer::Process { user, pid } => match connection {
            true => json!({"user": user, "pid": pid}),
            false => json!({"user": user}),
        },
        Peer::Remote {
            address,
            forwarded_for,
        } => {
            let address = match connection {
                true => address.to_string(),
                false => address.ip().to_string(),
            };
            match forwarded_for {
                None => json!({"address": address}),
                Some(named) => json!({"address": address, "forwarded_for": cut(named)}),
            }
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// Refusals of one kind and peer.
struct Refused {
    since: Instant,
    /// Those that are not written yet.
    count: u64,
    who: Value,
}

/// The first refusal of a peer is written at once, the others of the same minute at its end.
fn write_refusals(path: &Path, waiting: &Receiver<Refusal>, window: Duration) {
    let mut known: HashMap<(String, &'static str), Refused> = HashMap::new();
    loop {
        // Only what is counted has an end that somebody has to look for.
        let pulse = if known.is_empty() {
            window
        } else {
            window / 60
        };
        let (came, is_end) = match waiting.recv_timeout(pulse) {
            Ok(refusal) => (Some(refusal), false),
            Err(RecvTimeoutError::Timeout) => (None, false),
            Err(RecvTimeoutError::Disconnected) => (None, true),
        };
        if let Some(Refusal { peer, code }) = came {
            let mut key = match &peer {
                Peer::Process { user, .. } => user.to_string(),
                Peer::Remote { address, .. } => address.ip().to_string(),
            };
            let mut who = who(&peer, false);
            if known.len() >= MOST_PEERS && !known.contains_key(&(key.clone(), code)) {
                (key, who) = ("others".to_owned(), "others".into());
            }
            let refused = known.entry((key, code)).or_insert_with(|| {
                write_refused(path, code, &who, 1);
                let (since, count) = (Instant::now(), 0);
                let who = Value::Null;
                Refused { since, count, who }
            });
            if refused.who.is_null() {
                refused.who = who;
            } else {
                (refused.count, refused.who) = (refused.count + 1, who);
            }
        }
        known.retain(|(_, code), refused| {
            if !is_end && refused.since.elapsed() < window {
                return true;
            }
            if refused.count > 0 {
                write_refused(path, code, &refused.who, refused.count);
            }
            false
        });
        if is_end {
            return;
        }
    }
}

fn write_refused(path: &Path, code: &str, who: &Value, count: u64) {
    let mut line = begin("refused", who.clone());
    line.insert("outcome".to_owned(), code.into());
    line.insert("count".to_owned(), count.into());
    append(path, line);
}

/// What a request's peer and log are, as its extensions say.
pub(crate) fn begun(extensions: &axum::http::Extensions, operation: &Operation) -> Option<Entry> {
    let audit = extensions.get::<Arc<Audit>>()?;
    Some(audit.begun(extensions.get::<Peer>(), operation))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use keyway::lifecycle::AddRequest;

    use super::*;

    fn written(folder: &Path) -> Vec<Value> {
        let text = fs::read_to_string(folder.join(NAME)).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn values_and_passwords_are_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut request = AddRequest::new(AddSource::Git {
            git_url: "https://me:hunter2@example.org/a@b".to_owned(),
            branch: None,
            rev: None,
        });
        let kwargs = json!({"greeting": "hunter2", "b": {"c": "hunter2"}});
        request.install_kwargs = kwargs.as_object().cloned();
        let operation = Operation::Add(request);
        audit_operation(folder.path(), &operation, Err("fetch"));
        let text = fs::read_to_string(folder.path().join(NAME)).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        let line = &written(folder.path())[0];
        assert_eq!(line["kwargs"], json!(["greeting", "b"]));
        assert_eq!(line["source"]["git_url"], "https://example.org/a@b");
        assert_eq!(line["outcome"], "fetch");
        assert_eq!(line["who"]["pid"], std::process::id());
        assert!(line["time"].as_u64().unwrap() > 1_700_000_000);
    }

    #[test]
    fn a_large_request_is_a_small_line() {
        let folder = tempfile::tempdir().unwrap();
        let long = "x".repeat(1_000_000);
        let sources = [
            AddSource::Path {
                path: (&long).into(),
            },
            AddSource::Link {
                link: (&long).into(),
            },
            AddSource::Git {
                git_url: format!("https://example.org/{long}"),
                branch: Some(long.clone()),
                rev: Some(long.clone()),
            },
        ];
        for source in sources {
            let mut request = AddRequest::new(source);
            let kwargs = (0..60_000).map(|key| (key.to_string(), json!(1)));
            request.install_kwargs = Some(kwargs.collect());
            audit_operation(folder.path(), &Operation::Add(request), Err("fetch"));
        }
        for line in written(folder.path()) {
            assert!(line.to_string().len() < 32 * 1024);
            assert_eq!(line["kwargs"][MOST_KEYS], "... 59900 more");
        }
    }

    #[test]
    fn refusals_are_counted_once_per_peer_and_minute() {
        let folder = tempfile::tempdir().unwrap();
        let (audit, writer) = Audit::open(folder.path()).unwrap();
        let peer = |address: &str| Peer::Remote {
            address: address.parse().unwrap(),
            forwarded_for: None,
        };
        for port in 1..=500 {
            audit.refused(&peer(&format!("192.0.2.1:{port}")), "unauthorized");
        }
        audit.refused(&peer("192.0.2.2:1"), "unauthorized");
        audit.refused(&peer("192.0.2.1:1"), "cross-site");
        drop(audit);
        writer.finish(Duration::from_secs(10));
        let lines = written(folder.path());
        let counts = lines.iter().map(|line| {
            (
                line["who"]["address"].as_str().unwrap(),
                line["outcome"].as_str().unwrap(),
                line["count"].as_u64().unwrap(),
            )
        });
        assert_eq!(
            counts.collect::<Vec<_>>(),
            [
                ("192.0.2.1", "unauthorized", 1),
                ("192.0.2.2", "unauthorized", 1),
                ("192.0.2.1", "cross-site", 1),
                ("192.0.2.1", "unauthorized", 499),
            ]
        );
    }

    #[test]
    fn a_line_of_a_client_is_one_line_and_not_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let (audit, writer) = Audit::open(folder.path()).unwrap();
        let named = format!("1.2.3.4\n{{\"event\":\"forged\"}}{}", "x".repeat(10_000));
        let peer = Peer::Remote {
            address: "127.0.0.1:1".parse().unwrap(),
            forwarded_for: Some(named),
        };
        audit.refused(&peer, "unauthorized");
        drop(audit);
        writer.finish(Duration::from_secs(10));
        let lines = written(folder.path());
        assert_eq!(lines.len(), 1);
        let named = lines[0]["who"]["forwarded_for"].as_str().unwrap();
        assert_eq!(named.chars().count(), LONGEST);
    }
}
