//! Detached signatures. How the ones in `signed/` were made is told in `signed/README.md`.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::{Facts, KeyError, Keys, Policy, Signature, SignatureRule};
use super::support::*;
use crate::plugin::FolderOrigin;

const FIRST: &str = include_str!("signed/first.pub");
const SECOND: &str = include_str!("signed/second.pub");
pub(super) const PREHASHED: &str = include_str!("signed/prehashed.minisig");
const LEGACY: &str = include_str!("signed/legacy.minisig");
const BY_SECOND: &str = include_str!("signed/second.minisig");

/// A policy that knows the first key.
pub(super) fn policy(signature: SignatureRule) -> Policy {
    let mut policy = Policy::default();
    policy.keys.add(FIRST).unwrap();
    policy.signature = signature;
    policy
}

/// A plugin with that signature.
pub(super) fn signed(place: &Place, signature: impl AsRef<[u8]>) -> PathBuf {
    let file = place.file("x.so");
    fs::write(place.path().join("x.so.minisig"), signature).unwrap();
    file
}

/// What the gate says of `path`, which must be the same if signatures are optional and required.
#[track_caller]
fn refused_always(place: &Place, path: &Path, expected: [&str; 3]) {
    for rule in [SignatureRule::Optional, SignatureRule::Required] {
        for origin in [FolderOrigin::Application, FolderOrigin::System] {
            refused(judge(path, origin, &policy(rule)), place.path(), expected);
        }
    }
}

const MISMATCH: [&str; 3] = [
    "tampered",
    "`{}/x.so` has a signature that does not hold: the key `10BF47A9748F7A01` did not sign these \
     bytes with this comment",
    "get the file and its signature again from whoever published them",
];

#[test]
fn a_changed_file_is_refused_whatever_the_policy() {
    for signature in [PREHASHED, LEGACY] {
        let place = Place::new();
        let file = signed(&place, signature);
        fs::write(&file, "other bytes of a plugin").unwrap();
        refused_always(&place, &file, MISMATCH);
    }
}

#[test]
fn a_changed_signature_is_refused_whatever_the_policy() {
    // Of the key's signature, the comment, and the signature over the comment.
    for (text, changed) in [
        ("AfdH+MP", "AfdH+MQ"),
        ("plugin.so of the tests", "plugin.so of the testz"),
        ("BHyufU4F", "BHyufU4G"),
    ] {
        let place = Place::new();
        assert_eq!(PREHASHED.matches(text).count(), 1);
        let file = signed(&place, PREHASHED.replace(text, changed));
        refused_always(&place, &file, MISMATCH);
    }
}

#[test]
fn a_signature_of_another_file_is_refused() {
    let place = Place::new();
    // The old form's bytes in the new form.
    let file = signed(&place, LEGACY.replace("\nRWQB", "\nRUQB"));
    refused_always(&place, &file, MISMATCH);
}

#[test]
fn what_is_no_signature_is_refused_whatever_the_policy() {
    let whole = PREHASHED.as_bytes();
    let long = vec![b'x'; 20_000];
    let cases: [&[u8]; 6] = [
        b"",
        b"\xff\xfe",
        b"untrusted comment: x\nno base64\ntrusted comment: y\nz\n",
        &whole[..whole.len() / 2],
        &whole[..whole.len() - 60],
        &long,
    ];
    let expected = [
        "tampered",
        "`{}/x.so` has a signature that does not hold: it is no signature in minisign's format",
        "get the file and its signature again from whoever published them",
    ];
    for case in cases {
        let place = Place::new();
        refused_always(&place, &signed(&place, case), expected);
    }
    let place = Place::new();
    let file = place.file("x.so");
    place.folder("x.so.minisig");
    refused_always(&place, &file, expected);
}

#[test]
fn a_signature_by_an_unknown_key_is_no_signature() {
    let place = Place::new();
    let file = signed(&place, BY_SECOND);
    let result = judge(&file, FolderOrigin::User, &policy(SignatureRule::Required));
    let expected = [
        "unknown-key",
        "`{}/x.so` is signed by the key `11BA3412EFEF5FE9`, which is not one of the known keys",
        "let the application know the key 11BA3412EFEF5FE9, or ask for another signature",
    ];
    refused(result, place.path(), expected);
    judge(&file, FolderOrigin::User, &policy(SignatureRule::Optional)).unwrap();
}

