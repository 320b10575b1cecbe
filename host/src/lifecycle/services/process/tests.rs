//! Logs that are put aside, programs that are found, and whom a signal reaches.

use std::fs;
use std::path::Path;
use std::process::Command;

use keyway_abi::ProcessRequest;
#[cfg(target_os = "linux")]
use rustix::process::{Pid, Signal};

#[cfg(target_os = "linux")]
use super::system;
use super::{log, note, program};

#[test]
fn nothing_is_written_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let (log, other) = (folder.path().join("web.log"), folder.path().join("other"));
    fs::write(&other, "x".repeat(5000)).unwrap();
    std::os::unix::fs::symlink(&other, &log).unwrap();
    assert!(log::open(&log, 4096).is_err());
    assert_eq!(fs::read(&other).unwrap().len(), 5000);
    // One that hangs is not the end of it.
    fs::remove_file(&log).unwrap();
    assert!(log::put_aside(&log, 4096).is_ok());
}

#[test]
fn what_is_put_aside_is_kept_three_times() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logs/web.log");
    for round in 0..6 {
        use std::io::Write as _;
        let mut log = log::open(&path, 4096).unwrap();
        log.write_all(format!("{round}").repeat(4097).as_bytes())
            .unwrap();
    }
    // The newest is put aside when somebody looks.
    log::put_aside(&path, 4096).unwrap();
    log::put_aside(&path, 4096).unwrap();
    let mut found: Vec<_> = fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|it| it.unwrap().path())
        .map(|it| {
            let first = fs::read_to_string(&it).unwrap().chars().next();
            (it.file_name().unwrap().to_str().unwrap().to_owned(), first)
        })
        .collect();
    found.sort();
    let expected = [
        ("web.log", None),
        ("web.log.1", Some('5')),
        ("web.log.2", Some('4')),
        ("web.log.3", Some('3')),
    ];
    let expected = expected.map(|(name, first)| (name.to_owned(), first));
    assert_eq!(found, expected);
}

#[test]
fn a_log_is_put_aside_by_one_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.log");
    fs::write(&path, [b'x'; 100]).unwrap();
    let other = fs::File::open(&path).unwrap();
    other.lock().unwrap();
    log::put_aside(&path, 10).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), 100);
    assert!(!folder.path().join("web.log.1").exists());
    drop(other);
    log::put_aside(&path, 10).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    let aside = fs::metadata(folder.path().join("web.log.1")).unwrap();
    assert_eq!(aside.len(), 100);
}

#[test]
fn of_a_log_that_grew_much_too_large_the_end_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.log");
    let mut text = vec![b'x'; 30 << 20];
    text.extend(b"the end");
    fs::write(&path, text).unwrap();
    log::put_aside(&path, 4096).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    let aside = fs::read(folder.path().join("web.log.1")).unwrap();
    assert!(aside.len() <= 2 << 20, "{}", aside.len());
    assert!(aside.ends_with(b"the end"));
}

#[test]
fn each_state_folder_has_a_mark_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    fs::create_dir(&one).unwrap();
    fs::create_dir(&two).unwrap();
    let mark = note::mark_of(&one);
    assert_eq!(mark, note::mark_of(&folder.path().join("two/../one")));
    assert_ne!(mark, note::mark_of(&two));
    // The same path, but another folder, as in a container.
    fs::rename(&one, folder.path().join("old")).unwrap();
    fs::create_dir(&one).unwrap();
    assert_ne!(mark, note::mark_of(&one));
}

#[test]
fn only_absolute_folders_of_path_are_searched() {
    let folder = tempfile::tempdir().unwrap();
    let plan = |path: &str| {
        let request = ProcessRequest::new("web", "sh").env("PATH", path);
        program::plan(&request, folder.path(), folder.path())
    };
    assert_eq!(plan("/nowhere:/bin").unwrap().program, Path::new("/bin/sh"));
    for path in ["", "bin:.", "/nowhere"] {
        assert_eq!(
            plan(path).unwrap_err(),
            "there is no program `sh` in the folders of PATH"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_does_not_reach_who_got_the_id_later() {
    let mut child = Command::new("sleep").arg("100").spawn().unwrap();
    let pid = Pid::from_child(&child);
    let real = system::all().into_iter().find(|it| it.pid == pid).unwrap();
    let other = system::One {
        started: real.started - 1,
        ..real
    };
    assert!(real.is_alive() && !other.is_alive());
    other.signal(Signal::KILL);
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert!(child.try_wait().unwrap().is_none());
    real.signal(Signal::KILL);
    assert!(!child.wait().unwrap().success());
    assert!(!real.is_alive());
}
