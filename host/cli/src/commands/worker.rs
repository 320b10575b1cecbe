//! `keyway worker`: what `keyway serve` starts for isolated packages.

use std::process::ExitCode;

use keyway::lifecycle::Worker;

#[cfg(unix)]
pub(crate) fn run() -> ExitCode {
    keyway::lifecycle::worker_main()
}

#[cfg(not(unix))]
pub(crate) fn run() -> ExitCode {
    ExitCode::FAILURE
}

/// How a server starts this very program as a worker; each may have so many MiB.
pub(crate) fn started(memory: Option<u64>) -> Option<Worker> {
    // Also when a newer one has been installed in its place since.
    let same = std::path::Path::new("/proc/self/exe");
    let program = match same.exists() {
        true => same.to_path_buf(),
        false => std::env::current_exe().ok()?,
    };
    let worker = Worker::new(program).arg("worker").arg0("keyway");
    Some(worker.memory(memory.map(|mib| mib << 20)))
}
