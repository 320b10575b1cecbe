//! Tokens, host names, sites and paths.

use super::{CANARY, Fort, code, status};

/// What somebody would like to have or do.
const WISHES: [&str; 10] = [
    "GET /v1/packages",
    "GET /v1/packages/acme.zxcanary",
    "GET /v1/server",
    "POST /v1/packages/acme.zxcanary/stop",
    "DELETE /v1/packages/acme.zxcanary?purge=true&force=true",
    "POST /v1/packages",
    "GET /v1/events",
    "GET /metrics",
    "GET /there/is/nothing",
    "OPTIONS /v1/packages",
];

#[test]
fn nobody_without_the_token_reads_or_changes_anything() {
    let mut fort = Fort::new();
    let token = &fort.token;
    let zeros = "0".repeat(64);
    let headers = [
        String::new(),
        format!("Authorization: Bearer {zeros}\r\n"),
        format!("Authorization: Bearer {}\r\n", &token[..63]),
        format!("Authorization: Bearer {token}0\r\n"),
        format!("Authorization: Bearer {token},{token}\r\n"),
        "Authorization: Bearer \r\n".to_owned(),
        "Authorization: Bearer\r\n".to_owned(),
        "Authorization: \r\n".to_owned(),
        format!("Authorization: {token}\r\n"),
        format!("Authorization: Basic {token}\r\n"),
        format!("Authorization: Token {token}\r\n"),
        format!("Authorization: Bearer{token}\r\n"),
        format!("Authorization: Bearer {token}\r\nAuthorization: Bearer {zeros}\r\n"),
        format!("Proxy-Authorization: Bearer {token}\r\n"),
        format!("Cookie: token={token}; Authorization=Bearer%20{token}\r\n"),
        format!("X-Api-Key: {token}\r\nX-Auth-Token: {token}\r\n"),
        "X-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\nForwarded: for=127.0.0.1\r\n"
            .to_owned(),
        "X-Forwarded-User: root\r\nRemote-User: root\r\nX-Original-URL: /healthz\r\n".to_owned(),
        "X-HTTP-Method-Override: GET\r\nX-Rewrite-URL: /\r\n".to_owned(),
    ];
    for headers in &headers {
        for wish in WISHES {
            let answer = fort.ask(wish, headers);
            let what = format!("{wish}, {headers:?}");
            // Who tries often is told so.
            fort.assert_refused(&what, &answer, &[401, 429]);
            if status(&answer) == Some(401) {
                let lower = answer.to_ascii_lowercase();
                assert!(lower.contains("www-authenticate: bearer"), "{answer}");
                assert_eq!(code(&answer), "unauthorized", "{what}");
            }
        }
    }
    for parameter in ["token", "access_token", "authorization", "key"] {
        let line = format!("GET /v1/packages?{parameter}={token}");
        fort.assert_refused(&line, &fort.ask(&line, ""), &[401]);
    }
    let wrong = format!("Authorization: Bearer {zeros}\r\n");
    let answer = fort.ask("GET /v1/packages", &wrong);
    assert_eq!(
        (status(&answer), &*code(&answer)),
        (Some(429), "too-many-tries")
    );
    // Whoever has the token is not kept out by those who try.
    let answer = fort.ask("GET /v1/packages", &fort.bearer());
    assert_eq!(status(&answer), Some(200), "{answer}");
    assert!(answer.contains(CANARY));
    fort.assert_unharmed();
    // A line for each kind and peer, not for each try.
    let refused = fort.audit();
    let refused: Vec<_> = refused
        .iter()
        .filter(|it| it["event"] == "refused")
        .collect();
    assert_eq!(refused.len(), 2, "{refused:#?}");
    for line in refused {
        assert_eq!(line["who"]["address"], "127.0.0.1", "{line}");
    }
}

#[test]
fn what_says_nothing_of_packages_is_open_to_all_and_all_answers_guard_the_browser() {
    let mut fort = Fort::new();
    for path in ["/", "/healthz", "/readyz"] {
        for method in ["GET", "HEAD"] {
            let answer = fort.ask(&format!("{method} {path}"), "");
            assert_ne!(status(&answer), Some(401), "{path}: {answer}");
            fort.assert_nothing_said(path, &answer);
        }
        let answer = fort.ask(&format!("POST {path}"), "");
        fort.assert_refused(path, &answer, &[401]);
    }
    for (line, headers) in [
        ("GET /", String::new()),
        ("GET /v1/packages", String::new()),
        ("GET /v1/packages", fort.bearer()),
        ("GET /v1/packages", "Origin: http://evil\r\n".to_owned()),
    ] {
        let answer = fort.ask(line, &headers).to_ascii_lowercase();
        for header in [
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "content-security-policy: default-src 'self'",
            "cache-control: no-store",
        ] {
            assert!(answer.contains(header), "{line}, {header}: {answer}");
        }
    }
    fort.assert_unharmed();
}

