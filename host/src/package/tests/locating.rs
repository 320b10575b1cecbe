//! Paths and names to packages.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::support::{Place, Structure, basic};
use crate::package::{PackageError, PassedOver, Severity};

#[test]
fn what_is_not_there_is_an_error_and_ends_what_was() {
    let place = Place::new();
    place.package("pkg");
    let mut package = place.basic_at("pkg");
    let missing = place.at("missing");
    let error = package.set_path(&missing).unwrap_err();
    assert_eq!(error.code(), "package-not-found");
    assert_eq!(
        error.to_string(),
        format!(
            "there is no package `{}`: nothing is there",
            missing.display()
        )
    );
    assert_eq!(package.path(), None);
    assert!(!package.is_valid());
    assert!(package.metadata().is_none());
    assert_eq!(package.file_path("ui", "main.qml"), None);
    let [problem] = &package.validate()[..] else {
        panic!("one problem");
    };
    assert_eq!(problem.code(), "package-not-found");
    assert_eq!(problem.path(), Some(missing.as_path()));

    package.set_path(place.at("pkg")).unwrap();
    assert!(package.is_valid());
}

#[test]
fn names_that_are_no_paths() {
    let place = Place::new();
    let mut package = place.basic();
    let error = package.set_path("user\0x").unwrap_err();
    assert_eq!(error.code(), "nul-in-path");
    assert_eq!(
        error.to_string(),
        "the name `user\\u{0}x` holds a NUL character, which no path has"
    );
}

#[test]
fn a_file_is_no_package() {
    let place = Place::new();
    let file = place.write("archive.zip", "text");
    let error = place.basic().set_path(&file).unwrap_err();
    let PackageError::NotFound { tried, .. } = &error else {
        panic!("{error}");
    };
    assert!(matches!(tried[0].why, PassedOver::NotAFolder));
    assert_eq!(
        error.to_string(),
        format!("there is no package `{}`: it is no folder", file.display())
    );
    assert_eq!(
        error.hint(),
        Some(if cfg!(feature = "archive") {
            "a package is a folder, or an archive that is named by its absolute path"
        } else {
            "a package is a folder; the feature `archive` of `keyway` lets it be an archive"
        })
    );
}

