//! How far something is, on one line of the terminal that is gone in the end.

use std::io::{self, IsTerminal as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use keyway::install::Progress;
use keyway::lifecycle::HookProgress;
use keyway::package::ListingProgress;

use crate::table::printable;

/// As long nobody asks what takes so long.
const PATIENCE: Duration = Duration::from_millis(500);
/// As often the line is written anew.
const PACE: Duration = Duration::from_millis(100);
/// Where a bar is full.
const FULL: u64 = 1000;

/// The line. Nothing is shown before half a second has gone, or if stderr is no terminal.
pub(crate) struct Line(Option<Mutex<State>>);

struct State {
    next: Instant,
    bar: Option<ProgressBar>,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self(io::stderr().is_terminal().then(|| {
            Mutex::new(State {
                next: Instant::now() + PATIENCE,
                bar: None,
            })
        }))
    }

    /// How far a listing is, of which nobody knows how long it is.
    pub(crate) fn listing(&self, progress: ListingProgress) {
        self.show(|| match progress {
            ListingProgress {
                found, checked: 0, ..
            } => (None, format!("{found} packages")),
            ListingProgress { found, checked, .. } => {
                (None, format!("{found} packages, {checked} checked"))
            }
        });
    }

    /// How far a package is unpacked.
    pub(crate) fn unpacking(&self, progress: &Progress) {
        self.show(|| {
            let by_bytes = progress.total_bytes.map(|total| (progress.bytes, total));
            // Of a tar nobody knows what is in it, but how much of it was read.
            let (done, all) = by_bytes.unwrap_or((progress.read, progress.length));
            let done = u128::from(FULL) * u128::from(done.min(all));
            let share = done.checked_div(u128::from(all));
            let share = share.and_then(|share| u64::try_from(share).ok());
            (share, format!("{} entries", progress.entries))
        });
    }

    /// How far a hook of a package is.
    pub(crate) fn hook(&self, progress: &HookProgress) {
        self.show(|| {
            let share = progress.total.filter(|total| *total > 0).map(|total| {
                let done = u128::from(FULL) * u128::from(progress.done.min(total));
                u64::try_from(done / u128::from(total)).unwrap_or(FULL)
            });
            let HookProgress { name, step, .. } = progress;
            let text = format!("{name}: {step} {}", progress.message);
            (share, printable(text.trim_end()))
        });
    }

    /// Shows a bar that is full at [`FULL`], if there is something to show as one, and a text.
    fn show(&self, what: impl FnOnce() -> (Option<u64>, String)) {
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
        let (share, text) = what();
        let bar = state.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(FULL), ProgressDrawTarget::stderr());
            bar.with_style(style(share.is_some()))
                .with_message(text.clone())
        });
        if let Some(share) = share {
            bar.set_position(share);
        }
        bar.set_message(text);
    }

    /// Takes the line away, since something else is to be read.
    pub(crate) fn clear(&self) {
        let Some(state) = &self.0 else { return };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = state.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.clear();
    }
}

fn style(is_bar: bool) -> ProgressStyle {
    let template = match is_bar {
        true => "{bar:30} {percent:>3} %  {wide_msg}",
        false => "{wide_msg}",
    };
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar())
}
