//! What happens elsewhere is seen.

use keyway_tests::browser::keys;
use keyway_tests::server::touch;
use serde_json::json;

use crate::{button, card, enter, focus, open};

#[test]
fn what_others_do_is_seen() {
    let Some(visit) = enter("what others do") else {
        return;
    };
    let browser = &visit.browser;
    browser.wait_for("#link", "");
    let go = visit.home.at("go");
    let folder = crate::folder(&visit.home, "long");
    let kwargs = json!({"prepare": format!("progress {}", go.display())}).to_string();
    let mut adding = visit
        .home
        .asks(&["add", "--path", &folder, "--kwargs", &kwargs]);
    browser.wait_for(
        &format!("{} .doing", card("long")),
        "add goes on: prepare 3 of 3 step 3",
    );
    assert_eq!(
        browser.eval(&format!(
            "document.querySelector(\"{} progress\").value",
            card("long")
        )),
        1
    );
    browser.shot("progress");
    touch(&go);
    assert!(adding.wait().success());
    visit.wait_status("long", "running");
    assert!(!browser.sees(&format!("{} .doing", card("long"))));
    // The focus stays while things change around it, and so does what was opened.
    visit.add("after", json!({}));
    visit.wait_status("after", "running");
    browser.click(&format!("{} summary", card("long")));
    browser.script(
        "document.querySelector(arguments[0]).focus()",
        json!([button("long", "disable")]),
    );
    visit.home.package(&["stop", "acme.long"]);
    visit.wait_status("long", "tostart");
    assert_eq!(focus(browser), "Disable acme.long");
    assert!(browser.sees(&format!("{} dl", card("long"))));
    visit.home.package(&["delete", "acme.after"]);
    browser.wait(&format!("!document.querySelector(\"{}\")", card("after")));
    // By their names.
    for name in ["b", "a", "z"] {
        visit.add(name, json!({}));
        visit.wait_status(name, "running");
    }
    let names = browser.eval("[...document.querySelectorAll('.name')].map((it) => it.innerText)");
    assert_eq!(names, json!(["acme.a", "acme.b", "acme.long", "acme.z"]));
    visit.assert_content();
}

#[test]
fn events_are_followed_and_the_log_too() {
    let Some(visit) = open("events on the page") else {
        return;
    };
    let browser = &visit.browser;
    visit.add("one", json!({}));
    visit.add("two", json!({}));
    const EVENTS: &str = "/v1/events";
    let tell = |event: &str, more: &str| {
        let data = format!("{{\"event\":\"{event}\",\"name\":\"acme.one\"{more}}}");
        visit
            .gate
            .feed(EVENTS, &format!("id: 1\nevent: {event}\ndata: {data}\n\n"));
    };
    visit.gate.feed(EVENTS, ": begin\n\n");
    visit.log_in();
    browser.wait_for("#link", "live");
    visit.wait_status("two", "running");
    // Nothing is asked for unless something is told.
    visit.home.package(&["stop", "acme.one"]);
    visit.wait_status("one", "running");
    tell("changed", "");
    visit.wait_status("one", "tostart");
    visit.home.package(&["start", "acme.one"]);
    tell(
        "hook-ended",
        ",\"hook\":\"start\",\"seconds\":0.1,\"outcome\":\"done\"",
    );
    visit.wait_status("one", "running");
    tell("removed", "");
    browser.wait(&format!("!document.querySelector(\"{}\")", card("one")));
    visit
        .gate
        .feed(EVENTS, "event: lost\ndata: {\"lost\":3}\n\n");
    visit.wait_status("one", "running");

    // One log at a time; it goes on, and it starts anew with the server.
    let logs = |name: &str| format!("/v1/packages/acme.{name}/logs");
    let line = |name: &str, text: &str| {
        visit
            .gate
            .feed(&logs(name), &format!("event: line\ndata: {text}\n\n"));
    };
    for name in ["one", "two"] {
        line(name, &format!("first of {name}"));
    }
    browser.reload();
    browser.wait_for(&card("one"), "Log");
    let log = |name: &str| format!("{} .log", card(name));
    browser.click(&button("one", "log"));
    browser.wait_for(&log("one"), "first of one");
    line("one", "second of one");
    browser.wait_for(&log("one"), "first of one\nsecond of one");
    browser.shot("live-log");
    browser.click(&button("two", "log"));
    browser.wait_for(&log("two"), "first of two");
    assert!(!browser.sees(&log("one")));
    for number in 0..1_500 {
        line("two", &format!("line {number}"));
    }
    browser.wait_for(&log("two"), "line 1499");
    let held = browser.eval(&format!(
        "document.querySelector(\"{}\").childElementCount",
        log("two")
    ));
    assert_eq!(held, 1000);
    visit.gate.end_feed(&logs("two"));
    line("two", "anew");
    browser.wait_for(&log("two"), "anew");
    assert_eq!(browser.text(&log("two")), "anew");
    browser.script(
        "document.querySelector(arguments[0]).focus()",
        json!([button("two", "log")]),
    );
    browser.types(keys::ENTER);
    assert!(!browser.sees(&log("two")));
    visit.assert_content();
}

#[test]
fn the_log_of_the_server_is_followed() {
    let Some(visit) = enter("the server's log on the page") else {
        return;
    };
    let browser = &visit.browser;
    visit.add("one", json!({}));
    browser.wait_for("#link", "live");
    browser.wait_for(&card("one"), "Log");
    browser.click(&button("one", "log"));
    let log = format!("{} .log", card("one"));
    browser.wait_for(&log, "hook=start");
    assert!(!browser.text(&log).contains("hook=stop"));
    browser.click(&button("one", "stop"));
    browser.wait_for(&log, "hook=stop");
    visit.assert_content();
}
