//! What is wanted without a server: checked, and written down.

use std::sync::Arc;

use super::asked::refused;
use super::entry::Entry;
use super::error::ManagerError;
use super::manager::PackageManager;
use super::record::{Pending, Phase, Record, Wanted};
use super::request::{Answer, Outcome};
use super::status::Status;
use super::transition::{Decision, Nonsense, decide, projected};

impl PackageManager {
    /// Writes down what is wanted, for a process that runs hooks.
    pub(super) fn record(
        &self,
        entry: &Arc<Entry>,
        wanted: Wanted,
    ) -> Result<Answer, ManagerError> {
        let record = entry.record().clone();
        let mut standing = self.standing(entry, wanted.add());
        let is_state = |it: &Wanted| {
            matches!(
                it,
                Wanted::Start | Wanted::Stop | Wanted::Enable | Wanted::Disable
            )
        };
        let is_delete = matches!(wanted, Wanted::Delete { .. });
        let goes = |it: &Pending| {
            let phase = it.journal.as_ref().map(|it| it.phase);
            matches!(it.wanted, Wanted::Delete { .. }) && phase != Some(Phase::Failed)
        };
        let stays = |it: &Pending| !goes(it) || (it.journal.is_none() && is_state(&wanted));
        if !is_delete && !record.pending.iter().all(stays) {
            // It would go with the package, unseen.
            let nonsense = Nonsense {
                code: "to-be-deleted",
                why: "is recorded to be deleted when a server runs",
                instead: Some("start"),
            };
            return Err(refused(&entry.name, nonsense));
        }
        for pending in &record.pending {
            if let Some(status) = projected(&pending.wanted, standing.status) {
                standing.status = status;
            }
            standing.is_placed = true;
        }
        if let Decision::Refuse(nonsense) = decide(&wanted, &standing) {
            return Err(refused(&entry.name, nonsense));
        }
        if let Decision::Already(what, _) = decide(&wanted, &standing)
            && !is_state(&wanted)
        {
            return self.already(entry, &wanted, what, record.status);
        }
        let failed = |it: &Pending| it.journal.as_ref().map(|it| it.phase) == Some(Phase::Failed);
        if matches!(wanted, Wanted::Stop)
            && record.status == Status::Error
            && !record.starts_with_server()
            && record.pending.iter().all(failed)
        {
            // The next server does not start it anyway, and what waits for a retry is not given up for it.
            let what = "does not run";
            return Ok(self.answer(entry, &wanted, Outcome::Already, what, Vec::new()));
        }
        if is_delete && !record.is_placed {
            self.abandon(&record)?;
            self.forget(entry)?;
            return Ok(self.answer(entry, &wanted, Outcome::Done, "is deleted", Vec::new()));
        }
        // Of these the last one counts. What waits to be gone on with stays.
        let is_over = |it: &Pending| match &it.journal {
            Some(journal) => is_delete || journal.phase == Phase::Failed,
            None => is_delete || ((is_state(&it.wanted) || goes(it)) && is_state(&wanted)),
        };
        let over = record.pending.iter().filter(|it| is_over(it)).cloned();
        self.abandon(&Record {
            pending: over.collect(),
            ..record.clone()
        })?;
        self.change(entry, |record| {
            record.pending.retain(|it| !is_over(it));
            record.pending.push_back(Pending {
                wanted: wanted.clone(),
                journal: None,
            });
        })?;
        let what = recorded(&wanted);
        Ok(self.answer(entry, &wanted, Outcome::Recorded, what, Vec::new()))
    }
}

/// What will be done.
fn recorded(wanted: &Wanted) -> &'static str {
    match wanted {
        Wanted::Add(_) => "is recorded to be added when a server runs",
        Wanted::Start => "is recorded to be started when a server runs",
        Wanted::Stop => "is recorded not to be started with the next server",
        Wanted::Enable => "is recorded to be enabled when a server runs",
        Wanted::Disable => "is recorded to be disabled: the next server does not start it",
        Wanted::Reconfigure { .. } => "is recorded to be reconfigured when a server runs",
        Wanted::Reload => "is read anew when a server runs",
        Wanted::Delete { .. } => "is recorded to be deleted when a server runs",
    }
}
