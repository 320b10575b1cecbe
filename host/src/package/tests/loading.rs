//! Types, and the packages that are installed.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use super::support::{Place, Structure, basic};
use crate::package::{LoadError, Package, PackageLoader};

#[test]
fn types_that_are_none_or_not_known() {
    let place = Place::new();
    for (type_name, code) in [
        ("", "bad-type-name"),
        ("x", "bad-type-name"),
        ("No/Such", "unknown-type"),
    ] {
        let load = || place.loader.load_package(type_name).unwrap_err();
        assert_eq!(load().code(), code, "{type_name}");
        let list = place.loader.list_packages(type_name, None);
        assert_eq!(list.unwrap_err().code(), code, "{type_name}");
    }
    assert!(
        place
            .loader
            .add_known_package_structure("x", basic())
            .is_err()
    );
}

#[test]
fn an_init_that_fails_is_tried_again() {
    let place = Place::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    place.know(
        "Test/Flaky",
        Structure::new(move |_| match counter.fetch_add(1, Ordering::Relaxed) {
            0 => Err("not yet".into()),
            _ => Ok(()),
        }),
    );
    let error = place.loader.load_package("Test/Flaky").unwrap_err();
    assert_eq!(error.code(), "plugin-failed");
    assert!(error.to_string().ends_with("not yet"), "{error}");
    assert!(place.loader.load_package("Test/Flaky").is_ok());
}

#[test]
fn a_type_that_needs_itself_is_a_cycle() {
    let place = Place::new();
    place.know(
        "Test/Self",
        Structure::new(|package| package.set_fallback_package("Test/Self", Path::new("x"))),
    );
    let error = place.loader.load_package("Test/Self").unwrap_err();
    assert!(matches!(error, LoadError::Fault(_)));
    assert!(
        error.to_string().ends_with(
            "cycle: the type `Test/Self` needs itself while its structure is being initialised"
        ),
        "{error}"
    );
}

#[test]
fn two_types_that_need_each_other_are_a_cycle_from_any_number_of_threads() {
    let place = Place::new();
    for (name, other) in [("Test/A", "Test/B"), ("Test/B", "Test/A")] {
        place.know(
            name,
            Structure::new(move |package| {
                package.set_fallback_package(other, Path::new("x"))?;
                Ok(())
            }),
        );
    }
    thread::scope(|scope| {
        for name in ["Test/A", "Test/B"].repeat(4) {
            let loader = &place.loader;
            scope.spawn(move || assert!(loader.load_package(name).is_err()));
        }
    });
}

#[test]
fn init_runs_once_for_sixteen_threads() {
    let place = Place::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    place.know(
        "Test/Slow",
        Structure::new(move |package| {
            counter.fetch_add(1, Ordering::Relaxed);
            thread::sleep(std::time::Duration::from_millis(5));
            package.add_directory_definition("ui", "ui", "");
            Ok(())
        }),
    );
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let package = place.loader.load_package("Test/Slow").unwrap();
                assert_eq!(package.directories(), ["ui"]);
            });
        }
    });
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    place.loader.refresh();
    place.loader.load_package("Test/Slow").unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[test]
fn a_structure_may_use_the_loader_while_it_is_called() {
    static LOADER: OnceLock<PackageLoader> = OnceLock::new();
    let place = Place::new();
    place.know(
        "Test/User",
        basic().on_path(|_| {
            let loader = LOADER.get().ok_or("no loader")?;
            loader.load_package("Test/User")?;
            Ok(())
        }),
    );
    LOADER.set(place.loader.clone()).unwrap();
    place.package("pkg");
    assert!(
        place
            .loader
            .load_package_at("Test/User", place.at("pkg"))
            .is_ok()
    );
}

#[test]
fn every_type_has_metadata() {
    let place = Place::new();
    for (type_name, file) in [("Test/Own", "about.toml"), ("Test/Toml", "package.toml")] {
        place.know(
            type_name,
            Structure::new(move |package| {
                package.add_file_definition("metadata", file, "Package");
                package.set_required("metadata", true);
                Ok(())
            }),
        );
    }
    let key = |type_name| {
        let package = place.loader.load_package(type_name).unwrap();
        package.definition().key("metadata").unwrap().clone()
    };
    assert_eq!(
        key("Test/Basic").paths(),
        ["metadata.json", "metadata.desktop"]
    );
    let own = key("Test/Own");
    assert_eq!(
        own.paths(),
        ["about.toml", "metadata.json", "metadata.desktop"]
    );
    assert!(own.is_required());
    // A format that KPackage does not know has a file of its own.
    assert_eq!(key("Test/Toml").paths(), ["package.toml"]);
}

