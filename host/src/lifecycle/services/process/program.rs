//! What is run, where, and with what around it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use keyway_abi::{PROCESS_VARIABLE, ProcessRequest};
use rustix::fs::{Access, access};

/// What a service manager tells this process, and nobody else.
const OURS_ALONE: [&str; 6] = [
    "LISTEN_FDNAMES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
];

/// A program that is there, and what it gets.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    folder: PathBuf,
}

/// Looks for the program and the folder of a request.
pub(super) fn plan(
    request: &ProcessRequest,
    package_root: &Path,
    data_dir: &Path,
) -> Result<Plan, String> {
    let mut environment: Vec<(OsString, OsString)> = env::vars_os()
        .filter(|(name, _)| {
            let is_keyways = name.as_encoded_bytes().starts_with(b"KEYWAY_");
            !is_keyways && OURS_ALONE.iter().all(|it| name != it)
        })
        .collect();
    environment.extend(request.environment.iter().cloned());
    let path = environment.iter().rev().find(|(name, _)| name == "PATH");
    let program = find(
        &request.program,
        package_root,
        path.map(|(_, value)| value.as_os_str()),
    )?;
    let folder = match &request.folder {
        Some(folder) => data_dir.join(folder),
        None => data_dir.to_path_buf(),
    };
    let shown = folder.display();
    match fs::metadata(&folder) {
        Err(error) => return Err(format!("the folder `{shown}`: {error}")),
        Ok(metadata) if !metadata.is_dir() => return Err(format!("`{shown}` is no folder")),
        Ok(_) if access(&folder, Access::EXEC_OK).is_err() => {
            return Err(format!("the folder `{shown}` may not be entered"));
        }
        Ok(_) => {}
    }
    Ok(Plan {
        program,
        arguments: request.arguments.clone(),
        environment,
        folder,
    })
}

fn find(program: &Path, package_root: &Path, path: Option<&OsStr>) -> Result<PathBuf, String> {
    let has_separator = program.as_os_str().as_encoded_bytes().contains(&b'/');
    if has_separator {
        let program = package_root.join(program);
        let shown = program.display();
        let metadata = fs::metadata(&program);
        let metadata = metadata.map_err(|error| format!("the program `{shown}`: {error}"))?;
        if !metadata.is_file() {
            return Err(format!("the program `{shown}` is no file"));
        }
        if !may_run(&program) {
            return Err(format!("the program `{shown}` may not be executed"));
        }
        return Ok(program);
    }
    // Others are relative to who knows where.
    let folders = env::split_paths(path.unwrap_or_default()).filter(|it| it.is_absolute());
    let found = folders
        .map(|folder| folder.join(program))
        .find(|it| it.is_file() && may_run(it));
    found.ok_or_else(|| {
        let name = program.display();
        format!("there is no program `{name}` in the folders of PATH")
    })
}

fn may_run(program: &Path) -> bool {
    access(program, Access::EXEC_OK).is_ok()
}

impl Plan {
    /// The command, which writes into `log`.
    pub(super) fn command(&self, token: &str, log: File) -> io::Result<Command> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env(PROCESS_VARIABLE, token)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        Ok(command)
    }
}
