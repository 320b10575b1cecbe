//! `keyway show`

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use keyway::PackageLoader;
use keyway::install::{Installer, Receipt};
use keyway::package::{
    Definition, HashAlgorithm, KeyDefinition, Kind, Package, PackageError, PackageMetadata,
    Problem, Severity,
};
use serde_json::{Map, Value, json};

use crate::args::Show;
use crate::failure::Failure;
use crate::table::Cell;
use crate::{Outcome, date, host, json as output, table};

pub(crate) fn run(args: &Show, json: bool) -> Result<Outcome, Failure> {
    let loader = host::loader(&args.packages);
    let (package, error) = host::look_through(&loader, &args.packages, &args.package)?;
    match error {
        // A package that is not valid can be shown all the same.
        None | Some(PackageError::Invalid { .. }) => {}
        Some(error) => return Err(error.into()),
    }
    let shown = Shown::of(&package, &loader);
    if json {
        output::print(&shown.to_json(&package))?;
    } else {
        shown.print(&package)?;
    }
    Ok(if shown.valid {
        Outcome::Done
    } else {
        Outcome::No
    })
}

/// A package as it is shown, valid or not.
struct Shown<'a> {
    valid: bool,
    path: Option<&'a Path>,
    metadata: Option<&'a PackageMetadata>,
    problems: Vec<Problem>,
    keys: Vec<Key<'a>>,
    receipt: Option<Receipt>,
}

struct Key<'a> {
    key: &'a str,
    definition: &'a KeyDefinition,
    resolved: Option<PathBuf>,
    entries: Vec<OsString>,
}

impl<'a> Shown<'a> {
    fn of(package: &'a Package, loader: &PackageLoader) -> Self {
        let valid = package.is_valid();
        let problems = package.validate();
        match package.examination() {
            Some(it) => Self {
                valid,
                problems,
                receipt: receipt(loader, it.path()),
                path: Some(it.path()),
                metadata: it.metadata(),
                keys: keys(it.definition(), |key| {
                    (
                        it.file_path(key, "").map(Cow::into_owned),
                        it.entry_list(key),
                    )
                }),
            },
            None => Self {
                valid,
                problems,
                receipt: None,
                path: None,
                metadata: None,
                keys: keys(package.definition(), |_| (None, Vec::new())),
            },
        }
    }

    fn to_json(&self, package: &Package) -> Value {
        let mut object = Map::new();
        let id = self.metadata.and_then(PackageMetadata::id);
        object.insert("id".into(), json!(id));
        object.insert("type".into(), json!(package.type_name()));
        output::put_path(&mut object, "path", self.path);
        object.insert("valid".into(), json!(self.valid));
        let problems = self.problems.iter().map(|problem| {
            let mut object = Map::new();
            object.insert("severity".into(), json!(problem.severity().to_string()));
            object.insert("code".into(), json!(problem.code()));
            object.insert("key".into(), json!(problem.key()));
            object.insert("message".into(), json!(problem.message()));
            output::put_path(&mut object, "path", problem.path());
            Value::from(object)
        });
        object.insert("problems".into(), problems.collect());
        let metadata = self.metadata.map(|it| it.view().raw());
        object.insert("metadata".into(), json!(metadata));
        let keys = self.keys.iter().map(Key::to_json);
        object.insert("definitions".into(), keys.collect());
        let hash = package.cryptographic_hash(HashAlgorithm::Sha1).ok();
        let hash = hash.map(|hash| json!({HashAlgorithm::Sha1.name(): hash}));
        object.insert("hash".into(), json!(hash));
        let receipt = self.receipt.as_ref().map(|receipt| {
            json!({
                "id": receipt.id,
                "source": receipt.source,
                "installed": receipt.installed,
                "keyway": receipt.keyway,
                "digest": receipt.digest,
            })
        });
        object.insert("receipt".into(), json!(receipt));
        object.into()
    }

    fn print(&self, package: &Package) -> Result<(), Failure> {
        let view = self.metadata.map(PackageMetadata::view);
        let text = |text: Option<&str>| text.unwrap_or("-").to_owned();
        let path = self.path.map(|path| path.display().to_string());
        let rows = [
            ("id", text(self.metadata.and_then(PackageMetadata::id))),
            ("name", text(view.and_then(|it| it.name()))),
            ("description", text(view.and_then(|it| it.description()))),
            ("version", text(view.and_then(|it| it.version()))),
            ("type", package.type_name().to_string()),
            ("path", text(path.as_deref())),
            ("valid", if self.valid { "yes" } else { "no" }.to_owned()),
        ];
        for (name, value) in rows {
            table::line(&format!("{name:13}{}", table::printable(&value)))?;
        }
        if let Some(receipt) = &self.receipt {
            let from = table::printable(&receipt.source.path);
            let when = date::utc(receipt.installed);
            table::line(&format!("{:13}from {from}, {when}", "installed"))?;
        }
        for problem in &self.problems {
            let mark = match problem.severity() {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            let message = table::printable(problem.message());
            table::line(&format!("{mark:13}{message}"))?;
        }
        table::line("")?;
        let rows = self.keys.iter().map(Key::to_row).collect();
        table::print(&["KEY", "KIND", "NAME", "RESOLVES TO", "FILES"], rows)?;
        Ok(())
    }
}

/// What was written down when the package at `path` was installed.
fn receipt(loader: &PackageLoader, path: &Path) -> Option<Receipt> {
    let id = path.file_name()?.to_str()?;
    let installer = Installer::new(loader.clone()).package_root(path.parent());
    installer.receipt(id).ok().flatten()
}

fn keys<'a>(
    definition: &'a Definition,
    look: impl Fn(&str) -> (Option<PathBuf>, Vec<OsString>),
) -> Vec<Key<'a>> {
    definition
        .keys()
        .map(|(key, definition)| {
            let (resolved, entries) = look(key);
            Key {
                key,
                definition,
                resolved,
                entries: match definition.kind() {
                    Kind::Directory => entries,
                    Kind::File => Vec::new(),
                },
            }
        })
        .collect()
}

impl Key<'_> {
    fn kind(&self) -> &'static str {
        match self.definition.kind() {
            Kind::Directory => "directory",
            Kind::File => "file",
        }
    }

    fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("key".into(), json!(self.key));
        object.insert("name".into(), json!(self.definition.name()));
        object.insert("kind".into(), json!(self.kind()));
        object.insert("required".into(), json!(self.definition.is_required()));
        object.insert("paths".into(), json!(self.definition.paths()));
        object.insert("mime_types".into(), json!(self.definition.mime_types()));
        output::put_path(&mut object, "resolved", self.resolved.as_deref());
        output::put_names(&mut object, "entries", &self.entries);
        object.into()
    }

    fn to_row(&self) -> [Cell<'_>; 5] {
        let required = if self.definition.is_required() {
            ", required"
        } else {
            ""
        };
        [
            Cell::from(self.key),
            Cell::from(format!("{}{required}", self.kind())),
            Cell::from(self.definition.name()),
            self.resolved
                .as_deref()
                .map_or_else(|| Cell::from("-"), Cell::path),
            Cell::from(match self.definition.kind() {
                Kind::Directory => self.entries.len().to_string(),
                Kind::File => String::new(),
            }),
        ]
    }
}
