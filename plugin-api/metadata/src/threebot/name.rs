//! The full name of a 3bot package.

use std::fmt;
use std::str::FromStr;

use crate::foreign::Quoted;

/// What a part of a full name has to be, for messages.
pub(super) const PART: &str = "letters, digits, `_` and `-`, a letter or digit first";

/// Whether a text is a part of a full name: letters, digits, `_` and `-` of ASCII, a letter or
/// digit first.
pub(super) fn is_part(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// The name of a 3bot package, `author.name`, which is its id.
///
/// Both parts are letters, digits, `_` and `-` of ASCII, a letter or digit first; there is one dot.
/// Names are compared exactly.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FullName {
    text: String,
    dot: usize,
}

impl FullName {
    /// `None` if one of the two is no part of a name.
    pub(super) fn of(author: &str, name: &str) -> Option<FullName> {
        (is_part(author) && is_part(name)).then(|| FullName {
            text: format!("{author}.{name}"),
            dot: author.len(),
        })
    }

    /// The names that somebody who looks for `text` may mean. `__` is taken for the dot, where there
    /// is none; since `__` may also stand in a part, these can be several.
    pub fn meant(text: &str) -> impl Iterator<Item = FullName> {
        let own = text.parse().ok();
        let places = 0..text.len();
        let other = places.filter_map(|at| {
            let (author, name) = (text.get(..at)?, text.get(at..)?.strip_prefix("__")?);
            FullName::of(author, name)
        });
        own.into_iter().chain(other)
    }

    /// The part before the dot: who the package is by, `source.threebot` in its file.
    #[must_use]
    pub fn author(&self) -> &str {
        &self.text[..self.dot]
    }

    /// The part behind the dot: `source.name` in its file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.text[self.dot + 1..]
    }

    /// Both parts, with the dot.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for FullName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// A text that is no full name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is no name of a package, expected `author.name`, each of {PART}", Quoted(.found))]
pub struct FullNameError {
    found: String,
}

impl FullNameError {
    /// The text.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.found
    }
}

impl FromStr for FullName {
    type Err = FullNameError;

    fn from_str(text: &str) -> Result<FullName, FullNameError> {
        let parts = text.split_once('.');
        let name = parts.and_then(|(author, name)| FullName::of(author, name));
        name.ok_or_else(|| FullNameError {
            found: text.to_owned(),
        })
    }
}
