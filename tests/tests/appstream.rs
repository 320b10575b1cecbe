//! AppStream metainfo of packages, beside the real kpackagetool5 and AppStream's own validator.
//!
//! They are the same, byte for byte, but for these, each on purpose:
//!
//! | kpackagetool5 | Keyway | why |
//! |---|---|---|
//! | a license that is none of KDE's old keywords is empty | it stays as it is | today's metadata have SPDX ids, which is what AppStream wants |
//! | no license is an empty element | no element | AppStream takes an empty one for a mistake |
//! | a developer without mail address is `Name <>` | `Name` | nothing is said by `<>` |
//! | a translation that is empty, or no text, is an empty element | no element | it would take the place of the text that is there |
//! | each key that holds `Name[x]` is a name, whatever stands around it, in any language `x` | only `Name[x]`, and only if `x` can be a language | a key `ShortName[de]` is no name, and validators refuse such languages |
//! | a carriage return is raw | a reference | a reader of XML takes a raw one for a line feed |
//! | no name, or one that is no text: a component without one | an error | AppStream wants a name and a summary, and the real tool itself refuses a missing description |
//! | a description for `C` alone counts, and is not written | it does not count | the same |
//! | metadata through a link that leaves the package | an error | files of a package lie inside it |
//! | an output file that cannot be written: exit 0; after an error an empty one | exit 1; no file is touched before there is something to write | a build should stop |

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use keyway_tests::command::{keyway_command, keyway_program, run};
use keyway_tests::{Output, PluginFolder, keyway, skipped, workspace};

/// Where packages of KDE lie, below `/usr/share`.
const ROOTS: [&str; 7] = [
    "aurorae",
    "kpackage",
    "ksysguard",
    "kwin",
    "plasma",
    "sddm",
    "wallpapers",
];

fn plugins() -> PluginFolder {
    PluginFolder::with(&["keyway-structure-plasma", "keyway-structure-generic"])
}

/// A package with these metadata.
fn package(metadata: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("metadata.json"), metadata).unwrap();
    folder
}

/// `keyway appstream` of a package with these metadata.
fn appstream(plugins: &PluginFolder, metadata: &str) -> Output {
    let package = package(metadata);
    keyway(
        plugins.path(),
        ["appstream".as_ref(), package.path().as_os_str()],
    )
}

fn theirs(package: &Path) -> Option<Output> {
    let mut command = Command::new("kpackagetool5");
    command
        .env("QT_QPA_PLATFORM", "offscreen")
        .env("LC_ALL", "C.UTF-8")
        .env("XDG_DATA_HOME", "/nonexistent")
        .env("XDG_DATA_DIRS", "/usr/share")
        .arg("--appstream-metainfo")
        .arg(package);
    if command.output().is_err() {
        skipped("the comparison with KPackage", "there is no kpackagetool5");
        return None;
    }
    Some(run(&mut command))
}

#[test]
fn what_is_no_component_is_an_error_and_nothing_is_written() {
    let plugins = PluginFolder::new();
    for (metadata, code, message) in [
        ("{", "metadata-malformed", "malformed JSON"),
        ("{}", "metadata-empty", "is an empty object"),
        (
            r#"{"KPlugin": {"Description": "D"}}"#,
            "text-missing",
            "have no `KPlugin.Name`: `",
        ),
        (
            r#"{"KPlugin": {"Name": 1, "Name[de]": "N", "Description": "D"}}"#,
            "text-missing",
            "Name`",
        ),
        (
            r#"{"KPlugin": {"Name": "N"}}"#,
            "text-missing",
            "have no `KPlugin.Description`: `",
        ),
        (
            r#"{"KPlugin": {"Name": "N", "Description": "."}}"#,
            "text-missing",
            "Description`",
        ),
        (
            r#"{"KPlugin": {"Name": "N", "Description[C]": "D"}}"#,
            "text-missing",
            "Description`",
        ),
    ] {
        let package = package(metadata);
        let file = package.path().join("out.xml");
        fs::write(&file, "before").unwrap();
        let arguments = ["--json", "appstream", "-o"].map(AsRef::as_ref);
        let paths = [file.as_os_str(), package.path().as_os_str()];
        let output = keyway(plugins.path(), arguments.into_iter().chain(paths));
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (1, ""),
            "{metadata}: {output:#?}"
        );
        let error = output.error();
        assert_eq!(error["code"], code, "{metadata}: {error}");
        assert!(
            error["message"].as_str().unwrap().contains(message),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), "before", "{metadata}");
    }
    let empty = tempfile::tempdir().unwrap();
    let output = keyway(
        plugins.path(),
        [
            "--json".as_ref(),
            "appstream".as_ref(),
            empty.path().as_os_str(),
        ],
    );
    assert_eq!(output.error()["code"], "metadata-missing");
    let output = keyway(plugins.path(), ["--json", "appstream", "nosuch"]);
    assert_eq!(output.error()["code"], "package-not-found");
    assert!(output.error()["hint"].as_str().unwrap().contains("-t TYPE"));
    let whole = package(r#"{"KPlugin": {"Id": "i", "Name": "N", "Description": "D"}}"#);
    let path = whole.path().to_str().unwrap();
    let output = keyway(
        plugins.path(),
        ["--json", "appstream", "-o", "/nosuch/out.xml", path],
    );
    assert_eq!(
        (output.code, output.error()["code"].as_str()),
        (1, Some("output"))
    );
}

