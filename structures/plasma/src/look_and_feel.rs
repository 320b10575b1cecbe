//! `Plasma/LookAndFeel`: how the desktop looks, as a whole.

use std::path::Path;

use keyway_plugin::{Error, Package, PackageStructure};

use crate::layout::{Key, define, directory, fall_back_to, file};

/// `Plasma/LookAndFeel`. What a package lacks comes from the default one.
#[derive(Default)]
pub(crate) struct LookAndFeel;

const DEFAULT: &str = "org.kde.breeze.desktop";

const KEYS: &[Key] = &[
    directory(
        "desktopswitcher",
        "desktopswitcher",
        "Virtual Desktop Switcher",
    ),
    directory("layouts", "layouts", "Default layout scripts"),
    directory("lockscreen", "lockscreen", "Screenlocker"),
    directory("loginmanager", "loginmanager", "Login Manager"),
    directory("logout", "logout", "Logout Dialog"),
    directory("osd", "osd", "On-Screen Display Notifications"),
    directory(
        "plasmoidsetupscripts",
        "plasmoidsetupscripts",
        "Script to tweak default configs of plasmoids",
    ),
    directory("previews", "previews", "Preview Images"),
    directory("runcommand", "runcommand", "KRunner UI"),
    directory("splash", "splash", "Splash Screen"),
    directory("systemdialog", "systemdialog", "System Dialog"),
    directory("userswitcher", "userswitcher", "UI for fast user switching"),
    directory("windowdecoration", "windowdecoration", "Window Decoration"),
    directory("windowswitcher", "windowswitcher", "Window Switcher"),
    file("colors", "colors", "Color scheme to use for applications."),
    file("defaults", "defaults", "Default settings for theme, etc."),
    file(
        "desktopswitchermainscript",
        "desktopswitcher/DesktopSwitcher.qml",
        "Main Script for Virtual Desktop Switcher",
    ),
    file(
        "desktopswitcherpreview",
        "previews/desktopswitcher.png",
        "Preview for the Virtual Desktop Switcher",
    ),
    file(
        "fullscreenpreview",
        "previews/fullscreenpreview.jpg",
        "Full size preview for the whole style",
    ),
    file(
        "layoutdefaults",
        "layouts/defaults",
        "Default layout-related settings for titlebars, etc.",
    ),
    file(
        "lockscreenmainscript",
        "lockscreen/LockScreen.qml",
        "Main Script for Lock Screen",
    ),
    file(
        "lockscreenpreview",
        "previews/lockscreen.png",
        "Preview for the Lock Screen",
    ),
    file(
        "loginmanagermainscript",
        "loginmanager/LoginManager.qml",
        "Main Script for Login Manager",
    ),
    file(
        "loginmanagerpreview",
        "previews/loginmanager.png",
        "Preview for the Login Manager",
    ),
    file(
        "logoutmainscript",
        "logout/Logout.qml",
        "Main Script for Logout Dialog",
    ),
    file(
        "osdmainscript",
        "osd/Osd.qml",
        "Main Script for On-Screen Display Notifications",
    ),
    file(
        "preview",
        "previews/preview.png",
        "Preview for the whole style",
    ),
    file(
        "runcommandmainscript",
        "runcommand/RunCommand.qml",
        "Main Script KRunner",
    ),
    file(
        "runcommandpreview",
        "previews/runcommand.png",
        "Preview for KRunner",
    ),
    file(
        "splashmainscript",
        "splash/Splash.qml",
        "Main Script for Splash Screen",
    ),
    file(
        "splashpreview",
        "previews/splash.png",
        "Preview for Splash Screen",
    ),
    file(
        "systemdialogscript",
        "systemdialog/SystemDialog.qml",
        "The system dialog",
    ),
    file(
        "userswitchermainscript",
        "userswitcher/UserSwitcher.qml",
        "Main Script for User Switcher",
    ),
    file(
        "userswitcherpreview",
        "previews/userswitcher.png",
        "Preview for the Userswitcher",
    ),
    file(
        "windowdecorationmainscript",
        "windowdecoration/WindowDecoration.qml",
        "Main Script for Window Decoration",
    ),
    file(
        "windowdecorationpreview",
        "previews/windowdecoration.png",
        "Preview for the Window Decorations",
    ),
    file(
        "windowswitchermainscript",
        "windowswitcher/WindowSwitcher.qml",
        "Main Script for Window Switcher",
    ),
    file(
        "windowswitcherpreview",
        "previews/windowswitcher.png",
        "Preview for Window Switcher",
    ),
];

impl PackageStructure for LookAndFeel {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_default_package_root("plasma/look-and-feel/");
        define(package, KEYS);
        // Where it is not installed, a package is the one that somebody names, and no other.
        let _ = package.set_path(Path::new(DEFAULT));
        Ok(())
    }

    fn path_changed(&self, package: &mut Package<'_>) -> Result<(), Error> {
        match package.metadata_value("KPlugin.Id").as_deref() {
            None => {}
            Some(DEFAULT) => package.clear_fallback_package(),
            Some(_) => fall_back_to(package, "Plasma/LookAndFeel", DEFAULT),
        }
        Ok(())
    }
}
