//! Listing and finding installed packages, as a user and as a fresh process.

#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use keyway_tests::command::{keyway_command, keyway_program, run};
use keyway_tests::{Output, PluginFolder, skipped};
use tempfile::TempDir;

const TYPE: &str = "MyApp/MyStructure";

/// The example plugin, packages of its type, and a cache.
struct Place {
    plugins: PluginFolder,
    folder: TempDir,
}

impl Place {
    fn new(count: usize) -> Self {
        let place = Self {
            plugins: PluginFolder::with(&["mystructure"]),
            folder: tempfile::tempdir().unwrap(),
        };
        for number in 0..count {
            place.add(&format!("p{number:04}"), "Nothing", "Nichts");
        }
        place
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("data/myapp/packages")
    }

    fn add(&self, id: &str, name: &str, german: &str) {
        let package = self.root().join(id);
        fs::create_dir_all(package.join("contents/scripts")).unwrap();
        fs::create_dir_all(package.join("contents/images")).unwrap();
        fs::write(package.join("contents/scripts/main.js"), "").unwrap();
        let metadata = serde_json::json!({
            "KPackageStructure": TYPE,
            "KPlugin": {"Id": id, "Name": name, "Name[de]": german, "Version": "1"},
        });
        fs::write(package.join("metadata.json"), metadata.to_string()).unwrap();
    }

    fn set_up(&self, command: &mut Command) {
        command
            .env("KEYWAY_PLUGIN_PATH", self.plugins.path())
            .env("XDG_DATA_HOME", self.folder.path().join("data"))
            .env("XDG_CACHE_HOME", self.folder.path().join("cache"));
    }

    fn keyway(&self, arguments: &[&str]) -> Output {
        let mut command = keyway_command();
        self.set_up(&mut command);
        run(command.args(arguments))
    }

    /// How often a listing opens metadata files and folders of packages.
    fn opened(&self) -> Option<(usize, usize)> {
        let trace = self.folder.path().join("trace");
        let mut command = Command::new("strace");
        command
            .args(["-f", "-qq", "-e", "trace=open,openat", "-o"])
            .arg(&trace)
            .arg(keyway_program())
            .args(["list", "-t", TYPE]);
        command.env("HOME", "/nonexistent");
        self.set_up(&mut command);
        if command.output().is_err() {
            skipped("what a listing opens", "there is no strace");
            return None;
        }
        let text = fs::read_to_string(&trace).unwrap();
        let lines = || text.lines().filter(|line| line.contains("\"p0"));
        let files = lines().filter(|line| line.contains("/metadata."));
        Some((files.count(), lines().count()))
    }
}

