//! Questions about metadata, with KDE's answers.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::document::Document;
use crate::foreign::Quoted;
use crate::outline::{Piece, Section};
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
#[derive(Debug, Clone, Copy)]
pub struct PluginMetadata<'a>(Source<'a>);

#[derive(Debug, Clone, Copy)]
enum Source<'a> {
    Map(&'a Map<String, Value>),
    Document(&'a Document),
}

impl PartialEq for PluginMetadata<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.raw() == other.raw()
    }
}

/// Somebody who wrote a plugin or package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Author<'a> {
    /// The name, never empty.
    pub name: &'a str,
    /// What they did, if that is said.
    pub task: Option<&'a str>,
    /// The address, if there is one; may be empty.
    pub email: Option<&'a str>,
    /// Their website, if there is one.
    pub website: Option<&'a str>,
    /// Their name at the store, if there is one.
    pub user_name: Option<&'a str>,
}

/// A metadata key that is there and is not what was wanted.
#[derive(Debug, thiserror::Error)]
#[error("the metadata key {}: {source}", Quoted(.key))]
pub struct ValueError {
    key: String,
    source: serde_json::Error,
}

impl ValueError {
    /// The key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl<'a> PluginMetadata<'a> {
    /// A view over a root object, the one that `KPlugin` lies in.
    #[must_use]
    pub fn new(root: &'a Map<String, Value>) -> PluginMetadata<'a> {
        PluginMetadata(Source::Map(root))
    }

    pub(crate) fn of(document: &'a Document) -> PluginMetadata<'a> {
        PluginMetadata(Source::Document(document))
    }

    /// All of it: the root object.
    #[must_use]
    pub fn raw(self) -> &'a Map<String, Value> {
        match self.0 {
            Source::Map(root) => root,
            Source::Document(document) => document.root(),
        }
    }

    /// The root object as JSON on one line.
    #[must_use]
    pub fn to_json(self) -> String {
        json::text(self.raw())
    }

    /// `KPlugin.Id`, if it is text and not empty. Without one KPackage takes the file's base
    /// name, which is the caller's to know.
    #[must_use]
    pub fn id(self) -> Option<&'a str> {
        self.text("Id").filter(|id| !id.is_empty())
    }

