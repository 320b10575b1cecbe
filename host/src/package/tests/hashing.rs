//! Hashes and content digests.

use std::fs;
use std::path::Path;

use super::support::{Place, Structure};
use crate::Package;
use crate::package::{HashAlgorithm, HashError};

/// A type whose packages need nothing.
fn place() -> Place {
    let place = Place::new();
    place.know("Test/Loose", Structure::new(|_| Ok(())));
    place
}

fn loose(place: &Place, path: &str) -> Package {
    let path = place.at(path);
    let package = place.loader.load_package_at("Test/Loose", path);
    package.unwrap()
}

fn sha1(package: &Package) -> Result<String, HashError> {
    package.cryptographic_hash(HashAlgorithm::Sha1)
}

#[test]
fn no_package_no_hash() {
    let place = place();
    let package = place.basic();
    let errors = [sha1(&package), package.content_digest()];
    for error in errors.map(Result::unwrap_err) {
        assert_eq!(error.code(), "no-package");
        assert_eq!(
            error.to_string(),
            "the package has no path, so it has no hash"
        );
    }
}

#[test]
fn what_became_invalid_or_lost_its_contents() {
    let place = place();
    place.package("pkg");
    let package = place.basic_at("pkg");
    fs::remove_file(place.at("pkg/contents/ui/main.qml")).unwrap();
    let error = sha1(&package).unwrap_err();
    assert!(matches!(error, HashError::Invalid { path } if path == place.at("pkg")));

    fs::remove_dir_all(place.at("pkg/contents")).unwrap();
    let package = loose(&place, "pkg");
    let contents = place.at("pkg/contents");
    let error = sha1(&package).unwrap_err();
    let text = format!(
        "the package has no hash: there is no folder `{}`",
        contents.display()
    );
    assert_eq!(
        (error.code(), error.to_string()),
        ("contents-missing", text)
    );
    fs::write(&contents, "no folder").unwrap();
    assert_eq!(sha1(&package).unwrap_err().code(), "contents-missing");
    assert!(package.content_digest().is_ok());
}

#[cfg(unix)]
fn make_pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success());
}

/// What crashes KPackage or lets it wait for ever is an error that names the entry.
#[test]
#[cfg(unix)]
fn what_kpackage_cannot_hash() {
    use std::os::unix::net::UnixListener;
    let place = place();
    let links = [
        ("dangling", "nowhere"),
        ("loop", "loop"),
        ("through-a-file", "a/b"),
    ];
    for (name, target) in links {
        place.write(format!("{name}/contents/sub/a"), "a");
        let link = place.link(target, format!("{name}/contents/sub/{name}"));
        let package = loose(&place, name);
        let error = sha1(&package).unwrap_err();
        let text = format!(
            "the package has no hash: the link `{}` leads nowhere",
            link.display()
        );
        assert_eq!(error.to_string(), text);
        assert_eq!(error.code(), "link-leads-nowhere");
        assert!(error.hint().is_some());
        assert!(package.content_digest().is_ok(), "{name}");
    }

    place.write("pipe/contents/a", "a");
    make_pipe(&place.at("pipe/contents/it"));
    place.write("socket/contents/a", "a");
    let _socket = UnixListener::bind(place.at("socket/contents/it")).unwrap();
    place.link("/dev/null", "device/contents/it");
    place.link("../../pipe/contents/it", "link/contents/it");
    for name in ["pipe", "socket", "device", "link"] {
        let package = loose(&place, name);
        let path = place.at(name).join("contents/it");
        let text = format!(
            "the package has no hash: `{}` is no file, folder or link to one",
            path.display()
        );
        let error = sha1(&package).unwrap_err();
        assert_eq!((error.code(), error.to_string()), ("not-a-file", text));
        let has_digest = package.content_digest().is_ok();
        assert_eq!(has_digest, matches!(name, "device" | "link"), "{name}");
    }

    place.write("metadata/contents/a", "a");
    make_pipe(&place.at("metadata/metadata.json"));
    let error = sha1(&loose(&place, "metadata")).unwrap_err();
    assert_eq!(
        error.path(),
        Some(place.at("metadata/metadata.json").as_path())
    );
}

/// Hashes that `kpackagetool5 --hash` gave for such packages.
#[test]
#[cfg(unix)]
fn odd_packages_have_kpackages_hash() {
    let place = place();
    let metadata_only = "bf21a9e8fbc5a3846fb05b4fa0859e0917b2202f";
    place.write("empty/metadata.json", "{}");
    fs::create_dir(place.at("empty/contents")).unwrap();
    assert_eq!(sha1(&loose(&place, "empty")).unwrap(), metadata_only);

    // Metadata that are a folder keep the other file from being taken.
    place.write("folder/metadata.json/x", "");
    place.write("folder/metadata.desktop", "D");
    place.write("folder/contents/f", "x");
    let hash = sha1(&loose(&place, "folder")).unwrap();
    assert_eq!(hash, "06967d8e4a36243a7dc6404de1b1141f744adf2e");
    // A link that leads nowhere does not.
    place.link("nope", "link/metadata.json");
    place.write("link/metadata.desktop", "D");
    fs::create_dir(place.at("link/contents")).unwrap();
    let hash = sha1(&loose(&place, "link")).unwrap();
    assert_eq!(hash, "50c9e8d5fc98727b4bbc93cf5d64a68db647f04f");
}

