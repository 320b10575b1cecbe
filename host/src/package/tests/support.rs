//! A place with data folders, and structures made of closures.

use std::fs;
use std::path::{Path, PathBuf};

use keyway_plugin::{Error, Package as Described, PackageStructure};
use tempfile::TempDir;

use crate::package::{DataDirs, Package, PackageLoader};
use crate::plugin::Registry;

type Method = Box<dyn Fn(&mut Described<'_>) -> Result<(), Error> + Send + Sync>;

/// A structure made of closures.
pub(crate) struct Structure {
    init: Method,
    changed: Method,
}

impl Structure {
    pub(crate) fn new(
        init: impl Fn(&mut Described<'_>) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Self {
        Self {
            init: Box::new(init),
            changed: Box::new(|_| Ok(())),
        }
    }

    pub(crate) fn on_path(
        mut self,
        changed: impl Fn(&mut Described<'_>) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Self {
        self.changed = Box::new(changed);
        self
    }
}

impl PackageStructure for Structure {
    fn init_package(&self, package: &mut Described<'_>) -> Result<(), Error> {
        (self.init)(package)
    }
    fn path_changed(&self, package: &mut Described<'_>) -> Result<(), Error> {
        (self.changed)(package)
    }
}

/// `ui` and `images` are directories, `mainscript` is a required file; the root is `test/basic/`.
pub(crate) fn basic() -> Structure {
    Structure::new(|package| {
        package.set_default_package_root("test/basic");
        package.add_directory_definition("ui", "ui", "User Interface");
        package.add_directory_definition("images", "images", "Images");
        package.add_file_definition("mainscript", "ui/main.qml", "Main Script");
        package.set_required("mainscript", true);
        Ok(())
    })
}

/// A folder with `home` and `system` as data folders, and a loader that knows `Test/Basic`.
pub(crate) struct Place {
    folder: TempDir,
    root: PathBuf,
    pub(crate) loader: PackageLoader,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let dirs = DataDirs::new(Some(root.join("home")), [root.join("system")]);
        let loader = PackageLoader::with_data_dirs(Registry::default(), dirs);
        let place = Self {
            folder,
            root,
            loader,
        };
        place.know("Test/Basic", basic());
        place
    }

    pub(crate) fn know(&self, type_name: &str, structure: Structure) {
        self.loader
            .add_known_package_structure(type_name, structure)
            .unwrap();
    }

    pub(crate) fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        assert!(self.folder.path().exists());
        self.root.join(path)
    }

    pub(crate) fn write(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    #[cfg(unix)]
    pub(crate) fn link(&self, target: impl AsRef<Path>, path: impl AsRef<Path>) -> PathBuf {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, &path).unwrap();
        path
    }

    /// A valid package of type `Test/Basic` whose id is the folder's name.
    pub(crate) fn package(&self, path: &str) -> PathBuf {
        let folder = self.at(path);
        let id = folder.file_name().unwrap().to_str().unwrap();
        self.write(
            format!("{path}/metadata.json"),
            format!(r#"{{"KPlugin": {{"Id": "{id}"}}, "KPackageStructure": "Test/Basic"}}"#),
        );
        self.write(format!("{path}/contents/ui/main.qml"), "main");
        folder
    }

    /// A package of type `Test/Basic` without a path.
    pub(crate) fn basic(&self) -> Package {
        self.loader.load_package("Test/Basic").unwrap()
    }

    pub(crate) fn basic_at(&self, path: impl AsRef<Path>) -> Package {
        let mut package = self.basic();
        package.set_path(self.at(path)).unwrap();
        package
    }
}

/// Says on a line of its own that something was skipped, past the test runner's capturing.
pub(crate) fn skipped(what: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr().lock(), "\nskipped: {what}");
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    pub(crate) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}
