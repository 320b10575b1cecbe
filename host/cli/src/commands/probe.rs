//! `keyway probe`

use std::time::Duration;

use keyway::plugin::{Probe as Trial, probe_here};
use serde_json::json;

use crate::args::Probe;
use crate::failure::Failure;
use crate::{Outcome, json as output, table};

pub(crate) fn run(args: &Probe, json: bool) -> Result<Outcome, Failure> {
    if args.here {
        let outcome = probe_here(&args.file);
        let failed = outcome.error.is_some();
        output::print(&json!(outcome))?;
        return Ok(if failed { Outcome::No } else { Outcome::Done });
    }
    let trial = Trial::new(std::env::current_exe()?)
        .arg("probe")
        .arg("--here")
        .deadline(Duration::from_secs(u64::from(args.deadline)));
    let outcome = trial.run(&args.file)?;
    if json {
        output::print(&json!(outcome))?;
    } else {
        for name in &outcome.types {
            table::line(&format!("ok {}", table::printable(name)))?;
        }
    }
    Ok(Outcome::Done)
}
