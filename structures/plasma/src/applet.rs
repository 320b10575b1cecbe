//! `Plasma/Applet`: a widget of the desktop or the panel.

use keyway_plugin::{Error, Package, PackageStructure};

/// `Plasma/Applet`.
#[derive(Default)]
pub(crate) struct Applet;

impl PackageStructure for Applet {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_default_package_root("plasma/plasmoids/");

        let images = ["image/svg+xml", "image/png", "image/jpeg"];
        package.add_directory_definition("images", "images", "Images");
        package.set_mime_types("images", &images);
        package.add_directory_definition("theme", "theme", "Themed Images");
        package.set_mime_types("theme", &images);
        package.add_directory_definition("config", "config", "Configuration Definitions");
        package.set_mime_types("config", &["text/xml"]);
        package.add_directory_definition("ui", "ui", "User Interface");
        package.add_directory_definition("data", "data", "Data Files");
        package.add_directory_definition("scripts", "code", "Executable Scripts");
        package.set_mime_types("scripts", &["text/plain"]);
        package.add_directory_definition("translations", "locale", "Translations");

        package.add_file_definition("mainscript", "ui/main.qml", "Main Script File");
        package.set_required("mainscript", true);
        package.add_file_definition("screenshot", "screenshot.png", "Screenshot");
        let config = "Configuration UI pages model";
        package.add_file_definition("configmodel", "config/config.qml", config);
        package.add_file_definition("mainconfigxml", "config/main.xml", "Configuration XML file");
        package.add_file_definition("test", "tests/test.qml", "Tests");
        Ok(())
    }

    fn path_changed(&self, package: &mut Package<'_>) -> Result<(), Error> {
        let named = |key| {
            package
                .metadata_value(key)
                .filter(|value| !value.is_empty())
        };
        let (script, containment) = (
            named("X-Plasma-MainScript"),
            named("X-Plasma-ContainmentType"),
        );
        // A widget may name its main script itself. It comes after the usual one, so it counts
        // where that is not there.
        if let Some(script) = script {
            package.add_file_definition("mainscript", &script, "Main Script File");
        }
        // A panel or desktop may bring its own way to show widgets in little room.
        if containment.is_some() {
            let name = "Custom expander for compact applets";
            package.add_file_definition("compactapplet", "applet/CompactApplet.qml", name);
        }
        Ok(())
    }
}
