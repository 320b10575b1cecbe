//! `keyway quarantine`

use keyway::plugin::Quarantined;
use serde_json::{Value, json};

use crate::args::{Quarantine, QuarantineAction};
use crate::failure::Failure;
use crate::table::Cell;
use crate::{Outcome, host, json as output, table};

pub(crate) fn run(args: &Quarantine, json: bool) -> Result<Outcome, Failure> {
    let registry = host::registry();
    // Looking at the plugins turns marks that were left into quarantine.
    let _ = registry.catalog();
    let quarantine = registry.quarantine();
    match &args.action {
        None => show(&quarantine.list(), json),
        Some(QuarantineAction::Clear { plugin }) => {
            let cleared = quarantine.clear(plugin.as_deref())?;
            if let (true, Some(plugin)) = (cleared.is_empty(), plugin) {
                let message = format!("the plugin `{plugin}` is not in quarantine");
                return Err(Failure::new("not-quarantined", message));
            }
            show(&cleared, json)
        }
    }
}

fn show(list: &[Quarantined], json: bool) -> Result<Outcome, Failure> {
    if json {
        let values = list.iter().map(|one| {
            json!({
                "id": one.id,
                "path": one.path,
                "during": one.during,
                "process": one.process,
            })
        });
        output::print(&values.collect::<Value>())?;
        return Ok(Outcome::Done);
    }
    let rows = list.iter().map(|one| {
        let why = format!("ended process {} during {}", one.process, one.during);
        [Cell::from(&one.id), Cell::whole(&one.path), Cell::from(why)]
    });
    table::print(&["PLUGIN", "FILE", "WHY"], rows.collect())?;
    Ok(Outcome::Done)
}
