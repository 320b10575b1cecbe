//! Output for programs.

use std::io::{self, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// Prints one JSON value.
pub(crate) fn print(value: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)
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
