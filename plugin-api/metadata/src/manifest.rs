//! The manifest: what a plugin's file says of itself, readable without running anything of it.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::TypeName;

/// The version of the manifest's form.
pub const FORMAT: u32 = 1;

/// What a plugin gives under a type name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TypeKind {
    /// A package structure.
    Structure,
    /// A package's lifecycle.
    Lifecycle,
    /// Something that this version of Keyway does not know.
    #[serde(untagged)]
    Other(String),
}

impl fmt::Display for TypeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Structure => "structure",
            Self::Lifecycle => "lifecycle",
            Self::Other(name) => name,
        })
    }
}

/// One type that a plugin gives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GivenType {
    /// The type's name.
    #[serde(rename = "type")]
    pub name: TypeName,
    /// What it is.
    pub kind: TypeKind,
}

/// What a plugin says of the border that it was built for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abi {
    /// The major: must be the host's.
    pub major: u16,
    /// The minor that it was built with; informs.
    pub minor: u16,
    /// The oldest minor that has what it uses: must not be above the host's.
    pub least_host_minor: u16,
    /// The digest of the border's sources; informs.
    #[serde(default)]
    pub digest: String,
}

/// What a plugin's file says of itself.
///
/// Unknown keys are ignored, so that a later form may say more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this form, [`FORMAT`].
    pub format: u32,
    /// The plugin's id.
    pub id: String,
    /// The plugin's version; may be empty.
    #[serde(default)]
    pub version: String,
    /// The types that it gives.
    pub types: Vec<GivenType>,
    /// The border that it was built for.
    pub abi: Abi,
    /// The target triple that it was compiled for.
    pub target: String,
    /// The width of a pointer in bits.
    pub pointer_width: u32,
    /// The byte order, `little` or `big`.
    pub endian: String,
    /// What a panic does: `unwind` or `abort`; `none` where there are no panics, as in C.
    pub panic: String,
    /// The compiler; informs.
    #[serde(default)]
    pub rustc: String,
    /// The version of `keyway-plugin`; informs.
    #[serde(default)]
    pub keyway_plugin: String,
    /// The version of abi_stable that its evidence is made with; informs.
    #[serde(default)]
    pub abi_stable: String,
    /// The author's metadata in KDE's form, kept whole and unread.
    #[serde(default = "no_metadata")]
    metadata: Box<RawValue>,
}

fn no_metadata() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}

/// Bytes that are no manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The bytes are not JSON, or not of the manifest's form.
    #[error("the manifest cannot be read")]
    Form(#[source] serde_json::Error),
    /// The manifest is of a form that this version does not know.
    #[error("the manifest has form {found}, this host reads form {FORMAT}")]
    Format {
        /// Its form.
        found: u32,
    },
    /// The plugin has no id.
    #[error("the manifest has an empty plugin id")]
    NoId,
    /// The same type is named twice.
    #[error("the manifest names the {kind} `{name}` twice")]
    DoubledType {
        /// The type's name.
        name: TypeName,
        /// What it is.
        kind: TypeKind,
    },
}

impl Manifest {
    /// Reads a manifest: the description of a plugin's note.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] names the first thing that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = match serde_json::from_slice(bytes) {
            Ok(manifest) => manifest,
            Err(error) => return Err(Self::explain(bytes, error)),
        };
        if manifest.format != FORMAT {
            return Err(ManifestError::Format {
                found: manifest.format,
            });
        }
        if manifest.id.is_empty() {
            return Err(ManifestError::NoId);
        }
        let mut seen = BTreeSet::new();
        for given in &manifest.types {
            if !seen.insert(given) {
                return Err(ManifestError::DoubledType {
                    name: given.name.clone(),
                    kind: given.kind.clone(),
                });
            }
        }
        Ok(manifest)
    }

    /// A later form may be unreadable here in other ways too: then its number says why.
    fn explain(bytes: &[u8], error: serde_json::Error) -> ManifestError {
        #[derive(Deserialize)]
        struct Numbered {
            format: u32,
        }
        match serde_json::from_slice::<Numbered>(bytes) {
            Ok(Numbered { format }) if format != FORMAT => ManifestError::Format { found: format },
            _ => ManifestError::Form(error),
        }
    }

    /// The author's metadata in KDE's form; empty if it is no object.
    #[must_use]
    pub fn metadata(&self) -> Map<String, Value> {
        serde_json::from_str(self.metadata.get()).unwrap_or_default()
    }

    /// The names of the types of one kind.
    pub fn types_of(&self, kind: TypeKind) -> impl Iterator<Item = &TypeName> {
        self.types
            .iter()
            .filter(move |given| given.kind == kind)
            .map(|given| &given.name)
    }
}

