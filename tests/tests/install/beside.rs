//! Beside the real kpackagetool5: what one installs, the other lists, upgrades and removes.

use std::path::Path;
use std::process::Command;

use keyway_tests::command::run;
use keyway_tests::{Output, skipped};

use crate::{CLOCK, PLASMOIDS, Site, copy, has_zip, pack};

const APPLET: [&str; 2] = ["-t", "Plasma/Applet"];
const ROOT: &str = "home/plasma/plasmoids";

/// A site and the clock in it, as a folder and as a zip, where there is all that is needed.
fn site() -> Option<(Site, String, String)> {
    let clock = Path::new(PLASMOIDS).join(CLOCK);
    let missing = if Command::new("kpackagetool5").arg("-v").output().is_err() {
        "there is no kpackagetool5"
    } else if !has_zip() {
        "there is no zip"
    } else if !clock.exists() {
        "there is no analog clock of Plasma"
    } else {
        let site = Site::of_plasma();
        let offered = site.at("offers/clock");
        copy(&clock, &offered);
        let zip = site.text("clock.zip");
        pack("zip", &["-qr", &zip, "."], &offered);
        let offered = site.text("offers/clock");
        return Some((site, offered, zip));
    };
    skipped("installing beside kpackagetool5", missing);
    None
}

fn theirs(site: &Site, arguments: &[&str]) -> Output {
    let mut command = Command::new("kpackagetool5");
    site.set_up(&mut command);
    // Where it knows archives from.
    let dirs = format!("{}:/usr/share", site.text("system"));
    command
        .env("XDG_DATA_DIRS", dirs)
        .args(APPLET)
        .args(arguments);
    run(&mut command)
}

#[test]
fn they_list_show_hash_and_remove_what_we_installed() {
    let Some((site, folder, zip)) = site() else {
        return;
    };
    let installed = site.text(&format!("{ROOT}/{CLOCK}"));
    for offered in [&folder, &zip] {
        site.done(&["install", offered]);
        let listed = theirs(&site, &["--list"]);
        assert!(
            listed.stdout.ends_with(&format!("\n{CLOCK}\n")),
            "{listed:#?}"
        );
        assert_eq!(listed.stdout.lines().count(), 2, "{listed:#?}");
        let shown = theirs(&site, &["--show", CLOCK]);
        assert!(
            shown.stdout.contains(&format!("Path : {installed}/")),
            "{shown:#?}"
        );
        let hash = theirs(&site, &["--hash", &installed]);
        let ours = site.hash(&[&installed]);
        assert!(
            hash.stdout.contains(&format!("'{}'", ours)),
            "{hash:#?} {ours}"
        );
        assert_eq!(site.hash(&[&folder]), ours);
        let removed = theirs(&site, &["--remove", CLOCK]);
        assert_eq!(removed.code, 0, "{removed:#?}");

        // The receipt that is left stands for nothing, and is in nobody's way.
        assert_eq!(site.listed("Plasma/Applet"), [""; 0]);
        let error = site.keyway(&["--json", "remove", "-t", "Plasma/Applet", CLOCK]);
        assert_eq!(error.error()["code"], "not-installed", "{error:#?}");
        site.done(&["install", offered]);
        site.done(&["remove", "-t", "Plasma/Applet", CLOCK]);
        assert!(!Path::new(&installed).exists());
    }
}

#[test]
fn we_list_show_upgrade_and_remove_what_they_installed() {
    let Some((site, folder, zip)) = site() else {
        return;
    };
    let show = ["show", "--json", "-t", "Plasma/Applet", CLOCK];
    for offered in [&folder, &zip] {
        let output = theirs(&site, &["--install", offered]);
        assert_eq!(output.code, 0, "{output:#?}");
        assert_eq!(site.listed("Plasma/Applet"), [CLOCK]);
        let shown = site.keyway(&show).json();
        assert_eq!(shown["valid"], true);
        assert_eq!(shown["receipt"], serde_json::Value::Null);
        let again = site.keyway(&["--json", "install", offered]);
        assert_eq!(again.error()["code"], "already-installed", "{again:#?}");
        site.done(&["upgrade", "--force", offered]);
        assert!(site.keyway(&show).json()["receipt"].is_object());
        site.done(&["remove", "-t", "Plasma/Applet", CLOCK]);
        let output = theirs(&site, &["--install", offered]);
        assert_eq!(output.code, 0, "{output:#?}");
        site.done(&["remove", "-t", "Plasma/Applet", CLOCK]);
        assert_eq!(site.listed("Plasma/Applet"), [""; 0]);
    }
}

#[test]
fn they_upgrade_what_we_installed() {
    let Some((site, folder, zip)) = site() else {
        return;
    };
    site.done(&["install", &folder]);
    let output = theirs(&site, &["--upgrade", &zip]);
    assert_eq!(output.code, 0, "{output:#?}");
    assert_eq!(site.listed("Plasma/Applet"), [CLOCK]);
    // It is another folder now, of which we know nothing.
    let shown = site.keyway(&["show", "--json", "-t", "Plasma/Applet", CLOCK]);
    assert_eq!(
        shown.json()["receipt"],
        serde_json::Value::Null,
        "{shown:#?}"
    );
    site.done(&["upgrade", "--force", &zip]);
    site.done(&["remove", "-t", "Plasma/Applet", CLOCK]);
    assert_eq!(site.listed("Plasma/Applet"), [""; 0]);
}
