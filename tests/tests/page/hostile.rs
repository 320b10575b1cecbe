//! What packages say of themselves is shown, and is nothing but text.

use keyway_tests::threebots::ThreeBot;
use serde_json::{Value, json};

use crate::{card, enter, text};

const MARKUP: &str = "<script>window.ran = 1</script><img src=x onerror=window.ran=2>";

#[test]
fn foreign_text_is_text() {
    let Some(visit) = enter("foreign text on the page") else {
        return;
    };
    let browser = &visit.browser;
    let toml = format!(
        "description = \"{MARKUP} \\u001b[31mred \\u202etxt.exe \\u0000 \\u200b\"\n\
         \"<b>key</b>\" = 1\n"
    );
    let package = ThreeBot {
        toml: &toml,
        ..ThreeBot::new("hostile", "misbehaves")
    };
    let folder = package.put(visit.home.at("packages/hostile"));
    let kwargs = json!({
        "start": format!("fail-unless /{MARKUP}\u{1b}[2J\u{202e}\u{7f}\nforged: line"),
        "<u>kwarg</u>": MARKUP,
        "__proto__": {"a": 1},
    });
    visit.home.package(&[
        "add",
        "--path",
        &text(&folder),
        "--kwargs",
        &kwargs.to_string(),
    ]);
    visit.wait_status("hostile", "error");
    let card = card("hostile");
    browser.click(&format!("{card} summary"));
    let description = browser.text(&format!("{card} .description"));
    let shown = format!("{MARKUP} \\u{{1b}}[31mred \\u{{202e}}txt.exe \\u{{0}} \\u{{200b}}");
    assert_eq!(description, shown);
    let error = browser.text(&format!("{card} div.failed"));
    for part in [MARKUP, "\\u{202e}", "forged: line"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let more = browser.text(&format!("{card} dl"));
    assert!(
        more.contains("<u>kwarg</u>") && more.contains("__proto__"),
        "{more}"
    );
    // The same where it is an answer.
    browser.click(&format!("{card} button[data-action=retry]"));
    browser.wait_for("#failed", "window.ran");
    browser.shot("hostile");

    // A log is followed line by line, whoever writes it; this one nobody has escaped before.
    let logs = "/v1/packages/acme.hostile/logs";
    visit.gate.feed(
        logs,
        &format!("event: line\r\ndata: {MARKUP}\u{1b}[2J\u{202e}\r\n\r\n"),
    );
    visit.gate.feed(
        logs,
        ": a comment\n\nevent: line\ndata: two\ndata: lines\n\n",
    );
    visit.gate.feed(
        logs,
        &format!("event: line\ndata: {}\n\n", "x".repeat(100_000)),
    );
    browser.reload();
    browser.wait_for(&card, "Log");
    browser.click(&format!("{card} button[data-action=log]"));
    browser.wait_for(&format!("{card} .log"), "xxx");
    let log = browser.text(&format!("{card} .log"));
    let mut lines = log.lines();
    let first = format!("{MARKUP}\\u{{1b}}[2J\\u{{202e}}");
    assert_eq!((lines.next(), lines.next()), (Some(&*first), Some("two")));
    assert!(log.len() < 5_000, "{}", log.len());
    browser.shot("log");

    assert_eq!(browser.eval("window.ran ?? null"), Value::Null);
    let made = "document.querySelectorAll('main script, main img, main b, main u').length";
    assert_eq!(browser.eval(made), 0);
    visit.assert_content();
}
