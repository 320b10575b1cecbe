//! KDE's older form, the `.desktop` file, into the JSON form.
//!
//! The rules are those of KDE Frameworks 5.103, as KPackage's answers show them. What they map:
//!
//! | key | becomes |
//! |---|---|
//! | `Name`, `Name[..]`, `Icon` | the same in `KPlugin` |
//! | `Comment`, `Comment[..]` | `Description`, `Description[..]` in `KPlugin` |
//! | `X-KDE-PluginInfo-Name` | `Id` |
//! | `X-KDE-PluginInfo-` with `Version`, `Category`, `License`, `Website` | the same without the prefix |
//! | `X-KDE-PluginInfo-EnabledByDefault`, `Hidden` | the same, a boolean |
//! | `X-KDE-PluginInfo-Author`, `-Email`, `-Authors`, `-Emails` | `Authors`, objects with `Name` and `Email` |
//! | `X-KDE-PluginInfo-Depends` | `Dependencies`, a list |
//! | `X-KDE-ServiceTypes`, `ServiceTypes` | `ServiceTypes`, a list |
//! | `X-KDE-FormFactors` | `FormFactors`, a list |
//! | `MimeType` | `MimeTypes`, a list split at `;`, and unchanged beside `KPlugin` |
//! | `InitialPreference` | the same, a number |
//! | `X-KDE-Library` | the document's library name |
//! | `Type`, `Exec`, `Encoding` | nothing |
//! | any other | the same beside `KPlugin`, as text or as a service type file says |
//!
//! Of doubled keys the last one stands.

use serde_json::{Map, Value};

use crate::desktop_lines::{Said, lines, split_list};
use crate::document::{Document, DocumentError, Format, Lenient, MOST_PROBLEMS};
use crate::foreign::Quoted;
use crate::position::{BOM, Position};
use crate::property_types::{PropertyTypes, boolean};

/// Reads the `[Desktop Entry]` group of a file, wherever it stands. Whatever cannot be read is a
/// problem in the list, and the rest counts.
pub(crate) fn read(bytes: &[u8], types: &PropertyTypes) -> Lenient {
    let mut problems = Problems(Vec::new());
    let mut conversion = Conversion {
        types,
        root: Map::new(),
        kplugin: Map::new(),
        library: None,
    };
    conversion.root.insert("KPlugin".to_owned(), Value::Null);

    if bytes.starts_with(BOM) {
        problems.at(
            Position { line: 1, column: 1 },
            "the file starts with a byte order mark, expected none",
        );
    }
    let mut place = Place::Before;
    for line in lines(bytes) {
        if let Some(position) = line.not_utf8 {
            problems.at(position, "the line is not UTF-8 from here on");
        }
        if place == Place::Behind {
            continue;
        }
        let said = line.says();
        if let Said::Group { closed: false, .. } = said {
            let message = format!("the group header {} has no `]`", Quoted(line.text()));
            problems.at(line.start(), message);
        }
        if place == Place::Before {
            if line.text() == "[Desktop Entry]" {
                place = Place::Inside;
            }
            continue;
        }
        match said {
            Said::Nothing => {}
            Said::Group { .. } => place = Place::Behind,
            Said::Entry {
                key,
                value,
                value_at,
            } => {
                if let Err(message) = conversion.take(key, value) {
                    problems.at(value_at, message);
                }
            }
            Said::NoKey => {
                let message = format!("{} has no key before its `=`", Quoted(line.text()));
                problems.at(line.start(), message);
            }
            Said::NoEquals => {
                let message = format!("{} has no `=`, expected `key=value`", Quoted(line.text()));
                problems.at(line.start(), message);
            }
        }
    }
    if place == Place::Before {
        problems.push(DocumentError::without_position(
            Format::Desktop,
            "there is no group `[Desktop Entry]`",
        ));
    }
    Lenient {
        document: conversion.finish(),
        problems: problems.0,
    }
}

/// Where a line stands, seen from the group `[Desktop Entry]`.
#[derive(PartialEq, Eq)]
enum Place {
    Before,
    Inside,
    Behind,
}

/// What is wrong with a file, in its order.
struct Problems(Vec<DocumentError>);

impl Problems {
    fn at(&mut self, position: Position, message: impl Into<String>) {
        self.push(DocumentError::at(Format::Desktop, position, message));
    }

    fn push(&mut self, problem: DocumentError) {
        if self.0.len() < MOST_PROBLEMS {
            self.0.push(problem);
        }
    }
}

/// The document while it grows.
struct Conversion<'t> {
    types: &'t PropertyTypes,
    root: Map<String, Value>,
    kplugin: Map<String, Value>,
    library: Option<String>,
}

