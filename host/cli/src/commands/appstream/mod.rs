//! `keyway appstream`

mod component;
mod license;
mod xml;

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use keyway::Registry;
use keyway::package::{Package, PackageMetadata};
use serde_json::{Map, json};

use crate::args::AppStream;
use crate::failure::Failure;
use crate::{Outcome, host, json as output, table};

pub(crate) use component::Missing;

pub(crate) fn run(args: &AppStream, json: bool) -> Result<Outcome, Failure> {
    let loader = host::loader_for_any(&args.packages)?;
    let (package, error) = host::look_at_any(&loader, &args.packages, &args.package)?;
    // A package that is not valid can have a component all the same.
    let metadata = metadata(&package).map_err(|failure| error.unwrap_or(failure))?;
    let type_name = args.packages.type_name.as_deref();
    let document = component::component(metadata, type_name, loader.registry())?;
    if let (Some(document), Some(file)) = (&document, &args.output) {
        write(document, file)?;
    }
    if json {
        let mut object = Map::new();
        let path = package.examination().map(|it| it.path());
        output::put_path(&mut object, "path", path);
        object.insert("metainfo".into(), json!(document));
        output::put_path(&mut object, "output", args.output.as_deref());
        output::print(&object.into())?;
        return Ok(Outcome::Done);
    }
    match document {
        Some(document) if args.output.is_none() => print(&document)?,
        Some(_) => {}
        None => {
            let id = table::printable(metadata.id().unwrap_or_default());
            let line = format!("`{id}` has no component: its metadata say `NoDisplay`");
            let _ = writeln!(anstream::stderr(), "{line}");
        }
    }
    Ok(Outcome::Done)
}

/// The metadata of a package, which need not be valid.
pub(crate) fn metadata(package: &Package) -> Result<&PackageMetadata, Failure> {
    let found = package.examination().and_then(|it| it.metadata());
    found.ok_or_else(|| {
        let problems = package.validate();
        let problem = problems.iter().find(|it| it.code().starts_with("metadata"));
        match problem {
            Some(problem) => Failure::new(problem.code(), problem.message()),
            None => Failure::new("metadata-missing", "the package has no metadata"),
        }
    })
}

/// The component of a package, as `keyway appstream` gives it.
pub(crate) fn component(
    metadata: &PackageMetadata,
    registry: &Registry,
) -> Result<Option<String>, Missing> {
    component::component(metadata, None, registry)
}

/// Prints a document: as it is, or with references where a terminal would obey.
pub(crate) fn print(document: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if out.is_terminal() {
        out.write_all(xml::for_terminal(document).as_bytes())
    } else {
        out.write_all(document.as_bytes())
    }
}

/// Writes a document into a file.
pub(crate) fn write(document: &str, file: &Path) -> Result<(), Failure> {
    fs::write(file, document).map_err(|error| {
        let message = format!("`{}` cannot be written: {error}", file.display());
        Failure::new("output", message)
    })
}
