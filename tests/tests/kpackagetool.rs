//! `keyway kpackagetool` beside the real kpackagetool5: the same invocations through both.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

#[path = "kpackagetool/changes.rs"]
mod changes;
#[path = "kpackagetool/same.rs"]
mod same;
#[path = "kpackagetool/wanted.rs"]
mod wanted;

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use keyway_tests::command::{keyway_command, keyway_program};
use keyway_tests::{Output, PluginFolder, skipped};

/// A package that is on every machine with Plasma, by name.
const CLOCK: &str = "org.kde.plasma.analogclock";
const PLASMOIDS: &str = "/usr/share/plasma/plasmoids";

/// The metadata of packages that are made for the comparison. Each has a main script.
const PACKAGES: [(&str, &str, &str); 10] = [
    (
        "typed",
        "json",
        r#"{"KPackageStructure": "Plasma/Applet", "Comment": ["a", "b"], "KPlugin": {
        "Id": "org.example.typed", "Name": "Typed", "Description": "A package.", "License": "GPL",
        "Authors": [{"Name": "One", "Email": "one@example.org"}, {"Name": "Two"}]}}"#,
    ),
    (
        "two-types",
        "json",
        r#"{"KPlugin": {"Id": "two", "Name": "Two", "Description": "D",
        "ServiceTypes": ["Plasma/Applet", "Plasma/Wallpaper"], "Authors": [{"Name": "A"}]}}"#,
    ),
    (
        "older-type",
        "json",
        r#"{"X-Plasma-ServiceType": "Plasma/Applet", "KPlugin": {"Id": "older",
        "Name": "Older", "Authors": {"Name": "Only"}}}"#,
    ),
    (
        "untyped",
        "json",
        r#"{"KPlugin": {"Id": "untyped", "Name": "U", "Authors": [{"Name": "A"}]}}"#,
    ),
    (
        "desktop",
        "desktop",
        "[Desktop Entry]\nName=Desk\nName[de]=Tisch\nComment=What it is.\n\
        Icon=desk\nX-KDE-PluginInfo-Author=Me\nX-KDE-PluginInfo-Email=me@example.org\n\
        X-KDE-PluginInfo-Name=desk\nX-KDE-PluginInfo-License=GPLv3+\n\
        X-KDE-ServiceTypes=Plasma/Applet\n",
    ),
    (
        "untyped-desktop",
        "desktop",
        "[Desktop Entry]\nName=U\nX-KDE-PluginInfo-Name=untyped-desktop\n",
    ),
    (
        "not-shown",
        "json",
        r#"{"NoDisplay": true, "KPlugin": {"Id": "not-shown", "Name": "N"}}"#,
    ),
    (
        "no-author",
        "json",
        r#"{"KPackageStructure": "Plasma/Applet", "KPlugin": {"Id": "nobody",
        "Name": "N"}}"#,
    ),
    (
        "hidden",
        "json",
        r#"{"isHidden": true, "KPackageStructure": "Plasma/Applet", "KPlugin": {
        "Id": "hidden", "Name": "H", "Authors": [{"Name": "A"}]}}"#,
    ),
    (
        "broken",
        "json",
        r#"{"KPackageStructure": "Plasma/Applet","#,
    ),
];

/// Where both tools run: packages, data folders, plugins, and ours under the real one's name.
struct Stage {
    locale: &'static str,
    folder: tempfile::TempDir,
    plugins: PluginFolder,
}

