//! The metadata formats of Keyway: of plugins, while they are compiled, and of packages, when a
//! host looks at them.
//!
//! One document, four ways to write it down, one way to read it:
//!
//! ```text
//! metadata.json ----\
//! metadata.desktop --+--> Document (KDE's JSON form, whole) --> PluginMetadata (a view with names)
//! metadata.toml ----+                                                |
//! package.toml -----/                                                +--> TypeName, TypeName, ...
//! ```
//!
//! - [`Document`] is what a file says, in the JSON form that KDE keeps metadata in. Nothing is
//!   dropped: keys that Keyway has no use for stay.
//! - [`PluginMetadata`] answers questions about a document with the rules of KDE's
//!   `KPluginMetaData`, as they were observed on KPackage 5.103.
//! - [`TypeName`] is a checked `Vendor/Name`.
//! - [`threebot`] is what the `package.toml` of a 3bot package says, with types.
//! - [`foreign`] keeps foreign text from doing harm in messages.
//! - [`PropertyTypes`] is what KDE's service type files say about the keys of `.desktop` files.
//!
//! Both readers of a format are here, the strict one for authors ([`Document::parse`]) and the
//! forgiving one for packages that exist already ([`Document::parse_lenient`]), and they are the
//! same code: the first problem of the forgiving one is the error of the strict one.
//!
//! # Examples
//!
//! ```
//! use keyway_metadata::{Document, Format};
//!
//! let text = "[Desktop Entry]\nName=Demo\nX-KDE-PluginInfo-Name=MyApp/MyStructure\n";
//! let document = Document::parse(Format::Desktop, text.as_bytes())?;
//!
//! let metadata = document.metadata();
//! assert_eq!(metadata.name(), Some("Demo"));
//! assert_eq!(metadata.structure_type_names()?[0].vendor(), "MyApp");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod declared;
mod desktop;
mod desktop_lines;
mod document;
pub mod foreign;
mod json;
mod manifest;
pub mod note;
mod outline;
mod plugin;
mod position;
mod property_types;
pub mod threebot;
mod toml_tables;
mod type_name;
mod values;

pub use declared::DeclaredTypesError;
pub use document::{Document, DocumentError, Format, Lenient};
pub use manifest::{
    Abi, FORMAT as MANIFEST_FORMAT, GivenType, Manifest, ManifestError, TypeKind, manifest_head,
};

pub use plugin::{Author, PluginMetadata, ValueError};
pub use property_types::PropertyTypes;
pub use type_name::{TypeName, TypeNameError};
