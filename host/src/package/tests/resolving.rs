//! Key and file name to path.

use std::ffi::OsStr;
use std::fs;

use super::support::{Place, Structure};
use crate::package::{FileError, NameFault};

#[test]
#[cfg(unix)]
fn nothing_outside_is_reached() {
    let place = Place::new();
    place.package("pkg");
    let secret = place.write("secret.txt", "secret");
    place.write("pkg-evil/secret.txt", "secret");
    place.link(&secret, "pkg/contents/ui/escape");
    place.link(place.at(""), "pkg/contents/ui/up");
    place.link("nowhere", "pkg/contents/ui/dangling");
    place.link("loop", "pkg/contents/ui/loop");
    place.link("/proc/self/root/etc", "pkg/contents/ui/proc");
    let package = place.basic_at("pkg");
    for name in [
        "../../metadata.json",
        "sub/../main.qml",
        "..",
        "../..",
        "/etc/passwd",
        "/",
        "main.qml\0",
        "escape",
        "up",
        "up/secret.txt",
        "up/pkg-evil/secret.txt",
        "dangling",
        "loop",
        "loop/x",
        "proc/passwd",
        "main.qml/",
        "main.qml/.",
        "main.qml/x",
    ] {
        assert_eq!(package.file_path("ui", name), None, "{name:?}");
    }
    assert_eq!(package.entry_list("ui"), ["main.qml"]);
}

#[test]
#[cfg(unix)]
fn errors_say_why() {
    let place = Place::new();
    place.package("pkg");
    let secret = place.write("secret.txt", "secret");
    let escape = place.link(&secret, "pkg/contents/ui/escape");
    let package = place.basic_at("pkg");
    assert_eq!(
        place.basic().find_file("ui", "main.qml"),
        Err(FileError::NoPackage)
    );
    assert_eq!(
        package.find_file("code", ""),
        Err(FileError::UnknownKey { key: "code".into() })
    );
    assert_eq!(
        package.find_file("ui", "../x"),
        Err(FileError::Name {
            name: "../x".into(),
            why: NameFault::ParentFolder
        })
    );
    assert_eq!(
        package.find_file("ui", "escape"),
        Err(FileError::Outside {
            key: "ui".into(),
            path: escape,
            found: secret
        })
    );
    place.link("loop", "pkg/contents/ui/loop");
    let error = package.find_file("ui", "loop").unwrap_err();
    assert_eq!(error.code(), "file-unreadable");
    let start = format!(
        "`{}` cannot be looked at: ",
        place.at("pkg/contents/ui/loop").display()
    );
    assert!(error.to_string().starts_with(&start), "{error}");
    let missing = place.at("pkg/contents/ui/x");
    let error = package.find_file("ui", "x").unwrap_err();
    assert_eq!(
        error,
        FileError::NotFound {
            tried: vec![missing.clone()]
        }
    );
    assert_eq!(
        error.to_string(),
        format!("there is no such file: looked for `{}`", missing.display())
    );
    assert_eq!(
        package.find_file("ui", "a\n/../b").unwrap_err().to_string(),
        "the file name `a\\u{a}/../b` is refused: it has a component `..`"
    );
}

#[test]
fn a_definition_that_leads_out_is_shown_as_it_is_written() {
    let place = Place::new();
    place.package("pkg");
    let secret = place.write("secret.txt", "secret");
    let mut package = place.basic_at("pkg");
    package.add_file_definition("up", "../../secret.txt", "");
    let error = package.find_file("up", "").unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the type defines the key `up` as `{}/contents/../../secret.txt`, which lies outside the package, at `{}`",
            place.at("pkg").display(),
            secret.display()
        )
    );
}

#[test]
#[cfg(unix)]
fn a_fallback_that_must_not_be_looked_at_is_told() {
    let place = Place::new();
    place.package("pkg");
    place.package("base");
    let link = place.link("loop", "base/contents/ui/loop");
    let mut package = place.basic_at("pkg");
    package
        .set_fallback_package(Some(place.basic_at("base")))
        .unwrap();
    let Err(FileError::Unreadable { path, .. }) = package.find_file("ui", "loop") else {
        panic!("it is a link to itself");
    };
    assert_eq!(path, link);
}