impl Conversion<'_> {
    /// Takes an entry in. An error is a value that is not of its key's type; what KDE makes of it
    /// is in the document all the same.
    fn take(&mut self, key: &str, value: String) -> Result<(), String> {
        match key {
            "X-KDE-PluginInfo-Name" => self.put("Id", value),
            "Comment" => self.put("Description", value),
            "Icon" | "Name" => self.put(key, value),
            "X-KDE-PluginInfo-Category" => self.put("Category", value),
            "X-KDE-PluginInfo-License" => self.put("License", value),
            "X-KDE-PluginInfo-Version" => self.put("Version", value),
            "X-KDE-PluginInfo-Website" => self.put("Website", value),
            "X-KDE-PluginInfo-Depends" => self.put("Dependencies", split_list(&value, ',')),
            "X-KDE-ServiceTypes" | "ServiceTypes" => {
                self.put("ServiceTypes", split_list(&value, ','));
            }
            "X-KDE-FormFactors" => self.put("FormFactors", split_list(&value, ',')),
            "MimeType" => {
                self.put("MimeTypes", split_list(&value, ';'));
                self.root.insert(key.to_owned(), Value::String(value));
            }
            "X-KDE-PluginInfo-Author" => self.people("Name", vec![value]),
            "X-KDE-PluginInfo-Email" => self.people("Email", vec![value]),
            "X-KDE-PluginInfo-Authors" => self.people("Name", split_list(&value, ',')),
            "X-KDE-PluginInfo-Emails" => self.people("Email", split_list(&value, ',')),
            "X-KDE-PluginInfo-EnabledByDefault" => {
                return self.flag("EnabledByDefault", key, &value);
            }
            "Hidden" => return self.flag("Hidden", key, &value),
            "InitialPreference" => {
                let number = value.trim().parse::<i32>();
                self.put(key, number.clone().unwrap_or_default());
                if number.is_err() {
                    return Err(format!(
                        "`{key}` is {}, expected a whole number",
                        Quoted(&value)
                    ));
                }
            }
            "X-KDE-Library" => self.library = Some(value).filter(|name| !name.is_empty()),
            "Type" | "Exec" | "Encoding" => {}
            _ => {
                if key.starts_with("Name[") {
                    self.put(key, value);
                } else if let Some(locale) = key.strip_prefix("Comment[") {
                    self.put(&format!("Description[{locale}"), value);
                } else {
                    let typed = self.types.read(key, &value);
                    let (value, error) = match typed {
                        Ok(value) => (value, None),
                        Err(message) => (Value::Null, Some(message)),
                    };
                    self.root.insert(key.to_owned(), value);
                    return error.map_or(Ok(()), Err);
                }
            }
        }
        Ok(())
    }

    fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.kplugin.insert(key.to_owned(), value.into());
    }

    /// Anything but `true` is `false`.
    fn flag(&mut self, name: &str, key: &str, value: &str) -> Result<(), String> {
        let truth = boolean(value);
        self.put(name, truth.unwrap_or(false));
        match truth {
            Some(_) => Ok(()),
            None => Err(format!(
                "`{key}` is {}, expected `true` or `false`",
                Quoted(value)
            )),
        }
    }

    /// Gives the first author the first value, and so on. Each key that does this decides anew
    /// how many authors there are: one with fewer values than the last cuts the list short.
    fn people(&mut self, field: &str, values: Vec<String>) {
        let before = match self.kplugin.get_mut("Authors").map(Value::take) {
            Some(Value::Array(people)) => people,
            _ => Vec::new(),
        };
        let mut before = before.into_iter();
        let people: Vec<Value> = values
            .into_iter()
            .map(|value| {
                let mut person = match before.next() {
                    Some(Value::Object(person)) => person,
                    _ => Map::new(),
                };
                person.insert(field.to_owned(), Value::String(value));
                Value::Object(person)
            })
            .collect();
        self.put("Authors", people);
    }

    fn finish(mut self) -> Document {
        self.root
            .insert("KPlugin".to_owned(), Value::Object(self.kplugin));
        Document::with_library(self.root, self.library)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_text(text: &str) -> Lenient {
        read(text.as_bytes(), &PropertyTypes::new())
    }

    fn problems(bytes: &[u8]) -> Vec<String> {
        read(bytes, &PropertyTypes::new())
            .problems
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    fn root(text: &str) -> Value {
        Value::Object(
            read_text(&format!("[Desktop Entry]\n{text}"))
                .document
                .into_root(),
        )
    }

    #[test]
    fn a_file_without_the_group_is_empty_metadata_and_a_problem() {
        for text in [
            "",
            "Name=x\n",
            "[Other]\nName=x\n",
            "[desktop entry]\nName=x\n",
        ] {
            let lenient = read_text(text);
            assert_eq!(
                lenient.document.root(),
                json!({"KPlugin": {}}).as_object().unwrap()
            );
            assert_eq!(
                lenient.problems[0].to_string(),
                "malformed desktop entry: there is no group `[Desktop Entry]`"
            );
        }
    }

    #[test]
    fn problems_come_in_the_order_of_the_file_with_their_place() {
        assert_eq!(
            problems(
                b"[Open\n[Desktop Entry]\nName=x\n\n  bad\x1bline\n=nokey\nName[de]=\xc3\xbc\xff\n\
                  Hidden =  perhaps\nInitialPreference=many\n\
                  X-KDE-PluginInfo-EnabledByDefault=1\n[Next]\nignored\nX=\xff\n"
            ),
            [
                "malformed desktop entry at line 1, column 1: the group header `[Open` has no `]`",
                "malformed desktop entry at line 5, column 3: `bad\\u{1b}line` has no `=`, expected `key=value`",
                "malformed desktop entry at line 6, column 1: `=nokey` has no key before its `=`",
                "malformed desktop entry at line 7, column 11: the line is not UTF-8 from here on",
                "malformed desktop entry at line 8, column 11: `Hidden` is `perhaps`, expected `true` or `false`",
                "malformed desktop entry at line 9, column 19: `InitialPreference` is `many`, expected a whole number",
                "malformed desktop entry at line 10, column 35: `X-KDE-PluginInfo-EnabledByDefault` is `1`, expected `true` or `false`",
                "malformed desktop entry at line 13, column 3: the line is not UTF-8 from here on",
            ]
        );
    }

    #[test]
    fn a_hostile_file_gives_no_more_than_a_hundred_problems() {
        let text = format!("[Desktop Entry]\n{}Name=x\n", "x\n".repeat(5000));
        let lenient = read_text(&text);
        assert_eq!(lenient.problems.len(), 100);
        assert_eq!(lenient.document.metadata().name(), Some("x"));
    }

    #[test]
    fn a_byte_order_mark_hides_the_group_as_it_does_for_kde() {
        let bytes = b"\xef\xbb\xbf[Desktop Entry]\nName=x\n";
        assert_eq!(
            problems(bytes),
            [
                "malformed desktop entry at line 1, column 1: the file starts with a byte order mark, expected none",
                "malformed desktop entry: there is no group `[Desktop Entry]`",
            ]
        );
    }

    #[test]
    fn the_strict_reader_gives_the_first_problem() {
        let error = Document::parse(Format::Desktop, b"[Desktop Entry]\nx\n=y\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "malformed desktop entry at line 2, column 1: `x` has no `=`, expected `key=value`"
        );
    }

    #[test]
    fn the_example_of_a_structure_plugin() {
        let lenient = read_text(
            "[Desktop Entry]\nName=My package type\nType=Service\n\
             X-KDE-ServiceTypes=KPackage/PackageStructure\nX-KDE-Library=myapp_mystructure\n\n\
             X-KDE-PluginInfo-Author=John Doe\nX-KDE-PluginInfo-Email=john@example.com\n\
             #comment\nX-KDE-PluginInfo-Name=MyApp/MyStructure\nX-KDE-PluginInfo-Version=1\n\
             X-KDE-ParentApp=org.kde.myapp\n",
        );
        assert_eq!(lenient.problems, []);
        assert_eq!(lenient.document.library(), Some("myapp_mystructure"));
        assert_eq!(
            Value::Object(lenient.document.into_root()),
            json!({
                "KPlugin": {
                    "Name": "My package type",
                    "ServiceTypes": ["KPackage/PackageStructure"],
                    "Authors": [{"Name": "John Doe", "Email": "john@example.com"}],
                    "Id": "MyApp/MyStructure",
                    "Version": "1",
                },
                "X-KDE-ParentApp": "org.kde.myapp",
            })
        );
    }

    #[test]
    fn translations_keep_their_locale() {
        assert_eq!(
            root("Name[de]=a\nComment[sr@latin]=b\nGenericName[de]=c\nComment=d\n"),
            json!({
                "KPlugin": {"Name[de]": "a", "Description[sr@latin]": "b", "Description": "d"},
                "GenericName[de]": "c",
            })
        );
    }

    #[test]
    fn each_list_of_authors_or_addresses_sets_the_number_of_authors() {
        for (text, authors) in [
            (
                "Author=A,B\nEmail=a@x,b@x",
                json!([{"Name": "A,B", "Email": "a@x,b@x"}]),
            ),
            (
                "Authors=A,B,C\nEmails=a@x",
                json!([{"Name": "A", "Email": "a@x"}]),
            ),
            (
                "Emails=a@x,b@x,c@x\nAuthors=A,B",
                json!([{"Name": "A", "Email": "a@x"}, {"Name": "B", "Email": "b@x"}]),
            ),
            (
                "Authors=A,B\nAuthor=C\nEmail=c@x",
                json!([{"Name": "C", "Email": "c@x"}]),
            ),
            (
                "Email=c@x\nAuthors=A,B",
                json!([{"Name": "A", "Email": "c@x"}, {"Name": "B"}]),
            ),
        ] {
            let text = format!(
                "X-KDE-PluginInfo-{}",
                text.replace('\n', "\nX-KDE-PluginInfo-")
            );
            assert_eq!(
                root(&text),
                json!({"KPlugin": {"Authors": authors}}),
                "{text}"
            );
        }
    }

    #[test]
    fn an_empty_library_is_none_and_a_key_called_kplugin_does_not_count() {
        let lenient = read_text("[Desktop Entry]\nX-KDE-Library=a\nX-KDE-Library=\nKPlugin=x\n");
        assert_eq!(lenient.document.library(), None);
        assert_eq!(lenient.document.to_json(), r#"{"KPlugin":{}}"#);
    }
}
