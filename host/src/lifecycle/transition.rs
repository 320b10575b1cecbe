//! What an operation comes to: a function of what is known, which reads and writes nothing.

use super::record::{Step, Wanted, WantedAdd};
use super::status::Status;

/// How it stands with a package.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) status: Status,
    pub(super) is_running: bool,
    pub(super) is_placed: bool,
    pub(super) is_installed: bool,
    pub(super) was_prepared: bool,
    pub(super) is_protected: bool,
    /// A hook of it never returned: its code can be used again by another process only.
    pub(super) wants_restart: bool,
    /// It ran until its worker ended, and is to run again.
    pub(super) is_restarting: bool,
    /// For a package that is to be added: how its version stands to the one on record.
    pub(super) offered: Offered,
}

/// How the version of a package that is to be added stands to the one on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offered {
    New,
    Newer,
    Same,
    Older,
}

/// What an operation comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// These steps, after which the package has this status.
    Do(Vec<Step>, Status),
    /// It is so already; the status may still have to be written.
    Already(&'static str, Status),
    /// It makes no sense.
    Refuse(Nonsense),
}

/// Why an operation makes no sense, and what to do instead: a command of `keyway package`, to which
/// the name is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nonsense {
    pub(super) code: &'static str,
    pub(super) why: &'static str,
    pub(super) instead: Option<&'static str>,
}

fn refuse(code: &'static str, why: &'static str, instead: Option<&'static str>) -> Decision {
    Decision::Refuse(Nonsense { code, why, instead })
}

pub(super) fn decide(wanted: &Wanted, now: &Standing) -> Decision {
    let ends = match now.status {
        Status::Disabled => Status::Disabled,
        _ => Status::Installed,
    };
    let stop = now.is_running.then_some(Step::Stop);
    let start = (now.is_running || now.is_restarting).then_some(Step::Start);
    match wanted {
        Wanted::Stop | Wanted::Disable | Wanted::Delete { .. } if now.is_protected => refuse(
            "protected",
            "is protected: it can be neither stopped, disabled nor deleted",
            None,
        ),
        Wanted::Add(add) => add_to(add, now, ends),
        Wanted::Start if now.status == Status::Disabled => {
            refuse("disabled", "is disabled", Some("enable"))
        }
        Wanted::Start | Wanted::Enable if now.is_running => {
            Decision::Already("runs already", Status::Installed)
        }
        Wanted::Start | Wanted::Enable => startable(now, |mut steps| {
            steps.push(Step::Start);
            Decision::Do(steps, Status::Installed)
        }),
        Wanted::Stop if now.is_running => Decision::Do(vec![Step::Stop], Status::ToStart),
        Wanted::Stop if now.is_restarting => Decision::Do(Vec::new(), Status::ToStart),
        Wanted::Stop => Decision::Already(
            "does not run",
            match now.status {
                Status::Installed => Status::ToStart,
                status => status,
            },
        ),
        Wanted::Disable if now.status == Status::Disabled => {
            Decision::Already("is disabled already", Status::Disabled)
        }
        Wanted::Disable => Decision::Do(stop.into_iter().collect(), Status::Disabled),
        Wanted::Reconfigure { .. } => usable(now, || {
            let hooks = [Step::Prepare, Step::Install];
            let steps = stop.into_iter().chain(hooks).chain(start);
            Decision::Do(steps.collect(), ends)
        }),
        Wanted::Reload => usable(now, || {
            let steps = stop.into_iter().chain([Step::Read]).chain(start);
            // What failed is given up.
            let ends = match now.status {
                Status::Error if now.is_installed => Status::Installed,
                Status::Error => Status::Config,
                status => status,
            };
            Decision::Do(steps.collect(), ends)
        }),
        Wanted::Delete { .. } => {
            let uninstall = (now.was_prepared && now.is_placed).then_some(Step::Uninstall);
            let steps = stop.into_iter().chain(uninstall).chain([Step::Remove]);
            Decision::Do(steps.collect(), now.status)
        }
    }
}

fn add_to(add: &WantedAdd, now: &Standing, ends: Status) -> Decision {
    let start = (add.install && add.start).then_some(Step::Start);
    let placed = |hooks: &[Step]| [&[Step::Place], hooks].concat();
    // What was never installed is added as if it were new.
    let is_new = now.offered == Offered::New || !now.is_installed;
    match now.offered {
        Offered::Older if now.is_installed => refuse(
            "not-newer",
            "is on record in a newer version: an older one takes its place only after that is deleted",
            Some("delete"),
        ),
        Offered::Same if !add.reinstall && now.is_placed => {
            if add.reload {
                return decide(&Wanted::Reload, now);
            }
            Decision::Already("is on record in that version", now.status)
        }
        _ if now.wants_restart => wants_restart(),
        _ if !is_new && !add.install => refuse(
            "already-installed",
            "is installed: what takes its place is installed, too",
            None,
        ),
        _ if is_new && !add.install => Decision::Do(placed(&[]), Status::ToInstall),
        _ if is_new => {
            let mut steps = placed(&[Step::Prepare, Step::Install]);
            // Disabled is disabled.
            steps.extend(start.filter(|_| ends != Status::Disabled));
            Decision::Do(steps, ends)
        }
        offered => {
            let stop = now.is_running.then_some(Step::Stop);
            let again = ((now.is_running || now.is_restarting) && add.start).then_some(Step::Start);
            let hooks = match offered {
                Offered::Same => &[Step::Prepare, Step::Install, Step::Accept][..],
                _ => &[Step::Upgrade, Step::Accept],
            };
            let steps = stop.into_iter().chain(placed(hooks)).chain(again);
            Decision::Do(steps.collect(), ends)
        }
    }
}

fn wants_restart() -> Decision {
    refuse(
        "restart-wanted",
        "cannot be used before the server is restarted: a hook of it never returned",
        None,
    )
}

fn usable(now: &Standing, then: impl FnOnce() -> Decision) -> Decision {
    if !now.is_placed {
        return refuse("not-brought", "is not brought yet", Some("retry"));
    }
    if now.wants_restart {
        return wants_restart();
    }
    then()
}

fn startable(now: &Standing, then: impl FnOnce(Vec<Step>) -> Decision) -> Decision {
    usable(now, || {
        then(if now.is_installed {
            Vec::new()
        } else {
            vec![Step::Prepare, Step::Install]
        })
    })
}

/// The status in which a package is after an operation that has not begun yet.
pub(super) fn projected(wanted: &Wanted, status: Status) -> Option<Status> {
    match wanted {
        Wanted::Delete { .. } => None,
        Wanted::Disable => Some(Status::Disabled),
        Wanted::Stop => Some(match status {
            Status::Disabled => Status::Disabled,
            _ => Status::ToStart,
        }),
        Wanted::Enable | Wanted::Start => Some(Status::Installed),
        Wanted::Add(add) if !add.install && status == Status::Init => Some(Status::ToInstall),
        Wanted::Add(_) | Wanted::Reconfigure { .. } => Some(match status {
            Status::Disabled => Status::Disabled,
            _ => Status::Installed,
        }),
        Wanted::Reload => Some(status),
    }
}
