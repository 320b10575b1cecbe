//! Notes and manifests that lie, are broken or too large. All of it is found by looking.

use keyway_tests::patch::{self, manifest_note};
use keyway_tests::{c, keyway, plugin};

use crate::beside::Beside;
use crate::measure::verdict;

const REST: &str = r#""abi":{"major":1,"minor":0,"least_host_minor":0},"target":"x86_64-unknown-linux-gnu","pointer_width":64,"endian":"little","panic":"none""#;

/// A manifest that is sound but for `more`, which stands among its keys.
fn manifest(id: &str, more: &str) -> Vec<u8> {
    format!(r#"{{"format":1,"id":"{id}",{REST},{more}}}"#).into_bytes()
}

/// The types of an otherwise sound manifest.
const TYPES: &str = r#""types":[{"type":"Hostile/Manifest","kind":"structure"}]"#;

/// The verdict on a plugin with that manifest, by looking and by the command, which agree.
fn told(manifest: &[u8]) -> (&'static str, String) {
    told_of(&manifest_note(manifest))
}

fn told_of(notes: &[u8]) -> (&'static str, String) {
    let beside = Beside::new();
    let bytes = patch::notes(&plugin("runs-a-constructor"), notes);
    let path = beside.folder.write("hostile.so", &bytes);
    let (code, message) = verdict(&path);

    let output = keyway(beside.folder.path(), ["plugins", "--all", "--json"]);
    assert_eq!(output.code, 0, "{output:#?}");
    let plugins = output.json();
    let [good, hostile] = plugins.as_array().unwrap().as_slice() else {
        panic!("{plugins}");
    };
    assert_eq!(good["status"], "ok");
    assert_eq!(hostile["path"], path.to_str().unwrap());
    match code {
        "ok" => assert_eq!(hostile["status"], "ok"),
        code => {
            assert_eq!(hostile["reason"]["code"], code, "{hostile}");
            assert_eq!(hostile["reason"]["message"], message, "{hostile}");
        }
    }
    let loader = beside.loader();
    beside.answers(&loader);
    (code, message)
}

fn refused(manifest: &[u8]) -> &'static str {
    told(manifest).0
}

#[test]
fn a_moved_note_is_found() {
    assert_eq!(refused(&manifest("a", TYPES)), "ok");
}

#[test]
fn what_is_no_text_is_refused() {
    let unread = |manifest: &[u8], why: &str| {
        let message = format!("the manifest cannot be read: {why}");
        assert_eq!(told(manifest), ("bad-manifest", message));
    };
    let mut latin = manifest("a", TYPES);
    latin[18] = 0xff;
    unread(&latin, "invalid unicode code point at line 1 column 19");
    let utf16: Vec<u8> = manifest("a", TYPES)
        .iter()
        .flat_map(|byte| [*byte, 0])
        .collect();
    unread(&utf16, "key must be a string at line 1 column 2");
    unread(b"", "EOF while parsing a value at line 1 column 0");
    unread(&[0; 64], "expected value at line 1 column 1");
    let marked = [b"\xef\xbb\xbf", manifest("a", TYPES).as_slice()].concat();
    unread(&marked, "expected value at line 1 column 1");
    let ended = [manifest("a", TYPES).as_slice(), b"\0"].concat();
    unread(&ended, "trailing characters at line 1 column 216");
    let followed = [manifest("a", TYPES).as_slice(), b"{}"].concat();
    unread(&followed, "trailing characters at line 1 column 216");
}

#[test]
fn a_doubled_manifest_is_refused() {
    let twice = manifest_note(&manifest("a", TYPES)).repeat(2);
    let message = "the file has 2 manifests, a plugin has one";
    assert_eq!(told_of(&twice), ("doubled-manifest", message.to_owned()));
    // As a linker makes it of two crates that export a plugin.
    let Some(compiler) = c::compiler("two manifests that the linker joins") else {
        return;
    };
    let beside = Beside::new();
    let path = beside.compile(compiler, "doubled-manifest", &["-DTWO_NOTES"]);
    assert_eq!(verdict(&path), ("doubled-manifest", message.to_owned()));
    let loader = beside.loader();
    assert_eq!(beside.code(&loader, "doubled-manifest"), "unknown-type");
}

#[test]
fn an_empty_note_beside_the_manifest_is_one_too_many() {
    let notes = [manifest_note(&manifest("a", TYPES)), manifest_note(b"")].concat();
    assert_eq!(told_of(&notes).0, "doubled-manifest");
    // A mebibyte of them.
    let many = manifest_note(b"").repeat(1024 * 1024 / 20);
    let message = "the file has 52428 manifests, a plugin has one";
    assert_eq!(told_of(&many), ("doubled-manifest", message.to_owned()));
}

