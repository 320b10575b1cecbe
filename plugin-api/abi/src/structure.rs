//! `keyway.structure` 1: package structures.

use std::ffi::c_void;
use std::ptr::NonNull;

use abi_stable::StableAbi;

use crate::call::{BoxError, Call, FaultReport, Phase, run, status};
use crate::entry::Interface;
use crate::guard::{self, Misuse};
use crate::package::{Package, PackageAccess, PackageRef, with_package};
use crate::text::Str;

/// `keyway.structure` 1.
///
/// `create` may be called from any thread; `init_package` and `path_changed` of one instance too,
/// several at once.
#[repr(C)]
#[derive(StableAbi)]
pub struct StructureV1 {
    /// Makes the structure `type_name` and puts it into `out`, not null. [`status::NOT_FOUND`]: this
    /// plugin gives no such type.
    pub create:
        unsafe extern "C" fn(type_name: Str, out: *mut *mut c_void, call: *const Call) -> u32,
    /// Says what packages of this type look like. `package` is valid for this call and thread.
    pub init_package: unsafe extern "C" fn(
        instance: *mut c_void,
        package: *const Package,
        call: *const Call,
    ) -> u32,
    /// The package's path has changed, possibly to none. `package` is valid for this call and
    /// thread.
    pub path_changed: unsafe extern "C" fn(
        instance: *mut c_void,
        package: *const Package,
        call: *const Call,
    ) -> u32,
    /// Ends the instance, whatever this returns. Nothing of it runs in another thread by then.
    /// Hosts keep their instances as long as the process; suites that test plugins do not.
    pub destroy: unsafe extern "C" fn(instance: *mut c_void, call: *const Call) -> u32,
}

// SAFETY: `#[repr(C)]`, frozen.
unsafe impl Interface for StructureV1 {
    const NAME: &'static str = "keyway.structure";
    const VERSION: u32 = 1;
    const SINCE_MINOR: u16 = 0;
}

/// The plugin's side of [`StructureV1`].
pub trait Structures: 'static {
    /// One structure.
    type Instance: Send + Sync + 'static;

    /// Makes the structure `type_name`, or `None` if the plugin gives no such type.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being made.
    fn create(type_name: &str) -> Result<Option<Self::Instance>, BoxError>;

    /// Says what packages of this type look like.
    ///
    /// # Errors
    ///
    /// Whatever the author's method fails with.
    fn init_package(
        instance: &Self::Instance,
        package: &mut PackageRef<'_>,
    ) -> Result<(), BoxError>;

    /// The package's path has changed.
    ///
    /// # Errors
    ///
    /// Whatever the author's method fails with.
    fn path_changed(
        instance: &Self::Instance,
        package: &mut PackageRef<'_>,
    ) -> Result<(), BoxError>;
}

/// The table of a plugin whose structures are `S`.
#[must_use]
pub const fn structure_v1<S: Structures>() -> StructureV1 {
    StructureV1 {
        create: create::<S>,
        init_package: init_package::<S>,
        path_changed: path_changed::<S>,
        destroy: destroy::<S>,
    }
}

unsafe extern "C" fn create<S: Structures>(
    type_name: Str,
    out: *mut *mut c_void,
    call: *const Call,
) -> u32 {
    // SAFETY: the contract: all pointers are valid for this call.
    unsafe {
        guard::run(call, Phase::Construction, || {
            let out = out.as_mut().ok_or(Misuse("no place for the object"))?;
            let Some(instance) = S::create(type_name.to_str()?)? else {
                return Ok(status::NOT_FOUND);
            };
            *out = Box::into_raw(Box::new(instance)).cast();
            Ok(status::OK)
        })
    }
}

