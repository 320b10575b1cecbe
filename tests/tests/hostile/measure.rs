//! What a look at a file costs: the most memory that it held at once, and the time that it took.

use std::error::Error as _;
use std::path::Path;
use std::time::{Duration, Instant};

use keyway::plugin::{Look, look};
use keyway_tests::memory::{Counting, MOST, peak};

/// Far more than a look takes, even without optimisation on a busy machine.
const LONGEST: Duration = Duration::from_secs(2);

#[global_allocator]
static COUNTING: Counting = Counting;

/// Looks at a file and gives the code and the message of the verdict with its causes, `("ok", "")`
/// for a plugin that may be loaded.
///
/// # Panics
///
/// When it takes too much time or memory.
pub(crate) fn verdict(file: &Path) -> (&'static str, String) {
    let start = Instant::now();
    let (peak, look) = peak(|| look(file));
    let time = start.elapsed();
    assert!(peak < MOST, "{}: {peak} bytes", file.display());
    assert!(time < LONGEST, "{}: {time:?}", file.display());
    match look {
        Look::Compatible(_) => ("ok", String::new()),
        Look::Refused(why, _) => {
            let mut message = why.to_string();
            let mut cause = why.source();
            while let Some(error) = cause {
                message += &format!(": {error}");
                cause = error.source();
            }
            (why.code(), message)
        }
        Look::Ignored(why) => (why.code(), why.to_string()),
    }
}

#[test]
fn the_account_sees_what_is_held() {
    let (held, ()) = peak(|| drop(vec![0u8; MOST]));
    assert!(held >= MOST);
    assert_eq!(peak(|| ()), (0, ()));
}
