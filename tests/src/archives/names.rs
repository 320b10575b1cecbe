//! Lies that zips and tars can both tell: about names, links and kinds.

use super::builder::{TarEntry, ZipEntry, tar, zip};
use super::{Hostile, Package, TAR, ZIP};

/// Lies about a file's name: what, the code, the name.
fn names() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let deep = "d/".repeat(65) + "file";
    let long = "seven/".repeat(40) + &"x/".repeat(400);
    let lies: [(_, _, &str); 22] = [
        ("an absolute name", "archive-absolute-name", "/evil"),
        (
            "an absolute name that climbs",
            "archive-absolute-name",
            "/../evil",
        ),
        (
            "an absolute name with two slashes",
            "archive-absolute-name",
            "//evil",
        ),
        ("a name that climbs", "archive-climbing-name", "../evil"),
        (
            "a name that climbs high",
            "archive-climbing-name",
            "../../../../../../evil",
        ),
        (
            "a name that climbs behind a dot",
            "archive-climbing-name",
            "./../evil",
        ),
        (
            "a name that climbs later",
            "archive-climbing-name",
            "contents/../../evil",
        ),
        (
            "a name that climbs and stays",
            "archive-climbing-name",
            "contents/code/../evil",
        ),
        (
            "a name that ends by climbing",
            "archive-climbing-name",
            "contents/code/..",
        ),
        ("nothing but a climb", "archive-climbing-name", ".."),
        ("no name", "archive-bad-name", ""),
        ("the name of the archive itself", "archive-bad-name", "./."),
        (
            "a NUL in a name",
            "archive-nul-in-name",
            "contents/evil.js\0.txt",
        ),
        ("a name twice", "archive-duplicate", "metadata.json"),
        (
            "a name twice, once with a dot before it",
            "archive-duplicate",
            "./metadata.json",
        ),
        (
            "a name twice, once with two slashes",
            "archive-duplicate",
            "contents//scripts/main.js",
        ),
        (
            "a name twice, once with a dot in it",
            "archive-duplicate",
            "contents/./scripts/main.js",
        ),
        (
            "a file with the name of a folder",
            "archive-duplicate",
            "contents",
        ),
        (
            "a file below a file",
            "archive-below-no-folder",
            "metadata.json/evil",
        ),
        (
            "a file below a link",
            "archive-below-no-folder",
            "contents/images/link.svg/evil",
        ),
        ("a name in too many folders", "archive-too-deep", &deep),
        ("a name that is too long", "archive-name-too-long", &long),
    ];
    let mut lies: Vec<_> = lies
        .into_iter()
        .map(|(lie, code, name)| (lie, code, name.as_bytes().to_vec()))
        .collect();
    let part = vec![b'x'; 256];
    lies.push((
        "a part of a name that is too long",
        "archive-name-too-long",
        part,
    ));
    lies
}

/// Where the platform takes a backslash for a slash, a name with one may be none that it is shown
/// as. Elsewhere it is a character as any other.
const BACKSLASHES: &[(&str, &str)] = if cfg!(windows) {
    &[
        ("a name that climbs with backslashes", "..\\evil"),
        ("an absolute name with a backslash", "\\evil"),
        ("a name with a drive", "C:\\evil"),
    ]
} else {
    &[]
};

type Links = Vec<(String, Vec<u8>)>;

