//! The example package, as the documents say: built, packed and added by one command.

use std::fs;
use std::process::Command;

use keyway_tests::command::{keyway_program, run};
use keyway_tests::server::Home;
use keyway_tests::workspace;
use serde_json::json;

#[test]
fn the_example_is_built_packed_and_added_by_one_command() {
    // What is documented is what is run here.
    let documented = "example-plugins/hello/add --set greeting=Hi";
    let readme = fs::read_to_string(workspace().join("README.md")).unwrap();
    assert!(
        readme.contains(&format!("$ {documented} ")),
        "not in README.md"
    );
    let home = Home::new();
    let server = home.serve();
    let target = workspace().join("target/example-hello");
    let mut words = documented.split(' ');
    let mut command = Command::new(workspace().join(words.next().unwrap()));
    command.args(words).arg("--json").current_dir(workspace());
    let as_we_do = home.command();
    let ours = as_we_do.get_envs().filter(|(name, _)| {
        let name = name.to_string_lossy();
        name.starts_with("XDG_") || name.starts_with("KEYWAY_")
    });
    command
        .envs(ours.filter_map(|(name, value)| Some((name, value?))))
        .env("KEYWAY", keyway_program())
        .env("CARGO_TARGET_DIR", &target)
        // It is not run for its speed here.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_LTO", "off");
    for (name, _) in std::env::vars_os() {
        let own = name.as_encoded_bytes();
        if own.starts_with(b"CARGO_PKG_") || own.starts_with(b"CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    let output = run(&mut command);
    assert_eq!(output.code, 0, "{output:#?}");
    let answer = output.json();
    assert_eq!(answer["package"]["running"], true, "{answer}");
    assert_eq!(answer["package"]["lifecycle"]["type"], "Example/Hello");
    let hooks = ["prepare", "install", "start"].map(|it| format!("{it} {{\"greeting\":\"Hi\"}}"));
    assert_eq!(home.hooks("example.hello"), hooks);
    // It is an archive that anybody else can add, too.
    let archive = target.join("release/libhello.tar.gz");
    assert!(
        output.stderr.contains(archive.to_str().unwrap()),
        "{output:#?}"
    );
    let again = home.package(&["add", "--path", archive.to_str().unwrap()]);
    assert_eq!(again.json()["outcome"], json!("already"));
    drop(server);
}