/// The start of a manifest's text: what is known before the build, without the closing brace.
///
/// The export macro writes it; what only the build knows is appended while compiling.
#[must_use]
pub fn manifest_head(
    id: &str,
    version: &str,
    types: &[GivenType],
    metadata: &Map<String, Value>,
) -> String {
    #[derive(Serialize)]
    struct Head<'a> {
        format: u32,
        id: &'a str,
        version: &'a str,
        types: &'a [GivenType],
        metadata: &'a Map<String, Value>,
    }
    let head = Head {
        format: FORMAT,
        id,
        version,
        types,
        metadata,
    };
    // Text, numbers and JSON values always have a JSON form.
    let mut text = serde_json::to_string(&head).unwrap_or_default();
    text.truncate(text.len().saturating_sub(1));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str = r#","abi":{"major":1,"minor":0,"least_host_minor":0},"target":"t","pointer_width":64,"endian":"little","panic":"unwind"}"#;

    fn parse(head: &str) -> Result<Manifest, String> {
        Manifest::parse(format!("{head}{REST}").as_bytes()).map_err(|error| error.to_string())
    }

    fn given(name: &str, kind: TypeKind) -> GivenType {
        GivenType {
            name: name.parse().unwrap(),
            kind,
        }
    }

    #[test]
    fn what_is_no_manifest_is_refused() {
        assert_eq!(
            parse(r#"{"format":1,"id":"a","types":"#).unwrap_err(),
            "the manifest cannot be read"
        );
        assert_eq!(
            parse(r#"{"format":2,"types":7"#).unwrap_err(),
            "the manifest has form 2, this host reads form 1"
        );
        assert_eq!(
            parse(r#"{"format":1,"id":"","types":[]"#).unwrap_err(),
            "the manifest has an empty plugin id"
        );
        let twice = r#"{"type":"A/B","kind":"structure"}"#;
        assert_eq!(
            parse(&format!(
                r#"{{"format":1,"id":"a","types":[{twice},{twice}]"#
            ))
            .unwrap_err(),
            "the manifest names the structure `A/B` twice"
        );
    }

    #[test]
    fn what_the_macro_writes_is_read() {
        let metadata = serde_json::json!({"KPlugin": {"Id": "a", "Name": "ä"}});
        let metadata = metadata.as_object().unwrap().clone();
        let types = [
            given("A/B", TypeKind::Structure),
            given("A/B", TypeKind::Lifecycle),
        ];
        let manifest = parse(&manifest_head("a", "1.2", &types, &metadata)).unwrap();
        assert_eq!((&*manifest.id, &*manifest.version), ("a", "1.2"));
        assert_eq!(manifest.types, types);
        assert_eq!(manifest.metadata(), metadata);
    }

    #[test]
    fn a_kind_of_the_future_is_kept() {
        let text = r#"{"format":1,"id":"a","types":[{"type":"A/B","kind":"renderer"}],"new":1"#;
        let manifest = parse(text).unwrap();
        assert_eq!(manifest.types[0].kind, TypeKind::Other("renderer".into()));
        assert_eq!(manifest.types_of(TypeKind::Structure).count(), 0);
    }
}
