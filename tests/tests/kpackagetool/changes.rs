//! Installing, upgrading and removing beside kpackagetool5: the same steps through both, in data folders
//! that are empty at first.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use keyway_tests::Output;
use keyway_tests::command::{keyway_command, run};

use crate::same::SAME_CHANGES;
use crate::wanted::WANTED_CHANGES;
use crate::{CLOCK, PLASMOIDS, is_comparable, make};

/// What packages are made of that both are given; each has a main script.
const PACKAGES: [(&str, &str); 12] = [
    (
        "a1",
        r#"{"KPackageStructure": "Plasma/Applet", "KPlugin": {"Id": "org.a", "Version": "1.0"}}"#,
    ),
    (
        "a2",
        r#"{"KPackageStructure": "Plasma/Applet", "KPlugin": {"Id": "org.a", "Version": "2.0"}}"#,
    ),
    (
        "wall",
        r#"{"KPackageStructure": "Plasma/Wallpaper", "KPlugin": {"Id": "org.a", "Version": "3"}}"#,
    ),
    (
        "untyped",
        r#"{"KPlugin": {"Id": "org.untyped", "Version": "1"}}"#,
    ),
    (
        "foo",
        r#"{"KPackageStructure": "Foo/Bar", "KPlugin": {"Id": "org.foo", "Version": "1"}}"#,
    ),
    (
        "noid",
        r#"{"KPackageStructure": "Plasma/Applet", "KPlugin": {"Name": "N"}}"#,
    ),
    (
        "badid",
        r#"{"KPackageStructure": "Plasma/Applet", "KPlugin": {"Id": "or g/a"}}"#,
    ),
    (
        "up",
        r#"{"KPackageStructure": "Plasma/Applet", "KPlugin": {"Id": ".."}}"#,
    ),
    ("broken", r#"{"KPackageStructure": "Plasma/Applet","#),
    (
        "invalid",
        r#"{"KPackageStructure": "Plasma/Applet", "KPlugin": {"Id": "org.invalid"}}"#,
    ),
    (
        "needing",
        r#"{"KPackageStructure": "Plasma/Applet", "X-KPackage-Dependencies": ["kns://no/such"],
        "KPlugin": {"Id": "org.needing"}}"#,
    ),
    ("nothing", ""),
];

/// Both tools, and what they are given.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    plugins: keyway_tests::PluginFolder,
}

/// What a step gave, and the packages that were there then.
pub(crate) type Answer = (i32, String, Vec<String>);

impl Site {
    pub(crate) fn new() -> Self {
        let site = Self {
            folder: tempfile::tempdir().unwrap(),
            plugins: keyway_tests::PluginFolder::with(&[
                "keyway-structure-plasma",
                "keyway-structure-generic",
            ]),
        };
        for (name, metadata) in PACKAGES {
            make(&site.at(name), "json", metadata);
        }
        fs::remove_file(site.at("nothing/metadata.json")).unwrap();
        fs::remove_dir_all(site.at("invalid/contents")).unwrap();
        fs::write(site.at("text"), "text").unwrap();
        fs::write(site.at("text.zip"), "text").unwrap();
        for name in ["a1", "a2", "wall", "untyped", "foo", "invalid", "nothing"] {
            site.pack("tar", &["czf", "$D.tar.gz", "-C", "$D", "."], name);
        }
        site.pack("tar", &["cf", "$D.tar", "-C", "$D", "."], "a1");
        // In a folder of its own.
        site.pack(
            "tar",
            &["czf", "$D-below.tar.gz", "-C", "$D/..", "a1"],
            "a1",
        );
        for name in ["a1", "a2"] {
            let zip = ["-c", "cd $D && zip -qr $D.zip ."];
            site.pack("sh", &zip, name);
        }
        fs::copy(site.at("a1.zip"), site.at("a1.plasmoid")).unwrap();
        site
    }

