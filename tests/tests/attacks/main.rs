//! Whoever wants in without the token: a real server, and all that others try. After each try nothing was
//! read, which a package with a name that stands nowhere else shows, and nothing was changed.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod flood;
mod gate;
mod protocol;
mod start;
mod tls;
mod token;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use keyway_tests::command::Output;
use keyway_tests::server::{Home, Server};
use keyway_tests::threebots::ThreeBot;
use serde_json::Value;

/// In the package's name, and nowhere else.
const CANARY: &str = "zxcanary";
const PACKAGE: &str = "acme.zxcanary";

/// A server that answers on TCP, and has something to keep.
struct Fort {
    home: Home,
    server: Server,
    port: u16,
    token: String,
    before: Value,
}

impl Fort {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(arguments: &[&str]) -> Self {
        let home = Home::new();
        let server = home.serve_with(&[&["--listen", "127.0.0.1:0"], arguments].concat());
        let url = server.said()["urls"][0].as_str().unwrap().to_owned();
        let (_, port) = url.rsplit_once(':').unwrap();
        let package = ThreeBot {
            plugin: None,
            ..ThreeBot::new("zxcanary", "")
        };
        let folder = package.put(home.at("packages/zxcanary"));
        let output = home.package(&["add", "--path", folder.to_str().unwrap()]);
        assert_eq!(output.code, 0, "{output:#?}");
        let token = fs::read_to_string(home.state().join("token")).unwrap();
        let before = home.status(PACKAGE);
        assert_eq!(before["running"], true);
        let fort = Self {
            port: port.parse().unwrap(),
            token: token.trim_end().to_owned(),
            home,
            server,
            before,
        };
        if !url.starts_with("https") {
            // What is looked for can be found.
            let answer = fort.ask("GET /v1/packages", &fort.bearer());
            assert_eq!(status(&answer), Some(200), "{answer}");
            assert!(answer.contains(CANARY), "{answer}");
        }
        fort
    }

    fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// The header that lets one in.
    fn bearer(&self) -> String {
        format!("Authorization: Bearer {}\r\n", self.token)
    }

    /// What is answered to these bytes, and nothing more.
    fn raw(&self, bytes: &[u8]) -> String {
        raw(self.port, bytes)
    }

    /// The same to a request by an allowed name.
    fn ask(&self, line: &str, headers: &str) -> String {
        let host = self.host();
        let request =
            format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n");
        self.raw(request.as_bytes())
    }

    /// Asserts that an answer has one of these statuses, and gives nothing away.
    fn assert_refused(&self, what: &str, answer: &str, statuses: &[u16]) {
        let found = status(answer);
        let is_expected = found.is_some_and(|found| statuses.contains(&found));
        assert!(is_expected, "{what}: expected {statuses:?}: {answer}");
        self.assert_nothing_said(what, answer);
    }

    fn assert_nothing_said(&self, what: &str, answer: &str) {
        assert!(!answer.contains(CANARY), "{what}: {answer}");
        assert!(!answer.contains(&self.token), "{what}: {answer}");
        let home = self.home.at("");
        assert!(!answer.contains(home.to_str().unwrap()), "{what}: {answer}");
        let lower = answer.to_ascii_lowercase();
        assert!(!lower.contains("access-control-"), "{what}: {answer}");
    }

    /// Asserts that all is as it was, and that the server answers.
    fn assert_unharmed(&mut self) {
        assert!(self.server.is_running());
        assert_eq!(self.home.status(PACKAGE), self.before);
        assert_eq!(self.home.packages().len(), 1);
    }

    fn token_file(&self) -> PathBuf {
        self.home.state().join("token")
    }

    /// Runs `keyway package --url URL ARGUMENTS` with the token.
    fn remote(&self, url: &str, arguments: &[&str]) -> Output {
        let token = self.token_file();
        let options = ["--url", url, "--token-file", token.to_str().unwrap()];
        self.home.package(&[arguments, &options].concat())
    }

    fn url(&self, scheme: &str) -> String {
        format!("{scheme}://localhost:{}", self.port)
    }

    /// The lines of the audit log.
    fn audit(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.home.state().join("audit.log")).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let patience = Some(Duration::from_secs(40));
    stream.set_read_timeout(patience).unwrap();
    stream.set_write_timeout(patience).unwrap();
    stream
}

fn raw(port: u16, bytes: &[u8]) -> String {
    let mut stream = connect(port);
    // It may be answered, and closed, before all of it was sent.
    let _ = stream.write_all(bytes);
    rest(&mut stream)
}

/// All that comes until the end.
fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> Option<u16> {
    answer.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()
}

/// The code of an error.
fn code(answer: &str) -> String {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    body["error"]["code"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}
