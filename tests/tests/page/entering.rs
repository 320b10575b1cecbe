//! Who comes in, and what is left of whoever leaves.

use keyway_tests::browser::Browser;
use keyway_tests::gate::Gate;
use keyway_tests::server::Home;
use serde_json::{Value, json};

use crate::{TOKEN, enter, focus, open};

#[test]
fn a_wrong_token_is_refused_and_the_right_one_is_forgotten_at_log_out() {
    let Some(visit) = open("the page's log-in") else {
        return;
    };
    visit.add("secret", json!({}));
    let browser = &visit.browser;
    browser.go(&visit.gate.url());
    browser.wait("document.querySelector('#token').checkVisibility()");
    assert_eq!(focus(browser), "token");
    // Nothing is said of nothing.
    assert_eq!(browser.text("#entrance-failed"), "");
    for wrong in [
        "wrong",
        "a-token-of-tests-012345678",
        "with a space",
        "ü\u{202e}",
    ] {
        browser.fill("#token", wrong);
        browser.click("#log-in button");
        browser.wait("document.querySelector('#entrance-failed p')");
        let told = browser.text("#entrance-failed");
        let expected = match wrong.is_ascii() && !wrong.contains(' ') {
            true => "the token is not the server's\n`keyway token show` prints it",
            false => "this is no token: it has characters that none has",
        };
        assert_eq!(told, expected, "{wrong}");
        assert_eq!(focus(browser), "token");
        assert!(!browser.sees("#packages"));
        assert_eq!(browser.eval("sessionStorage.length"), 0);
    }
    browser.shot("log-in-refused");
    browser.fill("#token", TOKEN);
    browser.click("#log-in button");
    browser.wait_for("#list", "acme.secret");
    assert!(!browser.sees("#entrance"));
    assert_eq!(browser.eval("document.querySelector('#token').value"), "");
    // It is in this tab only, and there it stays when the page is loaded anew.
    assert_eq!(browser.eval("localStorage.length"), 0);
    assert_eq!(browser.eval("document.cookie"), "");
    assert_eq!(browser.eval("location.href"), visit.gate.url());
    browser.reload();
    browser.wait_for("#list", "acme.secret");

    browser.click("#log-out");
    browser.wait("document.querySelector('#token').checkVisibility()");
    assert_eq!(browser.eval("sessionStorage.length"), 0);
    let page = browser.eval("document.documentElement.innerHTML");
    assert!(!page.as_str().unwrap().contains("secret"));
    browser.reload();
    browser.wait("document.querySelector('#token').checkVisibility()");
    visit.assert_content();
}

#[test]
fn a_token_that_is_not_valid_any_more_ends_all() {
    let Some(visit) = enter("a token that is not valid any more") else {
        return;
    };
    visit.add("secret", json!({}));
    let browser = &visit.browser;
    browser.wait_for("#list", "acme.secret");
    browser.click("#add");
    visit.gate.set_token("another");
    // The page hears of something, and asks.
    visit.add("other", json!({}));
    browser.wait_for("#entrance-failed", "the token is not the server's");
    assert!(!browser.sees("#packages") && !browser.sees("dialog"));
    assert_eq!(browser.eval("sessionStorage.length"), 0);
    assert_eq!(
        browser.eval("document.querySelector('#list').childElementCount"),
        0
    );
    browser.fill("#token", "another");
    browser.click("#log-in button");
    browser.wait_for("#list", "acme.secret");
    visit.assert_content();
}

#[test]
fn without_a_token_on_the_server_nobody_is_asked_for_one() {
    let Some(browser) = Browser::start("a server without a token") else {
        return;
    };
    let home = Home::new();
    let mut server = home.serve();
    let gate = Gate::before(&server.socket(), None);
    browser.go(&gate.url());
    browser.wait_for("#none", "There is no package yet.");
    assert!(!browser.sees("#entrance") && !browser.sees("#log-out"));
    // It comes back with the server.
    server.kill();
    browser.wait_for("#link", "connection lost; trying again");
    let _server = home.serve();
    browser.wait("/^(live|up to date)/.test(document.querySelector('#link').innerText)");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn the_page_lets_nothing_in_from_elsewhere() {
    let Some(visit) = enter("what the page may load") else {
        return;
    };
    let browser = &visit.browser;
    let headers = browser.script(
        "const answer = new XMLHttpRequest(); answer.open('GET', '/', false); answer.send(); \
         return answer.getAllResponseHeaders();",
        json!([]),
    );
    let headers = headers.as_str().unwrap();
    for header in [
        "content-security-policy: default-src 'self'; ",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "content-type: text/html; charset=utf-8",
    ] {
        assert!(headers.contains(header), "{headers}");
    }
    assert_eq!(browser.complaints(), [""; 0]);
    // Were there a hole, it would be of no use.
    let tried = [
        "const it = document.createElement('script'); it.text = 'window.ran = 1'; \
         document.body.append(it)",
        "document.body.innerHTML = '<img src=x onerror=\"window.ran = 1\">'",
        "document.body.setAttribute('onclick', 'window.ran = 1'); document.body.click()",
        "const it = document.createElement('iframe'); it.src = 'https://example.org/'; \
         document.body.append(it)",
    ];
    for script in tried {
        browser.script(&format!("try {{ {script} }} catch {{}}"), json!([]));
        assert_eq!(browser.eval("window.ran ?? null"), Value::Null, "{script}");
        assert!(!browser.complaints().is_empty(), "{script}");
    }
}

#[test]
fn the_page_of_a_server_on_tcp_wants_its_token() {
    let Some(browser) = Browser::start("the page of a server on TCP") else {
        return;
    };
    let home = Home::new();
    let server = home.serve_with(&["--listen", "127.0.0.1:0"]);
    let url = server.said()["urls"][0].as_str().unwrap().to_owned();
    let token = || std::fs::read_to_string(home.state().join("token")).unwrap();
    browser.go(&url);
    browser.wait("document.querySelector('#token').checkVisibility()");
    let enter = |token: &str| {
        browser.fill("#token", token);
        browser.click("#log-in button");
    };
    enter("wrong");
    browser.wait_for("#entrance-failed", "the token is wrong");
    enter(token().trim());
    browser.wait_for("#none", "There is no package yet.");
    let package = crate::folder(&home, "one");
    browser.click("#add");
    browser.fill("#path", &package);
    browser.click("#add-submit");
    browser.wait_for("#list", "acme.one");
    browser.wait_for("#list", "running");
    // Whoever has the old token is out.
    let rotated = keyway_tests::command::run(home.command().args(["token", "rotate", "--json"]));
    assert_eq!(rotated.code, 0, "{rotated:#?}");
    browser.wait_for("#entrance-failed", "the token is wrong");
    assert!(!browser.sees("#list"));
    enter(token().trim());
    browser.wait_for("#list", "acme.one");
    assert_eq!(browser.complaints(), [""; 0]);
    // The server alone knows of no name but its own.
    browser.go(&url.replace("127.0.0.1", "localhost"));
    browser.wait("document.querySelector('#token').checkVisibility()");
}
