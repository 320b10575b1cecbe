//! What processes write.

use std::fs;

use keyway_tests::server::until;
use serde_json::json;

use crate::{Place, added, done, log, shell_with, shown};

#[test]
fn a_log_that_grows_too_large_is_put_aside() {
    let home = Place::new();
    let server = home.serve();
    // 100 lines of 100 bytes, then a pause that is long enough for somebody to look.
    let script = "n=0; while [ $n -lt 500 ]; do
        m=0; while [ $m -lt 100 ]; do printf '%099d\\n' $n; n=$((n+1)); m=$((m+1)); done
        sleep 1.6
        done; exec sleep 1000";
    let web = shell_with(&home, "web", script, json!({"log_bytes": 5000}));
    added(&home, "writes", json!({"start": [web]}));
    let file = log(&home, "writes", "web");
    let read = |end: &str| {
        let path = format!("{}{end}", file.display());
        fs::read_to_string(path).unwrap_or_default()
    };
    until("the last line", || {
        read(".1").contains(&format!("{:099}\n", 499))
    });
    until("that it is emptied", || read("").is_empty());
    // Three are kept, one after the other, and none has lost a line.
    let mut lines = String::new();
    for end in [".3", ".2", ".1"] {
        let text = read(end);
        assert_eq!(text.len(), 10_000, "{end}");
        lines += &text;
    }
    let expected: String = (200..500).map(|it| format!("{it:099}\n")).collect();
    assert!(lines == expected);
    assert!(read(".4").is_empty());
    let path = format!("{}.1", file.display());
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    drop(server);
}

#[test]
fn a_log_is_gone_on_with_by_the_next_process_and_server() {
    let home = Place::new();
    let mut server = home.serve();
    let script = "echo \"out $$\"; echo \"err $$\" >&2; exec sleep 1000";
    let web = shell_with(&home, "web", script, json!({}));
    added(&home, "writes", json!({"start": [web]}));
    let file = log(&home, "writes", "web");
    let mut expected = String::new();
    for round in 0..3 {
        let pid = shown(&home, "writes", "web")["pid"].as_u64().unwrap();
        expected += &format!("out {pid}\nerr {pid}\n");
        until("its lines", || {
            fs::read_to_string(&file).is_ok_and(|it| it == expected)
        });
        match round {
            0 => {
                done(&home, &["reload", "acme.writes"]);
            }
            _ => {
                server.kill();
                server = home.serve();
            }
        }
    }
    drop(server);
}
