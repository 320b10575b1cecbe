//! What packages of a type look like.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyway_abi::KeyFilter;
use keyway_metadata::{TypeName, threebot};

use super::metadata::{MetadataFiles, OF_KPACKAGE, PackageMetadata};

/// The key under which a package's metadata file is found.
pub(super) const METADATA_KEY: &str = "metadata";

/// Whether a key stands for files or for folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A file.
    File,
    /// A folder with files in it.
    Directory,
}

/// What one key of a package stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDefinition {
    kind: Kind,
    name: String,
    paths: Vec<String>,
    required: bool,
    mime_types: Vec<String>,
}

impl KeyDefinition {
    /// File or folder: what the last addition said.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The name that people see, possibly empty.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The paths that are tried below each contents prefix, in order of addition.
    #[must_use]
    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// Whether a package without it is invalid.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// The MIME types of its own, without the default ones.
    #[must_use]
    pub fn mime_types(&self) -> &[String] {
        &self.mime_types
    }
}

/// What packages of a type look like: a snapshot of what the type's structure said.
///
/// Keys, names and paths are UTF-8, and paths are relative with `/` on every platform.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    // Shared: a structure that adds one definition for a package copies no others.
    keys: BTreeMap<Arc<str>, Arc<KeyDefinition>>,
    prefixes: Arc<[String]>,
    default_root: Arc<str>,
    default_mime_types: Arc<[String]>,
    external: bool,
    /// What a package of this type is when nobody names one.
    pub(super) first_path: Option<PathBuf>,
    /// The package that is asked for what a package of this type lacks.
    pub(super) fallback: Option<(TypeName, PathBuf)>,
    /// The metadata of packages that have no metadata file.
    pub(super) metadata: Option<Arc<PackageMetadata>>,
    metadata_files: MetadataFiles,
}

impl Default for Definition {
    fn default() -> Self {
        Self {
            keys: BTreeMap::new(),
            prefixes: Arc::new(["contents/".to_owned()]),
            default_root: "".into(),
            default_mime_types: Arc::default(),
            external: false,
            first_path: None,
            fallback: None,
            metadata: None,
            metadata_files: MetadataFiles::default(),
        }
    }
}

/// Asking.
impl Definition {
    /// All keys with what they stand for, ordered by key.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &KeyDefinition)> {
        self.keys.iter().map(|(key, entry)| (&**key, &**entry))
    }

    /// What `key` stands for, if it is defined.
    #[must_use]
    pub fn key(&self, key: &str) -> Option<&KeyDefinition> {
        self.keys.get(key).map(|entry| &**entry)
    }

    /// The prefixes below which contents are looked for, in order. Each ends with `/` or is the
    /// only one and empty, which means the package's own folder.
    #[must_use]
    pub fn contents_prefix_paths(&self) -> &[String] {
        &self.prefixes
    }

    /// Where packages of this type lie, relative to the XDG data folders; ends with `/`.
    #[must_use]
    pub fn default_package_root(&self) -> Option<&str> {
        Some(&*self.default_root).filter(|root| !root.is_empty())
    }

    /// Whether files outside the package may be reached.
    #[must_use]
    pub fn allow_external_paths(&self) -> bool {
        self.external
    }

    /// Whether a package without `key` is invalid.
    #[must_use]
    pub fn is_required(&self, key: &str) -> bool {
        self.keys.get(key).is_some_and(|entry| entry.required)
    }

    /// The MIME types of `key`: its own, else the default ones; none for a key that is not
    /// defined.
    #[must_use]
    pub fn mime_types(&self, key: &str) -> &[String] {
        match self.keys.get(key) {
            None => &[],
            Some(entry) if entry.mime_types.is_empty() => &self.default_mime_types,
            Some(entry) => &entry.mime_types,
        }
    }

    pub(super) fn required_keys(&self) -> impl Iterator<Item = &str> {
        self.keys()
            .filter(|(_, entry)| entry.required)
            .map(|(key, _)| key)
    }

    pub(super) fn keys_of(&self, filter: KeyFilter) -> impl Iterator<Item = &str> {
        let (kind, required_only) = match filter {
            KeyFilter::Directories => (Kind::Directory, false),
            KeyFilter::RequiredDirectories => (Kind::Directory, true),
            KeyFilter::Files => (Kind::File, false),
            KeyFilter::RequiredFiles => (Kind::File, true),
        };
        self.keys()
            .filter(move |(_, entry)| entry.kind == kind && (entry.required || !required_only))
            .map(|(key, _)| key)
    }
}

