//! What Plasma runs: widgets, and other packages around one main script.

use keyway_plugin::{Error, Package, PackageStructure};

use crate::contents::{FOLDERS, PICTURES, TEXT, prefer_platform};
use crate::layout::{Key, add_main_script, define, directory, file};

/// `Plasma/Applet`: a widget of the desktop or the panel, or what holds widgets.
#[derive(Default)]
pub(crate) struct Applet;

/// `Plasma/Generic`: QML for other parts of Plasma.
#[derive(Default)]
pub(crate) struct Generic;

/// `Plasma/ContainmentActions`: what a click on the desktop does.
#[derive(Default)]
pub(crate) struct ContainmentActions;

/// `Plasma/DataEngine`: a source of data for widgets.
#[derive(Default)]
pub(crate) struct DataEngine;

/// `Plasma/Comic`: where the comic strip widget gets a strip.
#[derive(Default)]
pub(crate) struct Comic;

/// `Plasma/LayoutTemplate`: a script that arranges panels and widgets.
#[derive(Default)]
pub(crate) struct LayoutTemplate;

/// The main script in QML, and how it is tested.
const QML: &[Key] = &[
    file("mainscript", "ui/main.qml", "Main Script File").required(),
    file("test", "tests/test.qml", "Tests"),
];

const SCREENSHOT: Key = file("screenshot", "screenshot.png", "Screenshot");

const APPLET: &[Key] = &[
    SCREENSHOT,
    file(
        "configmodel",
        "config/config.qml",
        "Configuration UI pages model",
    ),
    file("mainconfigxml", "config/main.xml", "Configuration XML file"),
];

const CONTAINMENT: &[Key] = &[file(
    "compactapplet",
    "applet/CompactApplet.qml",
    "Custom expander for compact applets",
)];

const DATA_ENGINE: &[Key] = &[
    directory("data", "data", "Data Files"),
    directory("scripts", "code", "Executable Scripts").of(TEXT),
    directory("services", "services/", "Service Descriptions").of(TEXT),
    directory("translations", "locale", "Translations"),
];

const COMIC: &[Key] = &[
    directory("images", "images", "Images").of(PICTURES),
    directory("scripts", "code", "Executable Scripts").of(&["text/*"]),
    file("mainscript", "code/main", "Main Script File"),
];

const LAYOUT_TEMPLATE: &[Key] = &[file("mainscript", "layout.js", "Main Script File").required()];

impl PackageStructure for Applet {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_default_package_root("plasma/plasmoids/");
        prefer_platform(package);
        for keys in [QML, FOLDERS, APPLET] {
            define(package, keys);
        }
        Ok(())
    }

    fn path_changed(&self, package: &mut Package<'_>) -> Result<(), Error> {
        add_main_script(package);
        // A panel or desktop may bring its own way to show widgets in little room.
        if is_containment(package) {
            define(package, CONTAINMENT);
        }
        Ok(())
    }
}

/// Whether other widgets can be put into it.
fn is_containment(package: &Package<'_>) -> bool {
    let service_types = package.metadata_value("KPlugin.ServiceTypes");
    package.metadata_value("X-Plasma-ContainmentType").is_some()
        || service_types.is_some_and(|types| types.split(',').any(|it| it == "Plasma/Containment"))
}

impl PackageStructure for Generic {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_default_package_root("plasma/packages/");
        prefer_platform(package);
        for keys in [QML, FOLDERS, &[SCREENSHOT]] {
            define(package, keys);
        }
        Ok(())
    }

    fn path_changed(&self, package: &mut Package<'_>) -> Result<(), Error> {
        add_main_script(package);
        Ok(())
    }
}

impl PackageStructure for ContainmentActions {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_default_package_root("plasma/containmentactions/");
        define(package, QML);
        Ok(())
    }

    fn path_changed(&self, package: &mut Package<'_>) -> Result<(), Error> {
        add_main_script(package);
        Ok(())
    }
}

impl PackageStructure for DataEngine {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_default_package_root("plasma/dataengines/");
        define(package, QML);
        define(package, DATA_ENGINE);
        Ok(())
    }

    fn path_changed(&self, package: &mut Package<'_>) -> Result<(), Error> {
        add_main_script(package);
        Ok(())
    }
}

impl PackageStructure for Comic {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_default_package_root("plasma/comics/");
        define(package, COMIC);
        Ok(())
    }
}

impl PackageStructure for LayoutTemplate {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_default_package_root("plasma/layout-templates/");
        define(package, LAYOUT_TEMPLATE);
        Ok(())
    }
}
