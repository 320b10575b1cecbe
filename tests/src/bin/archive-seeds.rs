//! Writes what fuzzing archives begins with: `archive-seeds FOLDER`, which is
//! `tests/fuzz/seeds/archive`. All good archives, and of each format one that is refused with each
//! code, as far as they are small.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use keyway_tests::archives::{Package, TYPE, corpus, good};

/// As many bytes as `tests/fuzz/run` gives an input at most.
const LARGEST: usize = 16 << 10;

fn main() {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        panic!("archive-seeds FOLDER");
    };
    let good = good(&Package::new(TYPE));
    let good = good.into_iter().map(|it| (it.file_name, it.name, it.bytes));
    let mut codes = BTreeSet::new();
    let small = corpus()
        .into_iter()
        .filter(|lie| lie.bytes.len() <= LARGEST);
    let lies = small.filter(|lie| codes.insert((lie.file_name, lie.code)));
    let lies = lies.map(|it| (it.file_name, it.name, it.bytes));
    for (file_name, name, bytes) in good.chain(lies) {
        let ending = file_name.trim_start_matches("package.");
        let letters = name.replace([' ', '\''], "-").replace(',', "");
        let path = folder.join(format!("{letters}.{ending}"));
        if let Err(error) = fs::write(&path, bytes) {
            panic!("{}: {error}", path.display());
        }
    }
}
