//! Packages are added.

use keyway_tests::threebots::ThreeBot;
use serde_json::{Value, json};

use crate::{card, enter, folder, text};

#[test]
fn a_package_is_added_with_arguments() {
    let Some(visit) = enter("adding on the page") else {
        return;
    };
    let browser = &visit.browser;
    let path = folder(&visit.home, "new");
    browser.click("#add");
    browser.shot("add");
    browser.fill("#path", &path);
    for (bad, told) in [
        ("{", "this is no JSON: "),
        ("{'a': 1}", "this is no JSON: "),
        (
            "[1]",
            "this is no JSON object, expected one as {\"port\": 8080}",
        ),
        ("null", "this is no JSON object"),
        ("3", "this is no JSON object"),
        ("{}, \"start\": false", "this is no JSON: "),
    ] {
        browser.fill("#kwargs", bad);
        browser.click("#add-submit");
        browser.wait_for("#kwargs-failed", told);
        let invalid = browser.eval("document.querySelector('#kwargs').ariaInvalid");
        assert_eq!(invalid, "true", "{bad}");
        assert_eq!(browser.eval("document.activeElement.id"), "kwargs");
    }
    browser.shot("bad-arguments");
    assert_eq!(visit.home.packages(), [Value::Null; 0]);

    // No number is rounded, as it would be by script.
    browser.fill("#kwargs", r#"{"id": 18446744073709551615, "text": "ü<b>"}"#);
    browser.click("#add-submit");
    visit.wait_status("new", "running");
    browser.wait("!document.querySelector('#add-dialog').open");
    browser.wait_for("#done", "acme.new");
    let status = visit.home.status("acme.new");
    let kwargs = json!({"id": 18_446_744_073_709_551_615_u64, "text": "ü<b>"});
    assert_eq!(status["install_kwargs"], kwargs);
    assert_eq!(status["source"], json!({"kind": "path", "path": path}));

    // Not started, and without arguments: the form was emptied.
    browser.click("#add");
    for field in ["#path", "#kwargs"] {
        assert_eq!(
            browser.eval(&format!("document.querySelector('{field}').value")),
            ""
        );
    }
    browser.fill("#path", &folder(&visit.home, "idle"));
    browser.click("#start");
    browser.click("#add-submit");
    visit.wait_status("idle", "installed");
    let status = visit.home.status("acme.idle");
    assert_eq!(
        (&status["running"], &status["install_kwargs"]),
        (&json!(false), &json!({}))
    );
    visit.assert_content();
}

#[test]
fn what_cannot_be_added_is_told_in_the_dialog() {
    let Some(visit) = enter("what cannot be added") else {
        return;
    };
    let browser = &visit.browser;
    browser.click("#add");
    // Nothing is asked for without a path.
    browser.click("#add-submit");
    assert_eq!(
        browser.eval("document.querySelector('#path').validity.valueMissing"),
        true
    );
    for (path, told) in [
        (
            "relative",
            "`source.path` is `relative`, expected an absolute path",
        ),
        ("/nowhere", "/nowhere"),
    ] {
        browser.fill("#path", path);
        browser.click("#add-submit");
        browser.wait_for("#add-failed", told);
        assert!(browser.sees("#add-dialog"));
        assert_eq!(browser.eval("document.querySelector('#path').value"), path);
    }
    // A hook that fails: the package is on record all the same.
    browser.fill("#path", &folder(&visit.home, "fails"));
    browser.fill("#kwargs", r#"{"install": "fail"}"#);
    browser.click("#add-submit");
    browser.wait_for("#add-failed", "cannot install");
    browser.wait_for(
        "#add-failed",
        "when the cause is gone: `keyway package retry acme.fails`",
    );
    browser.shot("add-failed");
    visit.wait_status("fails", "error");
    browser.click("#add-cancel");
    assert!(!browser.sees("#add-dialog"));
    // What was said is not said again.
    browser.click("#add");
    assert_eq!(browser.text("#add-failed"), "");
    visit.assert_content();
}

#[test]
fn a_repository_is_added() {
    let Some(visit) = enter("adding a repository on the page") else {
        return;
    };
    let browser = &visit.browser;
    let package = ThreeBot {
        plugin: None,
        ..ThreeBot::new("cloned", "")
    };
    let work = package.put(visit.home.at("work"));
    let git = |arguments: &[&str]| {
        let mut command = std::process::Command::new("git");
        command.arg("-C").arg(&work).args(arguments);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.status().is_ok_and(|it| it.success())
    };
    let identity = ["-c", "user.name=a", "-c", "user.email=a@b"];
    let commit = [&identity[..], &["commit", "--quiet", "--message", "one"]].concat();
    if !git(&["init", "--quiet", "--initial-branch", "trunk"]) {
        return keyway_tests::skipped("adding a repository on the page", "there is no git");
    }
    assert!(git(&["add", "package.toml"]) && git(&commit));
    let url = format!("file://{}", text(&work));
    browser.click("#add");
    browser.click("input[value=git]");
    assert!(browser.sees("#git-url") && !browser.sees("#path"));
    browser.fill("#git-url", &url);
    browser.fill("#branch", "none-such");
    browser.click("#add-submit");
    browser.wait_for("#add-failed", "none-such");
    browser.fill("#branch", "trunk");
    browser.click("#add-submit");
    visit.wait_status("cloned", "running");
    let source = &visit.home.status("acme.cloned")["source"];
    assert_eq!(
        (&source["url"], &source["branch"]),
        (&json!(url), &json!("trunk"))
    );
    browser.wait("!document.querySelector('#add-dialog').open");
    browser.click(&format!("{} summary", card("cloned")));
    browser.wait_for(
        &format!("{} dl", card("cloned")),
        source["commit"].as_str().unwrap(),
    );
    visit.assert_content();
}
