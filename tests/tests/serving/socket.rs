//! The socket: who may ask, and what a dead server leaves.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use keyway_tests::command::{copy_program, keyway_program, run};
use keyway_tests::server::{Home, until};
use keyway_tests::skipped;
use serde_json::{Value, json};

use crate::done;

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Nobody, whom each system knows.
const NOBODY: &str = "65534";

#[test]
fn another_user_is_refused() {
    const WHAT: &str = "another user at the socket";
    let home = Home::new();
    // Only the system's own files say who we are.
    if fs::metadata(home.at("run")).unwrap().uid() != 0 {
        return skipped(WHAT, "only root can be another user");
    }
    let works = Command::new("setpriv").arg("--version").output();
    if !works.is_ok_and(|it| it.status.success()) {
        return skipped(WHAT, "there is no setpriv");
    }
    let server = home.serve();
    let socket = server.socket();
    let program = home.at("keyway");
    copy_program(&keyway_program(), &program);
    let ask = || {
        let mut as_we_do = home.command();
        as_we_do.args(["package", "list", "--json"]);
        let mut command = Command::new("setpriv");
        command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"]);
        command.arg(&program).args(as_we_do.get_args()).env_clear();
        let plugins = home.plugins().path();
        set_mode(plugins, 0o755);
        command.envs(
            as_we_do
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        run(&mut command)
    };
    let folder = home.at("");
    set_mode(&folder, 0o755);
    set_mode(&home.at("run"), 0o755);
    // The state folder says nothing to others.
    let output = ask();
    assert_eq!(output.code, 1, "{output:#?}");
    assert_eq!(output.error()["code"], "io", "{output:#?}");
    // Even if it did, and the socket were anybody's.
    for path in ["state", "state/keyway", "state/keyway/packages"] {
        set_mode(&home.at(path), 0o755);
    }
    set_mode(&home.state().join("lock"), 0o644);
    let output = ask();
    assert_eq!(output.error()["code"], "no-server", "{output:#?}");
    assert!(output.stderr.contains("Permission denied"), "{output:#?}");
    set_mode(socket.parent().unwrap(), 0o777);
    set_mode(&socket, 0o777);
    let output = ask();
    assert_eq!(output.error()["code"], "no-answer", "{output:#?}");
    assert!(server.log().contains(NOBODY), "{}", server.log());
    // It is written down, too.
    let audit = || fs::read_to_string(home.state().join("audit.log")).unwrap_or_default();
    until("a line in the audit log", || audit().contains("other-user"));
    let line = audit();
    let line: Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    assert_eq!(line["who"], json!({"user": 65534}), "{line}");
    // Root may.
    assert_eq!(done(&home, &["list"]), json!([]));
}

#[test]
fn the_socket_is_private_and_one_of_a_dead_server_is_no_matter() {
    let home = Home::new();
    let mut server = home.serve();
    let socket = server.socket();
    assert!(socket.starts_with(home.at("run/keyway")), "{socket:?}");
    assert_eq!(mode(&socket), 0o600);
    assert_eq!(mode(socket.parent().unwrap()), 0o700);
    assert_eq!(mode(&home.state()), 0o700);
    for file in ["lock", "state.redb", "records.backup"] {
        assert_eq!(mode(&home.state().join(file)), 0o600, "{file}");
    }
    server.kill();
    // It is there, and nobody answers; commands know, and so does the next server.
    assert!(socket.exists());
    UnixStream::connect(&socket).unwrap_err();
    assert_eq!(done(&home, &["list"]), json!([]));
    let mut server = home.serve();
    assert_eq!(server.socket(), socket);
    UnixStream::connect(&socket).unwrap();
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!(!socket.exists());
}
