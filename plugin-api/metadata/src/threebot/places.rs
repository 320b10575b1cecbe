//! Where in the file something stands.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::table::{Step, Trouble};
use crate::document::{DocumentError, Format};
use crate::position::Position;

/// The places of what a file holds.
pub(super) struct Places<'a> {
    text: &'a str,
    document: Option<Spanned<DeTable<'a>>>,
}

impl<'a> Places<'a> {
    /// Those of a sound TOML document.
    pub(super) fn of(text: &'a str) -> Self {
        let document = DeTable::parse(text).ok();
        Self { text, document }
    }

    /// How many bytes come before what the steps lead to, or before the nearest thing around it that
    /// the file has; `None` if it has nothing of it. Of a key it is where its name stands.
    pub(super) fn offset(&self, path: &[Step]) -> Option<usize> {
        let document = self.document.as_ref()?.get_ref();
        let mut offset = None;
        let mut value: Option<&DeValue<'_>> = None;
        for step in path {
            let next = match (step, value) {
                (Step::Key(key), None) => member(document, key),
                (Step::Key(key), Some(DeValue::Table(table))) => member(table, key),
                (Step::Entry(at), Some(DeValue::Array(entries))) => {
                    let entry = entries.get(*at);
                    entry.map(|entry| (entry.span().start, entry.get_ref()))
                }
                _ => None,
            };
            let Some((start, inner)) = next else {
                break;
            };
            offset = Some(start);
            value = Some(inner);
        }
        offset
    }

    /// An error with its place.
    pub(super) fn error(&self, trouble: Trouble) -> DocumentError {
        let Trouble { path, message } = trouble;
        match self.offset(&path) {
            Some(offset) => {
                let position = Position::of_offset(self.text, offset);
                DocumentError::at(Format::PackageToml, position, message)
            }
            None => DocumentError::without_position(Format::PackageToml, message),
        }
    }
}

fn member<'a, 'i>(table: &'a DeTable<'i>, key: &str) -> Option<(usize, &'a DeValue<'i>)> {
    let (name, value) = table.get_key_value(key)?;
    Some((name.span().start, value.get_ref()))
}
