//! The package that a structure is handed: what it may ask and change.

use std::ffi::c_void;
use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use abi_stable::StableAbi;

use crate::call::status;
use crate::guard;
use crate::text::{
    NotUtf8, PathSink, PathStr, Str, StrSink, borrow_all, collect_paths, collect_strings, read_all,
};

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
/// into a sink and return [`status::NOT_FOUND`] when there is none; those that return a truth value
/// return 0 or 1. After a function has returned another status than [`status::OK`] or
/// [`status::NOT_FOUND`], `last_error` says why.
#[repr(C)]
#[derive(StableAbi)]
pub struct PackageV1 {
    /// The message of the last failure in this call.
    pub last_error: unsafe extern "C" fn(package: *mut c_void, out: *const StrSink) -> u32,

    /// The package's folder or archive, absolute, without a slash at the end.
    pub path: unsafe extern "C" fn(package: *mut c_void, out: *const PathSink) -> u32,
    /// The metadata as one JSON document in KDE's form.
    pub metadata: unsafe extern "C" fn(package: *mut c_void, out: *const StrSink) -> u32,
    /// One top-level value of the metadata as text: lists are joined with `,`.
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
    /// Points the package to another folder or archive. In `path_changed`: the host calls
    /// `path_changed` again after this call.
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

// ---- the host's side ---------------------------------------------------------------------------

/// What a [`Package`]'s context points to.
struct HostPackage<'a> {
    access: &'a mut dyn PackageAccess,
    last_error: Option<String>,
}

/// Puts `access` behind the border for the time of `use_it`.
pub(crate) fn with_package<R>(
    access: &mut dyn PackageAccess,
    use_it: impl FnOnce(*const Package) -> R,
) -> R {
    let mut host = HostPackage {
        access,
        last_error: None,
    };
    let package = Package {
        context: (&raw mut host).cast(),
        table: &HOST_TABLE,
    };
    use_it(&raw const package)
}

/// Runs one of the host's functions: a panic or an error becomes a status.
///
/// # Safety
///
/// `context` is that of a [`Package`] made by [`with_package`], whose call still runs on this
/// thread, and no other function of it is running.
unsafe fn on_host(
    context: *mut c_void,
    work: impl FnOnce(&mut dyn PackageAccess) -> Result<u32, PackageError>,
) -> u32 {
    // SAFETY: as the caller says.
    let host = unsafe { &mut *context.cast::<HostPackage<'_>>() };
    let access = &mut *host.access;
    let result = guard::host_side(
        Err(PackageError::new(status::REFUSED, "the host panicked")),
        || work(access),
    );
    match result {
        Ok(status) => status,
        Err(error) => {
            host.last_error = Some(error.message);
            error.status
        }
    }
}

/// # Safety
///
/// `out` is null or a valid sink.
unsafe fn give<'a>(
    out: *const StrSink,
    items: impl IntoIterator<Item = &'a String>,
) -> Result<u32, PackageError> {
    // SAFETY: as the caller says.
    unsafe { StrSink::push_all(out, items.into_iter().map(String::as_str)) };
    Ok(status::OK)
}

/// # Safety
///
/// `out` is null or a valid sink.
unsafe fn give_one(out: *const StrSink, item: Option<String>) -> Result<u32, PackageError> {
    match item {
        // SAFETY: as the caller says.
        Some(item) => unsafe { give(out, [&item]) },
        None => Ok(status::NOT_FOUND),
    }
}

/// # Safety
///
/// `out` is null or a valid sink.
unsafe fn give_path(out: *const PathSink, item: Option<PathBuf>) -> Result<u32, PackageError> {
    match item {
        Some(item) => {
            // SAFETY: as the caller says.
            unsafe { PathSink::push_all(out, [item.as_path()]) };
            Ok(status::OK)
        }
        None => Ok(status::NOT_FOUND),
    }
}

