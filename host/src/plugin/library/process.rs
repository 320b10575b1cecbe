//! Facts about this process that only the C library tells.

/// Whether this process has more rights than whoever started it: a setuid or setgid program, or one
/// with file capabilities. What such a process is told by its environment must not decide what code
/// it loads.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn raised_privileges() -> bool {
    // SAFETY: reads a word that the kernel handed over when the process began.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// Whether this process has more rights than whoever started it: a setuid or setgid program.
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(crate) fn raised_privileges() -> bool {
    // SAFETY: these four only read the process's own ids, and cannot fail.
    unsafe { libc::getuid() != libc::geteuid() || libc::getgid() != libc::getegid() }
}

/// Whether this process has more rights than whoever started it: not known on this system.
#[cfg(not(unix))]
pub(crate) fn raised_privileges() -> bool {
    false
}

/// The version of the GNU C library that this process runs with, as (major, minor).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(in crate::plugin) fn glibc_version() -> Option<(u32, u32)> {
    // SAFETY: gives a terminated text that lives as long as the process.
    let text = unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
    let (major, minor) = text.to_str().ok()?.split_once('.')?;
    let minor = minor.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// There is no GNU C library here.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(in crate::plugin) fn glibc_version() -> Option<(u32, u32)> {
    None
}
