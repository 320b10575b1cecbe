//! Installing, upgrading and removing packages.
//!
//! The real tool upgrades by removing first, without a look at versions. Here an upgrade is one step,
//! and forced. No handler runs.

use std::ffi::OsString;

use keyway::install::{Action, InstallError, Installer, Operation as Planned, Refusal};

use super::answers::line;
use super::options::Operation;
use super::tool::{Code, Refused, Tool};
use crate::failure::Failure;
use crate::{host, installer};

pub(super) fn run(tool: &Tool, operation: Operation) -> Result<(), Refused> {
    tool.check_options()?;
    if operation == Operation::Nothing {
        let failure = Failure::new("usage", "nothing is said about what to do");
        let hint = "give one of `--install`, `--upgrade`, `--remove`, `--list`, `--show`";
        return Err(Code::NoOperation.because(failure.hint(Some(hint))));
    }
    let package = tool
        .package_of_type()
        .map_err(|failure| Code::NoType.because(failure))?;
    let (mut installer, shown) = installer::with_line(tool.loader.clone());
    installer = installer
        .type_name(package.type_name().as_str())
        .map_err(|error| because(tool, Code::Failed, error))?
        .force(true)
        .for_all_users(tool.options.global);
    // Without options it is the type's own root, which a type has even if it names none.
    if tool.options.packageroot.is_some() || tool.options.global {
        let root = tool.package_root(&package)?;
        installer = installer.package_root(Some(root.as_ref()));
    }
    // A package that is named by its folder is gone afterwards.
    let file = tool.written_file();
    let change = Change { tool, installer };
    let done = match operation {
        Operation::Install => change.install(),
        Operation::Upgrade => change.upgrade(),
        _ => change.remove(),
    };
    shown.clear();
    let mut text = OsString::from(done?);
    text.push(file);
    Ok(line(text)?)
}

fn because(tool: &Tool, code: Code, error: InstallError) -> Refused {
    code.because(match error {
        InstallError::Load(error) => host::no_type(&tool.loader, error),
        error => {
            let needs_program = |it: &Refusal| matches!(it, Refusal::HandlerNotAllowed { .. });
            let hint = if error.refusals().iter().any(needs_program) {
                Some("`keyway install --allow-handlers` lets it run".to_owned())
            } else if tool.options.global && installer::is_forbidden(&error) {
                Some(installer::NEEDS_ROOT.to_owned())
            } else {
                error.hint()
            };
            Failure::from(error).hint(hint)
        }
    })
}

struct Change<'a> {
    tool: &'a Tool,
    installer: Installer,
}

impl Change<'_> {
    fn install(&self) -> Result<&'static str, Refused> {
        let installed = self.installer.install(self.tool.file());
        installed.map_err(|error| because(self.tool, Code::NotInstalled, error))?;
        Ok("Successfully installed ")
    }

    fn upgrade(&self) -> Result<&'static str, Refused> {
        let file = self.tool.file();
        let plan = match self.installer.plan(Planned::Upgrade, file) {
            Ok(plan) => plan,
            Err(error) => {
                // Where a folder has no metadata, the real tool takes its path for the id.
                let name = file.is_dir().then(|| self.tool.written_file());
                return Err(self.not_installed(name.unwrap_or_default(), error.into()));
            }
        };
        let is_managed = |it: &Refusal| matches!(it, Refusal::Managed { .. });
        if plan.refusals().iter().any(is_managed)
            && let Err(error) = plan.check()
        {
            return Err(because(self.tool, Code::NotInstalled, error));
        }
        let is_package = |it: &Refusal| !matches!(it, Refusal::NoPackageThere { .. });
        if plan.action() == &Action::Install || !plan.refusals().iter().all(is_package) {
            let id = plan.source().metadata().id().unwrap_or_default();
            let root = plan.package_root().display();
            let message = format!("there is no package `{id}` in `{root}`");
            let failure = Failure::new("not-installed", message);
            let loader = &self.tool.loader;
            return Err(
                match loader.load_package_at(plan.type_name().as_str(), id) {
                    Ok(_) if plan.action() == &Action::Install => Code::Conflict.because(failure),
                    _ => self.not_installed(id.into(), failure),
                },
            );
        }
        let mut text = OsString::from("Upgrading package from file: ");
        text.push(self.tool.written_file());
        line(text)?;
        let upgraded = plan.stage().and_then(|staged| staged.commit());
        upgraded.map_err(|error| because(self.tool, Code::NotInstalled, error))?;
        Ok("Successfully upgraded ")
    }

    fn remove(&self) -> Result<&'static str, Refused> {
        let given = self.tool.options.package();
        // A file or folder stands for the package of the same id.
        let id = self.tool.id_of_file();
        let is_file = self.tool.file().exists() && !given.is_empty();
        let name = match is_file {
            true => id.unwrap_or_default(),
            false => given.to_string_lossy().into_owned(),
        };
        let shown = if is_file { name.as_str() } else { "" };
        match self.installer.uninstall(&name) {
            Ok(_) => Ok("Successfully uninstalled "),
            Err(
                error @ (InstallError::BadName { .. }
                | InstallError::NotInstalled {
                    elsewhere: None, ..
                }),
            ) => Err(self.not_installed(shown.into(), error.into())),
            Err(error @ InstallError::NotRemovable { .. }) => {
                Err(self.not_installed(name.into(), error.into()))
            }
            Err(error) => Err(because(self.tool, Code::Conflict, error)),
        }
    }

    /// What the real tool says on stdout of a package that is not installed, and why it is not.
    fn not_installed(&self, name: OsString, failure: Failure) -> Refused {
        let mut text = OsString::from("Error: Plugin ");
        text.push(name);
        text.push(" is not installed.");
        if let Err(error) = line(text) {
            return error.into();
        }
        // It goes on and finds that nothing is left of what was named.
        let is_nothing = match &self.tool.options.upgrade {
            Some(_) => self.tool.written_file().is_empty(),
            None => self.tool.options.package().is_empty(),
        };
        match is_nothing {
            true => Code::NoOperation.because(failure),
            false => Code::NotThere.because(failure),
        }
    }
}
