//! Everything that a Keyway plugin needs: traits for its author, and one macro that exports.
//!
//! A plugin is a `cdylib` that gives *package structures*, *lifecycles* or both. Its author writes
//! ordinary Rust and never sees the border:
//!
//! ```
//! use keyway_plugin::{Error, Package, PackageStructure, export_plugin};
//!
//! #[derive(Default)]
//! struct MyStructure;
//!
//! impl PackageStructure for MyStructure {
//!     fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
//!         package.set_default_package_root("myapp/packages/");
//!         package.add_file_definition("mainscript", "scripts/main.js", "Main Script File");
//!         package.set_required("mainscript", true);
//!         Ok(())
//!     }
//! }
//!
//! export_plugin!(MyStructure, "doc/mystructure.json");
//! ```
//!
//! # From a crate to a type
//!
//! `Cargo.toml` says that the crate is a plugin, and needs nothing else of Keyway's:
//!
//! ```toml
//! [lib]
//! crate-type = ["cdylib"]
//!
//! [dependencies]
//! keyway-plugin = { path = "../keyway/plugin-api" }
//! ```
//!
//! The metadata file names the plugin and its type. `cargo build` then gives
//! `target/debug/libmystructure.so` (`.dll`, `.dylib`), and the command `keyway` tries it from there:
//!
//! ```console
//! $ cargo build
//! $ export KEYWAY_PLUGIN_PATH=$PWD/target/debug
//! $ keyway types
//! $ keyway explain MyApp/MyStructure
//! ```
//!
//! The variable takes absolute folders. To have the plugin found without it, put the library into
//! one of the folders that `keyway paths` shows: `keyway plugins install FILE` puts it into the
//! user's, `~/.local/lib/keyway/plugins`, by a rename, which is safe while the old one is used; a
//! distribution's package puts it into `/usr/lib/keyway/plugins`; an application that brings plugins
//! of its own puts them into `plugins` beside its executable.
//!
//! # What the adapters do
//!
//! * A panic in author code becomes an error in the host that names plugin, type and method, and
//!   the place where it started. This covers construction, every method, Display and drop of the
//!   errors that methods return, and the drop of the object.
//! * Events of [`tracing`](https://docs.rs/tracing) arrive at the host's subscriber with their own
//!   target, level and fields, unless the plugin sets a default subscriber of its own before it is
//!   attached.
//!
//! # What the host does for a lifecycle
//!
//! A lifecycle's [`Context`] has services, which live on the host's side: a [`Store`] for keys and
//! values, [`Fetch`] for what lies in git repositories, and [`Processes`] for programs that run as long as
//! the package does. A host may do without them and says so.
//!
//! # What is not shared with the host
//!
//! Each cdylib has its own standard library: allocator, statics, thread-locals, the identity of
//! types (`TypeId`), the state of panics and the buffer of stdout are its own. So log instead of
//! printing, and never change what belongs to the process: environment variables, the current
//! folder, signal handlers, the locale, the umask. A panic that no guard can hold (in a drop while
//! unwinding, in a thread-local's destructor) ends the process, as a crash does.
//!
//! # Features of the build
//!
//! Build with panics that unwind, which is cargo's default: a plugin built with `panic = "abort"`
//! is refused by the host, since a panic in it would end the host's process.

mod config;
mod fetch;
mod lifecycle;
mod log;
mod note;
mod package;
mod packages;
mod process;
mod store;
mod structure;

#[doc(hidden)]
#[path = "export.rs"]
pub mod __private;

pub use config::{Config, ConfigError, FromConfig};
pub use fetch::{Fetch, FetchBuilder, Fetched};
pub use keyway_abi::{PackageInfo, ServiceFailure, StoreChange, StoreExpected, StoreOutcome};
pub use keyway_abi::{ProcessExit, ProcessRequest, ProcessState, ProcessStatus, Restart};
pub use lifecycle::{Cancellation, Context, Hook, Lifecycle};
pub use package::{Package, is_cycle};
pub use packages::{AddPackage, Packages};
pub use process::Processes;
pub use store::{Scan, Store};
pub use structure::PackageStructure;

/// What an author's method fails with: any [`std::error::Error`], or a text by `.into()`.
pub type Error = Box<dyn std::error::Error>;

/// Exports a plugin: its structures and lifecycles, and its metadata.
///
/// ```text
/// export_plugin!(MyStructure, "metadata.json");
/// export_plugin!(lifecycle MyLifecycle, "metadata.toml");
/// export_plugin!(["Vendor/One" => One, "Vendor/Two" => Two, lifecycle "Vendor/Run" => Run],
///     "metadata.json");
/// ```
///
/// The metadata file is read while compiling, relative to the crate's folder: `.json` in KDE's
/// form, `.desktop` in KDE's older form, or `.toml` with the keys of the former. The plugin's id is
/// `KPlugin.Id` (in a `.desktop` file `X-KDE-PluginInfo-Name`). A structure's type name is the
/// file's `KPackageStructure`, or else the plugin's id; a lifecycle's is `X-Keyway-Lifecycle`, or
/// else the plugin's id. With a list, each type says its name, and the names must be those of the
/// file.
///
/// A structure's type implements [`PackageStructure`] and `Default`, a lifecycle's [`Lifecycle`].
/// To be used once in a crate, of `crate-type = ["cdylib"]`.
#[macro_export]
macro_rules! export_plugin {
    ($($exports:tt)*) => {
        $crate::__private::export! { $crate $($exports)* }
    };
}
