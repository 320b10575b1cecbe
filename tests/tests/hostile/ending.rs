//! Plugins that end the process: no loader inside the process can hold them. They hit the process
//! that uses their type, and nobody who asks for another one.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use keyway_tests::command::{keyway_command, run};
use keyway_tests::{Output, c, plugin};

use crate::beside::Beside;

const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
const SIGSEGV: i32 = 11;

/// How the process of somebody who uses the type ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Signal(i32),
    Exit(i32),
    /// Not by itself.
    Never,
}

/// In C, made on the fly: the defect and what makes it.
const IN_C: [(&str, &str, End); 7] = [
    (
        "segfault-in-constructor",
        "-DCONSTRUCTOR=crash()",
        End::Signal(SIGSEGV),
    ),
    (
        "abort-in-constructor",
        "-DCONSTRUCTOR=abort()",
        End::Signal(SIGABRT),
    ),
    ("exit-in-constructor", "-DCONSTRUCTOR=exit(7)", End::Exit(7)),
    (
        "hang-in-constructor",
        "-DCONSTRUCTOR=for (;;) pause()",
        End::Never,
    ),
    ("abort", "-DINIT=abort()", End::Signal(SIGABRT)),
    ("exit", "-DINIT=exit(7)", End::Exit(7)),
    (
        "crash",
        "-DINIT=crash(); return KEYWAY_OK",
        End::Signal(SIGSEGV),
    ),
];

/// In Rust: the crate and its type.
const IN_RUST: [(&str, &str, End); 2] = [
    (
        "overflows-the-stack",
        "Overflows/Stack",
        End::Signal(SIGABRT),
    ),
    (
        "panics-in-a-thread-local",
        "Panics/ThreadLocal",
        End::Signal(SIGABRT),
    ),
];

fn command(beside: &Beside, cache: &std::path::Path, arguments: &[&str]) -> Command {
    let mut command = keyway_command();
    command
        .env("KEYWAY_PLUGIN_PATH", beside.folder.path())
        .env("XDG_CACHE_HOME", cache)
        .env("XDG_STATE_HOME", cache)
        .args(arguments);
    command
}

/// Runs the command until it ends or the deadline kills it.
fn end(mut command: Command, deadline: Duration) -> (ExitStatus, bool) {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while start.elapsed() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return (status, false);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    (child.wait().unwrap(), true)
}

#[test]
fn who_uses_another_type_is_not_hit() {
    let beside = Beside::new();
    let mut hostile: Vec<(String, End)> = Vec::new();
    for (package, type_name, end) in IN_RUST {
        beside.folder.copy(&plugin(package));
        hostile.push((type_name.to_owned(), end));
    }
    if let Some(compiler) = c::compiler("plugins in C that end the process") {
        for (defect, define, end) in IN_C {
            beside.compile(compiler, defect, &[define]);
            hostile.push((crate::beside::type_name(defect), end));
        }
    }
    let (before, good) = survivors(&beside, hostile.len() + 1);

    for (type_name, expected) in &hostile {
        // What one process leaves behind is not for the next one.
        let cache = tempfile::tempdir().unwrap();
        let deadline = match expected {
            End::Never => Duration::from_secs(2),
            _ => Duration::from_secs(60),
        };
        let asking = command(&beside, cache.path(), &["list", "-t", type_name]);
        let (status, killed) = end(asking, deadline);
        let found = match (killed, status.code(), status.signal()) {
            (true, None, Some(SIGKILL)) => End::Never,
            (false, Some(code), _) => End::Exit(code),
            (false, _, Some(signal)) => End::Signal(signal),
            other => panic!("{type_name}: {other:?}"),
        };
        assert_eq!(found, *expected, "{type_name}");
    }

    let (after, still_good) = survivors(&beside, hostile.len() + 1);
    assert_eq!((after, still_good), (before, good));
}

/// What is told of all types, and what the good one answers.
fn survivors(beside: &Beside, types: usize) -> (String, String) {
    let cache = tempfile::tempdir().unwrap();
    let ask = |arguments: &[&str]| -> Output {
        let output = run(&mut command(beside, cache.path(), arguments));
        assert_eq!(output.code, 0, "{arguments:?}: {output:#?}");
        output
    };
    let plugins = ask(&["plugins", "--all", "--json"]);
    for plugin in plugins.json().as_array().unwrap() {
        assert_eq!(plugin["status"], "ok", "{plugin}");
    }
    let listed = ask(&["types", "--json"]);
    assert_eq!(listed.json().as_array().unwrap().len(), types);
    ask(&["types"]);
    ask(&["plugins"]);
    ask(&["list", "-t", "MyApp/MyStructure"]);
    let package = keyway_tests::workspace().join("example-plugins/mystructure/package");
    let package = package.to_str().unwrap();
    let shown = ask(&["--json", "show", "-t", "MyApp/MyStructure", package]);
    (plugins.stdout, shown.stdout)
}
