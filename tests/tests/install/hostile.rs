//! Archives that lie: none is installed, each is refused with its own code, and nothing changes
//! around the package root.

use std::fs;
use std::os::unix::fs::symlink;

use keyway::install::{InstallError, Installer, Operation};
use keyway::structure::{DescribedPackage, Error, PackageStructure};
use keyway::{DataDirs, PackageLoader, Registry};
use keyway_tests::archives::{Package, TYPE, all_are_refused, good};
use keyway_tests::snapshot::Snapshot;
use tempfile::TempDir;

/// Where packages are installed.
const ROOT: &str = "share/myapp/packages";

/// Takes anything: what is refused is refused before a structure is asked.
struct Loose;

impl PackageStructure for Loose {
    fn init_package(&self, package: &mut DescribedPackage<'_>) -> Result<(), Error> {
        package.set_default_package_root("myapp/packages");
        Ok(())
    }
}

/// A folder with an installed package and what lies would like to reach.
struct Place {
    folder: TempDir,
    installer: Installer,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join(ROOT);
        fs::create_dir_all(root.join("installed")).unwrap();
        for above in [&root, folder.path()] {
            for name in ["evil", "outside", "out"] {
                fs::write(above.join(name), "mine").unwrap();
            }
            symlink("installed", above.join("link")).unwrap();
        }
        fs::write(root.join("installed/metadata.json"), "{}").unwrap();
        let dirs = DataDirs::new(Some(folder.path().join("share")), []);
        let loader = PackageLoader::with_data_dirs(Registry::default(), dirs);
        loader.add_known_package_structure(TYPE, Loose).unwrap();
        Self {
            folder,
            installer: Installer::new(loader),
        }
    }

    fn install(&self, archive: &[u8]) -> Result<(), InstallError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), archive).unwrap();
        // Whatever the archive says that it is: also where no metadata can be read.
        let installer = self.installer.clone().type_name(TYPE)?;
        installer.upgrade(file.path()).map(|_| ())
    }
}

#[test]
fn each_is_refused_with_its_own_code_and_nothing_changes() {
    let place = Place::new();
    let before = Snapshot::of(place.folder.path());
    all_are_refused(|lie| {
        let code = place.install(&lie.bytes).err().map(|it| match it.code() {
            // What is no archive at all is no package either.
            "not-a-package" => "archive-unknown".to_owned(),
            code => code.to_owned(),
        });
        let mut changes = before.differences(&Snapshot::of(place.folder.path()));
        changes.retain(|it| *it != OWN_TIME);
        (code, changes)
    });
}

/// Our own folder was in it for a moment.
const OWN_TIME: &str = "`share/myapp/packages` was modified";

#[test]
fn without_their_lies_they_are_installed() {
    for package in good(&Package::new(TYPE)) {
        if package.name == "empty" {
            continue;
        }
        let place = Place::new();
        let label = format!("{}: {}", package.file_name, package.name);
        if let Err(error) = place.install(&package.bytes) {
            panic!("{label}: {error}");
        }
        let installed = place.folder.path().join(ROOT).join("org.example.hostile");
        assert!(installed.join("metadata.json").exists(), "{label}");
    }
}

/// What is refused before anything is written is not unpacked at all.
#[test]
fn a_plan_reads_no_more_than_metadata() {
    let place = Place::new();
    let good = good(&Package::new(TYPE));
    let package = good.iter().find(|it| it.name != "empty").unwrap();
    place.install(&package.bytes).unwrap();
    let before = Snapshot::of(place.folder.path());
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &package.bytes).unwrap();
    let plan = place
        .installer
        .plan(Operation::Install, file.path())
        .unwrap();
    assert_eq!(plan.refusals().len(), 1);
    let error = plan.stage().unwrap_err();
    assert_eq!(error.code(), "already-installed");
    assert_eq!(
        before.differences(&Snapshot::of(place.folder.path())),
        [""; 0]
    );
}
