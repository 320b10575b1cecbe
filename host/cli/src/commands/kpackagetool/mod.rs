//! `keyway kpackagetool`, also when the program is called `kpackagetool5` or `kpackagetool6`
//! through a link: options, standard output and exit codes of KDE's tool, for scripts.
//!
//! The answers are those of version 5.103 in the C locale; where they differ on purpose,
//! `tests/tests/kpackagetool/wanted.rs` says why.

mod answers;
mod change;
mod options;
mod tool;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use crate::failure::Failure;
use crate::log;
use options::{Operation, Options};
use tool::{Code, Refused, Tool};

/// What it is called as a command of `keyway`.
pub(crate) const NAME: &str = "keyway kpackagetool";

/// The version of the real tool, which never changed it.
const VERSION: &str = "2.0";

/// The real tool's name, if that is what this program is called.
pub(crate) fn called_as(program: &OsStr) -> Option<&'static str> {
    let name = Path::new(program).file_stem()?;
    let names = ["kpackagetool", "kpackagetool5", "kpackagetool6"];
    names.into_iter().find(|known| name == *known)
}

/// Why `--json` is refused.
pub(crate) fn no_json() -> Failure {
    let message = format!("`{NAME}` prints what kpackagetool prints, never JSON");
    Failure::new("usage", message)
}

/// What `name` does with these arguments.
pub(crate) fn run(name: &str, arguments: &[OsString]) -> ExitCode {
    let code = match answer(name, arguments) {
        Ok(()) => Code::Done,
        Err(Refused { failure, .. }) if failure.is_closed_pipe() => Code::Done,
        Err(Refused { code, failure }) => {
            let _ = writeln!(anstream::stderr(), "{failure}");
            code
        }
    };
    ExitCode::from(code as u8)
}

fn answer(name: &str, arguments: &[OsString]) -> Result<(), Refused> {
    let options = Options::parse(arguments)?;
    if options.version {
        let tool = if name == NAME { "kpackagetool5" } else { name };
        return Ok(writeln!(io::stdout(), "{tool} {VERSION}")?);
    }
    let operation = options.operation();
    if options.help || operation == Operation::Help {
        return Ok(write!(io::stdout(), "{}", Options::help(name))?);
    }
    log(tracing::Level::WARN);
    let tool = Tool::new(options)?;
    match operation {
        Operation::Help => Ok(()),
        Operation::Hash => answers::hash(&tool),
        Operation::ListTypes => answers::list_types(&tool),
        Operation::Show => answers::show(&tool),
        Operation::AppStream => answers::appstream(&tool),
        Operation::List => answers::list(&tool),
        Operation::Index => {
            let _ = writeln!(anstream::stderr(), "there is no index of packages any more");
            Ok(())
        }
        Operation::Upgrade | Operation::Remove | Operation::Install | Operation::Nothing => {
            change::run(&tool, operation)
        }
    }
}
