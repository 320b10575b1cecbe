//! What is done to a site, and what it comes to.

use std::fmt;
use std::path::Path;
use std::process::Command;

use keyway_tests::snapshot::Snapshot;
use keyway_tests::trace::{Call, Fault, Trace};

use crate::offers::{Version, offers};
use crate::site::{Check, Site, State};
use crate::{ID, OTHER, TYPE};

/// An operation, and what it meets.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// What is there before and afterwards.
    pub(crate) before: State,
    pub(crate) after: State,
    /// Whether there is another package.
    pub(crate) beside: bool,
    /// What the new package is installed from.
    pub(crate) from: From,
    /// Whether the file system can neither exchange two folders nor keep from replacing one.
    pub(crate) plain_renames: bool,
    /// What was killed before, and at which call.
    pub(crate) killed: Option<(&'static Scenario, &'static str, usize)>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum From {
    Folder,
    Zip,
    Nested,
}

pub(crate) const UPGRADE: Scenario = Scenario {
    name: "upgrade",
    before: Some(Version::Old),
    after: Some(Version::New),
    beside: true,
    from: From::Zip,
    plain_renames: false,
    killed: None,
};
const UPGRADE_PLAINLY: Scenario = Scenario {
    name: "upgrade-plainly",
    plain_renames: true,
    ..UPGRADE
};
pub(crate) const INSTALL: Scenario = Scenario {
    name: "install",
    before: None,
    ..UPGRADE
};
pub(crate) const REMOVE: Scenario = Scenario {
    name: "remove",
    before: Some(Version::New),
    after: None,
    ..UPGRADE
};

pub(crate) const SCENARIOS: [Scenario; 15] = [
    INSTALL,
    Scenario {
        name: "install-first",
        after: Some(Version::Old),
        beside: false,
        from: From::Folder,
        ..INSTALL
    },
    Scenario {
        name: "install-nested",
        from: From::Nested,
        ..INSTALL
    },
    Scenario {
        name: "install-plainly",
        plain_renames: true,
        ..INSTALL
    },
    UPGRADE,
    Scenario {
        name: "upgrade-back",
        before: Some(Version::New),
        after: Some(Version::Old),
        from: From::Folder,
        ..UPGRADE
    },
    UPGRADE_PLAINLY,
    REMOVE,
    Scenario {
        name: "remove-last",
        before: Some(Version::Old),
        beside: false,
        ..REMOVE
    },
    Scenario {
        name: "remove-plainly",
        plain_renames: true,
        ..REMOVE
    },
    // What a kill left is cleaned up, which is disturbed in turn.
    Scenario {
        name: "upgrade-again",
        killed: Some((&UPGRADE, "renameat2", 1)),
        ..UPGRADE
    },
    Scenario {
        name: "upgrade-of-unfinished",
        before: Some(Version::New),
        after: Some(Version::Old),
        killed: Some((&UPGRADE, "rename", 1)),
        ..UPGRADE
    },
    Scenario {
        name: "remove-of-unfinished",
        killed: Some((&UPGRADE, "rename", 1)),
        ..REMOVE
    },
    Scenario {
        name: "upgrade-between-steps",
        killed: Some((&UPGRADE_PLAINLY, "rename", 2)),
        ..UPGRADE_PLAINLY
    },
    Scenario {
        name: "install-of-removed",
        killed: Some((&REMOVE, "unlinkat", 1)),
        ..INSTALL
    },
];

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Killed,
    /// Exit 0.
    Done,
    /// Exit 1.
    Failed,
}

/// What is done afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Upgrade,
    Remove,
    /// Something with another package.
    Other,
}

pub(crate) const NEXT: [Next; 3] = [Next::Upgrade, Next::Remove, Next::Other];

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upgrade => "then-upgrade",
            Self::Remove => "then-remove",
            Self::Other => "then-other",
        })
    }
}

