//! The helper of a probe, as an application has it in its own executable: `probe FILE`.

use std::process::ExitCode;

use keyway::plugin::probe_here;

fn main() -> ExitCode {
    let Some(file) = std::env::args_os().next_back() else {
        return ExitCode::from(2);
    };
    let outcome = probe_here(file.as_ref());
    match serde_json::to_string(&outcome) {
        Ok(text) => println!("{text}"),
        Err(_) => return ExitCode::FAILURE,
    }
    ExitCode::SUCCESS
}
