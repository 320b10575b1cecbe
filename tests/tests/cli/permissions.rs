//! What one may not look at is not told as what is not there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use keyway_tests::command::{copy_program, keyway_command, keyway_program, run};
use keyway_tests::{Output, plugin, skipped};
use tempfile::TempDir;

/// Folders that are closed to everybody but root; opened again in the end, or nobody could remove
/// them.
struct Closed {
    folder: TempDir,
    root: PathBuf,
    closed: Vec<PathBuf>,
}

impl Drop for Closed {
    fn drop(&mut self) {
        for folder in &self.closed {
            let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o755));
        }
    }
}

impl Closed {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["plugins", "data/myapp/packages"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        // Whoever runs it can reach it, wherever this workspace lies.
        copy_program(&keyway_program(), &root.join("keyway"));
        fs::copy(plugin("mystructure"), root.join("plugins/mystructure.so")).unwrap();
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
        Self {
            folder,
            root,
            closed: Vec::new(),
        }
    }

    fn at(&self, path: &str) -> PathBuf {
        assert!(self.folder.path().exists());
        self.root.join(path)
    }

    /// A package in the data folder.
    fn package(&self, name: &str) -> PathBuf {
        let package = self.at("data/myapp/packages").join(name);
        crate::copy(&crate::sample(), &package);
        package
    }

    fn close(&mut self, folder: &Path) {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o000)).unwrap();
        self.closed.push(folder.to_path_buf());
    }

    /// Runs the command as somebody to whom the folders are closed; `None` if nobody can be found.
    fn run(&self, data_home: &Path, arguments: &[&str]) -> Option<Output> {
        let as_usual = keyway_command();
        let mut command = if fs::read_dir(&self.closed[0]).is_ok() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
            if command.arg("true").output().is_err() {
                skipped("folders without permission", "root needs setpriv for it");
                return None;
            }
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
            command.arg(self.at("keyway"));
            command
        } else {
            Command::new(self.at("keyway"))
        };
        command.env_clear();
        for (name, value) in as_usual.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command
            .env("XDG_CACHE_HOME", "/nonexistent")
            .env("XDG_STATE_HOME", "/nonexistent")
            .env("XDG_DATA_HOME", data_home)
            .env("KEYWAY_PLUGIN_PATH", self.at("plugins"))
            .env("KEYWAY_LOG", "keyway::package=warn")
            .args(arguments);
        Some(run(&mut command))
    }
}

const TYPE: &str = "MyApp/MyStructure";

#[test]
fn a_package_below_a_closed_folder() {
    let mut place = Closed::new();
    let sealed = place.at("sealed");
    let package = sealed.join("myapp/packages/x");
    crate::copy(&crate::sample(), &package);
    place.close(&sealed);
    let path = package.to_str().unwrap();

    let Some(output) = place.run(&place.at("data"), &["show", "-t", TYPE, path]) else {
        return;
    };
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    assert_eq!(
        output.stderr,
        format!(
            "error: no package `{path}` was found: it cannot be looked at: Permission denied (os error 13)\n\
             hint: look at the permissions of the folders above it\n"
        )
    );

    let Some(output) = place.run(&sealed, &["show", "-t", TYPE, "x"]) else {
        return;
    };
    assert_eq!(
        output.stderr,
        format!(
            "error: no package `x` was found: looked for \
             `{path}` (it cannot be looked at: Permission denied (os error 13)), \
             `/nonexistent/myapp/packages/x`\n\
             hint: look at the permissions of the folders above it\n"
        )
    );
}

#[test]
fn a_package_that_is_closed() {
    let mut place = Closed::new();
    let package = place.package("x");
    place.close(&package);
    let data = place.at("data");
    let root = package.display();

    let Some(output) = place.run(&data, &["file", "-t", TYPE, "x", "mainscript"]) else {
        return;
    };
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    assert_eq!(
        output.stderr,
        format!(
            "error: `{root}` is not a valid package of type `{TYPE}`: \
             the required key `mainscript` does not resolve: \
             `{root}/contents/scripts/main.js` cannot be looked at: permission denied\n"
        )
    );

    let Some(output) = place.run(&data, &["show", "--json", "-t", TYPE, "x"]) else {
        return;
    };
    assert_eq!(output.code, 1);
    let problems = &output.json()["problems"];
    assert_eq!(problems[0]["code"], "required-unreadable");
    assert_eq!(problems[1]["code"], "metadata-unreadable");
    assert_eq!(
        problems[1]["message"],
        format!(
            "the metadata file `{root}/metadata.json` cannot be read: Permission denied (os error 13)"
        )
    );
    assert_eq!(problems[2], serde_json::Value::Null);

    // A listing leaves it out, and says so.
    let Some(output) = place.run(&data, &["list", "--json", "-t", TYPE]) else {
        return;
    };
    assert_eq!((output.code, output.stdout.as_str()), (0, "[]\n"));
    let warning = format!("a folder is not listed path=\"{root}\"");
    assert!(output.stderr.contains(&warning), "{output:#?}");
}

#[test]
fn a_closed_folder_in_a_package() {
    let mut place = Closed::new();
    let package = place.package("x");
    let images = package.join("contents/images");
    place.close(&images);
    let arguments = ["file", "-t", TYPE, "x", "images", "wave.svg"];
    let Some(output) = place.run(&place.at("data"), &arguments) else {
        return;
    };
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    assert_eq!(
        output.stderr,
        format!(
            "error: `{}` cannot be looked at: permission denied\n",
            images.join("wave.svg").display()
        )
    );
}