    fn pack(&self, program: &str, arguments: &[&str], name: &str) {
        let folder = self.at(name);
        let folder = folder.to_str().unwrap();
        let arguments = arguments.iter().map(|it| it.replace("$D", folder));
        let status = Command::new(program).args(arguments).status().unwrap();
        assert!(status.success(), "{program} {name}");
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    /// Takes the steps in fresh data folders: arguments of the tool, or `cp FROM TO` and `mkdir DIR`.
    fn take(&self, steps: &[&str], tool: impl Fn() -> Command) -> Vec<Answer> {
        for name in ["home", "local", "system", "rel"] {
            let _ = fs::remove_dir_all(self.at(name));
            fs::create_dir(self.at(name)).unwrap();
        }
        let clock = Path::new("plasma/plasmoids").join(CLOCK);
        crate::copy(
            &Path::new(PLASMOIDS).join(CLOCK),
            &self.at("system").join(clock),
        );
        // By which the real tool knows archives.
        symlink("/usr/share/mime", self.at("system/mime")).unwrap();
        let folder = self.at("");
        let folder = folder.to_str().unwrap().trim_end_matches('/');
        let fill = |text: &str| text.replace("$D", folder).replace("''", "");
        let answers = steps.iter().filter_map(|step| {
            let words: Vec<String> = step.split(' ').map(fill).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            match &words[..] {
                ["mkdir", folder] => {
                    fs::create_dir_all(folder).unwrap();
                    None
                }
                ["cp", from, to] => {
                    crate::copy(Path::new(from), Path::new(to));
                    None
                }
                words => {
                    let output = self.run(tool(), words);
                    Some((output.code, output.stdout, self.holds()))
                }
            }
        });
        answers.collect()
    }

    fn run(&self, mut command: Command, arguments: &[&str]) -> Output {
        let [local, system] = ["local", "system"].map(|name| self.at(name));
        let dirs = format!("{}:{}", local.display(), system.display());
        command
            .env("LC_ALL", "C.UTF-8")
            .env("QT_QPA_PLATFORM", "offscreen")
            .env("XDG_DATA_HOME", self.at("home"))
            .env("XDG_DATA_DIRS", dirs)
            .env("KEYWAY_PLUGIN_PATH", self.plugins.path())
            .current_dir(self.at(""))
            .args(arguments);
        run(&mut command)
    }

    /// The folders with metadata in the data folders.
    fn holds(&self) -> Vec<String> {
        fn look(folder: &Path, prefix: &str, found: &mut Vec<String>) {
            if folder.join("metadata.json").exists() {
                let text = fs::read_to_string(folder.join("metadata.json")).unwrap();
                let version = text.split(r#""Version": ""#).nth(1);
                let version = version.map_or("", |it| it.split('"').next().unwrap());
                found.push(format!("{prefix} {version}").trim().to_owned());
            }
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    let name = entry.file_name().into_string().unwrap();
                    look(&entry.path(), &format!("{prefix}/{name}"), found);
                }
            }
        }
        let mut found = Vec::new();
        for name in ["home", "local", "system", "rel"] {
            look(&self.at(name), name, &mut found);
        }
        found.sort();
        found
    }

    fn theirs(&self, steps: &[&str]) -> Vec<Answer> {
        self.take(steps, || Command::new("kpackagetool5"))
    }

    fn ours(&self, steps: &[&str]) -> Vec<Answer> {
        self.take(steps, || {
            let mut command = keyway_command();
            command.arg("kpackagetool");
            command
        })
    }
}

#[test]
fn the_same_steps_give_the_same() {
    if !is_comparable() {
        return;
    }
    let site = Site::new();
    let mut wrong = String::new();
    for steps in SAME_CHANGES {
        let steps = steps.replace("$P", PLASMOIDS);
        let steps: Vec<_> = steps.split("; ").collect();
        let (theirs, ours) = (site.theirs(&steps), site.ours(&steps));
        for ((theirs, ours), step) in theirs
            .iter()
            .zip(&ours)
            .zip(steps.iter().filter(|step| step.starts_with('-')))
        {
            if theirs != ours {
                wrong += &format!("{steps:?}: {step}:\n  theirs {theirs:?}\n  ours   {ours:?}\n");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_wanted_differences_of_changes_are_these() {
    if !is_comparable() {
        return;
    }
    let site = Site::new();
    let folder = site.at("");
    let folder = folder.to_str().unwrap().trim_end_matches('/');
    let last = |answers: Vec<Answer>| {
        let (code, stdout, mut packages) = answers.into_iter().next_back().unwrap();
        packages.retain(|package| !package.contains(CLOCK));
        (code, stdout.replace(folder, "$D"), packages.join(" "))
    };
    let mut wrong = String::new();
    for wanted in WANTED_CHANGES {
        let steps: Vec<_> = wanted.steps.split("; ").collect();
        let of = |(code, stdout, packages): (i32, &str, &[&str])| {
            (code, stdout.to_owned(), packages.join(" "))
        };
        let (theirs, ours) = (last(site.theirs(&steps)), last(site.ours(&steps)));
        if (&theirs, &ours) != (&of(wanted.theirs), &of(wanted.ours)) {
            wrong += &format!(
                "{:?}: {}\n  theirs {theirs:?}\n  ours   {ours:?}\n",
                wanted.steps, wanted.why
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
