//! Lifecycles in processes of their own.
//!
//! ```text
//!  manager --Make, Run, Cancel, Answer, End--> worker: the one plugin, the one lifecycle
//!     ^                                           |
//!     +--Made, Returned, Ended, Progress, Log, Call+   by a socket pair, the worker's stdin
//! ```
//!
//! The manager chooses the plugin and puts it through the gates, without running anything of it; the
//! worker gets the path, which file it is, and the policy, and puts that file through the same gates when
//! it loads it. The worker keeps no quarantine: who sent it sees how it ends.

mod calls;
mod ending;
mod host;
mod log;
mod packages;
mod process;
mod wire;
mod worker;

pub(super) use host::Isolated;
pub use worker::worker_main;

use super::object::ENDED;
use super::worker::Worker;
