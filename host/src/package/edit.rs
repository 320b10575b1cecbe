//! The package that a structure is handed: it asks and changes through [`PackageAccess`].

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyway_abi::{KeyFilter, PackageAccess, PackageError as Refusal, status};
use keyway_metadata::{Document, Format};

use super::contents::{Contents, FallbackTrouble};
use super::definition::Kind;
use super::error::{LoadError, PackageError};
use super::loader::PackageLoader;
use super::locate::{self, Site};
use super::metadata::PackageMetadata;
use super::package::Package;

/// A package while its structure describes it.
pub(super) struct Draft<'a> {
    contents: &'a mut Contents,
    stage: Stage<'a>,
}

#[derive(Clone, Copy)]
enum Stage<'a> {
    /// In `init_package`: there is a type and no package yet.
    Type(&'a PackageLoader),
    /// In `path_changed`.
    Package { site: Site<'a>, moved: bool },
}

impl<'a> Draft<'a> {
    pub(super) fn of_type(loader: &'a PackageLoader, contents: &'a mut Contents) -> Self {
        Self {
            contents,
            stage: Stage::Type(loader),
        }
    }

    pub(super) fn of_package(site: Site<'a>, contents: &'a mut Contents) -> Self {
        Self {
            contents,
            stage: Stage::Package { site, moved: false },
        }
    }

    /// Whether the structure set another path.
    pub(super) fn has_moved(&self) -> bool {
        matches!(self.stage, Stage::Package { moved: true, .. })
    }

    fn loader(&self) -> &'a PackageLoader {
        match self.stage {
            Stage::Type(loader) => loader,
            Stage::Package { site, .. } => site.loader,
        }
    }

    fn move_to(&mut self, path: &Path) -> Result<(), PackageError> {
        self.contents.plain = false;
        let root = if path.as_os_str().is_empty() {
            None
        } else {
            let places = locate::candidates(self.loader(), &self.contents.definition, None, path)?;
            Some(locate::first_folder(path, places)?)
        };
        match &mut self.stage {
            Stage::Type(_) => {
                let first_path = root.map(|_| path.to_path_buf());
                self.contents
                    .define(|definition| definition.first_path = first_path);
            }
            Stage::Package { site, moved } => {
                if let Some(root) = &root {
                    site.check_chain(root)?;
                }
                self.contents.move_to(site.fresh(root));
                *moved = true;
            }
        }
        Ok(())
    }

    fn fall_back_to(&mut self, type_name: &str, path: &Path) -> Result<(), LoadError> {
        self.contents.plain = false;
        let package = match (&self.stage, &self.contents.root) {
            (Stage::Package { site, .. }, Some(root)) => {
                let here = site.link(root);
                site.loader.load_in_chain(type_name, path, Some(&here))?
            }
            _ => self.loader().load_in_chain(type_name, path, None)?,
        };
        if let Stage::Type(_) = self.stage {
            let named = (package.type_name().clone(), path.to_path_buf());
            self.contents
                .define(|definition| definition.fallback = Some(named));
        }
        self.set_fallback(Some(package));
        Ok(())
    }

    fn set_fallback(&mut self, package: Option<Package>) {
        self.contents.fallback = package;
        self.contents.fallback_trouble = None;
    }
}

fn refusal(error: &LoadError) -> Refusal {
    let status = match error {
        LoadError::Cycle { .. } | LoadError::Package(PackageError::FallbackCycle { .. }) => {
            status::CYCLE
        }
        LoadError::TypeName(_) | LoadError::Package(PackageError::Nul { .. }) => status::INVALID,
        LoadError::Resolve(_)
        | LoadError::Package(PackageError::NotFound { .. } | PackageError::Invalid { .. }) => {
            status::NOT_FOUND
        }
        LoadError::Fault(_) | LoadError::Package(_) => status::REFUSED,
    };
    Refusal::new(status, error.to_string())
}

