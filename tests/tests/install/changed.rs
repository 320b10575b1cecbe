//! What is installed, upgraded and removed.

use std::fs;
use std::path::Path;

use keyway_tests::{skipped, workspace};
use serde_json::{Value, json};

use crate::{CLOCK, ID, PLASMOIDS, ROOT, Site, TYPE, copy, has_zip, pack};

#[test]
fn the_sample_package_is_installed_upgraded_and_removed() {
    let site = Site::new();
    let sample = workspace().join("example-plugins/mystructure/package");
    let path = site.at(ROOT).join(ID);
    let shown = path.display();
    assert_eq!(
        site.done(&["install", sample.to_str().unwrap()]),
        format!("installed `{ID}` 1.0.0 ({TYPE}) in {shown}\n")
    );
    assert_eq!(site.listed(TYPE), [ID]);
    let main = site.done(&["file", "-t", TYPE, ID, "mainscript"]);
    assert!(Path::new(main.trim()).exists());

    let newer = site.offer("newer", ID, "1.10");
    assert_eq!(
        site.done(&["upgrade", &newer]),
        format!("upgraded `{ID}` from 1.0.0 to 1.10 in {shown}\n")
    );
    let older = site.offer("older", ID, "1.9");
    assert_eq!(
        site.done(&["upgrade", "--force", &older]),
        format!("upgraded `{ID}` from 1.10 to 1.9 in {shown}\n")
    );
    assert_eq!(
        site.done(&["remove", ID]),
        format!("removed `{ID}` 1.9 from {shown}\n")
    );
    assert_eq!(site.listed(TYPE), [""; 0]);
    assert_eq!(
        site.done(&["upgrade", &newer]),
        format!("installed `{ID}` 1.10 ({TYPE}) in {shown}\n")
    );
}

#[test]
fn the_same_in_json() {
    let site = Site::new();
    let path = site.at(ROOT).join(ID);
    let json = |arguments: &[&str]| -> Value {
        serde_json::from_str(&site.done(&[&["--json"], arguments].concat())).unwrap()
    };
    let one = site.offer("one", ID, "1");
    let two = site.offer("two", ID, "2");
    assert_eq!(
        json(&["install", &one]),
        json!({"action": "install", "id": ID, "type": TYPE, "version": "1", "from": null,
            "path": path, "warnings": []})
    );
    assert_eq!(
        json(&["upgrade", &two]),
        json!({"action": "upgrade", "id": ID, "type": TYPE, "version": "2", "from": "1",
            "path": path, "warnings": []})
    );
    assert_eq!(
        json(&["remove", "--dry-run", ID]),
        json!({"action": "remove", "id": ID, "version": "2", "path": path, "warnings": [],
            "dry_run": true})
    );
    assert_eq!(
        json(&["remove", "-t", TYPE, ID]),
        json!({"action": "remove", "id": ID, "version": "2", "path": path, "warnings": []})
    );
}

#[test]
fn the_options_say_where() {
    let site = Site::new();
    let one = site.offer("one", "one", "1");
    let two = site.offer("two", "one", "2");
    let own = site.text("own");
    for (options, place) in [
        (&[][..], ROOT),
        (&["-t", TYPE], ROOT),
        (&["-p", "rel/root"], "home/rel/root"),
        (&["--package-root", &own], "own"),
        (&["-g"], "local/myapp/packages"),
        (&["--global", "-p", "rel"], "local/rel"),
    ] {
        let path = site.at(place).join("one");
        assert!(!path.exists());
        site.done(&[&["install"], options, &[&one]].concat());
        assert!(path.join("metadata.json").exists(), "{options:?}");
        site.done(&[&["upgrade"], options, &[&two]].concat());
        site.done(&[&["remove"], options, &["one"]].concat());
        assert!(!path.exists(), "{options:?}");
    }
}

