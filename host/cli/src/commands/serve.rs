//! `keyway serve`

use std::io::{self, Write as _};
use std::time::Duration;

use keyway_server::{PackageLogs, Ready, ServeOptions, TlsFiles};
use serde_json::{Value, json};

use crate::args::Serve;
use crate::failure::Failure;
use crate::{Outcome, host, json as output, table};

pub(crate) fn run(args: &Serve, json: bool, logs: Option<PackageLogs>) -> Result<Outcome, Failure> {
    let mut options = ServeOptions::new(host::managed_loader());
    options.state_dir = Some(host::package_state(&args.state)?);
    options.package_root = args.state.package_root.clone();
    options.protected = args.protect.clone();
    options.parallel = args.parallel.map(usize::from);
    options.recover = args.recover;
    options.package_logs = logs;
    let tcp = &args.tcp;
    options.listen = tcp.listen.clone();
    options.behind_proxy = tcp.behind_proxy;
    options.allow_hosts = tcp.allow_host.clone();
    if let (Some(cert), Some(key)) = (&tcp.tls_cert, &tcp.tls_key) {
        options.tls = Some(TlsFiles::new(cert, key));
    }
    options.worker = super::worker::started(args.worker_memory);
    options.isolate = args.isolate;
    let deadlines = &mut options.deadlines;
    for (deadline, typed) in [
        (&mut deadlines.prepare, args.prepare_deadline),
        (&mut deadlines.start, args.start_deadline),
        (&mut deadlines.stop, args.stop_deadline),
        (&mut options.stop_within, args.stop_within),
    ] {
        if let Some(seconds) = typed {
            *deadline = Duration::from_secs(seconds.into());
        }
    }
    #[cfg(unix)]
    if let Err(error) = keyway::lifecycle::raise_open_files() {
        tracing::warn!(%error, "no more files can be open than before");
    }
    keyway_server::serve(options, |ready| {
        // That nobody listens is no reason to end.
        let _ = writeln!(io::stdout(), "{}", said(ready, json));
    })?;
    Ok(Outcome::Done)
}

/// The line by which others know that they may begin.
fn said(ready: &Ready, json: bool) -> String {
    let socket = ready.socket.to_string_lossy();
    if !json {
        let (run, failed) = (ready.started.len(), ready.failed.len());
        let mut line =
            format!("keyway serve: ready, {run} packages run, {failed} failed; socket {socket}");
        for url in &ready.urls {
            line.push_str(&format!("; {url}"));
        }
        return table::printable(&line);
    }
    let failed = ready.failed.iter();
    let failed: Value = failed
        .map(|(name, why)| json!({"name": name, "message": why}))
        .collect();
    let line = json!({
        "ready": true,
        "pid": ready.pid,
        "socket": socket,
        "urls": ready.urls,
        "started": ready.started,
        "failed": failed,
    });
    output::escaped(&line.to_string())
}
