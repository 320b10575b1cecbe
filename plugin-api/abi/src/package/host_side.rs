//! The host's functions that a structure calls.

use std::borrow::Cow;
use std::ffi::c_void;
use std::path::PathBuf;

use super::{KeyFilter, Package, PackageAccess, PackageError, PackageV1};
use crate::call::status;
use crate::guard;
use crate::text::{PathSink, PathStr, Str, StrSink, read_all};

/// What a [`Package`]'s context points to.
struct HostPackage<'a> {
    access: &'a mut dyn PackageAccess,
    last_error: Option<Cow<'static, str>>,
}

/// Puts `access` behind the border for the time of `use_it`.
#[inline]
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

/// Asks the package; a panic or an error is kept and becomes a status.
///
/// # Safety
///
/// `context` is that of a [`Package`] made by [`with_package`], whose call still runs on this
/// thread, and nothing else uses it meanwhile: `work` runs no code of a plugin on it.
#[inline]
unsafe fn ask<R>(
    context: *mut c_void,
    work: impl FnOnce(&mut dyn PackageAccess) -> Result<R, PackageError>,
) -> Result<R, u32> {
    // SAFETY: as the caller says.
    let host = unsafe { &mut *context.cast::<HostPackage<'_>>() };
    let access = &mut *host.access;
    match guard::host_side(None, || Some(work(access))) {
        Some(Ok(answer)) => Ok(answer),
        failed => Err(host.keep(failed.and_then(Result::err))),
    }
}

impl HostPackage<'_> {
    /// Keeps an error, or a panic if there is none; gives the status.
    #[cold]
    fn keep(&mut self, error: Option<PackageError>) -> u32 {
        let (message, status) = match error {
            Some(error) => (error.message.into(), error.status),
            None => ("the host panicked".into(), status::REFUSED),
        };
        self.last_error = Some(message);
        status
    }
}

