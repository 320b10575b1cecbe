//! Hashes of packages, beside the real kpackagetool5.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use keyway::package::HashAlgorithm;
use keyway::structure::{DescribedPackage, Error, PackageStructure};
use keyway::{PackageLoader, Registry};
use keyway_tests::command::run;
use keyway_tests::{Output, PluginFolder, keyway, skipped};

const PLASMOIDS: &str = "/usr/share/plasma/plasmoids";

fn hash(arguments: &[&OsStr]) -> Output {
    let all = [&[OsStr::new("hash")], arguments].concat();
    keyway(PluginFolder::new().path(), all)
}

/// What kpackagetool5 gives, nothing if it gives none; or says why it is not asked.
fn kpackagetool(package: &Path) -> Option<Option<String>> {
    let mut command = Command::new("kpackagetool5");
    command
        .env("QT_QPA_PLATFORM", "offscreen")
        .env("LC_ALL", "C.UTF-8")
        .env("XDG_DATA_HOME", "/nonexistent")
        .env("XDG_DATA_DIRS", "/nonexistent")
        .arg("--hash")
        .arg(package);
    if command.output().is_err() {
        skipped("the comparison with KPackage", "there is no kpackagetool5");
        return None;
    }
    let output = run(&mut command);
    let hash = output.stdout.split('\'').nth(1).map(str::to_owned);
    assert_eq!(hash.is_some(), output.code == 0, "{output:#?}");
    Some(hash)
}

/// A folder with metadata and one file.
fn package() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    fs::write(path.join("metadata.json"), "{}").unwrap();
    fs::create_dir(path.join("contents")).unwrap();
    fs::write(path.join("contents/a"), "a").unwrap();
    (folder, path)
}

#[test]
fn what_has_no_hash_is_an_error_that_names_the_entry() {
    let (_folder, path) = package();
    let link = path.join("contents/link");
    symlink("nowhere", &link).unwrap();
    let output = hash(&[path.as_os_str()]);
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    assert_eq!(
        output.stderr,
        format!(
            "error: the package has no hash: the link `{}` leads nowhere\n  \
             No such file or directory (os error 2)\n\
             hint: the content digest is there for such packages, too: `--algorithm content`\n",
            link.display()
        )
    );
    let error = hash(&["--json".as_ref(), path.as_os_str()]).error();
    assert_eq!(error["code"], "link-leads-nowhere");
    let digest = hash(&["-a".as_ref(), "content".as_ref(), path.as_os_str()]);
    assert_eq!(digest.code, 0, "{digest:#?}");

    // KPackage waits for who writes into a pipe for ever.
    fs::remove_file(&link).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(&link)
            .status()
            .unwrap()
            .success()
    );
    for algorithm in ["sha1", "content"] {
        let output = hash(&["-a".as_ref(), algorithm.as_ref(), path.as_os_str()]);
        assert_eq!(output.code, 1, "{output:#?}");
        assert!(
            output.stderr.contains(link.to_str().unwrap()),
            "{output:#?}"
        );
    }

    fs::remove_dir_all(path.join("contents")).unwrap();
    assert_eq!(hash(&[path.as_os_str()]).code, 1);
    assert!(matches!(kpackagetool(&path), Some(None) | None));
}

#[test]
fn what_is_no_algorithm_or_no_package() {
    let (_folder, path) = package();
    let output = hash(&["-a".as_ref(), "sha-1".as_ref(), path.as_os_str()]);
    assert_eq!(output.code, 2, "{output:#?}");
    let output = hash(&[OsStr::new("org.example.none")]);
    assert_eq!(output.code, 1);
    let hint = "hint: with `-t TYPE` a name is looked for where packages of the type lie\n";
    assert!(output.stderr.ends_with(hint), "{output:#?}");
    let output = hash(&["-t".as_ref(), "No/Such".as_ref(), path.as_os_str()]);
    assert!(
        output.stderr.starts_with("error: no plugin gives"),
        "{output:#?}"
    );
}

#[test]
fn the_hash_is_printed() {
    let (_folder, path) = package();
    // SHA-1 of `{}aa`
    let sha1 = "cb5e10d65f98871bba8255099486716f5907650d";
    let output = hash(&[path.as_os_str()]);
    let text = format!(
        "ALGORITHM  HASH                                      PATH\nsha1       {sha1}  {}\n",
        path.display()
    );
    assert_eq!((output.code, output.stdout), (0, text));
    let json = hash(&["--json".as_ref(), path.as_os_str()]).json();
    let expected = serde_json::json!({"path": path, "algorithm": "sha1", "hash": sha1});
    assert_eq!(json, expected);
}

