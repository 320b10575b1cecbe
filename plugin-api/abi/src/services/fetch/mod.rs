//! `keyway.fetch` 1: brings what stands behind a git URL into the package's data folder.

mod host_side;
mod plugin_side;

use std::ffi::c_void;

use abi_stable::StableAbi;

use crate::entry::Interface;
use crate::lifecycle::Hook;
use crate::text::{Str, StrSink};

pub(crate) use host_side::FETCH_TABLE;
pub use host_side::{FetchAccess, FetchHandle};
pub use plugin_side::FetchRef;

/// `keyway.fetch` 1, for one package.
#[repr(C)]
#[derive(StableAbi)]
pub struct FetchV1 {
    /// Brings the content into the folder and gives the commit's id, as text in hexadecimal
    /// digits. `hook` is the run that this is done for, not null: its cancellation and its deadline
    /// end the fetch, which is [`status::REFUSED`](crate::status::REFUSED) then, and its progress
    /// tells how far it is. Returns when that is done.
    ///
    /// A folder that this service made and that is there is left as it is, unless `update` is 1;
    /// one that something else made is refused and left as it is. When it fails, the folder is what
    /// it was before.
    pub fetch: unsafe extern "C" fn(
        fetch: *mut c_void,
        request: *const FetchRequestV1,
        hook: *const Hook,
        commit: *const StrSink,
        error: *const StrSink,
    ) -> u32,
}

// SAFETY: `#[repr(C)]`, frozen.
unsafe impl Interface for FetchV1 {
    const NAME: &'static str = "keyway.fetch";
    const VERSION: u32 = 1;
    const SINCE_MINOR: u16 = 0;
}

/// What is to be fetched, and where to.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct FetchRequestV1 {
    /// Where from; not empty.
    pub url: Str,
    /// Which branch; empty: the repository's own choice.
    pub branch: Str,
    /// Which commit or tag; empty: the newest commit of the branch.
    pub rev: Str,
    /// Where to: a name below the package's data folder, with `/` between its parts. No part is
    /// empty, `.` or `..`, or has a backslash, a colon or a control character.
    pub folder: Str,
    /// Whether what is there already is fetched again, 0 or 1.
    pub update: u32,
}

/// What is to be fetched, and where to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchRequest {
    /// Where from.
    pub url: String,
    /// Which branch; `None`: the repository's own choice.
    pub branch: Option<String>,
    /// Which commit or tag; `None`: the newest commit of the branch.
    pub rev: Option<String>,
    /// Where to: a name below the package's data folder, with `/` between its parts.
    pub folder: String,
    /// Whether what is there already is fetched again.
    pub update: bool,
}
