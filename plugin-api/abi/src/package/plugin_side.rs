//! The package as the plugin's side uses it.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use super::{KeyFilter, Package, PackageAccess, PackageError, PackageV1};
use crate::call::status;
use crate::text::{
    Collect, PathSink, PathStr, Str, StrSink, borrow_all, collect_paths, collect_strings,
};

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

    /// What one of the host's functions pushes: all of it, or the one thing that it has to say.
    fn texts<C: Collect<String>>(&self, ask: impl FnOnce(*mut c_void, *const StrSink) -> u32) -> C {
        match collect_strings(|out| ask(self.context, out)) {
            Ok((texts, status::OK)) => texts,
            _ => C::default(),
        }
    }

    /// As [`texts`](Self::texts).
    fn paths<C: Collect<PathBuf>>(
        &self,
        ask: impl FnOnce(*mut c_void, *const PathSink) -> u32,
    ) -> C {
        match collect_paths(|out| ask(self.context, out)) {
            (paths, status::OK) => paths,
            _ => C::default(),
        }
    }

    fn done(&self, status: u32) -> Result<(), PackageError> {
        if status == status::OK {
            return Ok(());
        }
        let message: Option<String> =
            // SAFETY: the table's own function with its own context, within the call.
            self.texts(|package, out| unsafe { (self.table.last_error)(package, out) });
        let message = message.unwrap_or_else(|| format!("the host refused with status {status}"));
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
        ask!(self, paths, path)
    }
    fn metadata(&self) -> Option<String> {
        ask!(self, texts, metadata)
    }
    fn metadata_value(&self, key: &str) -> Option<String> {
        ask!(self, texts, metadata_value, Str::borrow(key))
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
        ask!(self, texts, definition_name, Str::borrow(key))
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
        ask!(self, texts, default_package_root)
    }
    fn allow_external_paths(&self) -> bool {
        tell!(self, allow_external_paths) == 1
    }
    fn fallback_package(&self) -> Option<PathBuf> {
        ask!(self, paths, fallback_package)
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
