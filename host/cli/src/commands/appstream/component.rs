//! A package as a component of AppStream.

use std::fmt;
use std::path::PathBuf;

use keyway::Registry;
use keyway::package::{Author, PackageMetadata, TypeName};
use keyway::plugin::{TypeKind, TypeVerdict, Verdict};
use serde_json::{Map, Value};

use super::license;
use super::xml::Writer;
use crate::failure::Failure;

/// The key, of a package or of the plugin that gives its type, that says what packages extend.
const PARENT: &str = "X-KDE-ParentApp";

/// Metadata lack a text that every component must have.
#[derive(Debug)]
pub(crate) struct Missing {
    key: &'static str,
    file: Option<PathBuf>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the metadata have no `KPlugin.{}`", self.key)?;
        match &self.file {
            Some(file) => write!(f, ": `{}`", file.display()),
            None => Ok(()),
        }
    }
}

impl From<Missing> for Failure {
    fn from(missing: Missing) -> Self {
        let hint = "AppStream wants a name and a summary of every component";
        Self::new("text-missing", missing.to_string()).hint(Some(hint))
    }
}

/// The component of a package, as XML; `None` if its metadata say `NoDisplay`. `type_name` is the
/// type that the package is of if its metadata name none.
///
/// What comes from which metadata is KPackage's rule, as version 5.103 of its tool has it.
pub(super) fn component(
    metadata: &PackageMetadata,
    type_name: Option<&str>,
    registry: &Registry,
) -> Result<Option<String>, Missing> {
    let view = metadata.view();
    if view.value("NoDisplay").is_some_and(|value| value == "true") {
        return Ok(None);
    }
    let parent = view.value(PARENT).filter(|parent| !parent.is_empty());
    let parent = parent.map(String::from).or_else(|| {
        let declared = metadata.declared_types().into_iter().next();
        let type_name = declared.or_else(|| type_name.map(str::to_owned))?;
        parent_of_type(registry, &type_name.parse().ok()?)
    });
    let no_texts = Map::new();
    let texts = view.raw().get("KPlugin").and_then(Value::as_object);
    let texts = texts.unwrap_or(&no_texts);
    let missing = |key| Missing {
        key,
        file: metadata.file().map(PathBuf::from),
    };
    let names = Translated::of(texts, "Name").ok_or_else(|| missing("Name"))?;
    let summaries = Translated::of(texts, "Description").ok_or_else(|| missing("Description"))?;

    let attributes: &[_] = match parent {
        Some(_) => &[("type", "addon")],
        None => &[],
    };
    let mut xml = Writer::new("component", attributes);
    let id = metadata.id().unwrap_or_default();
    xml.element("id", &[], id);
    if let Some(parent) = &parent {
        xml.element("extends", &[], parent);
    }
    names.write(&mut xml, "name");
    summaries.write(&mut xml, "summary");
    if let Some(website) = filled(view.website()) {
        xml.element("url", &[("type", "homepage")], website);
    }
    if id.starts_with("org.kde.") {
        let url = format!("https://www.kde.org/donate.php?app={id}");
        xml.element("url", &[("type", "donation")], &url);
    }
    let developers: Vec<_> = view.authors().iter().map(developer).collect();
    if !developers.is_empty() {
        xml.element("developer_name", &[], &developers.join(", "));
    }
    if let Some(icon) = filled(view.icon()) {
        xml.element("icon", &[("type", "stock")], icon);
    }
    if let Some(license) = filled(view.license()) {
        xml.element("project_license", &[], &license::spdx(license));
    }
    xml.element("metadata_license", &[], "CC0-1.0");
    Ok(Some(xml.finish()))
}

/// What packages of a type extend: what the plugin that gives the type says, of all its types or,
/// in an object, of each. Nothing of the plugin is run.
fn parent_of_type(registry: &Registry, type_name: &TypeName) -> Option<String> {
    let catalog = registry.catalog();
    let gives_it = |verdict| match verdict {
        Verdict::Usable(types) => types.iter().any(|(given, verdict)| {
            given.kind == TypeKind::Structure
                && given.name == *type_name
                && *verdict == TypeVerdict::Ok
        }),
        _ => false,
    };
    let file = catalog
        .files()
        .find(|file| gives_it(catalog.verdict(file)))?;
    let metadata = file.manifest()?.metadata();
    let parent = match metadata.get(PARENT)? {
        Value::Object(of_types) => of_types.get(type_name.as_str())?,
        parent => parent,
    };
    filled(parent.as_str()).map(str::to_owned)
}

/// A text, and what it is in other languages.
struct Translated<'a> {
    text: &'a str,
    /// (language, text), by language.
    others: Vec<(&'a str, &'a str)>,
}

impl<'a> Translated<'a> {
    fn of(texts: &'a Map<String, Value>, key: &str) -> Option<Self> {
        let without_stop = |text: &'a Value| {
            let text = text.as_str()?;
            filled(Some(text.strip_suffix('.').unwrap_or(text)))
        };
        let text = without_stop(texts.get(key)?)?;
        let mut keys: Vec<_> = texts
            .iter()
            .filter_map(|(own, text)| {
                let language = own
                    .strip_prefix(key)?
                    .strip_prefix('[')?
                    .strip_suffix(']')?;
                is_language(language).then_some(())?;
                Some((own, language, without_stop(text)?))
            })
            .collect();
        // By the whole key, bracket and all, as Qt orders them: `be@latin` comes before `be`.
        keys.sort_unstable();
        let others = keys.into_iter().map(|(_, language, text)| (language, text));
        Some(Self {
            text,
            others: others.collect(),
        })
    }

    fn write(&self, xml: &mut Writer, name: &str) {
        xml.element(name, &[], self.text);
        for (language, text) in &self.others {
            xml.element(name, &[("xml:lang", language)], text);
        }
    }
}

/// Whether it can be the name of a language, as `sr@ijekavianlatin`, `pt_BR` and `x-test` are.
fn is_language(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_-@.".contains(&byte);
    !name.is_empty() && name.bytes().all(is_part)
}

fn developer(author: &Author<'_>) -> String {
    match filled(author.email) {
        Some(email) => format!("{} <{email}>", author.name),
        None => author.name.to_owned(),
    }
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}
