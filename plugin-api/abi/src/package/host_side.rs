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

/// What one of the host's functions has to say.
enum Answer {
    Done,
    Text(*const StrSink, String),
    Texts(*const StrSink, Vec<String>),
    Paths(*const PathSink, Vec<PathBuf>),
}

/// Runs one of the host's functions: a panic or an error becomes a status.
///
/// # Safety
///
/// `context` is that of a [`Package`] made by [`with_package`], whose call still runs on this
/// thread; sinks in the answer are null or valid.
unsafe fn on_host(
    context: *mut c_void,
    work: impl FnOnce(&mut dyn PackageAccess) -> Result<Answer, PackageError>,
) -> u32 {
    // SAFETY: as the caller says.
    let answer = match unsafe { ask(context, work) } {
        Ok(answer) => answer,
        Err(status) => return status,
    };
    // The package is not borrowed any more: a sink may call its functions.
    match answer {
        Answer::Done => {}
        // SAFETY: null or valid, says the caller.
        Answer::Text(out, text) => unsafe { StrSink::push_all(out, [text.as_str()]) },
        // SAFETY: null or valid, says the caller.
        Answer::Texts(out, texts) => unsafe {
            StrSink::push_all(out, texts.iter().map(String::as_str));
        },
        // SAFETY: as above.
        Answer::Paths(out, paths) => unsafe {
            PathSink::push_all(out, paths.iter().map(PathBuf::as_path));
        },
    }
    status::OK
}

/// Runs one of the host's functions that says yes or no; an error is a no.
///
/// # Safety
///
/// As for [`on_host`].
unsafe fn truth(
    context: *mut c_void,
    work: impl FnOnce(&mut dyn PackageAccess) -> Result<bool, PackageError>,
) -> u32 {
    // SAFETY: as the caller says.
    u32::from(unsafe { ask(context, work) }.unwrap_or(false))
}

