//! Definitions as tables.

use std::path::Path;

use keyway_plugin::Package;

/// One key of a package: what it stands for, where it lies, and how people call it.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    is_file: bool,
    key: &'static str,
    path: &'static str,
    name: &'static str,
    is_required: bool,
    mime_types: &'static [&'static str],
}

/// A folder of files.
pub(crate) const fn directory(key: &'static str, path: &'static str, name: &'static str) -> Key {
    Key {
        is_file: false,
        key,
        path,
        name,
        is_required: false,
        mime_types: &[],
    }
}

/// A file.
pub(crate) const fn file(key: &'static str, path: &'static str, name: &'static str) -> Key {
    Key {
        is_file: true,
        ..directory(key, path, name)
    }
}

impl Key {
    /// A package without it is not valid.
    pub(crate) const fn required(self) -> Self {
        Self {
            is_required: true,
            ..self
        }
    }

    /// What is to be found there.
    pub(crate) const fn of(self, mime_types: &'static [&'static str]) -> Self {
        Self { mime_types, ..self }
    }
}

/// Gives packages the keys of a table.
pub(crate) fn define(package: &mut Package<'_>, keys: &[Key]) {
    for key in keys {
        if key.is_file {
            package.add_file_definition(key.key, key.path, key.name);
        } else {
            package.add_directory_definition(key.key, key.path, key.name);
        }
        if key.is_required {
            package.set_required(key.key, true);
        }
        if !key.mime_types.is_empty() {
            package.set_mime_types(key.key, key.mime_types);
        }
    }
}

/// The package may name its main script itself. It comes after the usual one, so it counts where
/// that is not there.
pub(crate) fn add_main_script(package: &mut Package<'_>) {
    let script = package.metadata_value("X-Plasma-MainScript");
    if let Some(script) = script.filter(|script| !script.is_empty()) {
        package.add_file_definition("mainscript", &script, "Main Script File");
    }
}

/// Makes the package `name` of the type the fallback, and no other. Where it is not there, there
/// is no fallback, and the host warns.
pub(crate) fn fall_back_to(package: &mut Package<'_>, type_name: &str, name: &str) {
    package.clear_fallback_package();
    let _ = package.set_fallback_package(type_name, Path::new(name));
}
