//! What a package was given, as a host tells it.

use std::ffi::c_void;
use std::fmt;
use std::sync::Arc;

use super::{ConfigDocument, ConfigV1};
use crate::call::status;
use crate::services::{Failed, answer, read_str};
use crate::text::{Str, StrSink};

/// The host's side of `keyway.config` 1 for one package.
pub trait ConfigAccess: Send + Sync + 'static {
    /// The value at a key, whose names follow one another; none for the document itself. `None` if
    /// there is none, or null.
    fn value(&self, document: ConfigDocument, key: &[String]) -> Option<ConfigValue>;

    /// The same, as JSON.
    fn json(&self, document: ConfigDocument, key: &[String]) -> Option<String>;
}

/// A value of a document.
#[derive(Clone, Debug, PartialEq)]
pub enum ConfigValue {
    /// A text.
    Text(String),
    /// A number without fraction.
    Integer(i64),
    /// Another number.
    Number(f64),
    /// True or false.
    Boolean(bool),
    /// A list, of so many elements.
    List(u64),
    /// An object, with members of these names.
    Object(Vec<String>),
}

/// As long a text is shown in an error.
const SHOWN: usize = 60;

impl fmt::Display for ConfigValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => {
                let shown: String = text.chars().take(SHOWN).collect();
                let rest = if shown.len() < text.len() { "..." } else { "" };
                write!(f, "the text {shown:?}{rest}")
            }
            Self::Integer(integer) => write!(f, "{integer}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Boolean(boolean) => write!(f, "{boolean}"),
            Self::List(_) => f.write_str("a list"),
            Self::Object(_) => f.write_str("an object"),
        }
    }
}

/// What the context of a configuration points to.
pub type ConfigHandle = Arc<dyn ConfigAccess>;

pub(crate) static CONFIG_TABLE: ConfigV1 = ConfigV1 {
    text,
    integer,
    number,
    boolean,
    length,
    keys,
    json,
};

/// The names of a key; none for an empty one.
fn parts(key: &str) -> Result<Vec<String>, Failed> {
    let mut parts = Vec::new();
    let mut rest = key;
    while !rest.is_empty() {
        let (part, behind) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let end = quoted.find('"').ok_or_else(|| bad_key(key))?;
                (&quoted[..end], &quoted[end + 1..])
            }
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                if end == 0 || rest[..end].contains('"') {
                    return Err(bad_key(key));
                }
                rest.split_at(end)
            }
        };
        parts.push(part.to_owned());
        rest = match behind.strip_prefix('.') {
            Some("") => return Err(bad_key(key)),
            Some(rest) => rest,
            None if behind.is_empty() => behind,
            None => return Err(bad_key(key)),
        };
    }
    Ok(parts)
}

fn bad_key(key: &str) -> Failed {
    Failed::Invalid(format!(
        "`{}` is no key, expected names with `.` between them, as `web.port`",
        key.escape_debug()
    ))
}

/// Where is looked, and for what.
struct Question<'a> {
    access: &'a dyn ConfigAccess,
    document: ConfigDocument,
    key: &'a str,
    parts: Vec<String>,
}

impl<'a> Question<'a> {
    /// # Safety
    ///
    /// `config` points to a [`ConfigHandle`] that is held for `'a`; `key` is valid for it.
    unsafe fn read(config: *mut c_void, document: u32, key: Str) -> Result<Self, Failed> {
        let document = ConfigDocument::of(document).ok_or_else(|| {
            Failed::Invalid(format!("the document is {document}, expected 0 or 1"))
        })?;
        // SAFETY: as the caller says.
        let key = unsafe { read_str(key, "the key") }?;
        Ok(Self {
            // SAFETY: as the caller says.
            access: unsafe { &**config.cast::<ConfigHandle>() },
            document,
            key,
            parts: parts(key)?,
        })
    }

