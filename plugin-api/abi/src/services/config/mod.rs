//! `keyway.config` 1: what a package was given and what its `package.toml` says, value by value.

mod host_side;
mod plugin_side;

use std::ffi::c_void;
use std::fmt;

use abi_stable::StableAbi;

use crate::entry::Interface;
use crate::text::{Str, StrSink};

pub(crate) use host_side::CONFIG_TABLE;
pub use host_side::{ConfigAccess, ConfigHandle, ConfigValue};
pub use plugin_side::ConfigRef;

/// `keyway.config` 1, for one package.
///
/// `document` says in what is looked: 0 in the arguments that the package is installed with, over
/// the defaults of its `package.toml`; 1 in `package.toml` as a whole. Both are as they were when the
/// lifecycle was made.
///
/// `key` is the name of a member, or several with `.` between them for a member of a member, as
/// `web.port`; the number of an element, from 0, for a list. A name with a dot in it stands in double
/// quotes, as in `dependencies."acme.db"`. A key that is not so is
/// [`status::INVALID`](crate::status::INVALID).
///
/// [`status::NOT_FOUND`](crate::status::NOT_FOUND): there is no such member, or it is null.
/// [`status::REFUSED`](crate::status::REFUSED): it is of another type; the text names key, value and
/// what was expected.
#[repr(C)]
#[derive(StableAbi)]
pub struct ConfigV1 {
    /// Gives a text.
    pub text: unsafe extern "C" fn(
        config: *mut c_void,
        document: u32,
        key: Str,
        out: *const StrSink,
        error: *const StrSink,
    ) -> u32,
    /// Gives an integer: a number that was written without fraction and exponent.
    pub integer: unsafe extern "C" fn(
        config: *mut c_void,
        document: u32,
        key: Str,
        out: *mut i64,
        error: *const StrSink,
    ) -> u32,
    /// Gives a number, an integer also.
    pub number: unsafe extern "C" fn(
        config: *mut c_void,
        document: u32,
        key: Str,
        out: *mut f64,
        error: *const StrSink,
    ) -> u32,
    /// Gives 1 for true and 0 for false.
    pub boolean: unsafe extern "C" fn(
        config: *mut c_void,
        document: u32,
        key: Str,
        out: *mut u32,
        error: *const StrSink,
    ) -> u32,
    /// Gives how many elements a list has.
    pub length: unsafe extern "C" fn(
        config: *mut c_void,
        document: u32,
        key: Str,
        out: *mut u64,
        error: *const StrSink,
    ) -> u32,
    /// Gives the names of the members of an object, in its order; those of the whole document for an
    /// empty key.
    pub keys: unsafe extern "C" fn(
        config: *mut c_void,
        document: u32,
        key: Str,
        out: *const StrSink,
        error: *const StrSink,
    ) -> u32,
    /// Gives a value of whatever type as JSON; the whole document for an empty key.
    pub json: unsafe extern "C" fn(
        config: *mut c_void,
        document: u32,
        key: Str,
        out: *const StrSink,
        error: *const StrSink,
    ) -> u32,
}

// SAFETY: `#[repr(C)]`, frozen.
unsafe impl Interface for ConfigV1 {
    const NAME: &'static str = "keyway.config";
    const VERSION: u32 = 1;
    const SINCE_MINOR: u16 = 0;
}

/// In what is looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConfigDocument {
    /// The arguments that the package is installed with.
    InstallKwargs,
    /// Its `package.toml`.
    PackageToml,
}

impl ConfigDocument {
    fn code(self) -> u32 {
        match self {
            Self::InstallKwargs => 0,
            Self::PackageToml => 1,
        }
    }

    fn of(code: u32) -> Option<Self> {
        [Self::InstallKwargs, Self::PackageToml]
            .into_iter()
            .find(|it| it.code() == code)
    }
}

impl fmt::Display for ConfigDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InstallKwargs => "install_kwargs",
            Self::PackageToml => "package.toml",
        })
    }
}
