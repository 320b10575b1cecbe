//! What a JSON text holds, found without taking it apart: most questions about metadata are after a
//! few texts, and most of a metadata file are translations that nobody asks for.

use std::borrow::Cow;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Where the members of a text's root object, and of the object `KPlugin` in it, stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outline {
    root: Vec<Member>,
    kplugin: Vec<Member>,
}

/// Which object a member is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Root,
    KPlugin,
}

/// What stands under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Missing,
    Text(&'a str),
    List(Texts<'a>),
    Flag(bool),
    /// Something that only the whole parse tells.
    Other,
}

/// Where a part of the text begins and ends: metadata files are far smaller than 4 GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    start: u32,
    end: u32,
}

impl Place {
    /// Where `part` stands in `text`, if it is a part of it.
    fn of(part: &str, text: &str) -> Option<Place> {
        let start = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
        let end = start.checked_add(part.len())?;
        if end > text.len() {
            return None;
        }
        Some(Place {
            start: u32::try_from(start).ok()?,
            end: u32::try_from(end).ok()?,
        })
    }

    fn part(self, text: &str) -> Option<&str> {
        text.get(self.start as usize..self.end as usize)
    }

    fn len(self) -> usize {
        (self.end - self.start) as usize
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    key: Place,
    value: Value,
}

/// The entries of a list that holds nothing but texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Texts<'a> {
    text: &'a str,
    places: &'a [Place],
}

impl<'a> Texts<'a> {
    pub(crate) fn iter(self) -> impl Iterator<Item = &'a str> {
        let places = self.places.iter();
        places.filter_map(move |place| place.part(self.text))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Text(Place),
    List(Box<[Place]>),
    Flag(bool),
    Other,
}

impl Outline {
    /// Reads a text whose root is an object, as strictly as it is taken apart later. `None` for
    /// everything else, also for a key with an escape in it: then it must be taken apart now.
    pub(crate) fn of(text: &str) -> Option<Outline> {
        /// About as many bytes as a member of `KPlugin` has.
        const MEMBER: usize = 48;
        let mut outline = Outline {
            root: Vec::with_capacity(8),
            kplugin: Vec::with_capacity(text.len().min(64 * 1024) / MEMBER),
        };
        let mut reader = serde_json::Deserializer::from_str(text);
        let root = Object {
            text,
            outline: &mut outline,
            section: Section::Root,
        };
        root.deserialize(&mut reader).ok()?;
        reader.end().ok()?;
        Some(outline)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.root.is_empty()
    }

    /// What stands under `key` in the text that this is the outline of; of doubled keys the last.
    pub(crate) fn get<'a>(&'a self, text: &'a str, section: Section, key: &str) -> Piece<'a> {
        let members = match section {
            Section::Root => &self.root,
            Section::KPlugin => &self.kplugin,
        };
        let found = members
            .iter()
            .rev()
            .find(|member| member.key.len() == key.len() && member.key.part(text) == Some(key));
        match found.map(|member| &member.value) {
            None => Piece::Missing,
            Some(Value::Text(place)) => place.part(text).map_or(Piece::Other, Piece::Text),
            Some(Value::List(places)) => Piece::List(Texts { text, places }),
            Some(Value::Flag(flag)) => Piece::Flag(*flag),
            Some(Value::Other) => Piece::Other,
        }
    }

    /// The keys of `KPlugin` in the text that this is the outline of.
    pub(crate) fn kplugin_keys<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a str> {
        let keys = self.kplugin.iter();
        keys.filter_map(move |member| member.key.part(text))
    }

    fn members(&mut self, section: Section) -> &mut Vec<Member> {
        match section {
            Section::Root => &mut self.root,
            Section::KPlugin => &mut self.kplugin,
        }
    }
}

