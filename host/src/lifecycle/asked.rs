//! What is asked for: decided, written down, done.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use keyway_metadata::threebot::FullName;
use serde_json::{Map, Value};

use super::code::PLUGINS;
use super::engine::Course;
use super::entry::Entry;
use super::error::ManagerError;
use super::hook::Report;
use super::manager::PackageManager;
use super::order;
use super::record::{Pending, Phase, Record, Step, Wanted, WantedAdd};
use super::request::{AddRequest, Answer, DeleteRequest, Operation, Outcome};
use super::status::{InstalledFrom, Status};
use super::transition::{Decision, Nonsense, Offered, Standing, decide};
use crate::compare_versions;
use crate::install::Staged;

/// As long an operation waits for another one of the same package.
const TURN: Duration = Duration::from_secs(30);
/// As deep arguments may be nested. Records and answers hold them some levels deeper, and JSON is read
/// back to a depth of 128 only.
const MAX_DEPTH: usize = 64;

impl PackageManager {
    pub(super) fn asked(
        &self,
        operation: Operation,
        report: &Report,
    ) -> Result<Answer, ManagerError> {
        if self.is_stopping() {
            return Err(ManagerError::Stopping);
        }
        if let Operation::Reconfigure { install_kwargs, .. }
        | Operation::Add(AddRequest {
            install_kwargs: Some(install_kwargs),
            ..
        }) = &operation
        {
            check_depth(install_kwargs)?;
        }
        let entry = match operation.package() {
            Some(name) => Some(self.named(name)?),
            None => None,
        };
        if let Some(entry) = &entry {
            self.give_another_chance(entry);
        }
        let (wanted, entry) = match (operation, entry) {
            (Operation::Add(request), _) => return self.add(&request, report),
            (_, None) => {
                return Err(ManagerError::BadRequest {
                    what: "the operation names no package".to_owned(),
                });
            }
            (Operation::Retry { .. }, Some(entry)) => return self.retry(&entry, report),
            (Operation::Start { .. }, Some(entry)) => (Wanted::Start, entry),
            (Operation::Stop { .. }, Some(entry)) => (Wanted::Stop, entry),
            (Operation::Enable { .. }, Some(entry)) => (Wanted::Enable, entry),
            (Operation::Disable { .. }, Some(entry)) => (Wanted::Disable, entry),
            (Operation::Reload { .. }, Some(entry)) => (Wanted::Reload, entry),
            (Operation::Reconfigure { install_kwargs, .. }, Some(entry)) => {
                (Wanted::Reconfigure { install_kwargs }, entry)
            }
            (Operation::Delete(DeleteRequest { purge, force, .. }), Some(entry)) => {
                (Wanted::Delete { purge, force }, entry)
            }
        };
        self.enter(&entry, wanted, None, report)
    }

    /// Lifts the quarantine of the own plugins of a package that was interrupted: whoever asks for
    /// something of it wants its code to run again, and nobody else runs it.
    fn give_another_chance(&self, entry: &Entry) {
        let record = entry.record().clone();
        if !record.last_error.as_ref().is_some_and(|it| it.interrupted) {
            return;
        }
        let Ok(folder) = self.files().path(&record).join(PLUGINS).canonicalize() else {
            return;
        };
        let quarantine = self.files().loader().registry().quarantine();
        for plugin in quarantine.list() {
            let path = Path::new(&plugin.path);
            let is_own = path.canonicalize().is_ok_and(|it| it.starts_with(&folder));
            if is_own && let Err(error) = quarantine.clear(Some(&plugin.path)) {
                tracing::warn!(path = plugin.path, %error, "it stays in quarantine");
            }
        }
    }

    /// Does what is wanted of a package, or writes it down.
    pub(super) fn enter(
        &self,
        entry: &Arc<Entry>,
        wanted: Wanted,
        staged: Option<Staged>,
        report: &Report,
    ) -> Result<Answer, ManagerError> {
        if self.inner().records_only {
            return self.record(entry, wanted);
        }
        // Before its own turn: they may wait for that.
        let dependents = self.make_way(entry, &wanted, report)?;
        let done = self.now(entry, &wanted, staged, report);
        let mut answer = self.made_way(entry, &dependents, done, report)?;
        if matches!(wanted, Wanted::Delete { .. }) {
            let needs = self.needs(None);
            let others = order::dependents(&needs, &entry.name);
            for other in others {
                let name = &entry.name;
                answer
                    .warnings
                    .push(format!("`{other}` needs `{name}`, and cannot be started"));
            }
        }
        Ok(answer)
    }

