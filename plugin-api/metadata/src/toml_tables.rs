//! The keys of KDE's JSON form, written as TOML.

use serde_json::{Map, Number, Value};
use toml::{Table, Value as Toml};

use crate::document::{DocumentError, Format};
use crate::foreign::Quoted;
use crate::position::{Position, text_without_bom};

/// Reads a TOML document.
pub(crate) fn parse(bytes: &[u8]) -> Result<Map<String, Value>, DocumentError> {
    let text = text_without_bom(bytes).map_err(|position| {
        DocumentError::at(Format::Toml, position, "the file is not UTF-8 from here on")
    })?;
    let table: Table = toml::from_str(text).map_err(|error| syntax_error(text, &error))?;
    let mut path = Vec::new();
    object(table, &mut path)
}

fn syntax_error(text: &str, error: &toml::de::Error) -> DocumentError {
    let message = error.message().replace('\n', ", ");
    match error.span() {
        Some(span) => {
            DocumentError::at(Format::Toml, Position::of_offset(text, span.start), message)
        }
        None => DocumentError::without_position(Format::Toml, message),
    }
}

/// `path` is the way to the table, for messages; it is as before when this returns `Ok`.
fn object(table: Table, path: &mut Vec<String>) -> Result<Map<String, Value>, DocumentError> {
    let mut object = Map::new();
    for (key, value) in table {
        path.push(key.clone());
        object.insert(key, json(value, path)?);
        path.pop();
    }
    Ok(object)
}

fn json(value: Toml, path: &mut Vec<String>) -> Result<Value, DocumentError> {
    Ok(match value {
        Toml::String(text) => Value::String(text),
        Toml::Integer(number) => Value::from(number),
        Toml::Float(number) => match Number::from_f64(number) {
            Some(number) => Value::Number(number),
            None => {
                let number = number.to_string().to_lowercase();
                let message = format!(
                    "{} is `{number}`, which JSON cannot say",
                    Quoted(&path.join("."))
                );
                return Err(DocumentError::without_position(Format::Toml, message));
            }
        },
        Toml::Boolean(truth) => Value::Bool(truth),
        Toml::Datetime(moment) => Value::String(moment.to_string()),
        Toml::Array(items) => Value::Array(
            items
                .into_iter()
                .map(|item| json(item, path))
                .collect::<Result<_, _>>()?,
        ),
        Toml::Table(table) => Value::Object(object(table, path)?),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn place(bytes: &[u8]) -> (Option<usize>, Option<usize>) {
        let error = parse(bytes).unwrap_err();
        (error.line(), error.column())
    }

    #[test]
    fn refusals_have_their_place() {
        assert_eq!(place(b"KPackageStructure = \n"), (Some(1), Some(21)));
        assert_eq!(place("é = 1\n\"é\" = 2\n".as_bytes()), (Some(1), Some(1)));
        assert_eq!(
            place(b"[KPlugin]\nId = \"a\"\nId = \"b\"\n"),
            (Some(3), Some(1))
        );
        assert_eq!(place(b"[KPlugin]\nName = \"\xff\"\n"), (Some(2), Some(9)));
        assert_eq!(
            parse(b"[KPlugin]\nName = \"\xff\"\n")
                .unwrap_err()
                .to_string(),
            "malformed TOML at line 2, column 9: the file is not UTF-8 from here on"
        );
    }

    #[test]
    fn numbers_that_json_cannot_say_are_refused_by_name() {
        assert_eq!(
            parse(b"[a]\nb = [{ c = nan }]\n").unwrap_err().to_string(),
            "malformed TOML: `a.b.c` is `nan`, which JSON cannot say"
        );
    }

    #[test]
    fn tables_become_kdes_json() {
        let text = "\u{feff}KPackageStructure = [\"A/B\", \"C/D\"]\r\n\
                    X-Date = 1979-05-27T07:32:00Z\r\n\
                    X-Day = 1979-05-27\r\n\
                    [KPlugin]\r\n\
                    Id = 'x'\r\n\
                    \"Name[de]\" = \"ü\"\r\n\
                    EnabledByDefault = true\r\n\
                    Weight = 1.5\r\n\
                    Order = 7\r\n\
                    [[KPlugin.Authors]]\r\n\
                    Name = \"A\"\r\n";
        assert_eq!(
            Value::Object(parse(text.as_bytes()).unwrap()),
            json!({
                "KPackageStructure": ["A/B", "C/D"],
                "X-Date": "1979-05-27T07:32:00Z",
                "X-Day": "1979-05-27",
                "KPlugin": {
                    "Id": "x", "Name[de]": "ü", "EnabledByDefault": true, "Weight": 1.5, "Order": 7,
                    "Authors": [{"Name": "A"}],
                },
            })
        );
    }
}
