//! Opening files of packages, also while somebody exchanges them.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::support::{Numbers, Place};
use crate::Package;
use crate::package::OpenError;
use crate::package::open::{open, open_unlinked, walk};

/// A way to open a canonical path.
pub(super) type Way = (&'static str, fn(&Path) -> io::Result<File>);

/// The way that the kernel has, and the one where it has none.
pub(super) const WAYS: [Way; 2] = [("kernel", open_unlinked), ("walk", walk)];

pub(super) fn open_in(
    way: Way,
    package: &Package,
    key: &str,
    name: &OsStr,
) -> Result<File, OpenError> {
    open(package.contents(), key, name, &way.1)
}

fn text(mut file: File) -> String {
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn what_is_not_opened() {
    let place = Place::new();
    place.package("pkg");
    let secret = place.write("secret.txt", "secret");
    place.link(&secret, "pkg/contents/ui/escape");
    place.link(place.at(""), "pkg/contents/ui/up");
    place.link("loop", "pkg/contents/ui/loop");
    let pipe = place.at("pkg/contents/ui/pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    place.link("/dev/zero", "pkg/contents/ui/device");
    place.write("pkg/contents/ui/sub/x", "");
    let package = place.basic_at("pkg");
    for way in WAYS {
        let code = |key, name| {
            let opened = open_in(way, &package, key, OsStr::new(name));
            opened.map_err(|error| error.code())
        };
        for (name, expected) in [
            ("../../../secret.txt", "file-name-refused"),
            ("/etc/passwd", "file-name-refused"),
            ("main.qml\0", "file-name-refused"),
            ("escape", "file-outside"),
            ("up/secret.txt", "file-outside"),
            ("device", "file-outside"),
            ("nosuch", "file-not-found"),
            ("main.qml/x", "file-not-found"),
            ("loop", "file-unreadable"),
            ("sub", "not-a-file"),
            ("", "not-a-file"),
            ("pipe", "not-a-file"),
        ] {
            assert_eq!(code("ui", name).unwrap_err(), expected, "{way:?}: {name:?}");
        }
        assert_eq!(code("code", "").unwrap_err(), "unknown-key");
        let none = open_in(way, &place.basic(), "ui", OsStr::new("main.qml"));
        assert_eq!(none.unwrap_err().code(), "no-package");
    }
    let error = package.open("ui", "pipe").unwrap_err();
    let expected = format!(
        "`{}` is no regular file, so it is not opened",
        pipe.display()
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn what_must_not_be_read() {
    let place = Place::new();
    place.package("pkg");
    let file = place.write("pkg/contents/ui/x", "x");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    if File::open(&file).is_ok() {
        super::support::skipped("opening unreadable files: root may read everything");
        return;
    }
    let package = place.basic_at("pkg");
    for way in WAYS {
        let error = open_in(way, &package, "ui", OsStr::new("x")).unwrap_err();
        assert!(matches!(error, OpenError::Unreadable { path, .. } if path == file));
    }
}

#[test]
fn what_was_found_before_is_looked_for_anew() {
    let place = Place::new();
    place.package("pkg");
    let file = place.write("pkg/contents/ui/x", "");
    let package = place.basic_at("pkg");
    assert!(package.open("ui", "x").is_ok());
    fs::remove_file(&file).unwrap();
    assert_eq!(package.file_path("ui", "x"), Some(file.clone().into()));
    assert_eq!(
        package.open("ui", "x").unwrap_err().code(),
        "file-not-found"
    );
    symlink("/etc/passwd", &file).unwrap();
    assert_eq!(package.file_path("ui", "x"), Some(file.into()));
    assert_eq!(package.open("ui", "x").unwrap_err().code(), "file-outside");
}

#[test]
fn files_behind_links_and_of_fallbacks_are_opened() {
    let place = Place::new();
    place.package("pkg");
    place.package("base");
    place.write("base/contents/ui/extra", "extra");
    let inside = place.write("pkg/contents/images/deep/inside", "inside");
    place.link(&inside, "pkg/contents/ui/absolute");
    place.link("../images/deep/inside", "pkg/contents/ui/relative");
    place.link(place.at("pkg/contents/images"), "pkg/contents/ui/folder");
    place.link(place.at("base/contents/ui/extra"), "pkg/contents/ui/other");
    let mut package = place.basic_at("pkg");
    package
        .set_fallback_package(Some(place.basic_at("base")))
        .unwrap();
    for way in WAYS {
        let opened = |key, name| open_in(way, &package, key, OsStr::new(name)).map(text);
        for name in ["absolute", "relative", "folder/deep/inside"] {
            assert_eq!(opened("ui", name).unwrap(), "inside", "{way:?}: {name}");
        }
        assert_eq!(opened("mainscript", "").unwrap(), "main");
        assert_eq!(opened("", "ui/main.qml").unwrap(), "main");
        assert_eq!(opened("ui", "extra").unwrap(), "extra");
        assert!(opened("metadata", "").unwrap().contains(r#""Id": "pkg""#));
        // The fallback's file, reached over a link of the package itself.
        assert_eq!(opened("ui", "other").unwrap_err().code(), "file-outside");
    }
    package.set_allow_external_paths(true);
    for way in WAYS {
        let opened = |name| open_in(way, &package, "ui", OsStr::new(name)).map(text);
        assert_eq!(opened("other").unwrap(), "extra");
        assert_eq!(opened("../../../base/contents/ui/extra").unwrap(), "extra");
    }
}

#[test]
fn neither_way_passes_a_link() {
    let place = Place::new();
    let file = place.write("folder/file", "text");
    let links = [
        place.link(&file, "link"),
        place.link("file", "folder/link"),
        place.link(place.at("folder"), "other").join("file"),
        place.link("/proc/self/root", "root").join("etc/passwd"),
        PathBuf::from("/proc/self/root/etc/passwd"),
        PathBuf::from("/proc/self/exe"),
    ];
    for way in WAYS {
        let open = way.1;
        assert_eq!(text(open(&file).unwrap()), "text");
        for link in &links {
            let opened = open(link);
            assert!(opened.is_err(), "{way:?}: {link:?}");
        }
        assert!(open(&place.at("nosuch")).is_err());
        assert!(open(Path::new("relative")).is_err() || way.0 == "kernel");
    }
}

/// The moment between looking and opening, held still: there the folder becomes a link outside.
#[test]
fn what_is_exchanged_at_the_last_moment() {
    let place = Place::new();
    place.package("pkg");
    place.write("outside/file", "secret");
    place.write("pkg/contents/images/deep/file", "public");
    let (folder, aside) = (place.at("pkg/contents/images/deep"), place.at("aside"));
    let package = place.basic_at("pkg");
    for way in WAYS {
        for (exchanged, expected) in [(15, Ok("public")), (16, Err("file-exchanged"))] {
            let tries = Cell::new(0);
            let opener = |path: &Path| {
                tries.set(tries.get() + 1);
                if tries.get() > exchanged {
                    return way.1(path);
                }
                fs::rename(&folder, &aside)?;
                symlink(place.at("outside"), &folder)?;
                let opened = way.1(path);
                fs::remove_file(&folder)?;
                fs::rename(&aside, &folder)?;
                opened
            };
            let name = OsStr::new("deep/file");
            let opened = open(package.contents(), "images", name, &opener);
            let opened = opened.map(text).map_err(|error| error.code());
            assert_eq!(opened, expected.map(str::to_owned), "{way:?}");
            assert_eq!(tries.get(), 16, "{way:?}");
        }
    }
}

/// As long as a machine may need that does much else.
const LONG: Duration = Duration::from_secs(60);

/// Does something again and again in another thread, with a pause now and then, while `work` runs.
fn while_another(change: impl Fn() + Sync, work: impl FnOnce()) {
    /// Also where an assertion fails, or the other thread would be waited for without end.
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let _stop = Stop(&stop);
        scope.spawn(|| {
            let mut numbers = Numbers(7);
            while !stop.load(Ordering::Relaxed) {
                change();
                if numbers.below(4) == 0 {
                    thread::sleep(Duration::from_micros(1));
                }
            }
        });
        work();
    });
}

/// Opens a file thousands of times, until it was also opened often. What is opened is never the
/// secret; why it is not opened is `expected`.
fn open_often(package: &Package, key: &str, name: &OsStr, expected: &[&str]) {
    for way in WAYS {
        let began = Instant::now();
        let (mut opened, mut tried) = (0, 0);
        while opened < 500 || tried < 4000 {
            tried += 1;
            match open_in(way, package, key, name) {
                Ok(file) => {
                    assert_eq!(text(file), "public", "{way:?}: {name:?}");
                    opened += 1;
                }
                Err(error) => assert!(expected.contains(&error.code()), "{way:?}: {error:?}"),
            }
            assert!(
                began.elapsed() < LONG,
                "{way:?}: {name:?}: {opened} of {tried}"
            );
        }
    }
}

/// That the exchange works: who opens the path reads the secret.
fn assert_secret_is_read(path: &Path) {
    let began = Instant::now();
    while fs::read_to_string(path).ok().as_deref() != Some("secret") {
        assert!(began.elapsed() < LONG, "{}", path.display());
    }
}

/// A link to a file, or one in the middle of a path, that another thread leads outside and back.
#[test]
fn an_exchanged_link_is_never_passed() {
    let place = Place::new();
    place.package("pkg");
    place.write("outside/file", "secret");
    place.write("pkg/contents/images/file", "public");
    let (inside, outside) = (place.at("pkg/contents/images"), place.at("outside"));
    let package = place.basic_at("pkg");
    for (link, name) in [("file", "file"), ("folder", "folder/file")] {
        let targets = match link {
            "file" => [outside.join("file"), inside.join("file")],
            _ => [outside.clone(), inside.clone()],
        };
        let path = place.link(&targets[0], format!("pkg/contents/ui/{link}"));
        let new = place.at("pkg/contents/ui/new");
        let lead_to = |target: &PathBuf| {
            symlink(target, &new).unwrap();
            fs::rename(&new, &path).unwrap();
        };
        while_another(
            || targets.iter().for_each(lead_to),
            || {
                open_often(&package, "ui", OsStr::new(name), &["file-outside"]);
                assert_secret_is_read(&place.at("pkg/contents/ui").join(name));
            },
        );
    }
}

/// A folder of the package that another thread takes away, so that a link outside stands there. No
/// path that was made canonical before shows it.
#[test]
fn a_folder_that_becomes_a_link_is_never_passed() {
    let place = Place::new();
    place.package("pkg");
    place.write("outside/file", "secret");
    let file = place.write("pkg/contents/images/deep/file", "public");
    let (folder, aside) = (place.at("pkg/contents/images/deep"), place.at("aside"));
    let outside = place.at("outside");
    let package = place.basic_at("pkg");
    let exchange = || {
        fs::rename(&folder, &aside).unwrap();
        symlink(&outside, &folder).unwrap();
        fs::remove_file(&folder).unwrap();
        fs::rename(&aside, &folder).unwrap();
    };
    while_another(exchange, || {
        let codes = ["file-outside", "file-not-found", "file-exchanged"];
        open_often(&package, "images", OsStr::new("deep/file"), &codes);
        assert_secret_is_read(&file);
    });
}
