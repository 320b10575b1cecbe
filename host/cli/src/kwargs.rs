//! What a package's code is installed with, as it was typed.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::failure::Failure;

/// As large a file may be: more a server does not take.
const MAX_FILE: u64 = 1024 * 1024;
/// As deep a key may lead: more a manager does not take.
const MAX_DEPTH: usize = 64;

/// What was typed after `--kwargs`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kwargs {
    Given(Map<String, Value>),
    File(PathBuf),
}

impl Kwargs {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.strip_prefix('@') {
            Some(file) => Ok(Self::File(file.into())),
            None => object(text).map(Self::Given),
        }
    }

    /// The object itself, which may be in a file.
    pub(crate) fn read(&self) -> Result<Map<String, Value>, Failure> {
        let path = match self {
            Self::Given(object) => return Ok(object.clone()),
            Self::File(path) => path,
        };
        let wrong = |why: String| {
            let message = format!("`{}` has no arguments for a package: {why}", path.display());
            Failure::new("bad-kwargs", message)
        };
        let mut text = String::new();
        let file = File::open(path).and_then(|file| {
            let mut file = file.take(MAX_FILE + 1);
            file.read_to_string(&mut text)
        });
        match file {
            Err(error) => Err(wrong(error.to_string())),
            Ok(_) if text.len() as u64 > MAX_FILE => {
                Err(wrong(format!("it is larger than {MAX_FILE} bytes")))
            }
            Ok(_) => object(&text).map_err(wrong),
        }
    }
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("expected a JSON object: {error}"))
}

/// What was typed after `--set`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Setting {
    /// Never empty.
    keys: Vec<String>,
    value: Value,
}

impl Setting {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Some((path, value)) = text.split_once('=') else {
            return Err("expected `k=v`".to_owned());
        };
        let keys: Vec<String> = path.split('.').map(str::to_owned).collect();
        if keys.iter().any(String::is_empty) {
            return Err("expected a key before `=`, and between dots".to_owned());
        }
        if keys.len() > MAX_DEPTH {
            let found = keys.len();
            return Err(format!("it has {found} keys, expected {MAX_DEPTH} at most"));
        }
        Ok(Self {
            keys,
            value: value_of(value),
        })
    }

    fn apply(&self, object: &mut Map<String, Value>) -> Result<(), Failure> {
        let Some((last, above)) = self.keys.split_last() else {
            return Ok(());
        };
        let mut object = object;
        for (depth, key) in above.iter().enumerate() {
            let entry = object.entry(key.clone());
            let value = entry.or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(inner) = value else {
                let (whole, here) = (self.keys.join("."), self.keys[..=depth].join("."));
                let message = format!("`{whole}` cannot be set: `{here}` is no object");
                return Err(Failure::new("bad-kwargs", message));
            };
            object = inner;
        }
        object.insert(last.clone(), self.value.clone());
        Ok(())
    }
}

/// JSON if it is some, else text.
fn value_of(text: &str) -> Value {
    match serde_json::from_str(text) {
        // A number that would lose digits, as a key may be that is all digits.
        Ok(Value::Number(number)) if number.is_f64() && !text.contains(['.', 'e', 'E']) => {
            text.into()
        }
        Ok(value) => value,
        Err(_) => text.into(),
    }
}

/// Puts settings over what is there, in the order in which they were typed.
pub(crate) fn set(
    mut object: Map<String, Value>,
    settings: &[Setting],
) -> Result<Map<String, Value>, Failure> {
    for setting in settings {
        setting.apply(&mut object)?;
    }
    Ok(object)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn over(base: Value, settings: &[&str]) -> Result<Value, String> {
        let settings: Vec<_> = settings
            .iter()
            .map(|it| Setting::parse(it).unwrap())
            .collect();
        let base = base.as_object().unwrap().clone();
        let set = set(base, &settings);
        set.map(Value::from).map_err(|error| error.in_one_line())
    }

    #[test]
    fn what_is_no_setting_is_refused() {
        for text in ["", "a", "=1", ".=1", "a.=1", ".a=1", "a..b=1"] {
            assert!(Setting::parse(text).is_err(), "{text}");
        }
        let deep = |depth| format!("{}=1", vec!["a"; depth].join("."));
        assert!(Setting::parse(&deep(MAX_DEPTH)).is_ok());
        assert!(Setting::parse(&deep(MAX_DEPTH + 1)).is_err());
        assert_eq!(
            over(json!({"a": {"b": 1}}), &["a.b.c=2"]),
            Err("`a.b.c` cannot be set: `a.b` is no object".to_owned())
        );
        assert!(over(json!({}), &["a=x", "a.b=2"]).is_err());
    }

    #[test]
    fn settings_nest_and_the_last_counts() {
        let base = json!({"a": {"b": 1, "c": 2}, "d": [1]});
        let expected = json!({"a": {"b": {"x": true}, "c": 2}, "d": null, "e": {"f": {"g": "h"}}});
        let settings = ["a.b={\"x\": true}", "d=null", "e.f.g=nothing", "e.f.g=h"];
        assert_eq!(over(base, &settings), Ok(expected));
    }

    #[test]
    fn a_value_is_json_if_it_is_some() {
        for (text, expected) in [
            ("", json!("")),
            ("1", json!(1)),
            ("1.5", json!(1.5)),
            ("1.0.0", json!("1.0.0")),
            ("true", json!(true)),
            ("True", json!("True")),
            ("\"1\"", json!("1")),
            ("[1, 2", json!("[1, 2")),
            ("a=b", json!("a=b")),
            ("18446744073709551615", json!(u64::MAX)),
            ("18446744073709551616", json!("18446744073709551616")),
            ("1e3", json!(1000.0)),
        ] {
            assert_eq!(
                over(json!({}), &[&format!("k={text}")]),
                Ok(json!({"k": expected}))
            );
        }
    }

    #[test]
    fn an_object_is_given_or_in_a_file() {
        assert!(Kwargs::parse("[]").is_err() && Kwargs::parse("{").is_err());
        let given = Kwargs::parse(r#"{"a": 1}"#).unwrap().read().unwrap();
        assert_eq!(Value::from(given), json!({"a": 1}));
        let missing = Kwargs::parse("@/nonexistent/file").unwrap();
        let message = missing.read().unwrap_err().in_one_line();
        assert!(
            message.starts_with("`/nonexistent/file` has no"),
            "{message}"
        );
        // The manifest of this crate is a file that is no JSON.
        let file = concat!("@", env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let message = Kwargs::parse(file)
            .unwrap()
            .read()
            .unwrap_err()
            .in_one_line();
        assert!(message.contains("expected a JSON object"), "{message}");
    }
}
