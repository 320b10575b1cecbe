//! The library's installer, as the options ask for it, and what it says in the words of the options.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use keyway::PackageLoader;
use keyway::install::{Handlers, InstallError, Installer, Refusal};
use keyway::package::DataDirs;

use crate::args::Target;
use crate::failure::Failure;
use crate::progress::Line;
use crate::table::printable;
use crate::{host, interrupt};

/// An installer of packages of the types that `loader` knows: it ends with Ctrl-C, and says on a
/// terminal how far it is, on the line.
pub(crate) fn with_line(loader: PackageLoader) -> (Installer, Arc<Line>) {
    let line = Arc::new(Line::new());
    let shown = Arc::clone(&line);
    let installer = Installer::new(loader)
        .handlers(Handlers::from_env())
        .cancellation(interrupt::cancellation())
        .on_progress(move |progress| shown.unpacking(progress));
    (installer, line)
}

/// What to say to who may not change what is there for all users.
pub(crate) const NEEDS_ROOT: &str = "what is there for all users only root can change";

/// Whether the system says that we may not.
pub(crate) fn is_forbidden(error: &InstallError) -> bool {
    matches!(error, InstallError::Io { source, .. }
        if source.kind() == std::io::ErrorKind::PermissionDenied)
}

/// A change of what is installed.
pub(crate) struct Change<'a> {
    pub(crate) installer: Installer,
    pub(crate) line: Arc<Line>,
    target: &'a Target,
}

impl<'a> Change<'a> {
    pub(crate) fn new(target: &'a Target) -> Result<Self, Failure> {
        let loader = PackageLoader::with_data_dirs(host::registry(), DataDirs::from_env());
        let (installer, line) = with_line(loader);
        let mut installer = installer
            .package_root(target.package_root.as_deref())
            .for_all_users(target.global)
            .lock_wait(Duration::from_secs(target.lock_wait.into()));
        if let Some(type_name) = &target.type_name {
            installer = installer.type_name(type_name)?;
        }
        Ok(Self {
            installer,
            line,
            target,
        })
    }

    /// Why it was not made, with what to type against it.
    pub(crate) fn failure(&self, error: InstallError) -> Failure {
        match error {
            InstallError::Load(error) => host::no_type(self.installer.loader(), error),
            error => {
                let hint = self.hint(&error);
                Failure::from(error).hint(hint)
            }
        }
    }

    fn hint(&self, error: &InstallError) -> Option<String> {
        match error {
            InstallError::Refused { refusals, .. } => refusals.iter().find_map(hint_of),
            InstallError::NoType { declared, .. } if declared.is_empty() => {
                Some("name its type with `-t TYPE`".to_owned())
            }
            InstallError::NoType { .. } => Some("name one of them with `-t TYPE`".to_owned()),
            InstallError::Ambiguous { .. } => Some(
                "say which one with `-t TYPE`, or with the folder it is in: `-p DIR`".to_owned(),
            ),
            InstallError::NotInstalled {
                elsewhere: Some(path),
                ..
            } => Some(self.hint_to(path)),
            InstallError::Locked { .. } => {
                Some("wait for longer with `--lock-wait SECONDS`".to_owned())
            }
            InstallError::NoDataDir {
                for_all_users: false,
            } => Some(
                "set HOME or XDG_DATA_HOME to an absolute path, or name one with `-p DIR`"
                    .to_owned(),
            ),
            InstallError::NotInstalled {
                root: None,
                elsewhere: None,
                ..
            } => Some("if no plugin gives its type, name its folder with `-p DIR`".to_owned()),
            error if self.target.global && is_forbidden(error) => Some(NEEDS_ROOT.to_owned()),
            error => error.hint(),
        }
    }

    /// What leads to the package at `path`.
    fn hint_to(&self, path: &Path) -> String {
        let user = self.installer.loader().data_dirs().user();
        let is_users = user.is_some_and(|user| path.starts_with(user));
        let options = match (self.target.package_root.is_some(), self.target.global) {
            (true, _) => "leave out `--package-root`",
            (false, false) if !is_users => "add `--global`",
            (false, true) if is_users => "leave out `--global`",
            _ => return format!("one is installed in `{}`", path.display()),
        };
        format!(
            "for the one that is installed in `{}`, {options}",
            path.display()
        )
    }
}

/// A reason why a package is not installed, with what to type against it.
pub(crate) fn refusal(refusal: &Refusal) -> Failure {
    Failure::new(refusal.code(), refusal.to_string()).hint(hint_of(refusal))
}

fn hint_of(refusal: &Refusal) -> Option<String> {
    Some(match refusal {
        Refusal::OtherType { declared, .. } => match &declared[..] {
            [only] => format!("leave out `-t`, or say `-t {only}`"),
            _ => return None,
        },
        Refusal::AlreadyInstalled { .. } => {
            "`keyway upgrade` puts a newer version in its place".to_owned()
        }
        Refusal::NotNewer { .. } => "`--force` replaces it all the same".to_owned(),
        Refusal::HandlerNotAllowed { .. } => {
            "see to it yourself, or let the program run with `--allow-handlers`".to_owned()
        }
        refusal => return refusal.hint(),
    })
}

/// Says what is worth knowing and no error.
pub(crate) fn warn(warnings: &[String]) {
    const YELLOW: &str = "\x1b[33m";
    const PLAIN: &str = "\x1b[0m";
    for warning in warnings {
        let warning = printable(warning);
        let _ = writeln!(anstream::stderr(), "{YELLOW}warning{PLAIN}: {warning}");
    }
}
