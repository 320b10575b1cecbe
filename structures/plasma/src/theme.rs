//! `Plasma/Theme`: the pictures that panels, widgets and dialogs are drawn with.

use keyway_plugin::{Error, Package, PackageStructure};

/// `Plasma/Theme`.
#[derive(Default)]
pub(crate) struct Theme;

/// Folders, and the names that people see.
const FOLDERS: &[(&str, &str)] = &[
    ("dialogs", "Images for dialogs"),
    ("opaque/dialogs", "Opaque images for dialogs"),
    ("opaque/widgets", "Opaque images for widgets"),
    ("wallpapers", "Wallpaper packages"),
    ("widgets", "Images for widgets"),
];

/// Pictures, each plain or compressed.
const PICTURES: &[(&str, &str)] = &[
    ("dialogs/background", "Generic dialog background"),
    ("dialogs/shutdowndialog", "Theme for the logout dialog"),
    (
        "opaque/dialogs/background",
        "Opaque generic dialog background",
    ),
    (
        "opaque/dialogs/shutdowndialog",
        "Opaque theme for the logout dialog",
    ),
    (
        "opaque/widgets/panel-background",
        "Opaque background image for panels",
    ),
    (
        "opaque/widgets/tooltip",
        "Opaque background image for tooltips",
    ),
    ("widgets/background", "Background image for widgets"),
    ("widgets/clock", "Analog clock face"),
    ("widgets/panel-background", "Background image for panels"),
    ("widgets/plot-background", "Background for graphing widgets"),
    ("widgets/tooltip", "Background image for tooltips"),
];

impl PackageStructure for Theme {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_default_package_root("plasma/desktoptheme/");
        package.set_contents_prefix_paths(&[]);
        package.set_default_mime_types(&["image/svg+xml"]);
        for (key, name) in FOLDERS {
            package.add_directory_definition(key, &format!("{key}/"), name);
        }
        for (key, name) in PICTURES {
            for ending in ["svg", "svgz"] {
                package.add_file_definition(key, &format!("{key}.{ending}"), name);
            }
        }
        package.add_file_definition("colors", "colors", "KColorScheme configuration file");
        Ok(())
    }
}