    /// Looks for a value of one type.
    fn find<T>(
        &self,
        expected: &str,
        pick: impl FnOnce(&ConfigValue) -> Option<T>,
    ) -> Result<Option<T>, Failed> {
        let Some(value) = self.access.value(self.document, &self.parts) else {
            return Ok(None);
        };
        match pick(&value) {
            Some(picked) => Ok(Some(picked)),
            None if self.parts.is_empty() => Err(Failed::Refused(format!(
                "{} is {value}, expected {expected}",
                self.document
            ))),
            None => Err(Failed::Refused(format!(
                "`{}` in {} is {value}, expected {expected}",
                self.key, self.document
            ))),
        }
    }
}

/// Answers a question for one number.
///
/// # Safety
///
/// As for the functions of the table; `out` is null or valid for this call.
unsafe fn one<T>(
    (config, document, key): (*mut c_void, u32, Str),
    out: *mut T,
    error: *const StrSink,
    expected: &str,
    pick: impl FnOnce(&ConfigValue) -> Option<T>,
) -> u32 {
    // SAFETY: as the caller says.
    unsafe {
        answer(error, || {
            let question = Question::read(config, document, key)?;
            let Some(found) = question.find(expected, pick)? else {
                return Ok(status::NOT_FOUND);
            };
            if let Some(out) = out.as_mut() {
                *out = found;
            }
            Ok(status::OK)
        })
    }
}

unsafe extern "C" fn integer(
    config: *mut c_void,
    document: u32,
    key: Str,
    out: *mut i64,
    error: *const StrSink,
) -> u32 {
    let pick = |value: &ConfigValue| match value {
        ConfigValue::Integer(integer) => Some(*integer),
        _ => None,
    };
    // SAFETY: the contract: the service is held, all pointers are valid for this call.
    unsafe { one((config, document, key), out, error, "an integer", pick) }
}

unsafe extern "C" fn number(
    config: *mut c_void,
    document: u32,
    key: Str,
    out: *mut f64,
    error: *const StrSink,
) -> u32 {
    let pick = |value: &ConfigValue| match value {
        ConfigValue::Integer(integer) => Some(*integer as f64),
        ConfigValue::Number(number) => Some(*number),
        _ => None,
    };
    // SAFETY: the contract: the service is held, all pointers are valid for this call.
    unsafe { one((config, document, key), out, error, "a number", pick) }
}

unsafe extern "C" fn boolean(
    config: *mut c_void,
    document: u32,
    key: Str,
    out: *mut u32,
    error: *const StrSink,
) -> u32 {
    let pick = |value: &ConfigValue| match value {
        ConfigValue::Boolean(boolean) => Some(u32::from(*boolean)),
        _ => None,
    };
    // SAFETY: the contract: the service is held, all pointers are valid for this call.
    unsafe { one((config, document, key), out, error, "true or false", pick) }
}

unsafe extern "C" fn length(
    config: *mut c_void,
    document: u32,
    key: Str,
    out: *mut u64,
    error: *const StrSink,
) -> u32 {
    let pick = |value: &ConfigValue| match value {
        ConfigValue::List(length) => Some(*length),
        _ => None,
    };
    // SAFETY: the contract: the service is held, all pointers are valid for this call.
    unsafe { one((config, document, key), out, error, "a list", pick) }
}

