//! Where in a file something stands: lines and columns, and the check that it is UTF-8 at all.

/// A line and a column, both counted from 1; the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Position {
    /// The position of the byte at `offset` of `text`. An offset inside a character means that
    /// character; one behind the end means the end.
    pub(crate) fn of_offset(text: &str, offset: usize) -> Position {
        let mut end = offset.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &text[..end];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// The position that a parser gives as a line and a count of bytes into it, both from 1.
    pub(crate) fn of_line_and_byte(text: &str, line: usize, byte: usize) -> Position {
        let line = line.max(1);
        let line_start: usize = text
            .split_inclusive('\n')
            .take(line - 1)
            .map(str::len)
            .sum();
        let found = Position::of_offset(text, line_start.saturating_add(byte.saturating_sub(1)));
        // Past the last newline some parsers still count the newline to the line it ends.
        if found.line == line {
            found
        } else {
            Position {
                line,
                column: byte.max(1),
            }
        }
    }
}

/// The byte order mark of UTF-8.
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";

/// Takes bytes for text; one byte order mark at the start is left out.
///
/// # Errors
///
/// The position of the first byte that is not UTF-8.
pub(crate) fn text_without_bom(bytes: &[u8]) -> Result<&str, Position> {
    let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
    // Metadata with many translations take the standard library longer to check than to read.
    if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
        return Ok(text);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => {
            let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            Err(Position::of_offset(&valid, valid.len()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize, column: usize) -> Position {
        Position { line, column }
    }

    #[test]
    fn bad_utf8_is_found_where_it_stands() {
        assert_eq!(text_without_bom(b"ab\n\xc3\xa9\xff"), Err(at(2, 2)));
        assert_eq!(text_without_bom(b"\xef\xbb\xbf\xff"), Err(at(1, 1)));
        assert_eq!(text_without_bom(b"\xef\xbb\xbfx"), Ok("x"));
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(Position::of_offset("é\nöx", 5), at(2, 2));
        assert_eq!(Position::of_offset("é", 1), at(1, 1));
        assert_eq!(Position::of_offset("ab", 99), at(1, 3));
    }

    #[test]
    fn a_byte_column_becomes_a_character_column() {
        assert_eq!(Position::of_line_and_byte("a\né=x", 2, 4), at(2, 3));
        assert_eq!(Position::of_line_and_byte("a\n", 2, 0), at(2, 1));
        assert_eq!(Position::of_line_and_byte("", 1, 0), at(1, 1));
        assert_eq!(Position::of_line_and_byte("a", 7, 3), at(7, 3));
    }
}
