//! Running the hooks of packages.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::code::{self, Context, NoCode, Said};
use super::engine::{Course, StepError, Trouble, bounded};
use super::entry::Entry;
use super::error::ManagerError;
use super::events::{HookOutcome, ManagerEvent};
use super::hook::{self, Call, Code, End, Patience, Report};
#[cfg(unix)]
use super::isolated::Isolated;
use super::lock::make_private;
use super::manager::{Inner, PackageManager};
#[cfg(unix)]
use super::object::Failure;
use super::object::Object;
use super::record::Step;
use super::request::HookProgress;
use super::services::config::Given;
use super::services::packages::Others;
use super::status::LifecycleState;
use super::worker::Worker;
use crate::plugin::HookName;
#[cfg(unix)]
use crate::plugin::{Registry, TypeName};
use keyway_metadata::threebot::Isolation;

impl PackageManager {
    /// Does all steps that are left of the operation at hand. What they started ends with them, unless
    /// the package runs then.
    pub(super) fn execute(&self, course: &mut Course<'_>) -> Result<(), ManagerError> {
        let done = self.execute_steps(course);
        if !course.entry.is_running() {
            self.end_processes(course.entry);
        }
        done
    }

    /// Ends the processes of a package, and lets none be started before its next hook.
    pub(super) fn end_processes(&self, entry: &Entry) {
        self.inner().processes.end(&entry.name);
    }

    /// Runs a hook of the package's code, if it has any.
    pub(super) fn hook(
        &self,
        course: &mut Course<'_>,
        step: Step,
        hook: HookName,
        from: Option<String>,
    ) -> Result<(), StepError> {
        let entry = course.entry;
        let code = match course.busy.take() {
            Some(made) => Some(Code::Made(made)),
            None => self.code(entry)?,
        };
        let Some(code) = code else {
            entry.live().lifecycle = None;
            if step == Step::Prepare {
                self.begun(entry, step)?;
            }
            return Ok(());
        };
        self.begun(entry, step)?;
        let call = Call {
            package: entry.name.clone(),
            hook,
            from: from.unwrap_or_default(),
        };
        let (shown, told) = (Arc::clone(entry), Arc::clone(&course.report));
        let observer = self.inner().observer.clone();
        let report: Report = Arc::new(move |progress: &HookProgress| {
            shown.live().progress = Some(progress.clone());
            told(progress);
            observer.tell(&ManagerEvent::Progress(progress.clone()));
        });
        self.inner().processes.open(&entry.name);
        match self.call(entry, code, call, report) {
            End::Returned(object, result) => {
                entry.live().lifecycle = Some(object.state());
                // What started runs: that it ended since is seen by whoever gets the turn next.
                let runs = hook == HookName::Start && result.is_ok();
                if object.ended().is_some() && !runs {
                    self.has_ended(entry);
                } else {
                    *course.busy = Some(object);
                }
                result.map_err(|failure| Trouble::from(failure).into())
            }
            End::NotMade(failure) => Err(Trouble::from(failure).into()),
            End::NotBegun(error) => {
                let message = format!("no thread can be made for the hook: {error}");
                Err(Trouble::new("io", message).into())
            }
            End::Killed(after) => {
                self.has_ended(entry);
                Err(not_in_time(after).into())
            }
            End::GivenUp(after) => Err(StepError::Failed(Trouble {
                gave_up: true,
                ..not_in_time(after)
            })),
        }
    }

    /// Runs a hook, and tells that it begins and how it ended.
    pub(super) fn call(&self, entry: &Entry, code: Code, call: Call, report: Report) -> End {
        let (hook, is_new) = (call.hook, !matches!(code, Code::Made(_)));
        let (name, step) = (entry.name.clone(), hook.to_string());
        tracing::debug!(package = name, hook = step, "hook begins");
        self.tell(&ManagerEvent::HookBegun { name, hook: step });
        let began = Instant::now();
        let end = hook::run(code, call, &self.patience(hook), report);
        entry.live().progress = None;
        if let End::Returned(object, _) = &end
            && is_new
        {
            let state = object.state();
            self.tell(&ManagerEvent::Loaded {
                name: entry.name.clone(),
                type_name: state.type_name,
                plugin: state.plugin_id,
            });
        }
        self.tell_ended(entry, hook, began.elapsed(), &end);
        end
    }

    /// The worker of a package is gone, and what it ran with it.
    fn has_ended(&self, entry: &Entry) {
        let mut live = entry.live();
        live.running_since = None;
        live.has_no_object();
    }

    /// Tells how a hook ended: who wants to know, and the log, in one line.
    fn tell_ended(&self, entry: &Entry, hook: HookName, took: Duration, end: &End) {
        let (outcome, why) = match end {
            End::Returned(_, Ok(())) => (HookOutcome::Done, None),
            End::Returned(_, Err(failure)) | End::NotMade(failure) => {
                (HookOutcome::Failed, Some(failure.message.clone()))
            }
            End::NotBegun(error) => (HookOutcome::Failed, Some(error.to_string())),
            End::GivenUp(_) | End::Killed(_) => (HookOutcome::GaveUp, None),
        };
        let (name, hook) = (entry.name.clone(), hook.to_string());
        let seconds = took.as_secs_f64();
        let error = why.map(bounded);
        tracing::info!(package = name, hook, seconds, ?outcome, error, "hook");
        self.tell(&ManagerEvent::HookEnded {
            name,
            hook,
            seconds,
            outcome,
        });
    }

