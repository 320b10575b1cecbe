//! What comes without end, through the client.

use std::sync::mpsc;
use std::thread;

use keyway::install::Cancellation;
use keyway::lifecycle::ManagerEvent;

use super::{Server, progress};
use crate::{ClientError, LogsRequest, Told};

fn changed(name: &str) -> ManagerEvent {
    serde_json::from_value(serde_json::json!({"event": "changed", "name": name})).unwrap()
}

#[test]
fn events_are_told_until_the_end_and_can_be_gone_on_with() {
    let server = Server::start();
    let tell = server.monitor.observer();
    let (sender, told) = mpsc::channel();
    let client = server.client();
    let watching =
        thread::spawn(move || client.events(None, |id, told| sender.send((id, told)).unwrap()));
    // Nobody knows when it began.
    let (first, event) = loop {
        tell(&changed("a.b"));
        if let Ok(it) = told.recv_timeout(std::time::Duration::from_millis(50)) {
            break it;
        }
    };
    assert_eq!(event, Told::Event(changed("a.b")));
    let mut talk = progress(1);
    talk.message = "é".repeat(10_000);
    tell(&ManagerEvent::Progress(talk));
    let cut = told.iter().find_map(|(_, told)| match told {
        Told::Event(ManagerEvent::Progress(it)) => Some(it.message),
        _ => None,
    });
    assert_eq!(cut.unwrap(), "é".repeat(512));
    for _ in 0..2000 {
        tell(&changed("c.d"));
    }
    server.monitor.close();
    watching.join().unwrap().unwrap();

    // The stream ends once all was told.
    let mut again = Vec::new();
    let all = server
        .client()
        .events(Some(first), |id, told| again.push((id, told)));
    all.unwrap();
    let (last, Told::Lost(Some(lost))) = again[0] else {
        panic!("{:?}", again[0]);
    };
    assert_eq!((last - first, again.len()), (lost, 1025));
    for ((id, told), expected) in again[1..].iter().zip(last + 1..) {
        assert_eq!((*id, told), (expected, &Told::Event(changed("c.d"))));
    }
}

#[test]
fn who_is_told_to_leave_does_and_refusals_are_told() {
    let server = Server::start();
    let left = Cancellation::new();
    left.cancel();
    let client = server.client().cancellation(left);
    let error = client.events(None, |_, _| {}).unwrap_err();
    assert!(matches!(error, ClientError::Left), "{error:?}");

    let client = server.client();
    let mut request = LogsRequest::new("a.nobody");
    for error in [
        client.logs(&request).unwrap_err(),
        client.follow_logs(&request, |_| {}).unwrap_err(),
    ] {
        assert_eq!(error.code(), "not-on-record", "{error:?}");
    }
    request.process = Some("a&follow=true".to_owned());
    let error = client.logs(&request).unwrap_err();
    assert!(matches!(error, ClientError::Unspeakable(_)), "{error:?}");
}
