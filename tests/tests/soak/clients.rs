//! Who asks for things: by the command, over the socket, and over TCP.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use keyway::install::Cancellation;
use keyway::lifecycle::Operation;
use keyway_server::{Client, ClientError, LogsRequest, Remote, Told};
use keyway_tests::random::Random;
use keyway_tests::server::Home;
use serde_json::Value;

use crate::packages::{Kind, Package, arguments};
use crate::processes;

/// One server from its start to its end, and all that happens to it.
pub(crate) struct Life<'a> {
    pub(crate) home: &'a Home,
    pub(crate) packages: &'a [Package],
    /// Where it answers.
    pub(crate) socket: PathBuf,
    pub(crate) url: String,
    /// What came of it, by what was asked.
    pub(crate) counts: &'a Mutex<BTreeMap<String, usize>>,
    /// Somebody has begun to end it.
    pub(crate) is_ended: AtomicBool,
    /// Nobody is to ask for anything any more.
    pub(crate) is_over: AtomicBool,
    /// Nobody is to wait any longer.
    pub(crate) left: Cancellation,
    pub(crate) failures: Mutex<Vec<String>>,
}

/// How a client asks.
enum Way {
    Command,
    Client(Box<Client>),
}

/// What was not done: a code, and all that is known.
type Refusal = (String, String);

impl Life<'_> {
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    fn count(&self, what: &str) {
        let mut counts = self.counts.lock().unwrap();
        *counts.entry(what.to_owned()).or_default() += 1;
    }

    fn fail(&self, what: String) {
        self.failures.lock().unwrap().push(what);
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// A client over the socket.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.socket).cancellation(self.left.clone())
    }

    fn way(&self, number: u64) -> Way {
        match number {
            0 | 1 => Way::Command,
            2 | 3 => Way::Client(Box::new(self.client())),
            _ => {
                let token = fs::read_to_string(self.home.state().join("token")).unwrap();
                let client = Client::remote(&Remote::new(&self.url, token.trim_end())).unwrap();
                Way::Client(Box::new(client.cancellation(self.left.clone())))
            }
        }
    }

    /// Asks for whatever comes to mind until it is over.
    pub(crate) fn asks(&self, number: u64, mut random: Random) {
        let way = self.way(number);
        while !self.is_over() {
            let package = &self.packages[random.below(self.packages.len())];
            let name = &package.name;
            let (what, done) = match random.below(12) {
                0 => ("list".to_owned(), self.list(&way)),
                1 => (format!("status {name}"), self.status(&way, name)),
                2 => (format!("logs {name}"), self.logs(&way, name)),
                _ => {
                    let operation = package.operation(self.home, &mut random);
                    let what = arguments(&operation).join(" ");
                    (what, self.perform(&way, &operation))
                }
            };
            let kind = what.split(' ').next().unwrap();
            let Err((code, message)) = done else {
                self.count(kind);
                continue;
            };
            self.count(&format!("{kind}: {code}"));
            let is_known = match &*code {
                "not-on-record" | "disabled" | "not-newer" | "not-brought" => true,
                // Nothing has happened yet that would be.
                "no-such-log" => kind == "logs",
                // Its worker was killed in a hook.
                "worker-ended" => package.kind == Kind::Isolated,
                // It is for a server that is not there now.
                "to-be-deleted" | "no-server" | "no-answer" | "stopping" | "state-held" => {
                    self.is_ended.load(Ordering::SeqCst)
                }
                _ => false,
            };
            if !is_known {
                self.fail(format!("client {number}: {what}: {code}: {message}"));
            }
            if code == "no-server" {
                thread::sleep(Duration::from_millis(20));
            }
        }
    }

    fn perform(&self, way: &Way, operation: &Operation) -> Result<(), Refusal> {
        match way {
            Way::Command => self.command(&arguments(operation)),
            Way::Client(client) => {
                let done = client.perform(operation, |_| {});
                done.map(|_| ()).map_err(refusal)
            }
        }
    }

    fn list(&self, way: &Way) -> Result<(), Refusal> {
        match way {
            Way::Command => self.command(&["list".to_owned()]),
            Way::Client(client) => client.packages(None).map(|_| ()).map_err(refusal),
        }
    }

    fn status(&self, way: &Way, name: &str) -> Result<(), Refusal> {
        match way {
            Way::Command => self.command(&["status".to_owned(), name.to_owned()]),
            Way::Client(client) => client.status(name).map(|_| ()).map_err(refusal),
        }
    }

    fn logs(&self, way: &Way, name: &str) -> Result<(), Refusal> {
        match way {
            Way::Command => self.command(&["logs".to_owned(), name.to_owned()]),
            Way::Client(client) => {
                let lines = client.logs(&LogsRequest::new(name));
                lines.map(|_| ()).map_err(refusal)
            }
        }
    }

    fn command(&self, arguments: &[String]) -> Result<(), Refusal> {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = self.home.package(&arguments);
        if output.code == 0 {
            return Ok(());
        }
        // There may be a warning before it.
        let last = output.stderr.lines().last().unwrap_or_default();
        let error: Value = serde_json::from_str(last).unwrap_or_default();
        let code = error["error"]["code"].as_str().unwrap_or_default();
        Err((code.to_owned(), format!("{output:?}")))
    }

    /// Hears what happens until the end, and that nothing of it is kept back unsaid.
    pub(crate) fn listens(&self) {
        while !self.is_over() {
            let mut last = None;
            let heard = self.client().events(None, |id, told| {
                self.count("events");
                let is_next = last.is_none_or(|last| last + 1 == id);
                if !is_next && !matches!(told, Told::Lost(_)) {
                    self.fail(format!("the event {id} behind {last:?}: {told:?}"));
                }
                last = Some(id);
            });
            // It ends with the server.
            if !self.is_ended.load(Ordering::SeqCst) && !self.is_over() {
                self.fail(format!("the stream of events has ended: {heard:?}"));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills workers and programs.
    pub(crate) fn kills(&self, mut random: Random) {
        let client = self.client();
        while !self.is_over() && !self.is_ended.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(50 + random.below(400) as u64));
            let Ok(packages) = client.packages(None) else {
                continue;
            };
            let worker = |it: &keyway::lifecycle::PackageStatus| it.lifecycle.as_ref()?.pid;
            let workers: Vec<u32> = packages.iter().filter_map(worker).collect();
            let programs = packages.iter().flat_map(|it| &it.processes);
            let programs: Vec<u32> = programs.filter_map(|it| it.pid).collect();
            let (what, pids) = match random.below(2) {
                0 => ("kill of a worker", workers),
                _ => ("kill of a program", programs),
            };
            if self.is_ended.load(Ordering::SeqCst) || pids.is_empty() {
                continue;
            }
            if processes::kill(self.home, pids[random.below(pids.len())]) {
                self.count(what);
            }
        }
    }
}

fn refusal(error: ClientError) -> Refusal {
    let code = error.code().to_owned();
    (code, format!("{error}: {error:?}"))
}
