//! What is wrong with a package.

use std::fs;

use super::support::{Place, Structure, basic};
use crate::package::{Package, Severity};

fn problems(package: &Package) -> Vec<(Severity, &'static str, Option<String>)> {
    package
        .validate()
        .iter()
        .map(|problem| {
            (
                problem.severity(),
                problem.code(),
                problem.key().map(str::to_owned),
            )
        })
        .collect()
}

fn error(code: &'static str, key: &str) -> (Severity, &'static str, Option<String>) {
    (Severity::Error, code, Some(key.to_owned()))
}

fn warning(code: &'static str, key: &str) -> (Severity, &'static str, Option<String>) {
    (Severity::Warning, code, Some(key.to_owned()))
}

#[test]
fn an_invalid_package_can_still_be_looked_at() {
    let place = Place::new();
    let folder = place.package("pkg");
    place.write("pkg/contents/ui/other.qml", "");
    fs::remove_file(folder.join("contents/ui/main.qml")).unwrap();
    let mut package = place.basic();
    assert!(package.set_path(&folder).is_err());
    assert_eq!((package.path(), package.is_valid()), (None, false));
    assert!(package.metadata().is_none());
    assert_eq!(package.entry_list("ui"), [""; 0]);
    assert_eq!(
        problems(&package),
        [error("required-missing", "mainscript")]
    );

    let examination = package.examination().unwrap();
    assert_eq!(examination.path(), folder);
    assert_eq!(examination.metadata().unwrap().id(), Some("pkg"));
    assert_eq!(examination.entry_list("ui"), ["other.qml"]);
    assert_eq!(
        examination.file_path("ui", "other.qml"),
        Some(folder.join("contents/ui/other.qml").into())
    );
    assert_eq!(examination.file_path("mainscript", ""), None);
    assert!(examination.definition().is_required("mainscript"));

    // The package does not mend itself behind the application's back.
    place.write("pkg/contents/ui/main.qml", "");
    assert_eq!(package.validate()[0].code(), "path-not-set");
    assert!(!package.is_valid());
    package.set_path(&folder).unwrap();
    assert_eq!(problems(&package), []);
}

#[test]
#[cfg(unix)]
fn a_required_file_that_lies_outside() {
    let place = Place::new();
    let folder = place.package("pkg");
    let outside = place.write("main.qml", "");
    fs::remove_file(folder.join("contents/ui/main.qml")).unwrap();
    place.link(outside, "pkg/contents/ui/main.qml");
    let mut package = place.basic();
    assert!(package.set_path(&folder).is_err());
    assert_eq!(
        problems(&package),
        [
            error("required-outside", "mainscript"),
            (Severity::Warning, "link-leaves", None)
        ]
    );
}

#[test]
fn a_hidden_package_is_invalid() {
    let place = Place::new();
    place.package("h");
    let hidden =
        r#"{"KPlugin": {"Id": "h"}, "KPackageStructure": "Test/Basic", "isHidden": "true"}"#;
    place.write("h/metadata.json", hidden);
    let mut package = place.basic();
    assert!(package.set_path(place.at("h")).is_err());
    assert_eq!(problems(&package), [error("hidden", "metadata")]);
}

