//! What was typed is no command.

use std::ffi::OsStr;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Error;
use clap::error::{ContextKind, ContextValue};

use crate::failure::Failure;
use crate::json;
use crate::table::printable;

/// The exit code for wrong usage.
const WRONG_USAGE: u8 = 2;

/// Says what is wrong with what was typed, or gives the help that was asked for.
pub(crate) fn answer(error: Error) -> ExitCode {
    let error = escaped(error);
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if wants_json() {
        let text = cause(&error).to_json().to_string();
        let _ = writeln!(anstream::stderr(), "{}", json::escaped(&text));
    } else {
        let _ = error.print();
    }
    ExitCode::from(WRONG_USAGE)
}

/// Escapes what the error repeats of what was typed.
fn escaped(mut error: Error) -> Error {
    let escaped: Vec<(ContextKind, ContextValue)> = error
        .context()
        .filter_map(|(kind, value)| {
            let value = match value {
                ContextValue::String(text) => ContextValue::String(printable(text)),
                ContextValue::Strings(texts) => {
                    ContextValue::Strings(texts.iter().map(|text| printable(text)).collect())
                }
                _ => return None,
            };
            Some((kind, value))
        })
        .collect();
    for (kind, value) in escaped {
        error.insert(kind, value);
    }
    error
}

/// What is wrong with what was typed, for commands that understand it by rules of their own.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        cause(&escaped(error))
    }
}

/// Whether `--json` was typed. What was typed is not understood, so this is all that can be said.
fn wants_json() -> bool {
    std::env::args_os()
        .skip(1)
        .take_while(|argument| argument != "--")
        .any(|argument| argument == OsStr::new("--json"))
}

/// The cause, without the lines about usage, in one line.
fn cause(error: &Error) -> Failure {
    let text = error.render().to_string();
    let cause = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = cause.split_whitespace().collect();
    let cause = words.join(" ");
    Failure::new("usage", cause.strip_prefix("error: ").unwrap_or(&cause))
}
