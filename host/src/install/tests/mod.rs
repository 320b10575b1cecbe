//! Installing, on real folders and archives.

#[cfg(unix)]
mod dependencies;
mod installed;
mod managed;
mod refused;
mod removed;
mod system;
mod upgraded;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::*;
use crate::package::tests::support::Place;
use crate::package::{Change, PackageEvent};

/// Where packages of `Test/Basic` are installed.
const ROOT: &str = "home/test/basic";

/// An installer of `Test/Basic` packages below a folder of its own.
struct Site {
    place: Place,
    installer: Installer,
    events: Arc<Mutex<Vec<(Change, String)>>>,
}

impl Site {
    fn new() -> Self {
        let place = Place::new();
        let installer = Installer::new(place.loader.clone());
        let events = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&events);
        installer.subscribe(move |event: &PackageEvent| {
            told.lock().unwrap().push((event.change, event.id.clone()));
        });
        Self {
            place,
            installer,
            events,
        }
    }

    fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.place.at(path)
    }

    fn events(&self) -> Vec<(Change, String)> {
        std::mem::take(&mut *self.events.lock().unwrap())
    }

    /// A package folder outside of the data folders.
    fn offer(&self, folder: &str, id: &str, version: &str) -> PathBuf {
        self.offer_with(folder, &metadata(id, version))
    }

    fn offer_with(&self, folder: &str, metadata: &serde_json::Value) -> PathBuf {
        let (json, main) = (
            format!("offered/{folder}/metadata.json"),
            format!("offered/{folder}/contents/ui/main.qml"),
        );
        self.place.write(json, metadata.to_string());
        self.place.write(main, format!("main of {folder}"));
        self.at(format!("offered/{folder}"))
    }

    /// A tar of a folder.
    fn tar(&self, folder: &Path, below: &str) -> PathBuf {
        let path = self.place.write("archives/package", "");
        let mut tar = tar::Builder::new(File::create(&path).unwrap());
        tar.follow_symlinks(false);
        tar.append_dir_all(below, folder).unwrap();
        tar.finish().unwrap();
        path
    }

    /// All that lies below the place, with what files hold.
    fn holds(&self) -> Vec<String> {
        let mut all = Vec::new();
        list(&self.at(""), "", &mut all);
        all
    }

    fn refused(&self, result: Result<Installed, InstallError>, before: &[String]) -> InstallError {
        assert_eq!(self.holds(), before, "something was changed");
        assert_eq!(self.events(), []);
        result.unwrap_err()
    }
}

fn metadata(id: &str, version: &str) -> serde_json::Value {
    serde_json::json!({
        "KPlugin": {"Id": id, "Version": version},
        "KPackageStructure": "Test/Basic",
    })
}

fn list(folder: &Path, prefix: &str, all: &mut Vec<String>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(Result::unwrap).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let path = entry.path();
        if path.is_symlink() {
            let target = fs::read_link(&path).unwrap();
            all.push(format!("{name} -> {}", target.display()));
        } else if path.is_dir() {
            all.push(format!("{name}/"));
            list(&path, &format!("{name}/"), all);
        } else {
            let data = fs::read(&path).unwrap();
            let text = match data.len() {
                ..400 => String::from_utf8_lossy(&data).into_owned(),
                length => format!("{length} bytes"),
            };
            all.push(format!("{name}: {text}"));
        }
    }
}
