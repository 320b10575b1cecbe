//! Programs that see to what packages need, by the schemes of URLs.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::cancellation::Cancellation;
use super::dependency::Dependency;
use super::error::InstallError;
use crate::plugin::raised_privileges;

/// The environment variable that [`Handlers::from_env`] takes folders from.
const HANDLER_PATH_VARIABLE: &str = "KEYWAY_HANDLER_PATH";

/// As long it takes at most until the end of a handler, or a cancellation, is noticed.
const PAUSE: Duration = Duration::from_millis(50);

/// Where KDE's packages install such programs, on the distributions that there are.
#[cfg(unix)]
const FOLDERS: [&str; 8] = [
    "/usr/libexec/kf6/kpackagehandlers",
    "/usr/lib/libexec/kf6/kpackagehandlers",
    "/usr/lib/kf6/kpackagehandlers",
    "/usr/lib64/libexec/kf6/kpackagehandlers",
    "/usr/libexec/kf5/kpackagehandlers",
    "/usr/lib/libexec/kf5/kpackagehandlers",
    "/usr/lib/kf5/kpackagehandlers",
    "/usr/lib64/libexec/kf5/kpackagehandlers",
];

/// The folders in which handlers are looked for: programs called like a scheme, with `handler` behind
/// it, as `knshandler` for `kns://…`. Nothing else is searched, least of all `PATH`.
///
/// As in KPackage, a handler gets the URL as its one argument, and has seen to it if its exit code is
/// 0. Its input is empty, its output goes to stderr. It is killed when the operation is
/// [cancelled](Cancellation), not so what it started itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handlers(Arc<[PathBuf]>);

impl Handlers {
    /// Handlers in these folders, the first one wins. Paths that are not absolute do not count.
    pub fn new(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        Self(
            folders
                .into_iter()
                .filter(|folder| folder.is_absolute())
                .collect(),
        )
    }

    /// Handlers where KDE Frameworks 6 and 5 have them.
    ///
    /// # Platform
    ///
    /// Elsewhere than on Unix there are none.
    #[must_use]
    pub fn standard() -> Self {
        #[cfg(unix)]
        {
            let triple = format!("{}-linux-gnu", std::env::consts::ARCH);
            let debian = ["kf6", "kf5"].map(|kf| {
                PathBuf::from(format!("/usr/lib/{triple}/libexec/{kf}/kpackagehandlers"))
            });
            Self::new(debian.into_iter().chain(FOLDERS.map(PathBuf::from)))
        }
        #[cfg(not(unix))]
        Self::new([])
    }

    /// Handlers in the absolute folders of `KEYWAY_HANDLER_PATH`, separated as in `PATH`; the
    /// [standard](Self::standard) ones where there is no such variable, and with raised privileges, since
    /// whoever started the process could choose it.
    #[must_use]
    pub fn from_env() -> Self {
        match std::env::var_os(HANDLER_PATH_VARIABLE) {
            Some(paths) if !raised_privileges() => Self::new(std::env::split_paths(&paths)),
            _ => Self::standard(),
        }
    }

    /// The folders.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(PathBuf::as_path)
    }

    /// The program that sees to `url`.
    pub(super) fn of(&self, url: &str) -> Option<PathBuf> {
        // A scheme has no separators.
        let name = format!("{}handler", Dependency::scheme(url)?);
        let mut programs = self.0.iter().map(|folder| folder.join(&name));
        programs.find(|program| is_program(program))
    }
}

/// Handlers that end with an operation.
#[derive(Clone)]
pub(super) struct Runner {
    pub(super) handlers: Handlers,
    pub(super) cancellation: Cancellation,
}

impl Runner {
    /// The program that sees to `url`.
    pub(super) fn of(&self, url: &str) -> Option<PathBuf> {
        self.handlers.of(url)
    }

    /// Lets the program for `url` see to it.
    pub(super) fn run(&self, url: &str) -> Result<(), InstallError> {
        let failed = |program: Option<PathBuf>, why: String| InstallError::Handler {
            url: url.to_owned(),
            program: program.unwrap_or_default(),
            why,
        };
        let Some(program) = self.of(url) else {
            return Err(failed(None, "it is not there any more".to_owned()));
        };
        let mut command = Command::new(&program);
        command.arg(url).stdin(Stdio::null()).stdout(own_stderr());
        let ended = command.spawn().and_then(|child| self.wait(child));
        match ended {
            Ok(None) => Err(InstallError::Cancelled),
            Ok(Some(status)) if status.success() => Ok(()),
            Ok(Some(status)) => Err(failed(Some(program), status.to_string())),
            Err(error) => Err(failed(Some(program), error.to_string())),
        }
    }

    /// How it ended; `None` if it was killed, since it was cancelled.
    fn wait(&self, mut child: Child) -> std::io::Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if self.cancellation.is_cancelled() {
                // That it has just ended is no error.
                child.kill()?;
                child.wait()?;
                return Ok(None);
            }
            thread::sleep(PAUSE);
        }
    }
}

#[cfg(unix)]
fn own_stderr() -> Stdio {
    use std::os::fd::AsFd as _;
    let stderr = std::io::stderr();
    let copy = stderr.as_fd().try_clone_to_owned();
    copy.map_or_else(|_| Stdio::null(), Stdio::from)
}

#[cfg(not(unix))]
fn own_stderr() -> Stdio {
    Stdio::null()
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}
