//! What was verified is what loads.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::super::{Distrust, MAX_SIGNED, SignatureRule, Trusted, VerifiedBytes};
use super::signatures::{PREHASHED, policy, signed};
use super::support::*;
use crate::plugin::FolderOrigin;

fn trusted(path: &Path) -> Trusted {
    judge(path, FolderOrigin::User, &policy(SignatureRule::Required)).unwrap()
}

fn verified(path: &Path, has_origin: bool) -> Result<VerifiedBytes, Distrust> {
    let keys = policy(SignatureRule::Required).keys;
    trusted(path).read_verified(&open(path), &keys, has_origin)
}

#[test]
fn a_plugin_that_looks_beside_itself_is_refused() {
    let place = Place::new();
    let file = signed(&place, PREHASHED);
    let expected = [
        "origin-in-copy",
        "`{}/x.so` looks for libraries beside itself (`$ORIGIN`), so a verified copy of it cannot \
         be loaded",
        "link the libraries into the plugin, or do not require a signature",
    ];
    refused(verified(&file, true), place.path(), expected);
}

#[test]
fn a_file_that_changed_since_it_passed_is_refused() {
    let place = Place::new();
    let path = signed(&place, PREHASHED);
    let trusted = trusted(&path);
    let keys = policy(SignatureRule::Required).keys;
    let other = open(&place.file("other.so"));
    let expected = [
        "swapped",
        "`{}/x.so` is not the file that was opened",
        "try again",
    ];
    let result = trusted.read_verified(&other, &keys, false);
    refused(result, place.path(), expected);
    fs::write(&path, "other bytes").unwrap();
    let result = trusted.read_verified(&open(&path), &keys, false);
    assert_eq!(result.unwrap_err().code(), "tampered");
    fs::remove_file(place.path().join("x.so.minisig")).unwrap();
    let result = trusted.read_verified(&open(&path), &keys, false);
    assert_eq!(result.unwrap_err().code(), "unsigned");
}

#[test]
fn a_file_too_large_to_verify_is_refused() {
    let place = Place::new();
    let path = signed(&place, PREHASHED);
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(MAX_SIGNED + 1).unwrap();
    let result = judge(&path, FolderOrigin::User, &policy(SignatureRule::Required));
    let expected = [
        "too-large-to-verify",
        "`{}/x.so` has 268435457 bytes, signatures are verified up to 268435456",
        "build it without what only debuggers need: strip = true",
    ];
    refused(result, place.path(), expected);
}

#[test]
fn a_folder_that_lets_others_in_takes_no_copy() {
    let place = Place::new();
    let bytes = verified(&signed(&place, PREHASHED), false).unwrap();
    let folder = place.folder("copies");
    let distrust = bytes.write_private_copy(&folder).unwrap_err();
    assert_eq!(distrust.code(), "copy-folder-not-private");
    assert_eq!(distrust.hint(), format!("chmod 700 {}", folder.display()));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);

    if !can_chown("another's folder for copies") {
        return;
    }
    mode(&folder, 0o700);
    give(&folder, 65534);
    let expected = [
        "copy-folder-not-private",
        "the folder `{}/copies` for verified copies belongs to `nobody` (uid 65534) and has mode \
         0700, not to uid 0 with 0700",
        "rm -r {}/copies",
    ];
    // The caller has a name here only because the owner's was looked up.
    let expected = expected.map(|text| text.replace("not to uid 0", "not to `root` (uid 0)"));
    let expected = expected.each_ref().map(String::as_str);
    refused(bytes.write_private_copy(&folder), place.path(), expected);
}

#[test]
fn a_folder_below_an_unsafe_one_takes_no_copy() {
    let place = Place::new();
    let bytes = verified(&signed(&place, PREHASHED), false).unwrap();
    mode(&place.folder("cache"), 0o777);
    let result = bytes.write_private_copy(&place.path().join("cache/copies"));
    let expected = [
        "world-writable",
        "everybody may write `{}/cache`",
        "chmod o-w {}/cache",
    ];
    refused(result, place.path(), expected);
}

#[test]
fn a_copy_is_private_and_goes_away() {
    let place = Place::new();
    let path = signed(&place, PREHASHED);
    let bytes = verified(&path, false).unwrap();
    assert_eq!(bytes.bytes(), fs::read(&path).unwrap());
    let folder = place.path().join("cache/copies");
    let copy = bytes.write_private_copy(&folder).unwrap();
    let other = bytes.write_private_copy(&folder).unwrap();
    assert_ne!(copy.path(), other.path());
    assert!(copy.path().to_str().unwrap().ends_with("-x.so"));
    assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o7777, 0o700);
    let metadata = fs::metadata(copy.path()).unwrap();
    assert_eq!(metadata.mode() & 0o7777, 0o500);
    assert_eq!(fs::read(copy.path()).unwrap(), bytes.bytes());
    drop(copy);
    let kept = other.keep();
    let left: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    assert_eq!(left, [kept]);
}

#[test]
fn a_copy_passes_the_gate_itself() {
    let place = Place::new();
    let bytes = verified(&signed(&place, PREHASHED), false).unwrap();
    let copy = bytes
        .write_private_copy(&place.path().join("copies"))
        .unwrap();
    judged(copy.path()).unwrap();
}
