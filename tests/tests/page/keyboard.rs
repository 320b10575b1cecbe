//! Everything without a mouse: with Tab, Enter, Space and Escape.

use keyway_tests::browser::{Browser, keys};
use serde_json::json;

use crate::{TOKEN, focus, folder, open};

/// Presses Tab until something has the focus, which has to be seen.
fn tab_to(browser: &Browser, wanted: &str, back: bool) {
    let mut passed = Vec::new();
    let tab = if back {
        format!("{}{}", keys::SHIFT, keys::TAB)
    } else {
        keys::TAB.to_owned()
    };
    while passed.len() < 40 {
        browser.types(&tab);
        let now = focus(browser);
        let outline = "getComputedStyle(document.activeElement).outlineWidth";
        if now != "BODY" {
            assert_eq!(
                browser.eval(outline),
                "3px",
                "{now} has the focus, and nobody sees it"
            );
        }
        if now == wanted {
            return;
        }
        passed.push(now);
    }
    panic!("no Tab leads to {wanted}: {passed:?}");
}

#[test]
fn all_can_be_done_with_keys() {
    let Some(visit) = open("the page without a mouse") else {
        return;
    };
    let browser = &visit.browser;
    browser.go(&visit.gate.url());
    browser.wait("document.activeElement.id === 'token'");
    browser.types(TOKEN);
    browser.types(keys::ENTER);
    browser.wait_for("#none", "There is no package yet.");

    let path = folder(&visit.home, "typed");
    tab_to(browser, "add", false);
    browser.types(keys::ENTER);
    assert_eq!(focus(browser), "path");
    browser.types(&path);
    browser.types(keys::TAB);
    assert_eq!(focus(browser), "kwargs");
    browser.types("{\"a\": 1}");
    browser.types(keys::TAB);
    assert_eq!(focus(browser), "start");
    browser.types(keys::SPACE);
    tab_to(browser, "add-submit", false);
    browser.types(keys::ENTER);
    visit.wait_status("typed", "installed");
    browser.wait("!document.querySelector('dialog').open");
    let status = visit.home.status("acme.typed");
    assert_eq!(
        (&status["running"], &status["install_kwargs"]),
        (&json!(false), &json!({"a": 1}))
    );
    // Back where it was opened.
    browser.wait("document.activeElement.id === 'add'");

    tab_to(browser, "Start acme.typed", false);
    browser.types(keys::SPACE);
    visit.wait_status("typed", "running");
    // That button is gone; the focus is at the one that takes its place.
    assert_eq!(focus(browser), "Stop acme.typed");
    browser.types(keys::ENTER);
    visit.wait_status("typed", "tostart");
    assert_eq!(focus(browser), "Start acme.typed");

    tab_to(browser, "Delete acme.typed", false);
    browser.types(keys::ENTER);
    // A second Enter does no harm.
    assert_eq!(focus(browser), "Cancel");
    browser.types(keys::ESCAPE);
    browser.wait("!document.querySelector('#delete-dialog').open");
    assert_eq!(focus(browser), "Delete acme.typed");
    browser.types(keys::ENTER);
    browser.types(keys::ENTER);
    browser.wait("!document.querySelector('#delete-dialog').open");
    assert_eq!(visit.home.packages().len(), 1);
    browser.types(keys::ENTER);
    // The page behind the dialog cannot be come to.
    let behind = "!document.activeElement.closest('dialog') && document.activeElement.tagName";
    for _ in 0..8 {
        browser.types(keys::TAB);
        let outside = browser.eval(behind);
        assert!(outside == false || outside == "BODY", "{outside}");
    }
    tab_to(browser, "purge", false);
    browser.types(keys::SPACE);
    tab_to(browser, "Delete", false);
    browser.types(keys::ENTER);
    browser.wait_for("#none", "There is no package yet.");
    assert!(!visit.home.data("acme.typed").exists());
    // The focus is not lost with the card.
    assert_eq!(focus(browser), "packages-title");
    tab_to(browser, "log-out", true);
    browser.types(keys::ENTER);
    browser.wait("document.activeElement.id === 'token'");
    visit.assert_content();
}
