//! `keyway remove`

use std::path::Path;

use serde_json::{Map, json};

use crate::args::Remove;
use crate::failure::Failure;
use crate::installer::{Change, warn};
use crate::{Outcome, json as output, table};

pub(crate) fn run(args: &Remove, json: bool) -> Result<Outcome, Failure> {
    let change = Change::new(&args.target)?;
    if args.target.dry_run {
        let removal = change.installer.plan_removal(&args.name);
        let removal = removal.map_err(|error| change.failure(error))?;
        let what = What {
            id: removal.id(),
            version: removal.version(),
            path: &removal.path(),
            warnings: &[],
        };
        return what.tell("would remove", true, json);
    }
    let removed = change.installer.uninstall(&args.name);
    let removed = removed.map_err(|error| change.failure(error))?;
    warn(&removed.warnings);
    let what = What {
        id: &removed.id,
        version: removed.version.as_deref(),
        path: &removed.path,
        warnings: &removed.warnings,
    };
    what.tell("removed", false, json)
}

/// What was removed, or would be.
struct What<'a> {
    id: &'a str,
    version: Option<&'a str>,
    path: &'a Path,
    warnings: &'a [String],
}

impl What<'_> {
    fn tell(&self, done: &str, dry_run: bool, json: bool) -> Result<Outcome, Failure> {
        let version = self.version.map(|version| format!(" {version}"));
        let version = version.unwrap_or_default();
        let (id, path) = (self.id, self.path.display());
        let text = format!("{done} `{id}`{version} from {path}");
        let told = if json {
            let mut object = Map::new();
            object.insert("action".into(), json!("remove"));
            object.insert("id".into(), json!(self.id));
            object.insert("version".into(), json!(self.version));
            output::put_path(&mut object, "path", Some(self.path));
            object.insert("warnings".into(), json!(self.warnings));
            if dry_run {
                object.insert("dry_run".into(), json!(true));
            }
            output::print(&object.into())
        } else {
            table::line(&table::printable(&text))
        };
        told.map_err(|error| match dry_run {
            true => error.into(),
            false => Failure::untold(&text, &error),
        })?;
        Ok(Outcome::Done)
    }
}
