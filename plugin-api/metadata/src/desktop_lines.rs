//! The lines of `.desktop` files, as KDE's own reader of plugin metadata takes them.
//!
//! It is simpler than the freedesktop specification: a line ends at a newline, the white space at
//! both ends goes, and what is left is a comment, a group, or a key and a value around the first
//! `=`. Nothing is continued on the next line.

use std::borrow::Cow;

use crate::position::Position;

/// One line.
pub(crate) struct Line<'a> {
    /// Counted from 1.
    number: usize,
    /// Characters of white space at the start that `text` has not.
    indent: usize,
    /// Trimmed; bytes that are not UTF-8 have become U+FFFD.
    text: Cow<'a, str>,
    /// The first byte that is not UTF-8.
    pub(crate) not_utf8: Option<Position>,
}

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said<'a> {
    /// Nothing, or a comment.
    Nothing,
    /// A group starts. `closed`: the header ends with `]`.
    Group { name: &'a str, closed: bool },
    /// `key = value`, escapes resolved; `value_at` is where the value starts.
    Entry {
        key: &'a str,
        value: String,
        value_at: Position,
    },
    /// `= value`.
    NoKey,
    /// Anything else.
    NoEquals,
}

/// The lines of a file. What follows the last newline is a line if there is anything.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = Line<'_>> {
    (1..)
        .zip(bytes.split_inclusive(|&byte| byte == b'\n'))
        .map(|(number, bytes)| {
            let not_utf8 = std::str::from_utf8(bytes).err().map(|error| Position {
                line: number,
                column: String::from_utf8_lossy(&bytes[..error.valid_up_to()])
                    .chars()
                    .count()
                    + 1,
            });
            let start = bytes.iter().take_while(|byte| is_space(**byte)).count();
            let end = bytes
                .iter()
                .rev()
                .take_while(|byte| is_space(**byte))
                .count();
            let trimmed = bytes.get(start..bytes.len() - end).unwrap_or_default();
            Line {
                number,
                indent: start,
                text: String::from_utf8_lossy(trimmed),
                not_utf8,
            }
        })
}

impl Line<'_> {
    /// Where the line's text starts.
    pub(crate) fn start(&self) -> Position {
        Position {
            line: self.number,
            column: self.indent + 1,
        }
    }

    /// The line's text, trimmed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn says(&self) -> Said<'_> {
        let text = self.text();
        if text.is_empty() || text.starts_with('#') {
            return Said::Nothing;
        }
        if let Some(header) = text.strip_prefix('[') {
            return Said::Group {
                name: header
                    .rsplit_once(']')
                    .map_or(header, |(name, _)| name)
                    .trim(),
                closed: text.ends_with(']'),
            };
        }
        let Some((left, right)) = text.split_once('=') else {
            return Said::NoEquals;
        };
        let key = trim(left);
        if key.is_empty() {
            return Said::NoKey;
        }
        let value = trim(right);
        let before = text.len() - right.trim_start_matches(is_space_char).len();
        let column = self.indent + text[..before].chars().count() + 1;
        let value_at = Position {
            line: self.number,
            column,
        };
        Said::Entry {
            key,
            value: unescape(value),
            value_at,
        }
    }
}

/// What C calls white space in its own locale.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn is_space_char(character: char) -> bool {
    u8::try_from(character).is_ok_and(is_space)
}

fn trim(text: &str) -> &str {
    text.trim_matches(is_space_char)
}

/// Resolves `\s`, `\n`, `\t`, `\r` and `\\`; every other backslash stays.
fn unescape(value: &str) -> String {
    let mut plain = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('s') => plain.push(' '),
            Some('n') => plain.push('\n'),
            Some('t') => plain.push('\t'),
            Some('r') => plain.push('\r'),
            Some('\\') => plain.push('\\'),
            Some(other) => plain.extend(['\\', other]),
            None => plain.push('\\'),
        }
    }
    plain
}

/// Splits a value into a list. A backslash takes the next character as it is, a separator at the
/// very end adds nothing, and `\0` alone is a list of one empty text.
pub(crate) fn split_list(value: &str, separator: char) -> Vec<String> {
    if value.is_empty() {
        return Vec::new();
    }
    if value == "\\0" {
        return vec![String::new()];
    }
    let mut list = vec![String::new()];
    let mut characters = value.chars().peekable();
    while let Some(character) = characters.next() {
        let taken = match character {
            '\\' => characters.next(),
            other if other == separator => {
                if characters.peek().is_some() {
                    list.push(String::new());
                }
                None
            }
            other => Some(other),
        };
        if let Some(last) = list.last_mut() {
            last.extend(taken);
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(bytes: &[u8]) -> Line<'_> {
        lines(bytes).next().unwrap()
    }

    #[test]
    fn lines_that_say_nothing_usable() {
        assert_eq!(only(b"bad line").says(), Said::NoEquals);
        assert_eq!(only(b" = x").says(), Said::NoKey);
        assert_eq!(
            only(b"[Open").says(),
            Said::Group {
                name: "Open",
                closed: false
            }
        );
        assert_eq!(only(b"\t# x = y\r\n").says(), Said::Nothing);
        assert_eq!(only(b" \n").says(), Said::Nothing);
        assert_eq!(lines(b"").count(), 0);
        assert_eq!(lines(b"a\n\nb\n").count(), 3);
    }

    #[test]
    fn bad_utf8_is_replaced_and_noted() {
        let line = only(b" \xc3\xa9=a\xffb");
        assert_eq!(line.not_utf8, Some(Position { line: 1, column: 5 }));
        assert_eq!(line.text(), "é=a\u{fffd}b");
    }

    #[test]
    fn an_entry_is_trimmed_around_the_first_equals_sign() {
        let line = only(b"  \xc3\xa9 =\x0b a = b \x0b\r\n");
        assert_eq!(
            line.says(),
            Said::Entry {
                key: "é",
                value: "a = b".to_owned(),
                value_at: Position { line: 1, column: 8 }
            }
        );
        assert_eq!(line.start(), Position { line: 1, column: 3 });
    }

    #[test]
    fn escapes() {
        assert_eq!(unescape(r"a\sb\tc\nd\\e\q\r\"), "a b\tc\nd\\e\\q\r\\");
    }

    #[test]
    fn lists() {
        for (value, list) in [
            ("", &[][..]),
            ("a", &["a"]),
            ("a,b", &["a", "b"]),
            ("a,", &["a"]),
            (",", &[""]),
            (",a", &["", "a"]),
            ("A\\,B,,D,", &["A,B", "", "D"]),
            ("A\\\\,B,C\\,D", &["A\\", "B", "C,D"]),
            ("a, b", &["a", " b"]),
            ("a\\", &["a"]),
            ("\\0", &[""]),
        ] {
            assert_eq!(split_list(value, ','), list, "{value}");
        }
        assert_eq!(split_list("a/b;c,d;", ';'), ["a/b", "c,d"]);
    }
}
