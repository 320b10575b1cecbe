//! Installing, upgrading and removing packages: the one place where an installer is put in.

use super::options::Operation;
use super::tool::{Code, Refused, Tool};
use crate::failure::Failure;

/// Changes what is installed, as soon as there is an installer. Nothing is written until then.
pub(super) fn run(tool: &Tool, operation: Operation) -> Result<(), Refused> {
    tool.check_options()?;
    let (code, done) = match operation {
        Operation::Install => (Code::NotInstalled, "installed"),
        Operation::Upgrade => (Code::NotInstalled, "upgraded"),
        Operation::Remove => (Code::Conflict, "removed"),
        _ => {
            let message = "nothing is said about what to do";
            let failure = Failure::new("usage", message);
            let hint = "give one of `--install`, `--upgrade`, `--remove`, `--list`, `--show`";
            return Err(Code::NoOperation.because(failure.hint(Some(hint))));
        }
    };
    tool.package_of_type()
        .map_err(|failure| Code::NoType.because(failure))?;
    let package = tool.options.package().to_string_lossy();
    let message = format!("`{package}` was not {done}: this version of keyway cannot do that yet");
    Err(code.because(Failure::new("no-installer", message)))
}
