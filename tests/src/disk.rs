//! Small disks, to be filled.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Says to a test that it runs where it may mount.
const INSIDE: &str = "KEYWAY_TEST_MAY_MOUNT";

/// Whether this process may mount disks that nobody else sees. If not, the test `name` is run once
/// more in a process that may, and the caller has nothing left to do.
///
/// # Panics
///
/// When the test fails there.
#[must_use]
pub fn may_mount(name: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    if Command::new("unshare").arg("--version").output().is_err() {
        crate::skipped("a full disk", "there is no unshare");
        return false;
    }
    // What root does alone keeps the owners of files as they are.
    let ways: [&[&str]; 2] = [&["--mount"], &["--mount", "--user", "--map-root-user"]];
    let Some(way) = ways.into_iter().find(|way| works(way)) else {
        crate::skipped("a full disk", "mounting is not allowed here");
        return false;
    };
    let test = std::env::current_exe().unwrap_or_default();
    let status = Command::new("unshare")
        .args(way)
        .arg(test)
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .stdout(Stdio::null())
        .status();
    assert!(status.is_ok_and(|it| it.success()), "`{name}` failed");
    false
}

fn works(way: &[&str]) -> bool {
    let Ok(folder) = tempfile::tempdir() else {
        return false;
    };
    let mut command = Command::new("unshare");
    command.args(way).args(["mount", "-t", "tmpfs", "none"]);
    let output = command.arg(folder.path()).output();
    output.is_ok_and(|it| it.status.success())
}

/// A disk in memory, which is gone with this.
#[derive(Debug)]
pub struct Disk(TempDir);

impl Disk {
    /// A disk with the mount options `options`, as `size=64k`.
    ///
    /// # Panics
    ///
    /// When it cannot be mounted.
    #[must_use]
    pub fn new(options: &str) -> Self {
        let Ok(folder) = tempfile::tempdir() else {
            panic!("no temporary folder");
        };
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", options, "none"]);
        let output = command.arg(folder.path()).output();
        let mounted = output.as_ref().is_ok_and(|it| it.status.success());
        assert!(mounted, "{output:?}");
        Self(folder)
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Fills it but for `left` bytes, or makes room for so many.
    ///
    /// # Panics
    ///
    /// When the file that fills it cannot be made.
    pub fn fill_up_to(&self, left: u64) {
        let filler = self.filler();
        let _ = fs::remove_file(&filler);
        let mut file = match File::create(&filler) {
            Ok(file) => file,
            Err(error) => panic!("no file that fills: {error}"),
        };
        while file.write_all(&[1; 4096]).is_ok() {}
        let len = file.metadata().map_or(0, |it| it.len());
        if let Err(error) = file.set_len(len.saturating_sub(left)) {
            panic!("no room can be made: {error}");
        }
    }

    /// Makes so many files that no other can be made.
    ///
    /// # Panics
    ///
    /// When their folder cannot be made.
    pub fn use_up_inodes(&self) {
        if let Err(error) = fs::create_dir(self.fillers()) {
            panic!("no folder of files that fill: {error}");
        }
        let mut numbers = 0..;
        while numbers.next().is_some_and(|number: u32| {
            File::create(self.fillers().join(number.to_string())).is_ok()
        }) {}
    }

    /// Takes away what fills it.
    pub fn empty(&self) {
        let _ = fs::remove_file(self.filler());
        let _ = fs::remove_dir_all(self.fillers());
    }

    fn fillers(&self) -> PathBuf {
        self.path().join("fillers")
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status();
    }
}
