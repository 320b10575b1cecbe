//! XML with an indentation of four spaces, in the bytes that Qt's writer gives.
//!
//! By hand: what is written are a dozen elements that hold text and nothing else, the double quote
//! is escaped in them and the apostrophe is not, and characters that XML cannot have are left out,
//! which no crate does. Nothing is read.

use std::fmt::Write as _;

use keyway::foreign::is_hazardous;

/// Writes one document: a root element with elements that hold text.
pub(super) struct Writer {
    text: String,
    root: &'static str,
}

impl Writer {
    /// Begins a document. Attributes are pairs of a name and a value.
    pub(super) fn new(root: &'static str, attributes: &[(&str, &str)]) -> Self {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
        let mut writer = Self { text, root };
        writer.open(root, attributes);
        writer.text.push('\n');
        writer
    }

    /// Writes an element that holds text.
    pub(super) fn element(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.text.push_str("    ");
        self.open(name, attributes);
        self.escape(text);
        self.close(name);
    }

    /// The whole document.
    pub(super) fn finish(mut self) -> String {
        self.close(self.root);
        self.text
    }

    fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.text.push('<');
        self.text.push_str(name);
        for (name, value) in attributes {
            self.text.push(' ');
            self.text.push_str(name);
            self.text.push_str("=\"");
            self.escape(value);
            self.text.push('"');
        }
        self.text.push('>');
    }

    fn close(&mut self, name: &str) {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push_str(">\n");
    }

    fn escape(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '&' => self.text.push_str("&amp;"),
                '"' => self.text.push_str("&quot;"),
                // A reader would take it for a line feed.
                '\r' => self.text.push_str("&#xd;"),
                // XML 1.0 has no way to write these.
                '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}' => {}
                character => self.text.push(character),
            }
        }
    }
}

/// The same document for a terminal: what that obeys, or a reader does not see, as references.
pub(super) fn for_terminal(document: &str) -> String {
    let mut text = String::with_capacity(document.len());
    for character in document.chars() {
        if character == '\n' || !is_hazardous(character) {
            text.push(character);
        } else {
            // Writing to a String does not fail.
            let _ = write!(text, "&#x{:x};", u32::from(character));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_does_not_take_is_escaped_or_left_out() {
        let mut writer = Writer::new("a", &[]);
        writer.element(
            "b",
            &[("c", "<\"&>'")],
            "<\"&>'\r\n\t\0\x1b\x7f\u{9b}\u{ffff}😀",
        );
        assert_eq!(
            writer.finish(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <a>\n    \
                 <b c=\"&lt;&quot;&amp;&gt;'\">&lt;&quot;&amp;&gt;'&#xd;\n\t\x7f\u{9b}😀</b>\n\
             </a>\n"
        );
    }

    #[test]
    fn a_terminal_gets_references() {
        let document = "<a>\n\t\u{9b}2J\u{202e}é</a>\n";
        let expected = "<a>\n&#x9;&#x9b;2J&#x202e;é</a>\n";
        assert_eq!(for_terminal(document), expected);
    }
}
