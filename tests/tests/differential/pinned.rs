//! Cases for differences that random ones seldom show.

use serde_json::{Value, json};

use crate::cases::Case;
use crate::tree::{Entry, ROOT, What};

/// `ui` and `images` are directories, `main` is a file that a package has to have.
fn structure() -> Value {
    json!({
        "default_root": "test/pkgs",
        "definitions": [
            {"kind": "directory", "key": "ui", "path": "ui"},
            {"kind": "directory", "key": "images", "path": "images"},
            {"kind": "file", "key": "main", "path": "ui/main.qml", "required": true},
        ],
    })
}

/// Files of the package `p`, unless their path names another.
fn case(tree: &[(&str, &str)], steps: Value) -> Case {
    let mut files = vec![("ui/main.qml", "")];
    files.extend(tree);
    let made = files.into_iter().map(|(path, text)| Entry {
        path: match path.split('/').next() {
            Some("home" | "system") => path.to_owned(),
            Some("metadata.json" | "metadata.desktop") => format!("home/test/pkgs/one/{path}"),
            _ => format!("home/test/pkgs/one/contents/{path}"),
        },
        what: match text.strip_prefix("-> ") {
            Some(target) => What::Link(target.to_owned()),
            None => What::File(text.to_owned()),
        },
    });
    Case {
        made: Some(structure()),
        real: String::new(),
        tree: made.collect(),
        paths: ["one", "two"].map(|name| format!("{ROOT}/home/test/pkgs/{name}")),
        steps: steps.as_array().cloned().unwrap_or_default(),
    }
}