    /// The package's code, to be made; `None` if it has none.
    fn code(&self, entry: &Entry) -> Result<Option<Code>, StepError> {
        let record = entry.record().clone();
        let folder = self.files().path(&record);
        let said = Said::read_of(&record.name, &folder, self.dirs())?;
        let Some(type_name) = code::type_of(&said, &folder).map_err(Trouble::from)? else {
            return Ok(None);
        };
        let worker = self.worker_for(&said).map_err(Trouble::from)?;
        #[cfg(not(unix))]
        let _ = worker;
        let data_dir = self.data_dir(&record.name);
        make_private(&data_dir).map_err(|source| ManagerError::Io {
            path: data_dir.clone(),
            source,
        })?;
        let json = |map: &_| serde_json::json!(map).to_string();
        let install_kwargs = said.kwargs(&record.given_kwargs);
        let context = Context {
            package_root: folder.clone(),
            install_kwargs: json(&install_kwargs),
            package_toml: json(&said.root),
            given: Arc::new(Given::new(install_kwargs, said.root)),
            others: Arc::new(Others::new(&record.name, self.inner())),
            #[cfg(unix)]
            processes: self.inner().processes.of(&record.name, &folder, &data_dir),
            #[cfg(feature = "git")]
            fetches: Arc::new(super::services::fetch::Fetches::new(data_dir.clone())),
            data_dir,
            store: self.inner().stores.store(&record.name).ok(),
        };
        let registry = self.registry(&folder);
        #[cfg(unix)]
        if let Some(worker) = worker {
            return self.isolated(entry, worker, &registry, &type_name, context);
        }
        Ok(Some(Code::ToMake(Box::new(move || {
            registry.refresh();
            let made = registry.lifecycle(&type_name, Box::new(context))?;
            Ok(Object::Here(made))
        }))))
    }

    /// What a package's code runs in; `None` for this process.
    fn worker_for(&self, said: &Said) -> Result<Option<&Worker>, NoCode> {
        let choice = said.toml.lifecycle.as_ref();
        let asks = choice.is_some_and(|it| it.isolation != Isolation::None);
        if !asks && !self.inner().isolate_all {
            return Ok(None);
        }
        match &self.inner().worker {
            Some(worker) if cfg!(unix) => Ok(Some(worker)),
            _ if asks => Err(NoCode::Isolation),
            _ => Err(NoCode::NoWorker),
        }
    }

    /// The package's code, to be made in a worker, which is started here. What is to be loaded is
    /// decided here, too.
    #[cfg(unix)]
    fn isolated(
        &self,
        entry: &Entry,
        worker: &Worker,
        registry: &Registry,
        type_name: &TypeName,
        context: Context,
    ) -> Result<Option<Code>, StepError> {
        registry.refresh();
        let chosen = registry.lifecycle_elsewhere(type_name);
        let (errand, candidate) = match chosen {
            Ok(chosen) => chosen,
            // As if it had been tried here.
            Err(error) => return Ok(Some(Code::ToMake(Box::new(move || Err(error.into()))))),
        };
        let state = LifecycleState {
            type_name: type_name.to_string(),
            plugin: candidate.path().to_path_buf(),
            plugin_id: candidate.manifest().id.clone(),
            plugin_version: candidate.manifest().version.clone(),
            isolated: true,
            pid: None,
        };
        let log = self.log_of(&entry.name);
        let spawned = Isolated::spawn(worker, &entry.name, state, context, log);
        let mut isolated = spawned.map_err(|error| {
            let program = worker.program().display();
            let why = format!("the worker process `{program}` cannot be started: {error}");
            Trouble::new("worker", why)
        })?;
        let (manager, name) = (self.weak(), entry.name.clone());
        isolated.watch(Box::new(move || Self::a_worker_ended(&manager, &name)));
        let memory = worker.memory_limit();
        Ok(Some(Code::ToMakeIn(
            isolated.killer(),
            Box::new(move || -> Result<Object, Failure> {
                isolated.make(errand, memory)?;
                Ok(Object::Isolated(isolated))
            }),
        )))
    }

    /// How long a hook is waited for.
    pub(super) fn patience(&self, hook: HookName) -> Patience {
        let deadlines = self.deadlines();
        let Inner {
            giving_up, hurry, ..
        } = &**self.inner();
        Patience {
            deadline: match hook {
                HookName::Prepare | HookName::Install | HookName::Upgrade => deadlines.prepare,
                HookName::Start => deadlines.start,
                HookName::Stop | HookName::Uninstall => deadlines.stop,
            },
            grace: deadlines.grace,
            // Stopping is what has to be done then.
            giving_up: match hook {
                HookName::Stop => Default::default(),
                _ => giving_up.clone(),
            },
            hurry: hurry.clone(),
        }
    }
}

fn not_in_time(after: Duration) -> Trouble {
    let seconds = after.as_secs_f64().round();
    Trouble::new(
        "hook-timeout",
        format!("hook did not return in {seconds} s"),
    )
}
