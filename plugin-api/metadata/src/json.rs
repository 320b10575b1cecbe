//! KDE's JSON form.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::document::{DocumentError, Format};
use crate::position::{Position, text_without_bom};
use crate::values;

/// Reads a JSON object.
pub(crate) fn parse(bytes: &[u8]) -> Result<Map<String, Value>, DocumentError> {
    let text = text_without_bom(bytes).map_err(|position| {
        DocumentError::at(Format::Json, position, "the file is not UTF-8 from here on")
    })?;
    let found = match serde_json::from_str(text) {
        Ok(Value::Object(root)) => return Ok(root),
        Ok(other) => values::kind(&other),
        Err(error) => return Err(syntax_error(text, &error)),
    };
    let start = text.len() - text.trim_start().len();
    Err(DocumentError::at(
        Format::Json,
        Position::of_offset(text, start),
        format!("the root is {found}, expected an object"),
    ))
}

fn syntax_error(text: &str, error: &serde_json::Error) -> DocumentError {
    let (line, byte) = (error.line(), error.column());
    let message = error.to_string();
    let place = format!(" at line {line} column {byte}");
    let message = message.strip_suffix(&place).unwrap_or(&message);
    let message = match message.strip_prefix("EOF while parsing ") {
        Some(_) if text.trim().is_empty() => "the file is empty".to_owned(),
        Some(inside) => format!("the file ends inside {inside}"),
        None => message.to_owned(),
    };
    DocumentError::at(
        Format::Json,
        Position::of_line_and_byte(text, line, byte),
        message,
    )
}

/// Reads a JSON object whose strings hold what only Qt's reader takes; `None` where that would not
/// read it either.
pub(crate) fn parse_tolerantly(bytes: &[u8]) -> Option<Map<String, Value>> {
    let text = text_without_bom(bytes).ok()?;
    match serde_json::from_str(&with_strict_strings(text)) {
        Ok(Value::Object(root)) => Some(root),
        _ => None,
    }
}

/// Writes what Qt 5.15 tolerates inside strings the way JSON wants it: raw control characters are
/// escaped, the backslash of an unknown escape goes, half a surrogate pair becomes U+FFFD.
fn with_strict_strings(text: &str) -> String {
    let mut strict = String::with_capacity(text.len() + 16);
    let mut in_string = false;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let mut used = character.len_utf8();
        match character {
            '"' => {
                in_string = !in_string;
                strict.push('"');
            }
            '\\' if in_string => used = push_escape(&mut strict, rest),
            character if in_string && character < ' ' => {
                push_unicode_escape(&mut strict, u32::from(character));
            }
            other => strict.push(other),
        }
        rest = &rest[used..];
    }
    strict
}

/// Copies the escape that `rest` starts with and gives its length.
fn push_escape(strict: &mut String, rest: &str) -> usize {
    match rest[1..].chars().next() {
        Some('u') => match surrogate_or_other(rest) {
            Some(0xd800..=0xdbff) => {
                let low = rest.get(6..).and_then(surrogate_or_other);
                if matches!(low, Some(0xdc00..=0xdfff)) {
                    strict.push_str(&rest[..12]);
                    12
                } else {
                    push_unicode_escape(strict, 0xfffd);
                    6
                }
            }
            Some(0xdc00..=0xdfff) => {
                push_unicode_escape(strict, 0xfffd);
                6
            }
            // Also a `\u` without four digits: left alone, for no reader takes it.
            _ => {
                strict.push_str("\\u");
                2
            }
        },
        Some(known @ ('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't')) => {
            strict.push('\\');
            strict.push(known);
            2
        }
        // The next round copies the character, or escapes it if it is a control character.
        _ => 1,
    }
}

/// The code unit of the `\u` escape that `text` starts with.
fn surrogate_or_other(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        u32::from_str_radix(digits, 16).ok()
    } else {
        None
    }
}

fn push_unicode_escape(strict: &mut String, unit: u32) {
    // Writing to a `String` does not fail.
    let _ = write!(strict, "\\u{unit:04x}");
}

