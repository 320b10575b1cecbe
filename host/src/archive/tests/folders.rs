//! Folders that are copied, the hostile ones first.

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::observed::{Notes, told, told_of};
use super::unpacked::sample;
use super::{Place, Tree, skipped, texts, tree};
use crate::archive::{
    ArchiveError, Limits, Observer, Progress, Unpacked, UnpackedEntry, copy_folder, unpack_observed,
};

impl Place {
    /// The folder that is copied.
    fn source(&self) -> PathBuf {
        let source = self.folder.path().join("from");
        fs::create_dir_all(&source).unwrap();
        source
    }

    fn put(&self, name: &str, data: impl AsRef<[u8]>) {
        let path = self.source().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, data).unwrap();
    }

    fn copy(&self, observer: &mut dyn Observer) -> Result<Unpacked, ArchiveError> {
        let limits = Limits::default();
        copy_folder(&self.source(), &self.target(), &limits, observer)
    }

    /// The error of a folder that is refused and of which nothing is left.
    fn copy_refusal(&self, observer: &mut dyn Observer) -> ArchiveError {
        let error = self.copy(observer).unwrap_err();
        assert!(self.tree().is_empty(), "{error}");
        error
    }
}

fn make_fifo(path: &Path) {
    let status = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(status.success());
}

fn told_error(error: &ArchiveError) -> (&'static str, String) {
    (error.code(), error.to_string())
}

#[test]
fn links_that_leave_are_refused() {
    for (name, target) in [
        ("link", "../beside"),
        ("a/link", "/etc/passwd"),
        ("a/link", "../.."),
    ] {
        let place = Place::new();
        place.put("a/file", "text");
        symlink(target, place.source().join(name)).unwrap();
        assert_eq!(
            told_error(&place.copy_refusal(&mut Notes::default())),
            (
                "archive-link-leaves",
                format!("the link `{name}` leads out of the archive, to `{target}`")
            )
        );
    }
}

#[test]
fn what_is_no_file_folder_or_link_is_refused() {
    let place = Place::new();
    place.put("a/file", "text");
    make_fifo(&place.source().join("a/pipe"));
    let expected = |name| {
        let message = format!("`{name}` is a device, a pipe or a socket");
        ("archive-special-file", message)
    };
    let error = place.copy_refusal(&mut Notes::default());
    assert_eq!(told_error(&error), expected("a/pipe"));

    let place = Place::new();
    place.put("a/file", "text");
    let _socket = UnixListener::bind(place.source().join("socket")).unwrap();
    let error = place.copy_refusal(&mut Notes::default());
    assert_eq!(told_error(&error), expected("socket"));
}

#[test]
fn a_folder_is_not_copied_to_itself() {
    let place = Place::new();
    place.put("file", "text");
    let inside = place.source().join("sub/into");
    fs::create_dir_all(&inside).unwrap();
    let link = place.folder.path().join("link");
    symlink(place.source(), &link).unwrap();
    let before = tree(place.folder.path());
    let empty = place.target();
    for (from, into) in [
        (place.source(), inside.clone()),
        (link.clone(), inside),
        (place.source(), link.join("sub/into")),
        (empty.clone(), empty),
    ] {
        let copied = copy_folder(&from, &into, &Limits::default(), &mut Notes::default());
        let message = format!(
            "`{}` lies in the folder that is copied, `{}`",
            into.display(),
            from.display()
        );
        let error = told_error(&copied.unwrap_err());
        assert_eq!(error, ("archive-into-itself", message));
    }
    assert_eq!(tree(place.folder.path()), before);
}

#[test]
fn only_a_folder_and_only_to_an_empty_one() {
    let place = Place::new();
    place.put("file", "text");
    for name in ["missing", "from/file"] {
        let from = place.folder.path().join(name);
        let copied = copy_folder(
            &from,
            &place.target(),
            &Limits::default(),
            &mut Notes::default(),
        );
        let message = format!("`{}` cannot be read", from.display());
        let error = told_error(&copied.unwrap_err());
        assert_eq!(error, ("archive-entry-unreadable", message));
    }
    fs::write(place.target().join("mine"), "mine").unwrap();
    let error = place.copy(&mut Notes::default()).unwrap_err();
    assert_eq!(error.code(), "archive-target-not-empty");
    assert_eq!(texts(&place.tree())["mine"], "mine");
}

#[test]
fn what_cannot_be_read_is_named() {
    if rustix::process::geteuid().is_root() {
        let _ = writeln!(
            std::io::stderr().lock(),
            "\nskipped: archives: root can read every file"
        );
        return;
    }
    for name in ["a/file", "a"] {
        let place = Place::new();
        place.put("a/file", "text");
        let path = place.source().join(name);
        fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
        let error = place.copy_refusal(&mut Notes::default());
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        let message = format!("`{name}` cannot be read");
        assert_eq!(told_error(&error), ("archive-entry-unreadable", message));
    }
}

