//! `kill -9` of the server while a hook runs.

use std::fs;

use keyway_tests::server::{Home, Running, Server, touch, until};
use keyway_tests::threebots::ThreeBot;
use serde_json::{Value, json};

use crate::{add, assert_unharmed, bystander, done, misbehaving, refused, text};

/// A hook in which the server is killed.
struct Case {
    hook: &'static str,
    /// What is asked for then.
    asked: &'static str,
    /// The hook that is told to have been interrupted.
    told: &'static str,
    /// The ends of hooks after a retry, in order.
    after: &'static [&'static str],
    /// The status afterwards, and whether it runs; `None` for a package that is gone.
    ends: Option<(&'static str, bool)>,
}

const CASES: [Case; 7] = [
    Case {
        hook: "new",
        asked: "add",
        told: "prepare",
        after: &["new", "prepare", "install", "start"],
        ends: Some(("installed", true)),
    },
    Case {
        hook: "prepare",
        asked: "add",
        told: "prepare",
        after: &["new", "prepare", "install", "start"],
        ends: Some(("installed", true)),
    },
    Case {
        hook: "install",
        asked: "add",
        told: "install",
        after: &["new", "install", "start"],
        ends: Some(("installed", true)),
    },
    Case {
        hook: "start",
        asked: "add",
        told: "start",
        after: &["new", "start"],
        ends: Some(("installed", true)),
    },
    // It ran in a process that is gone: there is nothing left to be stopped.
    Case {
        hook: "stop",
        asked: "stop",
        told: "stop",
        after: &[],
        ends: Some(("tostart", false)),
    },
    Case {
        hook: "upgrade",
        asked: "upgrade",
        told: "upgrade",
        after: &["new", "upgrade", "start"],
        ends: Some(("installed", true)),
    },
    Case {
        hook: "uninstall",
        asked: "delete",
        told: "uninstall",
        after: &["new", "uninstall", "drop"],
        ends: None,
    },
];

impl Case {
    fn name(&self) -> String {
        format!("acme.{}", self.hook)
    }

    /// Asks for what runs the hook.
    fn ask(&self, home: &Home) -> Running {
        let go = home.at("go");
        let kwargs = json!({self.hook: format!("wait-for {}", go.display())}).to_string();
        let folder = misbehaving(home, self.hook);
        if self.asked == "add" {
            return home.asks(&["add", "--path", &folder, "--kwargs", &kwargs]);
        }
        done(home, &["add", "--path", &folder, "--kwargs", &kwargs]);
        let name = self.name();
        fs::write(home.root().join(&name).join("old-file"), "").unwrap();
        match self.asked {
            "upgrade" => {
                let two = ThreeBot {
                    version: "2.0.0",
                    ..ThreeBot::new(self.hook, "misbehaves")
                };
                let two = two.put(home.at("packages/two"));
                fs::write(two.join("new-file"), "").unwrap();
                home.asks(&["add", "--path", &text(&two)])
            }
            asked => home.asks(&[asked, &name]),
        }
    }

    fn has_begun(&self, home: &Home) -> bool {
        let hooks = home.hooks(&self.name());
        hooks
            .last()
            .is_some_and(|it| *it == format!("{} begins", self.hook))
    }

    /// What is there before anybody retries.
    fn assert_interrupted(&self, home: &Home) {
        let name = self.name();
        let status = home.status(&name);
        let error = &status["last_error"];
        assert_eq!(status["status"], "error", "{status}");
        assert_eq!(status["running"], false, "{status}");
        assert_eq!(error["interrupted"], true, "{status}");
        assert_eq!(error["code"], "interrupted", "{status}");
        assert_eq!(error["hook"], self.told, "{status}");
        assert_eq!(status["pending"][0]["steps"][0], self.told, "{status}");
        assert_eq!(status["version"], "1.0.0", "{status}");
        // Its data and its files are there, and those of an upgrade are the old ones.
        assert!(self.has_begun(home), "{:?}", home.hooks(&name));
        let folder = home.root().join(&name);
        assert!(folder.join("package.toml").exists());
        assert_eq!(folder.join("old-file").exists(), self.asked != "add");
        assert!(!folder.join("new-file").exists());
        assert_eq!(
            fs::read(home.data(&name).join("precious")).unwrap(),
            b"kept"
        );
    }

