//! A metadata file, read.

use std::fmt;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use crate::outline::{Outline, Piece, Section};
use crate::plugin::PluginMetadata;
use crate::position::{Position, text_without_bom};
use crate::property_types::PropertyTypes;
use crate::{desktop, json, threebot, toml_tables};

/// The ways to write metadata down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// KDE's own: an object with `KPlugin` and, beside it, whatever the type wants.
    Json,
    /// KDE's older one: the `[Desktop Entry]` group of a `.desktop` file.
    Desktop,
    /// The keys of the JSON form in TOML: `KPackageStructure = "..."`, then `[KPlugin]`.
    Toml,
    /// The `package.toml` of a 3bot package, which has keys of its own: see
    /// [`threebot`](crate::threebot).
    PackageToml,
}

impl Format {
    /// The format that the file's extension stands for, `None` for any other extension.
    ///
    /// Case does not matter: KPackage 5.103 reads `METADATA.JSON` too. Never
    /// [`PackageToml`](Format::PackageToml), which a file is by its whole name.
    #[must_use]
    pub fn from_path(path: &Path) -> Option<Format> {
        let extension = path.extension()?;
        [Format::Json, Format::Desktop, Format::Toml]
            .into_iter()
            .find(|format| extension.eq_ignore_ascii_case(format.extension()))
    }

    /// The extension of files in this format, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Desktop => "desktop",
            Format::Toml | Format::PackageToml => "toml",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Format::Json => "JSON",
            Format::Desktop => "desktop entry",
            Format::Toml => "TOML",
            Format::PackageToml => threebot::FILE_NAME,
        })
    }
}

/// What is wrong with a metadata file, and where.
///
/// As text: ``malformed JSON at line 2, column 7: expected `,` or `}` ``.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentError {
    format: Format,
    position: Option<Position>,
    message: String,
}

impl DocumentError {
    pub(crate) fn at(format: Format, position: Position, message: impl Into<String>) -> Self {
        DocumentError {
            format,
            position: Some(position),
            message: message.into(),
        }
    }

    pub(crate) fn without_position(format: Format, message: impl Into<String>) -> Self {
        DocumentError {
            format,
            position: None,
            message: message.into(),
        }
    }