    /// The name to show, in the C locale.
    #[must_use]
    pub fn name(self) -> Option<&'a str> {
        self.name_in("C")
    }

    /// The name to show, in a locale: see [`translated`](Self::translated).
    #[must_use]
    pub fn name_in(self, locale: &str) -> Option<&'a str> {
        self.translated("Name", locale)
    }

    /// Whether it has a name in any language: where it has none, [`name`](Self::name) is the name in
    /// every locale.
    #[must_use]
    pub fn is_translated(self) -> bool {
        let is_one = |key: &str| key.starts_with("Name[") && key != "Name[C]";
        if let Source::Document(document) = self.0 {
            if let Some(mut keys) = document.kplugin_keys() {
                return keys.any(is_one);
            }
        }
        let kplugin = self.raw().get("KPlugin").and_then(Value::as_object);
        kplugin.is_some_and(|it| it.keys().any(|key| is_one(key)))
    }

    /// What it is, in the C locale.
    #[must_use]
    pub fn description(self) -> Option<&'a str> {
        self.description_in("C")
    }

    /// What it is, in a locale: see [`translated`](Self::translated).
    #[must_use]
    pub fn description_in(self, locale: &str) -> Option<&'a str> {
        self.translated("Description", locale)
    }

    /// More about it, in the C locale.
    #[must_use]
    pub fn extra_information(self) -> Option<&'a str> {
        self.translated("ExtraInformation", "C")
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

    /// Where to report what does not work.
    #[must_use]
    pub fn bug_report_url(self) -> Option<&'a str> {
        self.text("BugReportUrl")
    }

    /// The authors, in the C locale: see [`people`](Self::people).
    #[must_use]
    pub fn authors(self) -> Vec<Author<'a>> {
        self.people("Authors", "C")
    }

    /// Who translated it, in the C locale: see [`people`](Self::people).
    #[must_use]
    pub fn translators(self) -> Vec<Author<'a>> {
        self.people("Translators", "C")
    }

    /// Who else helped, in the C locale: see [`people`](Self::people).
    #[must_use]
    pub fn other_contributors(self) -> Vec<Author<'a>> {
        self.people("OtherContributors", "C")
    }

    /// The people under `Authors`, `Translators` or `OtherContributors` of `KPlugin`: a list of
    /// objects, or one object. Who has no name is left out; names and tasks are those of the locale,
    /// by the rule of [`translated`](Self::translated).
    #[must_use]
    pub fn people(self, key: &str, locale: &str) -> Vec<Author<'a>> {
        let people = match self.kplugin(key) {
            Some(Value::Array(people)) => people.as_slice(),
            Some(single) => std::slice::from_ref(single),
            None => &[],
        };
        let text = |person: &'a Map<String, Value>, key| person.get(key).and_then(Value::as_str);
        people
            .iter()
            .filter_map(Value::as_object)
            .filter_map(|person| {
                let name = translated_in(person, "Name", locale).filter(|name| !name.is_empty())?;
                Some(Author {
                    name,
                    task: translated_in(person, "Task", locale),
                    email: text(person, "Email"),
                    website: text(person, "Website"),
                    user_name: text(person, "UserName"),
                })
            })
            .collect()
    }

    /// `KPlugin.ServiceTypes`, the older way to say what a package or plugin is for.
    #[must_use]
    pub fn service_types(self) -> Vec<String> {
        self.list_in(Section::KPlugin, "ServiceTypes")
    }

    /// `KPlugin.MimeTypes`.
    #[must_use]
    pub fn mime_types(self) -> Vec<String> {
        self.list_in(Section::KPlugin, "MimeTypes")
    }

    /// Whether `name` is among [`mime_types`](Self::mime_types). Unlike KDE's method of this name it
    /// knows nothing of aliases and of types that are kinds of others, which the system's MIME
    /// database has.
    #[must_use]
    pub fn supports_mime_type(self, name: &str) -> bool {
        self.mime_types().iter().any(|own| own == name)
    }

    /// `KPlugin.FormFactors`: `desktop`, `phone` and such.
    #[must_use]
    pub fn form_factors(self) -> Vec<String> {
        self.list_in(Section::KPlugin, "FormFactors")
    }

    /// `KPlugin.Dependencies`.
    #[must_use]
    pub fn dependencies(self) -> Vec<String> {
        self.list_in(Section::KPlugin, "Dependencies")
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

    /// `KPlugin.InitialPreference`: of several plugins for one job the one with the highest comes
    /// first. 0 if there is none, or no whole number.
    #[must_use]
    pub fn initial_preference(self) -> i32 {
        let preference = self.kplugin("InitialPreference").and_then(Value::as_i64);
        preference
            .and_then(|preference| i32::try_from(preference).ok())
            .unwrap_or(0)
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
        self.value_in(Section::Root, key)
    }

    /// A root key as a value of the type that the caller wants: a flag, a number, a list, a struct of
    /// its own. `None` where there is no such key.
    ///
    /// Nothing is converted but what KDE converts: a flag may also be the text `true` or `false`, and
    /// a number may be text that is a number, since metadata that were a `.desktop` file once have
    /// them like that.
    ///
    /// # Errors
    ///
    /// [`ValueError`] names the key, and what is there instead.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyway_metadata::{Document, Format};
    /// let text = r#"{"X-Order": 3, "X-Old": "true", "X-Sizes": [16, 32], "X-Odd": {}}"#;
    /// let document = Document::parse(Format::Json, text.as_bytes())?;
    /// let metadata = document.metadata();
    /// assert_eq!(metadata.get::<u32>("X-Order")?, Some(3));
    /// assert_eq!(metadata.get::<bool>("X-Old")?, Some(true));
    /// assert_eq!(metadata.get::<Vec<u8>>("X-Sizes")?, Some(vec![16, 32]));
    /// assert_eq!(metadata.get::<bool>("X-Missing")?, None);
    /// assert_eq!(
    ///     metadata.get::<bool>("X-Odd").unwrap_err().to_string(),
    ///     "the metadata key `X-Odd`: invalid type: map, expected a boolean",
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get<T: DeserializeOwned>(self, key: &str) -> Result<Option<T>, ValueError> {
        let Some(value) = self.raw().get(key) else {
            return Ok(None);
        };
        let wrong = match T::deserialize(value) {
            Ok(found) => return Ok(Some(found)),
            Err(wrong) => wrong,
        };
        let written = value.as_str().map(str::trim);
        let converted = written.and_then(|text| T::deserialize(&written_value(text)?).ok());
        converted.map(Some).ok_or_else(|| ValueError {
            key: key.to_owned(),
            source: wrong,
        })
    }

    /// A key of `KPlugin` as one text, as [`value`](Self::value) has those of the root.
    #[must_use]
    pub fn kplugin_value(self, key: &str) -> Option<Cow<'a, str>> {
        self.value_in(Section::KPlugin, key)
    }

    /// A root key as a list of texts: a list entry by entry, a text, number or boolean as a list
    /// of one, anything else as the empty list.
    #[must_use]
    pub fn list(self, key: &str) -> Vec<String> {
        self.list_in(Section::Root, key)
    }

    /// A text of `KPlugin` in a language: of `Name[ll_CC]`, `Name[ll]` and `Name` the first that
    /// is there. If that one is not text, the answer is `None` and no further one is tried.
    ///
    /// The locale is written as in the environment (`de_AT.UTF-8`); what follows a `.` or `@` does
    /// not count, as in KDE Frameworks 5. `C`, `POSIX` and an empty locale are the C locale, for
    /// which `Name[C]` is tried first.
    #[must_use]
    pub fn translated(self, key: &str, locale: &str) -> Option<&'a str> {
        translated(|key| self.entry(key), key, locale)
    }

    fn value_in(self, section: Section, key: &str) -> Option<Cow<'a, str>> {
        match self.piece(section, key) {
            Piece::Missing => None,
            Piece::Text(text) => Some(Cow::Borrowed(text)),
            Piece::List(texts) => {
                let texts: Vec<&str> = texts.iter().collect();
                (!texts.is_empty()).then(|| Cow::Owned(texts.join(",")))
            }
            Piece::Flag(_) | Piece::Other => values::single_text(self.member(section, key)?),
        }
    }

    fn list_in(self, section: Section, key: &str) -> Vec<String> {
        match self.piece(section, key) {
            Piece::Missing => Vec::new(),
            Piece::List(texts) => texts.iter().map(str::to_owned).collect(),
            _ => match section {
                Section::Root => values::list_of_texts(self.member(section, key)),
                Section::KPlugin => values::texts(self.member(section, key)),
            },
        }
    }

    fn member(self, section: Section, key: &str) -> Option<&'a Value> {
        match section {
            Section::Root => self.raw().get(key),
            Section::KPlugin => self.raw().get("KPlugin")?.get(key),
        }
    }

    /// What stands under a key of `KPlugin`.
    fn kplugin(self, key: &str) -> Option<&'a Value> {
        match self.piece(Section::KPlugin, key) {
            Piece::Missing => None,
            _ => self.raw().get("KPlugin")?.get(key),
        }
    }

    /// The same, as far as it is text.
    fn entry(self, key: &str) -> Entry<'a> {
        match self.piece(Section::KPlugin, key) {
            Piece::Missing => Entry::Missing,
            Piece::Text(text) => Entry::Text(text),
            Piece::Flag(_) | Piece::List(_) => Entry::NoText,
            Piece::Other => Entry::of(self.raw().get("KPlugin").and_then(|it| it.get(key))),
        }
    }

    fn text(self, key: &str) -> Option<&'a str> {
        self.entry(key).text()
    }

    fn piece(self, section: Section, key: &str) -> Piece<'a> {
        match self.0 {
            Source::Map(_) => Piece::Other,
            Source::Document(document) => document.piece(section, key),
        }
    }
}

