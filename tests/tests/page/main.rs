//! The page at `/` in a real browser, before a real server.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod adding;
mod buttons;
mod entering;
mod hostile;
mod keyboard;
mod live;
mod looks;

use std::path::Path;

use keyway_tests::browser::Browser;
use keyway_tests::gate::Gate;
use keyway_tests::server::{Home, Server};
use keyway_tests::threebots::ThreeBot;
use serde_json::{Value, json};

/// The token of all servers here.
const TOKEN: &str = "a-token-of-tests-0123456789";

/// A server with its folders, and a browser before it.
struct Visit {
    browser: Browser,
    gate: Gate,
    _server: Server,
    home: Home,
}

/// A server, and how to come to it; `None` after saying that `what` is skipped.
fn open(what: &str) -> Option<Visit> {
    let browser = Browser::start(what)?;
    let home = Home::new();
    let server = home.serve();
    let gate = Gate::before(&server.socket(), Some(TOKEN));
    Some(Visit {
        browser,
        gate,
        _server: server,
        home,
    })
}

/// The same, with somebody logged in.
fn enter(what: &str) -> Option<Visit> {
    let visit = open(what)?;
    visit.log_in();
    Some(visit)
}

impl Visit {
    fn log_in(&self) {
        let browser = &self.browser;
        browser.go(&self.gate.url());
        browser.wait("document.querySelector('#token').checkVisibility()");
        browser.fill("#token", TOKEN);
        browser.click("#log-in button");
        browser.wait("document.querySelector('#packages').checkVisibility()");
    }

    /// Adds `acme.NAME`, which does what `kwargs` say; whether that works is not asked.
    fn add(&self, name: &str, kwargs: Value) {
        let folder = folder(&self.home, name);
        let kwargs = kwargs.to_string();
        self.home
            .package(&["add", "--path", &folder, "--kwargs", &kwargs]);
    }

    /// Waits until `acme.NAME` is shown with this status.
    fn wait_status(&self, name: &str, status: &str) {
        self.browser
            .wait_for(&format!("{} .status", card(name)), status);
    }

    /// What the browser complained of: nothing.
    fn assert_content(&self) {
        assert_eq!(self.browser.complaints(), [""; 0]);
    }
}

/// The package `acme.NAME`, whose lifecycle does what its arguments say, in a folder of its own.
fn folder(home: &Home, name: &str) -> String {
    let folder = ThreeBot::new(name, "misbehaves").put(home.at("packages").join(name));
    text(&folder)
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// The selector of a package's card.
fn card(name: &str) -> String {
    format!("[data-name='acme.{name}']")
}

/// The selector of a package's button.
fn button(name: &str, action: &str) -> String {
    format!("{} button[data-action={action}]", card(name))
}

/// What has the focus: its id, or for a button of a package what it does and with which.
fn focus(browser: &Browser) -> String {
    let focus = "const it = document.activeElement; \
                 return it.id || it.getAttribute('aria-label') || it.innerText || it.tagName;";
    let focus = browser.script(focus, json!([]));
    focus.as_str().unwrap_or_default().to_owned()
}
