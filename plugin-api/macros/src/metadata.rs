//! The metadata file of a plugin, and whether it agrees with what is exported.

use std::error::Error;
use std::path::Path;

use keyway_metadata::{
    DeclaredTypesError, Document, Format, GivenType, PluginMetadata, TypeKind, TypeName,
    manifest_head,
};
use syn::LitStr;

use crate::exports::Exports;

/// What the metadata file gives to the expansion.
pub(crate) struct Described {
    /// The start of the manifest.
    pub(crate) head: String,
    /// The type name of each export, in their order.
    pub(crate) names: Vec<TypeName>,
}

/// Reads the metadata file and holds it against the exports.
pub(crate) fn read(exports: &Exports) -> syn::Result<Described> {
    let file = &exports.file;
    let document = parse(file)?;
    let metadata = document.metadata();
    let Some(id) = metadata.id() else {
        return Err(at(
            file,
            format!(
                "`{}` gives the plugin no id: expected `Id` in `KPlugin` \
                 (in a .desktop file `X-KDE-PluginInfo-Name`)",
                file.value()
            ),
        ));
    };
    let names = names(exports, metadata)?;
    let mut types: Vec<GivenType> = Vec::new();
    for (export, name) in exports.list.iter().zip(&names) {
        types.push(GivenType {
            name: name.clone(),
            kind: export.kind.clone(),
        });
    }
    Ok(Described {
        head: manifest_head(
            id,
            metadata.version().unwrap_or_default(),
            &types,
            metadata.raw(),
        ),
        names,
    })
}

fn parse(file: &LitStr) -> syn::Result<Document> {
    let name = file.value();
    let Some(format) = Format::from_path(Path::new(&name)) else {
        return Err(at(
            file,
            format!(
                "`{name}` is no metadata file: expected one that ends in .json, .desktop or .toml"
            ),
        ));
    };
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let bytes = std::fs::read(Path::new(&folder).join(&name)).map_err(|error| {
        at(
            file,
            format!("cannot read `{name}`: {error}; the path is relative to the crate's folder"),
        )
    })?;
    Document::parse(format, &bytes)
        .map_err(|error| at(file, format!("`{name}`: {}", chain(&error))))
}

/// The type name of each export: the one it says, or the one that the file has for it.
fn names(exports: &Exports, metadata: PluginMetadata<'_>) -> syn::Result<Vec<TypeName>> {
    let file = &exports.file;
    let has = |kind| exports.list.iter().any(|export| export.kind == kind);
    let bad =
        |error: &DeclaredTypesError| at(file, format!("`{}`: {}", file.value(), chain(error)));

    let explicit = metadata.raw().contains_key("KPackageStructure");
    let structures = if has(TypeKind::Structure) || explicit {
        metadata
            .structure_type_names()
            .map_err(|error| bad(&error))?
    } else {
        Vec::new()
    };
    let mut lifecycles = metadata
        .lifecycle_type_names()
        .map_err(|error| bad(&error))?;
    if lifecycles.is_empty() && has(TypeKind::Lifecycle) {
        lifecycles = vec![lifecycle_from_id(exports, metadata)?];
    }
    agree(exports, TypeKind::Structure, &structures)?;
    agree(exports, TypeKind::Lifecycle, &lifecycles)?;

    let mut names = Vec::new();
    for export in &exports.list {
        let from_file = match export.kind {
            TypeKind::Lifecycle => &lifecycles,
            _ => &structures,
        };
        match (&export.name, from_file.first()) {
            (Some(named), _) => names.push(named.name.clone()),
            (None, Some(name)) => names.push(name.clone()),
            (None, None) => return Err(at(file, "the file names no type".to_owned())),
        }
    }
    Ok(names)
}

fn lifecycle_from_id(exports: &Exports, metadata: PluginMetadata<'_>) -> syn::Result<TypeName> {
    let file = &exports.file;
    metadata.id().unwrap_or_default().parse().map_err(|error| {
        at(
            file,
            format!(
                "`{}` names no lifecycle: expected `X-Keyway-Lifecycle`, or an id that is a type \
                 name: {error}",
                file.value()
            ),
        )
    })
}

/// What is exported and what the file names are the same.
fn agree(exports: &Exports, kind: TypeKind, declared: &[TypeName]) -> syn::Result<()> {
    let file = &exports.file;
    let of_kind = || exports.list.iter().filter(|export| export.kind == kind);
    for export in of_kind() {
        if let Some(named) = &export.name {
            if !declared.contains(&named.name) {
                let message = format!(
                    "`{}` names no {kind} `{}`; it names {}",
                    file.value(),
                    named.name,
                    list(declared)
                );
                return Err(syn::Error::new(named.span, message));
            }
        }
    }
    let missing: Vec<_> = match of_kind().next() {
        // One export without a name stands for the one name of the file.
        Some(export) if export.name.is_none() => declared.iter().skip(1).collect(),
        _ => declared
            .iter()
            .filter(|name| {
                !of_kind().any(|export| export.name.as_ref().is_some_and(|it| it.name == **name))
            })
            .collect(),
    };
    match missing.first() {
        Some(name) => Err(at(
            file,
            format!(
                "`{}` names the {kind} `{name}`, which is not exported",
                file.value()
            ),
        )),
        None => Ok(()),
    }
}

fn list(names: &[TypeName]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn at(file: &LitStr, message: String) -> syn::Error {
    syn::Error::new(file.span(), message)
}

/// An error with its causes on one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
