//! Running the hooks of packages.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::code::{self, Context, Said, chain};
use super::engine::{Course, StepError, Trouble, bounded};
use super::entry::Entry;
use super::error::ManagerError;
use super::events::{HookOutcome, ManagerEvent};
use super::hook::{self, Call, Code, End, Patience, Report};
use super::lock::make_private;
use super::manager::{Inner, PackageManager};
use super::record::Step;
use super::request::HookProgress;
use super::services::config::Given;
use super::services::packages::Others;
use super::status::LifecycleState;
use crate::plugin::{HookName, Lifecycle, ResolveError};

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
            End::Returned(lifecycle, result) => {
                entry.live().lifecycle = Some(shown_lifecycle(&lifecycle));
                *course.busy = Some(lifecycle);
                result.map_err(|fault| {
                    let location = fault.location().map(|it| bounded(it.to_string()));
                    let trouble = Trouble::new(fault.code(), fault.to_string());
                    StepError::Failed(Trouble {
                        location,
                        ..trouble
                    })
                })
            }
            End::NotMade(error) => Err(Trouble::new(error.code(), why_not_made(&error)).into()),
            End::NotBegun(error) => {
                let message = format!("no thread can be made for the hook: {error}");
                Err(Trouble::new("io", message).into())
            }
            End::GivenUp(after) => {
                let seconds = after.as_secs_f64().round();
                let message = format!("hook did not return in {seconds} s");
                let trouble = Trouble::new("hook-timeout", message);
                Err(StepError::Failed(Trouble {
                    gave_up: true,
                    ..trouble
                }))
            }
        }
    }

    /// Runs a hook, and tells that it begins and how it ended.
    pub(super) fn call(&self, entry: &Entry, code: Code, call: Call, report: Report) -> End {
        let (hook, is_new) = (call.hook, matches!(code, Code::ToMake(_)));
        let (name, step) = (entry.name.clone(), hook.to_string());
        tracing::debug!(package = name, hook = step, "hook begins");
        self.tell(&ManagerEvent::HookBegun { name, hook: step });
        let began = Instant::now();
        let end = hook::run(code, call, &self.patience(hook), report);
        entry.live().progress = None;
        if let End::Returned(lifecycle, _) = &end
            && is_new
        {
            self.tell(&ManagerEvent::Loaded {
                name: entry.name.clone(),
                type_name: lifecycle.type_name().to_string(),
                plugin: lifecycle.plugin().manifest().id.clone(),
            });
        }
        self.tell_ended(entry, hook, began.elapsed(), &end);
        end
    }

    /// Tells how a hook ended: who wants to know, and the log, in one line.
    fn tell_ended(&self, entry: &Entry, hook: HookName, took: Duration, end: &End) {
        let (outcome, why) = match end {
            End::Returned(_, Ok(())) => (HookOutcome::Done, None),
            End::Returned(_, Err(fault)) => (HookOutcome::Failed, Some(fault.to_string())),
            End::NotMade(error) => (HookOutcome::Failed, Some(why_not_made(error))),
            End::NotBegun(error) => (HookOutcome::Failed, Some(error.to_string())),
            End::GivenUp(_) => (HookOutcome::GaveUp, None),
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
        Ok(Some(Code::ToMake(Box::new(move || {
            registry.refresh();
            registry.lifecycle(&type_name, Box::new(context))
        }))))
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

/// Why there is no object, also where its plugin is there and must not be loaded.
fn why_not_made(error: &ResolveError) -> String {
    let mut why = chain(error);
    if let ResolveError::Unknown { search, .. } = error {
        for (path, refusal) in &search.refused {
            why = format!("{why}; refused `{}`: {refusal}", path.display());
        }
    }
    why
}

fn shown_lifecycle(lifecycle: &Lifecycle) -> LifecycleState {
    let plugin = lifecycle.plugin();
    LifecycleState {
        type_name: lifecycle.type_name().to_string(),
        plugin: plugin.path().to_path_buf(),
        plugin_version: plugin.manifest().version.clone(),
    }
}
