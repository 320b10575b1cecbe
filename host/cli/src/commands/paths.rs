//! `keyway paths`

use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::table::Cell;
use crate::{Outcome, host, json as output, table};

pub(crate) fn run(json: bool) -> Result<Outcome, Failure> {
    let registry = host::registry();
    let folders = registry.search_path().folders().iter().map(|folder| {
        let state = match folder.skipped() {
            Some(why) => why.to_string(),
            None if folder.path().is_dir() => "searched".to_owned(),
            None => "not there".to_owned(),
        };
        (folder, state)
    });
    if json {
        let values = folders.map(|(folder, state)| {
            let mut object = Map::new();
            output::put_path(&mut object, "path", Some(folder.path()));
            object.insert("origin".into(), json!(folder.origin().to_string()));
            object.insert("used".into(), json!(folder.is_used()));
            object.insert("state".into(), json!(state));
            Value::from(object)
        });
        output::print(&values.collect())?;
        return Ok(Outcome::Done);
    }
    let rows = folders.map(|(folder, state)| {
        [
            Cell::path(folder.path()),
            Cell::from(folder.origin().to_string()),
            Cell::from(state),
        ]
    });
    table::print(&["FOLDER", "FROM", "STATE"], rows.collect())?;
    Ok(Outcome::Done)
}