#[test]
#[cfg(unix)]
fn a_refused_hit_is_not_the_end() {
    let place = Place::new();
    place.know(
        "Test/Two",
        Structure::new(|package| {
            package.set_contents_prefix_paths(&["phone", "contents"]);
            package.add_directory_definition("ui", "ui", "");
            package.add_directory_definition("ui", "more", "");
            Ok(())
        }),
    );
    let secret = place.write("secret.txt", "secret");
    place.link(&secret, "pkg/phone/ui/a");
    let found = place.write("pkg/contents/more/a", "");
    place.link(&secret, "pkg/phone/ui/b");
    let fallback_file = place.write("fallback/contents/ui/b", "");
    let mut package = place.loader.load_package("Test/Two").unwrap();
    package.set_path(place.at("pkg")).unwrap();
    assert_eq!(package.file_path("ui", "a"), Some(found.into()));
    assert_eq!(package.file_path("ui", "b"), None);

    let fallback = place
        .loader
        .load_package_at("Test/Two", place.at("fallback"))
        .unwrap();
    package.set_fallback_package(Some(fallback)).unwrap();
    assert_eq!(package.file_path("ui", "b"), Some(fallback_file.into()));
}

#[test]
#[cfg(unix)]
fn external_paths_may_leave() {
    let place = Place::new();
    place.package("pkg");
    let secret = place.write("secret.txt", "secret");
    let escape = place.link(&secret, "pkg/contents/ui/escape");
    let mut package = place.basic_at("pkg");
    package.set_allow_external_paths(true);
    assert_eq!(package.file_path("ui", "escape"), Some(escape.into()));
    assert_eq!(
        package.file_path("ui", "../../../secret.txt"),
        Some(secret.into())
    );
    assert_eq!(package.file_path("ui", "main.qml\0"), None);
    assert_eq!(package.entry_list("ui"), ["escape", "main.qml"]);

    // What was found while it was allowed is gone with the permission.
    package.set_allow_external_paths(false);
    assert_eq!(package.file_path("ui", "escape"), None);
    assert_eq!(package.file_path("ui", "../../../secret.txt"), None);
}

#[test]
fn key_and_name_are_two_things() {
    let place = Place::new();
    place.package("pkg");
    let file = place.write("pkg/contents/ui/x", "");
    let package = place.basic_at("pkg");
    assert_eq!(package.file_path("ui", "x"), Some(file.into()));
    for (key, name) in [("u", "ix"), ("", "uix"), ("uix", "")] {
        assert_eq!(package.file_path(key, name), None);
    }
}

#[test]
fn paths_are_normal() {
    let place = Place::new();
    place.know(
        "Test/Up",
        Structure::new(|package| {
            package.add_file_definition("meta", "ui/../../metadata.json", "");
            package.add_directory_definition("ui", "ui/", "");
            package.add_directory_definition("root", "..", "");
            Ok(())
        }),
    );
    place.package("pkg");
    let package = place
        .loader
        .load_package_at("Test/Up", place.at("pkg"))
        .unwrap();
    let at = |path: &str| Some(place.at("pkg").join(path).into());
    assert_eq!(package.key_path("meta"), at("metadata.json"));
    assert_eq!(package.key_path("ui"), at("contents/ui"));
    assert_eq!(
        package.file_path("ui", ".//main.qml"),
        at("contents/ui/main.qml")
    );
    assert_eq!(
        package.file_path("", "ui/main.qml"),
        at("contents/ui/main.qml")
    );
    assert_eq!(package.key_path(""), at("contents"));
    assert_eq!(package.key_path("metadata"), at("metadata.json"));
    // The package's own folder is not inside.
    assert_eq!(package.key_path("root"), None);
    let url = package.file_url("ui", "main.qml").unwrap();
    assert!(url.starts_with("file:///") && url.ends_with("/pkg/contents/ui/main.qml"));
}

#[test]
#[cfg(unix)]
fn a_parent_behind_a_link_is_the_targets() {
    let place = Place::new();
    place.know(
        "Test/Link",
        Structure::new(|package| {
            package.add_file_definition("file", "link/../file", "");
            Ok(())
        }),
    );
    let file = place.write("pkg/contents/deep/er/file", "");
    place.write("pkg/contents/deep/er/sub/x", "");
    place.link("deep/er/sub", "pkg/contents/link");
    let package = place
        .loader
        .load_package_at("Test/Link", place.at("pkg"))
        .unwrap();
    assert_eq!(package.key_path("file"), Some(file.into()));
}

#[test]
#[cfg(target_os = "linux")]
fn names_that_are_not_unicode_work() {
    use std::os::unix::ffi::OsStrExt as _;
    let place = Place::new();
    let folder = OsStr::from_bytes(b"p\xffkg");
    let name = OsStr::from_bytes(b"b\xfe.qml");
    let ui = place.at(folder).join("contents/ui");
    fs::create_dir_all(&ui).unwrap();
    fs::write(ui.join("main.qml"), "").unwrap();
    fs::write(ui.join(name), "").unwrap();
    let package = place.basic_at(folder);
    assert_eq!(package.path(), Some(place.at(folder).as_path()));
    assert_eq!(package.file_path("ui", name), Some(ui.join(name).into()));
    assert_eq!(package.entry_list("ui"), [name, OsStr::new("main.qml")]);
    assert!(
        package
            .file_url("ui", name)
            .unwrap()
            .ends_with("p%FFkg/contents/ui/b%FE.qml")
    );
}

