//! The routes and the client, around a manager that does nothing but say what was asked for.

#![cfg(unix)]

mod asked;
mod documented;
mod refused;
mod remote;
mod streamed;
mod watched;

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use keyway::install::Cancellation;
use keyway::lifecycle::{
    Answer, HookProgress, LastError, ManagerError, Operation, PackageStatus, Status,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::about::About;
use crate::connections::accept;
use crate::monitor::Monitor;
use crate::router::{Managed, routes};

/// What it does is said by the package's name.
#[derive(Default)]
struct Fake {
    asked: Mutex<Vec<Operation>>,
    /// Whether what waits may end.
    open: Mutex<bool>,
    opened: Condvar,
    kept: Mutex<Vec<Progress>>,
    ended: AtomicUsize,
}

type Progress = Arc<dyn Fn(&HookProgress) + Send + Sync>;

fn package(name: &str) -> PackageStatus {
    let value = json!({
        "name": name, "version": "1.0.0", "description": null, "status": "installed",
        "running": true, "running_since": 1, "source": {"kind": "unknown"},
        "path": "/packages/x", "data_dir": "/data/x", "install_kwargs": {"a": 1},
        "lifecycle": null, "dependencies": {}, "last_error": null, "pending": [],
        "problems": [], "wants_restart": false, "protected": false,
    });
    serde_json::from_value(value).unwrap()
}

fn answer(name: &str) -> Answer {
    let value = json!({
        "outcome": "done", "name": name, "message": "done", "warnings": [],
        "package": package(name),
    });
    serde_json::from_value(value).unwrap()
}

fn progress(done: u64) -> HookProgress {
    let value =
        json!({"name": "a.b", "step": "prepare", "done": done, "total": null, "message": ""});
    serde_json::from_value(value).unwrap()
}

impl Fake {
    fn asked(&self) -> Vec<Operation> {
        self.asked.lock().unwrap().clone()
    }

    fn let_go(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    fn wait(&self) {
        let open = self.open.lock().unwrap();
        let waited = self
            .opened
            .wait_timeout_while(open, Duration::from_secs(20), |open| !*open);
        assert!(!waited.unwrap().1.timed_out());
    }
}

impl Managed for Fake {
    fn perform(&self, operation: Operation, tell: Progress) -> Result<Answer, ManagerError> {
        let name = operation.package().unwrap_or("new.package").to_owned();
        self.asked.lock().unwrap().push(operation);
        let error: LastError = serde_json::from_value(json!({
            "operation": "start", "hook": "start", "code": "hook-panicked", "message": "it broke",
            "location": null, "time": 0, "interrupted": false,
        }))
        .unwrap();
        let refused = |code, why: &str| {
            Err(ManagerError::Refused {
                name: name.clone(),
                code,
                why: why.to_owned(),
                remedy: Some("enable it".to_owned()),
            })
        };
        match &*name {
            "a.panics" => panic!("meant to"),
            "a.fails" => Err(ManagerError::Failed {
                name,
                error: Box::new(error),
            }),
            "a.disabled" => refused("disabled", "is disabled"),
            "a.missing" => Err(ManagerError::NotOnRecord { name, near: None }),
            "a.busy" => Err(ManagerError::Busy {
                name,
                operation: "add".to_owned(),
                waited: Duration::from_secs(30),
            }),
            "a.full" => Err(ManagerError::Io {
                path: "/state".into(),
                source: std::io::ErrorKind::StorageFull.into(),
            }),
            "a.waits" => {
                for done in 0..3 {
                    tell(&progress(done));
                }
                // As a hook that never returns does.
                self.kept.lock().unwrap().push(tell);
                self.wait();
                self.ended.fetch_add(1, Ordering::SeqCst);
                Ok(answer(&name))
            }
            _ => Ok(answer(&name)),
        }
    }

    fn packages(&self, status: Option<Status>) -> Vec<PackageStatus> {
        match status {
            None => vec![package("a.b"), package("c.d")],
            Some(_) => vec![package("a.b")],
        }
    }

    fn states(&self) -> Vec<(Status, bool)> {
        vec![(Status::Installed, true)]
    }

    fn status(&self, name: &str) -> Result<PackageStatus, ManagerError> {
        match name {
            "a.panics" => panic!("meant to"),
            "a.b" => Ok(package(name)),
            _ => Err(ManagerError::NotOnRecord {
                name: name.to_owned(),
                near: Some("a.b".to_owned()),
            }),
        }
    }
}

fn about() -> About {
    About {
        pid: 7,
        since: 1,
        version: "1".to_owned(),
        state_dir: "/state".into(),
        package_root: "/packages".into(),
        stopping: false,
    }
}

/// A server in this process.
struct Server {
    fake: Arc<Fake>,
    stopping: Cancellation,
    monitor: Monitor,
    socket: PathBuf,
    _folder: TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let (fake, stopping) = (Arc::new(Fake::default()), Cancellation::new());
        let monitor = Monitor::default();
        let router = routes(fake.clone(), about(), stopping.clone(), monitor.clone());
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        listener.set_nonblocking(true).unwrap();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async {
                let listener = tokio::net::UnixListener::from_std(listener).unwrap();
                let all = Arc::new(GracefulShutdown::new());
                accept(listener, router, all, None).await;
            });
        });
        Self {
            fake,
            stopping,
            monitor,
            socket,
            _folder: folder,
        }
    }

    fn client(&self) -> crate::Client {
        crate::Client::new(&self.socket)
    }

    /// What is answered to a request as it is on the wire, but for the lines that each has.
    fn raw(&self, head: &str, headers: &str, body: &str) -> Reply {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        let length = body.len();
        let request = format!(
            "{head} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\
             {headers}\r\n{body}"
        );
        // It may be answered, and closed, before all of it was sent.
        let _ = stream.write_all(request.as_bytes());
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text);
        Reply::of(&String::from_utf8(text).unwrap())
    }

    /// The same, with a body that says that it is JSON.
    fn json(&self, head: &str, body: &str) -> Reply {
        self.raw(head, "content-type: application/json\r\n", body)
    }
}

#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn of(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Self {
            status: head[9..12].parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    fn value(&self) -> Value {
        assert!(
            self.head.contains("content-type: application/json"),
            "{self:#?}"
        );
        serde_json::from_str(&self.body).unwrap()
    }

    /// Asserts that it is an error, and gives its message.
    fn error(&self, status: u16, code: &str) -> String {
        assert_eq!(self.status, status, "{self:#?}");
        let value = self.value();
        let error = &value["error"];
        assert_eq!(error["code"], code, "{self:#?}");
        assert!(error.get("hint").is_some(), "{self:#?}");
        error["message"].as_str().unwrap().to_owned()
    }
}