#[test]
fn limits_are_those_of_archives_but_for_the_ratio() {
    let place = Place::new();
    place.put("a/b/c", "1234");
    place.put("a/d", "5678");
    let code = |set: &dyn Fn(&mut Limits)| {
        let mut limits = Limits::default();
        set(&mut limits);
        let place_of_copy = Place::new();
        let into = place_of_copy.target();
        let copied = copy_folder(&place.source(), &into, &limits, &mut Notes::default());
        assert_eq!(tree(&into).is_empty(), copied.is_err());
        copied.map_or_else(|error| error.code(), |_| "ok")
    };
    assert_eq!(code(&|it| it.entries = 4), "ok");
    assert_eq!(code(&|it| it.entries = 3), "archive-too-many-entries");
    assert_eq!(code(&|it| it.bytes = 8), "ok");
    assert_eq!(code(&|it| it.bytes = 7), "archive-too-many-bytes");
    assert_eq!(code(&|it| it.name_length = 5), "ok");
    assert_eq!(code(&|it| it.name_length = 4), "archive-name-too-long");
    assert_eq!(code(&|it| it.name_bytes = 12), "ok");
    assert_eq!(code(&|it| it.name_bytes = 11), "archive-too-many-names");
    assert_eq!(code(&|it| it.depth = 2), "ok");
    assert_eq!(code(&|it| it.depth = 1), "archive-too-deep");
    assert_eq!(code(&|it| it.ratio = 0), "ok");
}

/// Changes the folder when a file is being copied or was.
struct Changing<'a> {
    /// What must be whole before.
    after: &'a str,
    change: Option<Box<dyn FnOnce() + 'a>>,
    /// After the first piece of data instead.
    at_once: bool,
}

impl Observer for Changing<'_> {
    fn progress(&mut self, progress: &Progress) -> ControlFlow<()> {
        if self.at_once && progress.bytes > 0 {
            self.change.take().into_iter().for_each(|change| change());
        }
        ControlFlow::Continue(())
    }

    fn entry(&mut self, entry: UnpackedEntry) {
        if !self.at_once && entry.path == Path::new(self.after) {
            self.change.take().into_iter().for_each(|change| change());
        }
    }
}

#[test]
fn what_is_exchanged_meanwhile_is_noticed() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 7] = [
        ("m", |path| {
            fs::remove_file(path.join("m")).unwrap();
            // Opened in the usual way it would be waited for somebody who writes.
            make_fifo(&path.join("m"));
        }),
        ("m", |path| {
            fs::remove_file(path.join("m")).unwrap();
            symlink("../beside", path.join("m")).unwrap();
        }),
        ("m", |path| {
            fs::remove_file(path.join("m")).unwrap();
            fs::create_dir(path.join("m")).unwrap();
        }),
        ("m", |path| fs::remove_file(path.join("m")).unwrap()),
        ("n", |path| {
            fs::rename(path.join("n"), path.join("moved")).unwrap();
            symlink("..", path.join("n")).unwrap();
        }),
        ("n", |path| {
            fs::remove_dir_all(path.join("n")).unwrap();
            fs::write(path.join("n"), "").unwrap();
        }),
        ("o", |path| {
            fs::remove_file(path.join("o")).unwrap();
            fs::write(path.join("o"), "").unwrap();
        }),
    ];
    for (index, (name, change)) in changes.into_iter().enumerate() {
        let place = Place::new();
        place.put("a", "text");
        place.put("m", "text");
        place.put("n/file", "text");
        symlink("m", place.source().join("o")).unwrap();
        let source = place.source();
        let error = place.copy_refusal(&mut Changing {
            after: "a",
            change: Some(Box::new(|| change(&source))),
            at_once: false,
        });
        let message = format!("`{name}` was changed while it was copied");
        assert_eq!(told_error(&error), ("archive-changed", message), "{index}");
    }
}

/// As it is found through a mount: the folder that is copied to, by a name that does not tell.
#[test]
fn the_folder_that_is_copied_to_is_known_by_another_name() {
    let place = Place::new();
    place.put("a", "text");
    place.put("n/file", "text");
    let (source, target) = (place.source(), place.target());
    let error = place
        .copy(&mut Changing {
            after: "a",
            change: Some(Box::new(|| {
                fs::remove_dir_all(source.join("n")).unwrap();
                fs::rename(&target, source.join("n")).unwrap();
            })),
            at_once: false,
        })
        .unwrap_err();
    assert_eq!(error.code(), "archive-into-itself");
}

