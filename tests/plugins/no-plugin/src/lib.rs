//! A library that is no plugin.

/// Something that it does.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn answer() -> u32 {
    42
}
