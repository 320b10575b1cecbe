//! Types that panic or fail, each in another place.

#![forbid(unsafe_code)]

use std::fmt;

use keyway_plugin::{Error, Package, PackageStructure, export_plugin};

#[derive(Default)]
struct InitPackage;

impl PackageStructure for InitPackage {
    fn init_package(&self, _: &mut Package<'_>) -> Result<(), Error> {
        panic!("no luck in init_package");
    }
}

#[derive(Default)]
struct PathChanged;

impl PackageStructure for PathChanged {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_default_package_root("panics/");
        Ok(())
    }

    fn path_changed(&self, _: &mut Package<'_>) -> Result<(), Error> {
        panic!("no luck in path_changed");
    }
}

struct Constructor;

impl Default for Constructor {
    fn default() -> Self {
        panic!("no luck in the constructor");
    }
}

impl PackageStructure for Constructor {
    fn init_package(&self, _: &mut Package<'_>) -> Result<(), Error> {
        Ok(())
    }
}

/// An error that panics when it is shown, or when it is dropped.
#[derive(Debug)]
struct Nasty {
    when_shown: bool,
}

impl fmt::Display for Nasty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        assert!(!self.when_shown, "no luck in Display");
        f.write_str("an error that will not go")
    }
}

impl std::error::Error for Nasty {}

impl Drop for Nasty {
    fn drop(&mut self) {
        assert!(self.when_shown, "no luck in the drop of an error");
    }
}

#[derive(Default)]
struct ErrorDisplay;

impl PackageStructure for ErrorDisplay {
    fn init_package(&self, _: &mut Package<'_>) -> Result<(), Error> {
        Err(Nasty { when_shown: true }.into())
    }
}

#[derive(Default)]
struct ErrorDrop;

impl PackageStructure for ErrorDrop {
    fn init_package(&self, _: &mut Package<'_>) -> Result<(), Error> {
        Err(Nasty { when_shown: false }.into())
    }
}

/// A payload whose drop panics, with a payload whose drop panics, without an end.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        std::panic::panic_any(Bomb);
    }
}

#[derive(Default)]
struct Payload;

impl PackageStructure for Payload {
    fn init_package(&self, _: &mut Package<'_>) -> Result<(), Error> {
        std::panic::panic_any(Bomb);
    }
}

#[derive(Default)]
struct ObjectDrop;

impl PackageStructure for ObjectDrop {
    fn init_package(&self, _: &mut Package<'_>) -> Result<(), Error> {
        Ok(())
    }
}

impl Drop for ObjectDrop {
    fn drop(&mut self) {
        panic!("no luck in drop");
    }
}

#[derive(Default)]
struct Fails;

impl PackageStructure for Fails {
    fn init_package(&self, _: &mut Package<'_>) -> Result<(), Error> {
        let cause = std::fs::read("/nonexistent/file").map(|_| ());
        Ok(cause.map_err(Caused)?)
    }
}

#[derive(Debug)]
struct Caused(std::io::Error);

impl fmt::Display for Caused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot read what is needed")
    }
}

impl std::error::Error for Caused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[derive(Default)]
struct Nothing;

impl PackageStructure for Nothing {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_default_package_root("panics/");
        Ok(())
    }
}

export_plugin!(
    [
        "Panics/InitPackage" => InitPackage,
        "Panics/PathChanged" => PathChanged,
        "Panics/Constructor" => Constructor,
        "Panics/ErrorDisplay" => ErrorDisplay,
        "Panics/ErrorDrop" => ErrorDrop,
        "Panics/Payload" => Payload,
        "Panics/ObjectDrop" => ObjectDrop,
        "Panics/Error" => Fails,
        "Panics/Nothing" => Nothing,
    ],
    "panics.json"
);