    /// Lets those run again that were stopped for what is `done`, if they can.
    fn made_way(
        &self,
        entry: &Entry,
        dependents: &[Arc<Entry>],
        mut done: Result<Answer, ManagerError>,
        report: &Report,
    ) -> Result<Answer, ManagerError> {
        if done.is_err() && !entry.is_running() {
            if !dependents.is_empty() {
                let names: Vec<_> = dependents.iter().map(|it| it.name.as_str()).collect();
                tracing::warn!(package = entry.name, dependents = ?names, "dependents stay stopped");
            }
            return done;
        }
        for dependent in dependents.iter().rev() {
            if let Err(error) = self.enter(dependent, Wanted::Start, None, report) {
                let warning = format!("`{}` does not run again: {error}", dependent.name);
                match &mut done {
                    Ok(answer) => answer.warnings.push(warning),
                    Err(_) => tracing::warn!(package = entry.name, "{warning}"),
                }
            }
        }
        done
    }

    /// Those that run and need a package that is to be stopped: where it will run again they are
    /// stopped meanwhile, else they are in the way.
    fn make_way(
        &self,
        entry: &Arc<Entry>,
        wanted: &Wanted,
        report: &Report,
    ) -> Result<Vec<Arc<Entry>>, ManagerError> {
        if !entry.is_to_run() {
            return Ok(Vec::new());
        }
        self.check_unneeded(entry, wanted)?;
        match wanted {
            Wanted::Start | Wanted::Enable => return Ok(Vec::new()),
            Wanted::Add(add) => {
                let standing = self.standing(entry, Some(add));
                if !matches!(decide(wanted, &standing), Decision::Do(..)) {
                    return Ok(Vec::new());
                }
            }
            _ => {}
        }
        let dependents = self.running_dependents(&entry.name);
        for (index, dependent) in dependents.iter().enumerate() {
            if let Err(error) = self.enter(dependent, Wanted::Stop, None, report) {
                let stopped = &dependents[..index];
                return self
                    .made_way(entry, stopped, Err(error), report)
                    .map(|_| Vec::new());
            }
        }
        Ok(dependents)
    }

    /// Whether nobody who runs needs a package that is to be stopped for good.
    fn check_unneeded(&self, entry: &Entry, wanted: &Wanted) -> Result<(), ManagerError> {
        let stops = matches!(
            wanted,
            Wanted::Stop | Wanted::Disable | Wanted::Delete { .. }
        );
        if !stops || !entry.is_to_run() {
            return Ok(());
        }
        let dependents = self.running_dependents(&entry.name);
        if dependents.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = dependents
            .iter()
            .map(|it| format!("`{}`", it.name))
            .collect();
        Err(ManagerError::Refused {
            name: entry.name.clone(),
            code: "needed",
            why: format!("is needed by what runs: {}", names.join(", ")),
            remedy: Some("stop those first".to_owned()),
        })
    }

    fn now(
        &self,
        entry: &Arc<Entry>,
        wanted: &Wanted,
        staged: Option<Staged>,
        report: &Report,
    ) -> Result<Answer, ManagerError> {
        let busy = self.turn(entry, wanted.name())?;
        let mut course = Course::new(entry, busy, report);
        // What could only not be written down, or was cut short, is not given up for this.
        let waits = |it: &Record| it.journal().is_some_and(|it| it.phase == Phase::Waiting);
        let is_unfinished = waits(&entry.record());
        if is_unfinished {
            self.execute(&mut course)?;
            self.is_here(entry)?;
        }
        let standing = self.standing(entry, wanted.add());
        let was_running = entry.is_running();
        let (steps, ends) = match decide(wanted, &standing) {
            Decision::Refuse(nonsense) => return Err(refused(&entry.name, nonsense)),
            Decision::Already(what, status) => return self.already(entry, wanted, what, status),
            Decision::Do(steps, ends) => (steps, ends),
        };
        // Somebody may have begun to need it since it was looked.
        self.check_unneeded(entry, wanted)?;
        let mut begun = wanted.clone();
        // Somebody else added it meanwhile: what is staged only in this process would be lost with it,
        // and the operation with what it was to bring could not be gone on with.
        let staged = match (staged, &mut begun) {
            (Some(_), Wanted::Add(add)) if standing.is_placed && add.incoming.is_none() => {
                if let InstalledFrom::Path { path } = &add.source {
                    add.incoming = Some(self.files().take_in(path)?);
                }
                None
            }
            (staged, _) => staged,
        };
        self.begin(entry, begun, steps, ends, false)?;
        course.staged = staged;
        self.execute(&mut course)?;
        let Course { warnings, .. } = course;
        Ok(self.answer(
            entry,
            wanted,
            Outcome::Done,
            said(wanted, &standing, was_running),
            warnings,
        ))
    }