/// Asks the package; an error is kept and becomes a status.
///
/// # Safety
///
/// As for [`on_host`], and nothing else uses the context meanwhile: `work` runs no code of a
/// plugin on it.
unsafe fn ask<R>(
    context: *mut c_void,
    work: impl FnOnce(&mut dyn PackageAccess) -> Result<R, PackageError>,
) -> Result<R, u32> {
    // SAFETY: as the caller says.
    let host = unsafe { &mut *context.cast::<HostPackage<'_>>() };
    let access = &mut *host.access;
    let result = guard::host_side(
        Err(PackageError::new(status::REFUSED, "the host panicked")),
        || work(access),
    );
    result.map_err(|error| {
        host.last_error = Some(error.message);
        error.status
    })
}

fn one(out: *const StrSink, item: Option<String>) -> Result<Answer, PackageError> {
    match item {
        Some(item) => Ok(Answer::Text(out, item)),
        None => Err(nothing()),
    }
}

fn one_path(out: *const PathSink, item: Option<PathBuf>) -> Result<Answer, PackageError> {
    match item {
        Some(item) => Ok(Answer::Paths(out, vec![item])),
        None => Err(nothing()),
    }
}

fn nothing() -> PackageError {
    PackageError::new(status::NOT_FOUND, "there is none")
}

/// Makes the host's functions: each reads its arguments, asks the package, and answers.
///
/// The contract that makes them sound is the same for all, see [`on_host`]: the plugin calls them
/// with the context that it was handed, during that call, with pointers that are valid.
macro_rules! host_functions {
    ($( $how:ident fn $name:ident($package:ident $(, $arg:ident: $type:ty)*) $work:block )*) => {
        $(
            unsafe extern "C" fn $name(context: *mut c_void $(, $arg: $type)*) -> u32 {
                // SAFETY: the contract of `PackageV1`.
                unsafe { $how(context, |$package| $work) }
            }
        )*
        static HOST_TABLE: PackageV1 = PackageV1 { last_error, $($name),* };
    };
}

unsafe extern "C" fn last_error(context: *mut c_void, out: *const StrSink) -> u32 {
    // SAFETY: the contract of `PackageV1`, as for `on_host`.
    let message = unsafe { (*context.cast::<HostPackage<'_>>()).last_error.clone() };
    let Some(message) = message else {
        return status::NOT_FOUND;
    };
    // SAFETY: the contract of `PackageV1`: `out` is null or valid.
    unsafe { StrSink::push_all(out, [message.as_str()]) };
    status::OK
}

host_functions! {
    on_host fn path(package, out: *const PathSink) { one_path(out, package.path()) }
    on_host fn metadata(package, out: *const StrSink) { one(out, package.metadata()) }
    on_host fn metadata_value(package, key: Str, out: *const StrSink) {
        one(out, package.metadata_value(key.to_str()?))
    }
    truth fn is_valid(package) { Ok(package.is_valid()) }
    on_host fn file_path(package, key: Str, file_name: Str, out: *const PathSink) {
        one_path(out, package.file_path(key.to_str()?, file_name.to_str()?))
    }
    on_host fn entry_list(package, key: Str, out: *const PathSink) {
        Ok(Answer::Paths(out, package.entry_list(key.to_str()?)))
    }
    on_host fn keys(package, filter: u32, out: *const StrSink) {
        let filter = KeyFilter::from_code(filter).ok_or_else(|| {
            PackageError::new(status::INVALID, format!("there is no key filter {filter}"))
        })?;
        Ok(Answer::Texts(out, package.keys(filter)))
    }
    on_host fn definition_paths(package, key: Str, out: *const StrSink) {
        Ok(Answer::Texts(out, package.definition_paths(key.to_str()?)))
    }
    on_host fn definition_name(package, key: Str, out: *const StrSink) {
        one(out, package.definition_name(key.to_str()?))
    }
    truth fn is_required(package, key: Str) { Ok(package.is_required(key.to_str()?)) }
    on_host fn mime_types(package, key: Str, out: *const StrSink) {
        Ok(Answer::Texts(out, package.mime_types(key.to_str()?)))
    }
    on_host fn contents_prefix_paths(package, out: *const StrSink) {
        Ok(Answer::Texts(out, package.contents_prefix_paths()))
    }
    on_host fn default_package_root(package, out: *const StrSink) {
        one(out, package.default_package_root())
    }
    truth fn allow_external_paths(package) { Ok(package.allow_external_paths()) }
    on_host fn fallback_package(package, out: *const PathSink) {
        one_path(out, package.fallback_package())
    }
    on_host fn add_directory_definition(package, key: Str, path: Str, name: Str) {
        package.add_directory_definition(key.to_str()?, path.to_str()?, name.to_str()?);
        Ok(Answer::Done)
    }
    on_host fn add_file_definition(package, key: Str, path: Str, name: Str) {
        package.add_file_definition(key.to_str()?, path.to_str()?, name.to_str()?);
        Ok(Answer::Done)
    }
    on_host fn remove_definition(package, key: Str) {
        package.remove_definition(key.to_str()?);
        Ok(Answer::Done)
    }
    on_host fn set_required(package, key: Str, required: u32) {
        package.set_required(key.to_str()?, required != 0);
        Ok(Answer::Done)
    }
    on_host fn set_mime_types(package, key: Str, first: *const Str, count: usize) {
        package.set_mime_types(key.to_str()?, &read_all(first, count)?);
        Ok(Answer::Done)
    }
    on_host fn set_default_mime_types(package, first: *const Str, count: usize) {
        package.set_default_mime_types(&read_all(first, count)?);
        Ok(Answer::Done)
    }
    on_host fn set_contents_prefix_paths(package, first: *const Str, count: usize) {
        package.set_contents_prefix_paths(&read_all(first, count)?);
        Ok(Answer::Done)
    }
    on_host fn set_default_package_root(package, root: Str) {
        package.set_default_package_root(root.to_str()?);
        Ok(Answer::Done)
    }
    on_host fn set_allow_external_paths(package, allow: u32) {
        package.set_allow_external_paths(allow != 0);
        Ok(Answer::Done)
    }
    on_host fn set_path(package, path: PathStr) {
        package.set_path(&path.to_path_buf())?;
        Ok(Answer::Done)
    }
    on_host fn set_metadata(package, json: Str) {
        package.set_metadata(json.to_str()?)?;
        Ok(Answer::Done)
    }
    on_host fn set_fallback_package(package, type_name: Str, path: PathStr) {
        package.set_fallback_package(type_name.to_str()?, &path.to_path_buf())?;
        Ok(Answer::Done)
    }
    on_host fn clear_fallback_package(package) {
        package.clear_fallback_package();
        Ok(Answer::Done)
    }
}
