//! The real KPackage: the program `tests/cpp/ask_kpackage.cpp`, and kpackagetool5.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use keyway_tests::{kde, skipped};
use serde_json::Value;

/// The data folders that both sides look into: the user's, then the system's.
#[derive(Clone, Debug)]
pub(crate) struct Data {
    pub(crate) home: PathBuf,
    pub(crate) system: PathBuf,
}

impl Data {
    fn of(&self, command: &mut Command, locale: &str) {
        command
            .env("QT_QPA_PLATFORM", "offscreen")
            .env("QT_LOGGING_RULES", "*=false")
            .env("LC_ALL", locale)
            // Keys are looked at in the order of a hash table.
            .env("QT_HASH_SEED", "0")
            .env("XDG_DATA_HOME", &self.home)
            .env("XDG_DATA_DIRS", &self.system)
            .env_remove("LANGUAGE")
            .env_remove("PLASMA_PLATFORM");
    }
}

/// The folder of the built program, if it can be built and knows all types; else a line says what
/// is missing.
pub(crate) fn built(what: &str) -> Option<PathBuf> {
    let plugins = [
        ("plasma_applet", "plasma-framework"),
        ("plasma_shell", "plasma-workspace"),
        ("kwin_effect", "kwin-common"),
        ("plasma_comic", "plasma-dataengines-addons"),
        (
            "sensorface_packagestructure",
            "qml-module-org-kde-ksysguard",
        ),
    ];
    let folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("qt5/plugins/kpackage/packagestructure"))
        .collect();
    for (plugin, package) in plugins {
        let file = format!("{plugin}.so");
        if !folders.iter().any(|folder| folder.join(&file).exists()) {
            skipped(what, &format!("there is no {package}"));
            return None;
        }
    }
    kde::built(what)
}

/// What kpackagetool5 prints for these arguments, and its exit code unless it crashed.
pub(crate) fn tool(data: &Data, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new("kpackagetool5");
    data.of(&mut command, "C.UTF-8");
    let output = command.args(arguments).output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

/// Whether there is a kpackagetool5; else a line says so.
pub(crate) fn has_tool(what: &str) -> bool {
    let has = Command::new("kpackagetool5").arg("--version").output();
    if has.is_err() {
        skipped(what, "there is no kpackagetool5");
    }
    has.is_ok()
}

/// The program, which answers until KPackage crashes, and is then started anew.
pub(crate) struct KPackage {
    program: PathBuf,
    data: Data,
    locale: String,
    running: Option<Running>,
}

struct Running {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
    asked: usize,
}

impl KPackage {
    pub(crate) fn new(built: &Path, data: &Data, locale: &str) -> Self {
        Self {
            program: built.join("ask_kpackage"),
            data: data.clone(),
            locale: locale.to_owned(),
            running: None,
        }
    }

    fn start(&self) -> Running {
        // A crash is unbounded recursion: with little stack it comes soon. What hangs is ended when
        // it has worked for so many seconds.
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                "ulimit -c 0; ulimit -s 256; ulimit -t 10; exec \"$0\"",
            ])
            .arg(&self.program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        self.data.of(&mut command, &self.locale);
        let mut child = command.spawn().unwrap();
        Running {
            asks: child.stdin.take().unwrap(),
            answers: BufReader::new(child.stdout.take().unwrap()),
            asked: 0,
            child,
        }
    }

    /// The answers to the steps of a case, fewer if KPackage crashed.
    pub(crate) fn ask(&mut self, case: &Value) -> Vec<Value> {
        let steps = case["steps"].as_array().unwrap().len();
        let mut running = self.running.take().unwrap_or_else(|| self.start());
        running.asked += 1;
        writeln!(running.asks, "{case}").unwrap();
        let mut answers = Vec::new();
        for _ in 0..steps {
            let mut line = Vec::new();
            running.answers.read_until(b'\n', &mut line).unwrap();
            if line.last() != Some(&b'\n') {
                let status = running.child.wait().unwrap();
                assert!(!status.success(), "{status}: {case}");
                return answers;
            }
            let Value::Array(mut answer) = serde_json::from_str(&readable(&line)).unwrap() else {
                panic!("no answer: {line:?}");
            };
            answers.push(answer.remove(0));
        }
        self.running = Some(running);
        if self
            .running
            .as_ref()
            .is_some_and(|it| it.asked >= Self::CASES)
        {
            self.end();
        }
        answers
    }
}

/// JSON of Qt with U+FFFD for half characters. Qt keeps those, and escapes nothing else of its kind.
fn readable(line: &[u8]) -> String {
    let line = std::str::from_utf8(line).unwrap();
    let mut readable = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('\\') {
        let escape = &rest[at..];
        let is_half = escape.starts_with("\\ud") && matches!(escape.as_bytes()[3], b'8'..=b'f');
        let length = if is_half { 6 } else { 2 };
        readable.push_str(&rest[..at]);
        readable.push_str(if is_half {
            "\\ufffd"
        } else {
            &escape[..length]
        });
        rest = &escape[length..];
    }
    readable + rest
}

impl Drop for KPackage {
    fn drop(&mut self) {
        self.end();
    }
}

impl KPackage {
    /// As many cases as one process is asked, so that its seconds are enough.
    const CASES: usize = 500;

    fn end(&mut self) {
        if let Some(Running {
            asks, mut child, ..
        }) = self.running.take()
        {
            // Without more to answer it ends.
            drop(asks);
            let _ = child.wait();
        }
    }
}