    pub(super) fn turn<'a>(
        &self,
        entry: &'a Entry,
        operation: &'static str,
    ) -> Result<super::entry::Busy<'a>, ManagerError> {
        let way = self.inner().calls.enter(&entry.name);
        let way = way.map_err(|cycle| ManagerError::Refused {
            name: entry.name.clone(),
            code: "cycle",
            why: format!("waits for what waits for it: {}", order::shown(&cycle)),
            remedy: Some("a hook cannot wait for what waits for its own package".to_owned()),
        })?;
        let mut turn = entry
            .begin(operation, TURN)
            .map_err(|other| ManagerError::Busy {
                name: entry.name.clone(),
                operation: other.to_owned(),
                waited: TURN,
            })?;
        turn.keep(way);
        self.is_here(entry)?;
        self.see_what_ended(entry, &mut turn);
        Ok(turn)
    }

    fn is_here(&self, entry: &Entry) -> Result<(), ManagerError> {
        if entry.live().is_gone {
            return Err(ManagerError::NotOnRecord {
                name: entry.name.clone(),
                near: None,
            });
        }
        Ok(())
    }

    pub(super) fn already(
        &self,
        entry: &Arc<Entry>,
        wanted: &Wanted,
        what: &str,
        status: Status,
    ) -> Result<Answer, ManagerError> {
        let mut warnings = Vec::new();
        if let Wanted::Add(add) = wanted {
            if let Some(incoming) = &add.incoming {
                self.files().drop_incoming(incoming);
            }
            let given = add.install_kwargs.as_ref();
            if given.is_some_and(|given| *given != entry.record().given_kwargs) {
                warnings.push(format!(
                    "the arguments are not taken over: `keyway package reconfigure {}`",
                    entry.name
                ));
            }
        }
        // It is as it should be: what failed is given up.
        let record = entry.record().clone();
        let is_well = record.status == Status::Error && status != Status::Error;
        if is_well {
            self.abandon(&record)?;
        }
        self.change(entry, |record| {
            record.status = status;
            if is_well {
                record.pending.clear();
                record.last_error = None;
            }
            // Where it comes from may have changed, unless it is used where it lies.
            if let Wanted::Add(add) = wanted
                && !matches!(add.source, InstalledFrom::Link { .. })
                && !matches!(record.source, InstalledFrom::Link { .. })
            {
                record.source = add.source.clone();
            }
        })?;
        Ok(self.answer(entry, wanted, Outcome::Already, what, warnings))
    }

    pub(super) fn answer(
        &self,
        entry: &Arc<Entry>,
        wanted: &Wanted,
        outcome: Outcome,
        what: &str,
        warnings: Vec<String>,
    ) -> Answer {
        let is_gone = entry.live().is_gone;
        let version = entry.record().version.clone();
        let version = match wanted {
            Wanted::Add(_) => version.map(|it| format!(" {it}")).unwrap_or_default(),
            _ => String::new(),
        };
        Answer {
            outcome,
            name: entry.name.clone(),
            message: format!("`{}`{version} {what}", entry.name),
            warnings,
            package: (!is_gone).then(|| self.shown(entry)),
        }
    }

    /// How it stands with a package, for `add` with the version that is to be added.
    pub(super) fn standing(&self, entry: &Entry, add: Option<&WantedAdd>) -> Standing {
        let record = entry.record();
        let live = entry.live();
        let version = |version: &Option<String>| version.clone().unwrap_or_default();
        let order =
            |add: &WantedAdd| compare_versions(&version(&add.version), &version(&record.version));
        let moves = |add: &WantedAdd| {
            let is_link = |from: &InstalledFrom| matches!(from, InstalledFrom::Link { .. });
            (is_link(&add.source) || is_link(&record.source)) && add.source != record.source
        };
        Standing {
            status: record.status,
            is_running: live.running_since.is_some(),
            is_placed: record.is_placed,
            is_installed: record.is_installed,
            was_prepared: record.was_prepared,
            is_protected: self.inner().protected.contains(&record.name),
            wants_restart: live.wants_restart,
            is_restarting: live.restarting.is_some(),
            offered: match add {
                Some(_) if !record.is_placed => Offered::New,
                None => Offered::Same,
                Some(add) => match order(add) {
                    std::cmp::Ordering::Less => Offered::Older,
                    std::cmp::Ordering::Greater => Offered::Newer,
                    // The same version somewhere else is another one.
                    std::cmp::Ordering::Equal if moves(add) => Offered::Newer,
                    std::cmp::Ordering::Equal => Offered::Same,
                },
            },
        }
    }

    /// Runs the hook again that failed or was interrupted, and goes on.
    fn retry(&self, entry: &Arc<Entry>, report: &Report) -> Result<Answer, ManagerError> {
        let is_unfinished = entry.record().journal().is_some();
        if !is_unfinished {
            let record = entry.record().clone();
            return match record.status {
                // Nothing is left to be done of what failed: it is to run.
                Status::Error => self.enter(entry, Wanted::Start, None, report),
                status => self.already(entry, &Wanted::Start, "has nothing to retry", status),
            };
        }
        if self.inner().records_only {
            self.change(entry, Record::wait_again)?;
            return Ok(self.answer(
                entry,
                &Wanted::Start,
                Outcome::Recorded,
                "is tried again when a server runs",
                Vec::new(),
            ));
        }
        if entry.live().wants_restart {
            let nonsense = Nonsense {
                code: "restart-wanted",
                why: "cannot be used before the server is restarted: a hook of it never returned",
                instead: None,
            };
            return Err(refused(&entry.name, nonsense));
        }
        let front = entry.record().pending.front().map(|it| it.wanted.clone());
        let wanted = front.unwrap_or(Wanted::Start);
        let dependents = self.make_way(entry, &wanted, report)?;
        let done = self.go_on(entry, &wanted, report);
        self.made_way(entry, &dependents, done, report)
    }

    /// Goes on with what failed.
    fn go_on(
        &self,
        entry: &Arc<Entry>,
        wanted: &Wanted,
        report: &Report,
    ) -> Result<Answer, ManagerError> {
        let busy = self.turn(entry, "retry")?;
        entry.live().restarting = None;
        self.change(entry, Record::wait_again)?;
        let mut course = Course::new(entry, busy, report);
        self.execute(&mut course)?;
        let Course { warnings, .. } = course;
        let what = "went on where it had failed";
        Ok(self.answer(entry, wanted, Outcome::Done, what, warnings))
    }

    /// The package that a name stands for; `__` may stand for its dot.
    pub(super) fn named(&self, name: &str) -> Result<Arc<Entry>, ManagerError> {
        let mut meant = FullName::meant(name);
        if let Some(entry) = meant.find_map(|meant| self.entry(meant.as_str())) {
            return Ok(entry);
        }
        let names = self.entries().into_iter().map(|entry| entry.name.clone());
        let near = names
            .map(|it| (strsim::osa_distance(&it, name), it))
            .min()
            .filter(|(distance, it)| *distance <= it.len() / 3);
        Err(ManagerError::NotOnRecord {
            name: name.to_owned(),
            near: near.map(|(_, name)| name),
        })
    }
}

