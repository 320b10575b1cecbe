//! `keyway install`, `upgrade` and `remove`, run as a user runs them.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod beside;
mod changed;
mod hostile;
mod interrupted;
mod looked;
mod refused;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use keyway_tests::command::{keyway_command, run};
use keyway_tests::{Output, PluginFolder, workspace};

const TYPE: &str = "MyApp/MyStructure";
/// The sample package's id.
const ID: &str = "org.example.greeting";
/// Where the user's packages of the type lie, in [`Site`].
const ROOT: &str = "home/myapp/packages";
const PLASMOIDS: &str = "/usr/share/plasma/plasmoids";
const CLOCK: &str = "org.kde.plasma.analogclock";

/// A folder with data folders, plugins and offers.
struct Site {
    folder: tempfile::TempDir,
    plugins: PluginFolder,
}

impl Site {
    fn new() -> Self {
        Self::with(&["mystructure"])
    }

    /// With plugins for Plasma's types.
    fn of_plasma() -> Self {
        Self::with(&["keyway-structure-plasma", "keyway-structure-generic"])
    }

    fn with(plugins: &[&str]) -> Self {
        let site = Self {
            folder: tempfile::tempdir().unwrap(),
            plugins: PluginFolder::with(plugins),
        };
        for name in ["home", "local", "system"] {
            fs::create_dir(site.at(name)).unwrap();
        }
        site
    }

    fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(path)
    }

    /// The lock of the user's packages, held as by somebody else who installs.
    fn held(&self) -> fs::File {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = self.at(ROOT).join(".keyway");
        fs::create_dir_all(&folder).unwrap();
        // Whatever the mask is.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let lock = fs::File::create(folder.join("lock")).unwrap();
        lock.lock().unwrap();
        lock
    }

    fn text(&self, path: &str) -> String {
        self.at(path).to_str().unwrap().to_owned()
    }

    /// The sample package with this version and this id, to be installed.
    fn offer(&self, name: &str, id: &str, version: &str) -> String {
        self.offer_with(name, |json| json.replace(ID, id).replace("1.0.0", version))
    }

    /// The sample package with other metadata.
    fn offer_with(&self, name: &str, change: impl Fn(&str) -> String) -> String {
        let folder = self.at("offers").join(name);
        copy(
            &workspace().join("example-plugins/mystructure/package"),
            &folder,
        );
        let metadata = folder.join("metadata.json");
        let text = change(&fs::read_to_string(&metadata).unwrap());
        fs::write(metadata, text).unwrap();
        folder.to_str().unwrap().to_owned()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = keyway_command();
        self.set_up(&mut command);
        command.args(arguments);
        command
    }

    fn set_up(&self, command: &mut Command) {
        let system = [self.text("local"), self.text("system")].join(":");
        command
            .env("KEYWAY_PLUGIN_PATH", self.plugins.path())
            .env("XDG_DATA_HOME", self.at("home"))
            .env("XDG_DATA_DIRS", system)
            .env("LC_ALL", "C.UTF-8")
            .env("QT_QPA_PLATFORM", "offscreen")
            .current_dir(self.at(""));
    }

    fn keyway(&self, arguments: &[&str]) -> Output {
        run(&mut self.command(arguments))
    }

    /// Runs the command, which has to succeed, and gives what it printed.
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.keyway(arguments);
        assert_eq!((output.code, &output.stderr[..]), (0, ""), "{output:#?}");
        output.stdout
    }

    /// What `keyway hash` gives.
    fn hash(&self, arguments: &[&str]) -> String {
        let output = self.keyway(&[&["hash", "--json"], arguments].concat());
        output.json()["hash"].as_str().unwrap().to_owned()
    }

    /// The ids that are listed of a type.
    fn listed(&self, type_name: &str) -> Vec<String> {
        let output = self.keyway(&["list", "--json", "-t", type_name]);
        let json = output.json();
        let ids = json.as_array().unwrap().iter();
        ids.map(|it| it["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// All that lies in the data folders, with what files hold.
    fn holds(&self) -> Vec<String> {
        let mut all = Vec::new();
        for name in ["home", "local", "system"] {
            list(&self.at(name), &mut all);
        }
        all
    }
}

fn list(folder: &Path, all: &mut Vec<String>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(Result::unwrap).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let kind = entry.file_type().unwrap();
        let text = match () {
            () if kind.is_symlink() => format!("{:?}", fs::read_link(&path).unwrap()),
            () if kind.is_dir() => "folder".to_owned(),
            () => String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned(),
        };
        all.push(format!("{}: {text}", path.display()));
        if kind.is_dir() {
            list(&path, all);
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Packs a folder with another program.
fn pack(program: &str, arguments: &[&str], current: &Path) {
    let mut command = Command::new(program);
    let status = command.args(arguments).current_dir(current).status();
    assert!(status.unwrap().success(), "{program} {arguments:?}");
}

fn has_zip() -> bool {
    Command::new("zip").arg("-v").output().is_ok()
}
