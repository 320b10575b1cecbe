//! Other packages, as the plugin's side asks for them.

use std::ffi::c_void;

use super::{
    PackageAdd, PackageAddV1, PackageInfo, PackageInfoV1, PackageSink, PackageSource, PackagesV1,
};
use crate::call::status;
use crate::host::{ServiceError, ServiceHandle};
use crate::lifecycle::{ContextRef, Hook, HookRef};
use crate::services::{ServiceFailure, with_reason};
use crate::text::{PathStr, Str, StrSink};

/// The plugin's hold on the other packages.
pub struct PackagesRef {
    service: ServiceHandle<PackagesV1>,
    /// The service is valid as long as this is held.
    _context: ContextRef,
}

// SAFETY: the contract of services: from any thread, as long as the context is held.
unsafe impl Send for PackagesRef {}
// SAFETY: as above, several at once.
unsafe impl Sync for PackagesRef {}

impl PackagesRef {
    /// Asks for the other packages, for the package that `context` knows.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] when the host does not have it, or has it with another layout.
    pub fn of(context: &ContextRef) -> Result<Self, ServiceError> {
        Ok(Self {
            service: context.service()?,
            _context: context.clone(),
        })
    }

    /// All packages on record, ordered by name.
    ///
    /// # Errors
    ///
    /// What the host says.
    pub fn list(&self) -> Result<Vec<PackageInfo>, ServiceFailure> {
        let (packages, status, reason) = collect(|out, error| {
            // SAFETY: the service's own function with its own context, which is held; the other
            // pointers outlive the call.
            unsafe { (self.service.table.list)(self.service.context, out, error) }
        });
        match status {
            status::OK => Ok(packages),
            _ => Err(ServiceFailure::new(reason, status)),
        }
    }

    /// The package `name`, if it is on record.
    ///
    /// # Errors
    ///
    /// What the host says.
    pub fn status(&self, name: &str) -> Result<Option<PackageInfo>, ServiceFailure> {
        let name = Str::borrow(name);
        one(collect(|out, error| {
            // SAFETY: as above.
            unsafe { (self.service.table.status)(self.service.context, name, out, error) }
        }))
    }

    /// Adds a package and gives it as it is then.
    ///
    /// # Errors
    ///
    /// What the host says.
    pub fn add(
        &self,
        request: &PackageAdd,
        hook: Option<&HookRef>,
    ) -> Result<PackageInfo, ServiceFailure> {
        let text = |text: &Option<String>| text.as_deref().map_or(Str::EMPTY, Str::borrow);
        let mut raw = PackageAddV1 {
            path: PathStr::EMPTY,
            git_url: Str::EMPTY,
            branch: Str::EMPTY,
            rev: Str::EMPTY,
            install_kwargs: text(&request.install_kwargs),
            start: u32::from(request.start),
        };
        let hook = hook.map(HookRef::lent);
        let hook: *const Hook = hook.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        let add = |raw: &PackageAddV1| {
            one(collect(|out, error| {
                let add = self.service.table.add;
                // SAFETY: as above; the hook is held.
                unsafe { add(self.service.context, raw, hook, out, error) }
            }))
        };
        let added = match &request.source {
            PackageSource::Path(path) => PathStr::with(path, |path| {
                raw.path = path;
                add(&raw)
            }),
            PackageSource::Git { url, branch, rev } => {
                raw.git_url = Str::borrow(url);
                raw.branch = text(branch);
                raw.rev = text(rev);
                add(&raw)
            }
        };
        added?.ok_or_else(|| ServiceFailure::new(None, status::NOT_FOUND))
    }

    /// Starts the package `name` and gives it as it is then; `None` if it is not on record.
    ///
    /// # Errors
    ///
    /// What the host says.
    pub fn start(
        &self,
        name: &str,
        hook: Option<&HookRef>,
    ) -> Result<Option<PackageInfo>, ServiceFailure> {
        let name = Str::borrow(name);
        let hook = hook.map(HookRef::lent);
        let hook: *const Hook = hook.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        one(collect(|out, error| {
            // SAFETY: as above; the hook is held.
            unsafe { (self.service.table.start)(self.service.context, name, hook, out, error) }
        }))
    }
}

unsafe extern "C" fn keep(context: *mut c_void, item: *const PackageInfoV1) {
    // SAFETY: `collect` made the context, and whoever pushes has it for that call only.
    let kept = unsafe { &mut *context.cast::<Vec<PackageInfo>>() };
    // SAFETY: the sink's contract: valid until this returns.
    let Some(item) = (unsafe { item.as_ref() }) else {
        return;
    };
    // SAFETY: as above.
    unsafe {
        let version = item.version.to_string_lossy();
        kept.push(PackageInfo {
            name: item.name.to_string_lossy(),
            version: (!version.is_empty()).then_some(version),
            status: item.status.to_string_lossy(),
            path: item.path.to_path_buf(),
            running: item.running != 0,
        });
    }
}

/// What was pushed, what was returned, and the reason.
type Collected = (Vec<PackageInfo>, u32, Option<String>);

fn collect(call: impl FnOnce(*const PackageSink, *const StrSink) -> u32) -> Collected {
    let mut kept: Vec<PackageInfo> = Vec::new();
    let sink = PackageSink {
        context: (&raw mut kept).cast(),
        push: keep,
    };
    let (status, reason) = with_reason(|error| call(&raw const sink, error));
    (kept, status, reason)
}

fn one((packages, status, reason): Collected) -> Result<Option<PackageInfo>, ServiceFailure> {
    match (status, packages.into_iter().next_back()) {
        (status::OK, Some(package)) => Ok(Some(package)),
        (status::NOT_FOUND, _) => Ok(None),
        _ => Err(ServiceFailure::new(reason, status)),
    }
}
