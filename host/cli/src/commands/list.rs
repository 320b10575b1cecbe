//! `keyway list`

use keyway::package::{ListedPackage, LoadError};
use keyway::{PackageLoader, package::Listing};
use serde_json::{Map, Value, json};

use crate::args::{List, Packages};
use crate::failure::Failure;
use crate::progress::Line;
use crate::table::Cell;
use crate::{Outcome, host, json as output, locale, table};

pub(crate) fn run(args: &List, json: bool) -> Result<Outcome, Failure> {
    print(&args.packages, json, |listing| listing.packages())?;
    Ok(Outcome::Done)
}

/// Prints the packages that `take` takes of the listing, and gives how many there are.
pub(super) fn print(
    packages: &Packages,
    json: bool,
    take: impl FnOnce(Listing<'_>) -> Result<Vec<ListedPackage>, LoadError>,
) -> Result<usize, Failure> {
    let loader = host::loader(packages);
    let listed = listed(&loader, packages, take)?;
    if json {
        output::print(&listed.iter().map(to_json).collect())?;
        return Ok(listed.len());
    }
    let locale = locale::messages();
    let rows = listed.iter().map(|package| {
        [
            Cell::from(package.id()),
            Cell::from(package.name_in(locale)),
            Cell::from(package.version()),
            Cell::from(if package.is_valid() { "yes" } else { "no" }),
            Cell::path(package.path()),
        ]
    });
    let heads = ["ID", "NAME", "VERSION", "VALID", "PATH"];
    table::print(&heads, rows.collect())?;
    let count = listed.len();
    // The process ends now, and letting go of thousands of packages one by one takes its time.
    std::mem::forget(listed);
    Ok(count)
}

fn listed(
    loader: &PackageLoader,
    packages: &Packages,
    take: impl FnOnce(Listing<'_>) -> Result<Vec<ListedPackage>, LoadError>,
) -> Result<Vec<ListedPackage>, Failure> {
    let line = Line::new();
    let listing = loader
        .listing(&packages.type_name)
        .package_root(packages.package_root.as_deref())
        .with_validity()
        .on_progress(|progress| line.listing(progress));
    take(listing).map_err(|error| host::no_type(loader, error))
}

fn to_json(package: &ListedPackage) -> Value {
    let mut object = Map::new();
    object.insert("id".into(), json!(package.id()));
    object.insert("name".into(), json!(package.name()));
    object.insert("version".into(), json!(package.version()));
    object.insert("type".into(), json!(package.type_name()));
    output::put_path(&mut object, "path", Some(package.path()));
    object.insert("valid".into(), json!(package.is_valid()));
    object.insert("untyped".into(), json!(package.is_untyped()));
    object.into()
}
