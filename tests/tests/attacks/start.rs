//! What a server does not begin with.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use keyway_tests::server::Home;
use serde_json::Value;

/// The error with which a server does not begin.
fn refused(home: &Home, arguments: &[&str]) -> Value {
    let output = home.try_serve(arguments).err().unwrap();
    assert_eq!(output.code, 1, "{output:#?}");
    let last = output.stderr.lines().last().unwrap_or_default();
    let error: Value = serde_json::from_str(last).unwrap();
    assert!(error["error"]["hint"].is_string(), "{error}");
    error["error"].clone()
}

#[test]
fn a_server_does_not_begin_where_the_token_would_be_read() {
    let home = Home::new();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let error = refused(&home, &["--listen", address, "--allow-host", "a.example"]);
        assert_eq!(error["code"], "listen-in-the-clear", "{error}");
    }
    // One that is safe makes no other so.
    let error = refused(&home, &["--listen", "127.0.0.1:0", "--listen", "0.0.0.0:0"]);
    assert_eq!(error["code"], "listen-in-the-clear", "{error}");
    let error = refused(&home, &["--listen", "0.0.0.0:0", "--behind-proxy"]);
    assert_eq!(error["code"], "no-host-name", "{error}");
    assert!(!home.state().join("token").exists());

    drop(home.serve_with(&["--listen", "127.0.0.1:0"]));
    let token = home.state().join("token");
    let mode = |mode| fs::set_permissions(&token, Permissions::from_mode(mode)).unwrap();
    mode(0o644);
    let error = refused(&home, &["--listen", "127.0.0.1:0"]);
    assert_eq!(error["code"], "token-not-private", "{error}");
    assert!(
        error["message"].as_str().unwrap().contains("0644"),
        "{error}"
    );
    mode(0o600);
    fs::write(&token, "secret\n").unwrap();
    let error = refused(&home, &["--listen", "127.0.0.1:0"]);
    assert_eq!(error["code"], "bad-token", "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
    // Who does not ask for TCP has none, and needs no token.
    let server = home.serve();
    assert_eq!(server.said()["urls"], serde_json::json!([]));
}
