//! A call through a loaded structure, guard included, beside the same through a box in this program.
//!
//! Three bodies: none, for the bare cost; one that asks the package for one value, the least that a
//! real `path_changed` does; and that same one as an application meets it, in a package whose path
//! is set. Beside the first two stands what the barest border costs ([`Bare`]): the part of their
//! ratio that no border can save.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use keyway::plugin::Structure;
use keyway::{DataDirs, PackageLoader, Registry, SearchPath};
use keyway_abi::{KeyFilter, PackageAccess, PackageError};
use keyway_plugin::{Error, Package, PackageStructure};
use keyway_tests::copy::Copy;
use keyway_tests::{Build, PluginFolder, workspace};

use super::bare::Bare;
use super::plugins;
use keyway_tests::bench::measure::{Bound, Scale, in_turns, row, timed};

/// Calls that are measured at once.
const CALLS: usize = 2000;

/// The example structure, as it is.
struct Silent;

impl PackageStructure for Silent {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        define(package);
        Ok(())
    }
}

/// The example structure, with a question.
struct Asks;

impl PackageStructure for Asks {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        define(package);
        Ok(())
    }

    fn path_changed(&self, package: &mut Package<'_>) -> Result<(), Error> {
        if package.metadata_value("X-Example-Key").as_deref() == Some("no") {
            return Err("no".into());
        }
        Ok(())
    }
}

fn define(package: &mut Package<'_>) {
    package.set_default_package_root("myapp/packages/");
    package.add_directory_definition("images", "images", "Images");
    package.set_mime_types("images", &["image/svg+xml", "image/png", "image/jpeg"]);
    package.add_directory_definition("code", "code", "Javascript files");
    package.add_file_definition("mainscript", "scripts/main.js", "Main Script File");
    package.set_required("mainscript", true);
}

/// The body of [`Asks`] in a plugin.
const ASKS: &str = r#"
    fn path_changed(&self, package: &mut Package<'_>) -> Result<(), Error> {
        if package.metadata_value("X-Example-Key").as_deref() == Some("no") {
            return Err("no".into());
        }
        Ok(())
    }
}

export_plugin!"#;

/// The example plugin with a `path_changed` that asks.
fn asking_plugin() -> PathBuf {
    let copy = Copy::named("asks")
        .patch(
            "example-plugins/mystructure/src/lib.rs",
            "}\n\nexport_plugin!",
            ASKS,
        )
        .make();
    plugins::release(Build::of("mystructure").in_workspace(&copy, "asks"))
}

pub(crate) fn beside_a_box(scale: &Scale) {
    let silent = loaded(&plugins::shipped());
    let asking = loaded(&asking_plugin());
    let rounds = scale.rounds(201);

    with_body(rounds, "no body", &silent.1, || Box::new(Silent));
    with_body(rounds, "a body that asks", &asking.1, || Box::new(Asks));

    let sample = workspace().join("example-plugins/mystructure/package");
    let known = PackageLoader::with_data_dirs(Registry::default(), DataDirs::from_env());
    known
        .add_known_package_structure(plugins::SHIPPED_TYPE, Asks)
        .unwrap();
    let registry = registry(asking.0.path());
    let of_plugin = PackageLoader::with_data_dirs(registry, DataDirs::from_env());
    let [a, b] = in_turns(
        rounds,
        [&mut || set_path(&of_plugin, &sample), &mut || {
            set_path(&known, &sample)
        }],
    );
    let what = "the latter inside Package::set_path / one's own";
    row(what, &a, &b, &Bound::AtMost(3.0));
}

fn with_body(
    rounds: usize,
    body: &str,
    structure: &Structure,
    plain: fn() -> Box<dyn PackageStructure>,
) {
    let (boxed, bare) = (black_box(plain()), Bare::new(plain()));
    let [a, b, floor] = in_turns(
        rounds,
        [
            &mut || through_structure(structure, &mut OneValue(Here)),
            &mut || through_box(&*boxed, &mut OneValue(Here)),
            &mut || through_bare(&bare, &mut OneValue(Here)),
        ],
    );
    let what = format!("a call of a loaded structure, {body} / a Box<dyn>");
    row(&what, &a, &b, &Bound::AtMost(3.0));
    let what = format!("the barest border, {body} / a Box<dyn>");
    row(&what, &floor, &b, &Bound::None);
}

fn registry(folder: &Path) -> Registry {
    Registry::builder(SearchPath::only([folder]))
        .cache_dir(None)
        .state_dir(None)
        .build()
}

fn loaded(file: &Path) -> (PluginFolder, Structure) {
    let folder = PluginFolder::new();
    folder.copy(file);
    let name = plugins::SHIPPED_TYPE.parse().unwrap();
    let structure = registry(folder.path()).structure(&name).unwrap();
    assert!(structure.plugin().is_some());
    (folder, structure)
}

/// Nanoseconds of one call.
fn through_structure(structure: &Structure, package: &mut dyn PackageAccess) -> f64 {
    let time = timed(|| {
        for _ in 0..CALLS {
            black_box(structure)
                .path_changed(black_box(&mut *package))
                .unwrap();
        }
    });
    time / CALLS as f64
}

/// Nanoseconds of one call.
fn through_box(structure: &dyn PackageStructure, package: &mut dyn PackageAccess) -> f64 {
    let time = timed(|| {
        for _ in 0..CALLS {
            let mut package = Package::new(black_box(&mut *package));
            black_box(structure).path_changed(&mut package).unwrap();
        }
    });
    time / CALLS as f64
}

/// Nanoseconds of one call.
fn through_bare(structure: &Bare, package: &mut dyn PackageAccess) -> f64 {
    let time = timed(|| {
        for _ in 0..CALLS {
            let done = black_box(structure).path_changed(black_box(&mut *package));
            assert!(done);
        }
    });
    time / CALLS as f64
}

/// Nanoseconds of one path that is set.
fn set_path(loader: &PackageLoader, path: &Path) -> f64 {
    const PATHS: usize = 20;
    let mut package = loader.load_package(plugins::SHIPPED_TYPE).unwrap();
    let time = timed(|| {
        for _ in 0..PATHS {
            package.set_path(Path::new("")).unwrap();
            package.set_path(path).unwrap();
        }
    });
    time / PATHS as f64
}

/// Who knows the value.
pub(crate) trait Asked {
    fn ask(&self, key: &str) -> Option<String>;
}

/// The value itself.
struct Here;

impl Asked for Here {
    fn ask(&self, _: &str) -> Option<String> {
        Some("a value of some length".to_owned())
    }
}

/// A package that knows one value.
pub(crate) struct OneValue<A>(pub(crate) A);

impl<A: Asked> PackageAccess for OneValue<A> {
    fn metadata_value(&self, key: &str) -> Option<String> {
        self.0.ask(key)
    }

    fn path(&self) -> Option<PathBuf> {
        None
    }
    fn metadata(&self) -> Option<String> {
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
