//! Each button does what it says, on the real server.

use std::fs;

use keyway_tests::server::until;
use serde_json::{Value, json};

use crate::{button, card, enter};

#[test]
fn each_button_does_what_it_says() {
    let Some(visit) = enter("the page's buttons") else {
        return;
    };
    let browser = &visit.browser;
    visit.add("other", json!({}));
    visit.add("one", json!({}));
    visit.wait_status("one", "running");
    for (action, status, word, running, shown) in [
        (
            "stop",
            "tostart",
            "tostart",
            false,
            ["start", "disable", "delete"],
        ),
        (
            "start",
            "installed",
            "running",
            true,
            ["stop", "disable", "delete"],
        ),
        (
            "disable",
            "disabled",
            "disabled",
            false,
            ["enable", "delete", ""],
        ),
        (
            "enable",
            "installed",
            "running",
            true,
            ["stop", "disable", "delete"],
        ),
    ] {
        browser.click(&button("one", action));
        visit.wait_status("one", word);
        browser.wait_for("#done", "acme.one");
        let found = visit.home.status("acme.one");
        assert_eq!(
            (&found["status"], &found["running"]),
            (&json!(status), &json!(running))
        );
        let offered: Vec<_> = [
            "start", "stop", "enable", "disable", "retry", "delete", "log",
        ]
        .into_iter()
        .filter(|action| browser.sees(&button("one", action)))
        .filter(|action| *action != "log")
        .collect();
        let mut expected = shown.to_vec();
        expected.retain(|it| !it.is_empty());
        assert_eq!(offered, expected, "after {action}");
    }
    // The other one was left alone.
    assert_eq!(visit.home.status("acme.other")["running"], true);
    let hooks = visit.home.hooks("acme.other");
    assert!(!hooks.contains(&"stop begins".to_owned()), "{hooks:?}");
    visit.assert_content();
}

#[test]
fn an_error_is_shown_and_retried() {
    let Some(visit) = enter("an error on the page") else {
        return;
    };
    let browser = &visit.browser;
    let needed = visit.home.at("needed");
    visit.add(
        "fails",
        json!({"start": format!("fail-unless {}", needed.display())}),
    );
    visit.wait_status("fails", "error");
    let error = browser.text(&format!("{} div.failed", card("fails")));
    let missing = format!("cannot start without {}", needed.display());
    assert!(
        error.starts_with("add, hook start: ") && error.contains(&missing),
        "{error}"
    );
    browser.click(&button("fails", "retry"));
    browser.wait_for("#failed", "cannot start without");
    // As the server says it, with its hint.
    let told = browser.text("#failed");
    assert!(
        told.starts_with("`acme.fails` is in error: hook `start`: "),
        "{told}"
    );
    let hint = "\nwhen the cause is gone: `keyway package retry acme.fails`";
    assert!(told.ends_with(hint), "{told}");
    browser.shot("error");
    fs::write(&needed, "").unwrap();
    browser.click(&button("fails", "retry"));
    visit.wait_status("fails", "running");
    assert!(!browser.sees(&format!("{} div.failed", card("fails"))));
    assert_eq!(browser.text("#failed"), "");
    assert_eq!(visit.home.status("acme.fails")["last_error"], Value::Null);
    visit.assert_content();
}

#[test]
fn delete_asks_first() {
    let Some(visit) = enter("deleting on the page") else {
        return;
    };
    let browser = &visit.browser;
    for name in ["kept", "purged", "stuck"] {
        let stop = if name == "stuck" { "fail" } else { "" };
        visit.add(name, json!({"uninstall": stop}));
        visit.wait_status(name, "running");
    }
    let there = |name: &str| visit.home.packages().iter().any(|it| it["name"] == *name);
    browser.click(&button("kept", "delete"));
    assert!(browser.text("#delete-dialog").contains("Delete acme.kept?"));
    browser.shot("delete");
    browser.click("#delete-dialog button[value=cancel]");
    assert!(!browser.sees("#delete-dialog"));
    browser.click(&button("kept", "delete"));
    browser.types(keyway_tests::browser::keys::ESCAPE);
    browser.wait("!document.querySelector('#delete-dialog').open");
    // If it did something, that would be seen by now.
    visit.home.package(&["reload", "acme.kept"]);
    assert!(there("acme.kept") && visit.home.status("acme.kept")["running"] == true);

    browser.click(&button("kept", "delete"));
    browser.click("#delete-dialog button[value=delete]");
    browser.wait(&format!("!document.querySelector(\"{}\")", card("kept")));
    assert!(!there("acme.kept") && visit.home.data("acme.kept").exists());

    browser.click(&button("purged", "delete"));
    browser.click("#purge");
    browser.click("#delete-dialog button[value=delete]");
    browser.wait(&format!("!document.querySelector(\"{}\")", card("purged")));
    until("the data are gone", || {
        !visit.home.data("acme.purged").exists()
    });

    browser.click(&button("stuck", "delete"));
    // What was chosen for another one is not chosen for this one.
    assert_eq!(
        browser.eval("document.querySelector('#purge').checked"),
        false
    );
    browser.click("#delete-dialog button[value=delete]");
    browser.wait_for("#failed", "cannot uninstall");
    visit.wait_status("stuck", "error");
    assert!(there("acme.stuck"));
    browser.click(&button("stuck", "delete"));
    browser.click("#force");
    browser.click("#delete-dialog button[value=delete]");
    browser.wait_for("#none", "There is no package yet.");
    assert!(!there("acme.stuck"));
    visit.assert_content();
}
