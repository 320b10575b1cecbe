//! What the export macro says while compiling, and where it points.

#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::path::PathBuf;

#[test]
fn mistakes_are_compile_errors_that_point_at_the_cause() {
    give_metadata();
    let cases = trybuild::TestCases::new();
    cases.compile_fail("cases/*.rs");
    cases.pass("cases/pass/*.rs");
    // Here the compiler speaks, each version in its own words.
    let words = "rustc 1.95";
    if keyway_abi::build::RUSTC.starts_with(words) {
        cases.compile_fail("cases/compiler/*.rs");
    } else {
        // Past the capturing of tests that pass.
        let line = format!(
            "\nskipped: what rustc says of types that do not fit: the messages are those of {words}\n"
        );
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

/// Puts the metadata files where the macro looks for them: trybuild compiles the cases in a crate
/// of its own.
fn give_metadata() {
    let metadata = cargo_metadata::MetadataCommand::new()
        .no_deps()
        .exec()
        .unwrap();
    let target: PathBuf = metadata.target_directory.into();
    let to = target.join("tests/trybuild/keyway-ui-tests/metadata");
    std::fs::create_dir_all(&to).unwrap();
    for entry in std::fs::read_dir("cases/metadata").unwrap() {
        let file = entry.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}
