//! Output for people.

use std::borrow::Cow;
use std::io::{self, Write as _};
use std::path::Path;

use keyway::foreign::{Escaped, is_hazardous};
use unicode_width::UnicodeWidthStr as _;

/// Foreign text as it may reach a terminal.
pub(crate) fn printable(text: &str) -> String {
    Escaped(text).to_string()
}

/// The same, without copying what is harmless already.
fn shown<'a>(text: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
    let text = text.into();
    // Nearly all text is of this kind, and looked through faster so.
    let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if !is_plain && text.contains(is_hazardous) {
        Cow::Owned(printable(&text))
    } else {
        text
    }
}

/// As many characters as a cell has, unless it must be whole.
const MAX_CELL: usize = 80;

/// One cell of a table.
pub(crate) struct Cell<'a>(Cow<'a, str>);

impl<'a> Cell<'a> {
    /// Text that is shown whole: paths, and messages that hold some.
    pub(crate) fn whole(text: impl Into<Cow<'a, str>>) -> Self {
        Self(shown(text))
    }

    /// A path, whole.
    pub(crate) fn path(path: &'a Path) -> Self {
        Self::whole(path.to_string_lossy())
    }
}

/// Text that is cut where it is too long.
impl<'a, T: Into<Cow<'a, str>>> From<T> for Cell<'a> {
    fn from(text: T) -> Self {
        let text = shown(text);
        if text.len() <= MAX_CELL {
            return Self(text);
        }
        match text.char_indices().nth(MAX_CELL) {
            None => Self(text),
            Some(_) => {
                let start: String = text.chars().take(MAX_CELL - 1).collect();
                Self(Cow::Owned(start + "…"))
            }
        }
    }
}

/// How many columns of a terminal a text takes.
fn width(text: &str) -> usize {
    // Nothing that has no width is left in it.
    if text.is_ascii() {
        text.len()
    } else {
        text.width()
    }
}

/// Prints a table without borders: a line for the heads, then one for each row. Columns are apart by
/// two spaces.
pub(crate) fn print<const N: usize>(heads: &[&str; N], rows: Vec<[Cell<'_>; N]>) -> io::Result<()> {
    // Nothing in it is an escape sequence, so that it need not go through anstream.
    let mut out = io::stdout().lock();
    out.write_all(laid_out(heads, &rows).as_bytes())?;
    out.flush()
}

fn laid_out<const N: usize>(heads: &[&str; N], rows: &[[Cell<'_>; N]]) -> String {
    let mut widths = heads.map(width);
    for row in rows {
        for (most, Cell(text)) in widths.iter_mut().zip(row) {
            *most = (*most).max(width(text));
        }
    }
    let line_length: usize = widths.iter().map(|most| most + 2).sum();
    let mut text = String::with_capacity((rows.len() + 1) * line_length);
    let blank = " ".repeat(line_length);
    let mut add = |cells: [&str; N]| {
        for (cell, most) in cells.iter().zip(widths) {
            text.push_str(cell);
            text.push_str(&blank[..most - width(cell) + 2]);
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    };
    add(*heads);
    for row in rows {
        add(row.each_ref().map(|Cell(text)| &**text));
    }
    text
}

/// Prints one line.
pub(crate) fn line(text: &str) -> io::Result<()> {
    writeln!(anstream::stdout(), "{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        fn row(texts: [&str; 3]) -> [Cell<'_>; 3] {
            texts.map(Cell::from)
        }
        let rows = [row(["a", "", "x"]), row(["日本", "e\u{301}", ""])];
        assert_eq!(
            laid_out(&["ID", "NAME", "P"], &rows),
            "ID    NAME  P\na           x\n日本  e\u{301}\n"
        );
        assert_eq!(laid_out(&["ID", "NAME"], &[]), "ID  NAME\n");
    }

    #[test]
    fn long_cells_are_cut_and_paths_are_not() {
        let text = |length| "é".repeat(length);
        assert_eq!(Cell::from(text(80)).0, text(80));
        assert_eq!(Cell::from(text(81)).0, text(79) + "…");
        assert_eq!(Cell::path(Path::new(&text(81))).0, text(81));
        assert_eq!(Cell::from("a\x1b[2J\nb").0, r"a\u{1b}[2J\u{a}b");
    }
}
