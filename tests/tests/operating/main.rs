//! What those see who operate a server: events, logs, metrics, whether it is ready, what systemd is told.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod logs;
mod metrics;
mod streams;
mod systemd;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use keyway_tests::server::Home;
use keyway_tests::threebots::ThreeBot;
use serde_json::Value;

/// As long a stream may be silent.
const PATIENCE: Duration = Duration::from_secs(30);

/// Adds `acme.NAME`, whose lifecycle is the plugin of that crate, and gives what is answered.
fn add(home: &Home, name: &str, plugin: &str, kwargs: &Value) -> Value {
    let folder = ThreeBot::new(name, plugin).put(home.at("packages").join(name));
    let folder = folder.to_str().unwrap();
    done(
        home,
        &["add", "--path", folder, "--kwargs", &kwargs.to_string()],
    )
}

/// Runs a command that succeeds, and gives what it answers.
fn done(home: &Home, arguments: &[&str]) -> Value {
    let output = home.package(arguments);
    assert_eq!(output.code, 0, "{arguments:?}: {output:#?}");
    output.json()
}

#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    /// Asserts that it is an error, and gives its message.
    fn error(&self, status: u16, code: &str) -> String {
        assert_eq!(self.status, status, "{self:#?}");
        let value: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(value["error"]["code"], code, "{self:#?}");
        value["error"]["message"].as_str().unwrap().to_owned()
    }
}

/// Asks without a length of the answer being told: it ends with the connection.
fn ask(socket: &Path, path: &str, headers: &str) -> UnixStream {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET {path} HTTP/1.0\r\nhost: x\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// What is answered to a question.
fn get(socket: &Path, path: &str) -> Reply {
    get_with(socket, path, "")
}

fn get_with(socket: &Path, path: &str, headers: &str) -> Reply {
    let mut text = String::new();
    ask(socket, path, headers)
        .read_to_string(&mut text)
        .unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    Reply {
        status: head[9..12].parse().unwrap(),
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

/// A server-sent event.
#[derive(Clone, Debug, Default, PartialEq)]
struct Message {
    event: String,
    id: Option<u64>,
    data: String,
}

impl Message {
    fn value(&self) -> Value {
        serde_json::from_str(&self.data).unwrap()
    }
}

/// A stream of them.
struct Stream(BufReader<UnixStream>);

impl Stream {
    fn open(socket: &Path, path: &str, headers: &str) -> Self {
        let mut stream = BufReader::new(ask(socket, path, headers));
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(stream.read_line(&mut head).unwrap() > 0, "{head}");
        }
        let head = head.to_ascii_lowercase();
        assert!(head.contains(" 200 ok"), "{head}");
        assert!(head.contains("content-type: text/event-stream"), "{head}");
        Self(stream)
    }

    /// The next message; `None` at the end.
    fn next(&mut self) -> Option<Message> {
        let mut message = Message::default();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            match line.trim_end_matches('\n').split_once(": ") {
                Some(("event", it)) => it.clone_into(&mut message.event),
                Some(("id", it)) => message.id = Some(it.parse().unwrap()),
                Some(("data", it)) => it.clone_into(&mut message.data),
                Some(("retry", _)) => {}
                Some(other) => panic!("{other:?}"),
                None if line == "\n" && !message.event.is_empty() => return Some(message),
                None => assert!(line == "\n" || line == ":\n", "{line:?}"),
            }
        }
    }

    /// The messages up to the first that is so.
    fn until(&mut self, is_so: impl Fn(&Message) -> bool) -> Vec<Message> {
        let mut messages = Vec::new();
        while !messages.last().is_some_and(&is_so) {
            messages.push(
                self.next()
                    .unwrap_or_else(|| panic!("it ended: {messages:#?}")),
            );
        }
        messages
    }
}
