//! What author code does wrong is an error that names plugin, type and method; the process goes on.

#![allow(clippy::unwrap_used)]

use keyway::package::{LoadError, PackageError};
use keyway::plugin::{Fault, LoadError as PluginError, Method, ResolveError, SearchPath};
use keyway::{PackageLoader, Registry};
use keyway_abi::{FaultKind, Phase};
use keyway_tests::PluginFolder;

fn loader() -> (PackageLoader, PluginFolder) {
    let folder = PluginFolder::with(&["panics"]);
    let registry = Registry::new(SearchPath::only([folder.path()]));
    (PackageLoader::new(registry), folder)
}

fn fault(loader: &PackageLoader, name: &str) -> Fault {
    match loader.load_package(name) {
        Err(
            LoadError::Fault(fault)
            | LoadError::Resolve(ResolveError::Load(PluginError::Fault(fault))),
        ) => fault,
        other => panic!("{other:?}"),
    }
}

/// After each fault another type of the same plugin still works.
fn goes_on(loader: &PackageLoader) {
    let package = loader.load_package("Panics/Nothing").unwrap();
    assert_eq!(package.default_package_root(), Some("panics/"));
}

#[test]
fn a_panic_in_init_package() {
    let (loader, folder) = loader();
    let fault = fault(&loader, "Panics/InitPackage");
    assert_eq!(fault.plugin(), "panics");
    assert_eq!(fault.type_name().unwrap().as_str(), "Panics/InitPackage");
    assert_eq!(fault.method(), Method::InitPackage);
    assert!(fault.path().unwrap().starts_with(folder.path()));
    let location = fault.location().unwrap();
    assert!(location.file.ends_with("panics/src/lib.rs"), "{location}");
    let place = location.to_string();
    assert_eq!(
        fault.to_string(),
        format!(
            "plugin `panics`, type `Panics/InitPackage`, method `init_package`: \
             panicked: no luck in init_package (at {place})"
        )
    );
    goes_on(&loader);
}

#[test]
fn a_panic_in_path_changed() {
    let (loader, _folder) = loader();
    let mut package = loader.load_package("Panics/PathChanged").unwrap();
    let error = package.set_path(std::env::temp_dir()).unwrap_err();
    let PackageError::Fault(fault) = error else {
        panic!("{error}");
    };
    assert_eq!(package.path(), None);
    assert_eq!(fault.method(), Method::PathChanged);
    assert_eq!(fault.reports()[0].message, "no luck in path_changed");
    goes_on(&loader);
}

#[test]
fn a_panic_in_the_constructor() {
    let (loader, _folder) = loader();
    let fault = fault(&loader, "Panics/Constructor");
    assert_eq!(fault.method(), Method::Construct);
    assert_eq!(fault.reports()[0].phase, Phase::Construction);
    assert_eq!(fault.reports()[0].message, "no luck in the constructor");
    goes_on(&loader);
}

#[test]
fn a_panic_in_the_display_of_an_error() {
    let (loader, _folder) = loader();
    let fault = fault(&loader, "Panics/ErrorDisplay");
    assert_eq!(fault.reports()[0].phase, Phase::ErrorDisplay);
    assert_eq!(fault.reports()[0].message, "no luck in Display");
    assert!(fault.location().is_some());
    goes_on(&loader);
}

#[test]
fn a_panic_in_the_drop_of_an_error_keeps_the_error() {
    let (loader, _folder) = loader();
    let fault = fault(&loader, "Panics/ErrorDrop");
    let [error, panic] = fault.reports() else {
        panic!("{fault}");
    };
    assert_eq!(error.kind, FaultKind::Error);
    assert_eq!(error.message, "an error that will not go");
    assert_eq!(panic.phase, Phase::ErrorDrop);
    assert_eq!(panic.message, "no luck in the drop of an error");
    goes_on(&loader);
}

#[test]
fn a_payload_whose_drop_panics() {
    let (loader, _folder) = loader();
    let fault = fault(&loader, "Panics/Payload");
    let phases: Vec<_> = fault.reports().iter().map(|report| report.phase).collect();
    assert_eq!(phases, [Phase::Method, Phase::PayloadDrop]);
    goes_on(&loader);
}

#[test]
fn a_panic_in_the_drop_of_the_object() {
    let (loader, _folder) = loader();
    goes_on(&loader);
    let plugin = loader.registry().loaded().pop().unwrap();
    let structure = plugin
        .structure(&"Panics/ObjectDrop".parse().unwrap())
        .unwrap();
    let fault = structure.end().unwrap_err();
    assert_eq!(fault.method(), Method::Drop);
    assert_eq!(fault.reports()[0].phase, Phase::ObjectDrop);
    assert_eq!(fault.reports()[0].message, "no luck in drop");
    goes_on(&loader);
}

#[test]
fn an_error_comes_with_its_causes() {
    let (loader, _folder) = loader();
    let fault = fault(&loader, "Panics/Error");
    assert!(!fault.is_panic());
    assert_eq!(
        fault.to_string(),
        "plugin `panics`, type `Panics/Error`, method `init_package`: failed: \
         cannot read what is needed: No such file or directory (os error 2)"
    );
    goes_on(&loader);
}
