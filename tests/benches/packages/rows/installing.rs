//! Installing packages, beside `unzip` and kpackagetool5.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use keyway::install::Installer;
use keyway::{DataDirs, PackageLoader, Registry, SearchPath};
use keyway_tests::bench::measure::{Bound, Scale, in_turns, row, row_of_bytes, timed};
use keyway_tests::{Build, PluginFolder, skipped};
use tempfile::TempDir;

const TYPE: &str = "KPackage/Generic";
const ID: &str = "org.example.large";

/// Files in the package whose installation is timed.
const FILES: usize = 2_000;

/// Bytes of the package whose installation is weighed.
const LARGE: u64 = 1 << 30;

/// As much memory as any installation takes.
const MEMORY: f64 = (32 << 20) as f64;

pub(crate) fn beside_others(scale: &Scale) {
    for program in ["unzip", "zip", "tar"] {
        if Command::new(program).arg("--help").output().is_err() {
            skipped("installing packages", &format!("there is no {program}"));
            return;
        }
    }
    let plugins = PluginFolder::new();
    let structure = Build::of("keyway-structure-generic").arg("--release");
    plugins.copy(&structure.path());
    let tools = Tools {
        keyway: Build::of("keyway-cli").arg("--release").program(),
        plugins,
        kpackagetool: Command::new("kpackagetool5").arg("-v").output().is_ok(),
    };
    if !tools.kpackagetool {
        skipped("installing beside kpackagetool5", "it is not there");
    }
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        let folder = TempDir::new_in(memory).unwrap();
        Place {
            tools: &tools,
            folder,
            name: "tmpfs",
        }
        .measure(scale);
    } else {
        skipped("installing on tmpfs", "there is no /dev/shm");
    }
    let folder = tempfile::tempdir().unwrap();
    let disk = Place {
        tools: &tools,
        folder,
        name: "disk",
    };
    disk.measure(scale);
    disk.syncing(scale);
    disk.weigh(scale);
}

struct Tools {
    keyway: PathBuf,
    kpackagetool: bool,
    plugins: PluginFolder,
}

/// Somewhere on a file system.
struct Place<'a> {
    tools: &'a Tools,
    folder: TempDir,
    name: &'static str,
}

