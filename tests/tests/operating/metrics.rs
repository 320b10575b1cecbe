//! Health and numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use keyway_tests::server::{Home, touch, until};
use keyway_tests::threebots::ThreeBot;
use serde_json::json;

use crate::{add, done, get};

/// What stands on a page, by name and labels as they are written.
type Page = BTreeMap<String, f64>;

/// Reads a page in the text form 0.0.4, and nothing that is not quite it.
fn read(text: &str) -> Page {
    let is_name = |name: &str| {
        name.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
            && name
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || it == b'_')
    };
    assert!(text.ends_with('\n'));
    let mut page = Page::new();
    let (mut helped, mut kinds) = (BTreeSet::new(), BTreeMap::new());
    let mut family = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(is_name(name) && !help.is_empty(), "{line}");
            assert!(helped.insert(name.to_owned()), "twice: {line}");
            name.clone_into(&mut family);
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name, family, "{line}");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(
                kinds.insert(name.to_owned(), kind.to_owned()),
                None,
                "{line}"
            );
            continue;
        }
        let (key, value) = line.rsplit_once(' ').unwrap();
        let value: f64 = value.parse().unwrap();
        let (name, labels) = match key.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
            None => (key, ""),
        };
        assert!(is_name(name), "{line}");
        for label in labels.split(',').filter(|it| !it.is_empty()) {
            let (key, value) = label.split_once('=').unwrap();
            let value = value.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
            assert!(
                is_name(key) && !value.unwrap().contains(['"', '\\']),
                "{line}"
            );
            assert!(!label.contains("acme"), "{line}");
        }
        // It stands with its family.
        let suffixes: &[&str] = match &*kinds[&family] {
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        let is_of = |suffix: &str| name.strip_suffix(suffix) == Some(&family);
        assert!(suffixes.iter().any(|it| is_of(it)), "{line}");
        assert!(kinds[&family] != "counter" || (family.ends_with("_total") && value >= 0.0));
        assert_eq!(page.insert(key.to_owned(), value), None, "twice: {line}");
    }
    for (name, kind) in kinds.iter().filter(|(_, kind)| *kind == "histogram") {
        assert_eq!(kind, "histogram");
        let bucket = format!("{name}_bucket{{");
        let mut buckets: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
        for (key, value) in page.iter().filter(|(key, _)| key.starts_with(&bucket)) {
            let (labels, bound) = key[bucket.len()..].split_once(",le=\"").unwrap();
            let bound: f64 = bound.trim_end_matches("\"}").parse().unwrap();
            buckets.entry(labels).or_default().push((bound, *value));
        }
        for (labels, mut buckets) in buckets {
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(buckets.is_sorted_by(|a, b| a.1 <= b.1), "{buckets:?}");
            let last = buckets.last().unwrap();
            assert!(last.0.is_infinite());
            assert_eq!(page[&format!("{name}_count{{{labels}}}")], last.1);
            assert!(page.contains_key(&format!("{name}_sum{{{labels}}}")));
        }
    }
    page
}

fn page(socket: &Path) -> Page {
    let reply = get(socket, "/metrics");
    assert_eq!(reply.status, 200);
    let kind = "content-type: text/plain; version=0.0.4";
    assert!(reply.head.contains(kind), "{}", reply.head);
    read(&reply.body)
}

