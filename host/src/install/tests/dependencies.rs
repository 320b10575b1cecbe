//! What packages need.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn needing(id: &str, needs: &serde_json::Value) -> serde_json::Value {
    let mut metadata = metadata(id, "1");
    metadata["X-Keyway-Dependencies"] = needs.clone();
    metadata
}

/// A folder with a handler for `test:`.
fn handlers(site: &Site, script: &str) -> Handlers {
    let handler = site.place.write("handlers/testhandler", script);
    fs::set_permissions(&handler, fs::Permissions::from_mode(0o755)).unwrap();
    Handlers::new([site.at("handlers")])
}

#[test]
fn packages_that_are_not_there_or_too_old() {
    let site = Site::new();
    site.installer.install(site.offer("b", "b", "1.9")).unwrap();
    site.events();
    let needs = serde_json::json!([
        {"type": "Test/Basic", "id": "b", "version": "1.10"},
        {"type": "Test/Basic", "id": "c"},
        {"type": "No/Such", "id": "b"},
        {"type": "Test/Basic", "id": "b", "version": "1.2"},
        {"type": "Test/Basic", "id": "b"},
    ]);
    let path = site.offer_with("a", &needing("a", &needs));
    let before = site.holds();
    let error = site.refused(site.installer.install(&path), &before);
    let texts: Vec<_> = error.refusals().iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "it needs `b` of type `Test/Basic`, version 1.10 or later, and version `1.9` is installed",
            "it needs `c` of type `Test/Basic`, which is not installed",
            "it needs `b` of type `No/Such`, which is not installed",
        ]
    );
    let needs = serde_json::json!([{"type": "Test/Basic", "id": "b", "version": "1.9"}]);
    let path = site.offer_with("a", &needing("a", &needs));
    site.installer.install(path).unwrap();
}

#[test]
fn handlers_run_only_if_they_may() {
    let site = Site::new();
    let log = site.at("log");
    let handlers = handlers(
        &site,
        &format!("#!/bin/sh\necho \"$@\" >> {}\n", log.display()),
    );
    let mut with = metadata("a", "1");
    with["X-KPackage-Dependencies"] = serde_json::json!(["test://x/y?z", "nosuch://x"]);
    let path = site.offer_with("a", &with);
    let before = site.holds();
    let installer = site.installer.clone().handlers(handlers);
    let error = site.refused(installer.install(&path), &before);
    let codes: Vec<_> = error.refusals().iter().map(Refusal::code).collect();
    assert_eq!(codes, ["handler-not-allowed", "handler-missing"]);

    with["X-KPackage-Dependencies"] = serde_json::json!(["test://x/y?z"]);
    let path = site.offer_with("a", &with);
    let allowed = installer.allow_handlers(true);
    allowed
        .plan(Operation::Install, &path)
        .unwrap()
        .rehearse()
        .unwrap();
    assert!(!log.exists());
    allowed.install(&path).unwrap();
    assert_eq!(fs::read_to_string(&log).unwrap(), "test://x/y?z\n");
}

#[test]
fn a_handler_that_fails_ends_it() {
    let site = Site::new();
    let handlers = handlers(&site, "#!/bin/sh\nexit 3\n");
    let mut with = metadata("a", "1");
    with["X-KPackage-Dependencies"] = serde_json::json!(["test:x"]);
    let path = site.offer_with("a", &with);
    let before = site.holds();
    let installer = site
        .installer
        .clone()
        .handlers(handlers)
        .allow_handlers(true);
    let error = site.refused(installer.install(&path), &before);
    assert_eq!(error.code(), "handler-failed");
    assert!(error.to_string().contains("exit status: 3"), "{error}");
    // A relative folder, or a name with a separator, is no place for one.
    assert_eq!(Handlers::new(["handlers".into()]).folders().count(), 0);
    let error = Handlers::new([site.at("handlers")]).run("../handlers/test:x");
    assert_eq!(error.unwrap_err().code(), "handler-failed");
}
