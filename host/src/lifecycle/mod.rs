//! The package manager: packages that have a life.
//!
//! ```text
//! AddRequest --fetched, staged, validated--> the package root          what is wanted: Operation
//!                                                |                           |
//! Records (state.redb) <--begun, done-- steps <--+-- transitions: a function of record and operation
//!                                         |
//!                                      hooks of the package's lifecycle, each in a thread with a deadline
//! ```
//!
//! A [`PackageManager`] owns a state folder: what it knows of packages, and their data. Packages lie in
//! a package root, installed by the [installer](crate::install). Their code is a lifecycle: a native
//! plugin, in the package's own folder `plugins` or on the plugin search path, of the type that
//! `[lifecycle]` in `package.toml` names. A package without one is a package all the same: each of its
//! hooks does nothing.
//!
//! # What happens when
//!
//! | operation | hooks, in this order | [`Status`] afterwards |
//! |---|---|---|
//! | add (new) | prepare, install, start | installed |
//! | add (a newer version) | stop, upgrade, start | installed |
//! | add (the same version) | none, unless it is to be installed again: stop, prepare, install, start | as before |
//! | reconfigure | stop, prepare, install, start | installed |
//! | reload | stop, start | as before |
//! | start | start; before it prepare and install, if they never succeeded | installed |
//! | stop | stop | tostart |
//! | disable | stop | disabled |
//! | enable | as start | installed |
//! | delete | stop, uninstall | gone |
//! | retry | the one that failed or was interrupted, then what is left | as that operation |
//! | [`start_all`](PackageManager::start_all) | start, of those installed, tostart, and in error because of start | installed |
//! | [`stop_all`](PackageManager::stop_all) | stop, of all that run | as before |
//!
//! Stop is run if the package runs, and start at the end if it ran before. What is disabled stays so
//! over upgrades. A hook that fails puts the package in error, with the fault in
//! [`PackageStatus::last_error`]; start is then followed by stop. All other packages go on.
//!
//! # What holds, whatever happens
//!
//! * An operation is written down as a list of steps before it begins; a hook as begun before it runs,
//!   and as done when it has returned. A manager that was killed goes on with what is left when the
//!   next one [starts](PackageManager::start_all); a hook that was begun and not done was interrupted:
//!   the package is in error, and only a retry runs that hook again.
//! * Nothing of a package runs before it is whole and valid in its place. While an upgrade is not done
//!   the old version's files are kept; a failure or an interruption puts them back, and a retry takes
//!   the new ones again.
//! * A hook has a [deadline](Deadlines). One that does not return in time is given up with its thread
//!   and its object, unless it is [isolated](self#isolation); the package then [wants a restart](PackageStatus::wants_restart).
//! * Operations of one package come one after the other, those of different ones side by side.
//! * A package that needs others is started after them, which are started if need be; those that run
//!   and need it keep it from being stopped. For an upgrade they are stopped meanwhile.
//! * What a package started by the service `keyway.process` ends with its hook `stop`, and with every
//!   operation after which it does not run; what a manager that was killed left is ended before the next
//!   one starts anything.
//!
//! # Isolation
//!
//! The code of a package that asks for it (`isolation = "process"` in `[lifecycle]` of its
//! `package.toml`) runs in a process of its own, a [`Worker`]; that of all packages with
//! [`isolate_all`](PackageManagerBuilder::isolate_all). It is the same plugin, with the same context,
//! services, deadlines and log. A manager without a worker refuses such a package
//! (`isolation-not-here`).
//!
//! * The manager chooses the plugin and puts it through the gates, without running anything of it; the
//!   worker loads that very file by the same policy. Neither a probe is made for it nor a mark left: a
//!   worker that ends puts no plugin into quarantine.
//! * A worker that ends in a hook, by a crash, an exit or for want of memory, is a hook that failed
//!   (`worker-ended`). One whose hook does not return in time is killed: the package can be used again at
//!   once, without a new server.
//! * A worker that ends while its package runs puts the package in error, and it is started again: after
//!   one second, then two, four, and so on up to a minute; from one second again after it has run for a
//!   minute. Whatever else is asked of the package takes the place of that. The next server starts it, too.
//! * A worker is there from the first hook of an operation on, as long as the package runs. With it ends
//!   what it started, as far as that is still in its process group. It ends when the manager's process
//!   does, however that ends.
//! * What it prints is logged, a line each: stdout as information, stderr as warnings.
//!
//! It costs a process, with 3 to 4 MiB that are not shared.
//!
//! # On disk
//!
//! ```text
//! state.redb      the records, one value each; redb keeps them: pure Rust, crash-safe, in the house already
//! records.backup  a copy of them, of when a manager was last opened or closed
//! lock            who has the folder
//! stores/ID.redb  what the package keeps by the service `keyway.store`
//! data/ID/        the package's data folder
//! logs/ID/        what the package logs, what is logged of it, and what its processes write
//! processes/ID/   what runs of it by the service `keyway.process`
//! incoming/       what is to be installed, until it is
//! ```
//!
//! # Limits
//!
//! * Code of a package that is not isolated runs in this process: a crash, an abort or an exit ends it.
//!   The package is then interrupted, and does not run again by itself.
//! * Isolation is against faults, not against malice: a worker is the same user with the same rights. It
//!   is there on Unix only.
//! * Libraries are never unloaded, and each keeps its file open: so does each upgrade of a package whose
//!   code runs in this process. `raise_open_files` makes room.
//! * Who may use the state folder and the package root may run code as the process's user.

mod add;
mod all;
mod asked;
mod builder;
mod calls;
mod code;
mod engine;
mod entry;
mod error;
mod events;
mod files;
#[cfg_attr(not(unix), allow(dead_code))]
mod hook;
#[cfg(unix)]
mod isolated;
mod lock;
mod manager;
mod needs;
#[cfg_attr(not(unix), allow(dead_code))]
mod object;
#[cfg(unix)]
mod open_files;
mod order;
mod paths;
mod record;
mod recorded;
mod records;
mod recover;
mod request;
#[cfg_attr(not(unix), allow(dead_code))]
mod restart;
mod run;
mod services;
mod status;
mod transition;
mod worker;

#[cfg(test)]
mod tests;

pub use builder::{Deadlines, PackageManagerBuilder};
pub use error::ManagerError;
pub use events::{HookOutcome, ManagerEvent};
#[cfg(unix)]
pub use isolated::worker_main;
pub use manager::{Holder, PackageManager, Started, Stopped};
#[cfg(unix)]
pub use open_files::raise_open_files;
pub use request::{AddRequest, AddSource, Answer, DeleteRequest, HookProgress, Operation, Outcome};
pub use services::{PackageStore, StoreError, Stores};
pub use status::{
    InstalledFrom, LastError, LifecycleState, PackageProcess, PackageStatus, PendingOperation,
    ProcessPhase, Status, StatusError,
};
pub use worker::Worker;

/// Seconds since 1970.
fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map(|since| since.as_secs()).unwrap_or_default()
}
