//! Foreign text and paths inside messages.

use std::ffi::OsStr;
use std::fmt::{self, Write as _};

/// Shows a path or a name in backticks, whole, with control characters and those that turn the
/// direction of writing escaped, so that none reaches a terminal.
pub(super) struct Shown<'a>(&'a OsStr);

impl<'a> Shown<'a> {
    pub(super) fn new(text: &'a (impl AsRef<OsStr> + ?Sized)) -> Self {
        Self(text.as_ref())
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('`')?;
        for character in self.0.to_string_lossy().chars() {
            if character.is_control()
                || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
            {
                write!(f, "{}", character.escape_unicode())?;
            } else {
                f.write_char(character)?;
            }
        }
        f.write_char('`')
    }
}

/// Shows the first few of a list, and how many more there are.
pub(super) struct ShownList<'a, T>(pub(super) &'a [T]);

impl<T: AsRef<OsStr>> fmt::Display for ShownList<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 4;
        for (index, item) in self.0.iter().take(SHOWN).enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{}", Shown::new(item))?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_reach_a_terminal_is_escaped() {
        assert_eq!(
            Shown::new("a\u{1b}[2J\u{202e}b").to_string(),
            "`a\\u{1b}[2J\\u{202e}b`"
        );
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(ShownList(&["a", "b"]).to_string(), "`a`, `b`");
        assert_eq!(
            ShownList(&["a", "b", "c", "d", "e", "f"]).to_string(),
            "`a`, `b`, `c`, `d` and 2 more"
        );
    }
}
