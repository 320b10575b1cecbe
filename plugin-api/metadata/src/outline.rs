//! What a listing wants to know of a metadata file, without making the rest.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::document::Document;
use crate::plugin::PluginMetadata;
use crate::position::text_without_bom;

/// The parts of a JSON document that say what it is: id, name, version and types.
///
/// Made several times faster than the [`Document`], and by the same rules: there is an outline
/// exactly where [`Document::parse`] reads an object that is not empty, and
/// [`metadata`](Self::metadata) then gives the same answers about these parts.
///
/// # Examples
///
/// ```
/// use keyway_metadata::Outline;
///
/// let text = br#"{"KPlugin": {"Id": "a", "Name": "Hi", "Name[de]": "Hallo", "Icon": "b"}}"#;
/// let outline = Outline::of(text).expect("sound JSON");
/// assert_eq!(outline.metadata().id(), Some("a"));
/// assert_eq!(outline.metadata().name(), Some("Hi"));
/// assert!(outline.is_translated());
/// assert!(Outline::of(b"{").is_none());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Outline {
    document: Document,
    translated: bool,
}

impl Outline {
    /// The outline of a JSON file with these bytes. `None` where [`Document::parse`] has an error,
    /// and for an empty object.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Outline> {
        let text = text_without_bom(bytes).ok()?;
        let mut json = serde_json::Deserializer::from_str(text);
        let root = json.deserialize_map(Root).ok()?;
        json.end().ok()?;
        root
    }

    /// Id, name in the C locale, version, `KPackageStructure` and `KPlugin.ServiceTypes`; whatever
    /// else is asked for is not there.
    #[must_use]
    pub fn metadata(&self) -> PluginMetadata<'_> {
        self.document.metadata()
    }

    /// Whether `KPlugin` has the name in a language.
    #[must_use]
    pub fn is_translated(&self) -> bool {
        self.translated
    }
}

/// The root object.
struct Root;

impl<'de> Visitor<'de> for Root {
    type Value = Option<Outline>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut root = Map::new();
        let (mut translated, mut empty) = (false, true);
        while let Some(key) = map.next_key_seed(Key)? {
            empty = false;
            match key {
                Known::KPlugin => {
                    // Of doubled keys the last one stands.
                    let (value, has_names) = map.next_value_seed(KPlugin)?;
                    translated = has_names;
                    root.insert("KPlugin".to_owned(), value);
                }
                Known::Structure => {
                    root.insert("KPackageStructure".to_owned(), map.next_value()?);
                }
                _ => map.next_value_seed(Skipped)?,
            }
        }
        Ok((!empty).then(|| Outline {
            document: Document::from(root),
            translated,
        }))
    }
}

/// What stands under `KPlugin`, and whether names in languages are among it.
struct KPlugin;

impl<'de> DeserializeSeed<'de> for KPlugin {
    type Value = (Value, bool);

    fn deserialize<D: serde::Deserializer<'de>>(self, value: D) -> Result<Self::Value, D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for KPlugin {
    type Value = (Value, bool);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut parts = Map::new();
        let mut translated = false;
        while let Some(key) = map.next_key_seed(Key)? {
            let name = match key {
                Known::Id => "Id",
                Known::Name => "Name",
                Known::NameInC => "Name[C]",
                Known::Version => "Version",
                Known::ServiceTypes => "ServiceTypes",
                Known::NameInLanguage => {
                    translated = true;
                    map.next_value_seed(Skipped)?;
                    continue;
                }
                Known::KPlugin | Known::Structure | Known::Other => {
                    map.next_value_seed(Skipped)?;
                    continue;
                }
            };
            parts.insert(name.to_owned(), map.next_value()?);
        }
        Ok((Value::Object(parts), translated))
    }

    // What is no object holds nothing: which of these it is does not matter.
    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok((Value::Null, false))
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok((Value::Null, false))
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok((Value::Null, false))
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok((Value::Null, false))
    }
    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok((Value::Null, false))
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok((Value::Null, false))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        Skipped.visit_seq(seq)?;
        Ok((Value::Null, false))
    }
}

/// The keys that matter.
enum Known {
    KPlugin,
    Structure,
    Id,
    Name,
    NameInC,
    NameInLanguage,
    Version,
    ServiceTypes,
    Other,
}

/// A key of an object.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Known;

    fn deserialize<D: serde::Deserializer<'de>>(self, key: D) -> Result<Known, D::Error> {
        key.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Known;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Known, E> {
        Ok(match key {
            "KPlugin" => Known::KPlugin,
            "KPackageStructure" => Known::Structure,
            "Id" => Known::Id,
            "Name" => Known::Name,
            "Name[C]" => Known::NameInC,
            "Version" => Known::Version,
            "ServiceTypes" => Known::ServiceTypes,
            _ if key.starts_with("Name[") => Known::NameInLanguage,
            // serde_json means something of its own by such keys; let it.
            _ if key.starts_with("$serde_json::private::") => {
                return Err(E::custom("a private key"));
            }
            _ => Known::Other,
        })
    }
}

