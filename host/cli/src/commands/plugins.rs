//! `keyway plugins`

use std::path::{Path, PathBuf};

use keyway::Registry;
use keyway::plugin::{Catalog, Found, TypeVerdict, Verdict, install_plugin, remove_plugin};
use keyway::plugin::{system_plugins, user_plugins};
use serde_json::{Map, Value, json};

use crate::args::{Plugins, PluginsAction};
use crate::failure::Failure;
use crate::table::Cell;
use crate::{Outcome, host, json as output, table};

pub(crate) fn run(args: &Plugins, json: bool) -> Result<Outcome, Failure> {
    match &args.action {
        Some(PluginsAction::Install { file, global }) => return install(file, *global, json),
        Some(PluginsAction::Remove { id, global }) => return remove(id, *global, json),
        None => {}
    }
    let registry = host::registry();
    let catalog = registry.catalog();
    let files: Vec<(&Found, Shown)> = catalog
        .files()
        .map(|file| (file, Shown::of(&registry, &catalog, file)))
        .filter(|(_, shown)| args.all || shown.status != "ignored")
        .collect();
    if json {
        let values = files.iter().map(|(file, shown)| shown.to_json(file));
        output::print(&values.collect())?;
        return Ok(Outcome::Done);
    }
    if files.is_empty() {
        host::say_searched(&registry, "there are no plugins");
    }
    let rows = files.iter().map(|(file, shown)| {
        let manifest = file.manifest();
        [
            Cell::from(shown.status),
            Cell::from(manifest.map_or("-", |it| &it.id)),
            Cell::from(manifest.map_or("-", |it| &it.version)),
            Cell::path(file.path()),
            shown.remark(),
        ]
    });
    let heads = ["STATUS", "PLUGIN", "VERSION", "FILE", "TYPES OR REASON"];
    table::print(&heads, rows.collect())?;
    Ok(Outcome::Done)
}

/// The folder that plugins are installed into.
fn folder(global: bool) -> Result<PathBuf, Failure> {
    let folder = if global {
        system_plugins().into_iter().next()
    } else {
        user_plugins()
    };
    folder.ok_or_else(|| Failure::new("no-folder", "there is no folder to install plugins into"))
}

fn install(file: &Path, global: bool, json: bool) -> Result<Outcome, Failure> {
    let installed = install_plugin(file, &folder(global)?)?;
    if json {
        let mut object = Map::new();
        output::put_path(&mut object, "path", Some(&installed));
        output::print(&object.into())?;
    } else {
        table::line(&format!(
            "installed {}",
            table::printable(&installed.display().to_string())
        ))?;
    }
    Ok(Outcome::Done)
}

fn remove(id: &str, global: bool, json: bool) -> Result<Outcome, Failure> {
    let removed = remove_plugin(id, &folder(global)?)?;
    if json {
        let values = removed.iter().map(|path| {
            let mut object = Map::new();
            output::put_path(&mut object, "path", Some(path));
            Value::from(object)
        });
        output::print(&values.collect())?;
    } else {
        for path in removed {
            table::line(&format!(
                "removed {}",
                table::printable(&path.display().to_string())
            ))?;
        }
    }
    Ok(Outcome::Done)
}

/// A verdict in the words of the output.
struct Shown {
    status: &'static str,
    reason: Option<(String, String)>,
    types: Vec<TypeRow>,
}

struct TypeRow {
    name: String,
    kind: String,
    status: &'static str,
    by: Option<String>,
}

impl TypeRow {
    /// The name, and in parentheses what is not as usual.
    fn remark(&self) -> String {
        let kind = (self.kind != "structure").then_some(self.kind.as_str());
        let status = (self.status != "ok").then_some(self.status);
        let marks: Vec<&str> = kind.into_iter().chain(status).collect();
        match marks.as_slice() {
            [] => self.name.clone(),
            marks => format!("{} ({})", self.name, marks.join(", ")),
        }
    }
}

