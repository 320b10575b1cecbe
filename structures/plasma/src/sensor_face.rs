//! `KSysguard/SensorFace`: how the system monitor draws sensors.

use keyway_plugin::{Error, Package, PackageStructure};

use crate::layout::{Key, define, directory, file};

/// `KSysguard/SensorFace`.
#[derive(Default)]
pub(crate) struct SensorFace;

const KEYS: &[Key] = &[
    directory("ui", "ui", "User Interface"),
    directory("config", "config", "Configuration support"),
    file(
        "CompactRepresentation",
        "ui/CompactRepresentation.qml",
        "The compact representation of the sensors plasmoid when collapsed, for instance in a panel.",
    )
    .required(),
    file(
        "FullRepresentation",
        "ui/FullRepresentation.qml",
        "The representation of the plasmoid when it's fully expanded.",
    )
    .required(),
    file(
        "ConfigUI",
        "ui/Config.qml",
        "The optional configuration page for this face.",
    ),
    file(
        "mainconfigxml",
        "config/main.xml",
        "KConfigXT xml file for face-specific configuration options.",
    ),
    file(
        "FaceProperties",
        "faceproperties",
        "The configuration file that describes face properties and capabilities.",
    )
    .required(),
];

impl PackageStructure for SensorFace {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_default_package_root("ksysguard/sensorfaces/");
        define(package, KEYS);
        Ok(())
    }
}
