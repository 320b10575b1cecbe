//! Foreign text on its way to a person: the one list of characters that must not get there as they
//! are, and the one way to show them.
//!
//! Text from packages, plugins and command lines may hold control characters, which a terminal
//! obeys, and characters that are not seen but change how the text around them looks.
//!
//! ```
//! use keyway_metadata::foreign::Escaped;
//!
//! assert_eq!(Escaped("a\x1b[2J\u{202e}b").to_string(), r"a\u{1b}[2J\u{202e}b");
//! ```

use std::fmt::{self, Write as _};

/// Whether a terminal obeys the character, or a reader does not see it: control characters, also
/// those of the C1 set, those that turn the direction of writing, those without a width, tags.
#[must_use]
pub fn is_hazardous(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Shows foreign text whole, each [hazardous](is_hazardous) character as `\u{...}`.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .chars()
            .try_for_each(|character| write_escaped(f, character))
    }
}

/// Writes one character, or its escape.
fn write_escaped(f: &mut fmt::Formatter<'_>, character: char) -> fmt::Result {
    if is_hazardous(character) {
        write!(f, "{}", character.escape_unicode())
    } else {
        f.write_char(character)
    }
}

/// As many characters of foreign text as a message shows.
const SHOWN: usize = 80;

/// Shows foreign text in backticks, escaped, and cut after 80 characters.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('`')?;
        for (index, character) in self.0.chars().enumerate() {
            if index == SHOWN {
                f.write_char('…')?;
                break;
            }
            write_escaped(f, character)?;
        }
        f.write_char('`')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_or_a_reader_does_not_see_is_escaped() {
        for (text, shown) in [
            ("\x1b]0;title\x07", r"\u{1b}]0;title\u{7}"),
            ("\u{9b}2J\u{7f}", r"\u{9b}2J\u{7f}"),
            ("a\r\nb\t", r"a\u{d}\u{a}b\u{9}"),
            ("\u{202e}\u{2066}\u{61c}", r"\u{202e}\u{2066}\u{61c}"),
            ("\u{200b}\u{feff}\u{ad}", r"\u{200b}\u{feff}\u{ad}"),
            ("\u{e0041}", r"\u{e0041}"),
            ("größe 日本語 👍🏽 e\u{301}", "größe 日本語 👍🏽 e\u{301}"),
        ] {
            assert_eq!(Escaped(text).to_string(), shown);
        }
        assert_eq!(
            Quoted("a\x1b[2Jb\u{202e}c").to_string(),
            r"`a\u{1b}[2Jb\u{202e}c`"
        );
    }

    #[test]
    fn long_text_is_cut() {
        let shown = Quoted(&"é".repeat(200)).to_string();
        assert_eq!(shown, format!("`{}…`", "é".repeat(80)));
    }
}
