//! The types that a plugin's metadata declare, checked.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::plugin::PluginMetadata;
use crate::type_name::{TypeName, TypeNameError};
use crate::{desktop_lines, values};

const STRUCTURES: &str = "KPackageStructure";
const LIFECYCLES: &str = "X-Keyway-Lifecycle";

/// Why a plugin's metadata do not say which types it defines.
///
/// Entries count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeclaredTypesError {
    /// There is neither `KPackageStructure` nor an id.
    #[error("there is neither `KPackageStructure` nor a `KPlugin.Id` that could name the type")]
    Missing,
    /// There is only an id, and it is not a type name.
    #[error("there is no `KPackageStructure`, and `KPlugin.Id` does not name a type")]
    Id {
        /// What is wrong with the id.
        source: TypeNameError,
    },
    /// The key holds neither text nor a list.
    #[error("`{key}` is {found}, expected a type name or a list of type names")]
    NotAList {
        /// The key.
        key: &'static str,
        /// What it holds, such as `a number`.
        found: &'static str,
    },
    /// The key is there and names nothing.
    #[error("`{key}` is empty, expected a type name or a list of type names")]
    Empty {
        /// The key.
        key: &'static str,
    },
    /// An entry of the list is not text.
    #[error("entry {entry} of `{key}` is {found}, expected a type name")]
    EntryNotText {
        /// The key.
        key: &'static str,
        /// Which entry.
        entry: usize,
        /// What it is, such as `a number`.
        found: &'static str,
    },
    /// An entry is not a type name.
    #[error("entry {entry} of `{key}` does not name a type")]
    Entry {
        /// The key.
        key: &'static str,
        /// Which entry; a single text is entry 1.
        entry: usize,
        /// What is wrong with it.
        source: TypeNameError,
    },
    /// Two entries are the same.
    #[error("entry {entry} of `{key}` is `{name}`, and so is entry {first}")]
    Doubled {
        /// The key.
        key: &'static str,
        /// The name that is there twice.
        name: TypeName,
        /// The first of the two entries.
        first: usize,
        /// The second of the two entries.
        entry: usize,
    },
}

impl PluginMetadata<'_> {
    /// The package structures that a plugin defines, in the order in which they are written: those
    /// of `KPackageStructure`, a text or a list; without that key, the plugin's id.
    ///
    /// A text may name several, separated by commas: a `.desktop` file has no other way to write
    /// a list, and for KDE the two are the same value.
    ///
    /// # Errors
    ///
    /// Nothing is named, a name is not `Vendor/Name`, or a name is there twice. A plugin that has
    /// lifecycles only ends at [`DeclaredTypesError::Missing`] or [`DeclaredTypesError::Id`].
    pub fn structure_type_names(self) -> Result<Vec<TypeName>, DeclaredTypesError> {
        if let Some(value) = self.raw().get(STRUCTURES) {
            return type_names(STRUCTURES, value);
        }
        let id = self.id().ok_or(DeclaredTypesError::Missing)?;
        let name = id
            .parse()
            .map_err(|source| DeclaredTypesError::Id { source })?;
        Ok(vec![name])
    }

    /// The lifecycles that a plugin defines: those of `X-Keyway-Lifecycle`, written like
    /// `KPackageStructure`. Without the key there are none. The key is Keyway's own.
    ///
    /// # Errors
    ///
    /// The key is there and names nothing, a name is not `Vendor/Name`, or a name is there twice.
    pub fn lifecycle_type_names(self) -> Result<Vec<TypeName>, DeclaredTypesError> {
        match self.raw().get(LIFECYCLES) {
            Some(value) => type_names(LIFECYCLES, value),
            None => Ok(Vec::new()),
        }
    }
}

