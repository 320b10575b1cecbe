//! What was typed, as the library takes it.

use std::path::{Path, PathBuf};

use keyway::package::{DataDirs, Package, PackageError};
use keyway::{PackageLoader, Registry, SearchPath};

use crate::args::Packages;
use crate::failure::Failure;

/// The registry of the command: all plugins of the standard search path.
pub(crate) fn registry() -> Registry {
    Registry::new(SearchPath::standard::<&Path>([]))
}

/// The loader that looks where the options say.
pub(crate) fn loader(packages: &Packages) -> PackageLoader {
    let dirs = DataDirs::from_env();
    let dirs = if packages.global {
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
    let mut opened = loader(packages).load_package(&packages.type_name)?;
    if let Some(root) = &packages.package_root {
        let Some(root) = root.to_str() else {
            return Err(Failure::new(
                "package-root",
                format!("the package root `{}` is not UTF-8", root.display()),
            ));
        };
        opened.set_default_package_root(root);
    }
    let error = opened.set_path(name_or_path(package)?).err();
    Ok((opened, error))
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
