//! What changes windows: scripts, effects, the window switcher and decorations.

use keyway_plugin::{Error, Package, PackageStructure};

use crate::contents::{TEXT, XML};
use crate::layout::{Key, add_main_script, define, directory, file};

/// `KWin/Script`: manages windows.
#[derive(Default)]
pub(crate) struct Script;

/// `KWin/Effect`: animates them.
#[derive(Default)]
pub(crate) struct Effect;

/// `KWin/WindowSwitcher`: what Alt+Tab shows.
#[derive(Default)]
pub(crate) struct WindowSwitcher;

/// `KWin/Decoration`: frames in QML.
#[derive(Default)]
pub(crate) struct Decoration;

/// `KWin/Aurorae`: frames made of pictures.
#[derive(Default)]
pub(crate) struct Aurorae;

const CONFIG: Key = directory("config", "config", "Configuration Definitions").of(XML);
const UI: Key = directory("ui", "ui", "User Interface");

const SCRIPT: &[Key] = &[
    CONFIG,
    UI,
    directory("code", "code", "Executable Scripts"),
    file("mainscript", "code/main.js", "Main Script File").required(),
];

const EFFECT: &[Key] = &[
    directory("code", "code", "Executable Scripts").of(TEXT),
    file("mainscript", "code/main.js", "Main Script File").required(),
    file("config", "config/main.xml", "Configuration Definition File").of(XML),
    file("configui", "ui/config.ui", "KCM User Interface File").of(XML),
];

const WINDOW_SWITCHER: &[Key] = &[
    CONFIG,
    UI,
    directory("code", "code", "Executable windowswitcher"),
    file("mainscript", "ui/main.qml", "Main Script File").required(),
];

const DECORATION: &[Key] = &[
    CONFIG,
    UI,
    directory("code", "code", "Executable Scripts"),
    file("mainscript", "code/main.qml", "Main Script File").required(),
];

const AURORAE: &[Key] = &[
    file("decoration", "decoration.svgz", "Window Decoration").required(),
    file("close", "close.svgz", "Close Button"),
    file("minimize", "minimize.svgz", "Minimize Button"),
    file("maximize", "maximize.svgz", "Maximize Button"),
    file("restore", "restore.svgz", "Restore Button"),
    file("alldesktops", "alldesktops.svgz", "Sticky Button"),
    file("keepabove", "keepabove.svgz", "Keepabove Button"),
    file("keepbelow", "keepbelow.svgz", "Keepbelow Button"),
    file("shade", "shade.svgz", "Shade Button"),
    file("help", "help.svgz", "Help Button"),
    file("configrc", "configrc", "Configuration file"),
];

impl PackageStructure for Script {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_default_package_root("kwin/scripts/");
        define(package, SCRIPT);
        Ok(())
    }

    fn path_changed(&self, package: &mut Package<'_>) -> Result<(), Error> {
        add_main_script(package);
        Ok(())
    }
}

impl PackageStructure for Effect {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_default_package_root("kwin/effects/");
        define(package, EFFECT);
        Ok(())
    }

    fn path_changed(&self, package: &mut Package<'_>) -> Result<(), Error> {
        add_main_script(package);
        Ok(())
    }
}

impl PackageStructure for WindowSwitcher {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_default_package_root("kwin/tabbox/");
        define(package, WINDOW_SWITCHER);
        Ok(())
    }

    fn path_changed(&self, package: &mut Package<'_>) -> Result<(), Error> {
        add_main_script(package);
        Ok(())
    }
}

impl PackageStructure for Decoration {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_default_package_root("kwin/decorations/");
        define(package, DECORATION);
        Ok(())
    }

    fn path_changed(&self, package: &mut Package<'_>) -> Result<(), Error> {
        add_main_script(package);
        Ok(())
    }
}

impl PackageStructure for Aurorae {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_default_package_root("aurorae/themes/");
        package.set_contents_prefix_paths(&[]);
        package.set_default_mime_types(&["image/svg+xml-compressed"]);
        define(package, AURORAE);
        Ok(())
    }

    fn path_changed(&self, package: &mut Package<'_>) -> Result<(), Error> {
        if let Some(id) = package.metadata_value("KPlugin.Id") {
            package.add_file_definition("configrc", &format!("{id}rc"), "Configuration file");
        }
        Ok(())
    }
}
