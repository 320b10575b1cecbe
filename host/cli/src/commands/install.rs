//! `keyway install` and `keyway upgrade`

use std::path::Path;

use keyway::install::{Action, InstallError, Installed, Operation, Plan};
use serde_json::{Map, Value, json};

use crate::args::{Install, Upgrade};
use crate::failure::Failure;
use crate::installer::{Change, refusal, warn};
use crate::{Outcome, json as output, table};

pub(crate) fn install(args: &Install, json: bool) -> Result<Outcome, Failure> {
    run(Operation::Install, args, false, json)
}

pub(crate) fn upgrade(args: &Upgrade, json: bool) -> Result<Outcome, Failure> {
    run(Operation::Upgrade, &args.install, args.force, json)
}

fn run(operation: Operation, args: &Install, force: bool, json: bool) -> Result<Outcome, Failure> {
    let mut change = Change::new(&args.target)?;
    change.installer = change
        .installer
        .allow_handlers(args.allow_handlers)
        .force(force);
    let plan = change.installer.plan(operation, &args.path);
    let plan = plan.map_err(|error| change.failure(error))?;
    if args.target.dry_run {
        return rehearse(&change, &plan, json);
    }
    let installed = plan.stage().and_then(|staged| staged.commit());
    let installed = installed.map_err(|error| change.failure(error))?;
    change.line.clear();
    warn(&installed.warnings);
    let what = What::of(&installed);
    let done = what.said(None);
    let told = if json {
        let mut object = what.to_json();
        object.insert("warnings".into(), json!(installed.warnings));
        output::print(&object.into())
    } else {
        table::line(&table::printable(&done))
    };
    told.map_err(|error| Failure::untold(&done, &error))?;
    Ok(Outcome::Done)
}

/// Says what would happen, and every reason why not.
fn rehearse(change: &Change<'_>, plan: &Plan, json: bool) -> Result<Outcome, Failure> {
    let mut reasons: Vec<Failure> = plan.refusals().iter().map(refusal).collect();
    if reasons.is_empty() {
        match plan.rehearse() {
            Ok(()) => {}
            Err(error @ InstallError::Cancelled) => return Err(change.failure(error)),
            Err(error) => reasons.push(change.failure(error)),
        }
    }
    change.line.clear();
    let handlers: Vec<&str> = plan.handled().collect();
    let target = plan.target();
    let what = What {
        // What is in the way of an installation is not upgraded by it.
        action: match plan.operation() {
            Operation::Install => &Action::Install,
            Operation::Upgrade => plan.action(),
        },
        id: plan.id(),
        type_name: plan.type_name().as_str(),
        version: plan.version(),
        path: target.as_deref(),
    };
    if json {
        let mut object = what.to_json();
        object.insert("warnings".into(), json!([]));
        object.insert("dry_run".into(), json!(true));
        let refusals = reasons.iter().map(Failure::parts);
        object.insert("refusals".into(), refusals.collect());
        object.insert("handlers".into(), json!(handlers));
        output::print(&object.into())?;
    } else {
        let would = match reasons[..] {
            [] => "would",
            _ => "would not",
        };
        table::line(&table::printable(&what.said(Some(would))))?;
        for reason in &reasons {
            table::line(&format!("  {}", table::printable(&reason.in_one_line())))?;
            if let Some(hint) = reason.what_to_do() {
                table::line(&format!("    hint: {}", table::printable(hint)))?;
            }
        }
        for url in handlers {
            let url = table::printable(url);
            table::line(&format!("  a handler would see to `{url}`"))?;
        }
    }
    Ok(match reasons[..] {
        [] => Outcome::Done,
        _ => Outcome::No,
    })
}

/// What happened, or would.
struct What<'a> {
    action: &'a Action,
    id: Option<&'a str>,
    type_name: &'a str,
    version: Option<&'a str>,
    path: Option<&'a Path>,
}

impl<'a> What<'a> {
    fn of(installed: &'a Installed) -> Self {
        Self {
            action: &installed.action,
            id: Some(&installed.receipt.id),
            type_name: &installed.receipt.type_name,
            version: installed.receipt.version.as_deref(),
            path: Some(&installed.path),
        }
    }

    fn to_json(&self) -> Map<String, Value> {
        let (action, from) = match self.action {
            Action::Upgrade { from } => ("upgrade", from.as_deref()),
            _ => ("install", None),
        };
        let mut object = Map::new();
        object.insert("action".into(), json!(action));
        object.insert("id".into(), json!(self.id));
        object.insert("type".into(), json!(self.type_name));
        object.insert("version".into(), json!(self.version));
        object.insert("from".into(), json!(from));
        output::put_path(&mut object, "path", self.path);
        object
    }

    /// One line for people: what was done, or after `would` what is not.
    fn said(&self, would: Option<&str>) -> String {
        let did = |done: &str, to_do: &str| match would {
            None => done.to_owned(),
            Some(would) => format!("{would} {to_do}"),
        };
        let id = match self.id {
            Some(id) => format!("`{id}`"),
            None => "a package without id".to_owned(),
        };
        let place = self.path.map(|path| format!(" in {}", path.display()));
        let place = place.unwrap_or_default();
        match self.action {
            Action::Upgrade { from } => {
                let version = |version: Option<&str>| version.unwrap_or("no version").to_owned();
                let (from, to) = (version(from.as_deref()), version(self.version));
                format!(
                    "{} {id} from {from} to {to}{place}",
                    did("upgraded", "upgrade")
                )
            }
            _ => {
                let version = self.version.map(|version| format!(" {version}"));
                let version = version.unwrap_or_default();
                let type_name = self.type_name;
                format!(
                    "{} {id}{version} ({type_name}){place}",
                    did("installed", "install")
                )
            }
        }
    }
}
