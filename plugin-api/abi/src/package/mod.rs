//! The package that a structure is handed: what it may ask and change.

mod host_side;
mod plugin_side;

use std::ffi::c_void;
use std::fmt;
use std::path::{Path, PathBuf};

use abi_stable::StableAbi;

use crate::call::status;
use crate::text::{NotUtf8, PathSink, PathStr, Str, StrSink};

pub(crate) use host_side::with_package;
pub use plugin_side::PackageRef;

/// A package during one call of a structure: valid for that call, on its thread.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct Package {
    /// Handed to each function of the table.
    pub context: *mut c_void,
    /// The functions.
    pub table: *const PackageV1,
}

/// What a structure may ask of a package and change in it, version 1.
///
/// The names and meanings are those of KPackage's `Package`. Functions that ask push their answer
/// into a sink and return [`status::NOT_FOUND`] when there is none; a sink may call functions of the
/// same package. Those that return a truth value return 0 or 1, and 0 when the question makes no
/// sense. After a function has returned another status than [`status::OK`], `last_error` says why.
///
/// In `init_package` there is no package yet: `set_path` then says which package is meant when
/// nobody names one, `set_metadata` and `set_fallback_package` count for every package of the type.
/// In `path_changed` they count for the one at hand.
#[repr(C)]
#[derive(StableAbi)]
pub struct PackageV1 {
    /// The message of the last failure in this call.
    pub last_error: unsafe extern "C" fn(package: *mut c_void, out: *const StrSink) -> u32,

    /// The package's folder or archive, absolute, without a slash at the end. In `path_changed` it
    /// may be another file; that is no package unless the structure sets a folder instead.
    pub path: unsafe extern "C" fn(package: *mut c_void, out: *const PathSink) -> u32,
    /// The metadata as one JSON document in KDE's form.
    pub metadata: unsafe extern "C" fn(package: *mut c_void, out: *const StrSink) -> u32,
    /// One top-level value of the metadata as text: lists are joined with `,`. `KPlugin.X` stands
    /// for `X` in `KPlugin`, and `KPlugin.Id` for the package's id: where the metadata name none,
    /// their file's name without ending.
    pub metadata_value:
        unsafe extern "C" fn(package: *mut c_void, key: Str, out: *const StrSink) -> u32,
    /// Whether the package is valid, 0 or 1.
    pub is_valid: unsafe extern "C" fn(package: *mut c_void) -> u32,
    /// The file `file_name` below `key`; an empty file name means the key's own path.
    pub file_path: unsafe extern "C" fn(
        package: *mut c_void,
        key: Str,
        file_name: Str,
        out: *const PathSink,
    ) -> u32,
    /// The names of the files below `key`.
    pub entry_list:
        unsafe extern "C" fn(package: *mut c_void, key: Str, out: *const PathSink) -> u32,

    /// The defined keys: 0 directories, 1 required directories, 2 files, 3 required files.
    pub keys: unsafe extern "C" fn(package: *mut c_void, filter: u32, out: *const StrSink) -> u32,
    /// The paths that `key` is defined with, in order of addition.
    pub definition_paths:
        unsafe extern "C" fn(package: *mut c_void, key: Str, out: *const StrSink) -> u32,
    /// The display name of `key`.
    pub definition_name:
        unsafe extern "C" fn(package: *mut c_void, key: Str, out: *const StrSink) -> u32,
    /// Whether `key` is required, 0 or 1.
    pub is_required: unsafe extern "C" fn(package: *mut c_void, key: Str) -> u32,
    /// The MIME types of `key`, its own or the default ones.
    pub mime_types:
        unsafe extern "C" fn(package: *mut c_void, key: Str, out: *const StrSink) -> u32,
    /// The prefixes below which contents are looked for, in order.
    pub contents_prefix_paths:
        unsafe extern "C" fn(package: *mut c_void, out: *const StrSink) -> u32,
    /// Where packages of this type lie, relative to the XDG data folders.
    pub default_package_root:
        unsafe extern "C" fn(package: *mut c_void, out: *const StrSink) -> u32,
    /// Whether files outside the package may be reached, 0 or 1.
    pub allow_external_paths: unsafe extern "C" fn(package: *mut c_void) -> u32,
    /// The path of the package that is asked when this one has no such file.
    pub fallback_package: unsafe extern "C" fn(package: *mut c_void, out: *const PathSink) -> u32,