/// Changing, with the meanings of KPackage 5.103.
impl Definition {
    /// Defines `key`, or gives it one more path, which is tried last. An empty name leaves the
    /// name. A directory that has the path under the same name already is left alone, and stays a
    /// directory.
    pub(super) fn add(&mut self, kind: Kind, key: &str, path: &str, name: &str) {
        let entry = self.keys.entry(key.into()).or_insert_with(|| {
            Arc::new(KeyDefinition {
                kind,
                name: String::new(),
                paths: Vec::new(),
                required: false,
                mime_types: Vec::new(),
            })
        });
        let is_known = entry.kind == Kind::Directory
            && entry.name == name
            && entry.paths.iter().any(|known| known == path);
        if is_known {
            return;
        }
        let entry = Arc::make_mut(entry);
        entry.kind = kind;
        entry.paths.push(path.to_owned());
        if !name.is_empty() {
            name.clone_into(&mut entry.name);
        }
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.keys.remove(key);
    }

    pub(super) fn set_required(&mut self, key: &str, required: bool) {
        if let Some(entry) = self.keys.get_mut(key) {
            Arc::make_mut(entry).required = required;
        }
    }

    pub(super) fn set_mime_types(&mut self, key: &str, mime_types: &[&str]) {
        if let Some(entry) = self.keys.get_mut(key) {
            Arc::make_mut(entry).mime_types = owned(mime_types);
        }
    }

    pub(super) fn set_default_mime_types(&mut self, mime_types: &[&str]) {
        self.default_mime_types = owned(mime_types).into();
    }

    pub(super) fn set_prefixes(&mut self, prefixes: &[&str]) {
        self.prefixes = match prefixes {
            [] => Arc::new([String::new()]),
            prefixes => prefixes.iter().map(|prefix| with_slash(prefix)).collect(),
        };
    }

    pub(super) fn set_default_root(&mut self, root: &str) {
        self.default_root = if root.is_empty() {
            "".into()
        } else {
            with_slash(root).into()
        };
    }

    pub(super) fn set_external(&mut self, allow: bool) {
        self.external = allow;
    }

    /// Adds the key `metadata`, which every type has, once its structure has said all. KPackage's
    /// files come behind what the structure says of that key, as there. A structure that says no more
    /// than `package.toml` means just that.
    pub(super) fn add_metadata_key(&mut self) {
        let own = self.key(METADATA_KEY).map(KeyDefinition::paths);
        if own.is_some_and(|paths| paths == [threebot::FILE_NAME]) {
            self.metadata_files = MetadataFiles::PackageToml;
            return;
        }
        for file in OF_KPACKAGE {
            let name = "Desktop file that describes this package.";
            self.add(Kind::File, METADATA_KEY, file, name);
        }
    }

    /// Which files may be the metadata of packages of this type.
    pub(crate) fn metadata_files(&self) -> MetadataFiles {
        self.metadata_files
    }