/// An object as JSON on one line.
pub(crate) fn text(root: &Map<String, Value>) -> String {
    // Keys are strings and values are JSON already, so there is nothing that could not be written.
    serde_json::to_string(root).expect("a JSON object can be written as JSON")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        parse(bytes).unwrap_err().to_string()
    }

    #[test]
    fn refusals_have_their_place() {
        for (bytes, expected) in [
            (&b""[..], "at line 1, column 1: the file is empty"),
            (b"\n", "at line 2, column 1: the file is empty"),
            (
                b"  [1,2]",
                "at line 1, column 3: the root is an array, expected an object",
            ),
            (
                b"\r\n\"x\"",
                "at line 2, column 1: the root is a string, expected an object",
            ),
            (
                b"5",
                "at line 1, column 1: the root is a number, expected an object",
            ),
            (
                b"true",
                "at line 1, column 1: the root is a boolean, expected an object",
            ),
            (
                b"null",
                "at line 1, column 1: the root is `null`, expected an object",
            ),
            (b"// c\n{}", "at line 1, column 1: expected value"),
            (b"{\n  // c\n}", "at line 2, column 3: key must be a string"),
            (b"{} garbage", "at line 1, column 4: trailing characters"),
            (b"{\"a\":1,}", "at line 1, column 8: trailing comma"),
            (
                "{\"é\":\"ö\" x}".as_bytes(),
                "at line 1, column 10: expected `,` or `}`",
            ),
            (
                b"{\"a\":\"x\xff\"}",
                "at line 1, column 8: the file is not UTF-8 from here on",
            ),
            (
                b"\xef\xbb\xbf{\n\xc3}",
                "at line 2, column 1: the file is not UTF-8 from here on",
            ),
            (
                b"\xef\xbb\xbf\xef\xbb\xbf{}",
                "at line 1, column 1: expected value",
            ),
        ] {
            assert_eq!(refusal(bytes), format!("malformed JSON {expected}"));
        }
    }

    #[test]
    fn strings_that_only_qt_takes_are_refused_by_the_strict_reader() {
        for bytes in [
            &b"{\"a\":\"x\ty\"}"[..],
            b"{\"a\":\"x\\qy\"}",
            b"{\"a\":\"x\\ud800y\"}",
            b"{\"a\":\"\\udc00\"}",
        ] {
            assert!(parse(bytes).is_err());
            assert!(parse_tolerantly(bytes).is_some());
        }
    }

    #[test]
    fn what_qt_refuses_is_refused_by_the_tolerant_reader_too() {
        for bytes in [
            &b""[..],
            b"[1]",
            b"{\"a\":1,}",
            b"{\"n\":01}",
            b"{\"n\":1e999}",
            b"{\"a\":\"\\u12y\"}",
            b"{}\x00",
            b"{}\x0c",
            b"{\"a\":\"\xff\"}",
            b"{\"a\":\"x\\",
            b"{\"a\":\"x\\\"}",
            b"{\"a\":\"x\n",
        ] {
            assert_eq!(parse_tolerantly(bytes), None);
        }
    }

    #[test]
    fn tolerance_gives_what_qt_reads() {
        let text = "{\"t\":\"x\ty\nz\",\"e\":\"x\\qy\\\\\\\"\",\"s\":\"a\\ud800b\\udc00\\ud83d\\ude00\\u00e9\"}";
        assert_eq!(
            Value::Object(parse_tolerantly(text.as_bytes()).unwrap()),
            json!({"t": "x\ty\nz", "e": "xqy\\\"", "s": "a\u{fffd}b\u{fffd}😀é"})
        );
    }

    #[test]
    fn a_byte_order_mark_crlf_and_doubled_keys_are_fine() {
        let root =
            parse(b"\xef\xbb\xbf{\r\n\"a\": 1,\r\n\"a\": {\"b\": 1, \"b\": 2}\r\n}\r\n").unwrap();
        assert_eq!(text(&root), r#"{"a":{"b":2}}"#);
    }
}