    /// The format that the file was read as.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// The line, counted from 1; `None` where it is not about one place.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.position.map(|position| position.line)
    }

    /// The column, counted in characters from 1; `None` where it is not about one place. A byte
    /// order mark at the start of the file is not counted.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        self.position.map(|position| position.column)
    }

    /// What is wrong, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed {}", self.format)?;
        if let Some(Position { line, column }) = self.position {
            write!(f, " at line {line}, column {column}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for DocumentError {}

/// As many problems as the list of a file holds; more would only cost memory.
pub(crate) const MOST_PROBLEMS: usize = 100;

/// A document, and what a strict reader would have refused it for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Lenient {
    /// What could be read.
    pub document: Document,
    /// What was passed over, in the order of the file, the first hundred; empty for a clean one.
    pub problems: Vec<DocumentError>,
}

impl Lenient {
    /// The document, unless something was passed over.
    fn strictly(self) -> Result<Document, DocumentError> {
        match self.problems.into_iter().next() {
            Some(problem) => Err(problem),
            None => Ok(self.document),
        }
    }
}

/// Metadata in KDE's JSON form, kept whole.
///
/// The root is an object. `KPlugin` in it holds what every plugin and package has (id, name,
/// version, authors); beside it stand the keys of the type, such as `KPackageStructure`. The
/// order of keys is the file's (TOML: alphabetical) and means nothing.
#[derive(Clone)]
pub struct Document {
    source: Source,
    library: Option<String>,
}

#[derive(Clone)]
enum Source {
    Map(Map<String, Value>),
    Text(Box<Text>),
}

/// JSON that is taken apart when somebody asks for more than a text of it.
#[derive(Clone)]
struct Text {
    text: Box<str>,
    outline: Outline,
    root: OnceLock<Map<String, Value>>,
}

impl Text {
    fn root(&self) -> &Map<String, Value> {
        // The outline was read by the same reader, so there is nothing that could not be read.
        let parse = || serde_json::from_str(&self.text).unwrap_or_default();
        self.root.get_or_init(parse)
    }
}

impl Default for Document {
    fn default() -> Document {
        Document::from(Map::new())
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Document) -> bool {
        self.root() == other.root() && self.library == other.library
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("root", self.root())
            .field("library", &self.library)
            .finish()
    }
}

impl Document {
    /// Reads a file's bytes, strictly: what an author writes is either right or an error.
    ///
    /// - JSON: a byte order mark and CRLF are fine; of doubled keys the last one stands; comments,
    ///   anything behind the document and a root that is not an object are errors.
    /// - Desktop entry: see [`parse_lenient`](Document::parse_lenient); each of its problems is an
    ///   error here.
    /// - TOML: tables become objects, dates and times become strings; doubled keys are errors, as
    ///   TOML has it, and so are `inf` and `nan`, which JSON cannot say.
    /// - `package.toml`: as TOML, with `KPlugin` and `KPackageStructure` added from what it says; no
    ///   full name, a value that is not of its key's type and an unknown key are errors.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with its place; also bytes that are not UTF-8.
    pub fn parse(format: Format, bytes: &[u8]) -> Result<Document, DocumentError> {
        match format {
            Format::Json => match Document::of_json(bytes) {
                Some(document) => Ok(document),
                None => json::parse(bytes).map(Document::from),
            },
            Format::Toml => toml_tables::parse(bytes).map(Document::from),
            Format::PackageToml => threebot::read(bytes).and_then(Lenient::strictly),
            Format::Desktop => desktop::read(bytes, &PropertyTypes::new()).strictly(),
        }
    }

    /// Reads a file's bytes the way KPackage 5.103 does, which takes more than is right.
    ///
    /// - JSON: strings may hold raw control characters, unknown escapes (`\q` is `q`) and half a
    ///   surrogate pair (becomes U+FFFD); a file that needs any of that has one problem.
    /// - Desktop entry: never an error. A line without `=`, one without a key, a value that is
    ///   not of its key's type, bytes that are not UTF-8 and a file without the group
    ///   `[Desktop Entry]` are problems; the rest of the file counts. Without the group the
    ///   document has an empty `KPlugin` and nothing else.
    /// - TOML: as [`parse`](Document::parse), KPackage does not know it.
    /// - `package.toml`: unknown keys are problems, and stay in the document.
    ///
    /// # Errors
    ///
    /// What is wrong with the file, where KPackage would take it for empty metadata.
    pub fn parse_lenient(format: Format, bytes: &[u8]) -> Result<Lenient, DocumentError> {
        Document::parse_lenient_typed(format, bytes, &PropertyTypes::new())
    }

    /// As [`parse_lenient`](Document::parse_lenient), with KDE's service type files taken into
    /// account: keys of a `.desktop` file that they give a type are lists, numbers and booleans
    /// instead of strings. Other formats have types of their own and are not touched.
    ///
    /// # Errors
    ///
    /// As [`parse_lenient`](Document::parse_lenient).
    pub fn parse_lenient_typed(
        format: Format,
        bytes: &[u8],
        types: &PropertyTypes,
    ) -> Result<Lenient, DocumentError> {
        let clean = |document| Lenient {
            document,
            problems: Vec::new(),
        };
        match format {
            Format::Desktop => Ok(desktop::read(bytes, types)),
            Format::Toml => toml_tables::parse(bytes).map(|root| clean(root.into())),
            Format::PackageToml => threebot::read(bytes),
            Format::Json => match Document::parse(format, bytes) {
                Ok(document) => Ok(clean(document)),
                Err(problem) => match json::parse_tolerantly(bytes) {
                    Some(root) => Ok(Lenient {
                        document: Document::from(root),
                        problems: vec![problem],
                    }),
                    None => Err(problem),
                },
            },
        }
    }

    pub(crate) fn with_library(root: Map<String, Value>, library: Option<String>) -> Document {
        Document {
            source: Source::Map(root),
            library,
        }
    }

    /// JSON that can be taken apart later.
    fn of_json(bytes: &[u8]) -> Option<Document> {
        let text = text_without_bom(bytes).ok()?;
        let text = Text {
            outline: Outline::of(text)?,
            text: text.into(),
            root: OnceLock::new(),
        };
        Some(Document {
            source: Source::Text(Box::new(text)),
            library: None,
        })
    }

    /// The keys of `KPlugin`, if they are known without taking the document apart.
    pub(crate) fn kplugin_keys(&self) -> Option<impl Iterator<Item = &str>> {
        match &self.source {
            Source::Map(_) => None,
            Source::Text(text) => Some(text.outline.kplugin_keys(&text.text)),
        }
    }

    /// What stands under `key`, as far as that is known without taking the document apart.
    pub(crate) fn piece(&self, section: Section, key: &str) -> Piece<'_> {
        match &self.source {
            Source::Map(_) => Piece::Other,
            Source::Text(text) => text.outline.get(&text.text, section, key),
        }
    }

    /// The metadata behind the names that KDE gives its parts.
    #[must_use]
    pub fn metadata(&self) -> PluginMetadata<'_> {
        PluginMetadata::of(self)
    }

    /// All of it: the root object.
    #[must_use]
    pub fn root(&self) -> &Map<String, Value> {
        match &self.source {
            Source::Map(root) => root,
            Source::Text(text) => text.root(),
        }
    }

    /// All of it, given away.
    #[must_use]
    pub fn into_root(self) -> Map<String, Value> {
        match self.source {
            Source::Map(root) => root,
            Source::Text(text) => {
                text.root();
                text.root.into_inner().unwrap_or_default()
            }
        }
    }

    /// Whether there is nothing in it. KPackage 5.103 takes `{}` for no metadata.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.source {
            Source::Map(root) => root.is_empty(),
            Source::Text(text) => text.outline.is_empty(),
        }
    }

    /// What a `.desktop` file says under `X-KDE-Library`: a library's name, not converted into
    /// the JSON form. `None` in other formats, and where it is missing or empty.
    #[must_use]
    pub fn library(&self) -> Option<&str> {
        self.library.as_deref()
    }

    /// The root object as JSON on one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        json::text(self.root())
    }
}

