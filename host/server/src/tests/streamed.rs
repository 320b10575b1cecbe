//! Answers of several lines.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use keyway::install::Cancellation;
use keyway::lifecycle::Operation;

use super::{Server, answer, progress};
use crate::ClientError;

fn start(name: &str) -> Operation {
    Operation::Start {
        name: name.to_owned(),
    }
}

#[test]
fn errors_are_the_last_line() {
    let server = Server::start();
    for (name, code) in [
        ("a.missing", "not-on-record"),
        ("a.fails", "hook-panicked"),
        ("a.panics", "internal"),
    ] {
        let error = server.client().perform(&start(name), |_| {}).unwrap_err();
        assert_eq!(error.code(), code);
        let accept = "accept: text/plain, application/x-ndjson; q=1\r\n";
        let reply = server.raw(&format!("POST /v1/packages/{name}/start"), accept, "");
        assert_eq!(reply.status, 200);
        assert!(reply.head.contains("content-type: application/x-ndjson"));
        assert!(reply.body.contains("{\"error\":{\"code\":"), "{reply:#?}");
    }
    server.stopping.cancel();
    let error = server.client().perform(&start("a.b"), |_| {}).unwrap_err();
    assert_eq!(error.code(), "stopping");
}

#[test]
fn what_became_of_it_is_not_known_if_the_server_dies() {
    let line = serde_json::json!({"progress": progress(1)}).to_string() + "\n";
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = format!("{:x}\r\n{line}\r\n", line.len());
    for (answer, told) in [
        (String::new(), 0),
        (head.to_owned(), 0),
        (format!("{head}{chunk}"), 1),
        // It ends as it should, but for the answer.
        (format!("{head}{chunk}0\r\n\r\n"), 1),
        ("no HTTP".to_owned(), 0),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        let dies = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 8];
            stream.read_exact(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            // What is not read would be an error of another kind.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let mut count = 0;
        let client = crate::Client::new(&socket);
        let error = client.perform(&start("a.b"), |_| count += 1).unwrap_err();
        assert_eq!((error.code(), count), ("no-answer", told), "{error}");
        dies.join().unwrap();
    }
}

#[test]
fn progress_comes_while_it_goes_on_and_the_answer_ends_it() {
    let server = Server::start();
    let mut told = Vec::new();
    // The hook of the fake holds on to what it tells progress with, and it ends all the same.
    let answered = server.client().perform(&start("a.waits"), |progress| {
        told.push(progress.clone());
        if told.len() == 3 {
            server.fake.let_go();
        }
    });
    assert_eq!(answered.unwrap(), answer("a.waits"));
    assert_eq!(told, [progress(0), progress(1), progress(2)]);
}

#[test]
fn an_operation_goes_on_without_its_client() {
    let server = Server::start();
    let left = Cancellation::new();
    let client = server.client().cancellation(left.clone());
    let begun = Instant::now();
    let error = client.perform(&start("a.waits"), |_| left.cancel());
    assert!(matches!(error, Err(ClientError::Left)));
    assert!(begun.elapsed() < Duration::from_secs(10));
    // One that goes away without a word.
    let mut stream = UnixStream::connect(&server.socket).unwrap();
    let request = "POST /v1/packages/a.waits/stop HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    while server.fake.asked().len() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(5));
    }
    drop(stream);
    thread::sleep(Duration::from_millis(50));
    server.fake.let_go();
    while server.fake.ended.load(Ordering::SeqCst) < 2 {
        assert!(begun.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(server.client().packages(None).unwrap().len(), 2);
}
