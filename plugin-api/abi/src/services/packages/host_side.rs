//! Other packages, as a host gives them.

use std::ffi::c_void;
use std::sync::Arc;

use super::PackagesV1;
use super::{PackageAdd, PackageAddV1, PackageInfo, PackageInfoV1, PackageSink, PackageSource};
use crate::call::status;
use crate::lifecycle::{CancellationAccess, Hook, HookRef};
use crate::services::{Failed, answer, read_str};
use crate::text::{PathStr, Str, StrSink};

/// The host's side of `keyway.packages` 1 for one package. Errors are shown to the package's author.
pub trait PackagesAccess: Send + Sync + 'static {
    /// All packages on record, ordered by name.
    ///
    /// # Errors
    ///
    /// Why they cannot be told.
    fn list(&self) -> Result<Vec<PackageInfo>, String>;

    /// The package `name`, if it is on record.
    ///
    /// # Errors
    ///
    /// Why it cannot be told.
    fn status(&self, name: &str) -> Result<Option<PackageInfo>, String>;

    /// Adds a package. A path is absolute.
    ///
    /// # Errors
    ///
    /// Why it cannot be done.
    fn add(
        &self,
        request: &PackageAdd,
        hook: Option<&dyn CancellationAccess>,
    ) -> Result<PackageInfo, String>;

    /// Starts the package `name`; `None` if it is not on record.
    ///
    /// # Errors
    ///
    /// Why it cannot be done.
    fn start(
        &self,
        name: &str,
        hook: Option<&dyn CancellationAccess>,
    ) -> Result<Option<PackageInfo>, String>;
}

/// What the context of the other packages points to.
pub type PackagesHandle = Arc<dyn PackagesAccess>;

pub(crate) static PACKAGES_TABLE: PackagesV1 = PackagesV1 {
    list,
    status: status_of,
    add,
    start,
};

/// # Safety
///
/// `packages` points to a [`PackagesHandle`] that is held.
unsafe fn held<'a>(packages: *mut c_void) -> &'a dyn PackagesAccess {
    // SAFETY: as the caller says.
    unsafe { &**packages.cast::<PackagesHandle>() }
}

/// # Safety
///
/// `out` is null or valid for this call.
unsafe fn push(out: *const PackageSink, package: &PackageInfo) {
    // SAFETY: as the caller says.
    let Some(sink) = (unsafe { out.as_ref() }) else {
        return;
    };
    PathStr::with(&package.path, |path| {
        let raw = PackageInfoV1 {
            name: Str::borrow(&package.name),
            version: package.version.as_deref().map_or(Str::EMPTY, Str::borrow),
            status: Str::borrow(&package.status),
            path,
            running: u32::from(package.running),
        };
        // SAFETY: the sink's own function with the sink's own context.
        unsafe { (sink.push)(sink.context, &raw const raw) };
    });
}

/// # Safety
///
/// `hook` is null or valid for this call.
unsafe fn run_of(hook: *const Hook) -> Result<Option<HookRef>, Failed> {
    if hook.is_null() {
        return Ok(None);
    }
    // SAFETY: as the caller says.
    match unsafe { HookRef::retain(hook) } {
        Some(hook) => Ok(Some(hook)),
        None => Err(Failed::Invalid("the hook has no table".to_owned())),
    }
}

fn lend(hook: Option<&HookRef>) -> Option<&dyn CancellationAccess> {
    hook.map(|hook| hook as &dyn CancellationAccess)
}

unsafe extern "C" fn list(
    packages: *mut c_void,
    out: *const PackageSink,
    error: *const StrSink,
) -> u32 {
    // SAFETY: the contract: the service is held, all pointers are valid for this call.
    unsafe {
        answer(error, || {
            for package in held(packages).list().map_err(Failed::Refused)? {
                push(out, &package);
            }
            Ok(status::OK)
        })
    }
}

unsafe extern "C" fn status_of(
    packages: *mut c_void,
    name: Str,
    out: *const PackageSink,
    error: *const StrSink,
) -> u32 {
    // SAFETY: the contract: the service is held, all pointers are valid for this call.
    unsafe {
        answer(error, || {
            let name = read_str(name, "the name")?;
            let found = held(packages).status(name).map_err(Failed::Refused)?;
            let Some(package) = found else {
                return Ok(status::NOT_FOUND);
            };
            push(out, &package);
            Ok(status::OK)
        })
    }
}

unsafe extern "C" fn add(
    packages: *mut c_void,
    request: *const PackageAddV1,
    hook: *const Hook,
    out: *const PackageSink,
    error: *const StrSink,
) -> u32 {
    // SAFETY: the contract: the service is held, all pointers are valid for this call.
    unsafe {
        answer(error, || {
            let Some(request) = request.as_ref() else {
                return Err(Failed::Invalid("no request was given".to_owned()));
            };
            let request = read_request(request)?;
            let hook = run_of(hook)?;
            let added = held(packages).add(&request, lend(hook.as_ref()));
            push(out, &added.map_err(Failed::Refused)?);
            Ok(status::OK)
        })
    }
}

