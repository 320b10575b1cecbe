//! KPackage's three methods.

use std::path::Path;

use super::error::InstallError;
use super::installer::Installer;
use super::removal::Removed;
use super::staged::Installed;
use crate::package::Package;

/// Installing and removing, with the feature `install`.
impl Package {
    /// Installs the package `source`, a folder or an archive, as one of this type, and sets the
    /// path to it. Below `package_root`, or the type's own root; see
    /// [`Installer`], which can do more.
    ///
    /// # Errors
    ///
    /// As [`Installer::install`].
    pub fn install(
        &mut self,
        source: impl AsRef<Path>,
        package_root: Option<&Path>,
    ) -> Result<Installed, InstallError> {
        let installed = self.installer(package_root)?.install(source)?;
        self.enter(installed)
    }

    /// Installs the package `source`, a folder or an archive, in place of an older version, and sets
    /// the path to it. As [`install`](Self::install).
    ///
    /// # Errors
    ///
    /// As [`Installer::upgrade`].
    pub fn update(
        &mut self,
        source: impl AsRef<Path>,
        package_root: Option<&Path>,
    ) -> Result<Installed, InstallError> {
        let installed = self.installer(package_root)?.upgrade(source)?;
        self.enter(installed)
    }

    /// Removes the package `name` of this type. If it is this one, this has no path afterwards.
    ///
    /// # Errors
    ///
    /// As [`Installer::uninstall`].
    pub fn uninstall(
        &mut self,
        name: &str,
        package_root: Option<&Path>,
    ) -> Result<Removed, InstallError> {
        let removed = self.installer(package_root)?.uninstall(name)?;
        if self.path().is_some_and(|path| !path.exists()) {
            self.set_path("").map_err(InstallError::Package)?;
        }
        Ok(removed)
    }

    fn installer(&self, package_root: Option<&Path>) -> Result<Installer, InstallError> {
        let installer = Installer::new(self.loader().clone()).package_root(package_root);
        installer.type_name(self.type_name().as_str())
    }

    fn enter(&mut self, installed: Installed) -> Result<Installed, InstallError> {
        self.set_path(&installed.path)
            .map_err(InstallError::Package)?;
        Ok(installed)
    }
}
