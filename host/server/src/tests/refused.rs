//! What is not answered as it was asked.

use super::Server;

#[test]
fn routes_and_methods_that_are_not_there() {
    let server = Server::start();
    for path in ["/page", "/v1", "/v2/packages", "/v1/packages/a.b/start/now"] {
        let reply = server.raw(&format!("GET {path}"), "", "");
        let message = reply.error(404, "unknown-route");
        assert_eq!(message, format!("there is no `{path}`"));
    }
    let reply = server.raw("POST /v1/packages/a.b/explode", "", "");
    reply.error(404, "unknown-route");
    let reply = server.raw("PUT /v1/packages", "", "");
    let message = reply.error(405, "method-not-allowed");
    assert_eq!(message, "`/v1/packages` does not take `PUT`");
    assert!(reply.head.contains("allow: get,head,post"), "{reply:#?}");
    let reply = server.raw("GET /v1/packages/a.b/start", "", "");
    reply.error(405, "method-not-allowed");
    assert_eq!(server.fake.asked(), []);
}

#[test]
fn a_body_that_is_wrong_is_told_where() {
    let server = Server::start();
    for (body, expected) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("{\"source\":\n }", "expected value at line 2 column 2"),
        ("[]", "the body is an array, expected an object"),
        ("{}", "`source` is missing, expected an object"),
        (
            r#"{"source": {"path": "/a"}, "instal": true}"#,
            "the body has `instal`, which is not known, expected `source`, `install_kwargs`, `update`, \
             `reinstall`, `reload`, `install`, `start`",
        ),
        (
            r#"{"source": {"git": "https://a"}}"#,
            "`source` has `git`, which is not known, expected `path`, `link`, `git_url`, `branch`, `rev`",
        ),
        (
            r#"{"source": {}}"#,
            "`source` has none of them, expected one of `path`, `link`, `git_url`",
        ),
        (
            r#"{"source": {"path": "/a", "git_url": "https://a"}}"#,
            "`source` has `path` and `git_url`, expected one of `path`, `link`, `git_url`",
        ),
        (
            r#"{"source": {"path": "/a", "rev": "1"}}"#,
            "`source.rev` goes with `git_url`, not with `path`",
        ),
        (
            r#"{"source": {"git_url": "https://a", "rev": 1}}"#,
            "`source.rev` is a number, expected a string",
        ),
        (
            r#"{"source": {"path": 1}}"#,
            "`source.path` is a number, expected a string",
        ),
        (
            r#"{"source": {"path": "here"}}"#,
            "`source.path` is `here`, expected an absolute path",
        ),
        (
            r#"{"source": {"link": "./here"}}"#,
            "`source.link` is `./here`, expected an absolute path",
        ),
        (
            r#"{"source": {"path": "/a"}, "start": "no"}"#,
            "invalid type: string \"no\", expected a boolean at line 1 column 40",
        ),
    ] {
        let reply = server.json("POST /v1/packages", body);
        let message = reply.error(400, "bad-request");
        assert!(message.ends_with(expected), "{body}: {message}");
    }
    for (path, body, expected) in [
        (
            "a.b/reconfigure",
            "{}",
            "missing field `install_kwargs` at line 1 column 2",
        ),
        (
            "a.b/reconfigure",
            r#"{"install_kwargs": [1]}"#,
            "invalid type: sequence, expected a map at line 1 column 19",
        ),
        (
            "a.b/reconfigure",
            r#"{"install_kwargs": {}, "start": true}"#,
            "unknown field `start`, expected `install_kwargs` at line 1 column 30",
        ),
        ("a.b/start", "{}", "`start` takes no body"),
    ] {
        let reply = server.json(&format!("POST /v1/packages/{path}"), body);
        let message = reply.error(400, "bad-request");
        assert!(message.ends_with(expected), "{body}: {message}");
    }
    assert_eq!(server.fake.asked(), []);
}

#[test]
fn a_body_that_is_not_taken() {
    let server = Server::start();
    let body = r#"{"source": {"path": "/a"}}"#;
    for kind in ["", "content-type: application/x-www-form-urlencoded\r\n"] {
        let reply = server.raw("POST /v1/packages", kind, body);
        reply.error(415, "not-json");
    }
    let large = format!("\"{}\"", "a".repeat(1024 * 1024));
    let reply = server.json("POST /v1/packages", &large);
    let message = reply.error(413, "too-large");
    assert_eq!(message, "the body is larger than 1048576 bytes");
    assert_eq!(server.fake.asked(), []);
}

#[test]
fn parameters_and_names_that_mean_nothing() {
    let server = Server::start();
    for (head, expected) in [
        (
            "GET /v1/packages?status=running",
            "`running` is no status, expected one of init, config, toinstall, installed, tostart, \
             disabled, error",
        ),
        (
            "GET /v1/packages?state=error",
            "the parameter `state` is not known, expected `status`",
        ),
        (
            "DELETE /v1/packages/a.b?purge",
            "`purge` is ``, expected `true` or `false`",
        ),
        (
            "DELETE /v1/packages/a.b?purge=true&all=true",
            "the parameter `all` is not known, expected `purge`, `force`",
        ),
    ] {
        let message = server.raw(head, "", "").error(400, "bad-request");
        assert_eq!(message, expected);
    }
    server
        .raw("GET /v1/packages/%ff", "", "")
        .error(400, "bad-request");
    assert_eq!(server.fake.asked(), []);
}

#[test]
fn what_the_manager_refuses_has_a_status_that_says_whose_fault_it_is() {
    let server = Server::start();
    for (name, status, code, expected) in [
        (
            "a.missing",
            404,
            "not-on-record",
            "there is no package `a.missing` on record",
        ),
        ("a.disabled", 409, "disabled", "`a.disabled` is disabled"),
        (
            "a.busy",
            409,
            "busy",
            "`a.busy` is busy with `add`, for more than 30 s",
        ),
        (
            "a.fails",
            500,
            "hook-panicked",
            "`a.fails` is in error: hook `start`: it broke",
        ),
        (
            "a.full",
            500,
            "io",
            "`/state` cannot be used; no storage space",
        ),
    ] {
        let reply = server.raw(&format!("POST /v1/packages/{name}/start"), "", "");
        assert_eq!(reply.error(status, code), expected);
    }
    let reply = server.raw("POST /v1/packages/a.disabled/start", "", "");
    assert_eq!(reply.value()["error"]["hint"], "enable it");
    let reply = server.raw("GET /v1/packages/a.c", "", "");
    assert_eq!(reply.value()["error"]["hint"], "did you mean `a.b`?");
}

#[test]
fn a_panic_ends_its_own_request() {
    let server = Server::start();
    for head in [
        "GET /v1/packages/a.panics",
        "POST /v1/packages/a.panics/start",
    ] {
        server.raw(head, "", "").error(500, "internal");
    }
    assert_eq!(server.client().status("a.b").unwrap().name, "a.b");
}

#[test]
fn nothing_new_is_done_by_a_server_that_stops() {
    let server = Server::start();
    server.stopping.cancel();
    let reply = server.raw("POST /v1/packages/a.b/start", "", "");
    assert_eq!(reply.error(503, "stopping"), "the server is stopping");
    assert_eq!(server.fake.asked(), []);
    // What asks only is answered.
    assert_eq!(server.client().packages(None).unwrap().len(), 2);
    assert!(server.client().about().unwrap().stopping);
}
