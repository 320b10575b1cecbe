//! Going on after the database was damaged.

use std::path::Path;

use super::error::ManagerError;
use super::files::Files;
use super::record::Record;
use super::records::{Records, set_aside};
use super::status::{InstalledFrom, LastError, Status};

/// Makes new records of all that is left. The caller holds the state folder.
pub(super) fn recover(state_dir: &Path, files: &Files) -> Result<Vec<String>, ManagerError> {
    let mut lines = Vec::new();
    let salvage = set_aside(state_dir).map_err(|source| ManagerError::Io {
        path: state_dir.to_path_buf(),
        source,
    })?;
    match &salvage.aside {
        Some(aside) => lines.push(format!("the old records lie in `{}`", aside.display())),
        None => lines.push("there were no records".to_owned()),
    }
    for (name, why) in &salvage.lost {
        lines.push(format!("not to be read: {name}: {why}"));
    }
    let mut records = Vec::new();
    for record in salvage.records {
        lines.push(format!("`{}`: its record was read", record.name));
        records.push(record);
    }
    for mut record in salvage.older {
        lines.push(format!(
            "`{}`: its record is that of {} s since 1970; what happened since is not known",
            record.name, record.changed
        ));
        // It may be done by now, and its files gone.
        record.pending.clear();
        record.doubt(
            "record-restored",
            "the records were damaged: this one is an older copy, and what happened since is not known",
        );
        records.push(record);
    }
    for name in files.managed()? {
        if records.iter().any(|record| record.name == name) {
            continue;
        }
        let mut record = Record::new(&name, InstalledFrom::Unknown, super::now());
        record.is_placed = files.path(&record).exists();
        record.was_prepared = record.is_placed;
        if !record.is_placed {
            lines.push(format!(
                "`{name}`: its record is lost, and where it lay is not known: add it again"
            ));
            continue;
        }
        lines.push(format!(
            "`{name}`: its record is lost; its files are there, its arguments are not"
        ));
        record.doubt(
            "record-lost",
            "its record was lost: with what arguments it was installed is not known",
        );
        records.push(record);
    }
    Records::replace(state_dir, &records)?;
    Ok(lines)
}

impl Record {
    fn doubt(&mut self, code: &str, message: &str) {
        self.status = Status::Error;
        self.last_error = Some(LastError {
            operation: "recover".to_owned(),
            hook: None,
            code: code.to_owned(),
            message: message.to_owned(),
            location: None,
            time: super::now(),
            interrupted: false,
        });
    }
}
