//! What happens in the manager, as a stream.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use hyper::body::Bytes;
use keyway::lifecycle::ManagerEvent;
use tokio::sync::{mpsc, watch};
use tokio::{task, time};

use crate::problem::Failure;
use crate::router::Served;
use crate::{request, sse};

/// As many events are kept for those who come back.
const KEPT: usize = 1024;

/// As many bytes are told of what a package says of its progress.
const LONGEST: usize = 1024;
/// As often it is looked whether the reader went away.
const LOOK: Duration = Duration::from_secs(1);

/// The last events.
#[derive(Debug)]
pub(crate) struct Events {
    ring: Mutex<Ring>,
    /// The number of the newest event; `None` once there are no more.
    newest: watch::Sender<Option<u64>>,
}

#[derive(Debug)]
struct Ring {
    /// The number of the oldest one that is kept, or of the next one.
    oldest: u64,
    /// Each as it is sent.
    kept: VecDeque<Bytes>,
}

impl Ring {
    fn next(&self) -> u64 {
        self.oldest + self.kept.len() as u64
    }
}

/// What a reader gets next.
enum Next {
    Message(Bytes, u64),
    /// It was too slow, or away for too long: so many are gone.
    Lost(Option<u64>, u64),
    Nothing,
}

impl Events {
    pub(crate) fn new() -> Self {
        // Numbers of an earlier server are smaller, and JavaScript can count these.
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let oldest = since.unwrap_or_default().as_secs() * 1_000_000;
        Self {
            ring: Mutex::new(Ring {
                oldest,
                kept: VecDeque::with_capacity(KEPT),
            }),
            newest: watch::Sender::new(Some(oldest)),
        }
    }

    /// The number of the first event that there could be; there is none yet.
    pub(crate) fn first(&self) -> u64 {
        self.ring().oldest
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells all who read; waits for nobody.
    pub(crate) fn tell(&self, event: &ManagerEvent) {
        let Ok(mut value) = serde_json::to_value(event) else {
            return;
        };
        // A package says what it likes, and as much as it likes.
        if let ManagerEvent::Progress(progress) = event
            && progress.message.len() > LONGEST
        {
            let ends = progress.message.char_indices().map(|(at, _)| at);
            let end = ends.take_while(|at| *at <= LONGEST).last();
            value["message"] = progress.message[..end.unwrap_or(0)].into();
        }
        let name = value["event"].as_str().unwrap_or("message").to_owned();
        let mut ring = self.ring();
        if ring.kept.len() == KEPT {
            ring.kept.pop_front();
            ring.oldest += 1;
        }
        let id = ring.next();
        ring.kept
            .push_back(sse::message(&name, Some(id), &value.to_string()));
        drop(ring);
        // Once it was closed it stays so.
        self.newest.send_if_modified(|newest| {
            newest.as_mut().is_some_and(|newest| {
                *newest = id.max(*newest);
                true
            })
        });
    }

    /// No more events: streams end once all was read.
    pub(crate) fn close(&self) {
        self.newest.send_replace(None);
    }

    /// The event with the number `next`, or what there is instead.
    fn get(&self, next: u64) -> Next {
        let ring = self.ring();
        if next < ring.oldest {
            return Next::Lost(Some(ring.oldest - next), ring.oldest);
        }
        let message = usize::try_from(next - ring.oldest)
            .ok()
            .and_then(|at| ring.kept.get(at));
        match message {
            Some(message) => Next::Message(message.clone(), next),
            None if next > ring.next() => Next::Lost(None, ring.next()),
            None => Next::Nothing,
        }
    }
}

/// What a stream begins behind.
fn after(headers: &HeaderMap) -> Result<Option<u64>, Failure> {
    let Some(id) = headers.get("last-event-id") else {
        return Ok(None);
    };
    let text = id.to_str().unwrap_or_default();
    let id = text.parse().map_err(|_| {
        let what = "`last-event-id` is no number, expected the `id` of an event";
        Failure::bad_request(what)
    })?;
    Ok(Some(id))
}

/// `GET /v1/events`
pub(crate) async fn events(
    State(served): State<Served>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    request::no_parameters(uri.query().unwrap_or_default())?;
    let after = after(&headers)?;
    let permit = sse::permit(&served.monitor)?;
    let (sender, messages) = mpsc::channel(sse::WAITING);
    let events = Arc::clone(served.monitor.events());
    let (first, begin) = {
        let ring = events.ring();
        match after {
            None => (None, ring.next()),
            // Of an earlier server: nobody knows how many there were.
            Some(after) if after.saturating_add(1) < served.monitor.first_event() => {
                (Some(ring.oldest), ring.oldest)
            }
            Some(after) => (None, after.saturating_add(1)),
        }
    };
    task::spawn(async move {
        let _ = send(&events, first, begin, &sender).await;
    });
    Ok(sse::answer(messages, permit))
}

/// Sends what happens, until nobody reads, or nothing can happen any more.
async fn send(
    events: &Events,
    lost: Option<u64>,
    mut next: u64,
    to: &mpsc::Sender<Bytes>,
) -> Result<(), mpsc::error::SendError<Bytes>> {
    let mut newest = events.newest.subscribe();
    to.send("retry: 2000\n\n".into()).await?;
    if let Some(id) = lost {
        to.send(told_lost(None, id)).await?;
    }
    loop {
        // What comes from here on wakes us.
        let is_over = newest.borrow_and_update().is_none();
        loop {
            match events.get(next) {
                Next::Message(message, id) => {
                    to.send(message).await?;
                    next = id + 1;
                }
                Next::Lost(count, oldest) => {
                    to.send(told_lost(count, oldest)).await?;
                    next = oldest;
                }
                Next::Nothing => break,
            }
        }
        if is_over {
            return Ok(());
        }
        let mut silent = Duration::ZERO;
        while time::timeout(LOOK, newest.changed()).await.is_err() {
            if to.is_closed() {
                return Ok(());
            }
            silent += LOOK;
            if silent >= sse::PULSE {
                to.send(sse::COMMENT.into()).await?;
                silent = Duration::ZERO;
            }
        }
    }
}

/// Who comes back knows what was told.
fn told_lost(count: Option<u64>, next: u64) -> Bytes {
    let count = count.map_or("null".to_owned(), |count| count.to_string());
    let data = format!("{{\"count\":{count}}}");
    sse::message("lost", Some(next.saturating_sub(1)), &data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed() -> ManagerEvent {
        ManagerEvent::Changed {
            name: "a.b".to_owned(),
        }
    }

    #[test]
    fn the_last_ones_are_kept_and_the_others_counted() {
        let events = Events::new();
        let first = events.ring().oldest;
        assert!(matches!(events.get(first), Next::Nothing));
        assert!(matches!(events.get(first + 7), Next::Lost(None, it) if it == first));
        for _ in 0..KEPT + 10 {
            events.tell(&changed());
        }
        assert!(matches!(events.get(first), Next::Lost(Some(10), it) if it == first + 10));
        let Next::Message(message, _) = events.get(first + 10) else {
            panic!("it is gone");
        };
        let expected = format!(
            "event: changed\nid: {}\ndata: {{\"event\":\"changed\",\"name\":\"a.b\"}}\n\n",
            first + 10
        );
        assert_eq!(message, expected);
        let end = first + KEPT as u64 + 10;
        assert!(matches!(events.get(end), Next::Nothing));
    }
}
