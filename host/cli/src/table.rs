//! Output for people.

use std::io::{self, Write as _};
use std::path::Path;

use comfy_table::{ContentArrangement, Table, presets};
use keyway::foreign::Escaped;

/// Foreign text as it may reach a terminal.
pub(crate) fn printable(text: &str) -> String {
    Escaped(text).to_string()
}

/// As many characters as a cell has, unless it must be whole.
const MAX_CELL: usize = 80;

/// One cell of a table.
pub(crate) struct Cell(String);

impl Cell {
    /// Text that is shown whole: paths, and messages that hold some.
    pub(crate) fn whole(text: impl AsRef<str>) -> Self {
        Self(printable(text.as_ref()))
    }

    /// A path, whole.
    pub(crate) fn path(path: &Path) -> Self {
        Self::whole(path.to_string_lossy())
    }
}

/// Text that is cut where it is too long.
impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        let text = printable(text.as_ref());
        match text.char_indices().nth(MAX_CELL) {
            None => Self(text),
            Some(_) => {
                let start: String = text.chars().take(MAX_CELL - 1).collect();
                Self(start + "…")
            }
        }
    }
}

/// Prints a table without borders: a line for the heads, then one for each row.
pub(crate) fn print<const N: usize>(heads: &[&str; N], rows: Vec<[Cell; N]>) -> io::Result<()> {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(heads);
    for row in rows {
        table.add_row(row.map(|Cell(text)| text));
    }
    // Columns are apart by two spaces, and nothing stands before the first one.
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut out = anstream::stdout();
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    out.flush()
}

/// Prints one line.
pub(crate) fn line(text: &str) -> io::Result<()> {
    writeln!(anstream::stdout(), "{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_cells_are_cut_and_paths_are_not() {
        let text = |length| "é".repeat(length);
        assert_eq!(Cell::from(text(80)).0, text(80));
        assert_eq!(Cell::from(text(81)).0, text(79) + "…");
        assert_eq!(Cell::path(Path::new(&text(81))).0, text(81));
        assert_eq!(Cell::from("a\x1b[2J\nb").0, r"a\u{1b}[2J\u{a}b");
    }
}
