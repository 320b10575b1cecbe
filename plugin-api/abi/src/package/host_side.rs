//! The host's functions that a structure calls.

use std::ffi::c_void;
use std::path::PathBuf;

use super::{KeyFilter, Package, PackageAccess, PackageError, PackageV1};
use crate::call::status;
use crate::guard;
use crate::text::{PathSink, PathStr, Str, StrSink, read_all};

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
