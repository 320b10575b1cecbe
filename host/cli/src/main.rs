//! The command `keyway`.
//!
//! Data goes to stdout, everything else to stderr. Exit 0: done; 2: wrong usage; 1: everything else.

mod args;
mod commands;
mod date;
mod failure;
mod host;
mod installer;
mod interrupt;
mod json;
mod kwargs;
mod locale;
mod log;
mod progress;
mod table;
mod usage;

use std::io::{self, Write as _};
use std::process::ExitCode;

use args::{Args, Command};

use tracing::Level;
use tracing_subscriber::EnvFilter;

/// What a command comes to.
pub(crate) enum Outcome {
    /// Done.
    Done,
    /// The answer was given, and it is no.
    No,
}

fn main() -> ExitCode {
    let program = std::env::args_os().next().unwrap_or_default();
    if let Some(name) = commands::kpackagetool::called_as(&program) {
        let arguments: Vec<_> = std::env::args_os().skip(1).collect();
        return commands::kpackagetool::run(name, &arguments);
    }
    let args = match Args::parse_and_check() {
        Ok(args) => args,
        Err(error) => return usage::answer(error),
    };
    if let Command::Worker { .. } = args.command {
        return commands::worker::run();
    }
    let mut package_logs = None;
    match &args.command {
        // Nobody else tells what it does.
        Command::Serve(it) => package_logs = Some(log::serve(it.log_format)),
        // What it found is in the answer.
        Command::Package(_) if args.json => log(Level::ERROR),
        _ => log(Level::WARN),
    }
    let result = match &args.command {
        Command::Types(it) => commands::types::run(it, args.json),
        Command::Plugins(it) => commands::plugins::run(it, args.json),
        Command::Paths => commands::paths::run(args.json),
        Command::Explain(it) => commands::explain::run(it, args.json),
        Command::Probe(it) => commands::probe::run(it, args.json),
        Command::Quarantine(it) => commands::quarantine::run(it, args.json),
        Command::List(it) => commands::list::run(it, args.json),
        Command::Find(it) => commands::find::run(it, args.json),
        Command::Show(it) => commands::show::run(it, args.json),
        Command::File(it) => commands::file::run(it, args.json),
        Command::Install(it) => commands::install::install(it, args.json),
        Command::Upgrade(it) => commands::install::upgrade(it, args.json),
        Command::Remove(it) => commands::remove::run(it, args.json),
        Command::Package(it) => commands::package::run(it, args.json),
        Command::Serve(it) => commands::serve::run(it, args.json, package_logs),
        Command::Token(it) => commands::token::run(it, args.json),
        Command::Hash(it) => commands::hash::run(it, args.json),
        Command::Appstream(it) => commands::appstream::run(it, args.json),
        Command::Kpackagetool(_) if args.json => Err(commands::kpackagetool::no_json()),
        Command::Worker { .. } => return commands::worker::run(),
        Command::Kpackagetool(it) => {
            return commands::kpackagetool::run(commands::kpackagetool::NAME, &it.arguments);
        }
    };
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::No) => ExitCode::FAILURE,
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            let text = if args.json {
                json::escaped(&failure.to_json().to_string())
            } else {
                failure.to_string()
            };
            let _ = writeln!(anstream::stderr(), "{text}");
            ExitCode::FAILURE
        }
    }
}

/// Stderr for log events, an event in each write: what is foreign in one gets there escaped, and makes no
/// further lines.
struct Log;

impl io::Write for Log {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        writeln!(io::stderr().lock(), "{}", logged(event))?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// An event as it is logged, on one line.
fn logged(event: &[u8]) -> String {
    let text = String::from_utf8_lossy(event);
    table::printable(text.trim_end_matches('\n'))
}

/// Log events go to stderr, those that `KEYWAY_LOG` asks for; by default those of a level, and worse.
fn log(level: Level) {
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter(level))
        .with_writer(|| Log)
        .without_time()
        .try_init();
}

fn filter(level: Level) -> EnvFilter {
    EnvFilter::builder()
        .with_env_var("KEYWAY_LOG")
        .with_default_directive(level.into())
        .from_env_lossy()
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_event_is_one_line_whatever_a_package_says() {
        let event = b"ERROR failed: a\n INFO forged\x1b[2J \xe2\x80\xaer\n";
        assert_eq!(
            super::logged(event),
            r"ERROR failed: a\u{a} INFO forged\u{1b}[2J \u{202e}r"
        );
    }
}