#[test]
fn real_plasmoids_have_the_same_hash() {
    let Ok(entries) = fs::read_dir(PLASMOIDS) else {
        skipped("the comparison with KPackage", "there are no plasmoids");
        return;
    };
    let plugins = PluginFolder::with(&["keyway-structure-plasma"]);
    let mut count = 0;
    for folder in entries.flatten().map(|entry| entry.path()) {
        let Some(theirs) = kpackagetool(&folder) else {
            return;
        };
        let json = ["--json".as_ref(), folder.as_os_str()];
        let output = hash(&json);
        assert_eq!(output.code == 0, theirs.is_some(), "{output:#?}");
        let Some(theirs) = theirs else {
            // It has no contents of its own, only those of another plasmoid.
            assert_eq!(
                hash(&json).error()["code"],
                "contents-missing",
                "{output:#?}"
            );
            continue;
        };
        assert_eq!(output.json()["hash"], theirs, "{}", folder.display());
        let path = folder.to_str().unwrap();
        let shown = keyway(
            plugins.path(),
            ["show", "--json", "-t", "Plasma/Applet", path],
        );
        let shown = shown.json();
        let expected = match shown["valid"] == true {
            true => serde_json::json!({"sha1": theirs}),
            false => serde_json::Value::Null,
        };
        assert_eq!(shown["hash"], expected, "{path}");
        count += 1;
    }
    assert!(count >= 46, "{count}");
}

struct Plain;

impl PackageStructure for Plain {
    fn init_package(&self, _: &mut DescribedPackage<'_>) -> Result<(), Error> {
        Ok(())
    }
}

/// The same numbers in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

/// No two of them differ only in case, since of such KPackage takes the one first that comes first
/// in the folder.
const NAMES: [&[u8]; 20] = [
    b"a",
    b"Ab",
    b"b",
    b"_x",
    b".hidden",
    b"-",
    b"10",
    b"2",
    b"with space",
    b"new\nline",
    "ä".as_bytes(),
    "İ".as_bytes(),
    "ΑΣ".as_bytes(),
    "ασς".as_bytes(),
    "😀".as_bytes(),
    "\u{ff5e}".as_bytes(),
    "\u{feff}bom".as_bytes(),
    b"bad\xff",
    b"\xe2\x82",
    b"Z",
];

/// Where links of `folder` may lead: all of it is there.
const TARGETS: [&[u8]; 12] = [
    b".",
    b"..",
    b"../",
    b"./.././",
    b"/usr",
    b"/etc/./passwd",
    b"//etc//passwd",
    b"../../../../../../../../../../../../etc/passwd",
    b"/../etc/passwd",
    b"self",
    b"../self/",
    b"../contents/../metadata.json",
];

fn fill(numbers: &mut Numbers, folder: &Path, depth: usize) {
    fs::write(folder.join("self"), "self").unwrap();
    for _ in 0..1 + numbers.below(9) {
        let path = folder.join(OsStr::from_bytes(numbers.one_of(&NAMES)));
        if path.symlink_metadata().is_ok() {
            continue;
        }
        match numbers.below(4) {
            0 if depth > 0 => {
                fs::create_dir(&path).unwrap();
                fill(numbers, &path, depth - 1);
            }
            1 => {
                symlink(OsStr::from_bytes(numbers.one_of(&TARGETS)), &path).unwrap();
                if path.metadata().is_err() {
                    fs::remove_file(&path).unwrap();
                }
            }
            _ => fs::write(&path, vec![b'x'; numbers.below(5000)]).unwrap(),
        }
    }
}

/// Packages that were made up, with links, odd names and metadata of all kinds.
#[test]
fn made_up_packages_have_the_same_hash() {
    let loader = PackageLoader::new(Registry::default());
    loader
        .add_known_package_structure("Test/Plain", Plain)
        .unwrap();
    let mut numbers = Numbers(0x5eed);
    let mut hashes = Vec::new();
    for round in 0..60 {
        let (_folder, path) = package();
        match numbers.below(6) {
            0 => fs::remove_file(path.join("metadata.json")).unwrap(),
            1 => fs::write(path.join("metadata.desktop"), "[Desktop Entry]\n").unwrap(),
            2 => {
                fs::remove_file(path.join("metadata.json")).unwrap();
                symlink("nowhere", path.join("metadata.json")).unwrap();
                fs::write(path.join("metadata.desktop"), "[Desktop Entry]\n").unwrap();
            }
            _ => {}
        }
        let contents = path.join("contents");
        fill(&mut numbers, &contents, 3);
        // Behind a link no path of a folder is canonical.
        if numbers.below(6) == 0 {
            fs::rename(&contents, path.join("moved")).unwrap();
            symlink("moved", &contents).unwrap();
        }
        let Some(theirs) = kpackagetool(&path) else {
            return;
        };
        let ours = loader.load_package_at("Test/Plain", &path).unwrap();
        let ours = ours.cryptographic_hash(HashAlgorithm::Sha1);
        assert_eq!(ours.ok(), theirs, "round {round}: {}", listing(&path));
        hashes.extend(theirs);
    }
    assert_eq!(hashes.len(), 60);
    hashes.sort();
    hashes.dedup();
    assert!(hashes.len() > 50, "{}", hashes.len());
}

fn listing(folder: &Path) -> String {
    let output = Command::new("ls").arg("-lR").arg(folder).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}
