//! `keyway plugins`

use keyway::plugin::{Catalog, Found, TypeVerdict, Verdict};
use serde_json::{Map, Value, json};

use crate::args::Plugins;
use crate::failure::Failure;
use crate::{Outcome, host, json as output, table};

pub(crate) fn run(args: &Plugins, json: bool) -> Result<Outcome, Failure> {
    let catalog = host::registry().catalog();
    let files: Vec<(&Found, Shown)> = catalog
        .files()
        .iter()
        .map(|file| (file, Shown::of(&catalog, file)))
        .filter(|(_, shown)| args.all || shown.status != "ignored")
        .collect();
    if json {
        let values = files.iter().map(|(file, shown)| shown.to_json(file));
        output::print(&values.collect())?;
        return Ok(Outcome::Done);
    }
    let rows = files.into_iter().map(|(file, shown)| {
        let manifest = file.manifest();
        vec![
            shown.status.to_owned(),
            manifest.map_or_else(|| "-".to_owned(), |it| it.id.clone()),
            manifest.map_or_else(|| "-".to_owned(), |it| it.version.clone()),
            file.path().display().to_string(),
            shown.remark(),
        ]
    });
    let heads = ["STATUS", "PLUGIN", "VERSION", "FILE", "TYPES OR REASON"];
    table::print(&heads, rows.collect())?;
    Ok(Outcome::Done)
}

/// A verdict in the words of the output.
struct Shown {
    status: &'static str,
    reason: Option<(&'static str, String)>,
    types: Vec<TypeRow>,
}

struct TypeRow {
    name: String,
    kind: String,
    status: &'static str,
    by: Option<String>,
}

impl Shown {
    fn of(catalog: &Catalog, file: &Found) -> Self {
        match catalog.verdict(file) {
            Verdict::Ignored(why) => Self {
                status: "ignored",
                reason: Some((why.code(), why.to_string())),
                types: Vec::new(),
            },
            Verdict::Refused(why) => {
                let mut message = why.to_string();
                if let Some(cause) = std::error::Error::source(&*why) {
                    message.push_str(": ");
                    message.push_str(&cause.to_string());
                }
                Self {
                    status: "refused",
                    reason: Some((why.code(), message)),
                    types: refused_types(file),
                }
            }
            Verdict::Usable(types) => Self::usable(types),
        }
    }

    /// A file is ok if one of its types is; else what is wrong with the first is wrong with it.
    fn usable(types: Vec<(keyway_metadata::GivenType, TypeVerdict)>) -> Self {
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
                (row.status, Some((row.status, message)))
            }
            _ => ("ok", None),
        };
        Self {
            status,
            reason,
            types: rows,
        }
    }

    fn remark(&self) -> String {
        if let Some((code, message)) = &self.reason {
            return format!("{code}: {message}");
        }
        let types = self.types.iter().map(|row| match row.status {
            "ok" => row.name.clone(),
            status => format!("{} ({status})", row.name),
        });
        types.collect::<Vec<_>>().join(", ")
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