pub(crate) fn pinned() -> Vec<Case> {
    let two = "home/test/pkgs/two/contents/ui/main.qml";
    let app = "home/plasma/plasmoids/app/contents/ui/main.qml";
    let applet = r#"{"X-Plasma-RootPath": "app"}"#;
    let hidden = r#"{"isHidden": true}"#;
    let hidden_applet = r#"{"isHidden": true, "X-Plasma-RootPath": "app"}"#;
    let mut passed_over = case(
        &[
            ("metadata.json", hidden),
            ("system/test/pkgs/one/contents/ui/main.qml", ""),
        ],
        json!([["path", "p"]]),
    );
    passed_over.paths[0] = "one".to_owned();
    let mut turned_hidden = case(
        &[("home/test/pkgs/two/metadata.json", hidden)],
        json!([
            ["set_path", "p", "$ROOT/home/test/pkgs/two"],
            ["metadata_value", "p", "isHidden"]
        ]),
    );
    turned_hidden.made = Some(json!({"definitions": []}));
    let mut winding = case(&[("a", "-> nowhere")], json!([["hash", "p", "md5"]]));
    winding.made = Some(json!({"prefixes": ["../one/contents/"], "definitions": []}));
    let several = case(
        &[
            ("metadata.json", "{}"),
            (
                "metadata.desktop",
                "[Desktop Entry]\nX-KDE-PluginInfo-Name=x\nX-KDE-ServiceTypes=$TYPE\n",
            ),
        ],
        json!([["list", "$TYPE", ""]]),
    );
    let mut found_before = case(
        &[("system/test/pkgs/one/contents/images/x", "")],
        json!([["path", "p"]]),
    );
    if let Some(Value::Object(structure)) = &mut found_before.made {
        structure["definitions"][1]["required"] = json!(true);
    }
    found_before.paths[0] = "one".to_owned();
    let mut found_after = found_before.clone();
    for entry in &mut found_after.tree {
        let (one, other) = (["ui/main.qml", "images/x"], ["images/x", "ui/main.qml"]);
        for (one, other) in one.iter().zip(other) {
            if let Some(place) = entry.path.strip_suffix(one) {
                entry.path = format!("{place}{other}");
                break;
            }
        }
    }
    let mut odd_name = case(&[], json!([["entry_list", "p", "images"]]));
    odd_name.tree.push(Entry {
        path: "home/test/pkgs/one/contents/images".to_owned(),
        what: What::OddName,
    });
    let mut own_fallback = case(
        &[
            ("home/plasma/shells/a/metadata.json", hidden),
            ("home/plasma/shells/b/contents/layout.js", ""),
        ],
        json!([
            ["set_fallback", "p", "q"],
            ["set_path", "p", "a"],
            ["fallback_path", "p"]
        ]),
    );
    own_fallback.made = None;
    own_fallback.real = "Plasma/Shell".to_owned();
    own_fallback.paths = ["a", "b"].map(str::to_owned);
    let mut shell = case(
        &[
            (
                "home/plasma/shells/a/metadata.json",
                r#"{"X-Plasma-FallbackPackage": "a"}"#,
            ),
            ("home/plasma/shells/a/contents/layout.js", ""),
        ],
        json!([]),
    );
    shell.made = None;
    shell.real = "Plasma/Shell".to_owned();
    shell.paths[0] = "a".to_owned();
    let mut climbing_shell = case(
        &[
            (
                "home/plasma/shells/a/metadata.json",
                r#"{"X-Plasma-FallbackPackage": "../shells/b"}"#,
            ),
            ("home/plasma/shells/b/contents/layout.js", ""),
        ],
        json!([
            ["fallback_path", "p"],
            ["file_path", "p", "defaultlayout", ""]
        ]),
    );
    climbing_shell.made = None;
    climbing_shell.real = "Plasma/Shell".to_owned();
    climbing_shell.paths[0] = "a".to_owned();
    let mut picture = case(
        &[],
        json!([["definition", "p", "screenshot"], ["prefixes", "p"]]),
    );
    picture.made = None;
    picture.real = "Wallpaper/Images".to_owned();
    picture.paths[0] = format!("{ROOT}/nowhere");
    vec![
        case(
            &[],
            json!([
                ["file_path", "p", "ui", "/main.qml"],
                ["file_path", "p", "ui", "../ui/main.qml"]
            ]),
        ),
        case(
            &[],
            json!([
                ["file_path", "p", "ui", "main.qml"],
                ["file_path", "p", "u", "imain.qml"]
            ]),
        ),
        case(
            &[],
            json!([
                ["set_required", "p", "images", true],
                ["is_valid", "p"],
                ["file_path", "p", "main", ""]
            ]),
        ),
        case(
            &[],
            json!([
                ["set_required", "p", "metadata", true],
                ["set_path", "p", "one"]
            ]),
        ),
        case(
            &[],
            json!([["set_required", "p", "images", true], ["hash", "p", "sha1"]]),
        ),
        case(
            &[("metadata.json", hidden_applet), (app, "")],
            json!([["file_path", "p", "ui", "main.qml"]]),
        ),
        case(
            &[
                ("metadata.json", applet),
                (app, ""),
                ("home/plasma/plasmoids/app/metadata.json", applet),
            ],
            json!([]),
        ),
        case(
            &[("metadata.json", r#"{"a":.5}"#)],
            json!([["metadata", "p"]]),
        ),
        case(
            &[("metadata.desktop", "[Desktop Entry]\nName=a\0b\n")],
            json!([["metadata", "p"]]),
        ),
        case(
            &[("ui/a", "-> /etc/hostname")],
            json!([["entry_list", "p", "ui"], ["hash", "p", "md5"]]),
        ),
        case(&[("ui/a", "-> nowhere")], json!([["hash", "p", "md5"]])),
        case(
            &[
                ("ui/a", "1"),
                ("ui/A", "2"),
                ("ui/B", "3"),
                ("ui/b", "4"),
                ("ui/c", "5"),
                ("ui/C", "6"),
                ("ui/D", "7"),
                ("ui/d", "8"),
            ],
            json!([["entry_list", "p", "ui"], ["hash", "p", "md5"]]),
        ),
        case(
            &[(two, "")],
            json!([
                ["set_fallback", "p", "q"],
                ["set_fallback", "q", "p"],
                ["fallback_path", "q"],
                ["file_path", "p", "ui", "x"]
            ]),
        ),
        passed_over,
        turned_hidden,
        winding,
        several,
        case(
            &[("home/test/pkgs/one/metadata.desktop/x", "")],
            json!([["remove_definition", "p", "metadata"], ["metadata", "p"]]),
        ),
        case(
            &[("metadata.desktop", "-> /etc/hostname")],
            json!([["metadata", "p"]]),
        ),
        odd_name,
        own_fallback,
        found_after,
        found_before,
        shell,
        climbing_shell,
        case(
            &[
                (
                    "metadata.json",
                    r#"{"X-Plasma-RootPath": "../plasmoids/app"}"#,
                ),
                (app, ""),
                ("home/plasma/plasmoids/app/contents/ui/x", ""),
            ],
            json!([["fallback_path", "p"], ["file_path", "p", "ui", "x"]]),
        ),
        picture,
    ]
}
