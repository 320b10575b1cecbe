//! Opens a file and stats two paths, and nothing else: `open-index INDEX FOLDER FILE`. The floor for
//! a process that resolves a type.

use std::fs;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(index), Some(folder), Some(file)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        eprintln!("usage: open-index INDEX FOLDER FILE");
        return ExitCode::from(2);
    };
    let opened = fs::File::open(index);
    match (opened, fs::metadata(folder), fs::metadata(file)) {
        (Ok(_), Ok(_), Ok(_)) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