/// A value that is read as [`Value`] would be, with the same errors, and not kept.
/// `IgnoredAny` is no such thing: it takes half surrogate pairs and numbers that are too large.
struct Skipped;

impl<'de> DeserializeSeed<'de> for Skipped {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Skipped {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Skipped)?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_key_seed(Key)?.is_some() {
            map.next_value_seed(Skipped)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;

    /// What can be asked of an outline.
    fn answers(metadata: PluginMetadata<'_>) -> String {
        format!(
            "{:?} {:?} {:?} {:?} {:?}",
            metadata.id(),
            metadata.name(),
            metadata.version(),
            metadata.value("KPackageStructure"),
            metadata.service_types(),
        )
    }

    fn compare(bytes: &[u8]) -> bool {
        let document = Document::parse(Format::Json, bytes).ok();
        let document = document.filter(|document| !document.is_empty());
        let outline = Outline::of(bytes);
        assert_eq!(
            outline.as_ref().map(|it| answers(it.metadata())),
            document.as_ref().map(|it| answers(it.metadata())),
            "{}",
            String::from_utf8_lossy(bytes)
        );
        if let (Some(outline), Some(document)) = (&outline, &document) {
            let kplugin = document.root().get("KPlugin").and_then(Value::as_object);
            let has_names = kplugin.is_some_and(|it| {
                let mut keys = it.keys();
                keys.any(|key| key.starts_with("Name[") && key != "Name[C]")
            });
            assert_eq!(outline.is_translated(), has_names);
        }
        outline.is_some()
    }

    #[test]
    fn what_is_no_document_has_no_outline() {
        for text in [
            "",
            "{",
            "{}",
            "[]",
            "5",
            "null",
            "{} x",
            r#"{"a": 1e999}"#,
            r#"{"a": "\ud800"}"#,
            r#"{"a": "\q"}"#,
            r#"{"a": 01}"#,
            "{\"a\": \"\n\"}",
            r#"{"a": 1,}"#,
            "{\"a\": \"\u{1}\"}",
        ] {
            assert!(!compare(text.as_bytes()), "{text}");
        }
        assert!(!compare(b"{\"a\": \"\xff\"}"));
        let deep = format!("{{\"a\": {}{}}}", "[".repeat(200), "]".repeat(200));
        assert!(!compare(deep.as_bytes()));
        // What the full reader makes of such a key is its own affair.
        let private = br#"{"a": {"$serde_json::private::RawValue": "5"}}"#;
        assert!(Outline::of(private).is_none());
    }

    #[test]
    fn an_outline_answers_as_the_document_does() {
        for text in [
            r#"{"a": 5}"#,
            "\u{feff}{\"KPlugin\": {\"Id\": \"a\"}}\r\n",
            r#"{"KPlugin": 5, "KPackageStructure": ["A/B", true, 3]}"#,
            r#"{"KPlugin": [{"Id": "a"}], "KPackageStructure": true}"#,
            r#"{"KPlugin": {"Id": "a"}, "KPlugin": {"Name": "b"}}"#,
            r#"{"KPlugin": {"Id": "a", "Id": "b", "Id": 3}}"#,
            r#"{"KPlugin": {"Name": 5, "Name[C]": "x", "Name[de]": "y"}}"#,
            r#"{"KPlugin": {"Name": "x", "Name[C]": null}}"#,
            r#"{"KPlugin": {"\u0049d": "escaped", "Version": 1.5}}"#,
            r#"{"KPlugin": {"ServiceTypes": "A/B"}, "X": {"KPlugin": {"Id": "no"}}}"#,
            r#"{"KPlugin": {"ServiceTypes": ["A/B", 1, {"a": []}]}, "X": [1, -2, 0.5, null, "é"]}"#,
            r#"{"Id": "root", "Name[de]": "root"}"#,
        ] {
            assert!(compare(text.as_bytes()), "{text}");
        }
    }

    /// Any change of a byte: both read it, or neither.
    #[test]
    fn damaged_documents() {
        let text = r#"{"KPlugin": {"Id": "a.b", "Name": "N\u00e9", "Name[de]": "ü", "Version": "1",
            "ServiceTypes": ["A/B"], "X": [1.5e3, true, {"y": null}]}, "KPackageStructure": "A/B"}"#;
        assert!(compare(text.as_bytes()));
        let mut read = 0;
        for at in 0..text.len() {
            for byte in *b"\"\\,:{}[]019eEux\x00 \xff-K" {
                let mut bytes = text.as_bytes().to_vec();
                bytes[at] = byte;
                read += usize::from(compare(&bytes));
            }
            compare(&text.as_bytes()[..at]);
        }
        assert!(read > 1000, "{read}");
    }
}