impl<'a> From<&'a Document> for PluginMetadata<'a> {
    fn from(document: &'a Document) -> PluginMetadata<'a> {
        document.metadata()
    }
}

/// A flag or a number that is written as text.
fn written_value(text: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(text).ok()?;
    (value.is_boolean() || value.is_number()).then_some(value)
}

/// What stands under a key where text belongs.
enum Entry<'a> {
    Missing,
    Text(&'a str),
    NoText,
}

impl<'a> Entry<'a> {
    fn of(value: Option<&'a Value>) -> Self {
        match value {
            None => Self::Missing,
            Some(Value::String(text)) => Self::Text(text),
            Some(_) => Self::NoText,
        }
    }

    fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Missing | Self::NoText => None,
        }
    }
}

fn translated_in<'a>(object: &'a Map<String, Value>, key: &str, locale: &str) -> Option<&'a str> {
    translated(|key| Entry::of(object.get(key)), key, locale)
}

/// The first entry that is there, for the locale, its language, or none.
fn translated<'a>(entry: impl Fn(&str) -> Entry<'a>, key: &str, locale: &str) -> Option<&'a str> {
    let locale = match locale.split(['.', '@']).next() {
        None | Some("" | "POSIX") => "C",
        Some(locale) => locale,
    };
    let language = locale.split('_').next().unwrap_or(locale);
    for key in [
        &*format!("{key}[{locale}]"),
        &*format!("{key}[{language}]"),
        key,
    ] {
        match entry(key) {
            Entry::Missing => {}
            found => return found.text(),
        }
    }
    None
}

#[cfg(test)]
mod tests;
