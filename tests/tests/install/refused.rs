//! What is refused, and leaves everything as it was.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use keyway_tests::command::{copy_program, keyway_program, run};
use keyway_tests::skipped;

use crate::{ID, ROOT, Site, TYPE, copy, pack};

#[test]
fn each_refusal_has_its_code_and_changes_nothing() {
    let site = Site::new();
    let one = site.offer("one", "one", "1");
    let two = site.offer("two", "one", "2");
    site.done(&["install", &two]);
    let other_type = site.offer_with("type", |json| json.replace(TYPE, "No/Such"));
    let untyped = site.offer_with("untyped", |json| {
        json.replace("KPackageStructure", "X-Other")
    });
    let no_id = site.offer_with("no-id", |json| json.replace(r#""Id""#, r#""X-Id""#));
    let bad_id = site.offer("bad-id", "../../x", "1");
    let broken = site.offer_with("broken", |json| json[..40].to_owned());
    let needing = site.offer_with("needing", |json| {
        json.replacen('{', r#"{"X-KPackage-Dependencies": ["nosuch://x"], "#, 1)
    });
    let invalid = site.offer("invalid", "invalid", "1");
    fs::remove_file(site.at("offers/invalid/contents/scripts/main.js")).unwrap();
    let leaving = site.offer("leaving", "leaving", "1");
    symlink("/etc/passwd", site.at("offers/leaving/contents/link")).unwrap();
    pack("tar", &["cf", "truncated.tar", "one"], &site.at("offers"));
    let truncated = site.text("offers/truncated.tar");
    let bytes = fs::read(&truncated).unwrap();
    fs::write(&truncated, &bytes[..bytes.len() / 3]).unwrap();
    fs::write(site.at("text"), "text").unwrap();
    fs::create_dir(site.at("empty")).unwrap();
    fs::create_dir(site.at(ROOT).join("mine")).unwrap();
    copy(
        &site.at("offers/one"),
        &site.at("system/myapp/packages/global"),
    );
    let mine = site.offer("mine", "mine", "1");
    let before = site.holds();

    for (arguments, code) in [
        (&["install", "none"][..], "package-not-found"),
        (&["install", "/dev/null"], "not-a-package"),
        (&["install", "text"], "not-a-package"),
        (&["install", "empty"], "metadata-missing"),
        (&["install", "-t", TYPE, &broken], "metadata-malformed"),
        (&["install", &truncated], "archive-truncated"),
        (&["install", &untyped], "type-missing"),
        (&["install", &other_type], "unknown-type"),
        (&["install", "-t", TYPE, &other_type], "type-differs"),
        (&["install", "-t", "nothing", &one], "bad-type-name"),
        (&["install", &no_id], "id-missing"),
        (&["install", &bad_id], "id-refused"),
        (&["install", &needing], "handler-missing"),
        (
            &["install", "--allow-handlers", &needing],
            "handler-missing",
        ),
        (&["install", &invalid], "package-invalid"),
        (&["install", &leaving], "archive-link-leaves"),
        (&["install", &two], "already-installed"),
        (&["install", &mine], "no-package-there"),
        (&["upgrade", &two], "not-newer"),
        (&["upgrade", &one], "not-newer"),
        (&["upgrade", "--force", &invalid], "package-invalid"),
        (&["upgrade", "--force", &mine], "no-package-there"),
        (&["remove", "none"], "not-installed"),
        (&["remove", "-t", TYPE, "none"], "not-installed"),
        (&["remove", "global"], "not-installed"),
        (&["remove", "-g", "one"], "not-installed"),
        (&["remove", "-t", "No/Such", "one"], "unknown-type"),
        (&["remove", "-t", TYPE, "mine"], "not-removable"),
        (&["remove", "offers/one"], "bad-name"),
        (&["remove", "../one"], "bad-name"),
        (&["remove", "./one"], "bad-name"),
        (&["remove", ".."], "bad-name"),
        (&["remove", "."], "bad-name"),
        (&["remove", ""], "bad-name"),
        (&["remove", "/etc"], "bad-name"),
        (&["remove", ".keyway"], "bad-name"),
    ] {
        let json = site.keyway(&[&["--json"], arguments].concat());
        assert_eq!(
            (json.code, &json.stdout[..]),
            (1, ""),
            "{arguments:?} {json:#?}"
        );
        assert_eq!(json.error()["code"], code, "{arguments:?} {json:#?}");
        let text = site.keyway(arguments);
        assert_eq!(
            (text.code, &text.stdout[..]),
            (1, ""),
            "{arguments:?} {text:#?}"
        );
        assert!(
            text.stderr.starts_with("error: "),
            "{arguments:?} {text:#?}"
        );
        assert!(
            !text.stderr.contains(".keyway/changes"),
            "{arguments:?} {text:#?}"
        );
        assert_eq!(site.holds(), before, "{arguments:?}");
    }
}

#[test]
fn hints_name_what_to_type() {
    let site = Site::new();
    let one = site.offer("one", "one", "1");
    let untyped = site.offer_with("untyped", |json| {
        json.replace("KPackageStructure", "X-Other")
    });
    site.done(&["install", &one]);
    copy(
        &site.at("offers/one"),
        &site.at("system/myapp/packages/global"),
    );
    fs::write(site.at("offers/one/x"), "").unwrap();
    for (arguments, hint) in [
        (&["install", &one][..], "`keyway upgrade`"),
        (&["upgrade", &one], "`--force`"),
        (&["install", &untyped], "`-t TYPE`"),
        (&["remove", "global"], "`--global`"),
        (&["remove", "-t", TYPE, "global"], "add `--global`"),
        (&["remove", "-g", "one"], "leave out `--global`"),
        (
            &["remove", "-p", "own", "-t", TYPE, "one"],
            "leave out `--package-root`",
        ),
        (&["remove", "./one"], "by their id"),
        (&["remove", "nowhere"], "`-p DIR`"),
    ] {
        let output = site.keyway(&[&["--json"], arguments].concat());
        let error = output.error();
        let found = error["hint"].as_str().unwrap_or_default();
        assert!(found.contains(hint), "{arguments:?} {output:#?}");
    }
}

#[test]
fn of_a_type_that_nobody_gives_the_nearest_are_named() {
    let site = Site::new();
    let path = site.offer_with("one", |json| json.replace(TYPE, "MyApp/MyStrcture"));
    for arguments in [
        &["install", &path][..],
        &["install", "--dry-run", &path],
        &["upgrade", "--force", &path],
        &["install", "-t", "MyApp/MyStrcture", &path],
        &["remove", "-t", "MyApp/MyStrcture", "one"],
    ] {
        let output = site.keyway(arguments);
        assert_eq!((output.code, &output.stdout[..]), (1, ""), "{output:#?}");
        let first = "error: no plugin gives the structure `MyApp/MyStrcture`\n";
        assert!(output.stderr.starts_with(first), "{output:#?}");
        let last = "hint: did you mean `MyApp/MyStructure`?\n";
        assert!(output.stderr.ends_with(last), "{output:#?}");
        assert_eq!(site.holds().len(), 0);
    }
}

#[test]
fn what_is_typed_wrongly_is_wrong_usage() {
    let site = Site::new();
    let one = site.offer("one", "one", "1");
    for arguments in [
        &["install"][..],
        &["install", &one, &one],
        &["install", "--force", &one],
        &["install", "--lock-wait", "soon", &one],
        &["upgrade", "--lock-wait", "-1", &one],
        &["remove"],
        &["remove", "--force", "one"],
        &["remove", "--allow-handlers", "one"],
        &["install", "-g", "-p", "/nowhere", &one],
        &["install", "-g", "-p", "./here", &one],
        &["upgrade", "--force", "-g", "-p", "..", &one],
        &["remove", "-g", "-p", "/nowhere", "one"],
    ] {
        let output = site.keyway(arguments);
        assert_eq!((output.code, &output.stdout[..]), (2, ""), "{output:#?}");
        assert_eq!(site.holds().len(), 0);
    }
}

/// What was done is done, also if nobody can be told.
#[test]
#[cfg(target_os = "linux")]
fn what_cannot_be_written_after_a_change() {
    let site = Site::new();
    let one = site.offer("one", "one", "1");
    let two = site.offer("two", "one", "2");
    let there = site.at(ROOT).join("one");
    for json in [&[][..], &["--json"]] {
        for (arguments, done) in [
            (&["install", &one][..], "installed `one` 1 "),
            (&["upgrade", &two], "upgraded `one` from 1 to 2 "),
            (&["remove", "one"], "removed `one` 2 "),
        ] {
            let full = fs::File::create("/dev/full").unwrap();
            let mut command = site.command(&[json, arguments].concat());
            let output = command.stdout(full).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{arguments:?} {output:?}");
            assert_eq!(there.exists(), arguments[0] != "remove");
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert!(stderr.contains(done), "{stderr}");
            assert!(stderr.contains("this was done"), "{stderr}");
            assert_eq!(stderr.contains(r#""code":"output""#), !json.is_empty());
        }
    }
}

/// Somebody else is installing.
#[test]
fn a_root_that_is_locked() {
    let site = Site::new();
    let one = site.offer("one", "one", "1");
    let lock = site.held();
    let output = site.keyway(&["--json", "install", "--lock-wait", "0", &one]);
    assert_eq!(output.code, 1);
    let error = output.error();
    assert_eq!(error["code"], "locked", "{output:#?}");
    assert!(
        error["hint"]
            .as_str()
            .unwrap()
            .contains("`--lock-wait SECONDS`")
    );
    drop(lock);
    site.done(&["install", "--lock-wait", "0", &one]);
}

/// Who may not write to the root is told so, and for all users that root may.
#[test]
fn a_root_that_may_not_be_written() {
    let site = Site::new();
    let one = site.offer("one", "one", "1");
    site.done(&["install", "-g", &one]);
    fs::create_dir_all(site.at(ROOT)).unwrap();
    copy_program(&keyway_program(), &site.at("keyway"));
    let folders = [site.at(""), site.plugins.path().to_path_buf()];
    for folder in folders {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let readonly = [ROOT, "local/myapp/packages", "local"].map(|path| site.at(path));
    for folder in &readonly {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).unwrap();
    }
    let as_root = fs::write(site.at(ROOT).join("x"), "").is_ok();
    if as_root {
        fs::remove_file(site.at(ROOT).join("x")).unwrap();
    }
    let before = site.holds();
    for (arguments, hint) in [
        (&["install", &one][..], None),
        (&["upgrade", &one], None),
        (&["install", "--dry-run", &one], None),
        (&["upgrade", "-g", "--force", &one], Some("only root can")),
        (&["remove", "-g", "one"], Some("only root can")),
    ] {
        let mut command = match as_root {
            false => Command::new(site.at("keyway")),
            true => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
                if command.arg("true").output().is_err() {
                    skipped("a root without permission", "root needs setpriv for it");
                    return;
                }
                let mut command = Command::new("setpriv");
                command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
                command.arg(site.at("keyway"));
                command
            }
        };
        command.env_clear();
        site.set_up(&mut command);
        command.env("KEYWAY_LOG", "error");
        command.arg("--json").args(arguments);
        let output = run(&mut command);
        assert_eq!(output.code, 1, "{arguments:?} {output:#?}");
        let is_dry = arguments.contains(&"--dry-run");
        let error = match is_dry {
            true => output.json()["refusals"][0].clone(),
            false => output.error(),
        };
        assert_eq!(error["code"], "io", "{arguments:?} {output:#?}");
        let found = error["hint"].as_str();
        assert_eq!(found.is_some(), hint.is_some(), "{output:#?}");
        assert!(found.unwrap_or_default().contains(hint.unwrap_or_default()));
        assert_eq!(site.holds(), before, "{arguments:?}");
    }
    for folder in &readonly {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    assert_eq!(site.keyway(&["remove", ID]).code, 1);
}