#[test]
fn a_manifest_of_a_mebibyte_is_refused() {
    let more = |len| format!(r#"{TYPES},"filler":"{}""#, "x".repeat(len));
    let large = manifest("a", &more(1024 * 1024));
    let message = "the file's header is malformed: more than 1048576 bytes of notes";
    assert_eq!(told(&large), ("malformed-file", message.to_owned()));
    let just = manifest("a", &more(1024 * 1024 - 400));
    assert_eq!(refused(&just), "ok");
}

#[test]
fn deep_nesting_harms_nobody() {
    let deep = |open: &str, close: &str| open.repeat(100_000) + "1" + &close.repeat(100_000);
    for nested in [deep("[", "]"), deep(r#"{"a":"#, "}")] {
        // In the author's metadata and in keys that nobody knows it is passed over.
        for key in ["metadata", "unknown"] {
            let more = format!(r#"{TYPES},"{key}":{nested}"#);
            assert_eq!(refused(&manifest("a", &more)), "ok", "{key}");
        }
        for key in ["version", "rustc"] {
            let more = format!(r#"{TYPES},"{key}":{nested}"#);
            assert_eq!(refused(&manifest("a", &more)), "bad-manifest", "{key}");
        }
        let types = format!(r#""types":{nested}"#);
        assert_eq!(refused(&manifest("a", &types)), "bad-manifest");
    }
    let open = format!(r#"{TYPES},"metadata":{}"#, "[".repeat(1_000_000));
    assert_eq!(refused(&manifest("a", &open)), "bad-manifest");
}

#[test]
fn huge_and_odd_numbers_are_refused_where_they_count() {
    for number in [
        "65537",
        "-1",
        "1.5",
        "1e400",
        "99999999999999999999999999",
        "NaN",
        "01",
        "\"1\"",
    ] {
        let abi = format!(r#""abi":{{"major":{number},"minor":0,"least_host_minor":0}}"#);
        let text = String::from_utf8(manifest("a", TYPES)).unwrap();
        let (before, rest) = text.split_once(r#""abi":"#).unwrap();
        let (_, after) = rest.split_once('}').unwrap();
        let text = format!("{before}{abi}{after}");
        assert_eq!(refused(text.as_bytes()), "bad-manifest", "{number}");
        let format = text_with_format(number);
        assert!(
            ["bad-manifest", "manifest-format"].contains(&refused(format.as_bytes())),
            "{number}"
        );
    }
    // Nobody counts with the author's metadata, nor with what nobody knows.
    let digits = "9".repeat(300_000);
    for key in ["metadata", "unknown"] {
        let more = format!(r#"{TYPES},"{key}":{{"a":{digits},"b":1e{digits}}}"#);
        assert_eq!(refused(&manifest("a", &more)), "ok", "{key}");
    }
}

fn text_with_format(number: &str) -> String {
    format!(r#"{{"format":{number},"id":"a",{REST},{TYPES}}}"#)
}

#[test]
fn doubled_keys_and_types_are_refused() {
    let doubled = format!(r#"{TYPES},"id":"b""#);
    assert_eq!(refused(&manifest("a", &doubled)), "bad-manifest");
    let one = r#"{"type":"Hostile/Manifest","kind":"structure"}"#;
    let doubled = format!(r#""types":[{one},{one}]"#);
    let message = "the manifest names the structure `Hostile/Manifest` twice";
    assert_eq!(
        told(&manifest("a", &doubled)),
        ("bad-manifest", message.to_owned())
    );
}

/// As many types as a manifest can have room for.
#[test]
fn a_flood_of_types_is_read_in_time() {
    let types: Vec<String> = (0..20_000)
        .map(|number| format!(r#"{{"type":"H/{number}","kind":"structure"}}"#))
        .collect();
    let types = format!(r#""types":[{}]"#, types.join(","));
    let beside = Beside::new();
    let notes = manifest_note(&manifest("a", &types));
    let bytes = patch::notes(&plugin("runs-a-constructor"), &notes);
    let path = beside.folder.write("hostile.so", &bytes);
    assert_eq!(verdict(&path).0, "ok");
    beside.answers(&beside.loader());
}

#[test]
fn versions_of_half_a_mebibyte_are_compared_in_time() {
    let beside = Beside::new();
    for (file, last) in [("one.so", '1'), ("two.so", '2')] {
        let version = "9".repeat(250_000) + &".9".repeat(125_000);
        let more = format!(r#"{TYPES},"version":"{version}{last}""#);
        let notes = manifest_note(&manifest("a", &more));
        let bytes = patch::notes(&plugin("runs-a-constructor"), &notes);
        beside.folder.write(file, &bytes);
    }
    let start = std::time::Instant::now();
    let loader = beside.loader();
    beside.answers(&loader);
    let catalog = loader.registry().catalog();
    for file in catalog.files() {
        let _ = catalog.verdict(file);
    }
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

#[test]
fn what_a_manifest_says_does_not_steer_the_terminal() {
    let beside = Beside::new();
    let more = format!(r#"{TYPES},"version":"\u001b]0;title\u0007\n\u202e""#);
    let notes = manifest_note(&manifest(r"\u001b[31mred", &more));
    let bytes = patch::notes(&plugin("runs-a-constructor"), &notes);
    beside.folder.write("hostile.so", &bytes);
    for arguments in [&["types"][..], &["plugins"], &["plugins", "--all"]] {
        let output = keyway(beside.folder.path(), arguments);
        assert_eq!(output.code, 0, "{output:#?}");
        let told = output.stdout + &output.stderr;
        assert!(told.contains(r"\u{1b}[31mred"), "{told}");
        let steers = |it: char| (it.is_control() && it != '\n') || it == '\u{202e}';
        assert!(!told.contains(steers), "{told:?}");
        // A line for the heads and one for each of two plugins.
        assert_eq!(told.lines().count(), 3, "{told}");
    }
}