/// Even with the token, so that nothing else can have refused it.
#[test]
fn another_host_name_is_refused_before_anything_else() {
    let mut fort = Fort::new();
    let (port, bearer) = (fort.port, fort.bearer());
    let good = format!("Host: localhost:{port}\r\n");
    for host in [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("localhost.evil.example:{port}"),
        format!("localhost.:{port}"),
        format!("me@localhost:{port}"),
        format!("localhost:{port}@evil.example"),
        format!("localhost:{port}, evil.example"),
        format!("localhost:0{port}"),
        format!("localhost:{}", port ^ 1),
        format!("127.1:{port}"),
        format!("0.0.0.0:{port}"),
        format!("2130706433:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        "localhost".to_owned(),
        "localhost:".to_owned(),
        String::new(),
    ] {
        let request = format!("GET /v1/packages HTTP/1.1\r\nHost: {host}\r\n{bearer}\r\n");
        let answer = fort.raw(request.as_bytes());
        fort.assert_refused(&host, &answer, &[421]);
        assert_eq!(code(&answer), "host-not-allowed", "{host}");
    }
    for (line, hosts) in [
        ("GET /v1/packages HTTP/1.1", String::new()),
        ("GET /v1/packages HTTP/1.0", String::new()),
        ("GET /v1/packages HTTP/1.1", format!("{good}{good}")),
        ("GET /v1/packages HTTP/1.1", format!("{good}Host: evil\r\n")),
        ("GET /v1/packages HTTP/1.1", format!("Host: evil\r\n{good}")),
        ("GET http://evil/v1/packages HTTP/1.1", good.clone()),
        ("GET http://evil/ HTTP/1.1", good.clone()),
        ("CONNECT evil:80 HTTP/1.1", good.clone()),
        (
            "GET /v1/packages HTTP/1.1",
            format!("X-Forwarded-Host: localhost:{port}\r\n"),
        ),
    ] {
        let request = format!("{line}\r\n{hosts}{bearer}Connection: close\r\n\r\n");
        let answer = fort.raw(request.as_bytes());
        fort.assert_refused(&request, &answer, &[400, 421]);
    }
    for host in [
        format!("127.0.0.1:{port}"),
        format!("[::1]:{port}"),
        format!("LocalHost:{port}"),
    ] {
        let request = format!(
            "GET /v1/packages HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{bearer}\r\n"
        );
        assert_eq!(status(&fort.raw(request.as_bytes())), Some(200), "{host}");
    }
    fort.assert_unharmed();
}

/// Also with the token: a page of another site that knew it would still be refused.
#[test]
fn a_page_of_another_site_is_refused() {
    let mut fort = Fort::new();
    let port = fort.port;
    let body = "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}";
    for headers in [
        "Origin: http://evil.example\r\n".to_owned(),
        "Origin: null\r\n".to_owned(),
        format!("Origin: http://localhost:{}\r\n", port ^ 1),
        format!("Origin: http://localhost:{port}.evil.example\r\n"),
        format!("Origin: http://localhost:{port}\r\nOrigin: http://evil\r\n"),
        "Sec-Fetch-Site: cross-site\r\n".to_owned(),
        "Sec-Fetch-Site: same-site\r\n".to_owned(),
    ] {
        for wish in WISHES.iter().chain(&["GET /", "GET /healthz"]) {
            let preflight = "Access-Control-Request-Method: DELETE\r\n";
            let answer = fort.ask(wish, &format!("{}{headers}{preflight}", fort.bearer()));
            fort.assert_refused(&format!("{wish}, {headers}"), &answer, &[403]);
            assert_eq!(code(&answer), "cross-site");
        }
        let answer = fort.ask(
            "POST /v1/packages/acme.zxcanary/stop",
            &format!("{headers}{body}"),
        );
        fort.assert_refused(&headers, &answer, &[403]);
    }
    // A form of another site needs no leave to be sent, but browsers that say nothing of it exist.
    let answer = fort.ask("POST /v1/packages/acme.zxcanary/stop", body);
    fort.assert_refused("a form", &answer, &[401]);
    let own = format!(
        "{}Origin: http://localhost:{port}\r\nSec-Fetch-Site: same-origin\r\n",
        fort.bearer()
    );
    assert_eq!(status(&fort.ask("GET /v1/packages", &own)), Some(200));
    fort.assert_unharmed();
    let lines = fort.audit();
    assert!(
        lines.iter().any(|it| it["outcome"] == "cross-site"),
        "{lines:#?}"
    );
}

#[test]
fn no_path_leads_around_the_gate() {
    let mut fort = Fort::new();
    for path in [
        "//v1/packages",
        "//",
        "/./v1/packages",
        "/v1/../v1/packages",
        "/healthz/../v1/packages",
        "/healthz/%2e%2e/v1/packages",
        "/healthz%2f..%2fv1/packages",
        "/%2e%2e/v1/packages",
        "/v1%2fpackages",
        "/%76%31/packages",
        "/v1/packages%00",
        "/v1/packages;/healthz",
        "/healthz;/../v1/packages",
        "/v1/packages?/healthz",
        "/healthz/v1/packages",
        "/healthz/",
        "/HEALTHZ",
        "/Healthz",
        "/readyz%20",
        "/readyz/acme.zxcanary",
        "/v1/packages#/healthz",
        "/V1/packages",
        "/v1/packages/",
        "/v1/packages/acme%2ezxcanary",
        "/v1/packages/acme__zxcanary",
        "\\v1\\packages",
        "*",
        "v1/packages",
        "/\u{ff0e}\u{ff0e}/v1/packages",
    ] {
        for method in ["GET", "HEAD", "POST", "DELETE", "TRACE", "get"] {
            let answer = fort.ask(&format!("{method} {path}"), "");
            // What is no request at all is not looked at any further.
            fort.assert_refused(&format!("{method} {path}"), &answer, &[400, 401, 421]);
        }
    }
    fort.assert_unharmed();
}