impl Place<'_> {
    fn measure(&self, scale: &Scale) {
        let count = scale.count(FILES);
        let old = self.archive("old", count, "1.0");
        let new = self.archive("new", count, "2.0");
        let rounds = scale.rounds(21);
        let what = |what: &str| format!("{what}: zip of {count} files, {}", self.name);
        let [unzip, install, upgrade] = in_turns(
            rounds,
            [
                &mut || self.unzip(&old),
                &mut || self.keyway("install", None, &old),
                &mut || self.keyway("upgrade", Some(&old), &new),
            ],
        );
        // What the disk itself takes counts there.
        let bound = match self.name {
            "tmpfs" => Bound::AtMost(1.3),
            _ => Bound::None,
        };
        row(&what("keyway install / unzip"), &install, &unzip, &bound);
        let bound = Bound::AtMost(1.2);
        row(
            &what("keyway upgrade / install"),
            &upgrade,
            &install,
            &bound,
        );
        if !self.tools.kpackagetool {
            return;
        }
        let [keyway, theirs, upgrade] = in_turns(
            scale.rounds(7),
            [
                &mut || self.keyway("install", None, &old),
                &mut || self.kpackagetool("-i", None, &old),
                &mut || self.kpackagetool("-u", Some(&old), &new),
            ],
        );
        let inform = &Bound::None;
        row(
            &what("kpackagetool5 -i / keyway install"),
            &theirs,
            &keyway,
            inform,
        );
        row(&what("kpackagetool5 -u / -i"), &upgrade, &theirs, inform);
    }

    /// What it costs to bring a package to the disk.
    fn syncing(&self, scale: &Scale) {
        for count in [scale.count(FILES), 10] {
            let archive = self.archive("synced", count, "1.0");
            let installer = |sync| self.installer().sync(sync);
            let [synced, not] = in_turns(
                scale.rounds(11),
                [&mut || install(&installer(true), &archive), &mut || {
                    install(&installer(false), &archive)
                }],
            );
            let what = format!("installed with / without sync: {count} files");
            row(&what, &synced, &not, &Bound::None);
        }
    }

    /// How much memory the largest packages take.
    fn weigh(&self, scale: &Scale) {
        let bytes = if scale.quick { LARGE / 32 } else { LARGE };
        let package = self.package("heavy", 4, "1.0");
        let mut file = File::create(package.join("contents/heavy")).unwrap();
        let mut random = File::open("/dev/urandom").unwrap();
        let mut piece = vec![0; 1 << 20];
        std::io::Read::read_exact(&mut random, &mut piece).unwrap();
        for at in 0..bytes >> 20 {
            // Another piece each time, that does not compress.
            let at = usize::try_from(at).unwrap();
            piece.rotate_left(1 + at);
            file.write_all(&piece).unwrap();
        }
        drop(file);
        let at = |name: &str| self.folder.path().join(name);
        let gzip = at("heavy.tar.gz");
        let mut tar = Command::new("tar");
        tar.args(["--use-compress-program=gzip -1", "-cf"])
            .arg(&gzip);
        succeed(tar.arg("-C").arg(&package).arg("."));
        for (name, archive) in [
            ("zip", self.zip(&package, "heavy.zip", "-1")),
            ("tar.gz", gzip),
        ] {
            let rounds = scale.rounds(3);
            let held: Vec<f64> = (0..rounds).map(|_| self.weighed(&archive)).collect();
            let allowed = vec![MEMORY; rounds];
            let what = format!("memory to install {} MiB of {name} / 32 MiB", bytes >> 20);
            row_of_bytes(&what, &held, &allowed, &Bound::AtMost(1.0));
        }
    }

    fn package(&self, name: &str, files: usize, version: &str) -> PathBuf {
        let package = self.folder.path().join(name);
        let _ = fs::remove_dir_all(&package);
        fs::create_dir_all(&package).unwrap();
        let metadata = format!(
            r#"{{"KPlugin": {{"Id": "{ID}", "Name": "Large", "Version": "{version}"}},
                "KPackageStructure": "{TYPE}"}}"#
        );
        fs::write(package.join("metadata.json"), metadata).unwrap();
        for file in 0..files {
            let folder = package.join(format!("contents/ui/part{}", file % 40));
            fs::create_dir_all(&folder).unwrap();
            let line = format!("// line of file {file}, version {version}\n");
            let text = line.repeat(10 + file * 37 % 200);
            fs::write(folder.join(format!("file{file}.qml")), text).unwrap();
        }
        fs::create_dir_all(package.join("contents/scripts")).unwrap();
        fs::write(package.join("contents/scripts/main.js"), "main").unwrap();
        package
    }

    fn archive(&self, name: &str, files: usize, version: &str) -> PathBuf {
        let package = self.package(name, files, version);
        self.zip(&package, &format!("{name}.zip"), "-6")
    }

    fn zip(&self, package: &Path, name: &str, level: &str) -> PathBuf {
        let archive = self.folder.path().join(name);
        let _ = fs::remove_file(&archive);
        let mut zip = Command::new("zip");
        zip.args(["-q", "-r", level]).arg(&archive).arg(".");
        succeed(zip.current_dir(package));
        archive
    }

    /// Another package root each time, which is not there yet.
    fn root(&self) -> TempDir {
        tempfile::Builder::new()
            .prefix("root")
            .tempdir_in(self.folder.path())
            .unwrap()
    }

    fn unzip(&self, archive: &Path) -> f64 {
        let root = self.root();
        let mut command = Command::new("unzip");
        command.arg("-q").arg(archive).arg("-d").arg(root.path());
        timed(|| succeed(&mut command))
    }

    fn command(&self, verb: &str, root: &Path, archive: &Path) -> Command {
        let mut command = Command::new(&self.tools.keyway);
        command
            .args([verb, "-t", TYPE, "-p"])
            .arg(root)
            .arg(archive)
            .env("KEYWAY_PLUGIN_PATH", self.tools.plugins.path())
            .env("XDG_CACHE_HOME", self.folder.path().join("cache"));
        command
    }

    /// The nanoseconds that it takes, after `before` was installed.
    fn keyway(&self, verb: &str, before: Option<&Path>, archive: &Path) -> f64 {
        let root = self.root();
        if let Some(before) = before {
            succeed(&mut self.command("install", root.path(), before));
        }
        timed(|| succeed(&mut self.command(verb, root.path(), archive)))
    }

    fn kpackagetool(&self, option: &str, before: Option<&Path>, archive: &Path) -> f64 {
        let root = self.root();
        let tool = |option: &str, archive: &Path| {
            let mut command = Command::new("kpackagetool5");
            command
                .args(["-t", TYPE, option])
                .arg(archive)
                // Its upgrade finds nothing in another package root.
                .env("XDG_DATA_HOME", root.path())
                .env("QT_QPA_PLATFORM", "offscreen");
            succeed(&mut command);
        };
        if let Some(before) = before {
            tool("-i", before);
        }
        timed(|| tool(option, archive))
    }

    fn installer(&self) -> Installer {
        let registry = Registry::new(SearchPath::only([self.tools.plugins.path()]));
        let data = DataDirs::new(Some(self.folder.path().join("data")), []);
        let loader = PackageLoader::with_data_dirs(registry, data);
        Installer::new(loader).type_name(TYPE).unwrap()
    }

    /// The most bytes that the command holds at once.
    fn weighed(&self, archive: &Path) -> f64 {
        let root = self.root();
        let mut command = self.command("install", root.path(), archive);
        let child = command.stdout(Stdio::null()).spawn().unwrap();
        peak(child)
    }
}

fn install(installer: &Installer, archive: &Path) -> f64 {
    let time = timed(|| installer.install(archive).unwrap());
    installer.uninstall(ID).unwrap();
    time
}

/// The system says it as long as the process runs, and it never shrinks.
fn peak(mut child: Child) -> f64 {
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0.0_f64;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
        most = most.max(kib.unwrap_or(0.0) * 1024.0);
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success());
            return most;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}
