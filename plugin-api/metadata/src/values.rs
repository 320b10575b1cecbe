//! JSON values as KDE's metadata classes read them, where a file does not have the type that a
//! question expects.

use std::borrow::Cow;

use serde_json::Value;

/// A value as one text: text as it is, the entries of a list joined with commas, a boolean as
/// `true` or `false`. Numbers, objects, `null` and an empty list are no text.
pub(crate) fn single_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Bool(truth) => Some(Cow::Borrowed(truth_text(*truth))),
        Value::Array(entries) if !entries.is_empty() => Some(Cow::Owned(
            entries.iter().map(entry_text).collect::<Vec<_>>().join(","),
        )),
        Value::Array(_) | Value::Number(_) | Value::Object(_) | Value::Null => None,
    }
}

/// A value as a list of texts: a list entry by entry, a text, number or boolean as a list of one.
/// An empty text, an object, `null` and no value at all are the empty list.
pub(crate) fn list_of_texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(entries)) => entries
            .iter()
            .map(entry_text)
            .map(Cow::into_owned)
            .collect(),
        Some(single @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => {
            Some(entry_text(single).into_owned())
                .filter(|text| !text.is_empty())
                .into_iter()
                .collect()
        }
        Some(Value::Object(_) | Value::Null) | None => Vec::new(),
    }
}

/// A list of texts as KDE's classes read those of `KPlugin`: a list entry by entry, a text as a list
/// of one. Anything else, also a number, is the empty list.
pub(crate) fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(list @ Value::Array(_)) => list_of_texts(Some(list)),
        _ => Vec::new(),
    }
}

/// An entry of a list as text; what has no text is empty.
fn entry_text(entry: &Value) -> Cow<'_, str> {
    match entry {
        Value::String(text) => Cow::Borrowed(text),
        Value::Bool(truth) => Cow::Borrowed(truth_text(*truth)),
        Value::Number(number) => {
            let text = number.to_string();
            // Qt has one type for numbers and writes 5.0 as 5.
            Cow::Owned(text.strip_suffix(".0").map(str::to_owned).unwrap_or(text))
        }
        Value::Array(_) | Value::Object(_) | Value::Null => Cow::Borrowed(""),
    }
}

fn truth_text(truth: bool) -> &'static str {
    if truth { "true" } else { "false" }
}

/// What a value is, for messages.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "`null`",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_text() {
        for value in [
            json!(5),
            json!(1.5),
            json!({"a": "b"}),
            json!(null),
            json!([]),
        ] {
            assert_eq!(single_text(&value), None, "{value}");
        }
    }

    #[test]
    fn what_is_text() {
        for (value, text) in [
            (json!("x,y"), "x,y"),
            (json!(""), ""),
            (json!(true), "true"),
            (json!(false), "false"),
            (json!(["Test/Basic", "Other"]), "Test/Basic,Other"),
            (
                json!(["a", 1, 5.0, 1.5, true, null, {"x": 1}, ["q"]]),
                "a,1,5,1.5,true,,,",
            ),
        ] {
            assert_eq!(single_text(&value).as_deref(), Some(text), "{value}");
        }
    }

    #[test]
    fn lists() {
        for (value, list) in [
            (json!(null), &[][..]),
            (json!({"a": "b"}), &[]),
            (json!(""), &[]),
            (json!([]), &[]),
            (json!("a,b"), &["a,b"]),
            (json!(5), &["5"]),
            (json!(true), &["true"]),
            (json!(["a", "", 2]), &["a", "", "2"]),
        ] {
            assert_eq!(list_of_texts(Some(&value)), list, "{value}");
        }
        assert_eq!(list_of_texts(None), [""; 0]);
    }

    #[test]
    fn lists_of_kplugin() {
        for value in [json!(null), json!({"a": "b"}), json!(5), json!(true)] {
            assert_eq!(texts(Some(&value)), [""; 0], "{value}");
        }
        assert_eq!(texts(None), [""; 0]);
        assert_eq!(texts(Some(&json!(""))), [""]);
        assert_eq!(texts(Some(&json!("a,b"))), ["a,b"]);
        assert_eq!(texts(Some(&json!(["a", "", 2]))), ["a", "", "2"]);
    }
}
