//! `keyway types`

use keyway::PackageLoader;
use keyway::plugin::TypeKind;
use keyway::plugin::{Catalog, TypeVerdict, Verdict};
use serde_json::json;

use crate::args::Types;
use crate::failure::Failure;
use crate::table::Cell;
use crate::{Outcome, host, json as output, table};

/// One structure type and the plugin that gives it.
pub(super) struct Row {
    pub(super) type_name: String,
    plugin: String,
    version: String,
    root: Option<String>,
}

impl Row {
    fn cells(&self) -> [Cell<'_>; 3] {
        [&self.type_name, &self.plugin, &self.version].map(Cell::from)
    }
}

pub(crate) fn run(args: &Types, json: bool) -> Result<Outcome, Failure> {
    let registry = host::registry();
    let mut rows = rows(&registry.catalog());
    if args.roots {
        let loader = PackageLoader::new(registry.clone());
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
    if rows.is_empty() {
        host::say_searched(&registry, "no plugin gives a package type");
    }
    if args.roots {
        let rows = rows.iter().map(|row| {
            let [type_name, plugin, version] = row.cells();
            let root = Cell::whole(row.root.as_deref().unwrap_or("-"));
            [type_name, plugin, version, root]
        });
        table::print(
            &["TYPE", "PLUGIN", "VERSION", "PACKAGES IN"],
            rows.collect(),
        )?;
    } else {
        table::print(
            &["TYPE", "PLUGIN", "VERSION"],
            rows.iter().map(Row::cells).collect(),
        )?;
    }
    Ok(Outcome::Done)
}

/// The types that can be used, by name.
pub(super) fn rows(catalog: &Catalog) -> Vec<Row> {
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