/// Refuses arguments that could be written down, and not read again.
fn check_depth(install_kwargs: &Map<String, Value>) -> Result<(), ManagerError> {
    fn is_within(value: &Value, levels: usize) -> bool {
        match value {
            Value::Array(values) => levels > 0 && values.iter().all(|it| is_within(it, levels - 1)),
            Value::Object(values) => {
                levels > 0 && values.values().all(|it| is_within(it, levels - 1))
            }
            _ => true,
        }
    }
    if install_kwargs
        .values()
        .all(|it| is_within(it, MAX_DEPTH - 1))
    {
        return Ok(());
    }
    Err(ManagerError::BadRequest {
        what: format!("the arguments are nested deeper than {MAX_DEPTH} levels"),
    })
}

pub(super) fn refused(name: &str, nonsense: Nonsense) -> ManagerError {
    let Nonsense { code, why, instead } = nonsense;
    ManagerError::Refused {
        name: name.to_owned(),
        code,
        why: why.to_owned(),
        remedy: instead.map(|command| format!("`keyway package {command} {name}`")),
    }
}

/// What was done.
fn said(wanted: &Wanted, standing: &Standing, was_running: bool) -> &'static str {
    match wanted {
        Wanted::Add(add) => match standing.offered {
            _ if !add.install && !standing.is_installed => "is added, and not installed yet",
            Offered::New => match add.start {
                true => "is added, and runs",
                false => "is added, and starts with the next server",
            },
            Offered::Same if add.reload && !add.reinstall => "is reloaded",
            Offered::Same => "is installed again",
            _ => "is upgraded",
        },
        Wanted::Start => "runs",
        Wanted::Stop => "is stopped, and starts with the next server",
        Wanted::Enable => "is enabled, and runs",
        Wanted::Disable => "is disabled",
        Wanted::Reconfigure { .. } if was_running => "is reconfigured, and runs again",
        Wanted::Reconfigure { .. } => "is reconfigured",
        Wanted::Reload => "is reloaded",
        Wanted::Delete { purge: true, .. } => "is deleted, with its data",
        Wanted::Delete { .. } => "is deleted; its data stay",
    }
}

/// Steps that are left, as they are shown.
pub(super) fn steps_of(pending: &Pending) -> Vec<String> {
    let journal = pending.journal.iter();
    let steps = journal.flat_map(|it| it.steps.iter().copied());
    steps.map(|step: Step| step.name().to_owned()).collect()
}