unsafe extern "C" fn start(
    packages: *mut c_void,
    name: Str,
    hook: *const Hook,
    out: *const PackageSink,
    error: *const StrSink,
) -> u32 {
    // SAFETY: the contract: the service is held, all pointers are valid for this call.
    unsafe {
        answer(error, || {
            let name = read_str(name, "the name")?;
            let hook = run_of(hook)?;
            let started = held(packages).start(name, lend(hook.as_ref()));
            let Some(package) = started.map_err(Failed::Refused)? else {
                return Ok(status::NOT_FOUND);
            };
            push(out, &package);
            Ok(status::OK)
        })
    }
}

/// # Safety
///
/// What `request` points to is valid for this call.
unsafe fn read_request(request: &PackageAddV1) -> Result<PackageAdd, Failed> {
    // SAFETY: as the caller says.
    let text = |text: Str, what: &str| unsafe { read_str(text, what) };
    let some = |given: Str, what: &str| {
        text(given, what).map(|text| (!text.is_empty()).then(|| text.to_owned()))
    };
    // SAFETY: as the caller says.
    let path = unsafe { request.path.to_path_buf() };
    let url = some(request.git_url, "the URL")?;
    let (branch, rev) = (
        some(request.branch, "the branch")?,
        some(request.rev, "the rev")?,
    );
    let source = match url {
        None if branch.is_some() || rev.is_some() => {
            let why = "branch and rev go with a URL".to_owned();
            return Err(Failed::Invalid(why));
        }
        None if !path.is_absolute() => {
            let path = path.display();
            let why = format!("the path is `{path}`, expected an absolute one, or a URL");
            return Err(Failed::Invalid(why));
        }
        None => PackageSource::Path(path),
        Some(_) if !path.as_os_str().is_empty() => {
            let why = "both a path and a URL are given, expected one of them".to_owned();
            return Err(Failed::Invalid(why));
        }
        Some(url) => PackageSource::Git { url, branch, rev },
    };
    let start = match request.start {
        0 => false,
        1 => true,
        other => {
            let why = format!("`start` is {other}, expected 0 or 1");
            return Err(Failed::Invalid(why));
        }
    };
    Ok(PackageAdd {
        source,
        install_kwargs: some(request.install_kwargs, "the arguments")?,
        start,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fake;

    impl PackagesAccess for Fake {
        fn list(&self) -> Result<Vec<PackageInfo>, String> {
            panic!("the host's own code panics")
        }
        fn status(&self, _: &str) -> Result<Option<PackageInfo>, String> {
            Ok(None)
        }
        fn add(
            &self,
            _: &PackageAdd,
            _: Option<&dyn CancellationAccess>,
        ) -> Result<PackageInfo, String> {
            Ok(PackageInfo::new("a.b", "installed", "/"))
        }
        fn start(
            &self,
            _: &str,
            _: Option<&dyn CancellationAccess>,
        ) -> Result<Option<PackageInfo>, String> {
            Ok(None)
        }
    }

    #[test]
    fn questions_against_the_contract_are_told() {
        let handle: PackagesHandle = Arc::new(Fake);
        let packages: *mut c_void = (&raw const handle).cast_mut().cast();
        let told = |expected: u32, why: &str, call: &dyn Fn(*const StrSink) -> u32| {
            let (status, reason) = crate::services::with_reason(call);
            assert_eq!(status, expected, "{why}");
            assert_eq!(reason.unwrap_or_default(), why);
            assert_eq!(call(std::ptr::null()), expected);
        };
        let no = PackageAddV1 {
            path: PathStr::EMPTY,
            git_url: Str::EMPTY,
            branch: Str::EMPTY,
            rev: Str::EMPTY,
            install_kwargs: Str::EMPTY,
            start: 1,
        };
        let url = Str::borrow("https://example.org/a.git");
        let none = std::ptr::null();
        let add = |request: *const PackageAddV1, hook: *const Hook, error| {
            // SAFETY: the handle is held, and the pointers are null or valid for this call.
            unsafe { super::add(packages, request, hook, std::ptr::null(), error) }
        };
        PathStr::with("/a".as_ref(), |path| {
            let good = PackageAddV1 { path, ..no };
            let both = PackageAddV1 {
                git_url: url,
                ..good
            };
            let branch = PackageAddV1 {
                branch: url,
                ..good
            };
            let start = PackageAddV1 { start: 2, ..good };
            for (request, why) in [
                (no, "the path is ``, expected an absolute one, or a URL"),
                (
                    both,
                    "both a path and a URL are given, expected one of them",
                ),
                (branch, "branch and rev go with a URL"),
                (start, "`start` is 2, expected 0 or 1"),
            ] {
                told(status::INVALID, why, &|error| {
                    add(&raw const request, none, error)
                });
            }
            let hook = Hook {
                context: std::ptr::null_mut(),
                table: std::ptr::null(),
            };
            told(status::INVALID, "the hook has no table", &|error| {
                add(&raw const good, &raw const hook, error)
            });
            told(status::OK, "", &|error| add(&raw const good, none, error));
        });
        told(status::INVALID, "no request was given", &|error| {
            add(std::ptr::null(), none, error)
        });
        told(status::REFUSED, "the host's service panicked", &|error| {
            // SAFETY: as above.
            unsafe { list(packages, std::ptr::null(), error) }
        });
        told(status::NOT_FOUND, "", &|error| {
            // SAFETY: as above.
            unsafe { super::start(packages, url, none, std::ptr::null(), error) }
        });
    }
}