/// Answers a question for texts.
///
/// # Safety
///
/// As for the functions of the table.
unsafe fn texts(
    (config, document, key): (*mut c_void, u32, Str),
    out: *const StrSink,
    error: *const StrSink,
    find: impl FnOnce(&Question<'_>) -> Result<Option<Vec<String>>, Failed>,
) -> u32 {
    // SAFETY: as the caller says.
    unsafe {
        answer(error, || {
            let question = Question::read(config, document, key)?;
            let Some(found) = find(&question)? else {
                return Ok(status::NOT_FOUND);
            };
            StrSink::push_all(out, found.iter().map(String::as_str));
            Ok(status::OK)
        })
    }
}

unsafe extern "C" fn text(
    config: *mut c_void,
    document: u32,
    key: Str,
    out: *const StrSink,
    error: *const StrSink,
) -> u32 {
    // SAFETY: the contract: the service is held, all pointers are valid for this call.
    unsafe {
        texts((config, document, key), out, error, |question| {
            question.find("a text", |value| match value {
                ConfigValue::Text(text) => Some(vec![text.clone()]),
                _ => None,
            })
        })
    }
}

unsafe extern "C" fn keys(
    config: *mut c_void,
    document: u32,
    key: Str,
    out: *const StrSink,
    error: *const StrSink,
) -> u32 {
    // SAFETY: the contract: the service is held, all pointers are valid for this call.
    unsafe {
        texts((config, document, key), out, error, |question| {
            question.find("an object", |value| match value {
                ConfigValue::Object(keys) => Some(keys.clone()),
                _ => None,
            })
        })
    }
}

unsafe extern "C" fn json(
    config: *mut c_void,
    document: u32,
    key: Str,
    out: *const StrSink,
    error: *const StrSink,
) -> u32 {
    // SAFETY: the contract: the service is held, all pointers are valid for this call.
    unsafe {
        texts((config, document, key), out, error, |question| {
            let found = question.access.json(question.document, &question.parts);
            Ok(found.map(|text| vec![text]))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_names_with_dots() {
        for (key, names) in [
            ("", &[][..]),
            ("port", &["port"]),
            ("web.port", &["web", "port"]),
            ("hosts.0.name", &["hosts", "0", "name"]),
            (r#"dependencies."acme.db""#, &["dependencies", "acme.db"]),
            (r#""a.b".c"#, &["a.b", "c"]),
            (r#""".c"#, &["", "c"]),
        ] {
            assert_eq!(parts(key).ok().unwrap(), names, "{key}");
        }
        for key in [".", "a.", ".a", "a..b", "\"a", "\"a\"b", "a\"b\"", "\"a\"."] {
            assert!(parts(key).is_err(), "{key}");
        }
    }

    struct One;

    impl ConfigAccess for One {
        fn value(&self, _: ConfigDocument, key: &[String]) -> Option<ConfigValue> {
            match &*key.concat() {
                "panics" => panic!("the host's own code panics"),
                _ => Some(ConfigValue::Integer(1)),
            }
        }
        fn json(&self, _: ConfigDocument, _: &[String]) -> Option<String> {
            None
        }
    }

    #[test]
    fn questions_against_the_contract_are_told() {
        let handle: ConfigHandle = Arc::new(One);
        let config: *mut c_void = (&raw const handle).cast_mut().cast();
        let nowhere = Str {
            ptr: std::ptr::null(),
            len: 4,
        };
        let not_utf8 = Str {
            ptr: b"\xff".as_ptr(),
            len: 1,
        };
        let no_text = "the key: text that crossed the border is not UTF-8";
        for (document, key, expected, told) in [
            (
                7,
                Str::borrow("a"),
                status::INVALID,
                "the document is 7, expected 0 or 1",
            ),
            (0, nowhere, status::INVALID, no_text),
            (0, not_utf8, status::INVALID, no_text),
            (
                0,
                Str::borrow("panics"),
                status::REFUSED,
                "the host's service panicked",
            ),
            (0, Str::borrow("a"), status::OK, ""),
        ] {
            let mut out = 0;
            let (status, reason) = crate::services::with_reason(|error| {
                // SAFETY: the handle is held, and the pointers are valid for this call.
                unsafe { integer(config, document, key, &raw mut out, error) }
            });
            assert_eq!(status, expected, "{told}");
            assert_eq!(reason.unwrap_or_default(), told);
            // SAFETY: as above; nobody has to be told, and nothing has to be filled.
            let silent = unsafe {
                integer(
                    config,
                    document,
                    key,
                    std::ptr::null_mut(),
                    std::ptr::null(),
                )
            };
            assert_eq!(silent, expected);
        }
    }
}
