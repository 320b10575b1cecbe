//! `package.toml`, the metadata of a 3bot package.
//!
//! A host reads the file as every other one, by [`Document::parse_lenient`] with
//! [`Format::PackageToml`](crate::Format::PackageToml), and gets a [`Document`] that answers as any package's does: the id is
//! the [full name](FullName), name, version and description are those of `[source]`, the type is
//! [`TYPE`]. All that the file says stays in it, under the keys that the file has.
//! [`PackageToml`] is the same behind the names and types that the keys have.
//!
//! What is wrong with the identity of a package, with a value's type or with one of a closed set of
//! words is an error; an unknown key is a problem that is passed over.
//!
//! # Examples
//!
//! ```
//! use keyway_metadata::threebot::PackageToml;
//! use keyway_metadata::{Document, Format};
//!
//! let text = "[source]\nthreebot = 'acme'\nname = 'clock'\nversion = '1.2.0'\ncolour = 'red'\n";
//! let read = Document::parse_lenient(Format::PackageToml, text.as_bytes())?;
//!
//! assert_eq!(read.document.metadata().id(), Some("acme.clock"));
//! assert_eq!(PackageToml::of(&read.document)?.name.author(), "acme");
//! assert_eq!(
//!     read.problems[0].to_string(),
//!     "malformed package.toml at line 5, column 1: unknown key `source.colour`"
//! );
//! # Ok::<(), keyway_metadata::DocumentError>(())
//! ```

mod name;
mod package_toml;
mod places;
mod requirement;
mod table;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

pub use name::{FullName, FullNameError};
pub use package_toml::{Bcdb, BcdbType, Isolation, LifecycleChoice, PackageToml};
pub use requirement::{Requirement, RequirementError};

use crate::document::{Document, DocumentError, Lenient, MOST_PROBLEMS};
use crate::position::text_without_bom;
use crate::toml_tables;
use places::Places;

/// The name of the file in a package's folder.
pub const FILE_NAME: &str = "package.toml";

/// The type that every package with such a file is of.
pub const TYPE: &str = "ThreeBot/Package";

/// Reads a `package.toml`.
pub(crate) fn read(bytes: &[u8]) -> Result<Lenient, DocumentError> {
    let mut root = toml_tables::parse(bytes)?;
    let text = text_without_bom(bytes).unwrap_or_default();
    let (package, mut unknown) =
        package_toml::of_root(&root).map_err(|trouble| Places::of(text).error(trouble))?;
    describe(&mut root, &package);
    let mut lenient = Lenient {
        document: Document::from(root),
        problems: Vec::new(),
    };
    if !unknown.is_empty() {
        let places = Places::of(text);
        unknown.sort_by_cached_key(|trouble| places.offset(&trouble.path));
        let named = unknown.into_iter().take(MOST_PROBLEMS);
        lenient.problems = named.map(|trouble| places.error(trouble)).collect();
    }
    Ok(lenient)
}

/// Adds what KDE's keys say of any package. They are not the file's to set.
fn describe(root: &mut Map<String, Value>, package: &PackageToml) {
    let mut kplugin = Map::new();
    kplugin.insert("Id".to_owned(), package.name.as_str().into());
    kplugin.insert("Name".to_owned(), package.name.name().into());
    for (key, text) in [
        ("Version", &package.version),
        ("Description", &package.description),
    ] {
        if let Some(text) = text {
            kplugin.insert(key.to_owned(), json!(text));
        }
    }
    root.insert("KPlugin".to_owned(), kplugin.into());
    root.insert("KPackageStructure".to_owned(), TYPE.into());
}
