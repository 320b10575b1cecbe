//! What widgets, their like and wallpapers hold.

use keyway_plugin::Package;

use crate::layout::{Key, directory};

pub(crate) const TEXT: &[&str] = &["text/plain"];
pub(crate) const XML: &[&str] = &["text/xml"];
pub(crate) const PICTURES: &[&str] = &["image/svg+xml", "image/png", "image/jpeg"];

pub(crate) const FOLDERS: &[Key] = &[
    directory("images", "images", "Images").of(PICTURES),
    directory("theme", "theme", "Themed Images").of(PICTURES),
    directory("config", "config", "Configuration Definitions").of(XML),
    directory("ui", "ui", "User Interface"),
    directory("data", "data", "Data Files"),
    directory("scripts", "code", "Executable Scripts").of(TEXT),
    directory("translations", "locale", "Translations"),
];

/// On a phone and the like `PLASMA_PLATFORM` names platforms, divided by `:`; what a package holds
/// for one of them comes before the usual.
pub(crate) fn prefer_platform(package: &mut Package<'_>) {
    let Ok(platforms) = std::env::var("PLASMA_PLATFORM") else {
        return;
    };
    let mut prefixes: Vec<String> = platforms
        .split(':')
        .filter(|platform| !platform.is_empty())
        .map(|platform| format!("platformcontents/{platform}"))
        .collect();
    prefixes.push("contents".to_owned());
    let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
    package.set_contents_prefix_paths(&prefixes);
}
