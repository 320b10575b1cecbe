//! Loads package structures and lifecycles from native plugins, and packages through them.
//!
//! ```text
//! plugin files --read, run nothing--> Registry --"MyApp/MyStructure"--> Structure
//!                                                                         | init_package, once
//! packages on disk --name or path--> PackageLoader --> Package <---- Definition
//!                                                        | key, file name
//!                                                        v
//!                                                absolute path inside the package
//! ```
//!
//! A *plugin* is a shared library that defines package types or lifecycles; authors write one with
//! the crate `keyway-plugin`. A *structure* says what packages of one type look like. A *package* is
//! a folder with metadata and contents.
//!
//! * [`plugin`]: from a file on disk to a loaded plugin. [`Registry`] resolves type names.
//! * [`package`]: from a type and a name to the files of a package. [`PackageLoader`] is where an
//!   application begins; its vocabulary and its answers are KPackage's.
//! * [`structure`]: what an application needs to define a package type itself.
//! * `archive`, with the feature of that name: unpacking archives that may lie. With it an archive is
//!   a package, too.
//! * `git`, with the feature of that name: fetching what is in git repositories, without a git program.
//! * `install`, with the feature of that name: installing, upgrading and removing packages, entirely or
//!   not at all.
//! * `lifecycle`, with the feature of that name: the manager of packages that have code of their own.
//! * `watch`, with the feature of that name: noticing what others install, change and remove.
//! * [`foreign`]: showing what packages and plugins say to people, without harm.
//!
//! An application needs this crate and no other one of Keyway's.
//!
//! # Examples
//!
//! ```no_run
//! use keyway::{PackageLoader, Registry, SearchPath};
//!
//! let registry = Registry::new(SearchPath::standard(["/opt/myapp/plugins"]));
//! let loader = PackageLoader::new(registry);
//!
//! let package = loader.load_package_at("Plasma/Applet", "org.kde.plasma.analogclock")?;
//! if let Some(script) = package.file_path("mainscript", "") {
//!     println!("{}", script.display());
//! }
//! # Ok::<(), keyway::package::LoadError>(())
//! ```
//!
//! An application may bring structures of its own, without a plugin:
//!
//! ```
//! use keyway::PackageLoader;
//! use keyway::structure::{DescribedPackage, Error, PackageStructure};
//!
//! struct Theme;
//!
//! impl PackageStructure for Theme {
//!     fn init_package(&self, package: &mut DescribedPackage<'_>) -> Result<(), Error> {
//!         package.set_default_package_root("myapp/themes/");
//!         package.add_file_definition("colors", "colors.toml", "Colours");
//!         package.set_required("colors", true);
//!         Ok(())
//!     }
//! }
//!
//! let loader = PackageLoader::new(Default::default());
//! loader.add_known_package_structure("MyApp/Theme", Theme)?;
//! for theme in loader.list_packages("MyApp/Theme", None)? {
//!     println!("{} {}", theme.id(), theme.path().display());
//! }
//! # Ok::<(), keyway::package::LoadError>(())
//! ```
//!
//! # What runs when
//!
//! Looking at plugin files, listing their types and finding out who defines one runs none of their
//! code. A plugin is loaded when a type of it is first used, and stays loaded as long as the
//! process. A panic in its code is an error that names plugin, type and method; a crash, an abort or
//! an exit ends the process, as in any native code.
//!
//! # Threads
//!
//! Everything here is `Send + Sync` and cheap to clone. A plugin is opened once, and a type described
//! once, however many threads ask at the same time; no lock is held meanwhile.

#[cfg(feature = "archive")]
pub mod archive;
#[cfg(any(feature = "git", feature = "lifecycle"))]
mod credentials;
#[cfg(feature = "git")]
pub mod git;
#[cfg(feature = "install")]
pub mod install;
#[cfg(feature = "lifecycle")]
pub mod lifecycle;
pub mod package;
pub mod plugin;
mod single_flight;
mod transaction;
mod version;
#[cfg(feature = "watch")]
pub mod watch;

/// Defining a package type in the application itself, without a plugin.
///
/// The same trait that plugins implement, from the crate `keyway-plugin`; hand what implements it
/// to [`PackageLoader::add_known_package_structure`].
pub mod structure {
    /// The package as a structure sees it while it describes it: `keyway_plugin::Package`, under a
    /// name of its own, since a host's [`Package`](crate::Package) is another thing.
    #[doc(inline)]
    pub use keyway_plugin::Package as DescribedPackage;
    #[doc(inline)]
    pub use keyway_plugin::{Error, PackageStructure, is_cycle};
}

#[doc(inline)]
pub use keyway_metadata::foreign;

#[cfg(any(feature = "git", feature = "lifecycle"))]
pub use credentials::without_credentials;
pub use package::{DataDirs, Package, PackageLoader};
pub use plugin::{Registry, SearchPath};
pub use version::compare_versions;
