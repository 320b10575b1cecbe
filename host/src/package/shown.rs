//! Foreign text and paths inside messages.

use std::ffi::OsStr;
use std::fmt;

use keyway_metadata::foreign::Escaped;

/// Shows a path or a name in backticks, whole and escaped.
pub(crate) struct Shown<'a>(&'a OsStr);

impl<'a> Shown<'a> {
    pub(crate) fn new(text: &'a (impl AsRef<OsStr> + ?Sized)) -> Self {
        Self(text.as_ref())
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", Escaped(&self.0.to_string_lossy()))
    }
}

/// Shows the first few of a list, and how many more there are.
pub(crate) struct ShownList<'a, T>(pub(crate) &'a [T]);

/// An item of a list in a message.
pub(crate) trait ShownItem {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

impl<T: AsRef<OsStr>> ShownItem for T {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Shown::new(self), f)
    }
}

impl<T: ShownItem> fmt::Display for ShownList<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 4;
        for (index, item) in self.0.iter().take(SHOWN).enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            item.show(f)?;
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
