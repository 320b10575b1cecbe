//! The evidence that a Rust plugin lays beside each of its tables, and how a host compares it.

use std::fmt;

use abi_stable::abi_stability::StableAbi;
use abi_stable::abi_stability::abi_checking::{
    CheckingGlobals, check_layout_compatibility_with_globals,
};
use abi_stable::library::AbiHeader;
use abi_stable::type_layout::TypeLayout;

/// What a row's `evidence` points to in flavour [`FLAVOUR_RUST`](crate::FLAVOUR_RUST).
#[repr(C)]
pub struct Evidence {
    /// Which abi_stable made the layout; checked before the layout is looked at.
    header: AbiHeader,
    /// The layout of the table's type.
    layout: &'static TypeLayout,
    /// The digest of this crate's sources: equal sources lay their frozen structs out alike on one
    /// platform, whatever the compiler.
    digest: [u8; 16],
}

impl Evidence {
    /// The evidence for the table `T`.
    #[must_use]
    pub const fn of<T: StableAbi>() -> Self {
        Self {
            header: AbiHeader::VALUE,
            layout: <T as StableAbi>::LAYOUT,
            digest: DIGEST,
        }
    }
}

#[cfg(test)]
impl Evidence {
    /// The evidence for `T` of a plugin that was built with other sources of this crate.
    pub(crate) const fn of_other_sources<T: StableAbi>() -> Self {
        Self {
            digest: [0; 16],
            ..Self::of::<T>()
        }
    }
}

const DIGEST: [u8; 16] = {
    let mut digest = [0; 16];
    let text = crate::build::ABI_DIGEST.as_bytes();
    let mut index = 0;
    while index < digest.len() {
        digest[index] = text[index];
        index += 1;
    }
    digest
};

/// A plugin's table is not what the host takes it for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutMismatch {
    /// The first differences, at most twelve lines.
    pub summary: String,
    /// Everything that abi_stable has to say, often more than a thousand lines.
    pub full: String,
}

impl fmt::Display for LayoutMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary)
    }
}

impl std::error::Error for LayoutMismatch {}

/// Compares a plugin's evidence with the host's own layout of `T`.
///
/// A plugin that was built with the very sources of this border, for this platform, has the same
/// layouts; of others every type is compared. Each such check has a state of its own: abi_stable's usual one is shared by the whole process and
/// makes the outcome depend on the order in which plugins are loaded.
///
/// # Safety
///
/// `evidence` points to an [`Evidence`] made by a plugin, or at least to one's header.
///
/// # Errors
///
/// [`LayoutMismatch`] names the first differences.
pub unsafe fn check_evidence<T: StableAbi>(
    evidence: *const Evidence,
) -> Result<(), LayoutMismatch> {
    // SAFETY: the header stands first and has had this form since abi_stable 0.8.
    let header = unsafe { &*evidence.cast::<AbiHeader>() };
    if !header.is_compatible(&AbiHeader::VALUE) {
        let message = format!(
            "the layout was made by another abi_stable: found {}.{}, expected {}.{}",
            header.abi_major,
            header.abi_minor,
            AbiHeader::VALUE.abi_major,
            AbiHeader::VALUE.abi_minor,
        );
        return Err(LayoutMismatch {
            summary: message.clone(),
            full: message,
        });
    }
    // SAFETY: the header says that what follows is a layout in the form that we know.
    let (theirs, digest) = unsafe { ((*evidence).layout, (*evidence).digest) };
    // The host has seen before that the plugin is for this platform.
    if digest == DIGEST {
        return Ok(());
    }
    check_layout_compatibility_with_globals(T::LAYOUT, theirs, &CheckingGlobals::new()).map_err(
        |errors| {
            let full = errors.to_string();
            LayoutMismatch {
                summary: first_differences(&full),
                full,
            }
        },
    )
}

/// The first differences in abi_stable's report: each starts at a line `Error:` and gives what was
/// expected and found.
fn first_differences(report: &str) -> String {
    let mut lines = report
        .lines()
        .map(str::trim_end)
        .skip_while(|line| !line.trim_start().starts_with("Error:"))
        .filter(|line| !line.trim().is_empty());
    let mut summary: Vec<&str> = lines.by_ref().take(11).collect();
    if summary.is_empty() {
        summary = report.lines().take(11).collect();
    }
    if lines.next().is_some() {
        summary.push("(more differences follow)");
    }
    summary.join("\n")
}
