//! What this crate was compiled for and by, told by its build script.

/// The target triple.
pub const TARGET: &str = env!("KEYWAY_TARGET");

/// The compiler, as `rustc --version` says.
pub const RUSTC: &str = env!("KEYWAY_RUSTC");

/// A digest of this crate's sources (FNV-1a, 64 bits, hexadecimal): the same border, the same
/// digest, and the same layouts on one platform. Another digest says nothing.
pub const ABI_DIGEST: &str = env!("KEYWAY_ABI_DIGEST");

/// The version of abi_stable that the evidence is made with.
pub const ABI_STABLE_VERSION: &str = "0.11.3";

/// The width of a pointer in bits.
pub const POINTER_WIDTH: u32 = usize::BITS;

/// The byte order, `little` or `big`.
pub const ENDIAN: &str = if cfg!(target_endian = "big") {
    "big"
} else {
    "little"
};
