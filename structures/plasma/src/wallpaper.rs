//! What lies behind the windows: wallpapers that are drawn, and pictures.

use std::path::Path;

use keyway_plugin::{Error, Package, PackageStructure};

use crate::contents::{FOLDERS, prefer_platform};
use crate::layout::{Key, define, directory, file};

/// `Plasma/Wallpaper`: draws the background itself.
#[derive(Default)]
pub(crate) struct Wallpaper;

/// `Wallpaper/Images`: one picture in several sizes, or any single file as one.
#[derive(Default)]
pub(crate) struct Images;

const WALLPAPER: &[Key] = &[file("mainscript", "ui/main.qml", "Main Script File").required()];

const PICTURES: &[&str] = &[
    "image/avif",
    "image/bmp",
    "image/gif",
    "image/heif",
    "image/jpeg",
    "image/jpg",
    "image/png",
    "image/svg",
    "image/tiff",
    "image/webp",
];

const IMAGES: &[Key] = &[
    directory("images", "images/", "Images")
        .of(PICTURES)
        .required(),
    directory(
        "images_dark",
        "images_dark/",
        "Images for dark color scheme",
    )
    .of(PICTURES),
    file("screenshot", "screenshot.png", "Screenshot"),
];

impl PackageStructure for Wallpaper {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_default_package_root("plasma/wallpapers/");
        prefer_platform(package);
        define(package, FOLDERS);
        define(package, WALLPAPER);
        Ok(())
    }
}

impl PackageStructure for Images {
    fn init_package(&self, package: &mut Package<'_>) -> Result<(), Error> {
        package.set_allow_external_paths(true);
        define(package, IMAGES);
        Ok(())
    }

    fn path_changed(&self, package: &mut Package<'_>) -> Result<(), Error> {
        let path = package.path().filter(|path| !path.is_dir());
        match path
            .as_deref()
            .map(|path| (path.parent(), path.file_name()))
        {
            Some((Some(folder), Some(name))) => {
                // A name that is not UTF-8 could not be found again.
                let name = name.to_str().ok_or("the file's name is not UTF-8")?;
                single_picture(package, folder, name)
            }
            _ => Ok(()),
        }
    }
}

/// The picture `name` is all that the package has; the rest of its folder is not looked at.
fn single_picture(package: &mut Package<'_>, folder: &Path, name: &str) -> Result<(), Error> {
    package.set_path(folder)?;
    package.set_contents_prefix_paths(&[]);
    package.set_required("images", false);
    package.add_file_definition("screenshot", name, "Preview");
    package.add_file_definition("preferred", name, "");
    package.add_file_definition("preferredDark", name, "");
    Ok(())
}
