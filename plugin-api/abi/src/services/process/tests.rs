//! Processes over the table, as a plugin in C may ask for them.

use std::ffi::c_void;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::host_side::PROCESS_TABLE;
use super::*;
use crate::call::status;
use crate::services::with_reason;

/// A host that keeps what it is asked for, knows of `known`, and panics at `bad`.
#[derive(Default)]
struct Fake {
    asked: Mutex<Vec<ProcessRequest>>,
}

impl ProcessAccess for Fake {
    fn start(&self, request: &ProcessRequest) -> Result<(), ProcessFailure> {
        match request.name.as_str() {
            "known" => Err(ProcessFailure::Runs),
            "bad" => panic!("the host's own code panics"),
            _ => {
                self.asked.lock().unwrap().push(request.clone());
                Ok(())
            }
        }
    }
    fn stop(&self, name: &str, grace: Option<Duration>) -> Result<(), ProcessFailure> {
        match (name, grace) {
            ("known", None) => Ok(()),
            ("known", Some(grace)) => Err(ProcessFailure::Refused(format!("not in {grace:?}"))),
            _ => Err(ProcessFailure::Unknown),
        }
    }
    fn status(&self, name: &str) -> Option<ProcessStatus> {
        (name == "known").then_some(ProcessStatus {
            state: ProcessState::Restarting,
            pid: None,
            since: 5,
            restarts: 2,
            last_exit: Some(ProcessExit::Signal(9)),
        })
    }
    fn list(&self) -> Vec<String> {
        vec!["known".to_owned(), "other".to_owned()]
    }
}

/// Does something with a handle as plugins have it, and gives the host, too.
fn with_host<R>(work: impl FnOnce(*mut c_void) -> R) -> (R, Vec<ProcessRequest>) {
    let fake = Arc::new(Fake::default());
    let handle: ProcessHandle = Arc::clone(&fake) as _;
    let result = work((&raw const handle).cast_mut().cast());
    let asked = fake.asked.lock().unwrap().clone();
    (result, asked)
}

fn path(text: &str) -> PathStr {
    PathStr {
        ptr: text.as_ptr().cast(),
        len: text.len(),
    }
}

/// The least that is allowed.
fn least(name: &str) -> ProcessRequestV1 {
    ProcessRequestV1 {
        name: Str::borrow(name),
        program: path("sh"),
        arguments: std::ptr::null(),
        argument_count: 0,
        environment: std::ptr::null(),
        environment_count: 0,
        folder: PathStr::EMPTY,
        restart: 0,
        grace_ms: 0,
        log_bytes: MIN_LOG_BYTES,
    }
}

fn start(request: &ProcessRequestV1) -> ((u32, Option<String>), Vec<ProcessRequest>) {
    with_host(|host| {
        // SAFETY: a handle that lives on, and pointers that outlive the call.
        with_reason(|error| unsafe { (PROCESS_TABLE.start)(host, request, error) })
    })
}

#[test]
fn what_is_allowed_reaches_the_host() {
    use std::os::unix::ffi::OsStrExt as _;
    let arguments = [Bytes::borrow(b"-c"), Bytes::EMPTY, Bytes::borrow(b"\xff")];
    let environment = [ProcessVariableV1 {
        name: Bytes::borrow(b"NAME"),
        value: Bytes::borrow(b"a=b"),
    }];
    let ((status, _), asked) = start(&ProcessRequestV1 {
        arguments: arguments.as_ptr(),
        argument_count: arguments.len(),
        environment: environment.as_ptr(),
        environment_count: environment.len(),
        folder: path("folder"),
        restart: 2,
        grace_ms: MAX_GRACE_MS,
        ..least("web-1_")
    });
    assert_eq!(status, status::OK);
    let expected = ProcessRequest::new("web-1_", "sh")
        .args(["-c", ""])
        .arg(std::ffi::OsStr::from_bytes(b"\xff"))
        .env("NAME", "a=b")
        .dir("folder")
        .restart(Restart::Always)
        .stop_grace(Duration::from_secs(300))
        .log_bytes(MIN_LOG_BYTES);
    assert_eq!(asked, [expected]);
}