#[test]
fn each_difference_is_as_it_is_written_down() {
    let plugins = plugins();
    let metadata = r#"{
        "X-KDE-ParentApp": "org.<x>.app",
        "KPlugin": {
            "Id": "org.kde.it\"&'", "Name": "It..", "Name[de]": "Es.", "Name[ar]": 7, "Name[fr]": ".",
            "ShortName[nl]": "no", "Name[nl]x": "no", "Name[]": "no", "Name[a]b]": "no", "Name[é]": "no",
            "Name[sr@latin]": "l", "Name[sr]": "c", "Name[pt_BR]": "b", "Name[x-test]": "xxItxx",
            "Description": "a\tb\r\nc \u0001\u001b\ufffe\u007f\u0085 <>&\"' 😀", "Icon": "i<",
            "Authors": [{"Name": "A", "Email": "a@b"}, {"Name": "B"}, {"Email": "c"}],
            "Website": "https://x.org/?a&b", "License": "GPL-2.0-or-later"
        }
    }"#;
    let output = appstream(&plugins, metadata);
    let expected = concat!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
        "<component type=\"addon\">\n",
        "    <id>org.kde.it&quot;&amp;'</id>\n",
        "    <extends>org.&lt;x&gt;.app</extends>\n",
        "    <name>It.</name>\n",
        "    <name xml:lang=\"de\">Es</name>\n",
        "    <name xml:lang=\"pt_BR\">b</name>\n",
        "    <name xml:lang=\"sr@latin\">l</name>\n",
        "    <name xml:lang=\"sr\">c</name>\n",
        "    <name xml:lang=\"x-test\">xxItxx</name>\n",
        "    <summary>a\tb&#xd;\nc \u{7f}\u{85} &lt;&gt;&amp;&quot;' 😀</summary>\n",
        "    <url type=\"homepage\">https://x.org/?a&amp;b</url>\n",
        "    <url type=\"donation\">https://www.kde.org/donate.php?app=org.kde.it&quot;&amp;'</url>\n",
        "    <developer_name>A &lt;a@b&gt;, B</developer_name>\n",
        "    <icon type=\"stock\">i&lt;</icon>\n",
        "    <project_license>GPL-2.0-or-later</project_license>\n",
        "    <metadata_license>CC0-1.0</metadata_license>\n",
        "</component>\n",
    );
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (0, expected),
        "{output:#?}"
    );

    // What is theirs and is not ours, line by line, and the other way round.
    let Some(theirs) = theirs(package(metadata).path()) else {
        return;
    };
    let lines = |text: &str| {
        text.split_terminator('\n')
            .map(str::to_owned)
            .collect::<BTreeSet<_>>()
    };
    let (theirs, ours) = (lines(&theirs.stdout), lines(expected));
    let less: Vec<&str> = theirs.difference(&ours).map(String::as_str).collect();
    let more: Vec<&str> = ours.difference(&theirs).map(String::as_str).collect();
    let expected_less = [
        "    <developer_name>A &lt;a@b&gt;, B &lt;&gt;</developer_name>",
        "    <name xml:lang=\"\">no</name>",
        "    <name xml:lang=\"a]b\">no</name>",
        "    <name xml:lang=\"ar\"></name>",
        "    <name xml:lang=\"fr\"></name>",
        "    <name xml:lang=\"nl\">no</name>",
        "    <name xml:lang=\"é\">no</name>",
        "    <project_license></project_license>",
        "    <summary>a\tb\r",
    ];
    let expected_more = [
        "    <developer_name>A &lt;a@b&gt;, B</developer_name>",
        "    <project_license>GPL-2.0-or-later</project_license>",
        "    <summary>a\tb&#xd;",
    ];
    assert_eq!(less, expected_less);
    assert_eq!(more, expected_more);
}