    /// Adds a path to the directory `key`, defining it if it is not.
    pub add_directory_definition:
        unsafe extern "C" fn(package: *mut c_void, key: Str, path: Str, name: Str) -> u32,
    /// Adds a path to the file `key`, defining it if it is not.
    pub add_file_definition:
        unsafe extern "C" fn(package: *mut c_void, key: Str, path: Str, name: Str) -> u32,
    /// Removes `key` and all its paths.
    pub remove_definition: unsafe extern "C" fn(package: *mut c_void, key: Str) -> u32,
    /// Says whether a package without `key` is invalid: 0 or not 0. Of a key that is not defined:
    /// nothing happens.
    pub set_required: unsafe extern "C" fn(package: *mut c_void, key: Str, required: u32) -> u32,
    /// Sets the MIME types of `key`. Of a key that is not defined: nothing happens.
    pub set_mime_types: unsafe extern "C" fn(
        package: *mut c_void,
        key: Str,
        first: *const Str,
        count: usize,
    ) -> u32,
    /// Sets the MIME types of keys that have none of their own.
    pub set_default_mime_types:
        unsafe extern "C" fn(package: *mut c_void, first: *const Str, count: usize) -> u32,
    /// Sets the prefixes below which contents are looked for.
    pub set_contents_prefix_paths:
        unsafe extern "C" fn(package: *mut c_void, first: *const Str, count: usize) -> u32,
    /// Sets where packages of this type lie, relative to the XDG data folders.
    pub set_default_package_root: unsafe extern "C" fn(package: *mut c_void, root: Str) -> u32,
    /// Says whether files outside the package may be reached: 0 or not 0.
    pub set_allow_external_paths: unsafe extern "C" fn(package: *mut c_void, allow: u32) -> u32,
    /// Points the package to another folder or archive: an absolute path, or a name below the
    /// type's package root; an empty path stands for no package. In `path_changed`: what was
    /// defined before is forgotten, what is defined after it counts, and the host calls
    /// `path_changed` again after this call, at most 16 times in a row.
    pub set_path: unsafe extern "C" fn(package: *mut c_void, path: PathStr) -> u32,
    /// Replaces the metadata by a JSON document in KDE's form.
    pub set_metadata: unsafe extern "C" fn(package: *mut c_void, json: Str) -> u32,
    /// Sets the package that is asked when this one has no such file: of type `type_name`, by name
    /// or by path. [`status::CYCLE`]: the type is just being initialised.
    pub set_fallback_package:
        unsafe extern "C" fn(package: *mut c_void, type_name: Str, path: PathStr) -> u32,
    /// Takes the fallback package away.
    pub clear_fallback_package: unsafe extern "C" fn(package: *mut c_void) -> u32,
}

/// Which keys are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFilter {
    /// All directories.
    Directories,
    /// The required directories.
    RequiredDirectories,
    /// All files.
    Files,
    /// The required files.
    RequiredFiles,
}

impl KeyFilter {
    const ALL: [KeyFilter; 4] = [
        Self::Directories,
        Self::RequiredDirectories,
        Self::Files,
        Self::RequiredFiles,
    ];

    fn from_code(code: u32) -> Option<Self> {
        Self::ALL.get(code as usize).copied()
    }
}

/// Why a change of a package was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageError {
    /// One of [`status`], neither OK nor FAULT.
    pub status: u32,
    /// What is wrong.
    pub message: String,
}

impl PackageError {
    /// An error with one of the border's statuses.
    #[must_use]
    pub fn new(status: u32, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }
}

impl fmt::Display for PackageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for PackageError {}

impl From<NotUtf8> for PackageError {
    fn from(error: NotUtf8) -> Self {
        Self::new(status::INVALID, error.to_string())
    }
}

/// What a structure may ask of a package and change in it, in Rust.
///
/// The host implements it for the package that it initialises, and hands it either to a structure
/// that is linked in, or through [`PackageV1`] to one in a plugin. The meaning of each method is
/// that of the function of the same name there.
#[allow(missing_docs)]
pub trait PackageAccess {
    fn path(&self) -> Option<PathBuf>;
    fn metadata(&self) -> Option<String>;
    fn metadata_value(&self, key: &str) -> Option<String>;
    fn is_valid(&self) -> bool;
    fn file_path(&self, key: &str, file_name: &str) -> Option<PathBuf>;
    fn entry_list(&self, key: &str) -> Vec<PathBuf>;

    fn keys(&self, filter: KeyFilter) -> Vec<String>;
    fn definition_paths(&self, key: &str) -> Vec<String>;
    fn definition_name(&self, key: &str) -> Option<String>;
    fn is_required(&self, key: &str) -> bool;
    fn mime_types(&self, key: &str) -> Vec<String>;
    fn contents_prefix_paths(&self) -> Vec<String>;
    fn default_package_root(&self) -> Option<String>;
    fn allow_external_paths(&self) -> bool;
    fn fallback_package(&self) -> Option<PathBuf>;

    fn add_directory_definition(&mut self, key: &str, path: &str, name: &str);
    fn add_file_definition(&mut self, key: &str, path: &str, name: &str);
    fn remove_definition(&mut self, key: &str);
    fn set_required(&mut self, key: &str, required: bool);
    fn set_mime_types(&mut self, key: &str, mime_types: &[&str]);
    fn set_default_mime_types(&mut self, mime_types: &[&str]);
    fn set_contents_prefix_paths(&mut self, prefixes: &[&str]);
    fn set_default_package_root(&mut self, root: &str);
    fn set_allow_external_paths(&mut self, allow: bool);
    fn set_path(&mut self, path: &Path) -> Result<(), PackageError>;
    fn set_metadata(&mut self, json: &str) -> Result<(), PackageError>;
    fn set_fallback_package(&mut self, type_name: &str, path: &Path) -> Result<(), PackageError>;
    fn clear_fallback_package(&mut self);
}