#[test]
fn what_is_against_the_contract_does_not_reach_the_host() {
    let nowhere = Bytes {
        ptr: std::ptr::null(),
        len: 1,
    };
    let variable = ProcessVariableV1 {
        name: Bytes::borrow(b"NAME"),
        value: nowhere,
    };
    let not_text = Str {
        ptr: b"\xff".as_ptr(),
        len: 1,
    };
    // A request that would be good but for one thing.
    let least = least("web");
    let cases = [
        (
            ProcessRequestV1 {
                restart: 3,
                ..least
            },
            "`restart` is 3, expected 0, 1 or 2",
        ),
        (
            ProcessRequestV1 {
                name: not_text,
                ..least
            },
            "the name: text that crossed the border is not UTF-8",
        ),
        (
            ProcessRequestV1 {
                argument_count: 1,
                ..least
            },
            "the arguments are a null pointer",
        ),
        (
            ProcessRequestV1 {
                arguments: &raw const nowhere,
                argument_count: 1,
                ..least
            },
            "an argument is a null pointer",
        ),
        (
            ProcessRequestV1 {
                environment_count: usize::MAX,
                ..least
            },
            "18446744073709551615 variables, at most 4096 are allowed",
        ),
        (
            ProcessRequestV1 {
                environment: &raw const variable,
                environment_count: 1,
                ..least
            },
            "the value of a variable is a null pointer",
        ),
        (
            ProcessRequestV1 {
                program: path("a\0b"),
                ..least
            },
            "the program has a byte 0",
        ),
        (
            ProcessRequestV1 {
                folder: path("\0"),
                ..least
            },
            "the folder has a byte 0",
        ),
        (
            ProcessRequestV1 {
                grace_ms: AS_REQUESTED,
                ..least
            },
            "a grace of 18446744073709551615 ms, at most 300000 are allowed",
        ),
    ];
    for (request, expected) in cases {
        let ((status, why), asked) = start(&request);
        assert_eq!((status, why.as_deref()), (status::INVALID, Some(expected)));
        assert!(asked.is_empty());
    }
    let (none, _) = with_host(|host| {
        // SAFETY: a handle that lives on; what is null is what the contract lets the host refuse.
        with_reason(|error| unsafe { (PROCESS_TABLE.start)(host, std::ptr::null(), error) })
    });
    assert_eq!(
        none,
        (status::INVALID, Some("no request was given".to_owned()))
    );
}

#[test]
fn what_a_host_answers_is_told() {
    let ((status, why), _) = start(&least("known"));
    assert_eq!(
        (status, why.as_deref()),
        (status::CONFLICT, Some("the process `known` runs"))
    );
    let ((status, why), _) = start(&least("bad"));
    let panicked = Some("the host's service panicked");
    assert_eq!((status, why.as_deref()), (status::REFUSED, panicked));

    let stop = |name: &str, grace: u64| {
        let name = Str::borrow(name);
        // SAFETY: a handle that lives on, and pointers that outlive the call.
        let call =
            |host| with_reason(|error| unsafe { (PROCESS_TABLE.stop)(host, name, grace, error) });
        with_host(call).0
    };
    assert_eq!(stop("known", AS_REQUESTED), (status::OK, None));
    assert_eq!(
        stop("known", 5),
        (status::REFUSED, Some("not in 5ms".to_owned()))
    );
    let unknown = Some("there is no process `other`".to_owned());
    assert_eq!(stop("other", 0), (status::NOT_FOUND, unknown));
    assert_eq!(stop("known", MAX_GRACE_MS + 1).0, status::INVALID);
    assert_eq!(stop("../x", 0).0, status::INVALID);

    let ask = |name: &str| {
        let name = Str::borrow(name);
        let mut out = ProcessStatusV1 {
            state: 77,
            pid: 77,
            since: 77,
            restarts: 77,
            exit: 77,
            value: 77,
        };
        // SAFETY: a handle that lives on, and pointers that outlive the call.
        let call =
            |host| unsafe { (PROCESS_TABLE.status)(host, name, &raw mut out, std::ptr::null()) };
        let status = with_host(call).0;
        (
            status,
            [out.state, out.pid, out.exit],
            [out.since, out.restarts],
            out.value,
        )
    };
    assert_eq!(ask("known"), (status::OK, [2, 0, 2], [5, 2], 9));
    assert_eq!(ask("other"), (status::NOT_FOUND, [77; 3], [77; 2], 77));
    let (none, _) = with_host(|host| {
        let name = Str::borrow("known");
        // SAFETY: a handle that lives on; what is null is what the contract lets the host refuse.
        with_reason(|error| unsafe {
            (PROCESS_TABLE.status)(host, name, std::ptr::null_mut(), error)
        })
    });
    assert_eq!(none.0, status::INVALID);
}