impl Scenario {
    /// What is installed before.
    pub(crate) fn prepare(&self, site: &Site) {
        if self.beside && self.killed.is_none() {
            site.install(OTHER, Version::Old).unwrap();
        }
        if let Some((before, name, ordinal)) = self.killed {
            let call = Call {
                name: name.to_owned(),
                ordinal,
                text: String::new(),
            };
            before.prepare(site);
            let log = site.home().join("log");
            let run = before
                .trace(&before.command(site), &log)
                .run_with(Fault::Kill, &call);
            assert_eq!(run.faults(name).len(), 1, "{run}");
        } else if let Some(version) = self.before {
            site.install(ID, version).unwrap();
        }
    }

    /// Runs of the command under strace.
    pub(crate) fn trace<'a>(&self, command: &'a Command, log: &Path) -> Trace<'a> {
        let plain = self.plain_renames.then_some(("renameat2", "EINVAL"));
        Trace::of(command, log).always(plain)
    }

    /// The run of the command that is disturbed.
    pub(crate) fn command(&self, site: &Site) -> Command {
        let mut command = site.command();
        let Some(version) = self.after else {
            command.args(["remove", "-t", TYPE, ID]);
            return command;
        };
        let offer = offers().of(ID, version);
        match self.before {
            None => command.arg("install"),
            Some(_) => command.args(["upgrade", "--force"]),
        };
        command.arg(match self.from {
            From::Folder => &offer.folder,
            From::Zip => &offer.zip,
            From::Nested => &offer.nested,
        });
        command
    }

    /// Whether the site is as it must be after the run ended so. Gives what is there.
    pub(crate) fn check(
        &self,
        site: &Site,
        ending: Ending,
        other: Option<&Snapshot>,
    ) -> Check<State> {
        let allowed = match ending {
            Ending::Killed => &[self.before, self.after][..],
            Ending::Done => &[self.after],
            Ending::Failed => &[self.before],
        };
        let strange = site.strange_names();
        if !strange.is_empty() {
            return Err(format!("the package root has {strange:?}"));
        }
        // Until somebody looks.
        let between_two_steps = self.plain_renames && ending != Ending::Done;
        let lies = site.lies(ID)?;
        let may_be_away = between_two_steps && lies.is_none();
        if !may_be_away && !allowed.contains(&lies) {
            return Err(format!("{ending:?}, and {lies:?} lies there"));
        }
        let listed = site.listed(ID)?;
        if !allowed.contains(&listed) || site.lies(ID)? != listed {
            return Err(format!("{ending:?}, and {listed:?} is listed"));
        }
        if self.beside && site.listed(OTHER)? != Some(Version::Old) {
            return Err("the other package is not listed".to_owned());
        }
        let differences = match (other, site.other()) {
            (Some(before), Some(now)) => before.differences(&now),
            (None, None) => Vec::new(),
            _ => vec!["it came or went".to_owned()],
        };
        if !differences.is_empty() {
            return Err(format!("the other package: {differences:?}"));
        }
        site.receipt(ID)?;
        Ok(listed)
    }

    /// The next operation works, and leaves nothing of the run. So does the last one.
    pub(crate) fn follow(&self, site: &Site, next: Next, there: State) -> Check {
        let beside = self.beside.then_some(Version::Old);
        let failed = |error| format!("the next operation: {error}");
        let (now, beside) = match (next, there) {
            (Next::Remove, Some(_)) => {
                site.remove(ID).map_err(failed)?;
                (None, beside)
            }
            (Next::Upgrade | Next::Remove, _) => {
                site.install(ID, Version::Third).map_err(failed)?;
                (Some(Version::Third), beside)
            }
            (Next::Other, _) => {
                site.install(OTHER, Version::Third).map_err(failed)?;
                (there, Some(Version::Third))
            }
        };
        let left = |error| format!("after the next operation: {error}");
        site.is_tidy(&[(ID, now), (OTHER, beside)]).map_err(left)?;
        for (id, state) in [(ID, now), (OTHER, beside)] {
            if state.is_some() {
                site.remove(id)
                    .map_err(|it| format!("the last operation: {it}"))?;
            }
        }
        let left = |error| format!("after the last operation: {error}");
        site.is_tidy(&[]).map_err(left)
    }
}