/// Refuses keys by which serde_json means something of its own: taken apart they are no members.
fn refuse_private<E: Error>(key: &str) -> Result<(), E> {
    if key.starts_with("$serde_json::private::") {
        return Err(E::custom("a private key"));
    }
    Ok(())
}

/// Reads an object's members into the outline.
struct Object<'o, 'de> {
    text: &'de str,
    outline: &'o mut Outline,
    section: Section,
}

impl<'de> DeserializeSeed<'de> for Object<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(key) = members.next_key::<&'de str>()? {
            refuse_private(key)?;
            let place = Place::of(key, self.text);
            let place = place.ok_or_else(|| A::Error::custom("no place"))?;
            let value = match (self.section, key) {
                // Of doubled ones the last counts.
                (Section::Root, "KPlugin") => {
                    self.outline.kplugin.clear();
                    members.next_value_seed(KPlugin {
                        text: self.text,
                        outline: self.outline,
                    })?;
                    Value::Other
                }
                _ => members.next_value_seed(Scalar { text: self.text })?,
            };
            let member = Member { key: place, value };
            self.outline.members(self.section).push(member);
        }
        Ok(())
    }
}

/// Reads what stands under `KPlugin`, an object or not.
struct KPlugin<'o, 'de> {
    text: &'de str,
    outline: &'o mut Outline,
}

impl<'de> DeserializeSeed<'de> for KPlugin<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for KPlugin<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<(), A::Error> {
        let object = Object {
            text: self.text,
            outline: self.outline,
            section: Section::KPlugin,
        };
        object.visit_map(members)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, entries: A) -> Result<(), A::Error> {
        skip(entries)
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Reads any value, and keeps it if it is a text or a flag.
struct Scalar<'de> {
    text: &'de str,
}

impl<'de> DeserializeSeed<'de> for Scalar<'de> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scalar<'de> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value, E> {
        Ok(Place::of(text, self.text).map_or(Value::Other, Value::Text))
    }

    /// A text with escapes.
    fn visit_str<E>(self, _: &str) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut places = Some(Vec::new());
        while let Some(entry) = entries.next_element_seed(Scalar { text: self.text })? {
            match (entry, &mut places) {
                (Value::Text(place), Some(places)) => places.push(place),
                _ => places = None,
            }
        }
        Ok(places.map_or(Value::Other, |places| Value::List(places.into())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        while let Some(key) = members.next_key::<Cow<'de, str>>()? {
            refuse_private(&key)?;
            members.next_value::<Skipped>()?;
        }
        Ok(Value::Other)
    }
}

fn skip<'de, A: SeqAccess<'de>>(mut entries: A) -> Result<(), A::Error> {
    while entries.next_element::<Skipped>()?.is_some() {}
    Ok(())
}

