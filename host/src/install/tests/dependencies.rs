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
        {"type": "Test/Basics", "id": "b"},
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
            "it needs `b` of type `Test/Basics`: no plugin gives the structure `Test/Basics`",
        ]
    );
    let [.., no_type] = error.refusals() else {
        unreachable!()
    };
    assert_eq!(no_type.code(), "dependency-type");
    assert_eq!(
        no_type.hint().as_deref(),
        Some("did you mean `Test/Basic`?")
    );
    let needs = serde_json::json!([{"type": "Test/Basic", "id": "b", "version": "1.9"}]);
    let path = site.offer_with("a", &needing("a", &needs));
    site.installer.install(path).unwrap();
}

/// What is no id is never taken for the path of a package.
#[test]
fn what_is_no_id_is_not_met() {
    let site = Site::new();
    let there = site.place.package("home/test/basic/b");
    for id in ["", ".", "./b", there.to_str().unwrap()] {
        let needs = serde_json::json!([{"type": "Test/Basic", "id": id}]);
        let path = site.offer_with("a", &needing("a", &needs));
        let before = site.holds();
        let error = site.refused(site.installer.install(&path), &before);
        assert_eq!(error.code(), "dependency-bad", "{id}: {error}");
    }
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
    let runner = crate::install::handlers::Runner {
        handlers: Handlers::new([site.at("handlers")]),
        cancellation: Cancellation::new(),
    };
    let error = runner.run("../handlers/test:x");
    assert_eq!(error.unwrap_err().code(), "handler-failed");
}

#[test]
fn a_handler_is_killed_when_it_is_cancelled() {
    let site = Site::new();
    let begun = site.at("begun");
    let script = format!("#!/bin/sh\necho $$ > {}\nexec sleep 600\n", begun.display());
    let handlers = handlers(&site, &script);
    let mut with = metadata("a", "1");
    with["X-KPackage-Dependencies"] = serde_json::json!(["test:x"]);
    let path = site.offer_with("a", &with);
    let cancellation = Cancellation::new();
    let installer = site
        .installer
        .clone()
        .cancellation(cancellation.clone())
        .handlers(handlers)
        .allow_handlers(true);
    let installing = std::thread::spawn(move || installer.install(path).map(|_| ()));
    let process = loop {
        let process = fs::read_to_string(&begun).unwrap_or_default();
        if process.ends_with('\n') {
            break process;
        }
        assert!(!installing.is_finished(), "it does not wait");
        std::thread::sleep(std::time::Duration::from_millis(1));
    };
    cancellation.cancel();
    let error = installing.join().unwrap().unwrap_err();
    assert_eq!(error.code(), "cancelled", "{error}");
    assert!(!site.at(ROOT).exists());
    // Killed, and not left behind as a dead one.
    if cfg!(target_os = "linux") {
        let process = Path::new("/proc").join(process.trim());
        assert!(!process.exists(), "{}", process.display());
    }
}

/// 3bot packages are known there, whose metadata are in `package.toml`.
fn with_threebot() -> Site {
    let site = Site::new();
    let structure = crate::package::tests::support::Structure::new(|package| {
        package.set_default_package_root("test/threebot");
        package.set_contents_prefix_paths(&[]);
        package.add_file_definition("metadata", "package.toml", "Who the package is");
        package.set_required("metadata", true);
        Ok(())
    });
    site.place.know("ThreeBot/Package", structure);
    site
}

fn offer_toml(site: &Site, name: &str, version: &str, dependencies: &str) -> PathBuf {
    let toml = format!(
        "[source]\nthreebot = 'acme'\nname = '{name}'\nversion = '{version}'\n\n\
         [dependencies]\n{dependencies}\n"
    );
    let file = site
        .place
        .write(format!("offered/{name}/package.toml"), toml);
    file.parent().unwrap().to_path_buf()
}

#[test]
fn what_a_package_toml_says_counts() {
    let site = with_threebot();
    let time = offer_toml(&site, "time", "1.10", "");
    site.installer.install(&time).unwrap();
    site.events();
    let clock = offer_toml(
        &site,
        "clock",
        "1",
        "'acme.time' = '>=1.2, <1.10'\n'acme.zone' = '*'\nacme.moon = '>2'",
    );
    let archive = site.tar(&clock, "clock");
    let before = site.holds();
    for path in [&clock, &archive] {
        for error in [
            site.refused(site.installer.install(path), &before),
            site.refused(site.installer.upgrade(path), &before),
        ] {
            assert_eq!(error.code(), "dependency-missing");
            let texts: Vec<_> = error.refusals().iter().map(ToString::to_string).collect();
            assert_eq!(
                texts,
                [
                    "it needs `acme.moon` of type `ThreeBot/Package`, version >2, which is not installed",
                    "it needs `acme.time` of type `ThreeBot/Package`, version >=1.2, <1.10, and version \
                     `1.10` is installed",
                    "it needs `acme.zone` of type `ThreeBot/Package`, which is not installed",
                ]
            );
        }
    }
    // The package manager sees to it itself.
    let manager = site.installer.clone().for_manager();
    manager.install(&clock).unwrap();
    for met in [">=1.2", "<=1.10", "=1.10", ">1.9, <2", "*"] {
        let clock = offer_toml(&site, "other", "1", &format!("'acme.time' = '{met}'"));
        let installed = site.installer.clone().force(true).upgrade(clock);
        assert!(installed.is_ok(), "{met}: {installed:?}");
    }
}

/// Only in a `package.toml` it is that.
#[test]
fn a_table_of_that_name_elsewhere_says_nothing() {
    let site = with_threebot();
    let mut metadata = metadata("a", "1");
    metadata["source"] = serde_json::json!({"threebot": "acme", "name": "a"});
    metadata["dependencies"] = serde_json::json!({"acme.zone": ">=1"});
    let path = site.offer_with("a", &metadata);
    site.installer.install(path).unwrap();
}
