//! What a server has after a long life that it did not have after a short one.

use std::fmt;
use std::fs;
use std::time::{Duration, Instant};

use keyway_tests::server::Server;

use crate::{End, Soak, checks};

/// What a server without packages may have more of, in KiB,
const MEMORY: u64 = 16 << 10;
/// and for each file of a plugin that it has loaded since.
const PLUGIN: u64 = 256;
/// As long it may take until it has no more than it needs.
const IDLE: Duration = Duration::from_secs(30);

/// What a process has.
#[derive(Clone, Debug)]
struct Has {
    /// Memory of its own, in KiB,
    memory: u64,
    /// and that of files which are mapped.
    of_files: u64,
    threads: u64,
    files: Vec<String>,
    /// The plugins' files: those are never unloaded, and a package that is installed again has new ones.
    plugins: u64,
}

impl Has {
    fn of(server: &Server) -> Self {
        let own = format!("/proc/{}", server.id());
        let status = fs::read_to_string(format!("{own}/status")).unwrap();
        let number = |key: &str| {
            let line = status.lines().find(|it| it.starts_with(key)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        let open = fs::read_dir(format!("{own}/fd")).unwrap().flatten();
        let open = open.filter_map(|it| fs::read_link(it.path()).ok());
        let files = open.map(|it| it.display().to_string());
        // Kept open are the file of each plugin that is loaded, and as many marks as plugins were ever
        // loaded at once.
        let kept = ["/plugins/", "/quarantine/slot."];
        let is_kept = |file: &String| kept.iter().any(|it| file.contains(it));
        let mut files: Vec<String> = files.filter(|it| !is_kept(it)).collect();
        files.sort();
        let maps = fs::read_to_string(format!("{own}/maps")).unwrap();
        // One part of each can be run.
        let plugins = maps
            .lines()
            .filter(|it| it.contains(" r-xp ") && it.contains("/plugins/"));
        Self {
            memory: number("RssAnon:"),
            of_files: number("RssFile:"),
            threads: number("Threads:"),
            files,
            plugins: plugins.count() as u64,
        }
    }
}

impl fmt::Display for Has {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            memory,
            of_files,
            threads,
            files,
            plugins,
        } = self;
        let files = files.len();
        write!(
            f,
            "{memory} KiB and {of_files} KiB of files, {threads} threads, {files} files, {plugins} plugins"
        )
    }
}

/// Deletes all packages, and waits until the server has nothing to do.
fn idle(soak: &Soak, server: &Server, is_so: impl Fn(&Has) -> bool) -> Has {
    checks::assert_as_left(soak, server);
    soak.check_hooks();
    let client = keyway_server::Client::new(server.socket());
    let perform = |operation| {
        let done = client.perform(&operation, |_| {});
        assert!(done.is_ok(), "{}: {operation:?}: {done:?}", soak.when());
    };
    let records = client.packages(None).unwrap();
    for package in &soak.packages {
        let is_on_record = records.iter().any(|it| it.name == package.name);
        let has_left = |folder: &str| soak.home.state().join(folder).join(&package.name).exists();
        if !is_on_record && (has_left("data") || has_left("logs")) {
            // Only what is on record can be deleted with its data.
            perform(package.add(0, |it| it.start = false));
        } else if !is_on_record {
            continue;
        }
        perform(package.delete(true, false));
    }
    checks::assert_as_left(soak, server);
    checks::assert_empty(soak);
    let began = Instant::now();
    loop {
        let has = Has::of(server);
        if is_so(&has) || began.elapsed() > IDLE {
            return has;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Has one server for all that time, and gives what it had in the beginning and in the end.
pub(crate) fn assert_none(soak: &mut Soak, time: Duration) -> String {
    let mut server = soak.serve();
    checks::assert_as_started(soak, &server);
    soak.live(&mut server, time / 5, End::Lives);
    // Threads that nobody needs end after ten seconds.
    let pause = (time / 4).min(Duration::from_secs(12));
    idle(soak, &server, |_| true);
    std::thread::sleep(pause);
    let warm = Has::of(&server);
    soak.live(&mut server, time * 4 / 5, End::Lives);
    let is_back = |it: &Has| it.threads <= warm.threads && it.files.len() <= warm.files.len();
    let now = idle(soak, &server, is_back);
    let measured = format!("warm: {warm}\nin the end: {now}");
    let when = soak.when();
    assert!(is_back(&now), "{when}: {measured}\n{warm:#?}\n{now:#?}");
    let plugins = now.plugins.saturating_sub(warm.plugins) * PLUGIN;
    let more = now.memory.saturating_sub(warm.memory);
    assert!(more < MEMORY + plugins, "{when}: {measured}");
    checks::assert_the_same_without_a_server(soak, &mut server);
    measured
}