#[test]
fn a_type_may_name_a_first_package_and_a_fallback() {
    let place = Place::new();
    let first = place.package("system/test/look/breeze");
    let fallback = place.package("home/test/basic/base");
    place.know(
        "Test/Look",
        Structure::new(|package| {
            package.set_default_package_root("test/look");
            assert!(package.set_path(Path::new("no-such")).is_err());
            package.set_path(Path::new("breeze"))?;
            assert!(
                package
                    .set_fallback_package("No/Such", Path::new("x"))
                    .is_err()
            );
            package.set_fallback_package("Test/Basic", Path::new("base"))?;
            Ok(())
        }),
    );
    let package = place.loader.load_package("Test/Look").unwrap();
    assert_eq!(package.path(), Some(first.as_path()));
    let path = package.fallback_package().and_then(Package::path);
    assert_eq!(path, Some(fallback.as_path()));

    // When they go away, the type still works.
    std::fs::remove_dir_all(&first).unwrap();
    std::fs::remove_dir_all(&fallback).unwrap();
    let package = place.loader.load_package("Test/Look").unwrap();
    assert_eq!(package.path(), None);
    let problems = package.validate();
    assert_eq!(problems[0].code(), "package-not-found");
    assert!(package.fallback_package().is_none());
}

#[test]
fn loaders_and_packages_cross_threads() {
    fn check<T: Clone + Send + Sync + 'static>() {}
    check::<PackageLoader>();
    check::<Package>();
}

fn listed(place: &Place, root: Option<&str>) -> Vec<String> {
    let root = root.map(|root| place.at(root));
    let packages = place
        .loader
        .list_packages("Test/Basic", root.as_deref())
        .unwrap();
    packages
        .iter()
        .map(|package| {
            let path = package.path().strip_prefix(place.at("")).unwrap();
            let mut line = format!("{} {}", package.id(), path.display());
            for (is, word) in [
                (!package.is_valid(), " invalid"),
                (package.is_untyped(), " untyped"),
            ] {
                if is {
                    line.push_str(word);
                }
            }
            line
        })
        .collect()
}

#[test]
fn broken_packages_do_not_stop_a_listing() {
    let place = Place::new();
    place.package("home/test/basic/good");
    place.write("home/test/basic/broken/metadata.json", "{broken");
    place.write("home/test/basic/empty/metadata.json", "{}");
    place.write("home/test/basic/file", "");
    std::fs::create_dir_all(place.at("home/test/basic/folder/metadata.json")).unwrap();
    assert_eq!(listed(&place, None), ["good home/test/basic/good"]);
    assert_eq!(listed(&place, Some("nowhere")), [""; 0]);
}

#[test]
fn the_first_data_folder_wins_even_if_invalid() {
    let place = Place::new();
    place.package("home/test/basic/a");
    std::fs::remove_dir_all(place.at("home/test/basic/a/contents")).unwrap();
    for path in [
        "system/test/basic/a",
        "system/test/basic/b",
        "system/test/basic/deep/er/c",
    ] {
        place.package(path);
    }
    let twice = r#"{"KPlugin": {"Id": "b"}, "KPackageStructure": "Test/Basic"}"#;
    place.write("system/test/basic/0/metadata.json", twice);
    assert_eq!(
        listed(&place, None),
        [
            "a home/test/basic/a invalid",
            "b system/test/basic/0 invalid",
            "c system/test/basic/deep/er/c",
        ]
    );
}

#[test]
fn a_type_is_what_the_metadata_say_or_where_the_package_lies() {
    let place = Place::new();
    for (id, metadata) in [
        (
            "list",
            r#"{"KPlugin": {"Id": "list"}, "KPackageStructure": ["Test/Basic"]}"#,
        ),
        (
            "both",
            r#"{"KPlugin": {"Id": "both"}, "KPackageStructure": ["Test/Basic", "A/B"]}"#,
        ),
        (
            "other",
            r#"{"KPlugin": {"Id": "other"}, "KPackageStructure": "Other/Type"}"#,
        ),
        (
            "service",
            r#"{"KPlugin": {"Id": "service", "ServiceTypes": ["A/B", "Test/Basic"]}}"#,
        ),
        ("untyped", r#"{"KPlugin": {"Id": "untyped"}}"#),
        (
            "hidden",
            r#"{"KPlugin": {"Id": "hidden"}, "KPackageStructure": "Test/Basic", "isHidden": true}"#,
        ),
    ] {
        place.write(format!("r/{id}/metadata.json"), metadata);
        place.write(format!("r/{id}/contents/ui/main.qml"), "");
    }
    place.write(
        "r/old/metadata.desktop",
        "[Desktop Entry]\nX-KDE-PluginInfo-Name=old\n",
    );
    place.write("r/old/contents/ui/main.qml", "");
    assert_eq!(
        listed(&place, Some("r")),
        [
            "hidden r/hidden invalid",
            "list r/list",
            "old r/old untyped",
            "service r/service",
            "untyped r/untyped untyped",
        ]
    );
}

#[test]
#[cfg(unix)]
fn hidden_folders_and_links_are_not_walked() {
    let place = Place::new();
    place.package("r/.hidden");
    place.package("elsewhere/linked");
    place.link(place.at("elsewhere/linked"), "r/linked");
    place.link("..", "r/loop");
    let outside = place.write(
        "outside.json",
        r#"{"KPlugin": {"Id": "outside"}, "KPackageStructure": "Test/Basic"}"#,
    );
    place.link(outside, "r/outside/metadata.json");
    place.package("r/inside");
    std::fs::rename(
        place.at("r/inside/metadata.json"),
        place.at("r/inside/m.json"),
    )
    .unwrap();
    place.link("m.json", "r/inside/metadata.json");
    assert_eq!(listed(&place, Some("r")), ["inside r/inside"]);
}
