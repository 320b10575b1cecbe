//! What is refused, and that nothing is started then.

use std::fs;

use keyway_tests::threebots::ThreeBot;
use serde_json::{Value, json};

use crate::{CHILDREN, Place, added, done, marked, said, shell, the_one};

#[test]
fn what_cannot_be_started_is_refused_with_the_reason() {
    let home = Place::new();
    let _server = home.serve();
    let folder = ThreeBot::new("bad", "runs").put(home.at("packages/bad"));
    fs::write(folder.join("plain"), "no program").unwrap();
    let run = |name: &str, program: &str| json!({"run": name, "program": program});
    let with = |key: &str, value: Value| {
        let mut step = run("web", "sleep");
        step[key] = value;
        step
    };
    let names = "letters, digits, `_` and `-`, the first one a letter or a digit, 64 at most";
    let root = home.root().join("acme.bad");
    let data = home.data("acme.bad");
    let (root, data) = (root.display(), data.display());
    let long = "x".repeat(65);
    let cases: Vec<(Value, String)> = vec![
        (
            run("", "sleep"),
            format!("`` is no name of a process: {names}"),
        ),
        (
            run("a b", "sleep"),
            format!("`a b` is no name of a process: {names}"),
        ),
        (
            run("-a", "sleep"),
            format!("`-a` is no name of a process: {names}"),
        ),
        (
            run("../a", "sleep"),
            format!("`../a` is no name of a process: {names}"),
        ),
        (
            run(&long, "sleep"),
            format!("`{long}` is no name of a process: {names}"),
        ),
        (
            run("package", "sleep"),
            "a process is not called `package`: that log is the host's own".to_owned(),
        ),
        (run("web", ""), "the program is empty".to_owned()),
        (
            run("web", "no-such-program"),
            "there is no program `no-such-program` in the folders of PATH".to_owned(),
        ),
        (
            run("web", "/no/such/program"),
            "the program `/no/such/program`: No such file or directory (os error 2)".to_owned(),
        ),
        (
            run("web", "./missing"),
            format!("the program `{root}/./missing`: No such file or directory (os error 2)"),
        ),
        (
            run("web", "./plain"),
            format!("the program `{root}/./plain` may not be executed"),
        ),
        (
            run("web", "/usr"),
            "the program `/usr` is no file".to_owned(),
        ),
        (
            with("dir", json!("missing")),
            format!("the folder `{data}/missing`: No such file or directory (os error 2)"),
        ),
        (
            with("dir", json!("/etc/passwd")),
            "`/etc/passwd` is no folder".to_owned(),
        ),
        (
            with("args", json!(["a\0b"])),
            "an argument has a byte 0".to_owned(),
        ),
        (
            with("env", json!({"A=B": "c"})),
            "`A=B` is no variable that can be set".to_owned(),
        ),
        (
            with("env", json!({"": "c"})),
            "`` is no variable that can be set".to_owned(),
        ),
        (
            with("env", json!({"KEYWAY_PROCESS": "c"})),
            "`KEYWAY_PROCESS` is no variable that can be set".to_owned(),
        ),
        (
            with("env", json!({"A": "b\0c"})),
            "the value of a variable has a byte 0".to_owned(),
        ),
        (
            with("args", json!(vec!["x"; 4097])),
            "4097 arguments, at most 4096 are allowed".to_owned(),
        ),
        (
            with("args", json!([{"repeat": 1 << 20}])),
            "arguments and variables have 1048577 bytes, at most 1048576 are allowed".to_owned(),
        ),
        // As long as one argument may be is the system's to say.
        (
            with("args", json!([{"repeat": 200_000}])),
            "cannot be run: Argument list too long (os error 7)".to_owned(),
        ),
        (
            with("grace_ms", json!(300_001)),
            "a grace of 300001 ms, at most 300000 are allowed".to_owned(),
        ),
        (
            with("log_bytes", json!(100)),
            "the log is to be put aside at 100 bytes, allowed are 4096 to 1073741824".to_owned(),
        ),
        (json!({"stop": "never"}), "stopped: false".to_owned()),
        (json!({"status": "never"}), "no such process".to_owned()),
        (json!({"list": true}), String::new()),
    ];
    let steps: Vec<&Value> = cases.iter().map(|(step, _)| step).collect();
    // Too large for a command line.
    let kwargs = home.at("kwargs.json");
    fs::write(&kwargs, json!({"start": steps}).to_string()).unwrap();
    let at = format!("@{}", kwargs.display());
    let path = folder.to_str().unwrap();
    done(&home, &["add", "--path", path, "--kwargs", &at]);
    let said = said(&home, "bad");
    assert_eq!(said.len(), cases.len(), "{said:#?}");
    for (said, (step, expected)) in said.iter().zip(&cases) {
        let step: String = step.to_string().chars().take(100).collect();
        let is_so = said == expected || !expected.is_empty() && said.ends_with(expected);
        assert!(is_so, "{step}\n{said}\n{expected}");
    }
    let status = home.status("acme.bad");
    assert_eq!(status["processes"], json!([]), "nothing was started");
    assert_eq!(
        fs::read_dir(home.state().join("processes/acme.bad"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn what_runs_is_not_started_again() {
    let home = Place::new();
    let _server = home.serve();
    let web = shell(&home, "web", CHILDREN);
    added(&home, "twice", json!({"start": [web, web, {"list": true}]}));
    assert_eq!(
        said(&home, "twice"),
        ["runs", "the process `web` runs", "web"]
    );
    the_one(&home, "web");
}

#[test]
fn there_are_not_too_many() {
    let home = Place::new();
    let mut server = home.serve();
    let one = json!({"run": "more", "program": "sleep", "args": ["1000"]});
    added(
        &home,
        "many",
        json!({"start": [{"many": 64}, one, {"stop": "p7"}, one]}),
    );
    let too_many = "there are 64 processes already, which is as many as a package may have";
    assert_eq!(
        said(&home, "many"),
        ["64 run", too_many, "stopped: true", too_many]
    );
    assert_eq!(
        home.status("acme.many")["processes"]
            .as_array()
            .unwrap()
            .len(),
        64
    );
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_package_that_does_not_run_starts_nothing() {
    let home = Place::new();
    let server = home.serve();
    let web = shell(&home, "web", "exec sleep 1000");
    let go = home.at("go");
    let later = json!({"later": web, "when": go});
    added(&home, "late", json!({"start": [later]}));
    done(&home, &["stop", "acme.late"]);
    fs::write(&go, "").unwrap();
    keyway_tests::server::until("the thread", || said(&home, "late").len() == 2);
    assert_eq!(
        said(&home, "late")[1],
        "`acme.late` is neither started now nor does it run"
    );
    assert!(marked(&home, "web").is_empty());
    drop(server);
}
