//! How it looks on a phone and on a desk, by day and by night, and to those who do not look.

use keyway_tests::browser::Browser;
use serde_json::json;

use crate::{button, card, open};

/// Controls without a name, and ids that are there twice.
const NAMELESS: &str = "
    const name = (it) => it.getAttribute('aria-label')
        || it.getAttribute('aria-labelledby')?.split(' ').map((id) => document.getElementById(id)?.textContent).join('')
        || [...(it.labels ?? [])].map((label) => label.textContent).join('')
        || (it.matches('button, summary, h1, h2, h3, legend') ? it.textContent : '');
    const named = 'button, summary, input, textarea, progress, dialog, section, pre, h1, h2, h3, legend';
    const bad = [...document.querySelectorAll(named)].filter((it) => !name(it).trim());
    const ids = [...document.querySelectorAll('[id]')].map((it) => it.id);
    const twice = ids.filter((id, at) => ids.indexOf(id) !== at);
    const pointing = [...document.querySelectorAll('[aria-describedby], [aria-labelledby], [for]')]
        .flatMap((it) => ['aria-describedby', 'aria-labelledby', 'for'].flatMap((of) => (it.getAttribute(of) ?? '').split(' ')))
        .filter((id) => id && !document.getElementById(id));
    return [...bad.map((it) => it.outerHTML.slice(0, 100)), ...twice, ...pointing];
";

