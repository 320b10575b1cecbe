//! Running the hooks of packages.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::code::{self, Context, Said};
use super::engine::{Course, StepError, Trouble};
use super::entry::Entry;
use super::error::ManagerError;
use super::events::{HookOutcome, ManagerEvent};
use super::hook::{self, Call, Code, End, Patience, Report};
use super::lock::make_private;
use super::manager::{Inner, PackageManager};
use super::object::Object;
use super::record::Step;
use super::request::HookProgress;
use crate::plugin::HookName;

impl PackageManager {
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
        self.tell(&ManagerEvent::HookBegun {
            name: entry.name.clone(),
            hook: hook.to_string(),
        });
        let began = Instant::now();
        let end = hook::run(code, call, &self.patience(hook), report);
        entry.live().progress = None;
        self.tell_ended(entry, hook, began.elapsed(), &end);
        match end {
            End::Returned(object, result) => {
                entry.live().lifecycle = Some(object.state());
                *course.busy = Some(object);
                result.map_err(|failure| Trouble::from(failure).into())
            }
            End::NotMade(failure) => Err(Trouble::from(failure).into()),
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

    /// Tells how a hook ended: who wants to know, and the log, in one line.
    fn tell_ended(&self, entry: &Entry, hook: HookName, took: Duration, end: &End) {
        let outcome = match end {
            End::Returned(_, Ok(())) => HookOutcome::Done,
            End::Returned(_, Err(_)) | End::NotMade(_) | End::NotBegun(_) => HookOutcome::Failed,
            End::GivenUp(_) => HookOutcome::GaveUp,
        };
        let (name, hook) = (entry.name.clone(), hook.to_string());
        let seconds = took.as_secs_f64();
        tracing::info!(package = name, hook, seconds, ?outcome, "hook");
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
        let json = |map| serde_json::Value::Object(map).to_string();
        let context = Context {
            package_root: folder.clone(),
            install_kwargs: json(said.kwargs(&record.given_kwargs)),
            package_toml: json(said.root),
            #[cfg(feature = "git")]
            fetches: Arc::new(super::services::fetch::Fetches::new(data_dir.clone())),
            data_dir,
            store: self.inner().stores.store(&record.name).ok(),
        };
        let registry = self.registry(&folder);
        Ok(Some(Code::ToMake(Box::new(move || {
            registry.refresh();
            let made = registry.lifecycle(&type_name, Box::new(context))?;
            Ok(Object::Here(made))
        }))))
    }

    /// How long a hook is waited for.
    pub(super) fn patience(&self, hook: HookName) -> Patience {
        let deadlines = self.deadlines();
        let Inner {
            giving_up, hurry, ..
        } = self.inner();
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