/// Lies about links: what, the code, names and targets.
fn links() -> Vec<(&'static str, &'static str, Links)> {
    let one = |target: &str| vec![("contents/link".to_owned(), target.as_bytes().to_vec())];
    let many = |links: &[(&str, &str)]| -> Links {
        let links = links.iter();
        links
            .map(|(name, target)| ((*name).to_owned(), target.as_bytes().to_vec()))
            .collect()
    };
    // Each goes twice through the one before.
    let doubling = (1..42).map(|index| {
        let before = index - 1;
        (
            format!("l{index}"),
            format!("l{before}/../l{before}").into_bytes(),
        )
    });
    let chain = (0..50).map(|index| (format!("l{index}"), format!("l{}", index + 1).into_bytes()));
    vec![
        (
            "a link to an absolute path",
            "archive-link-leaves",
            one("/etc/passwd"),
        ),
        ("a link to the root", "archive-link-leaves", one("/")),
        (
            "a link that climbs out",
            "archive-link-leaves",
            one("../../out"),
        ),
        (
            "a link that climbs out and comes back",
            "archive-link-leaves",
            one("../../package/x"),
        ),
        (
            "a link that climbs out later",
            "archive-link-leaves",
            one("code/../../../x"),
        ),
        (
            "two links that leave together",
            "archive-link-leaves",
            many(&[("contents/a/top", "../.."), ("contents/out", "a/top/../x")]),
        ),
        (
            "two links that leave together, the second one first",
            "archive-link-leaves",
            many(&[("contents/out", "a/top/../x"), ("contents/a/top", "../..")]),
        ),
        (
            "links that leave one after the other",
            "archive-link-leaves",
            many(&[("contents/a", "../b"), ("b", "c"), ("c", "../d")]),
        ),
        ("a link to itself", "archive-link-loop", one("link")),
        ("a link through itself", "archive-link-loop", one("link/x")),
        (
            "links in a circle",
            "archive-link-loop",
            many(&[("a", "b"), ("b", "c"), ("c", "a")]),
        ),
        (
            "too many links in a row",
            "archive-link-loop",
            chain.collect(),
        ),
        ("links that double", "archive-link-loop", doubling.collect()),
        ("a link to nothing", "archive-bad-name", one("")),
        (
            "a NUL in the target of a link",
            "archive-nul-in-name",
            one("code\0/../.."),
        ),
        (
            "a target that is too long",
            "archive-name-too-long",
            one(&"x/".repeat(600)),
        ),
        (
            "a link in place of a folder",
            "archive-duplicate",
            many(&[("contents", "code")]),
        ),
        (
            "a link in place of a file",
            "archive-duplicate",
            many(&[("metadata.json", "contents")]),
        ),
        (
            "a link twice",
            "archive-duplicate",
            many(&[("a", "contents"), ("a", "contents")]),
        ),
        (
            "a link below a link",
            "archive-below-no-folder",
            many(&[("a", "contents"), ("a/b", "x")]),
        ),
    ]
}

fn in_zip(package: &Package, more: impl IntoIterator<Item = ZipEntry>) -> Vec<u8> {
    let mut entries = package.zip();
    entries.extend(more);
    zip(&entries)
}

fn in_tar(package: &Package, more: impl IntoIterator<Item = TarEntry>) -> Vec<u8> {
    let mut entries = package.tar();
    entries.extend(more);
    tar(&entries)
}

/// An entry of a tar, with a header before it for each text that its own header cannot have.
fn whole(entry: TarEntry) -> Vec<TarEntry> {
    let texts = [("path", &entry.name), ("linkpath", &entry.target)];
    let needed = texts
        .into_iter()
        .filter(|(_, text)| text.len() > 100 || text.contains(&0));
    let mut all: Vec<TarEntry> = needed.map(|(key, text)| TarEntry::pax(key, text)).collect();
    all.push(entry);
    all
}

pub(super) fn hostile(package: &Package) -> Vec<Hostile> {
    let mut hostile = Vec::new();
    let mut add = |name, code, in_zip, in_tar| {
        for (file_name, bytes) in [(ZIP, in_zip), (TAR, in_tar)] {
            hostile.push(Hostile {
                name,
                file_name,
                bytes,
                code,
            });
        }
    };
    let backslashes = BACKSLASHES.iter();
    let backslashes =
        backslashes.map(|(lie, name)| (*lie, "archive-bad-name", name.as_bytes().to_vec()));
    for (lie, code, name) in names().into_iter().chain(backslashes) {
        add(
            lie,
            code,
            in_zip(package, [ZipEntry::stored(&name, "evil")]),
            in_tar(package, whole(TarEntry::file(&name, "evil"))),
        );
    }
    for (lie, code, links) in links() {
        let zipped = links
            .iter()
            .map(|(name, target)| ZipEntry::link(name, target));
        let tarred = links.iter();
        let tarred = tarred.flat_map(|(name, target)| whole(TarEntry::link(name, target)));
        add(lie, code, in_zip(package, zipped), in_tar(package, tarred));
    }
    let (outside, inside) = ("/tmp", "contents/code");
    for (lie, target) in [
        ("a file through a link that leaves", outside),
        ("a file through a link that stays", inside),
    ] {
        add(
            lie,
            "archive-below-no-folder",
            in_zip(
                package,
                [
                    ZipEntry::link("link", target),
                    ZipEntry::stored("link/evil", "evil"),
                ],
            ),
            in_tar(
                package,
                [
                    TarEntry::link("link", target),
                    TarEntry::file("link/evil", "evil"),
                ],
            ),
        );
    }
    for (lie, mode, kind) in [
        ("a character device", 0o020_644, b'3'),
        ("a block device", 0o060_644, b'4'),
        ("a pipe", 0o010_644, b'6'),
    ] {
        add(
            lie,
            "archive-special-file",
            in_zip(package, [ZipEntry::of_mode(mode, "contents/special", "")]),
            in_tar(package, [TarEntry::new(kind, "contents/special")]),
        );
    }
    hostile
}
