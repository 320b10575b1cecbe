#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};

use keyway::lifecycle::ManagerEvent;
use tempfile::TempDir;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::logs::event::LONGEST;
use crate::logs::file::{KEPT, LARGEST, aged};

fn changed(name: &str) -> ManagerEvent {
    serde_json::from_value(serde_json::json!({"event": "changed", "name": name})).unwrap()
}

/// Logs of the package `a.b`, and who writes them.
fn logs() -> (TempDir, PackageLogs, tracing::subscriber::DefaultGuard) {
    let folder = tempfile::tempdir().unwrap();
    let logs = PackageLogs::new();
    logs.open(folder.path());
    logs.notice(&changed("a.b"));
    let layer = logs.clone().with_filter(PackageLogs::wanted());
    let subscriber = tracing_subscriber::registry().with(layer);
    (folder, logs, tracing::subscriber::set_default(subscriber))
}

fn text(folder: &TempDir, name: &str) -> String {
    let path = folder.path().join("logs").join(name).join("package.log");
    fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn names_that_are_none_make_no_files() {
    let (folder, logs, _guard) = logs();
    for name in ["../x.y", "a.b.c", "a", ".a.b", "a./x", "", "c.d"] {
        if name != "c.d" {
            logs.notice(&changed(name));
        }
        tracing::error!(package = name, "said");
    }
    let found: Vec<_> = fs::read_dir(folder.path().join("logs")).unwrap().collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(text(&folder, "a.b"), "");
}

#[test]
fn an_event_is_its_packages_and_one_line() {
    let (folder, logs, _guard) = logs();
    tracing::info!(package = "a.b", count = 3, "by a field");
    tracing::debug!(package = "a.b", "a detail");
    tracing::info!("of nobody");
    let span = tracing::error_span!("hook", package = "a.b", hook = "start");
    span.in_scope(|| {
        tracing::warn!(target: "foreign", shown = "x\n2026-01-01T00:00:00.000Z INFO forged", "a\r\n\x1b[2J");
        // A plugin speaks for itself alone.
        tracing::info!(package = "c.d", keyway.plugin = "p", "by a plugin");
    });
    tracing::info!(package = "a.b", long = "é".repeat(2 * LONGEST), "long");
    tracing::info!(keyway.plugin = "p", package = "a.b", "of no package yet");
    let loaded =
        serde_json::json!({"event": "loaded", "name": "a.b", "type": "T/T", "plugin": "p"});
    logs.notice(&serde_json::from_value(loaded).unwrap());
    tracing::info!(keyway.plugin = "p", "in another thread");

    let text = text(&folder, "a.b");
    let lines: Vec<&str> = text.lines().collect();
    let said: Vec<&str> = lines
        .iter()
        .map(|line| line.split_once("Z ").unwrap().1)
        .collect();
    let target = "INFO keyway_server::logs::tests";
    assert_eq!(said[0], format!("{target} by a field count=3"));
    assert_eq!(
        said[1],
        r#"WARN foreign a\u{d}\u{a}\u{1b}[2J hook=start shown="x\n2026-01-01T00:00:00.000Z INFO forged""#
    );
    assert_eq!(said[2], format!("{target} by a plugin package=\"c.d\""));
    assert!(lines[3].len() <= LONGEST && lines[3].ends_with(" ..."));
    assert_eq!(said[4..], [format!("{target} in another thread")]);
    let path = folder.path().join("logs/a.b/package.log");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_eq!(
        fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777,
        0o700
    );
    assert_eq!(logs.lost(), 0);
}

#[test]
fn what_is_no_file_is_not_written_to() {
    let (folder, logs, _guard) = logs();
    let path = folder.path().join("logs/a.b/package.log");
    let elsewhere = folder.path().join("elsewhere");
    symlink(&elsewhere, &path).unwrap();
    tracing::info!(package = "a.b", "said");
    assert!(!elsewhere.exists());
    assert_eq!(logs.lost(), 1);
    assert!(
        LogFile::find(folder.path(), "a.b", None)
            .unwrap()
            .last(1)
            .is_err()
    );
}

#[test]
fn files_are_rotated_and_followed_through() {
    let (folder, _logs, _guard) = logs();
    let mut followed = LogFile::find(folder.path(), "a.b", None).unwrap();
    assert_eq!(followed.last(10).unwrap(), Vec::<String>::new());
    let mut found = 0_u64;
    let mut look = |found: &mut u64| {
        followed
            .news(&mut |line| {
                *found += 1;
                assert!(line.contains(&format!(" number={found} ")), "{line}");
                Ok(())
            })
            .unwrap();
    };
    let filler = "x".repeat(1000);
    let path = folder.path().join("logs/a.b/package.log");
    for number in 1..=6000_u64 {
        tracing::info!(package = "a.b", number, filler, "line");
        // Also over two rotations at once.
        if number % 2500 == 7 {
            look(&mut found);
        }
    }
    look(&mut found);
    assert_eq!(found, 6000);
    for age in 0..=KEPT {
        let size = fs::metadata(aged(&path, age)).unwrap().len();
        assert!(size <= LARGEST, "{age}: {size}");
    }
    assert!(!aged(&path, KEPT + 1).exists());
    // The last ones are also in older files.
    let mut log = LogFile::find(folder.path(), "a.b", None).unwrap();
    let last = log.last(3000).unwrap();
    assert_eq!(last.len(), 3000);
    for (line, number) in last.iter().zip(3001..) {
        assert!(line.contains(&format!(" number={number} ")), "{line}");
    }
}

#[test]
fn what_a_process_prints_is_read_whole_though_it_is_copied_and_cut() {
    let (folder, _logs, _guard) = logs();
    let path = folder.path().join("logs/a.b/web.log");
    for name in ["../../x", "", ".", "a/b", "-a"] {
        let error = LogFile::find(folder.path(), "a.b", Some(name)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{name}");
    }
    let error = LogFile::find(folder.path(), "a.b", Some("web")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    fs::write(&path, b"one\ttab\r\ntwo\xff\x1b[31m\nthr").unwrap();
    assert_eq!(LogFile::processes(folder.path(), "a.b"), ["web"]);
    let mut log = LogFile::find(folder.path(), "a.b", Some("web")).unwrap();
    let lines = log.last(10).unwrap();
    assert_eq!(lines, ["one\ttab", "two\u{fffd}\\u{1b}[31m"]);
    let append = |text: &str| {
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    };
    append("ee\nfour\n");
    append(&format!("{}\n", "x".repeat(5 * LONGEST)));
    fs::copy(&path, aged(&path, 1)).unwrap();
    fs::File::create(&path).unwrap();
    append("five\n");
    append(&"y".repeat(3 * LONGEST));
    append("\nend");
    let mut lines = Vec::new();
    log.news(&mut |line| {
        lines.push(line);
        Ok(())
    })
    .unwrap();
    assert_eq!(lines[..2], ["three", "four"]);
    assert!(lines[2].len() <= LONGEST && lines[2].ends_with("x ..."));
    assert_eq!(lines[3], "five");
    assert!(lines[4].len() <= LONGEST && lines[4].ends_with("y ..."));
    assert_eq!(lines.len(), 5);
    // Cut, and the copy gets its name later.
    fs::rename(aged(&path, 1), aged(&path, 2)).unwrap();
    append("\nsix\n");
    fs::copy(&path, folder.path().join("copy")).unwrap();
    fs::File::create(&path).unwrap();
    append("seven\n");
    let mut look = |lines: &mut Vec<String>| {
        log.news(&mut |line| {
            lines.push(line);
            Ok(())
        })
        .unwrap();
    };
    look(&mut lines);
    assert_eq!(lines.len(), 5);
    fs::rename(folder.path().join("copy"), aged(&path, 1)).unwrap();
    look(&mut lines);
    assert_eq!(lines[5..], ["end", "six", "seven"]);
    // Cut, and no copy was made.
    append("eight\n");
    look(&mut lines);
    fs::File::create(&path).unwrap();
    append("9\n");
    look(&mut lines);
    look(&mut lines);
    append("end");
    look(&mut lines);
    assert_eq!(lines[8..], ["eight", "9"]);
    assert_eq!(log.rest().unwrap(), "end");
}