/// Something that is read as strictly as everything else, unlike `IgnoredAny`, and not kept.
struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Skipped, D::Error> {
        deserializer
            .deserialize_any(Scalar { text: "" })
            .map(|_| Skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"a": "x", "b": true, "KPlugin": {"Id": "old"}, "n": 1, "a": "y",
        "KPlugin": {"Id": "new", "Name[de]": "Ä", "deep": {"Id": "other"}, "esc": "a\nb"}}"#;

    #[test]
    fn what_must_be_taken_apart_has_no_outline() {
        for text in [
            "",
            "[]",
            "5",
            "{",
            "{}x",
            r#"{"a":}"#,
            r#"{"a\u0062":1}"#,
            r#"{"n":1e999}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":["\ud800"]}"#,
            "{\"a\":\"\t\"}",
            r#"{"KPlugin":{"x\n":1}}"#,
            r#"{"$serde_json::private::RawValue":"{"}"#,
            r#"{"a":[{"$serde_json::private::RawValue":"{"}]}"#,
            r#"{"KPlugin":{"$serde_json::private::Number":"x"}}"#,
        ] {
            assert_eq!(Outline::of(text), None, "{text}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        assert_eq!(Outline::of(&deep), None);
    }

    #[test]
    fn pieces_are_those_of_the_last_member_of_that_name() {
        let outline = Outline::of(TEXT).unwrap();
        let get = |section, key| outline.get(TEXT, section, key);
        assert_eq!(get(Section::Root, "a"), Piece::Text("y"));
        assert_eq!(get(Section::Root, "b"), Piece::Flag(true));
        assert_eq!(get(Section::Root, "n"), Piece::Other);
        let text = r#"{"l": ["a", "b"], "e": [], "m": ["a", 1], "x": ["\n"]}"#;
        let lists = Outline::of(text).unwrap();
        let list = |key| match lists.get(text, Section::Root, key) {
            Piece::List(texts) => Some(texts.iter().collect::<Vec<_>>()),
            _ => None,
        };
        assert_eq!(list("l"), Some(vec!["a", "b"]));
        assert_eq!(list("e"), Some(Vec::new()));
        assert_eq!((list("m"), list("x")), (None, None));
        assert_eq!(get(Section::Root, "Id"), Piece::Missing);
        assert_eq!(get(Section::Root, "KPlugin"), Piece::Other);
        assert_eq!(get(Section::KPlugin, "Id"), Piece::Text("new"));
        assert_eq!(get(Section::KPlugin, "Name[de]"), Piece::Text("Ä"));
        assert_eq!(get(Section::KPlugin, "esc"), Piece::Other);
        assert_eq!(get(Section::KPlugin, "a"), Piece::Missing);
        assert!(!outline.is_empty());
        assert!(Outline::of(" {} ").unwrap().is_empty());
    }

    #[test]
    fn a_kplugin_that_is_no_object_has_no_members() {
        for value in [
            "5",
            "-5",
            "1.5",
            "null",
            "true",
            "\"x\"",
            "[{\"Id\": 1}]",
            r#""\n""#,
        ] {
            let text = format!(r#"{{"KPlugin": {{"Id": "a"}}, "KPlugin": {value}}}"#);
            let outline = Outline::of(&text).unwrap();
            assert_eq!(outline.get(&text, Section::KPlugin, "Id"), Piece::Missing);
        }
    }

    /// Each character of a text replaced by each of these: where there is an outline, the text can be
    /// taken apart, and both say the same.
    #[test]
    fn the_outline_is_as_strict_as_the_parse() {
        let mut outlines = 0;
        for place in 0..TEXT.len() {
            for by in [
                "", "\"", "{", "}", "[", ",", ":", "\\", "1", "e", "-", "\u{1}", "\\u12", "ü",
            ] {
                let (Some(before), Some(after)) = (TEXT.get(..place), TEXT.get(place + 1..)) else {
                    continue;
                };
                let text = format!("{before}{by}{after}");
                let Some(outline) = Outline::of(&text) else {
                    continue;
                };
                outlines += 1;
                let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
                for key in ["a", "b", "n", "Id", "Name[de]", "esc", ""] {
                    for (section, object) in [
                        (Section::Root, Some(&parsed)),
                        (Section::KPlugin, parsed.get("KPlugin")),
                    ] {
                        let value = object.and_then(|object| object.get(key));
                        match outline.get(&text, section, key) {
                            Piece::Missing => assert_eq!(value, None, "{key} {text}"),
                            Piece::Text(found) => {
                                assert_eq!(value.unwrap().as_str(), Some(found), "{key} {text}");
                            }
                            Piece::Flag(found) => {
                                assert_eq!(value.unwrap().as_bool(), Some(found), "{key} {text}");
                            }
                            Piece::List(found) => {
                                let texts: Vec<&str> = found.iter().collect();
                                assert_eq!(*value.unwrap(), serde_json::json!(texts), "{text}");
                            }
                            Piece::Other => assert!(value.is_some(), "{key} {text}"),
                        }
                    }
                }
            }
        }
        assert!(outlines > 500, "{outlines}");
    }
}
