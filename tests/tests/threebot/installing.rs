//! Installing, upgrading and removing 3bot packages.

use super::*;

/// A package that belongs to the package manager: it has a folder, or is linked.
fn managed(place: &Place, id: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let mark = place.write(format!("{ROOT}/.keyway/managed/{id}"), "{\"format\": 99}");
    // Whatever the mask is: nobody else may write there.
    let folder = mark.ancestors().nth(2).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_belongs_to_the_package_manager_is_not_changed_by_others() {
    let place = Place::new();
    let (folder, offered) = (format!("{ROOT}/acme.clock"), "offered");
    place.package(&folder, &toml("clock", "1.0"));
    place.package(offered, &toml("clock", "2.0"));
    place.package("offered-linked", &toml("linked", "1.0"));
    managed(&place, "acme.clock");
    managed(&place, "acme.linked");
    let before = Snapshot::of(&place.at("data"));
    let root = place.at(ROOT);
    let root = root.to_str().unwrap();
    let (add, delete) = ("`keyway package add`", "`keyway package delete acme.");
    for (arguments, hint) in [
        (&["install", offered][..], add),
        (&["install", "-t", TYPE, offered], add),
        (&["install", "-p", root, offered], add),
        (&["upgrade", offered], add),
        (&["upgrade", "--force", offered], add),
        (&["install", "offered-linked"], add),
        (&["upgrade", "offered-linked"], add),
        (&["remove", "-t", TYPE, "acme.clock"], delete),
        (&["remove", "-p", root, "acme.clock"], delete),
        (&["remove", "acme.clock"], delete),
        (&["remove", "acme__clock"], delete),
        (&["remove", "-t", TYPE, "acme.linked"], delete),
        (&["remove", "acme.linked"], delete),
        (&["remove", "--dry-run", "acme.clock"], delete),
        (&["kpackagetool", "-t", TYPE, "-i", offered], add),
        (&["kpackagetool", "-t", TYPE, "-u", offered], add),
        (&["kpackagetool", "-t", TYPE, "-i", "offered-linked"], add),
        (&["kpackagetool", "-t", TYPE, "-u", "offered-linked"], add),
        (&["kpackagetool", "-t", TYPE, "-r", "acme.clock"], delete),
        (&["kpackagetool", "-t", TYPE, "-r", "acme.linked"], delete),
    ] {
        let done = place.run(arguments);
        assert!(done.code > 0, "{arguments:?}: {done:#?}");
        let said = &done.stderr;
        assert!(said.contains("belongs to the package manager"), "{said}");
        assert!(said.contains(hint), "{arguments:?}: {said}");
        let differences = before.differences(&Snapshot::of(&place.at("data")));
        assert!(differences.is_empty(), "{arguments:?}: {differences:?}");
    }
    let refused = place.run(["install", "--json", offered]);
    assert_eq!(refused.error()["code"], "managed");
    let refused = place.run(["upgrade", "--json", "--dry-run", offered]);
    assert_eq!(
        (refused.code, &refused.json()["refusals"][0]["code"]),
        (1, &json!("managed"))
    );
    let refused = place.run(["remove", "--json", "acme.clock"]);
    assert_eq!(refused.error()["code"], "managed");
    // It is listed and shown as any, and elsewhere the id is free.
    assert_eq!(place.list(TYPE, None), ["acme.clock"]);
    let elsewhere = place.at("elsewhere");
    let done = place.run(["install", "-p", elsewhere.to_str().unwrap(), offered]);
    assert_eq!(done.code, 0, "{done:#?}");
}

#[test]
fn a_package_without_what_it_depends_on_is_not_installed() {
    let place = Place::new();
    let needs = |bounds: &str| {
        let needs = format!("[dependencies]\n\"acme.time\" = \"{bounds}\"\n");
        place.package("clock", &(toml("clock", "1.0") + &needs));
    };
    needs(">=1.0, <2");
    let refused = place.run(["install", "--json", "clock"]);
    assert_eq!(
        refused.error()["code"],
        "dependency-missing",
        "{refused:#?}"
    );
    let message = refused.error()["message"].to_string();
    assert!(message.contains("`acme.time`"), "{message}");
    assert!(message.contains(">=1.0, <2"), "{message}");
    for version in ["0.9", "2.0"] {
        place.package("time", &toml("time", version));
        assert_eq!(place.run(["upgrade", "--force", "time"]).code, 0);
        let refused = place.run(["install", "--json", "clock"]);
        assert_eq!(refused.error()["code"], "dependency-missing", "{version}");
    }
    needs(">=1.0, <3");
    let done = place.run(["install", "clock"]);
    assert_eq!(done.code, 0, "{done:#?}");
    assert_eq!(place.list(TYPE, None), ["acme.clock", "acme.time"]);
}

#[test]
fn packages_are_installed_upgraded_and_removed() {
    let place = Place::new();
    let run = |arguments: &[&str]| place.run([&["--json"][..], arguments].concat());
    let installed = |version: &str| {
        let listed = place.run(["list", "--json", "-t", TYPE]).json();
        assert_eq!(listed[0]["id"], "acme.clock");
        assert_eq!(listed[0]["version"], version);
        assert_eq!(listed[0]["path"], json!(place.at(ROOT).join("acme.clock")));
        assert_eq!(listed.as_array().unwrap().len(), 1);
    };
    place.package("some-folder", &toml("clock", "1.9"));

    let refused = run(&["install", "-t", "KPackage/Generic", "some-folder"]);
    assert_eq!(refused.error()["code"], "metadata-missing");
    assert!(!place.at("data").exists());
    let done = run(&["install", "some-folder"]);
    assert_eq!(done.code, 0, "{done:#?}");
    installed("1.9");
    let (_, shown) = place.show(TYPE, "acme.clock");
    assert_eq!(shown["receipt"]["id"], "acme.clock");

    for (arguments, code) in [
        (["install", "some-folder"], "already-installed"),
        (["upgrade", "some-folder"], "not-newer"),
    ] {
        let refused = run(&arguments);
        let error = refused.error();
        assert!(error.to_string().contains(code), "{error:#}");
    }
    place.package("some-folder", &toml("clock", "1.8"));
    assert_eq!(run(&["upgrade", "some-folder"]).code, 1);
    installed("1.9");

    // An archive with a folder in it, of which the type is named.
    place.package("some-folder", &toml("clock", "1.10"));
    let tar = Command::new("tar")
        .current_dir(place.at(""))
        .args(["-czf", "clock.tar.gz", "some-folder"])
        .status();
    assert!(tar.unwrap().success());
    let done = run(&["upgrade", "-t", TYPE, "clock.tar.gz"]);
    assert_eq!(done.code, 0, "{done:#?}");
    installed("1.10");
    // What was installed can be shown in its archive, too.
    let archive = place.at("clock.tar.gz");
    let (_, shown) = place.show(TYPE, archive.to_str().unwrap());
    assert_eq!(
        (shown["id"].as_str(), shown["valid"].as_bool()),
        (Some("acme.clock"), Some(true))
    );

    // One whose file went bad can be replaced and removed all the same.
    place.write(format!("{ROOT}/acme.clock/package.toml"), "[source");
    let done = run(&["upgrade", "--force", "clock.tar.gz"]);
    assert_eq!(done.code, 0, "{done:#?}");
    installed("1.10");
    place.write(format!("{ROOT}/acme.clock/package.toml"), "[source");
    let removed = run(&["remove", "-t", TYPE, "acme.clock"]);
    assert_eq!(removed.code, 0, "{removed:#?}");
    assert!(!place.at(ROOT).join("acme.clock").exists());
    assert_eq!(
        run(&["remove", "acme.clock"]).error()["code"],
        "not-installed"
    );
}