#[test]
fn what_is_not_for_users_has_no_component() {
    let plugins = PluginFolder::new();
    for value in ["true", "\"true\""] {
        let metadata = format!(r#"{{"NoDisplay": {value}, "KPlugin": {{"Id": "x"}}}}"#);
        let output = appstream(&plugins, &metadata);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (0, ""),
            "{output:#?}"
        );
        assert_eq!(
            output.stderr,
            "`x` has no component: its metadata say `NoDisplay`\n"
        );
    }
    for shown in [
        r#""NoDisplay": false"#,
        r#""NoDisplay": 1"#,
        r#""KPlugin.NoDisplay": true"#,
    ] {
        let texts = r#""KPlugin": {"Name": "N", "Description": "D", "NoDisplay": true}"#;
        let output = appstream(&plugins, &format!("{{{shown}, {texts}}}"));
        assert!(
            output.stdout.contains("<summary>D</summary>"),
            "{shown}: {output:#?}"
        );
    }
}

/// What packages extend is said by their metadata, else by the plugin that gives their type.
#[test]
fn what_it_extends_is_said_by_the_package_or_by_its_type() {
    let plugins = plugins();
    let extends = |plugins: &PluginFolder, metadata: &str, more: &[&str]| {
        let texts = r#""KPlugin": {"Name": "N", "Description": "D", "ServiceTypes": []}"#;
        let package = package(&format!("{{{metadata}{texts}}}"));
        let path = package.path().to_str().unwrap();
        let output = keyway(plugins.path(), [&["appstream", path], more].concat());
        assert_eq!(output.code, 0, "{output:#?}");
        let is_addon = output.stdout.contains("<component type=\"addon\">");
        let (_, rest) = output.stdout.split_once("<extends>").unzip();
        assert_eq!(is_addon, rest.is_some(), "{output:#?}");
        let parent = rest.and_then(|rest| rest.split('<').next());
        parent.map(str::to_owned)
    };
    let shell = Some("org.kde.plasmashell".to_owned());
    assert_eq!(extends(&plugins, "", &[]), None);
    assert_eq!(
        extends(&plugins, r#""KPackageStructure": "Foo/Bar","#, &[]),
        None
    );
    assert_eq!(
        extends(&plugins, r#""KPackageStructure": "Plasma/Comic","#, &[]),
        None
    );
    for name in [
        "Plasma/Applet",
        "Plasma/Shell",
        "Plasma/Theme",
        "Wallpaper/Images",
    ] {
        let metadata = format!(r#""KPackageStructure": "{name}","#);
        assert_eq!(extends(&plugins, &metadata, &[]), shell, "{name}");
        assert_eq!(
            extends(&PluginFolder::new(), &metadata, &[]),
            None,
            "{name}"
        );
    }
    let own = r#""X-KDE-ParentApp": "org.x", "KPackageStructure": "Plasma/Applet","#;
    assert_eq!(extends(&plugins, own, &[]), Some("org.x".to_owned()));
    // A package without type is of the one that is named.
    assert_eq!(extends(&plugins, "", &["-t", "Wallpaper/Images"]), shell);
    // One text in a plugin's metadata is for all its types.
    let example = PluginFolder::with(&["mystructure"]);
    let metadata = r#""KPackageStructure": "MyApp/MyStructure","#;
    assert_eq!(
        extends(&example, metadata, &[]),
        Some("org.kde.myapp".to_owned())
    );
    let sample = workspace().join("example-plugins/mystructure/package");
    let output = keyway(example.path(), ["appstream", sample.to_str().unwrap()]);
    assert!(
        output.stdout.contains("<extends>org.kde.myapp</extends>"),
        "{output:#?}"
    );
}

#[test]
fn a_package_is_named_and_its_component_goes_where_it_should() {
    let plugins = plugins();
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("plasma/plasmoids/org.example.it/");
    fs::create_dir_all(folder.join("contents/ui")).unwrap();
    fs::write(folder.join("contents/ui/main.qml"), "").unwrap();
    let metadata = r#"{"KPackageStructure": "Plasma/Applet",
        "KPlugin": {"Id": "org.example.it", "Name": "N", "Description": "D\u009b2J"}}"#;
    fs::write(folder.join("metadata.json"), metadata).unwrap();
    let command = |arguments: &[&str]| {
        let mut command = keyway_command();
        command
            .env("KEYWAY_PLUGIN_PATH", plugins.path())
            .env("XDG_DATA_HOME", data.path())
            .current_dir(data.path())
            .args(arguments);
        command
    };
    let named = ["appstream", "-t", "Plasma/Applet", "org.example.it"];
    let printed = run(&mut command(&named));
    assert!(
        printed.stdout.contains("<id>org.example.it</id>"),
        "{printed:#?}"
    );
    let by_path = run(&mut command(&[
        "appstream",
        "./plasma/plasmoids/org.example.it",
    ]));
    assert_eq!(by_path.stdout, printed.stdout);
    let json = run(&mut command(&[&["--json"], &named[..]].concat())).json();
    assert_eq!(json["metainfo"], printed.stdout.as_str());
    let output = run(&mut command(&[&named[..], &["-o", "out.xml"]].concat()));
    assert_eq!(
        (output.code, output.stdout.as_str(), output.stderr.as_str()),
        (0, "", "")
    );
    let written = fs::read_to_string(data.path().join("out.xml")).unwrap();
    assert_eq!(written, printed.stdout);

    // A terminal gets the same document, with nothing that it would obey.
    let typed = format!("{} {}", keyway_program().display(), named.join(" "));
    let mut on_terminal = Command::new("script");
    for (name, value) in command(&[]).get_envs() {
        on_terminal.env(name, value.unwrap_or_default());
    }
    on_terminal.args(["-qec", &typed, "/dev/null"]);
    if on_terminal.output().is_err() {
        skipped("metainfo on a terminal", "there is no script");
        return;
    }
    let shown = run(&mut on_terminal).stdout.replace("\r\n", "\n");
    assert_eq!(shown, printed.stdout.replace('\u{9b}', "&#x9b;"));
}

/// The real packages of this machine: folders with metadata.
fn real_packages() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = ROOTS
        .iter()
        .map(|root| Path::new("/usr/share").join(root))
        .collect();
    while let Some(folder) = folders.pop() {
        let is_package = ["metadata.json", "metadata.desktop"]
            .iter()
            .any(|name| folder.join(name).is_file());
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let below = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        folders.extend(below.map(|entry| entry.path()));
        if is_package {
            found.push(folder);
        }
    }
    found.sort();
    found
}

/// What our component is where theirs is this one: see the table above.
fn expected(theirs: &str, ours: &str) -> String {
    let theirs = theirs.replace(" &lt;&gt;", "");
    let empty = "    <project_license></project_license>\n";
    let own = ours
        .lines()
        .find(|line| line.starts_with("    <project_license>"));
    theirs.replace(
        empty,
        &own.map(|line| format!("{line}\n")).unwrap_or_default(),
    )
}

/// All real packages through both tools, and what comes out through AppStream's own validator.
#[test]
fn real_packages_have_the_same_valid_components() {
    let packages = real_packages();
    if packages.is_empty() {
        skipped("components of real packages", "there is no package of KDE");
        return;
    }
    let plugins = plugins();
    let written = tempfile::tempdir().unwrap();
    let (mut same, mut components, mut refused) = (0, Vec::new(), 0);
    for package in &packages {
        let Some(theirs) = theirs(package) else {
            return;
        };
        let path = package.to_str().unwrap();
        let ours = keyway(
            plugins.path(),
            ["kpackagetool", "--appstream-metainfo", path],
        );
        let seen = format!("{path}: {theirs:#?} {ours:#?}");
        assert_eq!(ours.code, theirs.code, "{seen}");
        assert_eq!(
            ours.stdout,
            expected(&theirs.stdout, &ours.stdout),
            "{seen}"
        );
        same += usize::from(ours.stdout == theirs.stdout);
        refused += usize::from(ours.code == 10);
        if let Some((_, rest)) = ours.stdout.split_once("<id>") {
            assert_eq!(ours.stderr, "", "{seen}");
            let (id, _) = rest.split_once('<').unwrap();
            // Two packages may have one id.
            let folder = written.path().join(components.len().to_string());
            fs::create_dir(&folder).unwrap();
            let file = folder.join(format!("{id}.metainfo.xml"));
            fs::write(&file, &ours.stdout).unwrap();
            components.push(file);
        }
    }
    assert!(
        components.len() >= 60 && refused >= 5,
        "{} {refused}",
        components.len()
    );
    assert!(same + 10 >= packages.len(), "{same} of {}", packages.len());
    let mut fine = 0;
    for component in &components {
        let Some(complaints) = complaints(component) else {
            return;
        };
        // Some ids and addresses were not made for AppStream, and are what the packages say.
        let theirs = ["cid-is-not-rdns", "web-url-expected"];
        let others = complaints
            .iter()
            .filter(|tag| !theirs.contains(&tag.as_str()));
        assert_eq!(others.count(), 0, "{component:?}: {complaints:?}");
        fine += usize::from(complaints.is_empty());
    }
    assert!(fine >= 50, "{fine} of {}", components.len());
}

#[test]
fn what_xml_cannot_hold_does_not_get_into_it() {
    let plugins = PluginFolder::new();
    let odd: String = ('\0'..='\u{ff}')
        .chain("\u{fffe}\u{ffff}\u{202e}😀]]>".chars())
        .collect();
    let odd = serde_json::json!(odd);
    let metadata = format!(
        r#"{{"X-KDE-ParentApp": {odd}, "KPlugin": {{"Id": "org.example.odd", "Name": {odd},
            "Name[de]": {odd}, "Description": {odd}, "Website": {odd}, "Icon": {odd},
            "License": {odd}, "Authors": [{{"Name": {odd}, "Email": {odd}}}]}}}}"#
    );
    let output = appstream(&plugins, &metadata);
    assert_eq!(output.code, 0, "{output:#?}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("org.example.odd.metainfo.xml");
    fs::write(&file, &output.stdout).unwrap();
    let Some(found) = complaints(&file) else {
        return;
    };
    assert!(
        found.contains(&"spdx-license-unknown".to_owned()),
        "{found:?}"
    );
    assert!(
        !found.contains(&"xml-markup-invalid".to_owned()),
        "{found:?}"
    );
    // As it does find what is no XML.
    fs::write(&file, output.stdout.replace("&lt;", "<")).unwrap();
    assert_eq!(complaints(&file).unwrap(), ["xml-markup-invalid"]);
}

/// The tags of what AppStream's validator calls errors and warnings, or says why it is not asked.
fn complaints(component: &Path) -> Option<Vec<String>> {
    let mut command = Command::new("appstreamcli");
    command
        .args(["validate", "--no-net", "--no-color"])
        .arg(component);
    if command.output().is_err() {
        skipped(
            "components before AppStream's validator",
            "there is no appstreamcli",
        );
        return None;
    }
    let output = run(&mut command);
    // `E: id:line: tag what`
    let lines = output.stdout.lines().map(str::trim_start);
    let lines = lines.filter(|line| line.starts_with("E: ") || line.starts_with("W: "));
    let tags = lines.map(|line| line.split_whitespace().nth(2).unwrap().to_owned());
    let tags: Vec<String> = tags.collect();
    assert_eq!(tags.is_empty(), output.code == 0, "{output:#?}");
    Some(tags)
}