#[test]
fn a_name_is_looked_for_in_the_data_folders_only() {
    let place = Place::new();
    place.package("test/basic/x");
    place.package("home/x");
    let mut package = place.basic();
    let error = package.set_path("x").unwrap_err();
    let PackageError::NotFound { asked, tried } = error else {
        panic!("{error}");
    };
    assert_eq!(asked, Path::new("x"));
    let tried: Vec<_> = tried.into_iter().map(|place| place.path).collect();
    assert_eq!(
        tried,
        [
            place.at("home/test/basic/x"),
            place.at("system/test/basic/x")
        ]
    );
    assert!(package.set_path("src/x").unwrap_err().hint().is_some());
    // Why a place was passed over is told where it is not simply missing.
    let file = place.write("system/test/basic/x", "");
    assert_eq!(
        package.set_path("x").unwrap_err().to_string(),
        format!(
            "there is no package `x`: looked for `{}`, `{}` (it is no folder)",
            place.at("home/test/basic/x").display(),
            file.display()
        )
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_package_root_need_not_be_unicode() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let place = Place::new();
    place.package("made/x");
    let root = OsStr::from_bytes(b"no\xffunicode");
    std::fs::rename(place.at("made"), place.at(root)).unwrap();
    let mut package = place.basic();
    assert!(package.set_path_below("made", "x").is_err());
    package.set_path_below(place.at(root), "x").unwrap();
    assert_eq!(package.path(), Some(place.at(root).join("x").as_path()));

    // A relative one is taken below each data folder.
    let folder = place.at("system");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::rename(place.at(root), folder.join(root)).unwrap();
    package.set_path_below(root, "x").unwrap();
    assert_eq!(package.path(), Some(folder.join(root).join("x").as_path()));
    // The type's own root is as it was.
    assert_eq!(package.default_package_root(), Some("test/basic/"));
}

#[test]
fn the_users_package_wins_unless_it_is_invalid() {
    let place = Place::new();
    let user = place.package("home/test/basic/x");
    let system = place.package("system/test/basic/x");
    let mut package = place.basic();
    package.set_path("x").unwrap();
    assert_eq!(package.path(), Some(user.as_path()));
    package.set_path("./x/").unwrap();
    assert_eq!(package.path(), Some(user.as_path()));

    std::fs::remove_file(user.join("contents/ui/main.qml")).unwrap();
    package.set_path("x").unwrap();
    assert_eq!(package.path(), Some(system.as_path()));

    std::fs::remove_dir_all(system.join("contents")).unwrap();
    let error = package.set_path("x").unwrap_err();
    let PackageError::Invalid { path, tried, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!((path, tried.len()), (&user, 2));
    assert_eq!(
        error.to_string(),
        format!(
            "`{0}` is not a valid package of type `Test/Basic`: the required key `mainscript` does not resolve: there is no such file: looked for `{0}/contents/ui/main.qml`",
            user.display()
        )
    );
}

#[test]
#[cfg(unix)]
fn a_path_is_canonical() {
    let place = Place::new();
    let real = place.package("real/pkg");
    place.link(place.at("real"), "alias");
    for path in [
        "alias/pkg",
        "real//pkg/",
        "real/./pkg/.",
        "alias/../real/pkg",
    ] {
        assert_eq!(place.basic_at(path).path(), Some(real.as_path()), "{path}");
    }
}

#[test]
fn each_path_starts_from_the_type_and_what_the_application_changed() {
    let place = Place::new();
    place.know(
        "Test/Main",
        basic().on_path(|package| {
            if let Some(path) = package.metadata_value("X-Main") {
                package.add_file_definition("mainscript", &path, "");
            }
            Ok(())
        }),
    );
    for (id, main) in [("a", "ui/a.qml"), ("b", "ui/b.qml")] {
        let metadata = format!(r#"{{"KPlugin": {{"Id": "{id}"}}, "X-Main": "{main}"}}"#);
        place.write(format!("{id}/metadata.json"), metadata);
        place.write(format!("{id}/contents/ui/{id}.qml"), "");
    }
    let mut package = place.loader.load_package("Test/Main").unwrap();
    package.add_file_definition("mainscript", "own.qml", "");
    for id in ["a", "b", "a"] {
        package.set_path(place.at(id)).unwrap();
        let expected = place.at(format!("{id}/contents/ui/{id}.qml"));
        assert_eq!(package.key_path("mainscript"), Some(expected.into()));
        let (_, entry) = package
            .definitions()
            .find(|(key, _)| *key == "mainscript")
            .unwrap();
        assert_eq!(
            entry.paths(),
            ["ui/main.qml", "own.qml", &format!("ui/{id}.qml")]
        );
    }
    // Another package of the type is as the type says.
    let other = place.loader.load_package("Test/Main").unwrap();
    assert_eq!(
        other.definition().key("mainscript").unwrap().paths(),
        ["ui/main.qml"]
    );
}

#[test]
fn the_empty_path_is_no_package() {
    let place = Place::new();
    place.package("pkg");
    let mut package = place.basic_at("pkg");
    package.set_path("").unwrap();
    assert_eq!((package.path(), package.is_valid()), (None, false));
    assert_eq!(package.validate()[0].code(), "no-package");
    assert!(package.examination().is_none());
}

#[test]
fn a_structure_may_set_another_path() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let place = Place::new();
    place.know(
        "Test/Move",
        basic().on_path(|package| {
            CALLS.fetch_add(1, Ordering::Relaxed);
            let inner = package.path().unwrap_or_default().join("inner");
            if inner.exists() {
                package.add_directory_definition("before", "ui", "");
                package.set_path(&inner)?;
                assert_eq!(package.path(), Some(inner));
                package.add_directory_definition("between", "ui", "");
            }
            package.add_directory_definition("after", "ui", "");
            Ok(())
        }),
    );
    let inner = place.package("pkg/inner");
    let package = place
        .loader
        .load_package_at("Test/Move", place.at("pkg"))
        .unwrap();
    assert_eq!(package.path(), Some(inner.as_path()));
    assert_eq!(package.directories(), ["after", "between", "images", "ui"]);
    assert_eq!(CALLS.load(Ordering::Relaxed), 2);
}

#[test]
fn a_structure_may_take_a_file_as_its_folder() {
    let place = Place::new();
    place.know(
        "Test/Single",
        basic().on_path(|package| {
            let path = package.path().unwrap_or_default();
            if path.is_file() && path.extension().is_some_and(|it| it == "png") {
                package.set_path(path.parent().unwrap_or(&path))?;
                package.set_required("mainscript", false);
                package.add_file_definition("single", "../a.png", "");
            }
            Ok(())
        }),
    );
    let load = |path| place.loader.load_package_at("Test/Single", path);
    // Another file is no package, and neither is one that is named like a package, nor a folder.
    let text = place.write("folder/a.txt", "");
    assert_eq!(load(text).unwrap_err().code(), "package-not-found");
    let picture = place.write("folder/a.png", "");
    place.write("home/test/basic/b.png", "");
    assert_eq!(
        load("b.png".into()).unwrap_err().code(),
        "package-not-found"
    );
    assert_eq!(
        load(place.at("folder")).unwrap_err().code(),
        "package-invalid"
    );

    place.write("folder/metadata.json", r#"{"KPlugin": {"Id": "folder"}}"#);
    let mut package = load(picture.clone()).unwrap();
    assert_eq!(package.path(), Some(&*place.at("folder")));
    assert_eq!(package.metadata().unwrap().id(), Some("folder"));
    assert_eq!(package.definition().key("single").unwrap().paths().len(), 1);
    // What was said of the picture is gone with it.
    assert!(package.set_path(place.at("folder")).is_err());
    assert!(package.definition().key("single").is_none());
}

#[test]
fn a_structure_asks_metadata_by_key() {
    let place = Place::new();
    place.know(
        "Test/Asking",
        basic().on_path(|package| {
            for (key, question) in [
                ("id", "KPlugin.Id"),
                ("types", "KPlugin.ServiceTypes"),
                ("none", "KPlugin.Nothing"),
                ("inner", "KPlugin.X"),
                ("dotted", "X.Y"),
                ("object", "KPlugin"),
            ] {
                let answer = package.metadata_value(question);
                package.add_file_definition(key, "x", answer.as_deref().unwrap_or("nothing"));
            }
            Ok(())
        }),
    );
    place.package("pkg");
    let answers = |metadata: &str| {
        place.write("pkg/metadata.json", metadata);
        let path = place.at("pkg");
        let package = place.loader.load_package_at("Test/Asking", path).unwrap();
        ["id", "types", "none", "inner", "dotted", "object"]
            .map(|key| package.definition().key(key).unwrap().name().to_owned())
    };
    let all =
        r#"{"KPlugin": {"Id": "a", "ServiceTypes": ["b", "c"]}, "KPlugin.X": "d", "X.Y": "e"}"#;
    assert_eq!(
        answers(all),
        ["a", "b,c", "nothing", "nothing", "e", "nothing"]
    );
    // As everywhere, the file's name stands for an id that is missing.
    let none = [
        "metadata", "nothing", "nothing", "nothing", "nothing", "nothing",
    ];
    assert_eq!(answers(r#"{"KPlugin": {"Id": ""}}"#), none);
    assert_eq!(answers("{}"), ["nothing"; 6]);
}

#[test]
fn a_structure_that_never_stops_moving_is_stopped() {
    let place = Place::new();
    place.know(
        "Test/Restless",
        basic().on_path(|package| {
            let path = package.path().unwrap_or_default();
            let other = if path.ends_with("a") { "b" } else { "a" };
            package.set_path(&path.with_file_name(other))
        }),
    );
    place.package("a");
    place.package("b");
    let mut package = place.loader.load_package("Test/Restless").unwrap();
    let error = package.set_path(place.at("a")).unwrap_err();
    assert_eq!(error.code(), "path-changed-loop");
    assert_eq!(package.path(), None);
    assert_eq!(package.validate()[0].code(), "path-changed-loop");
}

#[test]
fn a_structure_that_fails_leaves_no_path() {
    let place = Place::new();
    place.know(
        "Test/Failing",
        basic().on_path(|package| match package.path() {
            Some(path) if path.ends_with("bad") => Err("no luck".into()),
            _ => Ok(()),
        }),
    );
    place.package("good");
    place.package("bad");
    let mut package = place.loader.load_package("Test/Failing").unwrap();
    package.set_path(place.at("good")).unwrap();
    let error = package.set_path(place.at("bad")).unwrap_err();
    assert_eq!(error.code(), "plugin-failed");
    assert!(
        error
            .to_string()
            .contains("type `Test/Failing`, method `path_changed`")
    );
    assert_eq!(package.path(), None);
    package.set_path(place.at("good")).unwrap();
    assert!(package.is_valid());
}

#[test]
fn metadata_that_are_set_hold_until_the_next_path() {
    let place = Place::new();
    place.know(
        "Test/Meta",
        basic().on_path(|package| package.set_metadata(r#"{"KPlugin": {"Id": "set"}}"#)),
    );
    place.package("pkg");
    let mut package = place
        .loader
        .load_package_at("Test/Meta", place.at("pkg"))
        .unwrap();
    assert_eq!(package.metadata().unwrap().id(), Some("set"));
    assert_eq!(package.metadata().unwrap().file(), None);
    let mut basic = place.basic_at("pkg");
    basic.set_metadata(package.metadata().unwrap().document().clone());
    assert_eq!(basic.metadata().unwrap().id(), Some("set"));
    basic.set_path(place.at("pkg")).unwrap();
    assert_eq!(basic.metadata().unwrap().id(), Some("pkg"));
    package.set_path("").unwrap();
    assert_eq!(package.metadata().unwrap().id(), Some("set"));
}

#[test]
#[cfg(unix)]
fn metadata_name_a_fallback_and_never_a_folder() {
    let place = Place::new();
    place.know("Plasma/Applet", basic());
    place.package("home/test/basic/base");
    place.write("home/test/basic/base/contents/images/x", "");
    // A folder that looks like an applet, elsewhere.
    let elsewhere = place.package("elsewhere/base");
    place.write("elsewhere/base/contents/images/x", "secret");
    let absolute = elsewhere.display().to_string();
    for name in [
        absolute.as_str(),
        "/",
        "..",
        "../../../elsewhere/base",
        "base/../../../../elsewhere/base",
        "base/",
        "./base",
        ".",
        "sub/base",
    ] {
        place.write(
            "pkg/metadata.json",
            format!(
                r#"{{"KPlugin": {{"Id": "pkg"}}, "KPackageStructure": "Test/Basic", "X-Plasma-RootPath": "{name}"}}"#
            ),
        );
        place.write("pkg/contents/ui/main.qml", "");
        let package = place.basic_at("pkg");
        assert_eq!(package.file_path("images", "x"), None, "{name}");
        assert!(package.fallback_package().is_none(), "{name}");
        let [problem] = &package.validate()[..] else {
            panic!("one problem: {name}");
        };
        assert_eq!(
            (problem.severity(), problem.code()),
            (Severity::Warning, "fallback-refused")
        );
        assert_eq!(
            problem.message(),
            format!(
                "the fallback package that `X-Plasma-RootPath` names does not count: `{name}` is no plain name"
            )
        );
    }
}

#[test]
fn fallbacks_of_fallbacks_come_to_an_end() {
    let place = Place::new();
    place.know(
        "Plasma/Applet",
        Structure::new(|package| {
            package.set_default_package_root("plasma/plasmoids");
            package.add_file_definition("mainscript", "ui/main.qml", "");
            Ok(())
        }),
    );
    // a -> b -> a, self -> self, and a row of twenty.
    let applet = |id: &str, root: &str| {
        place.write(
            format!("home/plasma/plasmoids/{id}/metadata.json"),
            format!(r#"{{"KPlugin": {{"Id": "{id}"}}, "X-Plasma-RootPath": "{root}"}}"#),
        );
    };
    applet("a", "b");
    applet("b", "a");
    applet("self", "self");
    for number in 0..20 {
        applet(&format!("n{number}"), &format!("n{}", number + 1));
    }
    for id in ["a", "self", "n0"] {
        let package = place.loader.load_package_at("Plasma/Applet", id).unwrap();
        assert!(package.is_valid());
        assert_eq!(package.key_path("mainscript"), None);
    }
    let package = place
        .loader
        .load_package_at("Plasma/Applet", "self")
        .unwrap();
    assert!(package.fallback_package().is_none());
    let problems = package.validate();
    let problem = problems
        .iter()
        .find(|problem| problem.code() == "fallback-missing")
        .unwrap();
    assert!(
        problem.message().contains("would be its own fallback"),
        "{problem}"
    );
}

#[test]
fn a_structure_that_falls_back_to_one_package_always() {
    let place = Place::new();
    place.know(
        "Test/Look",
        basic().on_path(|package| {
            match package.set_fallback_package("Test/Look", Path::new("default")) {
                Err(error) if keyway_plugin::is_cycle(error.as_ref()) => Ok(()),
                result => result,
            }
        }),
    );
    place.package("home/test/basic/default");
    let extra = place.write("home/test/basic/default/contents/images/x", "");
    place.package("other");
    let package = place
        .loader
        .load_package_at("Test/Look", place.at("other"))
        .unwrap();
    assert_eq!(package.file_path("images", "x"), Some(extra.into()));
    let default = place
        .loader
        .load_package_at("Test/Look", "default")
        .unwrap();
    assert!(default.fallback_package().is_none());
    // A warning says so, though the structure does without.
    let problems = default.validate();
    assert!(
        problems
            .iter()
            .any(|problem| problem.code() == "fallback-missing"
                && problem.message().contains("that its type names"))
    );
}

#[test]
fn a_long_row_of_fallbacks_is_not_asked_again_and_again() {
    const KEYS: [&str; 4] = ["a", "b", "c", "d"];
    let place = Place::new();
    place.know(
        "Plasma/Applet",
        Structure::new(|package| {
            package.set_default_package_root("plasma/plasmoids");
            for key in KEYS {
                package.add_file_definition(key, key, "");
                package.set_required(key, true);
            }
            Ok(())
        }),
    );
    for number in 0..15 {
        place.write(
            format!("home/plasma/plasmoids/n{number}/metadata.json"),
            format!(r#"{{"X-Plasma-RootPath": "n{}"}}"#, number + 1),
        );
    }
    for key in KEYS {
        place.write(format!("home/plasma/plasmoids/n15/contents/{key}"), "");
    }
    let package = place.loader.load_package_at("Plasma/Applet", "n0").unwrap();
    let expected = place.at("home/plasma/plasmoids/n15/contents/d");
    assert_eq!(package.key_path("d"), Some(expected.into()));
    assert_eq!(package.file_path("d", "none"), None);
}