impl From<Map<String, Value>> for Document {
    fn from(root: Map<String, Value>) -> Document {
        Document::with_library(root, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_needs_its_extension() {
        for (path, format) in [
            ("metadata", None),
            ("metadata.yaml", None),
            ("json", None),
            (".json", None),
            ("a/metadata.json", Some(Format::Json)),
            ("METADATA.JSON", Some(Format::Json)),
            ("my.plugin.desktop", Some(Format::Desktop)),
            ("metadata.toml", Some(Format::Toml)),
            ("package.toml", Some(Format::Toml)),
        ] {
            assert_eq!(Format::from_path(Path::new(path)), format, "{path}");
        }
    }

    #[test]
    fn an_error_has_its_parts_and_says_them() {
        let error = Document::parse(Format::Json, b"{}\n  ?").unwrap_err();
        assert_eq!(error.format(), Format::Json);
        assert_eq!((error.line(), error.column()), (Some(2), Some(3)));
        assert_eq!(error.message(), "trailing characters");
        assert_eq!(
            error.to_string(),
            "malformed JSON at line 2, column 3: trailing characters"
        );
    }

    #[test]
    fn an_error_may_have_no_place() {
        let error = Document::parse(Format::Toml, b"x = inf\n").unwrap_err();
        assert_eq!((error.line(), error.column()), (None, None));
        assert_eq!(
            error.to_string(),
            "malformed TOML: `x` is `inf`, which JSON cannot say"
        );
    }
}
