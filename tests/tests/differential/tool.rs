//! What kpackagetool5 prints, beside what Keyway says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use keyway::package::Package;
use serde_json::json;

use crate::answers::Keyway;
use crate::kpackage::{has_tool, tool};
use crate::real::{packages, roots, system};

#[test]
fn types_and_their_roots() {
    if !has_tool("the types of kpackagetool5") {
        return;
    }
    let data = system();
    let keyway = Keyway::new(&data);
    let (_, output) = tool(&data, &["--list-types"]);
    let words = |line: &str| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let theirs: BTreeMap<String, String> = output
        .lines()
        .map(words)
        .filter(|words| words.first().is_some_and(|word| word.contains('/')))
        .map(|words| (words[0].clone(), words.get(1).cloned().unwrap_or_default()))
        .collect();
    let root = |name: &str| {
        let package = keyway.loader.load_package(name).unwrap();
        package
            .default_package_root()
            .unwrap_or_default()
            .to_owned()
    };
    // The tool has a text of its own for this one, which is not what the type says.
    assert_eq!(theirs["KPackage/Generic"], "kpackage/packages/");
    assert_eq!(root("KPackage/Generic"), "kpackage/generic/");
    let ours = keyway.loader.registry().type_names();
    for (name, theirs) in theirs
        .iter()
        .filter(|(name, _)| *name != "KPackage/Generic")
    {
        assert_eq!(root(name), *theirs, "{name}");
    }
    let ours: BTreeSet<String> = ours.iter().map(ToString::to_string).collect();
    assert_eq!(theirs.into_keys().collect::<BTreeSet<_>>(), ours);
}

#[test]
fn lists() {
    if !has_tool("the lists of kpackagetool5") {
        return;
    }
    let data = system();
    let keyway = Keyway::new(&data);
    let mut count = 0;
    for (type_name, root) in roots(&keyway) {
        let root = data.system.join(root);
        let arguments = ["-t", &type_name, "-p", root.to_str().unwrap(), "--list"];
        let (_, output) = tool(&data, &arguments);
        let theirs: BTreeSet<&str> = output.lines().skip(1).collect();
        let listed = keyway
            .loader
            .list_packages(&type_name, Some(&root))
            .unwrap();
        // That these are listed is wanted.
        let is_untyped = |file: &Path| file.ends_with("metadata.desktop");
        let ours = listed.iter().filter(|package| {
            !(package.is_untyped() && package.metadata().file().is_some_and(is_untyped))
        });
        let ours: BTreeSet<&str> = ours.map(|package| package.id()).collect();
        assert_eq!(ours, theirs, "{type_name} in {}", root.display());
        count += ours.len();
    }
    assert!(count > 0);
}

/// A line of what the tool shows, as `Name : Pager`.
fn shown<'o>(output: &'o str, what: &str) -> Option<&'o str> {
    output.lines().find_map(|line| {
        let (name, value) = line.split_once(" : ")?;
        (name.trim() == what).then_some(value)
    })
}

fn check_shown(package: &Package, output: &str) {
    let path = package.path().unwrap();
    let metadata = package.metadata().unwrap();
    let author = metadata.view().authors().first().map(|author| author.name);
    for (what, value) in [
        ("Name", metadata.view().name().unwrap_or_default()),
        ("Plugin", metadata.id().unwrap_or_default()),
        ("Author", author.unwrap_or_default()),
        ("Path", &format!("{}/", path.display())),
    ] {
        assert_eq!(shown(output, what), Some(value), "{}", path.display());
    }
}

fn has_author(package: &Package) -> bool {
    package
        .metadata()
        .is_some_and(|it| !it.view().authors().is_empty())
}

/// `--show` and `--hash` of every package.
#[test]
fn packages_and_their_hashes() {
    if !has_tool("the packages that kpackagetool5 shows") {
        return;
    }
    let data = system();
    let keyway = Keyway::new(&data);
    // The tool hashes without a type.
    let base = json!({"structures": {"Test/Base": {}}, "steps": []});
    keyway.ask(&base, "C");
    let (mut valid, mut hashed) = (0, 0);
    for (type_name, root) in roots(&keyway) {
        let mut found = BTreeSet::new();
        packages(&data.system.join(root), &mut found);
        for path in found {
            let mut package = keyway.loader.load_package(&type_name).unwrap();
            let is_valid = package.set_path(&path).is_ok();
            let path = path.to_str().unwrap();
            let (code, output) = tool(&data, &["-t", &type_name, "--show", path]);
            if is_valid && has_author(&package) {
                valid += 1;
                assert_eq!(code, Some(0), "{path}: {output}");
                check_shown(&package, &output);
            } else {
                // Of a package without authors it crashes.
                assert_eq!(code.is_none(), is_valid, "{path}: {output}");
                assert_ne!(code, Some(0), "{path}: {output}");
            }
            let mut package = keyway.loader.load_package("Test/Base").unwrap();
            package.set_path(path).unwrap();
            let hash = package.cryptographic_hash(keyway::package::HashAlgorithm::Sha1);
            let (code, output) = tool(&data, &["--hash", path]);
            match hash {
                Ok(hash) => {
                    assert!(output.contains(&format!("'{hash}'")), "{path}: {output}");
                    hashed += 1;
                }
                Err(error) => assert_eq!(code, Some(9), "{path}: {error} {output}"),
            }
        }
    }
    assert!(valid > 0 && hashed > 0);
}
