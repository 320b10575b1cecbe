//! Looking again whenever something is different.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::error::WatchError;
use super::folders::Folders;

/// As long nothing may change until it is looked at.
const CALM: Duration = Duration::from_millis(50);

/// As long it is waited for calm at most.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is looked at again and again.
pub(super) trait Look: Send + 'static {
    /// The folders in which something may change.
    fn folders(&self) -> Vec<PathBuf>;

    /// Looks at what is there, and tells what is different.
    fn look(&mut self);
}

/// Who is told.
pub(super) type Listener<Event> = Box<dyn FnMut(Event) + Send>;

/// Calls the listener. If it panics, that is logged, and the watcher goes on.
pub(super) fn tell<Event>(listener: &mut Listener<Event>, event: Event) {
    // Nothing of ours is in the middle of anything while it runs, and what it leaves of its own it
    // finds again itself, as after a panic in any other thread.
    let told = catch_unwind(AssertUnwindSafe(|| listener(event)));
    if let Err(panic) = told {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let message = text.unwrap_or("a payload that is no text");
        tracing::error!(message, "a listener panicked");
    }
}

enum Message {
    Different(BTreeSet<PathBuf>),
    End,
}

/// A thread that looks. It ends with this.
pub(super) struct Worker {
    messages: Sender<Message>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Begins to watch, and looks for the first time: what changes from now on is told.
    pub(super) fn start(mut look: impl Look) -> Result<Self, WatchError> {
        let (messages, received) = channel();
        let different = messages.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let paths = match event {
                // That somebody reads is nothing new, and we do so ourselves.
                Ok(event) if event.kind.is_access() => return,
                Ok(event) => event.paths.into_iter().collect(),
                Err(_) => BTreeSet::new(),
            };
            // There is nobody any more when it ends.
            let _ = different.send(Message::Different(paths));
        })?;
        let mut folders = Folders::new(watcher);
        look_until_all_is_watched(&mut folders, &mut look);
        let run = move || run(&received, &mut folders, &mut look);
        let thread = Builder::new().name("keyway-watch".to_owned()).spawn(run);
        let thread = thread.map_err(|error| WatchError::System(error.to_string()))?;
        Ok(Self {
            messages,
            thread: Some(thread),
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.messages.send(Message::End);
        let thread = self.thread.take();
        // A listener may drop the watcher that tells it.
        if let Some(thread) = thread.filter(|it| it.thread().id() != std::thread::current().id()) {
            let _ = thread.join();
        }
    }
}

fn run(received: &Receiver<Message>, folders: &mut Folders, look: &mut impl Look) {
    while let Ok(Message::Different(mut paths)) = received.recv() {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            match received.recv_timeout(CALM) {
                Ok(Message::Different(more)) => paths.extend(more),
                Err(RecvTimeoutError::Timeout) => break,
                Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        folders.forget(&paths);
        look_until_all_is_watched(folders, look);
    }
}

/// Looks at what is there when its folders are watched already, so that nothing changes unseen in
/// between. What is found may lie in folders that have to be watched, too.
fn look_until_all_is_watched(folders: &mut Folders, look: &mut impl Look) {
    folders.watch(look.folders());
    loop {
        look.look();
        if !folders.watch(look.folders()) {
            return;
        }
    }
}