#[test]
fn a_file_that_grows_or_shrinks_is_noticed() {
    for length in [0, 100_000, 299_999, 300_001, 400_000] {
        let place = Place::new();
        place.put("big", vec![b'x'; 300_000]);
        let path = place.source().join("big");
        let error = place.copy_refusal(&mut Changing {
            after: "",
            change: Some(Box::new(|| {
                let file = File::options().write(true).open(&path).unwrap();
                file.set_len(length).unwrap();
            })),
            at_once: true,
        });
        assert_eq!(error.code(), "archive-changed", "{length}");
    }
}

#[test]
fn whenever_copying_is_cancelled_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let from = sample(folder.path(), "contents/other");
    let limits = Limits::default();
    let mut whole = Notes::default();
    copy_folder(&from, &Place::new().target(), &limits, &mut whole).unwrap();
    for call in 1..=whole.progress.len() {
        let place = Place::new();
        let mut notes = Notes {
            calls: Some(call),
            ..Notes::default()
        };
        let copied = copy_folder(&from, &place.target(), &limits, &mut notes);
        assert_eq!(copied.unwrap_err().code(), "archive-cancelled", "{call}");
        assert!(place.tree().is_empty(), "{call}");
    }
}

/// Copying a folder is as good as packing and unpacking it.
#[test]
fn a_folder_becomes_what_its_tar_becomes() {
    let folder = tempfile::tempdir().unwrap();
    let long = format!("contents/{}", "long-name-".repeat(20));
    let from = sample(folder.path(), &long);
    for (name, mode) in [
        ("contents/setuid", 0o4755),
        ("contents/private", 0o600),
        ("contents/read-only", 0o444),
    ] {
        fs::write(from.join(name), name).unwrap();
        fs::set_permissions(from.join(name), Permissions::from_mode(mode)).unwrap();
    }
    let mode = Permissions::from_mode(0o2550);
    fs::set_permissions(from.join("contents/empty"), mode).unwrap();
    fs::hard_link(from.join("metadata.json"), from.join("contents/hard")).unwrap();
    let odd = std::ffi::OsStr::from_bytes(b"no\xffunicode");
    fs::write(from.join(odd), "odd").unwrap();

    let copied = Place::new();
    let mut notes = Notes::with_digests();
    let limits = Limits::default();
    // The top may be a link.
    let link = folder.path().join("link");
    symlink(&from, &link).unwrap();
    let done = copy_folder(&link, &copied.target(), &limits, &mut notes).unwrap();
    let copy = copied.tree();
    assert_eq!(told(&notes), told_of(&copy));
    let is_file = |mode: u32| mode & 0o170_000 == 0o100_000;
    let files = copy.values().filter(|(mode, _)| is_file(*mode)).count();
    assert_eq!(done.files, files as u64);
    let last = notes.progress.last().unwrap();
    assert_eq!(
        (last.bytes, last.read, last.length),
        (done.bytes, done.bytes, 0)
    );
    let hard = copied.target().join("contents/hard");
    assert_eq!(hard.metadata().unwrap().nlink(), 1);

    let status = Command::new("tar")
        .args(["-cf", "archive", "-C", "sample", "."])
        .current_dir(folder.path())
        .status();
    if !status.is_ok_and(|status| status.success()) {
        return skipped("tar");
    }
    let unpacked = Place::new();
    let mut others = Notes::with_digests();
    let archive = File::open(folder.path().join("archive")).unwrap();
    unpack_observed(archive, &unpacked.target(), &limits, &mut others).unwrap();
    let other: Tree = unpacked.tree();
    assert_eq!(copy, other);
    assert_eq!(told(&notes), told(&others));
}

#[test]
fn the_order_is_that_of_names_whatever_was_written_first() {
    let names = ["b", "a/z", "a/B", ".hidden", "a.txt", "Z", "ä"];
    let mut orders = Vec::new();
    for start in 0..names.len() {
        let place = Place::new();
        let (later, sooner) = names.split_at(start);
        for name in sooner.iter().chain(later) {
            place.put(name, "text");
        }
        let mut notes = Notes::default();
        place.copy(&mut notes).unwrap();
        let entries = notes.entries.into_iter();
        let paths: Vec<PathBuf> = entries.map(|entry| entry.path).collect();
        orders.push(paths);
    }
    let expected = [".hidden", "Z", "a", "a/B", "a/z", "a.txt", "b", "ä"];
    for order in orders {
        let order: Vec<&str> = order.iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(order, expected);
    }
}
