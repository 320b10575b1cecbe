//! Output for people.

use std::io::{self, Write as _};

use comfy_table::{ContentArrangement, Table, presets};

/// Foreign text as it may reach a terminal: control characters, and those that turn the direction
/// of writing, are shown as escapes.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        let hides = character.is_control()
            || matches!(character, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if hides {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Prints a table without borders: a line for the heads, then one for each row.
pub(crate) fn print(heads: &[&str], rows: Vec<Vec<String>>) -> io::Result<()> {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(heads);
    for row in rows {
        table.add_row(row.iter().map(|cell| printable(cell)));
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
