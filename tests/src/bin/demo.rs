//! `cargo demo`: the main job, end to end, with real plugins and a real package.
//!
//! Builds the command, the example plugin and the first-party structures, spoils a copy of one, and
//! runs the commands that a person would type.

use std::path::Path;
use std::process::{Command, ExitCode};

use keyway_tests::command::keyway_program;
use keyway_tests::patch::{self, EM_AARCH64};
use keyway_tests::{PluginFolder, workspace};

const PLUGINS: [&str; 3] = [
    "mystructure",
    "keyway-structure-generic",
    "keyway-structure-plasma",
];
const SAMPLE: &str = "example-plugins/mystructure/package";

fn main() -> ExitCode {
    eprintln!(
        "building the command and {} plugins, which takes a few minutes the first time ...",
        PLUGINS.len()
    );
    let program = keyway_program();
    let plugins = PluginFolder::with(&PLUGINS);
    let spoiled = patch::machine(&keyway_tests::plugin("mystructure"), EM_AARCH64);
    plugins.write("built-for-aarch64.so", &spoiled);

    println!("# Three plugins lie in a folder, and a copy that was built for another machine.");
    println!("$ export KEYWAY_PLUGIN_PATH={}", plugins.path().display());
    let keyway = |arguments: &[&str]| run(&program, plugins.path(), arguments);
    let type_name = "MyApp/MyStructure";
    let done = [
        (
            "What is in the folder? Nothing of it is run.",
            keyway(&["plugins"]),
        ),
        ("Which package types do they define?", keyway(&["types"])),
        (
            "A package of the type that the example plugin defines:",
            keyway(&["show", "-t", type_name, SAMPLE]),
        ),
        (
            "Its files, resolved:",
            keyway(&["file", "-t", type_name, SAMPLE, "mainscript"]),
        ),
        (
            "",
            keyway(&["file", "-t", type_name, SAMPLE, "images", "wave.svg"]),
        ),
        (
            "The widgets of KDE Plasma that are installed here, if any:",
            keyway(&["list", "-t", "Plasma/Applet"]),
        ),
    ];
    for (heading, text) in done {
        match text {
            Ok(text) if heading.is_empty() => print!("{text}"),
            Ok(text) => print!("\n# {heading}\n{}", start(&text)),
            Err(text) => {
                eprintln!("{text}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// As many lines as fit a screen.
fn start(text: &str) -> String {
    const SHOWN: usize = 16;
    let lines: Vec<&str> = text.lines().collect();
    let mut start = lines[..lines.len().min(SHOWN)].join("\n");
    if lines.len() > SHOWN {
        start.push_str(&format!("\n... {} more lines", lines.len() - SHOWN));
    }
    start + "\n"
}

/// Runs the command and gives it with its output, as a terminal would show it.
fn run(program: &Path, plugins: &Path, arguments: &[&str]) -> Result<String, String> {
    let shown = format!("$ keyway {}\n", arguments.join(" "));
    let output = Command::new(program)
        .args(arguments)
        .env("KEYWAY_PLUGIN_PATH", plugins)
        .current_dir(workspace())
        .output();
    match output {
        Ok(output) if output.status.success() => {
            Ok(shown + &String::from_utf8_lossy(&output.stdout))
        }
        Ok(output) => Err(shown + &String::from_utf8_lossy(&output.stderr)),
        Err(error) => Err(format!("{shown}{error}")),
    }
}
