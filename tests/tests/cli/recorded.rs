//! `keyway package` where no server runs.

use keyway_tests::command::{keyway_command, run};
use keyway_tests::threebots::ThreeBot;
use keyway_tests::{Output, PluginFolder};
use serde_json::json;
use tempfile::TempDir;

struct Place {
    folder: TempDir,
    plugins: PluginFolder,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plugins = PluginFolder::with(&["keyway-structure-threebot"]);
        let _ = ThreeBot {
            name: "bare",
            version: "1.0.0",
            plugin: None,
            toml: "",
        }
        .put(folder.path().join("bare"));
        Self { folder, plugins }
    }

    fn package(&self, arguments: &[&str]) -> Output {
        run(keyway_command()
            .current_dir(self.folder.path())
            .env("KEYWAY_PLUGIN_PATH", self.plugins.path())
            .env("XDG_DATA_HOME", self.folder.path().join("share"))
            .args(["package", "--state-dir", "state", "--json"])
            .args(arguments))
    }
}

#[test]
fn arguments_too_deep_to_be_read_again_are_not_written_down() {
    let place = Place::new();
    let keys = |depth| format!("{}=1", vec!["a"; depth].join("."));
    let objects = |depth| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    let add = |what: [&str; 2]| place.package(&["add", "--path", "bare", what[0], what[1]]);
    for (depth, code) in [(65, 2), (50_000, 2)] {
        let output = add(["--set", &keys(depth)]);
        assert_eq!(output.code, code, "{output:#?}");
        assert_eq!(output.error()["code"], "usage");
    }
    for depth in [65, 124] {
        let output = add(["--kwargs", &objects(depth)]);
        assert_eq!(output.code, 1, "{output:#?}");
        let error = output.error();
        assert_eq!(error["code"], "bad-request");
        assert_eq!(
            error["message"],
            "the arguments are nested deeper than 64 levels"
        );
    }
    assert_eq!(place.package(&["list"]).json(), json!([]));

    assert_eq!(add(["--kwargs", &objects(64)]).code, 0);
    let listed = place.package(&["list"]);
    assert_eq!(listed.json()[0]["name"], "acme.bare", "{listed:#?}");
}

#[test]
fn settings_go_over_what_was_only_recorded() {
    let place = Place::new();
    let output = place.package(&["add", "--path", "bare", "--set", "a=1", "--set", "b.c=2"]);
    assert_eq!(output.code, 0, "{output:#?}");
    for setting in ["b.d=3", "a=4"] {
        let output = place.package(&["reconfigure", "acme.bare", "--set", setting]);
        assert_eq!(output.code, 0, "{output:#?}");
    }
    let given = |output: &Output| output.json()["given_kwargs"].clone();
    let status = place.package(&["status", "acme.bare"]);
    assert_eq!(given(&status), json!({"a": 4, "b": {"c": 2, "d": 3}}));

    let kwargs = ["reconfigure", "acme.bare", "--kwargs", "{}"];
    assert_eq!(place.package(&kwargs).code, 0);
    assert_eq!(given(&place.package(&["status", "acme.bare"])), json!({}));
}
