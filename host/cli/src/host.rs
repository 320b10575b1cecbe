//! What was typed, as the library takes it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use keyway::lifecycle::PackageManager;
use keyway::package::{DataDirs, LoadError, Package, PackageError};
use keyway::plugin::{ResolveError, TypeKind};
use keyway::structure::{DescribedPackage, Error, PackageStructure};
use keyway::{PackageLoader, Registry, SearchPath};

use crate::args::{AnyPackages, Packages, State};
use crate::failure::Failure;
use crate::table;

/// The registry of the command: all plugins of the standard search path.
pub(crate) fn registry() -> Registry {
    Registry::new(SearchPath::standard::<&Path>([]))
}

/// The loader that looks where the options say.
pub(crate) fn loader(packages: &Packages) -> PackageLoader {
    loader_in(packages.global)
}

/// The loader for packages that have a life.
pub(crate) fn managed_loader() -> PackageLoader {
    loader_in(false)
}

/// Names the state folder where the options do not.
const STATE_VARIABLE: &str = "KEYWAY_PACKAGE_STATE";

/// The state folder of packages that have a life, absolute.
pub(crate) fn package_state(state: &State) -> Result<PathBuf, Failure> {
    let named = state.state_dir.clone();
    let named = named.or_else(|| std::env::var_os(STATE_VARIABLE).map(PathBuf::from));
    let named = named.filter(|folder| !folder.as_os_str().is_empty());
    let Some(folder) = named.or_else(PackageManager::default_state_dir) else {
        return Err(keyway_server::ServeError::NoStateDir.into());
    };
    std::path::absolute(&folder).map_err(|error| {
        let message = format!("`{}` is no path: {error}", folder.display());
        Failure::new("bad-path", message)
    })
}

fn loader_in(global: bool) -> PackageLoader {
    let dirs = DataDirs::from_env();
    let dirs = if global {
        let system = dirs.iter().filter(|dir| Some(*dir) != dirs.user());
        DataDirs::new(None, system.map(Path::to_path_buf))
    } else {
        dirs
    };
    PackageLoader::with_data_dirs(registry(), dirs)
}

/// The package that is meant, valid or not.
pub(crate) fn open(packages: &Packages, package: &Path) -> Result<Package, Failure> {
    let (opened, error) = look(packages, package)?;
    match error {
        None => Ok(opened),
        Some(error) => Err(error.into()),
    }
}

/// As [`open`], with the error beside the package where it is one of the package itself.
pub(crate) fn look(
    packages: &Packages,
    package: &Path,
) -> Result<(Package, Option<PackageError>), Failure> {
    look_through(&loader(packages), packages, package)
}

/// As [`look`], through a loader that [`loader`] gave.
pub(crate) fn look_through(
    loader: &PackageLoader,
    packages: &Packages,
    package: &Path,
) -> Result<(Package, Option<PackageError>), Failure> {
    let opened = loader.load_package(&packages.type_name);
    let mut opened = opened.map_err(|error| no_type(loader, error))?;
    let package = name_or_path(package)?;
    let result = match &packages.package_root {
        Some(root) => opened.set_path_below(root, package),
        None => opened.set_path(package),
    };
    Ok((opened, result.err()))
}

/// The type of packages of which no type was named.
pub(crate) const PLAIN: &str = "Keyway/Plain";

/// Says nothing about its packages, as KPackage's own structure does that kpackagetool takes.
pub(crate) struct Plain;

impl PackageStructure for Plain {
    fn init_package(&self, _: &mut DescribedPackage<'_>) -> Result<(), Error> {
        Ok(())
    }
}

/// The loader that looks where the options say, with a type for packages of any.
pub(crate) fn loader_for_any(packages: &AnyPackages) -> Result<PackageLoader, Failure> {
    let loader = loader_in(packages.global);
    loader.add_known_package_structure(PLAIN, Plain)?;
    Ok(loader)
}

/// As [`look`], also where no type was named, through a loader that [`loader_for_any`] gave.
pub(crate) fn look_at_any(
    loader: &PackageLoader,
    packages: &AnyPackages,
    package: &Path,
) -> Result<(Package, Option<Failure>), Failure> {
    let named = packages.type_name.as_deref();
    let packages = Packages {
        type_name: named.unwrap_or(PLAIN).to_owned(),
        package_root: packages.package_root.clone(),
        global: packages.global,
    };
    let (package, error) = look_through(loader, &packages, package)?;
    let error = error.map(|error| {
        let has_no_root = named.is_none() && packages.package_root.is_none();
        let is_name = matches!(&error, PackageError::NotFound { asked, .. } if asked.is_relative());
        let failure = Failure::from(error);
        if has_no_root && is_name {
            let hint = "with `-t TYPE` a name is looked for where packages of the type lie";
            return failure.hint(Some(hint));
        }
        failure
    });
    Ok((package, error))
}

/// Why there is no such package type; one that is a lifecycle's name is told so.
pub(crate) fn no_type(loader: &PackageLoader, error: LoadError) -> Failure {
    let lifecycle = match &error {
        LoadError::Resolve(ResolveError::Unknown { type_name, .. }) => {
            let catalog = loader.registry().catalog();
            let lifecycles = catalog.type_names(&TypeKind::Lifecycle);
            lifecycles.contains(type_name).then(|| type_name.clone())
        }
        _ => None,
    };
    let failure = Failure::from(error);
    match lifecycle {
        Some(name) => failure.hint(Some(format!("`{name}` is a lifecycle, not a package type"))),
        None => failure,
    }
}

/// Says on stderr where plugins were looked for, since there is nothing to show.
pub(crate) fn say_searched(registry: &Registry, nothing: &str) {
    const SHOWN: usize = 8;
    let folders = registry.search_path().folders();
    let mut err = anstream::stderr();
    // That stderr is closed is no reason to fail.
    let _ = writeln!(err, "{nothing}");
    for folder in folders.iter().take(SHOWN) {
        let path = table::printable(&folder.path().to_string_lossy());
        let origin = folder.origin();
        let _ = match folder.skipped() {
            Some(why) => writeln!(err, "  skipped `{path}` ({origin}): {why}"),
            None if folder.path().is_dir() => writeln!(err, "  searched `{path}` ({origin})"),
            None => writeln!(err, "  searched `{path}` ({origin}): not there"),
        };
    }
    if let more @ 1.. = folders.len().saturating_sub(SHOWN) {
        let _ = writeln!(err, "  and {more} more: see `keyway paths`");
    }
}

/// With a separator, or `.` or `..`, it is a path from the current folder, else a name.
fn name_or_path(package: &Path) -> Result<PathBuf, Failure> {
    let bytes = package.as_os_str().as_encoded_bytes();
    let is_path = bytes == b"."
        || bytes == b".."
        || bytes
            .iter()
            .any(|byte| std::path::is_separator(char::from(*byte)));
    if !is_path {
        return Ok(package.to_path_buf());
    }
    std::path::absolute(package).map_err(|error| {
        let message = format!("`{}` is no path: {error}", package.display());
        Failure::new("bad-path", message)
    })
}