/// What was asked for is not there.
///
/// # Safety
///
/// As for [`ask`].
unsafe fn nothing(context: *mut c_void) -> u32 {
    // SAFETY: as the caller says.
    unsafe { (*context.cast::<HostPackage<'_>>()).last_error = Some("there is none".into()) };
    status::NOT_FOUND
}

/// Runs one of the host's functions that change something.
///
/// # Safety
///
/// As for [`ask`].
unsafe fn done(
    context: *mut c_void,
    work: impl FnOnce(&mut dyn PackageAccess) -> Result<(), PackageError>,
) -> u32 {
    // SAFETY: as the caller says.
    match unsafe { ask(context, work) } {
        Ok(()) => status::OK,
        Err(status) => status,
    }
}

/// Runs one of the host's functions that say yes or no; an error is a no.
///
/// # Safety
///
/// As for [`ask`].
unsafe fn truth(
    context: *mut c_void,
    work: impl FnOnce(&mut dyn PackageAccess) -> Result<bool, PackageError>,
) -> u32 {
    // SAFETY: as the caller says.
    u32::from(unsafe { ask(context, work) }.unwrap_or(false))
}

/// Makes the ways to run the host's functions that push what they have to say: one thing, which
/// may not be there, or all.
///
/// Their contract is that of [`ask`], and the sink is null or valid. The package is not borrowed
/// any more when something is pushed: a sink may call its functions.
macro_rules! answers {
    ($($one:ident, $all:ident: $item:ty => $sink:ty, $borrow:expr;)*) => {$(
        unsafe fn $one(
            context: *mut c_void,
            out: *const $sink,
            work: impl FnOnce(&mut dyn PackageAccess) -> Result<Option<$item>, PackageError>,
        ) -> u32 {
            // SAFETY: as the caller says.
            match unsafe { ask(context, work) } {
                Ok(Some(item)) => {
                    // SAFETY: null or valid, says the caller.
                    unsafe { <$sink>::push_all(out, [$borrow(&item)]) };
                    status::OK
                }
                // SAFETY: as the caller says.
                Ok(None) => unsafe { nothing(context) },
                Err(status) => status,
            }
        }

        unsafe fn $all(
            context: *mut c_void,
            out: *const $sink,
            work: impl FnOnce(&mut dyn PackageAccess) -> Result<Vec<$item>, PackageError>,
        ) -> u32 {
            // SAFETY: as the caller says.
            match unsafe { ask(context, work) } {
                Ok(items) => {
                    // SAFETY: null or valid, says the caller.
                    unsafe { <$sink>::push_all(out, items.iter().map($borrow)) };
                    status::OK
                }
                Err(status) => status,
            }
        }
    )*};
}

answers! {
    one_text, all_texts: String => StrSink, String::as_str;
    one_path, all_paths: PathBuf => PathSink, PathBuf::as_path;
}

/// Makes the host's functions: each reads its arguments, asks the package, and answers.
///
/// The contract that makes them sound is the same for all, see [`ask`]: the plugin calls them with
/// the context that it was handed, during that call, with pointers that are valid.
macro_rules! host_functions {
    ($(
        $how:ident fn $name:ident($package:ident $(, $arg:ident: $type:ty)* $(; $out:ident: $sink:ty)?)
        $work:block
    )*) => {
        $(
            unsafe extern "C" fn $name(
                context: *mut c_void
                $(, $arg: $type)*
                $(, $out: *const $sink)?
            ) -> u32 {
                // SAFETY: the contract of `PackageV1`.
                unsafe { $how(context $(, $out)?, |$package| $work) }
            }
        )*
        static HOST_TABLE: PackageV1 = PackageV1 { last_error, $($name),* };
    };
}

unsafe extern "C" fn last_error(context: *mut c_void, out: *const StrSink) -> u32 {
    // SAFETY: the contract of `PackageV1`, as for `ask`.
    let message = unsafe { (*context.cast::<HostPackage<'_>>()).last_error.clone() };
    let Some(message) = message else {
        return status::NOT_FOUND;
    };
    // SAFETY: the contract of `PackageV1`: `out` is null or valid.
    unsafe { StrSink::push_all(out, [&*message]) };
    status::OK
}

host_functions! {
    one_path fn path(package; out: PathSink) { Ok(package.path()) }
    one_text fn metadata(package; out: StrSink) { Ok(package.metadata()) }
    one_text fn metadata_value(package, key: Str; out: StrSink) {
        Ok(package.metadata_value(key.to_str()?))
    }
    truth fn is_valid(package) { Ok(package.is_valid()) }
    one_path fn file_path(package, key: Str, file_name: Str; out: PathSink) {
        Ok(package.file_path(key.to_str()?, file_name.to_str()?))
    }
    all_paths fn entry_list(package, key: Str; out: PathSink) {
        Ok(package.entry_list(key.to_str()?))
    }
    all_texts fn keys(package, filter: u32; out: StrSink) {
        let filter = KeyFilter::from_code(filter).ok_or_else(|| {
            PackageError::new(status::INVALID, format!("there is no key filter {filter}"))
        })?;
        Ok(package.keys(filter))
    }
    all_texts fn definition_paths(package, key: Str; out: StrSink) {
        Ok(package.definition_paths(key.to_str()?))
    }
    one_text fn definition_name(package, key: Str; out: StrSink) {
        Ok(package.definition_name(key.to_str()?))
    }
    truth fn is_required(package, key: Str) { Ok(package.is_required(key.to_str()?)) }
    all_texts fn mime_types(package, key: Str; out: StrSink) {
        Ok(package.mime_types(key.to_str()?))
    }
    all_texts fn contents_prefix_paths(package; out: StrSink) {
        Ok(package.contents_prefix_paths())
    }
    one_text fn default_package_root(package; out: StrSink) { Ok(package.default_package_root()) }
    truth fn allow_external_paths(package) { Ok(package.allow_external_paths()) }
    one_path fn fallback_package(package; out: PathSink) { Ok(package.fallback_package()) }
    done fn add_directory_definition(package, key: Str, path: Str, name: Str) {
        package.add_directory_definition(key.to_str()?, path.to_str()?, name.to_str()?);
        Ok(())
    }
    done fn add_file_definition(package, key: Str, path: Str, name: Str) {
        package.add_file_definition(key.to_str()?, path.to_str()?, name.to_str()?);
        Ok(())
    }
    done fn remove_definition(package, key: Str) {
        package.remove_definition(key.to_str()?);
        Ok(())
    }
    done fn set_required(package, key: Str, required: u32) {
        package.set_required(key.to_str()?, required != 0);
        Ok(())
    }
    done fn set_mime_types(package, key: Str, first: *const Str, count: usize) {
        package.set_mime_types(key.to_str()?, &read_all(first, count)?);
        Ok(())
    }
    done fn set_default_mime_types(package, first: *const Str, count: usize) {
        package.set_default_mime_types(&read_all(first, count)?);
        Ok(())
    }
    done fn set_contents_prefix_paths(package, first: *const Str, count: usize) {
        package.set_contents_prefix_paths(&read_all(first, count)?);
        Ok(())
    }
    done fn set_default_package_root(package, root: Str) {
        package.set_default_package_root(root.to_str()?);
        Ok(())
    }
    done fn set_allow_external_paths(package, allow: u32) {
        package.set_allow_external_paths(allow != 0);
        Ok(())
    }
    done fn set_path(package, path: PathStr) { package.set_path(&path.to_path_buf()) }
    done fn set_metadata(package, json: Str) { package.set_metadata(json.to_str()?) }
    done fn set_fallback_package(package, type_name: Str, path: PathStr) {
        package.set_fallback_package(type_name.to_str()?, &path.to_path_buf())
    }
    done fn clear_fallback_package(package) {
        package.clear_fallback_package();
        Ok(())
    }
}
