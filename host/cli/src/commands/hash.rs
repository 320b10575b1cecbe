//! `keyway hash`

use std::path::Path;

use keyway::package::{HashAlgorithm, Package, PackageError};
use keyway::structure::{DescribedPackage, Error, PackageStructure};
use serde_json::{Map, json};

use crate::args::{CONTENT, Hash, Packages};
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

/// The type of packages of which no type was named.
const PLAIN: &str = "Keyway/Plain";

/// Says nothing about its packages, as KPackage's own structure does that kpackagetool takes.
struct Plain;

impl PackageStructure for Plain {
    fn init_package(&self, _: &mut DescribedPackage<'_>) -> Result<(), Error> {
        Ok(())
    }
}

fn open(args: &Hash) -> Result<Package, Failure> {
    let type_name = args.type_name.as_deref().unwrap_or(PLAIN);
    let packages = Packages {
        type_name: type_name.to_owned(),
        package_root: args.package_root.clone(),
        global: args.global,
    };
    let loader = host::loader(&packages);
    if args.type_name.is_none() {
        loader.add_known_package_structure(PLAIN, Plain)?;
    }
    let (package, error) = host::look_through(&loader, &packages, &args.package)?;
    let Some(error) = error else {
        return Ok(package);
    };
    let has_no_root = args.type_name.is_none() && args.package_root.is_none();
    let is_name = matches!(&error, PackageError::NotFound { asked, .. } if asked.is_relative());
    let failure = Failure::from(error);
    if has_no_root && is_name {
        let hint = "with `-t TYPE` a name is looked for where packages of the type lie";
        return Err(failure.hint(Some(hint)));
    }
    Err(failure)
}
