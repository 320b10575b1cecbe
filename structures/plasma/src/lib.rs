//! The package types of KDE Plasma. The layouts are those of KDE Frameworks 5.103.

#![forbid(unsafe_code)]

mod applet;

use applet::Applet;
use keyway_plugin::export_plugin;

export_plugin!(Applet, "plasma.json");