/// Runs a method of the instance on the package, guarded.
///
/// # Safety
///
/// The contract of `init_package` and `path_changed`.
#[inline]
unsafe fn on_package<S: Structures>(
    instance: *mut c_void,
    package: *const Package,
    call: *const Call,
    method: impl FnOnce(&S::Instance, &mut PackageRef<'_>) -> Result<(), BoxError>,
) -> u32 {
    // SAFETY: the contract: `create` made the instance, which has not been destroyed; the other
    // pointers are valid for this call.
    unsafe {
        guard::run(call, Phase::Method, || {
            let instance = instance.cast::<S::Instance>().as_ref();
            let instance = instance.ok_or(Misuse("no object was given"))?;
            let mut package = PackageRef::new(package).ok_or(Misuse("no package was given"))?;
            method(instance, &mut package)?;
            Ok(status::OK)
        })
    }
}

unsafe extern "C" fn init_package<S: Structures>(
    instance: *mut c_void,
    package: *const Package,
    call: *const Call,
) -> u32 {
    // SAFETY: this function's contract.
    unsafe { on_package::<S>(instance, package, call, S::init_package) }
}

unsafe extern "C" fn path_changed<S: Structures>(
    instance: *mut c_void,
    package: *const Package,
    call: *const Call,
) -> u32 {
    // SAFETY: this function's contract.
    unsafe { on_package::<S>(instance, package, call, S::path_changed) }
}

unsafe extern "C" fn destroy<S: Structures>(instance: *mut c_void, call: *const Call) -> u32 {
    // SAFETY: the contract: `create` made the instance, and this is the last use of it.
    unsafe { guard::destroy::<S::Instance>(instance, call) }
}

/// `keyway.structure`, as the host's side uses it.
#[derive(Clone, Copy)]
pub struct StructureRef {
    table: &'static StructureV1,
}

/// One structure of a plugin, held by the host. Dropping it does not end the structure.
pub struct StructureInstance {
    table: &'static StructureV1,
    instance: NonNull<c_void>,
}

// SAFETY: the contract of `StructureV1`: any thread.
unsafe impl Send for StructureInstance {}
// SAFETY: the contract of `StructureV1`: several at once.
unsafe impl Sync for StructureInstance {}

impl StructureRef {
    /// Wraps a plugin's table.
    ///
    /// # Safety
    ///
    /// The table passed the gates: its functions keep the contract. None is called before the
    /// plugin has been attached.
    #[must_use]
    pub const unsafe fn new(table: &'static StructureV1) -> Self {
        Self { table }
    }

    /// Makes the structure `type_name`; `None` if the plugin gives no such type.
    ///
    /// # Errors
    ///
    /// What the plugin says.
    pub fn create(self, type_name: &str) -> Result<Option<StructureInstance>, Vec<FaultReport>> {
        let mut instance: *mut c_void = std::ptr::null_mut();
        let status = run(&[status::NOT_FOUND], |call| {
            // SAFETY: the contract holds (`new`); text, place and call outlive the call.
            unsafe { (self.table.create)(Str::borrow(type_name), &raw mut instance, call) }
        })?;
        if status == status::NOT_FOUND {
            return Ok(None);
        }
        match NonNull::new(instance) {
            Some(instance) => Ok(Some(StructureInstance {
                table: self.table,
                instance,
            })),
            None => Err(vec![FaultReport::misuse("status 0 without an object")]),
        }
    }
}

impl StructureInstance {
    /// Lets the structure say what its packages look like.
    ///
    /// # Errors
    ///
    /// What the plugin says.
    pub fn init_package(&self, package: &mut dyn PackageAccess) -> Result<(), Vec<FaultReport>> {
        self.on_package(package, self.table.init_package)
    }

    /// Tells the structure that the package's path has changed.
    ///
    /// # Errors
    ///
    /// What the plugin says.
    #[inline]
    pub fn path_changed(&self, package: &mut dyn PackageAccess) -> Result<(), Vec<FaultReport>> {
        self.on_package(package, self.table.path_changed)
    }

    #[inline]
    fn on_package(
        &self,
        package: &mut dyn PackageAccess,
        function: unsafe extern "C" fn(*mut c_void, *const Package, *const Call) -> u32,
    ) -> Result<(), Vec<FaultReport>> {
        with_package(package, |package| {
            run(&[], |call| {
                // SAFETY: the contract holds (`StructureRef::new`); the instance lives; package
                // and call outlive the call.
                unsafe { function(self.instance.as_ptr(), package, call) }
            })
        })
        .map(|_| ())
    }

    /// Ends the structure.
    ///
    /// # Errors
    ///
    /// What the plugin says; the structure has ended all the same.
    pub fn destroy(self) -> Result<(), Vec<FaultReport>> {
        // SAFETY: the contract holds, and `self` is the only hold on the instance.
        run(&[], |call| unsafe {
            (self.table.destroy)(self.instance.as_ptr(), call)
        })
        .map(|_| ())
    }
}