impl PackageAccess for Draft<'_> {
    fn path(&self) -> Option<PathBuf> {
        self.contents.root.clone()
    }
    fn metadata(&self) -> Option<String> {
        Some(self.contents.metadata.as_ref()?.document().to_json())
    }
    fn metadata_value(&self, key: &str) -> Option<String> {
        let metadata = self.contents.metadata.as_ref()?;
        let value = match key.strip_prefix("KPlugin.") {
            Some("Id") => Cow::Borrowed(metadata.id()?),
            Some(key) => metadata.view().kplugin_value(key)?,
            None => metadata.view().value(key)?,
        };
        Some(value.into_owned())
    }
    fn is_valid(&self) -> bool {
        self.contents.is_valid()
    }
    fn file_path(&self, key: &str, file_name: &str) -> Option<PathBuf> {
        let found = self.contents.find(key, OsStr::new(file_name));
        Some(found.ok()?.into_owned())
    }
    fn entry_list(&self, key: &str) -> Vec<PathBuf> {
        let entries = self.contents.entries(key);
        entries.into_iter().map(PathBuf::from).collect()
    }

    fn keys(&self, filter: KeyFilter) -> Vec<String> {
        let keys = self.contents.definition.keys_of(filter);
        keys.map(str::to_owned).collect()
    }
    fn definition_paths(&self, key: &str) -> Vec<String> {
        let entry = self.contents.definition.key(key);
        entry.map_or_else(Vec::new, |entry| entry.paths().to_vec())
    }
    fn definition_name(&self, key: &str) -> Option<String> {
        Some(self.contents.definition.key(key)?.name().to_owned())
    }
    fn is_required(&self, key: &str) -> bool {
        self.contents.definition.is_required(key)
    }
    fn mime_types(&self, key: &str) -> Vec<String> {
        self.contents.definition.mime_types(key).to_vec()
    }
    fn contents_prefix_paths(&self) -> Vec<String> {
        self.contents.definition.contents_prefix_paths().to_vec()
    }
    fn default_package_root(&self) -> Option<String> {
        let root = self.contents.definition.default_package_root();
        root.map(str::to_owned)
    }
    fn allow_external_paths(&self) -> bool {
        self.contents.definition.allow_external_paths()
    }
    fn fallback_package(&self) -> Option<PathBuf> {
        Some(self.contents.fallback.as_ref()?.path()?.to_path_buf())
    }

    fn add_directory_definition(&mut self, key: &str, path: &str, name: &str) {
        self.contents
            .define(|definition| definition.add(Kind::Directory, key, path, name));
    }
    fn add_file_definition(&mut self, key: &str, path: &str, name: &str) {
        self.contents
            .define(|definition| definition.add(Kind::File, key, path, name));
    }
    fn remove_definition(&mut self, key: &str) {
        self.contents.define(|definition| definition.remove(key));
    }
    fn set_required(&mut self, key: &str, required: bool) {
        self.contents
            .define(|definition| definition.set_required(key, required));
    }
    fn set_mime_types(&mut self, key: &str, mime_types: &[&str]) {
        self.contents
            .define(|definition| definition.set_mime_types(key, mime_types));
    }
    fn set_default_mime_types(&mut self, mime_types: &[&str]) {
        self.contents
            .define(|definition| definition.set_default_mime_types(mime_types));
    }
    fn set_contents_prefix_paths(&mut self, prefixes: &[&str]) {
        self.contents
            .define(|definition| definition.set_prefixes(prefixes));
    }
    fn set_default_package_root(&mut self, root: &str) {
        self.contents
            .define(|definition| definition.set_default_root(root));
    }
    fn set_allow_external_paths(&mut self, allow: bool) {
        self.contents
            .define(|definition| definition.set_external(allow));
    }
    fn set_path(&mut self, path: &Path) -> Result<(), Refusal> {
        self.move_to(path)
            .map_err(|error| refusal(&LoadError::Package(error)))
    }
    fn set_metadata(&mut self, json: &str) -> Result<(), Refusal> {
        let document = Document::parse(Format::Json, json.as_bytes())
            .map_err(|error| Refusal::new(status::INVALID, error.to_string()))?;
        let metadata = Arc::new(PackageMetadata::from(document));
        if let Stage::Type(_) = self.stage {
            let metadata = Some(Arc::clone(&metadata));
            self.contents
                .define(|definition| definition.metadata = metadata);
        }
        self.contents.metadata = Some(metadata);
        Ok(())
    }
    fn set_fallback_package(&mut self, type_name: &str, path: &Path) -> Result<(), Refusal> {
        self.fall_back_to(type_name, path).map_err(|error| {
            // Where the structure does without, the warning tells.
            self.contents.fallback_trouble = Some(FallbackTrouble {
                code: "fallback-missing",
                named_by: "its type",
                why: error.to_string(),
            });
            refusal(&error)
        })
    }
    fn clear_fallback_package(&mut self) {
        if let Stage::Type(_) = self.stage {
            self.contents
                .define(|definition| definition.fallback = None);
        }
        self.set_fallback(None);
    }
}
