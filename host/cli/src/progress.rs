//! How far a listing is, on one line of the terminal that is gone in the end.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use keyway::package::ListingProgress;

/// As long nobody asks what takes so long.
const PATIENCE: Duration = Duration::from_millis(500);
/// As often the line is written anew.
const PACE: Duration = Duration::from_millis(100);
/// Back to the start of the line, and empty it.
const ERASE: &str = "\r\x1b[K";

/// The line. Nothing is shown before half a second has gone, or if stderr is no terminal.
pub(crate) struct Line(Option<Mutex<State>>);

struct State {
    next: Instant,
    shown: bool,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self(io::stderr().is_terminal().then(|| {
            Mutex::new(State {
                next: Instant::now() + PATIENCE,
                shown: false,
            })
        }))
    }

    pub(crate) fn show(&self, progress: ListingProgress) {
        let Some(state) = &self.0 else { return };
        // Who finds it taken has nothing newer to say.
        let Ok(mut state) = state.try_lock() else {
            return;
        };
        let now = Instant::now();
        if now < state.next {
            return;
        }
        state.next = now + PACE;
        state.shown = true;
        let text = match progress {
            ListingProgress {
                found, checked: 0, ..
            } => format!("{found} packages"),
            ListingProgress { found, checked, .. } => {
                format!("{found} packages, {checked} checked")
            }
        };
        let _ = write!(io::stderr().lock(), "{ERASE}{text}");
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let state = self.0.as_mut().and_then(|state| state.get_mut().ok());
        if state.is_some_and(|state| state.shown) {
            let _ = write!(io::stderr().lock(), "{ERASE}");
        }
    }
}
