//! Questions about metadata, with KDE's answers.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::document::Document;
use crate::{json, values};

/// Metadata behind the names that KDE gives its parts.
///
/// A cheap view over the root object of a [`Document`], or over the same object from elsewhere,
/// such as a plugin's manifest. Every answer is the one that `KPluginMetaData` of KDE Frameworks
/// 5.103 gives for the same document, except that what is missing, or is not text where text
/// belongs, is `None` instead of an empty text.
///
/// # Examples
///
/// ```
/// use keyway_metadata::{Document, Format};
///
/// let text = r#"{"KPlugin": {"Id": "a", "Name": "Hi", "Name[de]": "Hallo"}, "X-Tags": ["x", "y"]}"#;
/// let document = Document::parse(Format::Json, text.as_bytes())?;
/// let metadata = document.metadata();
/// assert_eq!(metadata.id(), Some("a"));
/// assert_eq!(metadata.translated("Name", "de_AT"), Some("Hallo"));
/// assert_eq!(metadata.value("X-Tags").as_deref(), Some("x,y"));
/// # Ok::<(), keyway_metadata::DocumentError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PluginMetadata<'a> {
    root: &'a Map<String, Value>,
}

/// Somebody who wrote a plugin or package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Author<'a> {
    /// The name, never empty.
    pub name: &'a str,
    /// The address, if there is one; may be empty.
    pub email: Option<&'a str>,
}

impl<'a> PluginMetadata<'a> {
    /// A view over a root object, the one that `KPlugin` lies in.
    #[must_use]
    pub fn new(root: &'a Map<String, Value>) -> PluginMetadata<'a> {
        PluginMetadata { root }
    }

    /// All of it: the root object.
    #[must_use]
    pub fn raw(self) -> &'a Map<String, Value> {
        self.root
    }

    /// The root object as JSON on one line.
    #[must_use]
    pub fn to_json(self) -> String {
        json::text(self.root)
    }

