//! Packages that need others.

use std::collections::BTreeSet;
use std::sync::Arc;

use keyway_metadata::threebot::Requirement;

use super::engine::Trouble;
use super::entry::Entry;
use super::error::ManagerError;
use super::hook::Report;
use super::manager::PackageManager;
use super::order::{self, Needs};
use super::record::{Wanted, WantedAdd};
use super::status::Status;
use crate::compare_versions;

impl PackageManager {
    /// Who needs whom, of all on record; with `changed` as it would be then.
    pub(super) fn needs(&self, changed: Option<(&str, &WantedAdd)>) -> Needs {
        let entries = self.entries();
        let needs = entries.iter().map(|entry| {
            let record = entry.record();
            let mut needed: BTreeSet<_> = record.dependencies.keys().cloned().collect();
            // What is recorded to come needs what it says.
            for pending in &record.pending {
                if let Wanted::Add(add) = &pending.wanted {
                    needed.extend(add.dependencies.keys().cloned());
                }
            }
            (entry.name.clone(), needed)
        });
        let mut needs: Needs = needs.collect();
        if let Some((name, add)) = changed {
            let needed = add.dependencies.keys().cloned().collect();
            needs.insert(name.to_owned(), needed);
        }
        needs
    }

    /// Whether what a package needs is on record, in a version that will do, and nobody needs each
    /// other in a circle.
    pub(super) fn check_needs(&self, name: &str, add: &WantedAdd) -> Result<(), ManagerError> {
        let refused = |trouble: Unmet| ManagerError::Refused {
            name: name.to_owned(),
            code: trouble.code,
            why: trouble.why,
            remedy: trouble.remedy,
        };
        if let Some(cycle) = order::cycle_through(&self.needs(Some((name, add))), name) {
            return Err(refused(Unmet::cycle(&cycle)));
        }
        for (needed, which) in &add.dependencies {
            self.needed(needed, which).map_err(refused)?;
        }
        Ok(())
    }

    /// The package that is needed.
    fn needed(&self, needed: &str, which: &str) -> Result<Arc<Entry>, Unmet> {
        let Some(entry) = self.entry(needed) else {
            return Err(Unmet {
                code: "dependency-missing",
                why: format!("needs `{needed}` {which}, which is not on record"),
                remedy: Some("add that first: `keyway package add`".to_owned()),
            });
        };
        let version = entry.record().version_to_be();
        let version = version.as_deref();
        let which_do = which.parse::<Requirement>();
        let will_do =
            which_do.is_ok_and(|it| it.admits(|it| compare_versions(version.unwrap_or(""), it)));
        if !will_do {
            let found = version.unwrap_or("without a version");
            return Err(Unmet {
                code: "dependency-version",
                why: format!("needs `{needed}` {which}, which is on record {found}"),
                remedy: Some(format!("add a version of `{needed}` that will do")),
            });
        }
        Ok(entry)
    }

    /// Sees to it that what a package needs runs; starts it, if `starts`.
    pub(super) fn see_to_needs(
        &self,
        entry: &Entry,
        starts: bool,
        report: &Report,
    ) -> Result<(), Trouble> {
        let dependencies = entry.record().dependencies.clone();
        // Most need nothing, and the needs of all are many.
        if dependencies.is_empty() {
            return Ok(());
        }
        let needs = self.needs(None);
        if let Some(cycle) = order::cycle_through(&needs, &entry.name) {
            return Err(Unmet::cycle(&cycle).into());
        }
        for (name, which) in &dependencies {
            let needed = self.needed(name, which)?;
            // What is busy may be about to stop: then its turn is waited for.
            if needed.is_running() && (!starts || needed.operation().is_none()) {
                continue;
            }
            let does_not =
                |why: &str| Trouble::new("dependency-down", format!("needs `{name}`, which {why}"));
            let status = needed.record().status;
            match status {
                Status::Disabled => return Err(does_not("is disabled")),
                _ if !starts => return Err(does_not("does not run")),
                _ => {}
            }
            let started = self.enter(&needed, Wanted::Start, None, report);
            if let Err(error) = started {
                return Err(does_not(&format!("cannot be started: {error}")));
            }
        }
        Ok(())
    }

    /// Those that run, or are about to, and need the package, the ones that others need last.
    pub(super) fn running_dependents(&self, name: &str) -> Vec<Arc<Entry>> {
        let needs = self.needs(None);
        let mut needs_of_them: Needs = Needs::new();
        for dependent in order::dependents(&needs, name) {
            let is_up = self.entry(&dependent).is_some_and(|it| it.live().is_up());
            if is_up && dependent != name {
                let needed = needs.get(&dependent).cloned().unwrap_or_default();
                needs_of_them.insert(dependent, needed);
            }
        }
        let mut schedule = order::Schedule::reversed(&needs_of_them);
        let mut entries = Vec::new();
        while let order::Next::Take(name) = schedule.next() {
            entries.extend(self.entry(&name));
            schedule.done(&name);
        }
        entries
    }
}

/// Why what a package needs is not there.
struct Unmet {
    code: &'static str,
    why: String,
    remedy: Option<String>,
}

impl Unmet {
    fn cycle(cycle: &[String]) -> Self {
        Self {
            code: "dependency-cycle",
            why: format!("is needed by what it needs: {}", order::shown(cycle)),
            remedy: Some("one of them has to do without: change its `[dependencies]`".to_owned()),
        }
    }
}

impl From<Unmet> for Trouble {
    fn from(unmet: Unmet) -> Self {
        Trouble::new(unmet.code, unmet.why)
    }
}
