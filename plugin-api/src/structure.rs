//! What the author of a package structure writes.

use crate::{Error, Package};

/// A package structure: what packages of one type look like.
///
/// One instance lives for each loaded plugin and type, as long as the process. Its methods are
/// called from any thread of the host, several at once.
///
/// ```
/// use keyway_plugin::{Error, Package, PackageStructure};
///
/// #[derive(Default)]
/// struct MyStructure;
///
/// impl PackageStructure for MyStructure {
///     fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
///         package.set_default_package_root("myapp/packages/");
///         package.add_directory_definition("images", "images", "Images");
///         package.add_file_definition("mainscript", "scripts/main.js", "Main Script File");
///         package.set_required("mainscript", true);
///         Ok(())
///     }
/// }
/// ```
pub trait PackageStructure: Send + Sync + 'static {
    /// Says what packages of this type look like. Called once for a type, before any package of it
    /// is made; the host keeps what was said.
    ///
    /// # Errors
    ///
    /// Any error: the type then cannot be used, and the host says why.
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error>;

    /// The package's path has changed, possibly to none: a chance to look at what is there and to
    /// change the definition of this one package. Each new path starts from what
    /// [`init_package`](Self::init_package) said. A path may be a file: see [`Package::path`].
    ///
    /// # Errors
    ///
    /// Any error: the package then has no path, and the host says why.
    fn path_changed(&self, package: &mut Package<'_>) -> Result<(), Error> {
        let _ = package;
        Ok(())
    }
}
