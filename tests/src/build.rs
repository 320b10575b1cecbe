//! Building plugins.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use cargo_metadata::{Message, TargetKind};

use crate::folder::workspace;

/// How a plugin is built.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Build {
    /// Cargo's `-p`.
    package: String,
    /// The workspace's folder, if not this one.
    workspace: Option<PathBuf>,
    /// The target folder, below `target` of this workspace.
    target: String,
    /// More arguments for cargo.
    arguments: Vec<OsString>,
}

/// The library of the plugin crate `package` of this workspace, built as usual.
///
/// # Panics
///
/// When it cannot be built.
#[must_use]
pub fn plugin(package: &str) -> PathBuf {
    Build::of(package).path()
}

impl Build {
    /// Builds `package` of this workspace.
    #[must_use]
    pub fn of(package: &str) -> Self {
        Self {
            package: package.to_owned(),
            target: "plugins".to_owned(),
            ..Self::default()
        }
    }

    /// Builds in another workspace, into a target folder of that name: two workspaces that share
    /// one confuse cargo.
    #[must_use]
    pub fn in_workspace(mut self, folder: &Path, target: &str) -> Self {
        self.workspace = Some(folder.to_path_buf());
        self.target = target.to_owned();
        self
    }

    /// Hands cargo one more argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Builds, once in this process, and gives the path of the library.
    ///
    /// # Panics
    ///
    /// When it cannot be built.
    #[must_use]
    pub fn path(self) -> PathBuf {
        static BUILT: Mutex<BTreeMap<Build, PathBuf>> = Mutex::new(BTreeMap::new());
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = built.get(&self) {
            return path.clone();
        }
        let path = self.run(TargetKind::CDyLib);
        built.insert(self, path.clone());
        path
    }

    /// Builds the package's program and gives its path.
    ///
    /// # Panics
    ///
    /// When it cannot be built.
    #[must_use]
    pub fn program(self) -> PathBuf {
        self.run(TargetKind::Bin)
    }

    fn run(&self, kind: TargetKind) -> PathBuf {
        let folder = self.workspace.clone().unwrap_or_else(workspace);
        let target = workspace().join("target").join(&self.target);
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        command
            .current_dir(&folder)
            .args([
                "build",
                "--quiet",
                "--message-format=json-render-diagnostics",
            ])
            .args(["--package", &self.package])
            .arg("--target-dir")
            .arg(&target)
            .args(&self.arguments)
            .stderr(Stdio::inherit());
        // What cargo told this test's own crate is not for the plugin's build.
        for (name, _) in std::env::vars_os() {
            let own = name.as_encoded_bytes();
            if own.starts_with(b"CARGO_PKG_") || own.starts_with(b"CARGO_MANIFEST_") {
                command.env_remove(name);
            }
        }
        let output = match command.output() {
            Ok(output) => output,
            Err(error) => panic!("cannot run cargo: {error}"),
        };
        assert!(
            output.status.success(),
            "`{}` cannot be built",
            self.package
        );
        let name = self.package.split('@').next().unwrap_or_default();
        Message::parse_stream(&*output.stdout)
            .filter_map(Result::ok)
            .find_map(|message| match message {
                Message::CompilerArtifact(artifact)
                    if artifact.target.kind.contains(&kind)
                        && artifact.package_id.repr.contains(name) =>
                {
                    let files = artifact.filenames.into_iter();
                    let library = |file: &PathBuf| {
                        let name = file.file_name().unwrap_or_default().as_encoded_bytes();
                        name.ends_with(std::env::consts::DLL_SUFFIX.as_bytes())
                    };
                    match &artifact.executable {
                        Some(program) => Some(program.clone().into_std_path_buf()),
                        None => files.map(|it| it.into_std_path_buf()).find(library),
                    }
                }
                _ => None,
            })
            .unwrap_or_else(|| panic!("cargo built `{}` but names no file of it", self.package))
    }
}