#[test]
fn numbers_add_up() {
    let home = Home::new();
    let server = home.serve();
    let socket = server.socket();
    let empty = page(&socket);
    assert_eq!(empty["keyway_packages_running"], 0.0);
    assert_eq!(empty["keyway_packages{status=\"error\"}"], 0.0);

    add(&home, "good", "misbehaves", &json!({}));
    add(&home, "plain", "talks", &json!({}));
    let folder = ThreeBot::new("bad", "misbehaves").put(home.at("packages/bad"));
    let folder = folder.to_str().unwrap();
    let bad = home.package(&["add", "--path", folder, "--set", "start=panic"]);
    assert_eq!(bad.code, 1);
    done(&home, &["start", "acme.good"]);
    done(&home, &["stop", "acme.good"]);
    assert_eq!(home.package(&["start", "acme.nobody"]).code, 1);
    done(&home, &["disable", "acme.plain"]);
    assert_eq!(get(&socket, "/nowhere").status, 404);

    let page = page(&socket);
    for (key, expected) in [
        ("keyway_packages{status=\"tostart\"}", 1.0),
        ("keyway_packages{status=\"disabled\"}", 1.0),
        ("keyway_packages{status=\"error\"}", 1.0),
        ("keyway_packages{status=\"installed\"}", 0.0),
        ("keyway_packages_running", 0.0),
        ("keyway_hooks_total{hook=\"prepare\",outcome=\"done\"}", 3.0),
        ("keyway_hooks_total{hook=\"start\",outcome=\"done\"}", 2.0),
        ("keyway_hooks_total{hook=\"start\",outcome=\"failed\"}", 1.0),
        // What failed to start was stopped, too.
        ("keyway_hooks_total{hook=\"stop\",outcome=\"done\"}", 3.0),
        ("keyway_hook_seconds_count{hook=\"start\"}", 3.0),
        ("keyway_plugin_loads_total", 3.0),
        ("keyway_restarts_total{what=\"worker\"}", 0.0),
        ("keyway_restarts_total{what=\"process\"}", 0.0),
        (
            "keyway_operations_total{operation=\"add\",outcome=\"done\"}",
            2.0,
        ),
        (
            "keyway_operations_total{operation=\"add\",outcome=\"failed\"}",
            1.0,
        ),
        (
            "keyway_operations_total{operation=\"start\",outcome=\"already\"}",
            1.0,
        ),
        (
            "keyway_operations_total{operation=\"start\",outcome=\"refused\"}",
            1.0,
        ),
        ("keyway_log_lines_lost_total", 0.0),
        ("keyway_build_info{version=\"0.1.0\"}", 1.0),
    ] {
        assert_eq!(page.get(key), Some(&expected), "{key}: {page:#?}");
    }
    let more = |key: &str| page[key] - empty.get(key).unwrap_or(&0.0);
    // The command asks for lines, whose answers begin before it is known that they are errors.
    assert_eq!(page["keyway_http_requests_total{code=\"4xx\"}"], 1.0);
    assert!(more("keyway_http_requests_total{code=\"2xx\"}") >= 5.0);
    assert!(page["process_start_time_seconds"] > 1.7e9);
    if cfg!(target_os = "linux") {
        assert!(page["process_resident_memory_bytes"] > 1e6);
        assert!(page["process_open_fds"] > 5.0 && page["process_threads"] >= 1.0);
    }
}

#[test]
fn it_is_ready_when_all_is_started_and_until_it_ends() {
    let home = Home::new();
    let (go, end) = (home.at("go"), home.at("end"));
    touch(&go);
    {
        let _server = home.serve();
        let kwargs = json!({
            "start": format!("wait-for {}", go.display()),
            "stop": format!("wait-for {}", end.display()),
        });
        add(&home, "a", "misbehaves", &kwargs);
    }
    std::fs::remove_file(&go).unwrap();
    let mut server = home.begin_to_serve(&[]);
    let folder = home.at("run/keyway");
    let mut socket = None;
    until("the socket", || {
        let found = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        socket = found
            .map(|it| it.path())
            .find(|it| std::os::unix::net::UnixStream::connect(it).is_ok());
        socket.is_some()
    });
    let socket = socket.unwrap();
    let asked = |path| {
        let reply = get(&socket, path);
        (reply.status, reply.body)
    };
    assert_eq!(asked("/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(asked("/readyz"), (503, "starting\n".to_owned()));
    touch(&go);
    until("ready", || asked("/readyz") == (200, "ready\n".to_owned()));
    server.signal("TERM");
    until("stopping", || {
        asked("/readyz") == (503, "stopping\n".to_owned())
    });
    assert_eq!(asked("/healthz"), (200, "ok\n".to_owned()));
    touch(&end);
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
}
