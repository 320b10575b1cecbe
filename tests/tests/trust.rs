//! Only plugins that nobody else could have made or could swap are loaded; a refusal changes
//! nothing.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use keyway::plugin::trust::{Policy, SignatureRule};
use keyway::plugin::{Registry, ResolveError, SearchPath};
use keyway_metadata::{TypeKind, TypeName};
use keyway_tests::{PluginFolder, keyway, plugin, skipped};

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn type_name() -> TypeName {
    "MyApp/MyStructure".parse().unwrap()
}

#[test]
fn a_file_or_folder_that_everybody_may_write_is_refused_with_the_command_that_mends_it() {
    let folder = PluginFolder::new();
    let path = folder.copy_as(&plugin("mystructure"), "open.so");
    mode(&path, 0o646);
    let refused = keyway(folder.path(), ["plugins", "--json"]).json();
    assert_eq!(refused[0]["status"], "refused");
    assert_eq!(refused[0]["reason"]["code"], "world-writable");
    let output = keyway(folder.path(), ["list", "-t", "MyApp/MyStructure"]);
    assert_eq!(output.code, 1);
    let hint = format!(
        "hint: chmod o-w {}\n",
        path.canonicalize().unwrap().display()
    );
    assert!(output.stderr.ends_with(&hint), "{output:#?}");

    mode(&path, 0o644);
    assert_eq!(
        keyway(folder.path(), ["list", "-t", "MyApp/MyStructure"]).code,
        0
    );
    mode(folder.path(), 0o777);
    let output = keyway(folder.path(), ["--json", "list", "-t", "MyApp/MyStructure"]);
    assert_eq!(output.code, 1, "{output:#?}");
    let shown = keyway(folder.path(), ["plugins", "--json"]).json();
    assert_eq!(shown[0]["reason"]["code"], "world-writable");
}

#[test]
fn a_plugin_that_is_not_trusted_is_passed_over() {
    let (first, second) = (PluginFolder::new(), PluginFolder::new());
    let open = first.copy_as(&plugin("mystructure"), "open.so");
    mode(&open, 0o666);
    let good = second.copy_as(&plugin("mystructure"), "good.so");
    let path = SearchPath::only([first.path(), second.path()]);
    let structure = Registry::new(path).structure(&type_name()).unwrap();
    assert_eq!(structure.plugin_path().unwrap(), good);
}

#[test]
fn where_signatures_are_required_an_unsigned_plugin_is_not_loaded() {
    let folder = PluginFolder::with(&["mystructure"]);
    let mut policy = Policy::default();
    policy.signature = SignatureRule::Required;
    let registry = Registry::builder(SearchPath::only([folder.path()]))
        .policy(policy)
        .build();
    let error = registry.structure(&type_name()).unwrap_err();
    assert_eq!(error.code(), "unknown-type");
    let ResolveError::Unknown { search, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(search.refused[0].1.code(), "unsigned");
}

/// Runs minisign, or says that it is not there.
fn minisign(arguments: &[&std::ffi::OsStr]) -> Option<()> {
    let output = Command::new("minisign").args(arguments).output();
    let Ok(output) = output else {
        skipped("signed plugins", "there is no minisign");
        return None;
    };
    assert!(output.status.success(), "{output:?}");
    Some(())
}

#[test]
fn the_bytes_that_were_verified_are_the_bytes_that_are_loaded() {
    let keys = PluginFolder::new();
    let (public, secret) = (keys.path().join("key.pub"), keys.path().join("key"));
    let (p, s) = (public.as_os_str(), secret.as_os_str());
    let word = std::ffi::OsStr::new;
    let generate = [word("-G"), word("-W"), word("-p"), p, word("-s"), s];
    if minisign(&generate).is_none() {
        return;
    }
    let folder = PluginFolder::with(&["mystructure"]);
    let file = std::fs::read_dir(folder.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    minisign(&[word("-S"), word("-s"), s, word("-m"), file.as_os_str()]).unwrap();

    let mut policy = Policy::default();
    policy.signature = SignatureRule::Required;
    policy
        .keys
        .add(&std::fs::read_to_string(&public).unwrap())
        .unwrap();
    let registry = |policy: Policy| {
        Registry::builder(SearchPath::only([folder.path()]))
            .policy(policy)
            .build()
    };
    let signed = registry(policy.clone());
    signed.structure(&type_name()).unwrap();
    // Not the file that could be changed, but a copy that is gone by now.
    let maps = std::fs::read("/proc/self/maps").unwrap();
    let maps = String::from_utf8_lossy(&maps).into_owned();
    assert!(!maps.contains(file.to_str().unwrap()), "{maps}");
    assert!(
        maps.contains("/keyway-") && maps.contains("(deleted)"),
        "{maps}"
    );

    // A tampered file is not loaded, whatever the policy.
    let mut bytes = keyway_tests::patch::bytes(&file);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    for rule in [SignatureRule::Required, SignatureRule::Optional] {
        let mut policy = policy.clone();
        policy.signature = rule;
        let error = registry(policy).structure(&type_name()).unwrap_err();
        let ResolveError::Unknown { search, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(search.refused[0].1.code(), "tampered");
    }
}

/// What a registry knows, to be compared.
fn known(registry: &Registry) -> String {
    let catalog = registry.catalog();
    let files: Vec<_> = catalog
        .files()
        .map(|file| format!("{} {:?}", file.path().display(), catalog.verdict(file)))
        .collect();
    let loaded: Vec<_> = registry
        .loaded()
        .iter()
        .map(|it| it.path().to_owned())
        .collect();
    format!("{files:#?} {loaded:?} {:?}", registry.type_names())
}

#[test]
fn after_a_refusal_the_registry_is_what_it_was() {
    let folder = PluginFolder::with(&["panics", "asks-for-itself"]);
    let sound = plugin("mystructure");
    folder.copy(&sound);
    let lie = keyway_tests::patch::manifest(&sound, "MyStructure\"", "NotStructur\"");
    folder.write("lying.so", &lie);
    let changed = keyway_tests::patch::note(&plugin("runs-a-constructor"), "1.0", "9.9");
    folder.write("changed.so", &changed);
    let registry = Registry::builder(SearchPath::only([folder.path()]))
        .state_dir(None)
        .build();
    registry
        .structure(&"Panics/Nothing".parse().unwrap())
        .unwrap();
    let before = known(&registry);
    for (name, code) in [
        ("Panics/Constructor", "plugin-panicked"),
        ("Runs/Constructor", "echo"),
        ("No/Such", "unknown-type"),
    ] {
        let error = registry.structure(&name.parse().unwrap()).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert_eq!(known(&registry), before, "after {code}");
    }
    registry.structure(&type_name()).unwrap();
}

#[test]
fn a_reserved_vendor_is_the_applications_own() {
    struct Theme;
    impl keyway_plugin::PackageStructure for Theme {
        fn init_package(
            &self,
            _: &mut keyway_plugin::Package<'_>,
        ) -> Result<(), keyway_plugin::Error> {
            Ok(())
        }
    }
    let folder = PluginFolder::with(&["mystructure"]);
    let registry = Registry::builder(SearchPath::only([folder.path()]))
        .reserve_vendor("MyApp")
        .build();
    let error = registry.structure(&type_name()).unwrap_err();
    assert_eq!(error.code(), "reserved-vendor");
    assert!(registry.resolve(&type_name(), TypeKind::Structure).is_err());
    registry.add_known(type_name(), Arc::new(Theme));
    assert!(registry.structure(&type_name()).unwrap().plugin().is_none());
}
