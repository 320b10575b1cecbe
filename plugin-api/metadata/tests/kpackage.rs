//! The answers that KPackage 5.103 gave for metadata files, against this crate's.
//!
//! `fixtures/kpackage-5.103.json` holds the files and the answers. The host adds two things that a
//! metadata file alone does not have: a package without an id is called after its file, and one
//! that is hidden or whose file cannot be read has no metadata.

#![allow(
    clippy::unwrap_used,
    reason = "a recorded case that cannot be read fails its test"
)]

use std::path::Path;

use keyway_metadata::{Document, DocumentError, Format, Lenient, PluginMetadata, PropertyTypes};
use serde_json::{Map, Value, json};

const RECORDED: &str = include_str!("fixtures/kpackage-5.103.json");
const PLASMA_APPLET: &[u8] = include_bytes!("fixtures/plasma-applet.desktop");

struct Case {
    name: String,
    format: Format,
    bytes: Vec<u8>,
    metadata: Map<String, Value>,
    raw_metadata: Option<Value>,
}

impl Case {
    fn read(&self) -> Result<Lenient, DocumentError> {
        let mut types = PropertyTypes::new();
        let plain = Document::parse_lenient(self.format, &self.bytes)?;
        if plain.document.metadata().service_types() == ["Plasma/Applet"] {
            types.add_service_type(PLASMA_APPLET)?;
        }
        Document::parse_lenient_typed(self.format, &self.bytes, &types)
    }

    fn is_valid(&self) -> bool {
        self.metadata["valid"] == true
    }
}

fn cases() -> Vec<Case> {
    let recorded: Value = serde_json::from_str(RECORDED).unwrap();
    let cases: Vec<Case> = recorded["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| {
            let file = case["file"].as_str().unwrap();
            let bytes = match case.get("bytes_latin1") {
                Some(latin1) => latin1
                    .as_str()
                    .unwrap()
                    .chars()
                    .map(|c| u8::try_from(c).unwrap())
                    .collect(),
                None => case["text"].as_str().unwrap().as_bytes().to_vec(),
            };
            Case {
                name: format!("{}: {file}", case["scenario"].as_str().unwrap()),
                format: Format::from_path(Path::new(file)).unwrap(),
                bytes,
                metadata: case["metadata"].as_object().unwrap().clone(),
                raw_metadata: case.get("raw_metadata").cloned(),
            }
        })
        .collect();
    assert_eq!(cases.len(), 51, "all recorded cases are there");
    cases
}

/// This crate's answers in the form in which KPackage's were recorded, empty ones left out.
fn answers(document: &Document) -> Map<String, Value> {
    let metadata: PluginMetadata<'_> = document.metadata();
    let authors: Vec<Value> = metadata
        .authors()
        .iter()
        .map(|author| json!({"name": author.name, "email": author.email.unwrap_or_default()}))
        .collect();
    let all = json!({
        "valid": true,
        "id": metadata.id().unwrap_or("metadata"),
        "name": metadata.name().unwrap_or_default(),
        "description": metadata.description().unwrap_or_default(),
        "version": metadata.version().unwrap_or_default(),
        "authors": authors,
        "category": metadata.category().unwrap_or_default(),
        "copyright": metadata.copyright().unwrap_or_default(),
        "license": metadata.license().unwrap_or_default(),
        "website": metadata.website().unwrap_or_default(),
        "icon": metadata.icon().unwrap_or_default(),
        "enabled_by_default": metadata.is_enabled_by_default(),
        "is_hidden": metadata.is_hidden_from_users(),
        "form_factors": metadata.form_factors(),
        "mime_types": metadata.mime_types(),
        "service_types": metadata.service_types(),
        "kpackage_structure": metadata.value("KPackageStructure").unwrap_or_default(),
        "library": document.library().unwrap_or_default(),
    });
    let mut all = all.as_object().unwrap().clone();
    all.retain(|_, value| *value != json!("") && *value != json!([]));
    all
}

#[test]
fn what_kpackage_refuses_cannot_be_read_is_empty_or_hidden() {
    let mut refused = 0;
    for case in cases().iter().filter(|case| !case.is_valid()) {
        if let Ok(Lenient { document, .. }) = case.read() {
            assert!(
                document.is_empty() || document.metadata().is_hidden(),
                "{}",
                case.name
            );
        }
        refused += 1;
    }
    assert_eq!(refused, 10);
}

#[test]
fn why_files_are_refused() {
    let cases = cases();
    for (file, expected) in [
        (
            "empty",
            "malformed JSON at line 1, column 1: the file is empty",
        ),
        (
            "array",
            "malformed JSON at line 1, column 1: the root is an array, expected an object",
        ),
        (
            "broken",
            "malformed JSON at line 1, column 25: the file ends inside an object",
        ),
        (
            "trailing",
            "malformed JSON at line 1, column 31: trailing characters",
        ),
        (
            "comment",
            "malformed JSON at line 1, column 1: expected value",
        ),
        (
            "badutf8",
            "malformed JSON at line 1, column 32: the file is not UTF-8 from here on",
        ),
    ] {
        let name = format!("metadata-json: named/{file}/metadata.json");
        let case = cases.iter().find(|case| case.name == name).unwrap();
        assert_eq!(case.read().unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_lenient_reader_still_notes_what_is_wrong() {
    for case in cases().iter().filter(|case| case.is_valid()) {
        let problems: Vec<String> = case
            .read()
            .unwrap()
            .problems
            .iter()
            .map(ToString::to_string)
            .collect();
        let expected: &[&str] = match case.name.as_str() {
            "metadata-desktop: d-nogroup/metadata.desktop"
            | "metadata-desktop: d-empty/metadata.desktop" => {
                &["malformed desktop entry: there is no group `[Desktop Entry]`"]
            }
            "metadata-desktop: d-escapes/metadata.desktop" => &[
                "malformed desktop entry at line 6, column 1: `bad line` has no `=`, expected `key=value`",
                "malformed desktop entry at line 7, column 1: `=nokey` has no key before its `=`",
            ],
            _ => &[],
        };
        assert_eq!(problems, expected, "{}", case.name);
        assert_eq!(
            Document::parse(case.format, &case.bytes).is_ok(),
            expected.is_empty()
        );
    }
}

#[test]
fn every_accessor_answers_as_kpackage_did() {
    for case in cases().iter().filter(|case| case.is_valid()) {
        assert_eq!(
            answers(&case.read().unwrap().document),
            case.metadata,
            "{}",
            case.name
        );
    }
}

#[test]
fn desktop_files_become_the_json_that_kde_makes_of_them() {
    let mut compared = 0;
    for case in &cases() {
        if let Some(raw_metadata) = &case.raw_metadata {
            let root = Value::Object(case.read().unwrap().document.into_root());
            assert_eq!(root, *raw_metadata, "{}", case.name);
            compared += 1;
        }
    }
    assert_eq!(compared, 15);
}