/// Makes the host's functions: each reads its arguments, asks the package, and answers.
///
/// The contract that makes them sound is the same for all, see [`on_host`]: the plugin calls them
/// with the context that it was handed, during that call, with pointers that are valid.
macro_rules! host_functions {
    ($( fn $name:ident($package:ident $(, $arg:ident: $type:ty)*) $work:block )*) => {
        $(
            unsafe extern "C" fn $name(context: *mut c_void $(, $arg: $type)*) -> u32 {
                // SAFETY: the contract of `PackageV1`.
                unsafe { on_host(context, |$package| $work) }
            }
        )*
        static HOST_TABLE: PackageV1 = PackageV1 { last_error, $($name),* };
    };
}

unsafe extern "C" fn last_error(context: *mut c_void, out: *const StrSink) -> u32 {
    // SAFETY: the contract of `PackageV1`, as for `on_host`.
    let message = unsafe { (*context.cast::<HostPackage<'_>>()).last_error.clone() };
    // SAFETY: the contract of `PackageV1`: `out` is null or valid.
    unsafe { give_one(out, message) }.unwrap_or(status::REFUSED)
}

host_functions! {
    fn path(package, out: *const PathSink) { give_path(out, package.path()) }
    fn metadata(package, out: *const StrSink) { give_one(out, package.metadata()) }
    fn metadata_value(package, key: Str, out: *const StrSink) {
        give_one(out, package.metadata_value(key.to_str()?))
    }
    fn is_valid(package) { Ok(u32::from(package.is_valid())) }
    fn file_path(package, key: Str, file_name: Str, out: *const PathSink) {
        give_path(out, package.file_path(key.to_str()?, file_name.to_str()?))
    }
    fn entry_list(package, key: Str, out: *const PathSink) {
        let entries = package.entry_list(key.to_str()?);
        PathSink::push_all(out, entries.iter().map(PathBuf::as_path));
        Ok(status::OK)
    }
    fn keys(package, filter: u32, out: *const StrSink) {
        let filter = KeyFilter::from_code(filter).ok_or_else(|| {
            PackageError::new(status::INVALID, format!("there is no key filter {filter}"))
        })?;
        give(out, &package.keys(filter))
    }
    fn definition_paths(package, key: Str, out: *const StrSink) {
        give(out, &package.definition_paths(key.to_str()?))
    }
    fn definition_name(package, key: Str, out: *const StrSink) {
        give_one(out, package.definition_name(key.to_str()?))
    }
    fn is_required(package, key: Str) { Ok(u32::from(package.is_required(key.to_str()?))) }
    fn mime_types(package, key: Str, out: *const StrSink) {
        give(out, &package.mime_types(key.to_str()?))
    }
    fn contents_prefix_paths(package, out: *const StrSink) {
        give(out, &package.contents_prefix_paths())
    }
    fn default_package_root(package, out: *const StrSink) {
        give_one(out, package.default_package_root())
    }
    fn allow_external_paths(package) { Ok(u32::from(package.allow_external_paths())) }
    fn fallback_package(package, out: *const PathSink) {
        give_path(out, package.fallback_package())
    }
    fn add_directory_definition(package, key: Str, path: Str, name: Str) {
        package.add_directory_definition(key.to_str()?, path.to_str()?, name.to_str()?);
        Ok(status::OK)
    }
    fn add_file_definition(package, key: Str, path: Str, name: Str) {
        package.add_file_definition(key.to_str()?, path.to_str()?, name.to_str()?);
        Ok(status::OK)
    }
    fn remove_definition(package, key: Str) {
        package.remove_definition(key.to_str()?);
        Ok(status::OK)
    }
    fn set_required(package, key: Str, required: u32) {
        package.set_required(key.to_str()?, required != 0);
        Ok(status::OK)
    }
    fn set_mime_types(package, key: Str, first: *const Str, count: usize) {
        package.set_mime_types(key.to_str()?, &read_all(first, count)?);
        Ok(status::OK)
    }
    fn set_default_mime_types(package, first: *const Str, count: usize) {
        package.set_default_mime_types(&read_all(first, count)?);
        Ok(status::OK)
    }
    fn set_contents_prefix_paths(package, first: *const Str, count: usize) {
        package.set_contents_prefix_paths(&read_all(first, count)?);
        Ok(status::OK)
    }
    fn set_default_package_root(package, root: Str) {
        package.set_default_package_root(root.to_str()?);
        Ok(status::OK)
    }
    fn set_allow_external_paths(package, allow: u32) {
        package.set_allow_external_paths(allow != 0);
        Ok(status::OK)
    }
    fn set_path(package, path: PathStr) {
        package.set_path(&path.to_path_buf())?;
        Ok(status::OK)
    }
    fn set_metadata(package, json: Str) {
        package.set_metadata(json.to_str()?)?;
        Ok(status::OK)
    }
    fn set_fallback_package(package, type_name: Str, path: PathStr) {
        package.set_fallback_package(type_name.to_str()?, &path.to_path_buf())?;
        Ok(status::OK)
    }
    fn clear_fallback_package(package) {
        package.clear_fallback_package();
        Ok(status::OK)
    }
}

// ---- the plugin's side -------------------------------------------------------------------------

/// A package during one call, as the plugin's side uses it: valid for that call, on its thread.
pub struct PackageRef<'call> {
    context: *mut c_void,
    table: &'call PackageV1,
    this_thread_only: PhantomData<*mut ()>,
}

impl<'call> PackageRef<'call> {
    /// # Safety
    ///
    /// `package` is null or what the host handed to a call that lasts during `'call`.
    pub(crate) unsafe fn new(package: *const Package) -> Option<Self> {
        // SAFETY: null or valid, says the caller.
        unsafe {
            let package = package.as_ref()?;
            Some(Self {
                context: package.context,
                table: package.table.as_ref()?,
                this_thread_only: PhantomData,
            })
        }
    }

    fn texts(&self, ask: impl FnOnce(*mut c_void, *const StrSink) -> u32) -> Vec<String> {
        match collect_strings(|out| ask(self.context, out)) {
            Ok((texts, status::OK)) => texts,
            _ => Vec::new(),
        }
    }

    fn text(&self, ask: impl FnOnce(*mut c_void, *const StrSink) -> u32) -> Option<String> {
        self.texts(ask).pop()
    }

    fn paths(&self, ask: impl FnOnce(*mut c_void, *const PathSink) -> u32) -> Vec<PathBuf> {
        match collect_paths(|out| ask(self.context, out)) {
            (paths, status::OK) => paths,
            _ => Vec::new(),
        }
    }

    fn done(&self, status: u32) -> Result<(), PackageError> {
        if status == status::OK {
            return Ok(());
        }
        let message = self
            // SAFETY: the table's own function with its own context, within the call.
            .text(|package, out| unsafe { (self.table.last_error)(package, out) })
            .unwrap_or_else(|| format!("the host refused with status {status}"));
        Err(PackageError { status, message })
    }
}

/// Calls functions of the host's table that ask: `context` and what the caller gives.
macro_rules! ask {
    ($self:ident, $how:ident, $function:ident $(, $arg:expr)*) => {
        // SAFETY: the table's own function with its own context, within the call; arguments and
        // sink outlive it.
        $self.$how(|package, out| unsafe { ($self.table.$function)(package, $($arg,)* out) })
    };
}

/// Calls functions of the host's table that change or give a truth value.
macro_rules! tell {
    ($self:ident, $function:ident $(, $arg:expr)*) => {
        // SAFETY: the table's own function with its own context, within the call; arguments
        // outlive it.
        unsafe { ($self.table.$function)($self.context $(, $arg)*) }
    };
}

impl PackageAccess for PackageRef<'_> {
    fn path(&self) -> Option<PathBuf> {
        ask!(self, paths, path).pop()
    }
    fn metadata(&self) -> Option<String> {
        ask!(self, text, metadata)
    }
    fn metadata_value(&self, key: &str) -> Option<String> {
        ask!(self, text, metadata_value, Str::borrow(key))
    }
    fn is_valid(&self) -> bool {
        tell!(self, is_valid) == 1
    }
    fn file_path(&self, key: &str, file_name: &str) -> Option<PathBuf> {
        ask!(
            self,
            paths,
            file_path,
            Str::borrow(key),
            Str::borrow(file_name)
        )
        .pop()
    }
    fn entry_list(&self, key: &str) -> Vec<PathBuf> {
        ask!(self, paths, entry_list, Str::borrow(key))
    }
    fn keys(&self, filter: KeyFilter) -> Vec<String> {
        ask!(self, texts, keys, filter as u32)
    }
    fn definition_paths(&self, key: &str) -> Vec<String> {
        ask!(self, texts, definition_paths, Str::borrow(key))
    }
    fn definition_name(&self, key: &str) -> Option<String> {
        ask!(self, text, definition_name, Str::borrow(key))
    }
    fn is_required(&self, key: &str) -> bool {
        tell!(self, is_required, Str::borrow(key)) == 1
    }
    fn mime_types(&self, key: &str) -> Vec<String> {
        ask!(self, texts, mime_types, Str::borrow(key))
    }
    fn contents_prefix_paths(&self) -> Vec<String> {
        ask!(self, texts, contents_prefix_paths)
    }
    fn default_package_root(&self) -> Option<String> {
        ask!(self, text, default_package_root)
    }
    fn allow_external_paths(&self) -> bool {
        tell!(self, allow_external_paths) == 1
    }
    fn fallback_package(&self) -> Option<PathBuf> {
        ask!(self, paths, fallback_package).pop()
    }
    fn add_directory_definition(&mut self, key: &str, path: &str, name: &str) {
        let (key, path, name) = (Str::borrow(key), Str::borrow(path), Str::borrow(name));
        tell!(self, add_directory_definition, key, path, name);
    }
    fn add_file_definition(&mut self, key: &str, path: &str, name: &str) {
        let (key, path, name) = (Str::borrow(key), Str::borrow(path), Str::borrow(name));
        tell!(self, add_file_definition, key, path, name);
    }
    fn remove_definition(&mut self, key: &str) {
        tell!(self, remove_definition, Str::borrow(key));
    }
    fn set_required(&mut self, key: &str, required: bool) {
        tell!(self, set_required, Str::borrow(key), u32::from(required));
    }
    fn set_mime_types(&mut self, key: &str, mime_types: &[&str]) {
        let list = borrow_all(mime_types);
        tell!(
            self,
            set_mime_types,
            Str::borrow(key),
            list.as_ptr(),
            list.len()
        );
    }
    fn set_default_mime_types(&mut self, mime_types: &[&str]) {
        let list = borrow_all(mime_types);
        tell!(self, set_default_mime_types, list.as_ptr(), list.len());
    }
    fn set_contents_prefix_paths(&mut self, prefixes: &[&str]) {
        let list = borrow_all(prefixes);
        tell!(self, set_contents_prefix_paths, list.as_ptr(), list.len());
    }
    fn set_default_package_root(&mut self, root: &str) {
        tell!(self, set_default_package_root, Str::borrow(root));
    }
    fn set_allow_external_paths(&mut self, allow: bool) {
        tell!(self, set_allow_external_paths, u32::from(allow));
    }
    fn set_path(&mut self, path: &Path) -> Result<(), PackageError> {
        let status = PathStr::with(path, |path| tell!(self, set_path, path));
        self.done(status)
    }
    fn set_metadata(&mut self, json: &str) -> Result<(), PackageError> {
        let status = tell!(self, set_metadata, Str::borrow(json));
        self.done(status)
    }
    fn set_fallback_package(&mut self, type_name: &str, path: &Path) -> Result<(), PackageError> {
        let status = PathStr::with(path, |path| {
            tell!(self, set_fallback_package, Str::borrow(type_name), path)
        });
        self.done(status)
    }
    fn clear_fallback_package(&mut self) {
        tell!(self, clear_fallback_package);
    }
}