fn ids(output: &Output) -> Vec<String> {
    let json = output.json();
    let packages = json.as_array().unwrap().iter();
    packages
        .map(|package| package["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_is_not_found_exits_with_1_and_nothing_to_find_with_2() {
    let place = Place::new(2);
    let output = place.keyway(&["find", "-t", TYPE, "nosuch"]);
    assert_eq!((output.code, &*output.stderr), (1, ""), "{output:#?}");
    let output = place.keyway(&["find", "-t", TYPE, "--json", "nothing", "nosuch"]);
    assert_eq!((output.code, &*output.stdout), (1, "[]\n"), "{output:#?}");
    let output = place.keyway(&["find", "-t", TYPE]);
    assert_eq!(output.code, 2, "{output:#?}");
    let output = place.keyway(&["find", "-t", "No/Such", "x", "--json"]);
    assert_eq!(output.code, 1);
    assert_eq!(output.error()["code"], "unknown-type");
}

#[test]
fn packages_are_found_by_words_in_any_language() {
    let place = Place::new(2);
    place.add("org.example.clock", "Analog Clock", "Zeigeruhr");
    for words in [&["CLOCK"][..], &["zeiger", "example"], &["analog clock"]] {
        let mut arguments = vec!["find", "-t", TYPE, "--json"];
        arguments.extend(words);
        let output = place.keyway(&arguments);
        assert_eq!(output.code, 0, "{output:#?}");
        assert_eq!(ids(&output), ["org.example.clock"]);
        assert_eq!(output.json()[0]["valid"], true);
    }
    let root = place.root();
    let arguments = ["find", "-t", TYPE, "-g", "--json", "clock"];
    assert_eq!(place.keyway(&arguments).stdout, "[]\n");
    let arguments = [&arguments[..], &["-p", root.to_str().unwrap()]].concat();
    assert_eq!(ids(&place.keyway(&arguments)).len(), 1);
}

#[test]
fn people_get_names_in_their_language_and_programs_do_not() {
    let place = Place::new(1);
    let list = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = keyway_command();
        place.set_up(&mut command);
        command.args(["list", "-t", TYPE]).args(arguments);
        command.envs(variables.iter().copied());
        run(&mut command).stdout
    };
    let german = [("LANG", "fr_FR.UTF-8"), ("LC_MESSAGES", "de_AT.UTF-8")];
    assert!(list(&german, &[]).contains("p0000  Nichts  1"));
    assert!(list(&german, &["--json"]).contains("Nothing"));
    let none = [("LC_ALL", "C"), ("LC_MESSAGES", "de_AT.UTF-8")];
    for variables in [&none[..], &[], &german[..1]] {
        assert!(list(variables, &[]).contains("p0000  Nothing  1"));
    }
}

/// With validity: cold each metadata file is opened once, and then, as long as nothing changes,
/// neither a file nor a folder.
#[test]
fn a_fresh_process_opens_what_has_changed_and_no_more() {
    let place = Place::new(40);
    // Until it is old enough to be kept.
    std::thread::sleep(Duration::from_millis(2100));
    let Some((files, all)) = place.opened() else {
        return;
    };
    assert_eq!(files, 40);
    // The folder itself, `contents` and the two in it.
    assert_eq!(all, 40 * 5);
    let before = place.keyway(&["list", "-t", TYPE, "--json"]).stdout;
    assert_eq!(place.opened(), Some((0, 0)));
    assert_eq!(place.keyway(&["list", "-t", TYPE, "--json"]).stdout, before);

    fs::remove_file(place.root().join("p0007/contents/scripts/main.js")).unwrap();
    place.add("p0009", "Another", "Anders");
    let listed = place.keyway(&["list", "-t", TYPE, "--json"]).json();
    assert_eq!(
        (&listed[7]["valid"], &listed[8]["valid"]),
        (&false.into(), &true.into())
    );
    assert_eq!(listed[9]["name"], "Another");
    // They change too lately to be kept, so they are read until they have settled.
    assert_eq!(place.opened(), Some((1, 2)));
    std::thread::sleep(Duration::from_millis(2100));
    assert_eq!(place.opened(), Some((1, 2)));
    assert_eq!(place.opened(), Some((0, 0)));
}

/// A plugin that is replaced may want other things of the same packages.
#[test]
fn verdicts_are_those_of_the_very_plugin() {
    let place = Place::new(40);
    let valid = || {
        let listed = place.keyway(&["list", "-t", TYPE, "--json"]).json();
        let packages = listed.as_array().unwrap().iter();
        packages.filter(|it| it["valid"] == true).count()
    };
    std::thread::sleep(Duration::from_millis(2100));
    assert_eq!((valid(), valid()), (40, 40));

    let plugin = fs::read_dir(place.plugins.path()).unwrap().next();
    let plugin = plugin.unwrap().unwrap().path();
    let mut bytes = fs::read(&plugin).unwrap();
    let (wanted, other) = (b"scripts/main.js", b"scripts/none.js");
    while let Some(at) = bytes.windows(wanted.len()).position(|it| it == wanted) {
        bytes[at..at + wanted.len()].copy_from_slice(other);
    }
    fs::remove_file(&plugin).unwrap();
    fs::write(&plugin, bytes).unwrap();
    for _ in 0..2 {
        assert_eq!(valid(), 0);
        std::thread::sleep(Duration::from_millis(2100));
    }
    assert_eq!((valid(), valid()), (0, 0));
}

/// What a terminal shows on stderr while the command runs.
fn on_a_terminal(place: &Place, arguments: &str) -> Option<String> {
    let mut command = Command::new("script");
    let program = keyway_program();
    let shell = format!("{} {arguments} > /dev/null", program.to_str().unwrap());
    command.args(["-qec", &shell, "/dev/null"]);
    command.env("HOME", "/nonexistent");
    place.set_up(&mut command);
    let Ok(output) = command.output() else {
        skipped("the progress of listings", "there is no script");
        return None;
    };
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_long_listing_tells_how_far_it_is_on_a_terminal() {
    const COUNT: usize = 200;
    let place = Place::new(1);
    place.plugins.copy(&keyway_tests::plugin("dawdles"));
    for number in 0..COUNT {
        let package = place
            .folder
            .path()
            .join(format!("data/slow/packages/p{number}"));
        fs::create_dir_all(&package).unwrap();
        let metadata =
            format!(r#"{{"KPlugin": {{"Id": "p{number}"}}, "KPackageStructure": "Slow/Package"}}"#);
        fs::write(package.join("metadata.json"), metadata).unwrap();
    }
    let Some(text) = on_a_terminal(&place, "list -t MyApp/MyStructure") else {
        return;
    };
    assert_eq!(text, "", "a short listing says nothing");
    let output = place.keyway(&["list", "-t", "Slow/Package"]);
    assert_eq!(output.stderr, "", "no terminal");

    // What was found out is found out again.
    let _ = fs::remove_dir_all(place.folder.path().join("cache"));
    let text = on_a_terminal(&place, "list -t Slow/Package").unwrap();
    // Each look takes 20 ms, and at most four threads look.
    let shown: Vec<&str> = text.split("\r\x1b[2K").map(str::trim_end).collect();
    assert_eq!(shown.last().copied(), Some(""), "{text}");
    let checked: Vec<usize> = shown
        .iter()
        .filter_map(|line| {
            line.strip_prefix("200 packages, ")?
                .strip_suffix(" checked")
        })
        .map(|checked| checked.parse().unwrap())
        .collect();
    assert!(!checked.is_empty(), "{text}");
    assert!(
        checked.is_sorted() && checked.iter().all(|it| *it <= COUNT),
        "{text}"
    );
}

/// The real plasmoids: the same with what is kept and without, and beside `-p`.
#[test]
fn real_plasmoids_are_listed_alike_from_the_cache() {
    const PLASMOIDS: &str = "/usr/share/plasma/plasmoids";
    if !Path::new(PLASMOIDS).exists() {
        skipped("the listing of real plasmoids", "there are none");
        return;
    }
    let plugins = PluginFolder::with(&["keyway-structure-plasma"]);
    let cache = tempfile::tempdir().unwrap();
    std::thread::sleep(Duration::from_millis(2100));
    let list = |cache: &Path| {
        let mut command = keyway_command();
        command
            .env("KEYWAY_PLUGIN_PATH", plugins.path())
            .env("XDG_CACHE_HOME", cache)
            .args(["list", "-t", "Plasma/Applet", "--json", "-p", PLASMOIDS]);
        run(&mut command).stdout
    };
    let cold = list(cache.path());
    assert!(cold.len() > 1000);
    for _ in 0..2 {
        assert_eq!(list(cache.path()), cold);
    }
    assert_eq!(list(Path::new("/proc/nonexistent")), cold);
}
