use std::fs;
use std::path::PathBuf;

use super::super::record::{Journal, Pending, Phase, Record, Step, Wanted};
use super::super::records::{Records, set_aside};
use super::super::status::{InstalledFrom, Status};

fn record(number: usize) -> Record {
    let source = InstalledFrom::Path {
        path: PathBuf::from("/somewhere"),
    };
    let mut record = Record::new(&format!("acme.p{number}"), source, 1);
    record
        .given_kwargs
        .insert("text".to_owned(), "x".repeat(100).into());
    record
}

#[test]
fn records_come_back_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (records, none) = Records::open(folder.path()).unwrap();
    assert_eq!(none, []);
    let mut one = record(1);
    one.status = Status::Error;
    one.pending.push_back(Pending {
        wanted: Wanted::Start,
        journal: Some(Journal {
            steps: [Step::Prepare, Step::Start].into(),
            phase: Phase::Begun,
            ends: Status::Installed,
            before: None,
            is_put_back: false,
        }),
    });
    records.put(&one).unwrap();
    records.put(&record(2)).unwrap();
    records.put(&record(3)).unwrap();
    records.remove("acme.p2").unwrap();
    drop(records);
    let (_, found) = Records::open(folder.path()).unwrap();
    assert_eq!(found, [one, record(3)]);
}

#[cfg(unix)]
#[test]
fn paths_that_are_no_text_come_back() {
    use std::os::unix::ffi::OsStringExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (records, _) = Records::open(folder.path()).unwrap();
    let mut one = record(1);
    let path = PathBuf::from(std::ffi::OsString::from_vec(b"/caf\xe9".to_vec()));
    one.source = InstalledFrom::Link { path };
    records.put(&one).unwrap();
    drop(records);
    assert_eq!(Records::open(folder.path()).unwrap().1, [one]);
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (records, _) = Records::open(folder.path()).unwrap();
    records.put(&record(1)).unwrap();
    records.back_up(&[record(1)]);
    for file in ["state.redb", "records.backup"] {
        let mode = fs::metadata(folder.path().join(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

/// Wherever a byte is changed: the records are right, or it is said that they are not.
#[test]
fn damage_is_told_or_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let (records, _) = Records::open(folder.path()).unwrap();
    let all: Vec<_> = (0..40).map(record).collect();
    for record in &all {
        records.put(record).unwrap();
    }
    drop(records);
    let mut expected = Records::open(folder.path()).unwrap().1;
    expected.sort_by(|a, b| a.name.cmp(&b.name));
    let file = folder.path().join("state.redb");
    let good = fs::read(&file).unwrap();
    let backup = fs::read(folder.path().join("records.backup")).unwrap();

    let mut lies: Vec<Vec<u8>> = Vec::new();
    // Every place of what is used would take minutes.
    let step = good.len() / 400;
    for at in (0..good.len()).step_by(step.max(1)) {
        let mut bad = good.clone();
        bad[at] ^= 0xff;
        lies.push(bad);
    }
    for at in 0..160 {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        lies.push(bad);
    }
    for length in [0, 1, 100, 4096, good.len() / 2, good.len() - 1] {
        lies.push(good[..length].to_vec());
    }
    lies.push(b"this is no database".repeat(1000));
    let mut refused = 0;
    for bad in lies {
        fs::write(&file, &bad).unwrap();
        fs::write(folder.path().join("records.backup"), &backup).unwrap();
        match Records::open(folder.path()) {
            Ok((_, found)) => assert_eq!(found, expected),
            Err(error) => {
                refused += 1;
                assert_eq!(error.code(), "state-damaged", "{error}");
                // What is lost is named, and what is kept is right.
                fs::write(&file, &bad).unwrap();
                let salvage = set_aside(folder.path()).unwrap();
                assert_eq!(fs::read(salvage.aside.unwrap()).unwrap(), bad);
                let mut saved = [salvage.records, salvage.older].concat();
                saved.sort_by(|a, b| a.name.cmp(&b.name));
                assert_eq!(saved, expected);
            }
        }
    }
    assert!(refused > 10, "{refused}");
}

/// Whoever is killed, or has no room, while making new ones of what is left has lost nothing.
#[test]
fn what_is_left_stays_until_new_records_are_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let (records, _) = Records::open(folder.path()).unwrap();
    records.put(&record(1)).unwrap();
    drop(records);
    let (records, _) = Records::open(folder.path()).unwrap();
    drop(records);
    let file = folder.path().join("state.redb");
    let bad = b"this is no database";
    fs::write(&file, bad).unwrap();
    for _ in 0..2 {
        let salvage = set_aside(folder.path()).unwrap();
        assert_eq!(salvage.older, [record(1)]);
        assert_eq!(fs::read(salvage.aside.unwrap()).unwrap(), bad);
        let error = Records::open(folder.path()).unwrap_err();
        assert_eq!(error.code(), "state-damaged");
    }
    // What is gone is not taken for never there.
    fs::remove_file(&file).unwrap();
    let error = Records::open(folder.path()).unwrap_err();
    assert_eq!(error.code(), "state-damaged");
    assert_eq!(set_aside(folder.path()).unwrap().older, [record(1)]);

    Records::replace(folder.path(), &[record(1), record(2)]).unwrap();
    let (_, found) = Records::open(folder.path()).unwrap();
    assert_eq!(found, [record(1), record(2)]);
}
