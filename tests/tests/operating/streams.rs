//! What happens, as a stream.

use std::time::{Duration, Instant};

use keyway_tests::server::{Home, until};
use serde_json::{Value, json};

use crate::{Message, Stream, add, done, get, get_with};

fn is(message: &Message, event: &str, key: &str, value: &str) -> bool {
    message.event == event && message.value()[key] == value
}

#[test]
fn what_is_no_sense_is_refused() {
    let home = Home::new();
    let server = home.serve();
    let socket = server.socket();
    get(&socket, "/v1/events?since=1").error(400, "bad-request");
    let reply = get_with(&socket, "/v1/events", "last-event-id: newest\r\n");
    let message = reply.error(400, "bad-request");
    assert!(
        message.contains("`last-event-id` is no number"),
        "{message}"
    );
    add(&home, "a", "talks", &json!({}));
    let logs = "/v1/packages/acme.a/logs";
    for (query, expected) in [
        ("lines=-1", "`lines` is `-1`, expected 0 to 10000"),
        ("lines=10001", "`lines` is `10001`"),
        ("follow=1", "`follow` is `1`, expected `true` or `false`"),
        (
            "tail=3",
            "`tail` is not known, expected `lines`, `process`, `follow`",
        ),
        ("process=../package", "the process's name is none"),
        ("process=..%2fpackage", "the process's name is none"),
        ("process=/etc/passwd", "the process's name is none"),
        ("process=..", "the process's name is none"),
        ("process=", "the process's name is none"),
    ] {
        let message = get(&socket, &format!("{logs}?{query}")).error(400, "bad-request");
        assert!(message.contains(expected), "{query}: {message}");
    }
    get(&socket, &format!("{logs}?process=web&follow=true")).error(404, "no-such-log");
    for name in ["acme.b", "..", "%2e%2e%2f%2e%2e", "acme.a%2f..", "a"] {
        let reply = get(&socket, &format!("/v1/packages/{name}/logs"));
        assert_eq!(reply.status, 404, "{name}: {reply:#?}");
    }
    // Nothing of it is a package's log.
    let logs = std::fs::read_dir(home.state().join("logs")).unwrap();
    assert_eq!(logs.count(), 1);
}

#[test]
fn streams_are_few_and_end_with_the_server() {
    let home = Home::new();
    let mut server = home.serve();
    let socket = server.socket();
    add(&home, "a", "talks", &json!({}));
    let mut streams: Vec<Stream> = (0..63)
        .map(|_| Stream::open(&socket, "/v1/events", ""))
        .collect();
    let follow = "/v1/packages/acme.a/logs?follow=true&lines=1";
    streams.push(Stream::open(&socket, follow, ""));
    let message = get(&socket, "/v1/events").error(503, "too-many-streams");
    assert!(message.contains("64 streams are open"), "{message}");
    get(&socket, follow).error(503, "too-many-streams");
    // Everything else is answered.
    assert_eq!(get(&socket, "/healthz").status, 200);
    streams.drain(..60);
    until("a stream that may be opened", || {
        get(&socket, "/v1/packages/acme.a/logs").status == 200
            && get(&socket, "/metrics")
                .body
                .contains("\nkeyway_streams 4\n")
    });
    streams.push(Stream::open(&socket, "/v1/events", ""));
    let began = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    assert!(began.elapsed() < Duration::from_secs(5));
    for mut stream in streams {
        while stream.next().is_some() {}
    }
}

#[test]
fn who_comes_back_misses_nothing() {
    let home = Home::new();
    let server = home.serve();
    let socket = server.socket();
    let mut stream = Stream::open(&socket, "/v1/events", "");
    add(&home, "a", "talks", &json!({"steps": 2}));
    let is_started = |it: &Message| is(it, "hook-ended", "hook", "start");
    let messages = stream.until(is_started);
    let told: Vec<&str> = messages.iter().map(|it| &*it.event).collect();
    let hooks: Vec<&str> = told.iter().copied().filter(|it| *it != "changed").collect();
    let expected = [
        "hook-begun",
        "loaded",
        "hook-ended",
        "hook-begun",
        "hook-ended",
        "hook-begun",
        "progress",
        "progress",
        "hook-ended",
    ];
    assert_eq!(hooks, expected);
    assert_eq!(told[0], "changed");
    let end = messages.last().unwrap().value();
    assert_eq!(
        (&end["name"], &end["outcome"]),
        (&json!("acme.a"), &json!("done"))
    );
    assert!(end["seconds"].is_f64(), "{end}");
    let first = messages[0].id.unwrap();
    for (message, id) in messages.iter().zip(first..) {
        assert_eq!(message.id, Some(id), "{message:?}");
        assert_eq!(message.value()["event"], *message.event);
    }
    // That it runs is told when it does.
    stream.until(|it| it.event == "changed");
    drop(stream);
    done(&home, &["delete", "acme.a"]);

    let headers = format!("last-event-id: {first}\r\n");
    let mut stream = Stream::open(&socket, "/v1/events", &headers);
    let again = stream.until(|it| it.event == "removed");
    assert_eq!(again[..messages.len() - 1], messages[1..]);
    assert!(
        again
            .iter()
            .any(|it| is(it, "hook-begun", "hook", "uninstall"))
    );
    // Of another server's events nobody knows how many are gone; nor of some that are yet to come.
    for id in [7, u64::MAX] {
        let headers = format!("last-event-id: {id}\r\n");
        let mut stream = Stream::open(&socket, "/v1/events", &headers);
        if id == 7 {
            let lost = stream.next().unwrap();
            assert_eq!(
                (&*lost.event, lost.value()),
                ("lost", json!({"count": null}))
            );
            assert_eq!(stream.next().unwrap(), messages[0]);
        } else {
            let lost = stream.next().unwrap();
            assert_eq!(lost.id, again.last().unwrap().id);
        }
    }
}

#[test]
fn who_does_not_read_holds_up_nobody() {
    const STEPS: u64 = 5000;
    let home = Home::new();
    let server = home.serve();
    let socket = server.socket();
    add(&home, "a", "talks", &json!({"steps": STEPS}));
    done(&home, &["stop", "acme.a"]);
    let mut slow = Stream::open(&socket, "/v1/events", "");
    let began = Instant::now();
    done(&home, &["start", "acme.a"]);
    let took = began.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    // It is told how many it missed, and goes on with the newest.
    let messages = slow.until(|it| is(it, "hook-ended", "hook", "start"));
    let (mut lost, mut next) = (0, messages[0].id.unwrap());
    for message in &messages {
        if message.event == "lost" {
            let count = message.value()["count"].as_u64().unwrap();
            lost += count;
            next += count;
            assert_eq!(message.id, Some(next - 1));
        } else {
            assert_eq!(message.id, Some(next), "{message:?}");
            next += 1;
        }
    }
    assert!(lost > 100, "{lost} of {} lost", next);
    let steps = messages.iter().filter(|it| it.event == "progress").count() as u64;
    assert!(steps > 1000 && steps + lost >= STEPS, "{steps} and {lost}");
    let last = messages.iter().rev().find(|it| it.event == "progress");
    assert_eq!(
        last.map(|it| it.value()["done"].clone()),
        Some(Value::from(STEPS))
    );
}
