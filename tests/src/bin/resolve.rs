//! Resolves one type, as a fresh process does: `resolve FOLDER CACHE TYPE`. For benches and tests.

use std::path::PathBuf;
use std::process::ExitCode;

use keyway::{Registry, SearchPath};
use keyway_metadata::TypeKind;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(folder), Some(cache), Some(type_name)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        eprintln!("usage: resolve FOLDER CACHE TYPE");
        return ExitCode::from(2);
    };
    let registry = Registry::builder(SearchPath::only([folder]))
        .cache_dir(Some(PathBuf::from(cache)))
        .state_dir(None)
        .build();
    let Ok(type_name) = type_name.to_string_lossy().parse() else {
        return ExitCode::from(2);
    };
    match registry.resolve(&type_name, TypeKind::Structure) {
        Ok(candidate) => {
            println!("{}", candidate.path().display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
