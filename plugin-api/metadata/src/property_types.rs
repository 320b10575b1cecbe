//! Which keys of a `.desktop` file are more than text.

use std::collections::BTreeMap;

use serde_json::{Number, Value};

use crate::desktop_lines::{Said, lines, split_list};
use crate::document::{DocumentError, Format};
use crate::foreign::Quoted;

/// The types that KDE's service type files give to keys of `.desktop` files.
///
/// In KDE Frameworks 5, a `.desktop` file that names the service type `Plasma/Applet` is read
/// with the help of `kservicetypes5/plasma-applet.desktop` from the data folders, if that exists:
/// keys for which it has a group `[PropertyDef::KEY]` become lists, numbers or booleans. Without
/// such a file all keys stay text. Of several definitions of one key the first one counts.
///
/// # Examples
///
/// ```
/// use keyway_metadata::{Document, Format, PropertyTypes};
///
/// let mut types = PropertyTypes::new();
/// types.add_service_type(
///     b"[Desktop Entry]\nType=ServiceType\n[PropertyDef::X-Tags]\nType=QStringList\n",
/// )?;
/// let read = Document::parse_lenient_typed(
///     Format::Desktop,
///     b"[Desktop Entry]\nX-Tags=a,b\nX-Other=a,b\n",
///     &types,
/// )?;
/// assert_eq!(read.document.root()["X-Tags"], serde_json::json!(["a", "b"]));
/// assert_eq!(read.document.root()["X-Other"], "a,b");
/// # Ok::<(), keyway_metadata::DocumentError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PropertyTypes {
    types: BTreeMap<String, PropertyType>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PropertyType {
    Text,
    List,
    Integer,
    Float,
    Boolean,
}

impl PropertyType {
    /// The five of Qt's type names that KDE's reader supports.
    fn from_name(name: &str) -> Option<PropertyType> {
        Some(match name {
            "QString" => PropertyType::Text,
            "QStringList" => PropertyType::List,
            "int" => PropertyType::Integer,
            "double" => PropertyType::Float,
            "bool" => PropertyType::Boolean,
            _ => return None,
        })
    }
}

impl PropertyTypes {
    /// No types: every key is text.
    #[must_use]
    pub fn new() -> PropertyTypes {
        PropertyTypes::default()
    }

    /// The names that the file of a service type may have below `kservicetypes5/`, in the order
    /// in which KDE Frameworks 5 tries them: `Plasma/Applet` is `plasma-applet.desktop`, else
    /// `plasmaapplet.desktop`. They contain no `/`.
    #[must_use]
    pub fn file_names(service_type: &str) -> [String; 2] {
        let name = service_type.to_lowercase();
        [
            format!("{}.desktop", name.replace('/', "-")),
            format!("{}.desktop", name.replace('/', "")),
        ]
    }

    /// Adds what a service type file says. Keys that have a type already keep it; types that
    /// KDE's reader does not support are passed over.
    ///
    /// # Errors
    ///
    /// The file has no group `[Desktop Entry]`, or that group does not say `Type=ServiceType`.
    /// Then nothing is added.
    pub fn add_service_type(&mut self, bytes: &[u8]) -> Result<(), DocumentError> {
        let refusal = |message: String| DocumentError::without_position(Format::Desktop, message);
        let mut group: Option<String> = None;
        let mut kind = String::new();
        let mut found: BTreeMap<String, PropertyType> = BTreeMap::new();
        let mut property_type = None;
        for line in lines(bytes) {
            let said = line.says();
            let Some(current) = &group else {
                if line.text() == "[Desktop Entry]" {
                    group = Some("Desktop Entry".to_owned());
                }
                continue;
            };
            match said {
                Said::Group { name, .. } => {
                    define(&mut found, current, property_type.take());
                    group = Some(name.to_owned());
                }
                Said::Entry {
                    key: "Type", value, ..
                } => {
                    if current == "Desktop Entry" {
                        kind = value;
                    } else {
                        property_type = PropertyType::from_name(&value);
                    }
                }
                _ => {}
            }
        }
        let Some(last) = group else {
            return Err(refusal("there is no group `[Desktop Entry]`".to_owned()));
        };
        define(&mut found, &last, property_type);
        if kind != "ServiceType" {
            return Err(refusal(format!(
                "`Type` is {}, expected `ServiceType`",
                Quoted(&kind)
            )));
        }
        for (key, property_type) in found {
            self.types.entry(key).or_insert(property_type);
        }
        Ok(())
    }