    /// `KPlugin.Id`, if it is text and not empty. Without one KPackage takes the file's base
    /// name, which is the caller's to know.
    #[must_use]
    pub fn id(self) -> Option<&'a str> {
        self.text("Id").filter(|id| !id.is_empty())
    }

    /// The name to show, in the C locale; [`translated`](Self::translated) has the others.
    #[must_use]
    pub fn name(self) -> Option<&'a str> {
        self.translated("Name", "C")
    }

    /// What it is, in the C locale.
    #[must_use]
    pub fn description(self) -> Option<&'a str> {
        self.translated("Description", "C")
    }

    /// The copyright line, in the C locale.
    #[must_use]
    pub fn copyright(self) -> Option<&'a str> {
        self.translated("Copyright", "C")
    }

    /// The version, if it is text: a number is none.
    #[must_use]
    pub fn version(self) -> Option<&'a str> {
        self.text("Version")
    }

    /// The category.
    #[must_use]
    pub fn category(self) -> Option<&'a str> {
        self.text("Category")
    }

    /// The license.
    #[must_use]
    pub fn license(self) -> Option<&'a str> {
        self.text("License")
    }

    /// The website.
    #[must_use]
    pub fn website(self) -> Option<&'a str> {
        self.text("Website")
    }

    /// The name of the icon.
    #[must_use]
    pub fn icon(self) -> Option<&'a str> {
        self.text("Icon")
    }

    /// The authors: `KPlugin.Authors` is a list of objects, or one object. Who has no name is
    /// left out; names are those of the C locale.
    #[must_use]
    pub fn authors(self) -> Vec<Author<'a>> {
        let people = match self.kplugin("Authors") {
            Some(Value::Array(people)) => people.as_slice(),
            Some(single) => std::slice::from_ref(single),
            None => &[],
        };
        people
            .iter()
            .filter_map(Value::as_object)
            .filter_map(|person| {
                let name = translated_in(person, "Name", "C").filter(|name| !name.is_empty())?;
                Some(Author {
                    name,
                    email: person.get("Email").and_then(Value::as_str),
                })
            })
            .collect()
    }

    /// `KPlugin.ServiceTypes`, the older way to say what a package or plugin is for.
    #[must_use]
    pub fn service_types(self) -> Vec<String> {
        values::list_of_texts(self.kplugin("ServiceTypes"))
    }

    /// `KPlugin.MimeTypes`.
    #[must_use]
    pub fn mime_types(self) -> Vec<String> {
        values::list_of_texts(self.kplugin("MimeTypes"))
    }

    /// `KPlugin.FormFactors`: `desktop`, `phone` and such.
    #[must_use]
    pub fn form_factors(self) -> Vec<String> {
        values::list_of_texts(self.kplugin("FormFactors"))
    }

    /// `KPlugin.Dependencies`.
    #[must_use]
    pub fn dependencies(self) -> Vec<String> {
        values::list_of_texts(self.kplugin("Dependencies"))
    }

    /// `KPackageStructure` as a list, unchecked: the types of a package, or those that a structure
    /// plugin defines. A plugin's types come checked from
    /// [`structure_type_names`](Self::structure_type_names).
    ///
    /// KPackage itself compares a *package's* type with `value("KPackageStructure")`, for which a
    /// list of two types is the one text `A,B` and so matches neither.
    #[must_use]
    pub fn package_structures(self) -> Vec<String> {
        self.list("KPackageStructure")
    }

    /// Whether `KPlugin.EnabledByDefault` is `true` or the text `true`.
    #[must_use]
    pub fn is_enabled_by_default(self) -> bool {
        match self.kplugin("EnabledByDefault") {
            Some(Value::Bool(truth)) => *truth,
            Some(Value::String(text)) => text == "true",
            _ => false,
        }
    }

    /// Whether the root key `isHidden` is `true` or the text `true`. KPackage takes such a package
    /// for invalid.
    #[must_use]
    pub fn is_hidden(self) -> bool {
        self.value("isHidden").is_some_and(|value| value == "true")
    }

    /// Whether `KPlugin.Hidden` is `true`, which is what `KPluginMetaData::isHidden()` answers.
    /// It is for lists that a user sees and has nothing to do with validity.
    #[must_use]
    pub fn is_hidden_from_users(self) -> bool {
        matches!(self.kplugin("Hidden"), Some(Value::Bool(true)))
    }

    /// A root key as one text, as `KPluginMetaData::value()` has it: text as it is, the entries of
    /// a list joined with `,`, a boolean as `true` or `false`; `None` for a number, an object,
    /// `null`, an empty list and a key that is not there.
    #[must_use]
    pub fn value(self, key: &str) -> Option<Cow<'a, str>> {
        values::single_text(self.root.get(key)?)
    }

    /// A key of `KPlugin` as one text, as [`value`](Self::value) has those of the root.
    #[must_use]
    pub fn kplugin_value(self, key: &str) -> Option<Cow<'a, str>> {
        values::single_text(self.kplugin(key)?)
    }

    /// A root key as a list of texts: a list entry by entry, a text, number or boolean as a list
    /// of one, anything else as the empty list.
    #[must_use]
    pub fn list(self, key: &str) -> Vec<String> {
        values::list_of_texts(self.root.get(key))
    }

    /// A text of `KPlugin` in a language: of `Name[ll_CC]`, `Name[ll]` and `Name` the first that
    /// is there. If that one is not text, the answer is `None` and no further one is tried.
    ///
    /// The locale is written as in the environment (`de_AT.UTF-8`); what follows a `.` or `@` does
    /// not count, as in KDE Frameworks 5. `C`, `POSIX` and an empty locale are the C locale, for
    /// which `Name[C]` is tried first.
    #[must_use]
    pub fn translated(self, key: &str, locale: &str) -> Option<&'a str> {
        translated_in(self.root.get("KPlugin")?.as_object()?, key, locale)
    }

    fn kplugin(self, key: &str) -> Option<&'a Value> {
        self.root.get("KPlugin")?.get(key)
    }

    fn text(self, key: &str) -> Option<&'a str> {
        self.kplugin(key)?.as_str()
    }
}

