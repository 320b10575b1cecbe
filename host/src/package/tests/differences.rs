//! Where Keyway's answers are not KPackage's, and which questions are not asked yet.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Component, Path, PathBuf};

use serde_json::{Value, json};

/// One answer that is not the same.
pub(super) struct Answer<'a> {
    pub(super) scenario: &'a str,
    /// The step's words.
    pub(super) step: &'a [&'a str],
    pub(super) kpackage: &'a Value,
    pub(super) keyway: &'a Value,
}

impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            scenario,
            step,
            kpackage,
            keyway,
        } = self;
        write!(
            f,
            "{scenario}: {step:?}\n  KPackage {kpackage}\n  Keyway   {keyway}"
        )
    }
}

impl Answer<'_> {
    fn is_in(&self, scenario: &str, steps: &[&[&str]]) -> bool {
        self.scenario == scenario && steps.contains(&self.step)
    }

    /// Keyway has no path where KPackage has one, for a name of a file that `is_such`.
    fn refuses(&self, is_such: impl Fn(&Path) -> bool) -> bool {
        let is_refusal = *self.keyway == "" && *self.kpackage != "";
        matches!(self.step, ["file_path", _, _, name] if is_refusal && is_such(Path::new(name)))
    }

    /// What one has and the other has not, of two lists of texts.
    fn only_in<'v>(list: &'v Value, other: &Value) -> BTreeSet<&'v str> {
        let texts = |list: &'v Value| {
            list.as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
        };
        let other = other.as_array();
        texts(list)
            .filter(|text| !other.is_some_and(|other| other.contains(&json!(text))))
            .collect()
    }

    fn only_in_kpackage(&self) -> BTreeSet<&str> {
        Self::only_in(self.kpackage, self.keyway)
    }

    fn only_in_keyway(&self) -> BTreeSet<&str> {
        Self::only_in(self.keyway, self.kpackage)
    }
}

/// Absolute paths without `.`, `..` and doubled slashes. (No link of a scenario has a `..` behind
/// it that KPackage follows.)
pub(super) fn normal(answer: &Value) -> Value {
    match answer {
        Value::String(path) if path.starts_with('/') => {
            let mut normal = PathBuf::new();
            for component in Path::new(path).components() {
                if component == Component::ParentDir {
                    normal.pop();
                } else {
                    normal.push(component);
                }
            }
            json!(normal)
        }
        Value::Array(items) => items.iter().map(normal).collect(),
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| (key.clone(), normal(value)))
            .collect(),
        other => other.clone(),
    }
}

/// The links of the scenarios that lead out of their package.
const OUTSIDE: [&str; 4] = ["escape", "etc", "outside.qml", "shadow"];

