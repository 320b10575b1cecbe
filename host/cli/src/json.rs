//! Output for programs.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyway::foreign::is_hazardous;
use serde_json::{Map, Value};

/// Prints one JSON value.
pub(crate) fn print(value: &Value) -> io::Result<()> {
    let text = escaped(&format!("{value:#}"));
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")
}

/// JSON with `\u` escapes for what a terminal obeys or a reader does not see; it means the same.
pub(crate) fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    // Inside texts line feeds are escaped already; the others are the form of the JSON.
    let is_escaped = |character: char| character != '\n' && is_hazardous(character);
    let mut done = 0;
    for (at, hazard) in json.match_indices(is_escaped) {
        text.push_str(&json[done..at]);
        for unit in hazard.encode_utf16() {
            // Writing to a String does not fail.
            let _ = write!(text, "\\u{unit:04x}");
        }
        done = at + hazard.len();
    }
    text.push_str(&json[done..]);
    text
}

/// Puts a path under `key`, and under `key_bytes` its bytes in base64 if it is not UTF-8.
pub(crate) fn put_path(object: &mut Map<String, Value>, key: &str, path: Option<&Path>) {
    let Some(path) = path else {
        object.insert(key.to_owned(), Value::Null);
        return;
    };
    object.insert(key.to_owned(), path.to_string_lossy().into());
    if path.to_str().is_none() {
        let bytes = STANDARD.encode(path.as_os_str().as_encoded_bytes());
        object.insert(format!("{key}_bytes"), bytes.into());
    }
}

/// Puts names under `key`, and under `key_bytes` the bytes of all of them in base64, in the same
/// order, if one is not UTF-8.
pub(crate) fn put_names(object: &mut Map<String, Value>, key: &str, names: &[OsString]) {
    let texts = names.iter().map(|name| name.to_string_lossy());
    object.insert(key.to_owned(), texts.collect());
    if names.iter().any(|name| name.to_str().is_none()) {
        let bytes = names.iter().map(|name| name.as_encoded_bytes());
        let bytes = bytes.map(|bytes| STANDARD.encode(bytes));
        object.insert(format!("{key}_bytes"), bytes.collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_escaped_and_means_the_same() {
        let value = serde_json::json!({"a\u{9b}": "\x1b\n\u{202e}\u{200b}\u{e0041}é", "b": [1, 2]});
        let text = escaped(&format!("{value:#}"));
        assert!(
            text.contains(r#""a\u009b": "\u001b\n\u202e\u200b\udb40\udc41é""#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
