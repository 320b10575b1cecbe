//! Ctrl-C.

use keyway::install::Cancellation;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// What is cancelled by the first Ctrl-C, or by `kill`. The second one ends the process at once.
pub(crate) fn cancellation() -> Cancellation {
    let cancellation = Cancellation::new();
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag not yet set. Where signals cannot be caught,
        // each ends the process, and the next operation cleans up.
        let _ = flag::register_conditional_default(signal, cancellation.flag())
            .and_then(|_| flag::register(signal, cancellation.flag()));
    }
    cancellation
}
