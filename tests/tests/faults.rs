//! What author code does wrong is an error that names plugin, type and method; the process goes on.

use keyway::plugin::{Fault, Method, Registry, ResolveError, SearchPath, Structure};
use keyway_abi::{FaultKind, KeyFilter, PackageAccess, PackageError, Phase};
use keyway_tests::PluginFolder;
use std::path::{Path, PathBuf};

fn registry(plugins: &[&str]) -> (Registry, PluginFolder) {
    let folder = PluginFolder::with(plugins);
    (Registry::new(SearchPath::only([folder.path()])), folder)
}

fn structure(registry: &Registry, name: &str) -> Result<Structure, ResolveError> {
    registry.structure(&name.parse().unwrap())
}

fn load_fault(registry: &Registry, name: &str) -> Fault {
    match structure(registry, name) {
        Err(ResolveError::Load(keyway::plugin::LoadError::Fault(fault))) => fault,
        other => panic!("{other:?}"),
    }
}

fn init_fault(registry: &Registry, name: &str) -> Fault {
    let structure = structure(registry, name).unwrap();
    structure.init_package(&mut Nothing).unwrap_err()
}

/// After each fault another type of the same plugin still works.
fn goes_on(registry: &Registry) {
    let structure = structure(registry, "Panics/Nothing").unwrap();
    structure.init_package(&mut Nothing).unwrap();
}

#[test]
fn a_panic_in_init_package() {
    let (registry, folder) = registry(&["panics"]);
    let fault = init_fault(&registry, "Panics/InitPackage");
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
    goes_on(&registry);
}

#[test]
fn a_panic_in_path_changed() {
    let (registry, _folder) = registry(&["panics"]);
    let structure = structure(&registry, "Panics/PathChanged").unwrap();
    structure.init_package(&mut Nothing).unwrap();
    let fault = structure.path_changed(&mut Nothing).unwrap_err();
    assert_eq!(fault.method(), Method::PathChanged);
    assert_eq!(fault.reports()[0].message, "no luck in path_changed");
    goes_on(&registry);
}

#[test]
fn a_panic_in_the_constructor() {
    let (registry, _folder) = registry(&["panics"]);
    let fault = load_fault(&registry, "Panics/Constructor");
    assert_eq!(fault.method(), Method::Construct);
    assert_eq!(fault.reports()[0].phase, Phase::Construction);
    assert_eq!(fault.reports()[0].message, "no luck in the constructor");
    goes_on(&registry);
}

#[test]
fn a_panic_in_the_display_of_an_error() {
    let (registry, _folder) = registry(&["panics"]);
    let fault = init_fault(&registry, "Panics/ErrorDisplay");
    assert_eq!(fault.reports()[0].phase, Phase::ErrorDisplay);
    assert_eq!(fault.reports()[0].message, "no luck in Display");
    assert!(fault.location().is_some());
    goes_on(&registry);
}

#[test]
fn a_panic_in_the_drop_of_an_error_keeps_the_error() {
    let (registry, _folder) = registry(&["panics"]);
    let fault = init_fault(&registry, "Panics/ErrorDrop");
    let [error, panic] = fault.reports() else {
        panic!("{fault}");
    };
    assert_eq!(error.kind, FaultKind::Error);
    assert_eq!(error.message, "an error that will not go");
    assert_eq!(panic.phase, Phase::ErrorDrop);
    assert_eq!(panic.message, "no luck in the drop of an error");
    goes_on(&registry);
}

#[test]
fn a_payload_whose_drop_panics() {
    let (registry, _folder) = registry(&["panics"]);
    let fault = init_fault(&registry, "Panics/Payload");
    let phases: Vec<_> = fault.reports().iter().map(|report| report.phase).collect();
    assert_eq!(phases, [Phase::Method, Phase::PayloadDrop]);
    goes_on(&registry);
}

#[test]
fn a_panic_in_the_drop_of_the_object() {
    let (registry, _folder) = registry(&["panics"]);
    structure(&registry, "Panics/Nothing").unwrap();
    let plugin = registry.loaded().pop().unwrap();
    let structure = plugin
        .structure(&"Panics/ObjectDrop".parse().unwrap())
        .unwrap();
    let fault = structure.end().unwrap_err();
    assert_eq!(fault.method(), Method::Drop);
    assert_eq!(fault.reports()[0].phase, Phase::ObjectDrop);
    assert_eq!(fault.reports()[0].message, "no luck in drop");
    goes_on(&registry);
}

#[test]
fn an_error_comes_with_its_causes() {
    let (registry, _folder) = registry(&["panics"]);
    let fault = init_fault(&registry, "Panics/Error");
    assert!(!fault.is_panic());
    assert_eq!(
        fault.to_string(),
        "plugin `panics`, type `Panics/Error`, method `init_package`: failed: \
         cannot read what is needed: No such file or directory (os error 2)"
    );
    goes_on(&registry);
}

/// A package about which there is nothing to say.
struct Nothing;

impl PackageAccess for Nothing {
    fn path(&self) -> Option<PathBuf> {
        None
    }
    fn metadata(&self) -> Option<String> {
        None
    }
    fn metadata_value(&self, _: &str) -> Option<String> {
        None
    }
    fn is_valid(&self) -> bool {
        false
    }
    fn file_path(&self, _: &str, _: &str) -> Option<PathBuf> {
        None
    }
    fn entry_list(&self, _: &str) -> Vec<PathBuf> {
        Vec::new()
    }
    fn keys(&self, _: KeyFilter) -> Vec<String> {
        Vec::new()
    }
    fn definition_paths(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
    fn definition_name(&self, _: &str) -> Option<String> {
        None
    }
    fn is_required(&self, _: &str) -> bool {
        false
    }
    fn mime_types(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
    fn contents_prefix_paths(&self) -> Vec<String> {
        Vec::new()
    }
    fn default_package_root(&self) -> Option<String> {
        None
    }
    fn allow_external_paths(&self) -> bool {
        false
    }
    fn fallback_package(&self) -> Option<PathBuf> {
        None
    }
    fn add_directory_definition(&mut self, _: &str, _: &str, _: &str) {}
    fn add_file_definition(&mut self, _: &str, _: &str, _: &str) {}
    fn remove_definition(&mut self, _: &str) {}
    fn set_required(&mut self, _: &str, _: bool) {}
    fn set_mime_types(&mut self, _: &str, _: &[&str]) {}
    fn set_default_mime_types(&mut self, _: &[&str]) {}
    fn set_contents_prefix_paths(&mut self, _: &[&str]) {}
    fn set_default_package_root(&mut self, _: &str) {}
    fn set_allow_external_paths(&mut self, _: bool) {}
    fn set_path(&mut self, _: &Path) -> Result<(), PackageError> {
        Ok(())
    }
    fn set_metadata(&mut self, _: &str) -> Result<(), PackageError> {
        Ok(())
    }
    fn set_fallback_package(&mut self, _: &str, _: &Path) -> Result<(), PackageError> {
        Ok(())
    }
    fn clear_fallback_package(&mut self) {}
}