/// As the shell has it; what begins otherwise is below the data folder, as in KPackage.
#[test]
fn a_root_from_the_current_folder() {
    let site = Site::new();
    let one = site.offer("one", "one", "1");
    fs::create_dir_all(site.at("here/below")).unwrap();
    let keyway = |arguments: &[&str]| {
        let mut command = site.command(arguments);
        command.current_dir(site.at("here/below"));
        let output = keyway_tests::command::run(&mut command);
        assert_eq!(output.code, 0, "{arguments:?} {output:#?}");
        output.stdout
    };
    for (root, place) in [
        (".", "here/below"),
        ("./own", "here/below/own"),
        ("..", "here"),
        ("../../x/y", "x/y"),
        (".own", "home/.own"),
        ("own/.", "home/own"),
    ] {
        let path = site.at(place).join("one");
        keyway(&["install", "-p", root, &one]);
        assert!(path.join("metadata.json").exists(), "{root}");
        let listed = keyway(&["--json", "list", "-t", TYPE, "-p", root]);
        let listed: Value = serde_json::from_str(&listed).unwrap();
        assert_eq!(listed[0]["path"], json!(path), "{root}");
        let file = keyway(&["file", "-t", TYPE, "-p", root, "one", "mainscript"]);
        assert!(file.starts_with(path.to_str().unwrap()), "{root} {file}");
        keyway(&["remove", "-p", root, "one"]);
        assert!(!path.exists(), "{root}");
    }
}

/// As in `/usr/share`, which is not the first folder of the system.
#[test]
fn for_all_users_a_package_is_changed_where_it_is() {
    let site = Site::new();
    let one = site.offer("one", "one", "1");
    let two = site.offer("two", "one", "2");
    let there = site.at("system/myapp/packages/one");
    copy(Path::new(&one), &there);
    assert_eq!(
        site.done(&["upgrade", "-g", &two]),
        format!("upgraded `one` from 1 to 2 in {}\n", there.display())
    );
    assert_eq!(
        site.done(&["remove", "-g", "one"]),
        format!("removed `one` 2 from {}\n", there.display())
    );
    assert!(!there.exists());
}

#[test]
fn a_package_is_removed_while_it_is_open() {
    let site = Site::new();
    let one = site.offer("one", "one", "1");
    let two = site.offer("two", "one", "2");
    fs::write(site.at("offers/two/contents/scripts/main.js"), "two").unwrap();
    site.done(&["install", &one]);
    let main = site.at(ROOT).join("one/contents/scripts/main.js");
    let text = fs::read_to_string(&main).unwrap();
    let open = fs::File::open(&main).unwrap();
    site.done(&["upgrade", &two]);
    assert_eq!(std::io::read_to_string(open).unwrap(), text);
    let open = fs::File::open(&main).unwrap();
    site.done(&["remove", "one"]);
    assert!(!main.exists());
    assert_eq!(std::io::read_to_string(open).unwrap(), "two");
}

/// Whatever it is packed in, the same package comes out of it.
#[test]
fn a_plasmoid_from_a_zip_and_a_tar() {
    let clock = Path::new(PLASMOIDS).join(CLOCK);
    let missing = match () {
        () if !clock.exists() => Some("there is no analog clock of Plasma"),
        () if !has_zip() => Some("there is no zip"),
        () => None,
    };
    if let Some(missing) = missing {
        skipped("installing a plasmoid", missing);
        return;
    }
    let site = Site::of_plasma();
    let (zip, tar) = (site.text("clock.zip"), site.text("clock.tar.gz"));
    pack("zip", &["-qr", &zip, "."], &clock);
    // In a folder of its own, as from a forge.
    pack("tar", &["czhf", &tar, CLOCK], Path::new(PLASMOIDS));
    let hash = |path: &str| site.hash(&["-a", "content", path]);
    let original = clock.to_str().unwrap();
    for (path, kind) in [(original, "folder"), (&zip, "zip"), (&tar, "tar.gz")] {
        let said = site.done(&["install", path]);
        let installed = site.at("home/plasma/plasmoids").join(CLOCK);
        let end = format!(" (Plasma/Applet) in {}\n", installed.display());
        assert!(said.ends_with(&end), "{said}");
        let installed = installed.to_str().unwrap();
        assert_eq!(hash(installed), hash(original), "{kind}");
        let shown = site
            .keyway(&["show", "--json", "-t", "Plasma/Applet", CLOCK])
            .json();
        assert_eq!(shown["valid"], true);
        assert_eq!(shown["receipt"]["source"]["kind"], kind);
        assert_eq!(site.listed("Plasma/Applet"), [CLOCK]);
        site.done(&["remove", "-t", "Plasma/Applet", CLOCK]);
    }
}
