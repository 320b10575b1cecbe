//! A table of the file, asked for values of the types that its keys have.

use std::fmt;

use serde_json::{Map, Value};

use crate::foreign::Quoted;
use crate::values;

/// One step on the way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    /// An entry of a list, counted from 0.
    Entry(usize),
}

/// What is wrong, and the steps to the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) path: Vec<Step>,
    pub(super) message: String,
}

/// The steps to a value, as messages name them: `` `bcdbs.type` of entry 2 ``.
struct Shown<'a>(&'a [Step]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.0.iter().filter_map(|step| match step {
            Step::Key(key) => Some(&key[..]),
            Step::Entry(_) => None,
        });
        write!(f, "{}", Quoted(&keys.collect::<Vec<_>>().join(".")))?;
        self.0.iter().try_for_each(|step| match step {
            Step::Key(_) => Ok(()),
            Step::Entry(at) => write!(f, " of entry {}", at + 1),
        })
    }
}

/// A table, and the steps to it.
#[derive(Clone, Debug)]
pub(super) struct Table<'a> {
    path: Vec<Step>,
    map: &'a Map<String, Value>,
}

impl<'a> Table<'a> {
    pub(super) fn root(map: &'a Map<String, Value>) -> Self {
        let path = Vec::new();
        Self { path, map }
    }

    pub(super) fn map(&self) -> &'a Map<String, Value> {
        self.map
    }

    fn path(&self, key: &str) -> Vec<Step> {
        let mut path = self.path.clone();
        path.push(Step::Key(key.to_owned()));
        path
    }

    /// ``the key is `found`, expected …``
    pub(super) fn wrong(
        &self,
        key: &str,
        found: impl fmt::Display,
        expected: impl fmt::Display,
    ) -> Trouble {
        let path = self.path(key);
        let message = format!("{} is {found}, expected {expected}", Shown(&path));
        Trouble { path, message }
    }

    /// What is found where a text is wrong.
    pub(super) fn wrong_text(
        &self,
        key: &str,
        found: &str,
        expected: impl fmt::Display,
    ) -> Trouble {
        match found {
            "" => self.wrong(key, "empty", expected),
            found => self.wrong(key, Quoted(found), expected),
        }
    }

    pub(super) fn missing(&self, key: &str, expected: &str) -> Trouble {
        self.wrong(key, "missing", expected)
    }

    fn wrong_kind(&self, key: &str, found: &Value, expected: &str) -> Trouble {
        let found = match found {
            Value::Object(_) => "a table",
            other => values::kind(other),
        };
        self.wrong(key, found, expected)
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, Trouble> {
        match self.map.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong_kind(key, other, "text in quotes")),
        }
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, Trouble> {
        match self.map.get(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(self.wrong_kind(key, other, "`true` or `false`")),
        }
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(
        &self,
        key: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, Trouble> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        let known = words.iter().find(|(word, _)| *word == text);
        let (_, value) = known.ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            let expected = match words.split_last() {
                Some((last, [])) => last.clone(),
                Some((last, others)) => format!("{} or {last}", others.join(", ")),
                None => String::new(),
            };
            self.wrong_text(key, text, expected)
        })?;
        Ok(Some(*value))
    }

    pub(super) fn table(&self, key: &str) -> Result<Option<Self>, Trouble> {
        match self.map.get(key) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Self {
                path: self.path(key),
                map,
            })),
            Some(other) => {
                let expected = format!("a table, `[{key}]`");
                Err(self.wrong_kind(key, other, &expected))
            }
        }
    }

    pub(super) fn tables(&self, key: &str) -> Result<Vec<Self>, Trouble> {
        let expected = format!("a list of tables, `[[{key}]]`");
        let entries = match self.map.get(key) {
            None => return Ok(Vec::new()),
            Some(Value::Array(entries)) => entries,
            Some(other) => return Err(self.wrong_kind(key, other, &expected)),
        };
        let entry = |(at, entry): (usize, &'a Value)| match entry {
            Value::Object(map) => {
                let mut path = self.path(key);
                path.push(Step::Entry(at));
                Ok(Self { path, map })
            }
            _ => {
                let kind = values::kind(entry);
                let found = format!("a list with {kind} in it");
                Err(self.wrong(key, found, &expected))
            }
        };
        entries.iter().enumerate().map(entry).collect()
    }

    /// The keys that are not among the `known` ones.
    pub(super) fn unknown(&self, known: &[&str]) -> impl Iterator<Item = Trouble> {
        let keys = self.map.keys().map(String::as_str);
        let unknown = keys.filter(|key| !known.contains(key));
        unknown.map(|key| {
            let path = self.path(key);
            let message = format!("unknown key {}", Shown(&path));
            Trouble { path, message }
        })
    }
}