#[test]
fn entries_are_files_in_order() {
    let place = Place::new();
    place.package("pkg");
    for name in ["b", "A", "B2", "a10", "_x", ".hidden", "sub/deep", "Ä"] {
        place.write(format!("pkg/contents/ui/{name}"), "");
    }
    let package = place.basic_at("pkg");
    assert_eq!(
        package.entry_list("ui"),
        ["_x", "A", "a10", "b", "B2", "main.qml", "Ä"]
    );
    assert_eq!(package.entry_list("images"), [""; 0]);
    assert_eq!(package.entry_list("unknown"), [""; 0]);
    assert_eq!(
        package.entry_list("mainscript"),
        [place.at("pkg/contents/ui/main.qml")]
    );
    assert_eq!(place.basic().entry_list("ui"), [""; 0]);
}

#[test]
#[cfg(unix)]
fn entries_are_regular_files() {
    let place = Place::new();
    place.package("pkg");
    let pipe = place.at("pkg/contents/ui/pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(pipe)
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(place.basic_at("pkg").entry_list("ui"), ["main.qml"]);
}

#[test]
#[cfg(unix)]
fn entries_are_readable() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    place.package("pkg");
    let file = place.write("pkg/contents/ui/secret", "");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::File::open(&file).is_ok() {
        super::support::skipped("unreadable folders: root may read everything");
        return;
    }
    assert_eq!(place.basic_at("pkg").entry_list("ui"), ["main.qml"]);
}

#[test]
fn found_files_are_remembered_until_something_changes() {
    let place = Place::new();
    place.package("pkg");
    let file = place.write("pkg/contents/ui/x", "");
    let mut package = place.basic_at("pkg");
    assert_eq!(package.file_path("ui", "late"), None);
    let late = place.write("pkg/contents/ui/late", "");
    assert_eq!(package.file_path("ui", "late"), Some(late.into()));

    assert_eq!(package.file_path("ui", "x"), Some(file.clone().into()));
    fs::remove_file(&file).unwrap();
    assert_eq!(package.file_path("ui", "x"), Some(file.into()));
    let copy = package.clone();
    package.remove_definition("images");
    assert_eq!(package.file_path("ui", "x"), None);
    assert!(copy.file_path("ui", "x").is_some(), "a copy is not changed");

    package.remove_definition("ui");
    assert_eq!(package.file_path("ui", "main.qml"), None);
    assert_eq!(copy.entry_list("ui"), ["late", "main.qml"]);
}

#[test]
fn a_fallback_gives_what_is_missing_while_it_is_valid() {
    let place = Place::new();
    place.package("main");
    fs::remove_file(place.at("main/metadata.json")).unwrap();
    place.package("other");
    let extra = place.write("other/contents/ui/extra", "");
    let mut package = place.basic_at("main");
    assert_eq!(package.file_path("ui", "extra"), None);
    let mut other = place.basic_at("other");
    package.set_fallback_package(Some(other.clone())).unwrap();
    assert_eq!(package.file_path("ui", "extra"), Some(extra.clone().into()));
    assert_eq!(package.key_path("metadata"), None);
    assert_eq!(package.entry_list("ui"), ["main.qml"]);
    assert_eq!(
        package.find_file("ui", "none"),
        Err(FileError::NotFound {
            tried: vec![
                place.at("main/contents/ui/none"),
                place.at("other/contents/ui/none")
            ]
        })
    );

    other.set_required("images", true);
    assert!(!other.is_valid());
    package.set_fallback_package(Some(other)).unwrap();
    assert_eq!(package.file_path("ui", "extra"), None);
    package.set_fallback_package(None).unwrap();
    assert!(package.fallback_package().is_none());
}

#[test]
fn a_package_is_not_its_own_fallback() {
    let place = Place::new();
    place.package("a");
    place.package("b");
    let mut a = place.basic_at("a");
    let mut b = place.basic_at("b");
    b.set_fallback_package(Some(a.clone())).unwrap();
    for fallback in [a.clone(), b] {
        let error = a.set_fallback_package(Some(fallback)).unwrap_err();
        assert_eq!(error.code(), "fallback-cycle");
    }
    assert!(a.fallback_package().is_none());
}
