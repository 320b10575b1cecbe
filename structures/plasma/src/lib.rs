//! The package types of KDE Plasma and KWin, as KPackage 5.103 and Plasma 5.27 have them.
//!
//! A type is a table of its keys, and what it looks at in the package at hand:
//!
//! | type | looks at |
//! |---|---|
//! | those with a main script in QML or JavaScript | `X-Plasma-MainScript`, one more place for it |
//! | `Plasma/Applet` | whether it is a containment |
//! | `Plasma/LookAndFeel`, `Plasma/Shell` | the id: all but the default one fall back to that |
//! | `KWin/Aurorae` | the id: the settings may be in a file of that name |
//! | `Wallpaper/Images` | whether it is a single picture |
//! | `Plasma/Applet`, `Plasma/Generic`, `Plasma/Wallpaper` | `PLASMA_PLATFORM`, once |

#![forbid(unsafe_code)]

mod contents;
mod kwin;
mod layout;
mod look_and_feel;
mod scripted;
mod sensor_face;
mod shell;
mod theme;
mod wallpaper;

use keyway_plugin::export_plugin;
use kwin::{Aurorae, Decoration, Effect, Script, WindowSwitcher};
use look_and_feel::LookAndFeel;
use scripted::{Applet, Comic, ContainmentActions, DataEngine, Generic, LayoutTemplate};
use sensor_face::SensorFace;
use shell::Shell;
use theme::Theme;
use wallpaper::{Images, Wallpaper};

export_plugin!(
    [
        "KSysguard/SensorFace" => SensorFace,
        "KWin/Aurorae" => Aurorae,
        "KWin/Decoration" => Decoration,
        "KWin/Effect" => Effect,
        "KWin/Script" => Script,
        "KWin/WindowSwitcher" => WindowSwitcher,
        "Plasma/Applet" => Applet,
        "Plasma/Comic" => Comic,
        "Plasma/ContainmentActions" => ContainmentActions,
        "Plasma/DataEngine" => DataEngine,
        "Plasma/Generic" => Generic,
        "Plasma/LayoutTemplate" => LayoutTemplate,
        "Plasma/LookAndFeel" => LookAndFeel,
        "Plasma/Shell" => Shell,
        "Plasma/Theme" => Theme,
        "Plasma/Wallpaper" => Wallpaper,
        "Wallpaper/Images" => Images,
    ],
    "plasma.json"
);
