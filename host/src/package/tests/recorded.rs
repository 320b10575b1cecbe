//! What KPackage 5.103 answered, and Keyway's answers in the same form.

use keyway_plugin::Package as Described;
use serde_json::{Value, json};

use super::support::Structure;
use crate::package::{HashAlgorithm, Package, PackageMetadata};

const TYPES: &str = include_str!("../../../tests/fixtures/kpackage-5.103/types.json");

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(text).collect()
}

fn define(package: &mut Described<'_>, definitions: &Value) {
    for definition in definitions.as_array().into_iter().flatten() {
        let key = text(&definition["key"]);
        let path = text(&definition["path"]);
        let name = definition["name"].as_str().unwrap_or_default();
        match text(&definition["kind"]) {
            "directory" => package.add_directory_definition(key, path, name),
            _ => package.add_file_definition(key, path, name),
        }
        if definition["required"] == true {
            package.set_required(key, true);
        }
        if definition["mime_types"].is_array() {
            package.set_mime_types(key, &texts(&definition["mime_types"]));
        }
    }
}

/// A structure as a fixture describes it.
pub(super) fn structure(spec: &Value) -> Structure {
    let (init, changed) = (spec.clone(), spec.clone());
    Structure::new(move |package| {
        if let Some(root) = init["default_root"].as_str() {
            package.set_default_package_root(root);
        }
        if init["prefixes"].is_array() {
            let prefixes = texts(&init["prefixes"]);
            // A theme's empty prefix is what no prefix at all becomes.
            let is_none = prefixes == [""];
            package.set_contents_prefix_paths(if is_none { &[] } else { &prefixes });
        }
        if init["default_mime_types"].is_array() {
            package.set_default_mime_types(&texts(&init["default_mime_types"]));
        }
        package.set_allow_external_paths(init["external"] == true);
        define(package, &init["definitions"]);
        Ok(())
    })
    .on_path(move |package| {
        let key = changed["mainscript_metadata_key"].as_str();
        if let Some(path) = key.and_then(|key| package.metadata_value(key)) {
            package.add_file_definition("mainscript", &path, "");
        }
        for (key, definitions) in changed["if_metadata"].as_object().into_iter().flatten() {
            if package.metadata_value(key).is_some() {
                define(package, definitions);
            }
        }
        Ok(())
    })
}

/// The types of KPackage and Plasma that the fixtures need.
pub(super) fn types() -> Vec<(String, Structure)> {
    let types: Value = serde_json::from_str(TYPES).unwrap();
    let types = types["types"].as_array().unwrap();
    types
        .iter()
        .map(|spec| (text(&spec["type"]).to_owned(), structure(spec)))
        .collect()
}

/// Metadata in the form in which KPackage's were recorded, without what is empty.
pub(super) fn metadata(metadata: Option<&PackageMetadata>) -> Value {
    let Some(metadata) = metadata else {
        return json!({"valid": false});
    };
    let view = metadata.view();
    let authors: Vec<Value> = view
        .authors()
        .iter()
        .map(|author| json!({"name": author.name, "email": author.email.unwrap_or_default()}))
        .collect();
    let file = metadata.file().unwrap().to_str().unwrap();
    let mut all = json!({
        "valid": true,
        "id": metadata.id().unwrap_or_default(),
        "name": view.name().unwrap_or_default(),
        "description": view.description().unwrap_or_default(),
        "version": view.version().unwrap_or_default(),
        "authors": authors,
        "category": view.category().unwrap_or_default(),
        "copyright": view.copyright().unwrap_or_default(),
        "license": view.license().unwrap_or_default(),
        "website": view.website().unwrap_or_default(),
        "icon": view.icon().unwrap_or_default(),
        "enabled_by_default": view.is_enabled_by_default(),
        "is_hidden": view.is_hidden_from_users(),
        "form_factors": view.form_factors(),
        "mime_types": view.mime_types(),
        "service_types": view.service_types(),
        "kpackage_structure": view.value("KPackageStructure").unwrap_or_default(),
        "file_name": metadata.document().library().unwrap_or(file),
        "metadata_file": file,
    });
    all.as_object_mut()
        .unwrap()
        .retain(|_, value| *value != json!("") && *value != json!([]));
    all
}

/// A package's folder with the slash that KPackage puts behind it, or nothing.
pub(super) fn path(package: Option<&Package>) -> Value {
    match package.and_then(Package::path) {
        Some(path) => json!(format!("{}/", path.display())),
        None => json!(""),
    }
}

pub(super) fn file_path(package: &Package, key: &str, name: &str) -> Value {
    match package.file_path(key, name) {
        Some(path) => json!(path),
        None => json!(""),
    }
}

pub(super) fn entry_list(package: &Package, key: &str) -> Value {
    let entries = package.entry_list(key);
    json!(
        entries
            .iter()
            .map(|entry| entry.to_string_lossy())
            .collect::<Vec<_>>()
    )
}

/// The hash, or nothing where there is none.
pub(super) fn hash(package: &Package, algorithm: &str) -> Value {
    let algorithm = HashAlgorithm::from_name(algorithm).unwrap();
    json!(package.cryptographic_hash(algorithm).unwrap_or_default())
}
