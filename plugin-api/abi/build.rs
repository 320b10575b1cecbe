//! Tells the crate its target, its compiler and a digest of its sources.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=build.rs");
    let variable = |name: &str| std::env::var(name).unwrap_or_default();

    println!("cargo::rustc-env=KEYWAY_TARGET={}", variable("TARGET"));

    let version = Command::new(variable("RUSTC"))
        .arg("--version")
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .unwrap_or_default();
    println!("cargo::rustc-env=KEYWAY_RUSTC={}", version.trim());

    let source = Path::new(&variable("CARGO_MANIFEST_DIR")).join("src");
    println!(
        "cargo::rustc-env=KEYWAY_ABI_DIGEST={:016x}",
        digest(&source)
    );
}

/// FNV-1a over names and contents, in the order of paths.
fn digest(folder: &Path) -> u64 {
    let mut files = Vec::new();
    collect(folder, &mut files);
    files.sort();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut mix = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for file in files {
        mix(file.file_name().unwrap_or_default().as_encoded_bytes());
        mix(&std::fs::read(&file).unwrap_or_default());
    }
    hash
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