/// Texts that can be seen and have too little contrast to what is behind them.
const FAINT: &str = "
    const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    const rgba = (color) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = color;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => {
        const [x, y, z] = [r, g, b].map((it) => it / 255)
            .map((it) => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4);
        return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const behind = (it) => {
        for (let at = it; at; at = at.parentElement) {
            const color = rgba(getComputedStyle(at).backgroundColor);
            if (color[3] === 255) return color;
        }
        return [255, 255, 255, 255];
    };
    const faint = [];
    for (const it of document.querySelectorAll('body *')) {
        const hasText = [...it.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
        const isField = it.matches('input, textarea');
        if (!(hasText || isField) || !it.checkVisibility()) continue;
        const [a, b] = [light(rgba(getComputedStyle(it).color)), light(behind(it))];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (contrast < 4.5) faint.push(`${it.tagName} ${it.className}: ${contrast.toFixed(2)}`);
    }
    return faint;
";

/// What is too small for a finger, and what is wider than the view.
const SMALL: &str = "
    const seen = (it) => it.checkVisibility({ visibilityProperty: true });
    const small = [...document.querySelectorAll('button, summary, .check, textarea, input:not([type=checkbox], [type=radio])')]
        .filter(seen).filter((it) => it.getBoundingClientRect().height < 40 || it.getBoundingClientRect().width < 40);
    const root = document.documentElement;
    const scopes = [root, ...document.querySelectorAll('dialog[open]')];
    const wide = scopes.filter((it) => it.scrollWidth > it.clientWidth + 1);
    const outside = [...document.querySelectorAll('button, input, textarea, p, h2, h3, dd, span')].filter(seen)
        .filter((it) => it.getBoundingClientRect().right > root.clientWidth + 1 && !it.closest('.unseen'));
    return [...small, ...wide, ...outside].map((it) => `${it.tagName} ${it.id} ${it.className}: ${it.scrollWidth}x${it.getBoundingClientRect().height}`);
";

fn look(browser: &Browser, what: &str) {
    for (rule, name) in [(NAMELESS, "named"), (FAINT, "seen"), (SMALL, "fit")] {
        let found = browser.script(rule, json!([]));
        if found != json!([]) {
            browser.shot("bad");
        }
        assert_eq!(found, json!([]), "{what}: not all can be {name}");
    }
}

/// The same in both colours, and then by day.
fn look_by_day_and_night(browser: &Browser, what: &str) {
    let background = "getComputedStyle(document.body).backgroundColor";
    let mut backgrounds = Vec::new();
    for (dark, name) in [(true, "night"), (false, "day")] {
        browser.dark(dark);
        browser.shot(&format!("{what}-{name}"));
        look(browser, &format!("{what} by {name}"));
        backgrounds.push(browser.eval(background));
    }
    assert_ne!(backgrounds[0], backgrounds[1]);
}

#[test]
fn it_fits_can_be_read_and_is_named() {
    let Some(visit) = open("how the page looks") else {
        return;
    };
    let browser = &visit.browser;
    browser.view(360, 740, true);
    browser.go(&visit.gate.url());
    browser.wait("document.querySelector('#token').checkVisibility()");
    assert_eq!(browser.eval("document.documentElement.lang"), "en");
    assert_eq!(browser.eval("document.title"), "Packages - Keyway");
    browser.fill("#token", "wrong");
    browser.click("#log-in button");
    browser.wait("document.querySelector('#entrance-failed p')");
    look_by_day_and_night(browser, "phone-log-in");

    let word = "without-a-space-".repeat(20);
    for (name, kwargs) in [
        ("runs", json!({"greeting": "Hello", "long": word})),
        ("fails", json!({"start": format!("fail-unless /{word}")})),
        (
            "with-a-name-that-is-quite-long-for-a-phone-and-has-no-space",
            json!({}),
        ),
        ("disabled", json!({})),
    ] {
        visit.add(name, kwargs);
    }
    visit.home.package(&["disable", "acme.disabled"]);
    // The page asks for the log of any one, to know whether there are logs.
    for name in ["disabled", "runs", "fails"] {
        visit
            .gate
            .feed(&format!("/v1/packages/acme.{name}/logs"), &log(&word));
    }
    visit.log_in();
    visit.wait_status("disabled", "disabled");
    visit.wait_status("fails", "error");
    browser.wait_for(&card("runs"), "Log");
    look_by_day_and_night(browser, "phone");
    browser.click(&format!("{} summary", card("runs")));
    browser.click(&button("runs", "log"));
    browser.wait_for(&format!("{} .log", card("runs")), "ready");
    browser.click(&button("fails", "retry"));
    browser.wait_for("#failed", "cannot start");
    look_by_day_and_night(browser, "phone-log-and-error");
    browser.click("#dismiss");
    assert!(!browser.sees("#failed p"));

    browser.click("#add");
    browser.fill("#path", "/nowhere");
    browser.click("#add-submit");
    browser.wait_for("#add-failed", "/nowhere");
    browser.fill("#kwargs", "{");
    browser.click("#add-submit");
    browser.wait_for("#kwargs-failed", "this is no JSON");
    look_by_day_and_night(browser, "phone-add");
    browser.click("#add-cancel");
    browser.click(&button("runs", "delete"));
    look_by_day_and_night(browser, "phone-delete");
    browser.click("#delete-dialog button[value=cancel]");

    browser.view(1200, 900, false);
    look_by_day_and_night(browser, "desk");
    browser.click("#add");
    look_by_day_and_night(browser, "desk-add");
    browser.click("input[value=git]");
    browser.view(360, 740, true);
    look(browser, "a repository on a phone");
    visit.assert_content();
}

fn log(word: &str) -> String {
    let lines = ["INFO hook begins hook=start", word, "INFO ready"];
    lines
        .map(|line| format!("event: line\ndata: {line}\n\n"))
        .concat()
}

#[test]
fn a_thousand_packages_are_shown() {
    let Some(visit) = open("a thousand packages on the page") else {
        return;
    };
    visit.add("one", json!({}));
    let one = visit.home.status("acme.one");
    let named = |number| {
        let mut one = one.clone();
        one["name"] = json!(format!("acme.p{number}"));
        one
    };
    let all: Vec<_> = (0..1000).map(named).collect();
    visit.gate.reply("/v1/packages", &json!(all).to_string());
    visit.log_in();
    let browser = &visit.browser;
    browser.wait("document.querySelectorAll('.package').length === 1000");
    let took = browser.script(
        "const began = performance.now(); document.querySelector('#add').click(); \
         document.querySelector('#add-dialog').getBoundingClientRect(); \
         return performance.now() - began;",
        json!([]),
    );
    assert!(took.as_f64().unwrap() < 1000.0, "{took} ms");
}