/// The hash that `kpackagetool5 --hash` gave, run by somebody who may not read them.
#[test]
#[cfg(unix)]
fn what_may_not_be_read_counts_with_its_name() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = place();
    place.write("pkg/metadata.json", "{}");
    let file = place.write("pkg/contents/f", "x");
    place.write("pkg/contents/d/g", "x");
    let folder = place.at("pkg/contents/d");
    let allow = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    allow(&file, 0o000);
    allow(&folder, 0o000);
    let package = loose(&place, "pkg");
    let is_root = fs::File::open(&file).is_ok();
    let (hash, digest) = (sha1(&package), package.content_digest());
    // Or the folder cannot be removed.
    allow(&folder, 0o700);
    if is_root {
        super::support::skipped("hashes of unreadable files: root may read everything");
        return;
    }
    assert_eq!(hash.unwrap(), "0427c3531fa6183ff99466b64a4ab9357c6c89fb");
    assert_eq!(digest.unwrap_err().path(), Some(folder.as_path()));
}

#[test]
#[cfg(target_os = "linux")]
fn names_that_are_not_unicode_count_in_the_content_digest_alone() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let place = place();
    place.write("pkg/contents/a", "a");
    let package = loose(&place, "pkg");
    let (hash, digest) = (sha1(&package).unwrap(), package.content_digest().unwrap());
    let contents = place.at("pkg/contents");
    fs::write(contents.join(OsStr::from_bytes(b"b\xff")), "b").unwrap();
    fs::create_dir(contents.join(OsStr::from_bytes(b"c\xff"))).unwrap();
    assert_eq!(sha1(&package).unwrap(), hash);
    assert_ne!(package.content_digest().unwrap(), digest);
}

/// The format, written down a second time, so that no change of it goes unnoticed.
#[test]
#[cfg(unix)]
fn the_content_digest_has_the_format_of_its_docs() {
    use sha2::{Digest as _, Sha256};
    use std::os::unix::fs::PermissionsExt as _;
    let place = place();
    place.write("pkg/b", "data");
    let tool = place.write("pkg/B/tool", "run");
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o700)).unwrap();
    place.link("no\nwhere", "pkg/a");

    let entry = |mark: &[u8], name: &[u8], inner: &[u8]| {
        let length = u64::try_from(name.len()).unwrap().to_le_bytes();
        [mark, &length, name, inner].concat()
    };
    let sha = |bytes: &[u8]| Sha256::digest(bytes).to_vec();
    let folder =
        |entries: &[Vec<u8>]| sha(&[b"keyway content 1\n".to_vec(), entries.concat()].concat());
    let inner = folder(&[entry(b"x", b"tool", &sha(b"run"))]);
    let expected = folder(&[
        entry(b"d", b"B", &inner),
        entry(b"l", b"a", &sha(b"no\nwhere")),
        entry(b"f", b"b", &sha(b"data")),
    ]);
    let expected: String = expected.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(loose(&place, "pkg").content_digest().unwrap(), expected);
}

/// What KPackage's hash does not tell apart, and what it does although it is the same.
#[test]
#[cfg(unix)]
fn the_content_digest_is_sound() {
    let place = place();
    place.write("one/contents/a", "bc");
    place.write("two/contents/ab", "c");
    let packages = [loose(&place, "one"), loose(&place, "two")];
    let [one, two] = packages.each_ref();
    assert_eq!(sha1(one).unwrap(), sha1(two).unwrap());
    assert_ne!(one.content_digest().unwrap(), two.content_digest().unwrap());

    for name in ["here", "there"] {
        place.write(format!("{name}/contents/a"), "a");
        place.link("a", format!("{name}/contents/link"));
    }
    let packages = [loose(&place, "here"), loose(&place, "there")];
    let [here, there] = packages.each_ref();
    assert_ne!(sha1(here).unwrap(), sha1(there).unwrap());
    let digest = here.content_digest().unwrap();
    assert_eq!(digest, there.content_digest().unwrap());

    // Each of these is another package.
    let mut digests = vec![digest];
    let contents = place.at("here/contents");
    fs::create_dir(contents.join("empty")).unwrap();
    digests.push(here.content_digest().unwrap());
    fs::write(contents.join(".hidden"), "").unwrap();
    digests.push(here.content_digest().unwrap());
    fs::write(place.at("here/beside"), "").unwrap();
    digests.push(here.content_digest().unwrap());
    fs::remove_file(contents.join("link")).unwrap();
    fs::write(contents.join("link"), "a").unwrap();
    digests.push(here.content_digest().unwrap());
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(contents.join("a"), fs::Permissions::from_mode(0o755)).unwrap();
    digests.push(here.content_digest().unwrap());
    let count = digests.len();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), count);
}