#[test]
fn a_required_signature_that_is_not_there_is_missed() {
    let place = Place::new();
    let file = place.file("x.so");
    let required = policy(SignatureRule::Required);
    let expected = [
        "unsigned",
        "`{}/x.so` is not signed, and a signature is required",
        "get the signature from whoever published it, or sign it: minisign -S -m {}/x.so",
    ];
    refused(
        judge(&file, FolderOrigin::Application, &required),
        place.path(),
        expected,
    );
    judge(&file, FolderOrigin::User, &policy(SignatureRule::Optional)).unwrap();
    // One that was not looked at is none.
    fs::write(place.path().join("x.so.minisig"), PREHASHED).unwrap();
    let facts = Facts::of(&open(&file), &file).unwrap();
    let result = super::super::check(&facts, FolderOrigin::Application, &required);
    refused(result, place.path(), expected);
}

#[test]
fn a_valid_signature_does_not_make_an_unsafe_folder_safe() {
    let place = Place::new();
    let file = signed(&place, PREHASHED);
    mode(&file, 0o666);
    let result = judge(&file, FolderOrigin::User, &policy(SignatureRule::Required));
    assert_eq!(result.unwrap_err().code(), "world-writable");
}

#[test]
fn both_forms_are_valid() {
    for (signature, comment) in [
        (PREHASHED, "plugin.so of the tests"),
        (LEGACY, "plugin.so of the tests, old form"),
    ] {
        let place = Place::new();
        let file = signed(&place, signature.replace('\n', "\r\n"));
        let trusted = judge(&file, FolderOrigin::User, &policy(SignatureRule::Required)).unwrap();
        let Some(Signature::Valid {
            key_id,
            trusted_comment,
        }) = trusted.signature()
        else {
            panic!("{trusted:?}");
        };
        assert_eq!(key_id.to_string(), "10BF47A9748F7A01");
        assert_eq!(trusted_comment, comment);
    }
}

#[test]
fn the_signature_lies_beside_what_a_link_leads_to() {
    let place = Place::new();
    let file = signed(&place, PREHASHED);
    let link = place.link("links/other.so", file);
    judge(&link, FolderOrigin::User, &policy(SignatureRule::Required)).unwrap();
}

#[test]
fn a_key_that_is_none_is_refused() {
    let mut keys = Keys::default();
    let half = &FIRST[..FIRST.len() / 2];
    for text in ["", "RWQB", half, PREHASHED, "untrusted comment: x\n"] {
        let error = keys.add(text).unwrap_err();
        assert_eq!(
            error.to_string(),
            "this is no public key in minisign's format"
        );
        assert_eq!(error.code(), "bad-key");
    }
    assert!(keys.is_empty());
}

#[test]
fn a_folder_of_keys_is_judged_like_a_folder_of_plugins() {
    let place = Place::new();
    let write = |name: &str, text: &str| {
        let path = place.file(name);
        fs::write(&path, text).unwrap();
        path
    };
    let add = |keys: &mut Keys| {
        let folder = place.folder("keys");
        keys.add_folder(&folder, FolderOrigin::User, &Policy::default())
    };
    write("keys/a.pub", FIRST);
    let wrong = write("keys/b.pub", "no key");
    let mut keys = Keys::default();
    let message = add(&mut keys).unwrap_err().to_string();
    let expected = format!(
        "`{}` holds no public key in minisign's format",
        wrong.display()
    );
    assert_eq!(message, expected);
    assert!(keys.is_empty());

    write("keys/b.pub", SECOND);
    mode(&wrong, 0o666);
    let Err(KeyError::Distrust(distrust)) = add(&mut keys) else {
        panic!("a key that everybody may write");
    };
    assert_eq!(distrust.code(), "world-writable");
    assert!(keys.is_empty());

    mode(&wrong, 0o644);
    write("keys/.hidden.pub", "no key");
    write("keys/README", "no key");
    add(&mut keys).unwrap();
    add(&mut keys).unwrap();
    let ids: Vec<String> = keys.ids().map(|id| id.to_string()).collect();
    assert_eq!(ids, ["10BF47A9748F7A01", "11BA3412EFEF5FE9"]);
    // The second line alone is the same key.
    let mut lines = Keys::default();
    lines.add(SECOND.lines().nth(1).unwrap()).unwrap();
    lines.add(FIRST.lines().nth(1).unwrap()).unwrap();
    assert_eq!(lines, keys);
}