impl Shown {
    fn of(registry: &Registry, catalog: &Catalog, file: &Found) -> Self {
        // What loading found out is shown from then on.
        if let Some(remembered) = registry.remembered(file) {
            return Self {
                status: "refused",
                reason: Some((remembered.code, remembered.message)),
                types: refused_types(file),
            };
        }
        match catalog.verdict(file) {
            Verdict::Ignored(why) => Self {
                status: "ignored",
                reason: Some((why.code().to_owned(), why.to_string())),
                types: Vec::new(),
            },
            Verdict::Refused(why) => {
                let mut message = why.to_string();
                if let Some(cause) = std::error::Error::source(&*why) {
                    message.push_str(": ");
                    message.push_str(&cause.to_string());
                }
                Self {
                    status: match why.code() {
                        "quarantined" => "quarantined",
                        _ => "refused",
                    },
                    reason: Some((why.code().to_owned(), message)),
                    types: refused_types(file),
                }
            }
            Verdict::Usable(types) => Self::usable(types),
        }
    }

    /// A file is ok if one of its types is; else what is wrong with the first is wrong with it.
    fn usable(types: Vec<(keyway::plugin::GivenType, TypeVerdict)>) -> Self {
        let rows: Vec<TypeRow> = types
            .into_iter()
            .map(|(given, verdict)| {
                let (status, by) = match verdict {
                    TypeVerdict::Ok => ("ok", None),
                    TypeVerdict::Shadowed { by } => ("shadowed", Some(by)),
                    TypeVerdict::Conflict { with } => ("conflict", Some(with)),
                };
                TypeRow {
                    name: given.name.to_string(),
                    kind: given.kind.to_string(),
                    status,
                    by: by.map(|path| path.display().to_string()),
                }
            })
            .collect();
        let worst = rows
            .iter()
            .find(|row| row.status == "conflict")
            .or(rows.first());
        let (status, reason) = match worst {
            Some(row) if rows.iter().all(|row| row.status != "ok") => {
                let by = row.by.clone().unwrap_or_default();
                let message = match row.status {
                    "conflict" => format!("`{by}` gives `{}` too, under another id", row.name),
                    _ => format!("`{by}` gives `{}` instead", row.name),
                };
                (row.status, Some((row.status.to_owned(), message)))
            }
            _ => ("ok", None),
        };
        Self {
            status,
            reason,
            types: rows,
        }
    }

    /// The reason, which names files, or the types.
    fn remark(&self) -> Cell<'static> {
        if let Some((code, message)) = &self.reason {
            return Cell::whole(format!("{code}: {message}"));
        }
        let types: Vec<String> = self.types.iter().map(TypeRow::remark).collect();
        types.join(", ").into()
    }

    fn to_json(&self, file: &Found) -> Value {
        let mut object = Map::new();
        output::put_path(&mut object, "path", Some(file.path()));
        let manifest = file.manifest();
        object.insert("id".into(), json!(manifest.map(|it| &it.id)));
        object.insert("version".into(), json!(manifest.map(|it| &it.version)));
        object.insert("status".into(), self.status.into());
        let reason = self.reason.as_ref();
        let reason = reason.map(|(code, message)| json!({"code": code, "message": message}));
        object.insert("reason".into(), reason.into());
        let types = self.types.iter().map(
            |row| json!({"type": row.name, "kind": row.kind, "status": row.status, "by": row.by}),
        );
        object.insert("types".into(), types.collect());
        let manifest = manifest.map(|it| serde_json::to_value(&**it).unwrap_or_default());
        object.insert("manifest".into(), manifest.into());
        object.into()
    }
}

/// The types that a refused plugin names.
fn refused_types(file: &Found) -> Vec<TypeRow> {
    let types = file.manifest().map(|manifest| manifest.types.as_slice());
    let rows = types.unwrap_or_default().iter().map(|given| TypeRow {
        name: given.name.to_string(),
        kind: given.kind.to_string(),
        status: "refused",
        by: None,
    });
    rows.collect()
}
