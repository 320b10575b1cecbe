//! Packages that are made up, beside KPackage.
//!
//! `KEYWAY_DIFFERENTIAL_SEED` is the number that cases are made from, `KEYWAY_DIFFERENTIAL_CASES`
//! how many are made. A case with a difference that nobody wants is made smaller, and printed.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::answers::Keyway;
use crate::cases::{Case, Real, case};
use crate::compare::Tally;
use crate::kpackage::{Data, KPackage, built};
use crate::pinned::pinned;
use crate::tree::{clear, expand};
use crate::wanted::WANTED;

const CASES: u32 = 4000;

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|error| panic!("{name}={text}: {error}")),
    )
}

/// Both sides, and the folder that cases are made in.
struct Sides {
    keyway: Keyway,
    kpackage: KPackage,
    data: Data,
    root: PathBuf,
    tally: Tally,
    cases: usize,
    crashes: usize,
}

impl Sides {
    /// The differences of a case that nobody wants.
    fn differences(&mut self, case: &Case) -> Vec<String> {
        self.cases += 1;
        // KPackage keeps listings of a type for a while.
        let type_name = match case.made {
            Some(_) => format!("Made/T{}", self.cases),
            None => case.real.clone(),
        };
        let fill = |text: &str| expand(text, &self.root).replace("$TYPE", &type_name);
        for folder in [
            &self.data.home,
            &self.data.system,
            &self.root.join("outside"),
        ] {
            clear(folder);
        }
        for entry in &case.tree {
            let mut entry = entry.clone();
            if let crate::tree::What::File(text) = &mut entry.what {
                *text = fill(text);
            }
            entry.make(&self.root);
        }
        let mut steps = vec![
            json!(["load", "p", "$TYPE", case.paths[0]]),
            json!(["load", "q", "$TYPE", case.paths[1]]),
        ];
        steps.extend(case.steps.iter().cloned());
        let mut asked =
            json!({"root": self.root, "structures": {}, "steps": filled(&json!(steps), &fill)});
        if let Some(spec) = &case.made {
            asked["structures"][&type_name] = filled(spec, &fill);
        }
        let theirs = self.kpackage.ask(&asked);
        if theirs.len() < steps.len() {
            self.crashes += 1;
        }
        let ours = self.keyway.ask(&asked, "C");
        self.tally.compare(&asked, &theirs, &ours)
    }
}

/// The same value with all texts filled in.
fn filled(value: &Value, fill: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => json!(fill(text)),
        Value::Array(items) => items.iter().map(|item| filled(item, fill)).collect(),
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| (key.clone(), filled(value, fill)))
            .collect(),
        other => other.clone(),
    }
}

/// The real types.
fn reals(keyway: &Keyway) -> Vec<Real> {
    let names = keyway.loader.registry().type_names();
    names
        .iter()
        .map(|name| {
            let package = keyway.loader.load_package(name.as_str()).unwrap();
            let keys = package.definitions();
            let paths: BTreeSet<String> = package
                .definitions()
                .flat_map(|(_, entry)| entry.paths().to_vec())
                .collect();
            Real {
                name: name.to_string(),
                root: package
                    .default_package_root()
                    .unwrap_or("wallpapers/")
                    .to_owned(),
                keys: keys.map(|(key, _)| key.to_owned()).collect(),
                paths: paths.into_iter().collect(),
            }
        })
        .collect()
}

#[test]
fn made_packages_are_what_they_are_for_kpackage() {
    let Some(built) = built("made packages beside KPackage") else {
        return;
    };
    // Thousands of small files: in memory, where there is such a place.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let folder = folder.unwrap();
    let root = folder.path().canonicalize().unwrap();
    let data = Data {
        home: root.join("home"),
        system: root.join("system"),
    };
    for folder in [&data.home, &data.system, &root.join("outside")] {
        fs::create_dir(folder).unwrap();
    }
    let keyway = Keyway::new(&data);
    let reals = reals(&keyway);
    let sides = RefCell::new(Sides {
        kpackage: KPackage::new(&built, &data, "C.UTF-8"),
        keyway,
        data,
        root,
        tally: Tally::new(),
        cases: 0,
        crashes: 0,
    });

    for case in pinned() {
        let unwanted = sides.borrow_mut().differences(&case);
        assert!(unwanted.is_empty(), "{case:#?}\n{}", unwanted.join("\n"));
    }
    let seed = number("KEYWAY_DIFFERENTIAL_SEED").unwrap_or(1);
    let cases = number("KEYWAY_DIFFERENTIAL_CASES").map_or(CASES, |it| u32::try_from(it).unwrap());
    let config = Config {
        cases,
        max_shrink_iters: 4000,
        failure_persistence: None,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let result = TestRunner::new_with_rng(config, rng).run(&case(&reals), |case| {
        let unwanted = sides.borrow_mut().differences(&case);
        if unwanted.is_empty() {
            Ok(())
        } else {
            Err(TestCaseError::fail(unwanted.join("\n")))
        }
    });
    let sides = sides.into_inner();
    match result {
        Ok(()) => {}
        Err(TestError::Fail(differences, case)) => {
            panic!("KEYWAY_DIFFERENTIAL_SEED={seed}: {case:#?}\n{differences}")
        }
        Err(error) => panic!("KEYWAY_DIFFERENTIAL_SEED={seed}: {error}"),
    }
    // What differs so much that nothing is compared any more must not go unseen.
    let (same, crashes) = (sides.tally.same, sides.crashes);
    assert!(same >= sides.cases * 8, "{same} answers are the same");
    assert!(
        crashes * 20 < sides.cases,
        "KPackage crashed {crashes} times"
    );
    if cases >= CASES {
        for (wanted, seen) in WANTED.iter().zip(sides.tally.seen) {
            assert!(seen > 0, "never seen: {} ({})", wanted.what, wanted.why);
        }
    }
}
