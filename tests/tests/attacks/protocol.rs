//! What is no proper HTTP, too much of it, or too slow.

use std::io::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use super::{Fort, connect, rest, status};

#[test]
fn what_is_smuggled_behind_a_request_is_not_answered() {
    let mut fort = Fort::new();
    let (host, bearer) = (fort.host(), fort.bearer());
    // It even has the token: as the request of another one, before which it is put.
    let smuggled = format!("GET /v1/packages HTTP/1.1\r\nHost: {host}\r\n{bearer}\r\n");
    let all = smuggled.len() + 5;
    for headers in [
        format!("Content-Length: {all}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {all}\r\n\r\n0\r\n\r\n"),
        "Content-Length: 0\r\n\r\n".to_owned(),
        format!("Content-Length: 0\r\nContent-Length: {all}\r\n\r\n"),
        format!("Content-Length: 0, {all}\r\n\r\n"),
        "Content-Length: +0\r\n\r\n".to_owned(),
        "Content-Length: -1\r\n\r\n".to_owned(),
        "Content-Length : 0\r\n\r\n".to_owned(),
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n".to_owned(),
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n".to_owned(),
        "Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n".to_owned(),
        "X: a\nContent-Length: 0\r\n\r\n".to_owned(),
        "X: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
    ] {
        for line in ["GET /healthz", "POST /healthz", "GET /v1/packages"] {
            let request = format!("{line} HTTP/1.1\r\nHost: {host}\r\n{headers}{smuggled}");
            let answer = fort.raw(request.as_bytes());
            assert!(
                answer.matches("HTTP/1.").count() <= 1,
                "{request}: {answer}"
            );
            fort.assert_nothing_said(&request, &answer);
        }
    }
    fort.assert_unharmed();
}

#[test]
fn what_is_too_much_or_no_http_is_refused() {
    let mut fort = Fort::new();
    let host = fort.host();
    let begin = format!("GET /v1/packages HTTP/1.1\r\nHost: {host}\r\n");
    let many: String = (0..10_000)
        .map(|number| format!("x{number}: y\r\n"))
        .collect();
    let large = format!("x: {}\r\n", "y".repeat(1024 * 1024));
    let path = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(1024 * 1024));
    for (what, request) in [
        ("10,000 headers", format!("{begin}{many}\r\n")),
        ("a header of 1 MiB", format!("{begin}{large}\r\n")),
        ("a path of 1 MiB", path),
        (
            "HTTP/2",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_owned(),
        ),
        ("HTTP/0.9", "GET /v1/packages\r\n\r\n".to_owned()),
        (
            "TLS",
            "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03".to_owned(),
        ),
        ("nonsense", "\0".repeat(100)),
    ] {
        let answer = fort.raw(request.as_bytes());
        // Who goes on sending may not hear the answer.
        assert!(
            matches!(status(&answer), None | Some(400 | 414 | 431 | 505)),
            "{what}: {answer}"
        );
        fort.assert_nothing_said(what, &answer);
    }
    let answer = fort.raw(format!("{begin}Content-Length: 1073741824\r\n\r\n{{").as_bytes());
    fort.assert_refused("1 GiB", &answer, &[401]);
    // With the token more than is taken is not read to its end.
    let line = "POST /v1/packages";
    let kind = "Content-Type: application/json\r\n";
    let body = " ".repeat(1024 * 1024 + 1);
    let headers = format!(
        "{}{kind}Content-Length: 1073741824\r\n\r\n{body}",
        fort.bearer()
    );
    let answer = fort.ask(line, &headers);
    assert!(matches!(status(&answer), None | Some(413)), "{answer}");
    fort.assert_unharmed();
}

/// They wait at once: each of them is longer than a test should be.
#[test]
fn who_is_slow_is_not_waited_for() {
    let mut fort = Fort::new();
    let (host, bearer, port) = (fort.host(), fort.bearer(), fort.port);
    let silent = String::new();
    let half = format!("GET / HTTP/1.1\r\nHost: {host}\r\n");
    let body = format!(
        "POST /v1/packages HTTP/1.1\r\nHost: {host}\r\n{bearer}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    );
    let idle = format!("GET /v1/packages HTTP/1.1\r\nHost: {host}\r\n{bearer}\r\n");
    let slow = [
        ("silent", silent, "", 10),
        ("drips a header", half, "x", 10),
        ("drips a body", body, " ", 30),
        ("asks no more", idle, "", 10),
    ];
    thread::scope(|scope| {
        for (what, begin, drop, seconds) in &slow {
            scope.spawn(move || {
                let begun = Instant::now();
                let mut stream = connect(port);
                stream.write_all(begin.as_bytes()).unwrap();
                let mut other = stream.try_clone().unwrap();
                let reader = thread::spawn(move || rest(&mut other));
                while !reader.is_finished() {
                    let took = begun.elapsed().as_secs();
                    assert!(took < seconds + 8, "{what}: still there after {took} s");
                    let _ = stream.write_all(drop.as_bytes());
                    thread::sleep(Duration::from_millis(200));
                }
                let took = begun.elapsed().as_secs();
                assert!(took + 2 >= *seconds, "{what}: given up after {took} s");
                let answer = reader.join().unwrap();
                match *what {
                    "drips a body" => assert!(answer.contains("request-timeout"), "{answer}"),
                    "asks no more" => assert_eq!(status(&answer), Some(200), "{answer}"),
                    _ => assert!(matches!(status(&answer), None | Some(408)), "{answer}"),
                }
            });
        }
    });
    fort.assert_unharmed();
}
