//! Looking first, receipts, and programs for what packages need.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::{ID, ROOT, Site, TYPE, copy};

#[test]
fn a_dry_run_tells_every_reason_and_changes_nothing() {
    let site = Site::new();
    let bad = site.offer_with("bad", |json| {
        let json = json.replace(ID, "one").replace(TYPE, "No/Such");
        json.replacen('{', r#"{"X-KPackage-Dependencies": ["nosuch://x"], "#, 1)
    });
    let one = site.offer("one", "one", "1");
    site.done(&["install", &one]);
    let before = site.holds();
    let arguments = ["upgrade", "--dry-run", "-t", TYPE, &bad];
    let output = site.keyway(&arguments);
    assert_eq!((output.code, &output.stderr[..]), (1, ""), "{output:#?}");
    let path = site.at(ROOT).join("one");
    let lines: Vec<_> = output.stdout.lines().collect();
    let first = format!(
        "would not upgrade `one` from 1 to 1.0.0 in {}",
        path.display()
    );
    assert_eq!(lines[0], first);
    let codes = |output: &keyway_tests::Output| -> Vec<String> {
        let json = output.json();
        let refusals = json["refusals"].as_array().unwrap().iter();
        refusals
            .map(|it| it["code"].as_str().unwrap().to_owned())
            .collect()
    };
    let json = site.keyway(&[&["--json"], &arguments[..]].concat());
    assert_eq!(json.code, 1);
    assert_eq!(codes(&json), ["type-differs", "handler-missing"]);
    // Without a dry run they are told all together as well.
    let output = site.keyway(&["upgrade", "-t", TYPE, &bad]);
    assert_eq!(output.stderr.lines().count(), 4, "{output:#?}");

    // What only unpacking shows.
    let invalid = site.offer("invalid", "invalid", "1");
    fs::remove_file(site.at("offers/invalid/contents/scripts/main.js")).unwrap();
    let json = site.keyway(&["--json", "install", "--dry-run", &invalid]);
    assert_eq!(
        (json.code, codes(&json)),
        (1, vec!["package-invalid".to_owned()])
    );
    let json = site.keyway(&["--json", "install", "--dry-run", &one]);
    assert_eq!(json.json()["action"], "install");
    assert_eq!(
        (json.code, codes(&json)),
        (1, vec!["already-installed".to_owned()])
    );
    assert_eq!(site.holds(), before);
}

#[test]
fn a_dry_run_tells_what_would_happen() {
    let site = Site::new();
    let one = site.offer("one", "one", "1");
    let two = site.offer("two", "one", "2");
    let path = site.at(ROOT).join("one");
    let shown = path.display();
    for operation in ["install", "upgrade"] {
        assert_eq!(
            site.done(&[operation, "--dry-run", &one]),
            format!("would install `one` 1 ({TYPE}) in {shown}\n")
        );
        assert_eq!(site.holds().len(), 0);
    }
    site.done(&["install", &one]);
    let before = site.holds();
    assert_eq!(
        site.done(&["upgrade", "--dry-run", &two]),
        format!("would upgrade `one` from 1 to 2 in {shown}\n")
    );
    let output = site.keyway(&["--json", "upgrade", "--dry-run", &two]);
    assert_eq!(
        output.json(),
        json!({"action": "upgrade", "id": "one", "type": TYPE, "version": "2", "from": "1",
            "path": path, "warnings": [], "dry_run": true, "refusals": [], "handlers": []})
    );
    assert_eq!(
        site.done(&["remove", "--dry-run", "one"]),
        format!("would remove `one` 1 from {shown}\n")
    );
    assert_eq!(site.holds(), before);
}

#[test]
fn programs_for_urls_run_only_if_they_may() {
    let site = Site::new();
    let needing = site.offer_with("needing", |json| {
        json.replacen(
            '{',
            r#"{"X-KPackage-Dependencies": ["test://a?b&c;d"], "#,
            1,
        )
    });
    let log = site.at("log");
    let handler = site.at("handlers/testhandler");
    fs::create_dir(site.at("handlers")).unwrap();
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" >> {}\necho noise\n",
        log.display()
    );
    fs::write(&handler, script).unwrap();
    fs::set_permissions(&handler, fs::Permissions::from_mode(0o755)).unwrap();
    let keyway = |arguments: &[&str]| {
        let mut command = site.command(arguments);
        command.env("KEYWAY_HANDLER_PATH", site.at("handlers"));
        keyway_tests::command::run(&mut command)
    };
    let output = keyway(&["--json", "install", &needing]);
    assert_eq!(output.error()["code"], "handler-not-allowed", "{output:#?}");
    let hint = output.error()["hint"].as_str().unwrap().to_owned();
    assert!(hint.contains("`--allow-handlers`"), "{hint}");
    let dry = [
        "--json",
        "install",
        "--dry-run",
        "--allow-handlers",
        &needing,
    ];
    let output = keyway(&dry);
    assert_eq!(
        output.json()["handlers"],
        json!(["test://a?b&c;d"]),
        "{output:#?}"
    );
    assert_eq!(site.holds().len(), 0);
    assert!(!log.exists());
    // The folders are those of the variable alone, and absolute.
    let mut command = site.command(&dry);
    command.env("KEYWAY_HANDLER_PATH", "handlers");
    let output = keyway_tests::command::run(&mut command);
    assert_eq!(output.json()["refusals"][0]["code"], "handler-missing");

    let output = keyway(&["--json", "install", "--allow-handlers", &needing]);
    assert_eq!(
        (output.code, &output.json()["id"]),
        (0, &json!(ID)),
        "{output:#?}"
    );
    assert_eq!(fs::read_to_string(&log).unwrap(), "test://a?b&c;d\n");
    // Never for those who ask for kpackagetool.
    site.done(&["remove", ID]);
    let output = keyway(&["kpackagetool", "-t", TYPE, "-i", &needing]);
    assert_eq!((output.code, &output.stdout[..]), (4, ""), "{output:#?}");
    assert_eq!(fs::read_to_string(&log).unwrap().lines().count(), 1);
}

#[test]
fn show_tells_where_a_package_came_from() {
    let site = Site::new();
    let one = site.offer("one", "one", "1");
    site.done(&["install", &one]);
    let text = site.done(&["show", "-t", TYPE, "one"]);
    let line = text
        .lines()
        .find(|line| line.starts_with("installed "))
        .unwrap();
    assert!(
        line.starts_with(&format!("installed    from {one}, 20")),
        "{line}"
    );
    assert!(line.ends_with(" UTC"), "{line}");
    let receipt = &site.keyway(&["show", "--json", "-t", TYPE, "one"]).json()["receipt"];
    assert_eq!(receipt["id"], "one");
    assert_eq!(receipt["source"], json!({"path": one, "kind": "folder"}));
    assert!(receipt["installed"].as_u64().unwrap() > 1_700_000_000);
    let hash = site.hash(&["-a", "content", "-t", TYPE, "one"]);
    assert_eq!(receipt["digest"].as_str().unwrap(), hash);
    assert_eq!(receipt["entries"], json!(null));
    // What somebody else put in its place has none.
    let there = site.at(ROOT).join("one");
    fs::remove_dir_all(&there).unwrap();
    copy(std::path::Path::new(&one), &there);
    let shown = site.keyway(&["show", "--json", "-t", TYPE, "one"]);
    assert_eq!(shown.json()["receipt"], json!(null));
    let text = site.done(&["show", "-t", TYPE, "one"]);
    assert!(!text.contains("\ninstalled "), "{text}");
}