#[test]
fn warnings_leave_a_package_valid() {
    let place = Place::new();
    place.package("pkg");
    for (metadata, expected) in [
        (
            r#"{"KPlugin": {"Id": "pkg"}, "KPackageStructure": "Test/Basic"}"#,
            &[][..],
        ),
        (r#"{"KPlugin": {"Id": "pkg"}}"#, &["untyped"]),
        (
            r#"{"KPlugin": {"Id": "pkg"}, "KPackageStructure": "A/B"}"#,
            &["type-differs"],
        ),
        (
            r#"{"KPlugin": {"Id": "x"}, "KPackageStructure": "Test/Basic"}"#,
            &["id-differs"],
        ),
        (r#"{"KPackageStructure": "Test/Basic"}"#, &["id-missing"]),
        ("{}", &["metadata-empty"]),
        ("{\n  broken", &["metadata-malformed"]),
        ("", &["metadata-malformed"]),
    ] {
        place.write("pkg/metadata.json", metadata);
        let package = place.basic_at("pkg");
        let expected: Vec<_> = expected
            .iter()
            .map(|code| warning(code, "metadata"))
            .collect();
        assert_eq!(problems(&package), expected, "{metadata}");
    }
    place.write("pkg/metadata.json", "{\n  broken");
    let message = place.basic_at("pkg").validate()[0].message().to_owned();
    assert!(
        message.contains("malformed JSON at line 2, column 3"),
        "{message}"
    );

    fs::remove_file(place.at("pkg/metadata.json")).unwrap();
    assert_eq!(
        problems(&place.basic_at("pkg")),
        [warning("metadata-missing", "metadata")]
    );
}

#[test]
fn metadata_that_cannot_be_read_are_a_warning() {
    let place = Place::new();
    place.package("pkg");
    let file = place.at("pkg/metadata.json");
    place.write("pkg/metadata.json", vec![b' '; (4 << 20) + 1]);
    assert_eq!(
        problems(&place.basic_at("pkg")),
        [warning("metadata-too-large", "metadata")]
    );

    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let code = |package: &Package| package.validate()[0].code();
    assert_eq!(code(&place.basic_at("pkg")), "metadata-not-a-file");
}

#[test]
#[cfg(unix)]
fn metadata_that_are_a_pipe_do_not_hang() {
    let place = Place::new();
    place.package("pkg");
    let file = place.at("pkg/metadata.json");
    fs::remove_file(&file).unwrap();
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&file)
            .status()
            .unwrap()
            .success()
    );
    let package = place.basic_at("pkg");
    assert!(package.metadata().is_none());
    assert_eq!(
        problems(&package),
        [warning("metadata-not-a-file", "metadata")]
    );
}

#[test]
#[cfg(unix)]
fn metadata_that_lie_outside_do_not_count() {
    let place = Place::new();
    place.package("pkg");
    let file = place.at("pkg/metadata.json");
    let outside = place.at("outside.json");
    fs::rename(&file, &outside).unwrap();
    place.link(&outside, "pkg/metadata.json");
    let package = place.basic_at("pkg");
    assert!(package.metadata().is_none());
    assert_eq!(
        problems(&package),
        [
            warning("metadata-outside", "metadata"),
            (Severity::Warning, "link-leaves", None)
        ]
    );

    place.write(
        "pkg/metadata.desktop",
        "[Desktop Entry]\nX-KDE-PluginInfo-Name=pkg\n",
    );
    assert_eq!(place.basic_at("pkg").metadata().unwrap().id(), Some("pkg"));

    let mut external = place.basic();
    external.set_allow_external_paths(true);
    external.set_path(place.at("pkg")).unwrap();
    assert_eq!(external.metadata().unwrap().file(), Some(file.as_path()));
}

#[test]
fn a_folder_where_a_file_belongs_is_a_warning() {
    let place = Place::new();
    place.package("pkg");
    fs::remove_file(place.at("pkg/contents/ui/main.qml")).unwrap();
    fs::create_dir(place.at("pkg/contents/ui/main.qml")).unwrap();
    place.write("pkg/contents/images", "");
    assert_eq!(
        problems(&place.basic_at("pkg")),
        [
            warning("kind-differs", "images"),
            warning("kind-differs", "mainscript")
        ]
    );
}

#[test]
fn a_fallback_that_is_not_there_is_a_warning() {
    let place = Place::new();
    place.package("pkg");
    let metadata = r#"{"KPlugin": {"Id": "pkg"}, "KPackageStructure": "Test/Basic", "X-Plasma-RootPath": "base"}"#;
    place.write("pkg/metadata.json", metadata);
    let expected = [(Severity::Warning, "fallback-missing", None)];
    // Without the type, then without the package.
    assert_eq!(problems(&place.basic_at("pkg")), expected);
    place.know("Plasma/Applet", basic());
    let package = place.basic_at("pkg");
    assert_eq!(problems(&package), expected);
    assert!(package.fallback_package().is_none());

    place.package("home/test/basic/base");
    let package = place.basic_at("pkg");
    assert_eq!(problems(&package), []);
    assert!(package.fallback_package().is_some());
}

#[test]
fn asking_whether_it_is_valid_looks_again() {
    let place = Place::new();
    let main = place.package("pkg").join("contents/ui/main.qml");
    let package = place.basic_at("pkg");
    fs::remove_file(&main).unwrap();
    assert!(!package.is_valid());
    assert_eq!(
        problems(&package),
        [error("required-missing", "mainscript")]
    );
    assert_eq!(package.path(), Some(place.at("pkg").as_path()));
    fs::write(&main, "").unwrap();
    assert!(package.is_valid());
    assert!(package.key_path("mainscript").is_some());
    fs::remove_file(&main).unwrap();
    assert!(package.is_valid(), "it was found before");
}

