//! `keyway types`

use keyway::PackageLoader;
use keyway::plugin::{Catalog, TypeVerdict, Verdict};
use keyway_metadata::TypeKind;
use serde_json::json;

use crate::args::Types;
use crate::failure::Failure;
use crate::{Outcome, host, json as output, table};

/// One structure type and the plugin that gives it.
struct Row {
    type_name: String,
    plugin: String,
    version: String,
    root: Option<String>,
}

pub(crate) fn run(args: &Types, json: bool) -> Result<Outcome, Failure> {
    let registry = host::registry();
    let mut rows = rows(&registry.catalog());
    if args.roots {
        let loader = PackageLoader::new(registry);
        for row in &mut rows {
            match loader.load_package(&row.type_name) {
                Ok(package) => row.root = package.default_package_root().map(str::to_owned),
                Err(error) => tracing::warn!(r#type = row.type_name, %error, "no root"),
            }
        }
    }
    if json {
        let values = rows.iter().map(|row| {
            json!({
                "type": row.type_name,
                "plugin": row.plugin,
                "version": row.version,
                "default_package_root": row.root,
                "source": "plugin",
            })
        });
        output::print(&values.collect())?;
        return Ok(Outcome::Done);
    }
    let mut heads = vec!["TYPE", "PLUGIN", "VERSION"];
    if args.roots {
        heads.push("PACKAGES IN");
    }
    let cells = rows.into_iter().map(|row| {
        let mut cells = vec![row.type_name, row.plugin, row.version];
        if args.roots {
            cells.push(row.root.unwrap_or_else(|| "-".to_owned()));
        }
        cells
    });
    table::print(&heads, cells.collect())?;
    Ok(Outcome::Done)
}

/// The types that can be used, by name.
fn rows(catalog: &Catalog) -> Vec<Row> {
    let mut rows = Vec::new();
    for file in catalog.files() {
        let (Verdict::Usable(types), Some(manifest)) = (catalog.verdict(file), file.manifest())
        else {
            continue;
        };
        for (given, verdict) in types {
            if given.kind == TypeKind::Structure && verdict == TypeVerdict::Ok {
                rows.push(Row {
                    type_name: given.name.to_string(),
                    plugin: manifest.id.clone(),
                    version: manifest.version.clone(),
                    root: None,
                });
            }
        }
    }
    rows.sort_by(|left, right| left.type_name.cmp(&right.type_name));
    rows
}