fn type_names(key: &'static str, value: &Value) -> Result<Vec<TypeName>, DeclaredTypesError> {
    let texts: Vec<String> = match value {
        Value::String(text) => desktop_lines::split_list(text, ',')
            .iter()
            .map(|name| name.trim().to_owned())
            .collect(),
        Value::Array(entries) => (1..)
            .zip(entries)
            .map(|(entry, value)| match value {
                Value::String(text) => Ok(text.clone()),
                other => Err(DeclaredTypesError::EntryNotText {
                    key,
                    entry,
                    found: values::kind(other),
                }),
            })
            .collect::<Result<_, _>>()?,
        other => {
            return Err(DeclaredTypesError::NotAList {
                key,
                found: values::kind(other),
            });
        }
    };
    if texts.is_empty() {
        return Err(DeclaredTypesError::Empty { key });
    }
    let mut names = Vec::with_capacity(texts.len());
    let mut entries = BTreeMap::new();
    for (entry, text) in (1..).zip(texts) {
        let name = TypeName::try_from(text).map_err(|source| DeclaredTypesError::Entry {
            key,
            entry,
            source,
        })?;
        if let Some(first) = entries.insert(name.clone(), entry) {
            return Err(DeclaredTypesError::Doubled {
                key,
                name,
                first,
                entry,
            });
        }
        names.push(name);
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use serde_json::json;

    use super::*;
    use crate::{Document, Format};

    fn structures(value: &Value) -> Result<Vec<TypeName>, DeclaredTypesError> {
        PluginMetadata::new(value.as_object().unwrap()).structure_type_names()
    }

    fn lifecycles(value: &Value) -> Result<Vec<TypeName>, DeclaredTypesError> {
        PluginMetadata::new(value.as_object().unwrap()).lifecycle_type_names()
    }

    #[test]
    fn refusals_say_where() {
        for (value, expected) in [
            (
                json!({"KPlugin": {"Id": ""}}),
                "there is neither `KPackageStructure` nor a `KPlugin.Id` that could name the type",
            ),
            (
                json!({"KPlugin": {"Id": "org.example"}}),
                "there is no `KPackageStructure`, and `KPlugin.Id` does not name a type",
            ),
            (
                json!({"KPackageStructure": 5, "KPlugin": {"Id": "A/B"}}),
                "`KPackageStructure` is a number, expected a type name or a list of type names",
            ),
            (
                json!({"KPackageStructure": ""}),
                "`KPackageStructure` is empty, expected a type name or a list of type names",
            ),
            (
                json!({"KPackageStructure": []}),
                "`KPackageStructure` is empty, expected a type name or a list of type names",
            ),
            (
                json!({"KPackageStructure": ["A/B", null]}),
                "entry 2 of `KPackageStructure` is `null`, expected a type name",
            ),
            (
                json!({"KPackageStructure": ["A/B", "C"]}),
                "entry 2 of `KPackageStructure` does not name a type",
            ),
            (
                json!({"KPackageStructure": "A/B,,C/D"}),
                "entry 2 of `KPackageStructure` does not name a type",
            ),
            (
                json!({"KPackageStructure": ["A/B", "C/D", "A/B"]}),
                "entry 3 of `KPackageStructure` is `A/B`, and so is entry 1",
            ),
        ] {
            assert_eq!(structures(&value).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn the_cause_says_what_is_wrong_with_the_name() {
        let id = structures(&json!({"KPlugin": {"Id": "org.example"}})).unwrap_err();
        assert_eq!(
            id.source().unwrap().to_string(),
            "`org.example` is not a type name: it has no `/`, expected `Vendor/Name`"
        );
        let entry = structures(&json!({"KPackageStructure": "A/B/C"})).unwrap_err();
        assert_eq!(
            entry.source().unwrap().to_string(),
            "`A/B/C` is not a type name: character 4 is a second `/`, expected exactly one"
        );
    }

    #[test]
    fn lifecycle_refusals_name_their_own_key() {
        for (value, expected) in [
            (
                json!({"X-Keyway-Lifecycle": true}),
                "`X-Keyway-Lifecycle` is a boolean, expected a type name or a list of type names",
            ),
            (
                json!({"X-Keyway-Lifecycle": "x"}),
                "entry 1 of `X-Keyway-Lifecycle` does not name a type",
            ),
        ] {
            assert_eq!(lifecycles(&value).unwrap_err().to_string(), expected);
        }
        assert_eq!(lifecycles(&json!({})), Ok(Vec::new()));
    }

    #[test]
    fn a_text_a_list_and_the_id_name_types() {
        for (value, expected) in [
            (
                json!({"KPackageStructure": "A/B", "KPlugin": {"Id": "x"}}),
                &["A/B"][..],
            ),
            (
                json!({"KPackageStructure": ["A/B", "C/D"]}),
                &["A/B", "C/D"],
            ),
            (json!({"KPackageStructure": "A/B, C/D,"}), &["A/B", "C/D"]),
            (
                json!({"KPlugin": {"Id": "MyApp/MyStructure"}}),
                &["MyApp/MyStructure"],
            ),
        ] {
            assert_eq!(structures(&value).unwrap(), expected, "{value}");
        }
        let both = json!({"KPackageStructure": "A/B", "X-Keyway-Lifecycle": ["A/B"]});
        assert_eq!(lifecycles(&both).unwrap(), structures(&both).unwrap());
    }

    #[test]
    fn a_desktop_file_names_several() {
        let text = b"[Desktop Entry]\nKPackageStructure=A/B,C/D\nX-Keyway-Lifecycle=E/F\n";
        let document = Document::parse(Format::Desktop, text).unwrap();
        assert_eq!(
            document.metadata().structure_type_names().unwrap(),
            ["A/B", "C/D"]
        );
        assert_eq!(document.metadata().lifecycle_type_names().unwrap(), ["E/F"]);
    }
}
