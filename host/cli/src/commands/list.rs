//! `keyway list`

use keyway::package::ListedPackage;
use serde_json::{Map, Value, json};

use crate::args::List;
use crate::failure::Failure;
use crate::table::Cell;
use crate::{Outcome, host, json as output, table};

pub(crate) fn run(args: &List, json: bool) -> Result<Outcome, Failure> {
    let packages = &args.packages;
    let loader = host::loader(packages);
    let listed = loader
        .list_packages(&packages.type_name, packages.package_root.as_deref())
        .map_err(|error| host::no_type(&loader, error))?;
    if json {
        output::print(&listed.iter().map(to_json).collect())?;
        return Ok(Outcome::Done);
    }
    let rows = listed.into_iter().map(|package| {
        let valid = if package.valid { "yes" } else { "no" };
        [
            Cell::from(package.id),
            Cell::from(package.name),
            Cell::from(package.version),
            Cell::from(valid),
            Cell::path(&package.path),
        ]
    });
    let heads = ["ID", "NAME", "VERSION", "VALID", "PATH"];
    table::print(&heads, rows.collect())?;
    Ok(Outcome::Done)
}

fn to_json(package: &ListedPackage) -> Value {
    let mut object = Map::new();
    object.insert("id".into(), json!(package.id));
    object.insert("name".into(), json!(package.name));
    object.insert("version".into(), json!(package.version));
    object.insert("type".into(), json!(package.type_name));
    output::put_path(&mut object, "path", Some(&package.path));
    object.insert("valid".into(), json!(package.valid));
    object.insert("untyped".into(), json!(package.untyped));
    object.into()
}