impl<'a> From<&'a Document> for PluginMetadata<'a> {
    fn from(document: &'a Document) -> PluginMetadata<'a> {
        document.metadata()
    }
}

fn translated_in<'a>(object: &'a Map<String, Value>, key: &str, locale: &str) -> Option<&'a str> {
    let locale = match locale.split(['.', '@']).next() {
        None | Some("" | "POSIX") => "C",
        Some(locale) => locale,
    };
    let language = locale.split('_').next().unwrap_or(locale);
    object
        .get(&format!("{key}[{locale}]"))
        .or_else(|| object.get(&format!("{key}[{language}]")))
        .or_else(|| object.get(key))?
        .as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Format;

    fn document(value: &Value) -> Document {
        Document::parse(Format::Json, value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn nothing_there_is_none() {
        for value in [json!({}), json!({"KPlugin": 5}), json!({"KPlugin": []})] {
            let document = document(&value);
            let metadata = document.metadata();
            assert_eq!(metadata.id(), None);
            assert_eq!(metadata.name(), None);
            assert_eq!(metadata.version(), None);
            assert_eq!(metadata.authors(), []);
            assert_eq!(metadata.service_types(), [""; 0]);
            assert_eq!(metadata.value("KPackageStructure"), None);
            assert!(!metadata.is_hidden());
        }
    }

    #[test]
    fn an_id_is_text_and_not_empty() {
        for id in [json!(""), json!(5), json!(null), json!(["a"])] {
            assert_eq!(
                document(&json!({"KPlugin": {"Id": id}})).metadata().id(),
                None
            );
        }
    }

    #[test]
    fn hidden_is_the_root_key_and_case_matters() {
        for (value, hidden) in [
            (json!({"isHidden": "TRUE"}), false),
            (json!({"isHidden": 1}), false),
            (json!({"isHidden": false}), false),
            (
                json!({"KPlugin": {"isHidden": true, "Hidden": true}}),
                false,
            ),
            (json!({"isHidden": true}), true),
            (json!({"isHidden": "true"}), true),
            (json!({"isHidden": ["true"]}), true),
        ] {
            assert_eq!(document(&value).metadata().is_hidden(), hidden, "{value}");
        }
    }

    #[test]
    fn translations_go_from_country_to_language_to_none() {
        let document = document(&json!({"KPlugin": {
            "Name": "Plain", "Name[de]": "Deutsch", "Name[de_AT]": "Ö", "Name[C]": "C?",
            "Name[fr]": 5, "Description[en]": "only en",
        }}));
        let metadata = document.metadata();
        for (locale, name) in [
            ("de_AT", Some("Ö")),
            ("de_AT.UTF-8", Some("Ö")),
            ("de_AT@euro", Some("Ö")),
            ("de_DE", Some("Deutsch")),
            ("de", Some("Deutsch")),
            ("it_IT", Some("Plain")),
            ("fr_FR", None),
            ("C.UTF-8", Some("C?")),
            ("POSIX", Some("C?")),
            ("", Some("C?")),
        ] {
            assert_eq!(metadata.translated("Name", locale), name, "{locale}");
        }
        assert_eq!(metadata.description(), None);
        assert_eq!(metadata.translated("Description", "en_GB"), Some("only en"));
    }

    #[test]
    fn a_view_is_taken_from_anything_that_has_a_root() {
        let document = document(&json!({"KPackageStructure": "A/B"}));
        assert_eq!(
            PluginMetadata::from(&document),
            PluginMetadata::new(document.root())
        );
        assert_eq!(
            document.metadata().to_json(),
            r#"{"KPackageStructure":"A/B"}"#
        );
        assert_eq!(document.metadata().raw(), document.root());
    }
}