impl Stage {
    fn new() -> Self {
        let stage = Self {
            locale: "C.UTF-8",
            folder: tempfile::tempdir().unwrap(),
            plugins: PluginFolder::with(&["keyway-structure-plasma", "keyway-structure-generic"]),
        };
        let user = stage.path("home/plasma/plasmoids/org.example.mine");
        for (name, format, metadata) in PACKAGES {
            make(&stage.path(name), format, metadata);
        }
        make(
            &user,
            "json",
            &PACKAGES[0]
                .2
                .replace("org.example.typed", "org.example.mine"),
        );
        for name in ["empty", "theirs", "ours"] {
            fs::create_dir(stage.path(name)).unwrap();
        }
        fs::create_dir(stage.path("linked")).unwrap();
        symlink("../typed/metadata.json", stage.path("linked/metadata.json")).unwrap();
        for name in ["kpackagetool5", "kpackagetool6"] {
            symlink(keyway_program(), stage.path(name)).unwrap();
        }
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    /// Runs `command` in the folder `current`, with `$D` in the arguments for the stage's folder
    /// and `$P` for the plasmoids of the system.
    fn run(&self, command: &mut Command, current: &str, arguments: &[&str]) -> Output {
        let folder = self.path("");
        let folder = folder.to_str().unwrap().trim_end_matches('/');
        let fill = |text: &str| text.replace("$D", folder).replace("$P", PLASMOIDS);
        command
            .env("LC_ALL", self.locale)
            .env("QT_QPA_PLATFORM", "offscreen")
            .env("XDG_DATA_HOME", self.path("home"))
            .env("XDG_DATA_DIRS", "/usr/share")
            .env("KEYWAY_PLUGIN_PATH", self.plugins.path())
            .current_dir(fill(current))
            .args(arguments.iter().map(|argument| fill(argument)));
        let output = command.output().unwrap();
        Output {
            // As a shell has it where a signal ended the process.
            code: output
                .status
                .code()
                .or(output.status.signal().map(|signal| 128 + signal))
                .unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn theirs(&self, current: &str, arguments: &[&str]) -> Output {
        self.run(&mut Command::new("kpackagetool5"), current, arguments)
    }

    /// Ours, through a link of that name.
    fn ours(&self, name: &str, current: &str, arguments: &[&str]) -> Output {
        let usual = keyway_command();
        let mut command = Command::new(self.path(name));
        command.env_clear();
        for (name, value) in usual.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        self.run(&mut command, current, arguments)
    }

    /// Ours, as a command of `keyway`.
    fn command(&self, current: &str, arguments: &[&str]) -> Output {
        let all = [&["kpackagetool"], arguments].concat();
        self.run(&mut keyway_command(), current, &all)
    }
}

fn make(folder: &Path, format: &str, metadata: &str) {
    fs::create_dir_all(folder.join("contents/ui")).unwrap();
    fs::write(folder.join("contents/ui/main.qml"), "1").unwrap();
    fs::write(folder.join(format!("metadata.{format}")), metadata).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Whether the real tool and what it is asked about are here, or says what is not.
fn is_comparable() -> bool {
    let missing = if Command::new("kpackagetool5").arg("-v").output().is_err() {
        "there is no kpackagetool5"
    } else if Command::new("zip").arg("-v").output().is_err() {
        "there is no zip"
    } else if !Path::new(PLASMOIDS).join(CLOCK).exists() {
        "there is no analog clock of Plasma"
    } else {
        return true;
    };
    skipped("the comparison with kpackagetool5", missing);
    false
}

#[test]
fn the_same_invocations_give_the_same() {
    if !is_comparable() {
        return;
    }
    let stage = Stage::new();
    for (current, arguments) in same::SAME {
        let theirs = stage.theirs(current, arguments);
        let ours = stage.ours("kpackagetool5", current, arguments);
        let seen = format!("in {current}: {arguments:?}: {theirs:#?} {ours:#?}");
        assert_eq!(
            (ours.code, &ours.stdout),
            (theirs.code, &theirs.stdout),
            "{seen}"
        );
        if ours.code != 0 {
            assert!(ours.stderr.starts_with("error: "), "{seen}");
        } else if !arguments
            .iter()
            .any(|argument| argument.ends_with("-index"))
        {
            // CMake takes each word on stderr for a warning.
            assert_eq!(ours.stderr, "", "{seen}");
        }
        let command = stage.command(current, arguments);
        assert_eq!(
            (command.code, &command.stdout),
            (ours.code, &ours.stdout),
            "{seen}"
        );
    }
}

#[test]
fn the_wanted_differences_are_these() {
    if !is_comparable() {
        return;
    }
    let stage = Stage::new();
    for wanted in wanted::WANTED {
        let theirs = stage.theirs("$D/theirs", wanted.arguments);
        let ours = stage.ours("kpackagetool5", "$D/ours", wanted.arguments);
        let seen = format!(
            "{:?}: {}: {theirs:#?} {ours:#?}",
            wanted.arguments, wanted.why
        );
        assert_eq!(
            (theirs.code, ours.code),
            (wanted.theirs, wanted.ours),
            "{seen}"
        );
        assert!(
            (wanted.holds)(&stage, &theirs.stdout, &ours.stdout),
            "{seen}"
        );
        if ours.code != 0 {
            assert!(ours.stderr.starts_with("error: "), "{seen}");
        }
    }
}

#[test]
fn the_help_has_every_option_of_the_real_tool() {
    if !is_comparable() {
        return;
    }
    let stage = Stage::new();
    let options = |help: &str| {
        let words = help.split(|character: char| character.is_whitespace() || character == ',');
        let options = words.filter(|word| word.starts_with('-') && !word.ends_with('-'));
        options.map(str::to_owned).collect::<Vec<_>>()
    };
    // Without an option that says what to do there is the help, and that is success.
    for arguments in [
        &["--help"][..],
        &["-h"],
        &["--help-all"],
        &[],
        &["word", "-"],
        &["-t", "Plasma/Applet"],
        &["--type="],
        &["-p", "/x"],
        &["--appstream-metainfo-output", "$D/none"],
    ] {
        let theirs = stage.theirs("$D", arguments);
        let ours = stage.ours("kpackagetool5", "$D", arguments);
        assert_eq!((theirs.code, ours.code), (0, 0), "{arguments:?}");
        assert!(theirs.stdout.contains("Usage: kpackagetool5 [options]\n"));
        assert!(
            ours.stdout.contains("Usage: kpackagetool5 [options]\n"),
            "{ours:#?}"
        );
        let (theirs, ours) = (options(&theirs.stdout), options(&ours.stdout));
        assert!(theirs.len() > 20, "{theirs:?}");
        for option in theirs {
            let option = option.trim_end_matches('.').to_owned();
            // Two are for Qt: its help, and its debugger.
            let is_of_qt = ["--help-all", "--qmljsdebugger"].contains(&option.as_str());
            assert!(is_of_qt || ours.contains(&option), "{option}: {ours:?}");
        }
    }
    let output = stage.command("$D", &["-h"]);
    assert!(
        output
            .stdout
            .contains("Usage: keyway kpackagetool [options]\n")
    );
    assert!(!stage.path("none").exists());
}

/// What is shown does not depend on the language of who runs it.
#[test]
fn names_are_those_of_the_c_locale() {
    if !is_comparable() {
        return;
    }
    let mut stage = Stage::new();
    stage.locale = "de_DE.UTF-8";
    let arguments = ["-t", "Plasma/Applet", "-s", CLOCK];
    let theirs = stage.theirs("$D", &arguments);
    let ours = stage.ours("kpackagetool5", "$D", &arguments);
    assert!(theirs.stdout.contains("Analoge Uhr\n"), "{theirs:#?}");
    assert!(ours.stdout.contains("Name : Analog Clock\n"), "{ours:#?}");
}

/// The name that it is called by decides, and nothing else.
#[test]
fn a_link_of_the_real_name_is_the_real_tool() {
    let stage = Stage::new();
    for name in ["kpackagetool5", "kpackagetool6"] {
        let output = stage.ours(name, "$D", &["--version"]);
        assert_eq!((output.code, output.stdout), (0, format!("{name} 2.0\n")));
        let output = stage.ours(name, "$D", &["--show", "$D/typed"]);
        assert_eq!(output.code, 0, "{output:#?}");
        assert!(
            output.stdout.contains("\n    Plugin : org.example.typed\n"),
            "{output:#?}"
        );
        // Commands of `keyway` are words that it passes over.
        let output = stage.ours(name, "$D", &["plugins"]);
        assert!(
            output.stdout.contains(&format!("Usage: {name} [options]")),
            "{output:#?}"
        );
    }
    symlink(keyway_program(), stage.path("kpackagetool7")).unwrap();
    let output = stage.ours("kpackagetool7", "$D", &["--show", "$D/typed"]);
    assert_eq!(output.code, 2, "{output:#?}");
    let output = stage.run(
        &mut keyway_command(),
        "$D",
        &["--json", "kpackagetool", "-l"],
    );
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    assert_eq!(output.error()["code"], "usage");
}
