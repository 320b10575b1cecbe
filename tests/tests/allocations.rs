//! What costs no memory.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use keyway::structure::{DescribedPackage, Error, PackageStructure};
use keyway::{DataDirs, PackageLoader};
use keyway_tests::memory::{Counting, peak};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Theme;

impl PackageStructure for Theme {
    fn init_package(&self, package: &mut DescribedPackage<'_>) -> Result<(), Error> {
        package.add_file_definition("colors", "colors.toml", "Colours");
        package.add_directory_definition("images", "images", "Images");
        Ok(())
    }
}

#[test]
fn a_file_that_was_found_is_lent_out_in_any_thread() {
    let folder = tempfile::tempdir().unwrap();
    let contents = folder.path().join("contents");
    fs::create_dir_all(contents.join("images")).unwrap();
    fs::write(contents.join("colors.toml"), "").unwrap();
    fs::write(contents.join("images/a.png"), "").unwrap();
    let dirs = DataDirs::new(None, []);
    let loader = PackageLoader::with_data_dirs(keyway::Registry::default(), dirs);
    loader
        .add_known_package_structure("MyApp/Theme", Theme)
        .unwrap();
    let package = loader
        .load_package_at("MyApp/Theme", folder.path())
        .unwrap();
    let files = [("colors", ""), ("images", "a.png"), ("", "colors.toml")];
    let find = || {
        for (key, name) in files {
            assert!(package.file_path(key, name).is_some());
        }
    };

    let (first, ()) = peak(find);
    assert!(first > 0, "the first look puts paths together");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let (later, ()) = peak(|| (0..1000).for_each(|_| find()));
                assert_eq!(later, 0);
            });
        }
    });
    let file = package.file_path("images", "a.png").unwrap();
    assert_eq!(file.file_name(), Path::new("a.png").file_name());
}