/// A difference that is wanted.
pub(super) struct Difference {
    pub(super) what: &'static str,
    pub(super) why: &'static str,
    /// As many answers differ by it.
    pub(super) count: usize,
    pub(super) holds: fn(&Answer<'_>) -> bool,
}

pub(super) const DIFFERENCES: &[Difference] = &[
    Difference {
        what: "paths are normalised",
        why: "the same file has one path, which can be compared and shown",
        count: 56,
        holds: |answer| {
            matches!(answer.step[0], "file_path" | "entry_list")
                && normal(answer.kpackage) == *answer.keyway
        },
    },
    Difference {
        what: "names with `..` are refused",
        why: "so KPackage's own contract has it, and no check can be raced by a name that climbs",
        count: 10 + of_archives(1),
        holds: |answer| {
            answer.refuses(|name| name.components().any(|part| part == Component::ParentDir))
        },
    },
    Difference {
        what: "absolute names are refused",
        why: "a name is relative to its key; a leading slash is a mistake or an attack",
        count: 5,
        holds: |answer| answer.refuses(Path::has_root),
    },
    Difference {
        what: "`X-Plasma-RootPath` is a plain name",
        why: "a package's data never lead to a folder outside the roots that types and users name",
        // KPackage was not asked; locating.rs asks Keyway.
        count: 0,
        holds: |_| false,
    },
    Difference {
        what: "links that leave the package are not listed",
        why: "what is listed can be opened: KPackage lists them and then refuses their paths",
        count: 2,
        holds: |answer| {
            answer.step[0] == "entry_list"
                && answer.only_in_keyway().is_empty()
                && answer
                    .only_in_kpackage()
                    .iter()
                    .all(|name| OUTSIDE.contains(name))
                && !answer.only_in_kpackage().is_empty()
        },
    },
    Difference {
        what: "links that lead nowhere and pipes are errors for a hash",
        why: "KPackage crashes or hangs, and so has no answer to any step; hashing.rs asks which errors",
        count: 6,
        holds: |answer| {
            answer.scenario.starts_with("crash-hash-")
                && answer.kpackage.is_null()
                && (answer.step[0] != "hash" || *answer.keyway == "")
        },
    },
    Difference {
        what: "names that are not Unicode are listed",
        why: "Qt decodes a name and then does not find it; here names are what the system has",
        count: 1,
        holds: |answer| {
            answer.is_in("entry-list-order", &[&["entry_list", "p", "ui"]])
                && answer.only_in_keyway() == BTreeSet::from(["bad-\u{fffd}.qml"])
                && answer.only_in_kpackage() == BTreeSet::from(["outside.qml"])
        },
    },
    Difference {
        what: "key and file name are not run together",
        why: "a file that was found is kept for its key and its name, not for both as one text",
        count: 3,
        holds: |answer| {
            let steps: &[&[&str]] = &[
                &["file_path", "p", "u", "ix"],
                &["file_path", "p", "", "uix"],
                &["file_path", "p", "uix", ""],
            ];
            *answer.keyway == "" && answer.is_in("discovery-cache", steps)
        },
    },
    Difference {
        what: "found files are forgotten when path, prefixes or definitions change",
        why: "an answer is never one that the present definition would not give",
        count: 6,
        holds: |answer| {
            let hash_of_invalid: &[&str] = &["hash", "p", "sha1"];
            answer.is_in("discovery-cache", &[&["file_path", "p", "ui", "x"]])
                || answer.is_in("prefix-order", &[&["file_path", "p", "ui", "main.qml"]])
                || (*answer.keyway == "" && answer.is_in("prefix-order", &[hash_of_invalid]))
                || answer.is_in("definition-edits", &[&["file_path", "p", "ui", "main.qml"]])
        },
    },
    Difference {
        what: "a path that is not there ends what was",
        why: "a package that stays another one without a word is read for the one that was asked for",
        count: 4,
        holds: |answer| {
            answer.scenario == "set-path-again"
                && (*answer.keyway == ""
                    || *answer.keyway == false
                    || *answer.keyway == json!({"valid": false}))
        },
    },
    Difference {
        what: "asking for validity changes no other answer",
        why: "in KPackage a package that `isValid()` found invalid has no files until it is asked again",
        count: 2,
        holds: |answer| {
            let steps: &[&[&str]] = &[
                &["file_path", "q", "ui", "o.qml"],
                &["entry_list", "q", "ui"],
            ];
            answer.is_in("validity-is-rechecked", steps)
        },
    },
    Difference {
        what: "what a structure adds for one path is gone with the next",
        why: "the first package's main script is no candidate for the second's",
        count: 1,
        holds: |answer| {
            answer.is_in(
                "mainscript-from-metadata",
                &[&["entry_list", "g", "mainscript"]],
            )
        },
    },
    Difference {
        what: "archives are listed and hashed like folders",
        why: "KPackage looks for entries below the archive's own path, where there is nothing",
        count: of_archives(14),
        holds: |answer| {
            answer.scenario == "archive-set-path"
                && matches!(answer.step[0], "entry_list" | "hash")
                && (*answer.kpackage == json!([]) || *answer.kpackage == "")
        },
    },
    Difference {
        what: "archives that climb, have links that leave, or hold two packages are refused whole",
        why: "KPackage moves what climbs and leaves the links; of two packages it takes the last: \
              nothing of what lies is right, and nobody said which of two is meant",
        count: of_archives(25),
        holds: |answer| {
            answer.scenario == "archive-set-path"
                && (*answer.keyway == ""
                    || *answer.keyway == false
                    || *answer.keyway == json!({"valid": false}))
        },
    },
    Difference {
        what: "an unknown type, and none, are errors",
        why: "a listing that is empty or wrong because of a mistyped type helps nobody",
        count: 7,
        holds: |answer| answer.step[0] == "list_sorted" && *answer.keyway == "error",
    },
    Difference {
        what: "untyped .desktop packages are listed",
        why: "as untyped JSON packages are: under the type of the root they lie in, and marked",
        count: 3,
        holds: |answer| {
            answer.step[0] == "list_sorted"
                && answer.only_in_kpackage().is_empty()
                && answer
                    .only_in_keyway()
                    .iter()
                    .all(|line| line.ends_with("/metadata.desktop"))
        },
    },
];

/// How often an answer is of an archive, if archives are packages.
pub(super) const fn of_archives(count: usize) -> usize {
    if cfg!(feature = "archive") { count } else { 0 }
}

/// Steps that are not replayed.
pub(super) struct LeftOut {
    /// The beginning of the scenarios' names.
    scenarios: &'static str,
    /// The steps; none means all.
    steps: &'static [&'static str],
    pub(super) why: &'static str,
    /// As many steps are left out by it.
    pub(super) count: usize,
}

impl LeftOut {
    pub(super) fn covers(&self, scenario: &str, step: &str) -> bool {
        scenario.starts_with(self.scenarios)
            && (self.steps.is_empty() || self.steps.contains(&step))
    }
}

const fn left_out(
    scenarios: &'static str,
    steps: &'static [&'static str],
    why: &'static str,
    count: usize,
) -> LeftOut {
    LeftOut {
        scenarios,
        steps,
        why,
        count,
    }
}

pub(super) const NOT_REPLAYED: &[LeftOut] = &[
    #[cfg(not(feature = "archive"))]
    left_out(
        "archive-set-path",
        &[],
        "archives are packages with the feature `archive`",
        119,
    ),
    left_out("install-", &[], "installing is not a package's own", 81),
    left_out("uninstall-", &[], "uninstalling is not a package's own", 6),
    left_out("update-", &[], "updating is not a package's own", 30),
    left_out(
        "list-cache",
        &[],
        "listings are not kept yet, and the scenario installs",
        8,
    ),
    left_out(
        "hash-symlinks",
        &["hash"],
        "a link's absolute target is in the hash, and the folder was another one: see tests/tests/hash.rs",
        3,
    ),
    left_out("fallback", &["hash"], "the same", 1),
    left_out("", &["find"], "there is no search by metadata yet", 2),
    left_out(
        "",
        &["chdir"],
        "the current folder is that of all tests at once; no code here asks for it",
        1,
    ),
];
