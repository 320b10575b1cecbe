//! `Plasma/Shell`: what a desktop is made of around its widgets.

use std::ffi::OsStr;
use std::path::Path;

use keyway_plugin::{Error, Package, PackageStructure};

use crate::layout::{Key, define, directory, fall_back_to, file};

/// `Plasma/Shell`. What a package lacks comes from the one that it names, else from the default
/// one.
#[derive(Default)]
pub(crate) struct Shell;

const DEFAULT: &str = "org.kde.plasma.desktop";

const QML: &[&str] = &["text/x-qml"];

const KEYS: &[Key] = &[
    directory("applet", "applet", "Applets furniture").of(QML),
    directory("configuration", "configuration", "Applets furniture").of(QML),
    directory("explorer", "explorer", "Explorer UI for adding widgets"),
    directory(
        "views",
        "views",
        "User interface for the views that will show containments",
    )
    .of(QML),
    file(
        "appletalternativesui",
        "explorer/AppletAlternatives.qml",
        "QML component for choosing an alternate applet",
    ),
    file(
        "appletconfigurationui",
        "configuration/AppletConfiguration.qml",
        "QML component for the configuration dialog for applets",
    ),
    file(
        "appleterror",
        "applet/AppletError.qml",
        "Error message shown when an applet fails to load",
    ),
    file(
        "compactapplet",
        "applet/CompactApplet.qml",
        "QML component that shows an applet in a popup",
    ),
    file(
        "containmentconfigurationui",
        "configuration/ContainmentConfiguration.qml",
        "QML component for the configuration dialog for containments",
    ),
    file(
        "containmentmanagementui",
        "configuration/ShellContainmentConfiguration.qml",
        "QML component for the configuration dialog of containments",
    ),
    file(
        "defaultcompactrepresentation",
        "applet/DefaultCompactRepresentation.qml",
        "Compact representation of an applet when collapsed in a popup, for instance as an icon. Applets can override this component.",
    ),
    file("defaultlayout", "layout.js", "Default layout file")
        .of(&["application/javascript", "text/javascript"]),
    file(
        "defaults",
        "defaults",
        "Default plugins for containments, containmentActions, etc.",
    )
    .of(&["text/plain"]),
    file(
        "interactiveconsole",
        "InteractiveConsole.qml",
        "A UI for writing, loading and running desktop scripts in the current live session",
    ),
    file(
        "panelconfigurationui",
        "configuration/PanelConfiguration.qml",
        "Panel configuration UI",
    ),
    file(
        "widgetexplorer",
        "explorer/WidgetExplorer.qml",
        "Widgets explorer UI",
    ),
];

impl PackageStructure for Shell {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_default_package_root("plasma/shells/");
        define(package, KEYS);
        Ok(())
    }

    fn path_changed(&self, package: &mut Package<'_>) -> Result<(), Error> {
        match package.metadata_value("KPlugin.Id").as_deref() {
            None => {}
            Some(DEFAULT) => package.clear_fallback_package(),
            Some(_) => match package.metadata_value("X-Plasma-FallbackPackage") {
                None => fall_back_to(package, "Plasma/Shell", DEFAULT),
                Some(name) if is_plain_name(&name) => fall_back_to(package, "Plasma/Shell", &name),
                Some(_) => package.clear_fallback_package(),
            },
        }
        Ok(())
    }
}

/// Whether it is one name and nothing around it. A path could lead to any folder, since a shell need
/// not have any file.
fn is_plain_name(name: &str) -> bool {
    Path::new(name).file_name() == Some(OsStr::new(name))
}
