//! Foreign text inside a message.

use std::fmt::{self, Write as _};

/// As many characters of foreign text as a message shows.
const SHOWN: usize = 80;

/// Shows foreign text in backticks: control characters escaped, so that none reaches a terminal,
/// and cut after 80 characters.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('`')?;
        for (index, character) in self.0.chars().enumerate() {
            if index == SHOWN {
                f.write_char('…')?;
                break;
            }
            if hides(character) {
                write!(f, "{}", character.escape_unicode())?;
            } else {
                f.write_char(character)?;
            }
        }
        f.write_char('`')
    }
}

/// Control characters, and those that change the direction of the text around them.
fn hides(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_bidi_overrides_are_escaped() {
        assert_eq!(
            Quoted("a\x1b[2Jb\u{202e}c").to_string(),
            "`a\\u{1b}[2Jb\\u{202e}c`"
        );
    }

    #[test]
    fn long_text_is_cut() {
        let shown = Quoted(&"é".repeat(200)).to_string();
        assert_eq!(shown, format!("`{}…`", "é".repeat(80)));
    }
}
