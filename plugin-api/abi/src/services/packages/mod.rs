//! `keyway.packages` 1: the other packages of the manager.

mod host_side;
mod plugin_side;

use std::ffi::c_void;
use std::path::PathBuf;

use abi_stable::StableAbi;

use crate::entry::Interface;
use crate::lifecycle::Hook;
use crate::text::{PathStr, Str, StrSink};

pub(crate) use host_side::PACKAGES_TABLE;
pub use host_side::{PackagesAccess, PackagesHandle};
pub use plugin_side::PackagesRef;

/// `keyway.packages` 1, for one package.
///
/// What is asked for is done by the manager as if an administrator had asked: whoever may run code as
/// a package may add others. `hook` is the run that it is done for, or null from a thread of the
/// package's own while none runs; its cancellation and its deadline end the waiting, which is
/// [`status::REFUSED`](crate::status::REFUSED) then, while what was asked for goes on.
///
/// What could only be done when the hook has returned is refused at once: a package that starts or
/// adds itself, one that needs the package whose hook asks, and one whose own hook waits, through
/// however many others, for that of this package. The text names them as a path.
#[repr(C)]
#[derive(StableAbi)]
pub struct PackagesV1 {
    /// Gives all packages on record, also one's own, ordered by name.
    pub list: unsafe extern "C" fn(
        packages: *mut c_void,
        out: *const PackageSink,
        error: *const StrSink,
    ) -> u32,
    /// Gives the package `name`. [`status::NOT_FOUND`](crate::status::NOT_FOUND): it is not on record.
    pub status: unsafe extern "C" fn(
        packages: *mut c_void,
        name: Str,
        out: *const PackageSink,
        error: *const StrSink,
    ) -> u32,
    /// Adds a package, or a newer version of one, and gives it as it is then. One that is on record in
    /// that version is left as it is. Returns when that is done.
    pub add: unsafe extern "C" fn(
        packages: *mut c_void,
        request: *const PackageAddV1,
        hook: *const Hook,
        out: *const PackageSink,
        error: *const StrSink,
    ) -> u32,
    /// Starts the package `name` and gives it as it is then. One that runs is left as it is. Returns
    /// when that is done. [`status::NOT_FOUND`](crate::status::NOT_FOUND): it is not on record.
    pub start: unsafe extern "C" fn(
        packages: *mut c_void,
        name: Str,
        hook: *const Hook,
        out: *const PackageSink,
        error: *const StrSink,
    ) -> u32,
}

// SAFETY: `#[repr(C)]`, frozen.
unsafe impl Interface for PackagesV1 {
    const NAME: &'static str = "keyway.packages";
    const VERSION: u32 = 1;
    const SINCE_MINOR: u16 = 0;
}

/// A package that is to be added: by a path or a URL, one of the two.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct PackageAddV1 {
    /// A folder or an archive, absolute; empty if `git_url` is given.
    pub path: PathStr,
    /// A git repository; empty if `path` is given.
    pub git_url: Str,
    /// Which branch; empty: the repository's own choice.
    pub branch: Str,
    /// Which commit or tag; empty: the newest commit of the branch.
    pub rev: Str,
    /// What it is installed with, as one JSON object; empty: what its file says, or for a package on
    /// record what it was installed with.
    pub install_kwargs: Str,
    /// Whether it is started, 0 or 1.
    pub start: u32,
}

/// A package on record. Its texts are valid for the call that it is handed over in.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct PackageInfoV1 {
    /// Its full name, `author.name`.
    pub name: Str,
    /// Its version; empty if it says none.
    pub version: Str,
    /// Where it is in its life: `init`, `config`, `toinstall`, `installed`, `tostart`, `disabled` or
    /// `error`.
    pub status: Str,
    /// Its folder.
    pub path: PathStr,
    /// Whether it runs, 0 or 1.
    pub running: u32,
}

/// Takes packages, as [`StrSink`] takes texts.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct PackageSink {
    /// Handed to `push`.
    pub context: *mut c_void,
    /// Takes one package.
    pub push: unsafe extern "C" fn(context: *mut c_void, item: *const PackageInfoV1),
}

/// A package on record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackageInfo {
    /// Its full name, `author.name`.
    pub name: String,
    /// Its version; `None` if it says none.
    pub version: Option<String>,
    /// Where it is in its life: `init`, `config`, `toinstall`, `installed`, `tostart`, `disabled` or
    /// `error`.
    pub status: String,
    /// Its folder.
    pub path: PathBuf,
    /// Whether it runs.
    pub running: bool,
}

impl PackageInfo {
    /// The package `name`, in the status `status`, in the folder `path`.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        status: impl Into<String>,
        path: impl Into<PathBuf>,
    ) -> Self {
        Self {
            name: name.into(),
            status: status.into(),
            path: path.into(),
            ..Self::default()
        }
    }
}

/// Where a package that is to be added comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackageSource {
    /// A folder or an archive, absolute.
    Path(PathBuf),
    /// A git repository.
    Git {
        /// Its URL.
        url: String,
        /// Which branch; `None`: the repository's own choice.
        branch: Option<String>,
        /// Which commit or tag; `None`: the newest commit of the branch.
        rev: Option<String>,
    },
}

/// A package that is to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageAdd {
    /// Where it comes from.
    pub source: PackageSource,
    /// What it is installed with, as one JSON object; `None`: what its file says, or for a package on
    /// record what it was installed with.
    pub install_kwargs: Option<String>,
    /// Whether it is started.
    pub start: bool,
}
