//! `keyway hash`

use std::path::Path;

use keyway::package::{HashAlgorithm, Package};
use serde_json::{Map, json};

use crate::args::{CONTENT, Hash};
use crate::failure::Failure;
use crate::table::Cell;
use crate::{Outcome, host, json as output, table};

pub(crate) fn run(args: &Hash, json: bool) -> Result<Outcome, Failure> {
    let package = open(args)?;
    let algorithm = HashAlgorithm::from_name(&args.algorithm);
    let hash = match algorithm {
        Some(algorithm) => package.cryptographic_hash(algorithm),
        // Nothing else is taken as an argument.
        None => package.content_digest(),
    };
    let hash = hash.map_err(|error| {
        let hint = error.hint();
        let hint = hint.map(|hint| format!("{hint}: `--algorithm {CONTENT}`"));
        Failure::from(error).hint(hint)
    })?;
    let path = package.path().unwrap_or(Path::new(""));
    if json {
        let mut object = Map::new();
        output::put_path(&mut object, "path", Some(path));
        object.insert("algorithm".into(), json!(args.algorithm));
        object.insert("hash".into(), json!(hash));
        output::print(&object.into())?;
        return Ok(Outcome::Done);
    }
    let row = [
        Cell::from(&args.algorithm),
        Cell::whole(hash),
        Cell::path(path),
    ];
    table::print(&["ALGORITHM", "HASH", "PATH"], vec![row])?;
    Ok(Outcome::Done)
}

fn open(args: &Hash) -> Result<Package, Failure> {
    let loader = host::loader_for_any(&args.packages)?;
    match host::look_at_any(&loader, &args.packages, &args.package)? {
        (package, None) => Ok(package),
        (_, Some(failure)) => Err(failure),
    }
}