    /// Reads the value of a key. An error says what was expected; KDE then takes `null`.
    pub(crate) fn read(&self, key: &str, value: &str) -> Result<Value, String> {
        let number = value.trim();
        // `Keywords[de]` is what `Keywords` is.
        let name = key.split('[').next().unwrap_or(key);
        let (read, expected) = match self.types.get(name) {
            None | Some(PropertyType::Text) => return Ok(Value::from(value)),
            Some(PropertyType::List) => return Ok(Value::from(split_list(value, ','))),
            Some(PropertyType::Integer) => (
                number.parse::<i32>().ok().map(Value::from),
                "a whole number",
            ),
            Some(PropertyType::Float) => (
                number
                    .parse()
                    .ok()
                    .and_then(Number::from_f64)
                    .map(Value::Number),
                "a number",
            ),
            Some(PropertyType::Boolean) => (boolean(value).map(Value::Bool), "`true` or `false`"),
        };
        read.ok_or_else(|| format!("{} is {}, expected {expected}", Quoted(key), Quoted(value)))
    }
}

/// Ends a group of a service type file.
fn define(
    found: &mut BTreeMap<String, PropertyType>,
    group: &str,
    property_type: Option<PropertyType>,
) {
    if let (Some(key), Some(property_type)) = (group.strip_prefix("PropertyDef::"), property_type) {
        found.entry(key.to_owned()).or_insert(property_type);
    }
}

/// `true` or `false` in any case.
pub(crate) fn boolean(value: &str) -> Option<bool> {
    if value.eq_ignore_ascii_case("true") {
        Some(true)
    } else if value.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn types(properties: &str) -> PropertyTypes {
        let mut types = PropertyTypes::new();
        let text = format!("[Desktop Entry]\nType=ServiceType\n{properties}");
        types.add_service_type(text.as_bytes()).unwrap();
        types
    }

    #[test]
    fn a_file_that_is_no_service_type_is_refused() {
        for (text, expected) in [
            (
                "Type=ServiceType\n",
                "malformed desktop entry: there is no group `[Desktop Entry]`",
            ),
            (
                "[Desktop Entry]\nType=Service\n",
                "malformed desktop entry: `Type` is `Service`, expected `ServiceType`",
            ),
            (
                "[Desktop Entry]\n[PropertyDef::X]\nType=ServiceType\n",
                "malformed desktop entry: `Type` is ``, expected `ServiceType`",
            ),
        ] {
            let mut types = PropertyTypes::new();
            let error = types.add_service_type(text.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), expected);
            assert_eq!(types, PropertyTypes::new());
        }
    }

    #[test]
    fn a_value_of_the_wrong_type_is_a_problem_and_null() {
        let types = types(
            "[PropertyDef::N]\nType=int\n[PropertyDef::B]\nType=bool\n[PropertyDef::F]\nType=double\n",
        );
        for (key, value, expected) in [
            (
                "N",
                "3000000000",
                "`N` is `3000000000`, expected a whole number",
            ),
            ("N", "1.5", "`N` is `1.5`, expected a whole number"),
            ("B", "yes", "`B` is `yes`, expected `true` or `false`"),
            ("F", "nan", "`F` is `nan`, expected a number"),
        ] {
            assert_eq!(types.read(key, value).unwrap_err(), expected);
        }
        let text = "[Desktop Entry]\nB=yes\n";
        let read = crate::desktop::read(text.as_bytes(), &types);
        assert_eq!(read.document.root()["B"], Value::Null);
        assert_eq!(
            read.problems[0].to_string(),
            "malformed desktop entry at line 2, column 3: `B` is `yes`, expected `true` or `false`"
        );
    }

    #[test]
    fn types_are_applied_and_the_first_definition_counts() {
        let mut types = types(
            "[PropertyDef::N]\nType=int\n[PropertyDef::B]\nType = bool\n[PropertyDef::L]\nType=QStringList\n\
             [PropertyDef::S]\nType=QString\n[PropertyDef::F]\nType=double\n[PropertyDef::U]\nType=QUrl\n\
             [Else]\nType=int\n[PropertyDef::L]\nType=int\n",
        );
        types
            .add_service_type(b"[Desktop Entry]\nType=ServiceType\n[PropertyDef::S]\nType=bool")
            .unwrap();
        for (key, value, expected) in [
            ("N", "-7", json!(-7)),
            ("B", "TRUE", json!(true)),
            ("L", "a,b,", json!(["a", "b"])),
            ("S", "true", json!("true")),
            ("F", "1.5", json!(1.5)),
            ("U", "x,y", json!("x,y")),
            ("Else", "1", json!("1")),
        ] {
            assert_eq!(types.read(key, value), Ok(expected), "{key}");
        }
        // A translation is of its key's type.
        let translated = types.read("L[de]", "a,b");
        assert_eq!(translated.unwrap(), json!(["a", "b"]));
    }

    #[test]
    fn file_names_cannot_leave_their_folder() {
        assert_eq!(
            PropertyTypes::file_names("Plasma/Applet"),
            ["plasma-applet.desktop", "plasmaapplet.desktop"]
        );
        assert_eq!(
            PropertyTypes::file_names("../x"),
            ["..-x.desktop", "..x.desktop"]
        );
    }
}