#[test]
fn an_id_that_cannot_be_installed() {
    let place = Place::new();
    let text = r#"{"KPlugin": {"Id": "-rf"}, "KPackageStructure": "Test/Basic"}"#;
    place.package("-rf");
    place.write("-rf/metadata.json", text);
    let package = place.basic_at("-rf");
    assert_eq!(problems(&package), [warning("id-refused", "metadata")]);
}

#[test]
fn files_of_another_mime_type_than_their_key_is_for() {
    let place = Place::new();
    let globs = "50:image/png:*.png\n50:text/x-qml:*.qml\n50:text/xml:*.xml\n";
    place.write("system/mime/globs2", globs);
    place.know(
        "Test/Typed",
        Structure::new(|package| {
            package.add_directory_definition("images", "images", "Images");
            package.set_mime_types("images", &["image/png"]);
            package.add_directory_definition("config", "config", "Configuration");
            package.set_mime_types("config", &["text/xml"]);
            package.add_file_definition("model", "config/config.qml", "Model");
            package.add_file_definition("icon", "icon", "Icon");
            package.set_mime_types("icon", &["image/png"]);
            Ok(())
        }),
    );
    let text = r#"{"KPlugin": {"Id": "pkg"}, "KPackageStructure": "Test/Typed"}"#;
    place.write("pkg/metadata.json", text);
    for file in [
        "images/a.png",
        "images/B.PNG",
        "images/unknown",
        "images/c.qml",
        "config/main.xml",
        "config/config.qml",
        "config/other.qml",
        "icon",
    ] {
        place.write(format!("pkg/contents/{file}"), "");
    }
    let package = place
        .loader
        .load_package_at("Test/Typed", place.at("pkg"))
        .unwrap();
    assert_eq!(
        problems(&package),
        [
            warning("mime-type-differs", "config"),
            warning("mime-type-differs", "images")
        ]
    );
    assert_eq!(
        package.validate()[1].message(),
        format!(
            "`{}` is of the type `text/x-qml`, expected `image/png`",
            place.at("pkg/contents/images/c.qml").display()
        )
    );
}

#[test]
#[cfg(unix)]
fn links_that_leave_the_package_or_lead_nowhere() {
    let place = Place::new();
    place.package("pkg");
    let outside = place.write("outside", "");
    let leaving = place.link(&outside, "pkg/contents/deep/leaving");
    let dangling = place.link("nothing", "pkg/dangling");
    place.link("main.qml", "pkg/contents/ui/inside");
    place.link(place.at("pkg/contents"), "pkg/absolute");
    place.link("..", "pkg/contents/top");
    let package = place.basic_at("pkg");
    let found: Vec<_> = package
        .validate()
        .iter()
        .map(|problem| (problem.code(), problem.path().unwrap().to_path_buf()))
        .collect();
    assert_eq!(
        found,
        [("link-leaves", leaving), ("link-dangling", dangling)]
    );
    let mut allowed = package.clone();
    allowed.set_allow_external_paths(true);
    assert!(allowed.validate().is_empty());
}

#[test]
fn what_is_removed_while_a_listing_looks_at_it_is_not_listed() {
    let place = Place::new();
    place.package("home/test/basic/there");
    let broken = place.package("home/test/basic/broken");
    fs::remove_file(broken.join("contents/ui/main.qml")).unwrap();
    let goes = place.package("home/test/basic/goes");
    let structure = Structure::new(|package| {
        package.set_default_package_root("test/basic");
        package.add_file_definition("mainscript", "ui/main.qml", "Main Script");
        package.set_required("mainscript", true);
        Ok(())
    });
    let structure = structure.on_path(move |package| {
        if package.path().as_ref() == Some(&goes) {
            let _ = fs::remove_dir_all(&goes);
        }
        Ok(())
    });
    let dirs = place.loader.data_dirs().clone();
    let loader = crate::PackageLoader::with_data_dirs(place.loader.registry().clone(), dirs);
    loader
        .add_known_package_structure("Test/Basic", structure)
        .unwrap();
    let packages = loader.listing("Test/Basic").with_validity().packages();
    let packages = packages.unwrap();
    let listed: Vec<_> = packages.iter().map(|it| (it.id(), it.is_valid())).collect();
    assert_eq!(listed, [("broken", false), ("there", true)]);
}