    /// The folder that packages lie in, relative to the data folders or absolute: the default
    /// root, else the type's own name.
    pub(crate) fn listed_root(&self, type_name: &TypeName) -> PathBuf {
        match self.default_package_root() {
            Some(root) => PathBuf::from(root),
            None => Path::new(type_name.as_str()).to_path_buf(),
        }
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn with_slash(path: &str) -> String {
    if path.ends_with('/') {
        path.to_owned()
    } else {
        format!("{path}/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(definition: &Definition, filter: KeyFilter) -> Vec<&str> {
        definition.keys_of(filter).collect()
    }

    #[test]
    fn what_is_not_defined_cannot_be_changed() {
        let mut definition = Definition::default();
        definition.set_default_mime_types(&["text/plain"]);
        definition.set_required("ui", true);
        definition.set_mime_types("ui", &["a/b"]);
        definition.remove("ui");
        assert_eq!(definition.keys().count(), 0);
        assert!(!definition.is_required("ui"));
        assert_eq!(definition.mime_types("ui"), [""; 0]);
    }

    #[test]
    fn paths_are_appended_and_directories_are_not_doubled() {
        let mut definition = Definition::default();
        for (kind, path, name) in [
            (Kind::Directory, "a", "A"),
            (Kind::Directory, "a", "A"),
            (Kind::Directory, "b", ""),
            (Kind::Directory, "a", "Other"),
        ] {
            definition.add(kind, "ui", path, name);
        }
        let ui = definition.key("ui").unwrap();
        assert_eq!(
            (ui.paths(), ui.name()),
            (&["a", "b", "a"].map(String::from)[..], "Other")
        );

        definition.add(Kind::File, "x", "x", "");
        definition.add(Kind::File, "x", "x", "");
        assert_eq!(definition.key("x").unwrap().paths(), ["x", "x"]);
    }

    #[test]
    fn the_last_addition_says_the_kind_and_keeps_the_rest() {
        let mut definition = Definition::default();
        definition.add(Kind::Directory, "ui", "ui", "");
        definition.set_required("ui", true);
        definition.set_mime_types("ui", &["a/b"]);
        definition.add(Kind::File, "ui", "ui", "");
        assert_eq!(keys(&definition, KeyFilter::Directories), ["ui"]);
        definition.add(Kind::File, "ui", "ui.qml", "");
        assert_eq!(keys(&definition, KeyFilter::RequiredFiles), ["ui"]);
        assert_eq!(keys(&definition, KeyFilter::Directories), [""; 0]);
        assert_eq!(definition.mime_types("ui"), ["a/b"]);
    }

    #[test]
    fn prefixes_and_roots_end_with_a_slash() {
        let mut definition = Definition::default();
        assert_eq!(definition.contents_prefix_paths(), ["contents/"]);
        for (given, kept) in [
            (&[][..], &[""][..]),
            (&["contents", "x/"], &["contents/", "x/"]),
            (
                &["/contents", "", "contents//"],
                &["/contents/", "/", "contents//"],
            ),
        ] {
            definition.set_prefixes(given);
            assert_eq!(definition.contents_prefix_paths(), kept);
        }
        for (given, kept) in [
            ("", None),
            ("a/b", Some("a/b/")),
            ("a/b/", Some("a/b/")),
            ("/abs", Some("/abs/")),
        ] {
            definition.set_default_root(given);
            assert_eq!(definition.default_package_root(), kept);
        }
    }

    #[test]
    fn only_a_key_that_is_package_toml_and_nothing_else_names_the_metadata_file() {
        let kpackage = OF_KPACKAGE.map(str::to_owned);
        for own in [
            &[][..],
            &["package.tml"],
            &["package.toml", "other"],
            &["package.toml", "package.toml"],
            &["metadata.json"],
        ] {
            let mut definition = Definition::default();
            for path in own {
                definition.add(Kind::File, METADATA_KEY, path, "");
            }
            definition.add_metadata_key();
            assert_eq!(definition.metadata_files(), MetadataFiles::KPackage);
            let paths = definition.key(METADATA_KEY).unwrap().paths();
            assert_eq!(paths[own.len()..], kpackage);
        }
        let mut definition = Definition::default();
        definition.add(Kind::File, METADATA_KEY, "package.toml", "");
        definition.add_metadata_key();
        assert_eq!(definition.metadata_files(), MetadataFiles::PackageToml);
        // What a structure or an application does to the key later changes no package's metadata.
        definition.add(Kind::File, METADATA_KEY, "metadata.json", "");
        assert_eq!(definition.metadata_files(), MetadataFiles::PackageToml);
        let paths = definition.key(METADATA_KEY).unwrap().paths();
        assert_eq!(paths, ["package.toml", "metadata.json"]);
    }

    #[test]
    fn packages_without_a_root_lie_under_the_types_name() {
        let type_name: TypeName = "A/B".parse().unwrap();
        let mut definition = Definition::default();
        assert_eq!(definition.listed_root(&type_name), Path::new("A/B"));
        definition.set_default_root("a/b");
        assert_eq!(definition.listed_root(&type_name), Path::new("a/b"));
    }
}