    fn assert_goes_on(&self, home: &Home) {
        let name = self.name();
        let before = home.hooks(&name).len();
        let answer = done(home, &["retry", &name]);
        assert_eq!(answer["outcome"], "done");
        let hooks = home.hooks(&name)[before..].to_vec();
        let ends = hooks.iter().filter_map(|it| it.strip_suffix(" ends"));
        assert_eq!(ends.collect::<Vec<_>>(), self.after, "{name}: {hooks:?}");
        assert_eq!(
            fs::read(home.data(&name).join("precious")).unwrap(),
            b"kept"
        );
        let Some((expected, runs)) = self.ends else {
            assert_eq!(refused(home, &["status", &name])["code"], "not-on-record");
            assert!(!home.root().join(&name).exists());
            return;
        };
        let status = home.status(&name);
        assert_eq!(status["status"], expected, "{status}");
        assert_eq!(status["running"], runs, "{status}");
        assert_eq!(status["last_error"], Value::Null, "{status}");
        assert_eq!(status["pending"], json!([]), "{status}");
        if self.asked == "upgrade" {
            let folder = home.root().join(&name);
            assert_eq!(status["version"], "2.0.0");
            assert!(folder.join("new-file").exists() && !folder.join("old-file").exists());
            assert!(home.hooks(&name).contains(&"from 1.0.0".to_owned()));
        }
    }
}

#[test]
fn in_a_hook_the_package_is_interrupted_and_a_retry_goes_on() {
    let home = Home::new();
    let mut server = home.serve();
    bystander(&home);
    let mut clients: Vec<Running> = CASES.iter().map(|case| case.ask(&home)).collect();
    for case in &CASES {
        until(case.hook, || case.has_begun(&home));
        fs::write(home.data(&case.name()).join("precious"), "kept").unwrap();
    }
    server.kill();
    for client in &mut clients {
        assert_eq!(client.wait().code(), Some(1), "its server is gone");
    }
    // What they wait for is there, so that a hook which is run by itself would end.
    touch(&home.at("go"));
    let before: Vec<_> = CASES.iter().map(|case| home.hooks(&case.name())).collect();

    // Twice: who looks does not change it.
    for _ in 0..2 {
        let mut server: Server = home.serve();
        assert_eq!(server.started(), ["acme.bystander"]);
        for (case, before) in CASES.iter().zip(&before) {
            case.assert_interrupted(&home);
            assert_eq!(home.hooks(&case.name()), *before);
        }
        server.signal("TERM");
        assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    }
    // Nor does who looks without a server, or wants that not to run which does not.
    for case in &CASES {
        done(&home, &["stop", &case.name()]);
        case.assert_interrupted(&home);
    }
    let server = home.serve();
    for case in &CASES {
        case.assert_goes_on(&home);
    }
    assert_unharmed(&home);
    drop(server);
}

#[test]
fn in_a_hook_others_of_its_operation_are_neither_repeated_nor_lost() {
    let home = Home::new();
    let mut server = home.serve();
    let files: Vec<_> = ["prepare", "install", "start"]
        .into_iter()
        .map(|hook| (hook, home.at(hook)))
        .collect();
    let kwargs = files.iter().map(|(hook, file)| {
        let waits = format!("wait-for {}", file.display());
        ((*hook).to_owned(), json!(waits))
    });
    let kwargs = Value::Object(kwargs.collect()).to_string();
    let folder = misbehaving(&home, "often");
    let mut client = home.asks(&["add", "--path", &folder, "--kwargs", &kwargs]);
    // In each hook once.
    for (hook, file) in &files {
        let begins = format!("{hook} begins");
        until(hook, || home.hooks("acme.often").last() == Some(&begins));
        server.kill();
        client.wait();
        touch(file);
        server = home.serve();
        let status = home.status("acme.often");
        assert_eq!(status["last_error"]["hook"], **hook, "{status}");
        client = home.asks(&["retry", "acme.often"]);
    }
    assert_eq!(client.wait().code(), Some(0));
    assert_eq!(home.status("acme.often")["running"], true);
    let hooks = home.hooks("acme.often");
    let hooks: Vec<_> = hooks.iter().filter(|it| !it.starts_with("new")).collect();
    assert_eq!(
        hooks,
        [
            "prepare begins",
            "prepare begins",
            "prepare ends",
            "install begins",
            "install begins",
            "install ends",
            "start begins",
            "start begins",
            "start ends"
        ]
    );
}

#[test]
fn a_hook_that_ends_the_process_does_so_once() {
    let home = Home::new();
    for (what, code) in [("abort", None), ("exit", Some(3))] {
        for hook in ["new", "start"] {
            let mut server = home.serve();
            let short = format!("{what}s-in-{hook}");
            let name = format!("acme.{short}");
            let output = add(&home, &short, json!({hook: what}));
            assert_eq!(output.code, 1, "{output:#?}");
            let error = output.error();
            assert_eq!(error["code"], "no-answer", "{error}");
            assert_eq!(error["hint"], "how far it is: `keyway package list`");
            assert_eq!(server.wait().code(), code);
            // The next one does not run it again by itself, and says what happened.
            let server = home.serve();
            let status = home.status(&name);
            assert_eq!(status["status"], "error", "{status}");
            assert_eq!(status["last_error"]["interrupted"], true, "{status}");
            // With other arguments it can be used.
            done(&home, &["reconfigure", &name, "--kwargs", "{}"]);
            done(&home, &["start", &name]);
            assert_eq!(home.status(&name)["running"], true);
            drop(server);
        }
    }
    let server = home.serve();
    assert_eq!(server.started().len(), 4);
}
