//! Answer beside answer.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Component, Path, PathBuf};

use serde_json::{Value, json};

use crate::answers::text;
use crate::wanted::WANTED;

/// One answer, or one field of it, that is not the same.
pub(crate) struct Answer<'a> {
    pub(crate) case: &'a Value,
    /// KPackage's answers to this case.
    pub(crate) all: &'a [Value],
    /// Which step it is.
    pub(crate) at: usize,
    /// Which field of an answer that has several; else empty.
    pub(crate) field: &'a str,
    /// The path that the package had for Keyway when it was asked.
    pub(crate) path: Option<&'a Path>,
    pub(crate) kpackage: &'a Value,
    pub(crate) keyway: &'a Value,
}

impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (step, field) = (self.step(), self.field);
        let (kpackage, keyway) = (self.kpackage, self.keyway);
        let step = json!(step);
        write!(
            f,
            "step {}: {step} {field}\n  KPackage {kpackage}\n  Keyway   {keyway}",
            self.at
        )
    }
}

impl<'a> Answer<'a> {
    pub(crate) fn step(&self) -> &'a [Value] {
        self.case["steps"][self.at]
            .as_array()
            .map_or(&[], Vec::as_slice)
    }

    pub(crate) fn word(&self) -> &'a str {
        text(&self.step()[0])
    }

    /// The type of the package that is asked.
    pub(crate) fn type_name(&self) -> &'a str {
        let steps = self.case["steps"].as_array();
        let loaded = steps
            .into_iter()
            .flatten()
            .find(|step| step[0] == "load" && text(&step[1]) == self.argument(1));
        loaded.map_or("", |step| text(&step[2]))
    }

    fn steps_before(&self) -> &'a [Value] {
        let steps = self.case["steps"].as_array();
        steps.map_or(&[], |steps| &steps[..=self.at])
    }

    /// Whether the type adds definitions for the package at hand.
    pub(crate) fn adds_on_path(&self) -> bool {
        let spec = &self.case["structures"][self.type_name()];
        spec.is_null() || spec["mainscript_metadata_key"].is_string()
    }

    /// Whether the package had another path before, was looked for in several places, or has none
    /// now.
    pub(crate) fn was_elsewhere(&self) -> bool {
        let mut paths = self.steps_before().iter().filter_map(|step| {
            let at = match text(&step[0]) {
                "load" => 3,
                "set_path" => 2,
                _ => return None,
            };
            (text(&step[1]) == self.argument(1)).then(|| text(&step[at]))
        });
        let first = paths.next();
        self.path.is_none()
            || paths.next().is_some()
            || first.is_some_and(|it| !it.starts_with('/'))
    }

    /// Whether what the package looks like was changed.
    pub(crate) fn was_changed(&self) -> bool {
        let mut steps = self.steps_before().iter();
        steps.any(|step| {
            let word = text(&step[0]);
            let changes = ["set_", "add_", "remove_"];
            text(&step[1]) == self.argument(1)
                && !matches!(word, "set_path" | "set_fallback")
                && changes.iter().any(|it| word.starts_with(it))
        })
    }

    /// The steps before this one that are about the same package, with KPackage's answers.
    fn before(&self) -> impl DoubleEndedIterator<Item = (&'a [Value], &'a Value)> {
        let steps = self
            .steps_before()
            .iter()
            .map(|step| step.as_array().map_or(&[][..], Vec::as_slice));
        let answered: Vec<_> = steps.zip(self.all).take(self.at).collect();
        let name = self.argument(1);
        answered
            .into_iter()
            .filter(move |(step, _)| text(&step[1]) == name)
    }

    /// Whether the answer is that to another key and name, which together are the same text.
    pub(crate) fn is_run_together(&self) -> bool {
        let [key, name] = [2, 3].map(|at| self.argument(at));
        let spec = &self.case["structures"][self.type_name()];
        let mut definitions = spec["definitions"].as_array().into_iter().flatten();
        // Validity is a question about each required key.
        if key.is_empty() && definitions.any(|it| it["key"] == name && it["required"] == true) {
            return true;
        }
        self.before().any(|(step, answer)| {
            matches!(text(&step[0]), "file_path" | "file_url")
                && format!("{}{}", text(&step[2]), text(&step[3])) == format!("{key}{name}")
                && text(&step[2]) != key
                && text(answer).trim_start_matches("file://") == text(self.kpackage)
        })
    }

    /// Whether KPackage answered the same to the same question before.
    pub(crate) fn was_answered_so(&self) -> bool {
        self.before()
            .any(|(step, answer)| step == self.step() && answer == self.kpackage)
    }

    /// Whether the package was asked for by a name, and there is something in the second place too.
    pub(crate) fn may_be_passed_over(&self) -> bool {
        let root = Path::new(text(&self.case["root"]));
        let mut named = self
            .steps_before()
            .iter()
            .filter_map(|step| match text(&step[0]) {
                "load" => Some((text(&step[1]), text(&step[3]))),
                "set_path" => Some((text(&step[1]), text(&step[2]))),
                _ => None,
            });
        let is_named = named.any(|(name, path)| name == self.argument(1) && !path.starts_with('/'));
        is_named && has_packages(&root.join("system"))
    }

    /// Whether a fallback was set for the package.
    pub(crate) fn has_own_fallback(&self) -> bool {
        self.before().any(|(step, _)| step[0] == "set_fallback")
    }

    /// Whether a prefix of the type, or one that was set, is no plain path.
    pub(crate) fn has_winding_prefix(&self) -> bool {
        let set = self
            .steps_before()
            .iter()
            .filter(|step| step[0] == "set_prefixes");
        let prefixes = &self.case["structures"][self.type_name()]["prefixes"];
        set.map(|step| &step[2]).chain([prefixes]).any(|prefixes| {
            let prefixes = prefixes.as_array().into_iter().flatten().map(text);
            prefixes.into_iter().any(|it| {
                it.contains("..") || it.contains("./") || it.contains("//") || it.starts_with('/')
            })
        })
    }

    /// Whether KPackage found the package invalid when it was asked last.
    pub(crate) fn was_found_invalid(&self) -> bool {
        let last = self.before().rfind(|(step, _)| step[0] == "is_valid");
        last.is_some_and(|(_, answer)| *answer == false)
    }

    /// The path that the last step which set one left the package with in KPackage.
    pub(crate) fn kpackage_stays_on(&self) -> Option<&'a str> {
        let last = self
            .steps_before()
            .iter()
            .rposition(|step| step[0] == "set_path" && text(&step[1]) == self.argument(1))?;
        self.all.get(last).map(text).filter(|path| !path.is_empty())
    }

    /// Whether Keyway has no path where KPackage has one.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self.word(), "file_path" | "file_url")
            && *self.keyway == ""
            && !matches!(text(self.kpackage), "" | "crashed")
    }

    /// Whether two packages were made each other's fallback before.
    pub(crate) fn fall_back_to_each_other(&self) -> bool {
        let has = |one, other| {
            self.steps_before()
                .contains(&json!(["set_fallback", one, other]))
        };
        has("p", "q") && has("q", "p")
    }

    /// An argument of the step that is text.
    pub(crate) fn argument(&self, at: usize) -> &'a str {
        self.step().get(at).map_or("", text)
    }
}

/// What became of all answers.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) same: usize,
    /// As many answers differ by each of the wanted differences.
    pub(crate) seen: Vec<usize>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            same: 0,
            seen: vec![0; WANTED.len()],
        }
    }

    /// Compares the answers to a case and gives the differences that nobody wants.
    pub(crate) fn compare(
        &mut self,
        case: &Value,
        kpackage: &[Value],
        keyway: &[(Value, Option<PathBuf>)],
    ) -> Vec<String> {
        let crash = json!("crashed");
        // Where KPackage crashed, nothing behind it has an answer.
        let theirs = kpackage.iter().chain([&crash]).zip(keyway);
        let mut unwanted = Vec::new();
        for (at, (theirs, (ours, path))) in theirs.enumerate() {
            for (field, kpackage_said, keyway_said) in fields(theirs, ours) {
                if kpackage_said == keyway_said {
                    self.same += 1;
                    continue;
                }
                let answer = Answer {
                    case,
                    all: kpackage,
                    at,
                    field,
                    path: path.as_deref(),
                    kpackage: kpackage_said,
                    keyway: keyway_said,
                };
                match WANTED.iter().position(|wanted| (wanted.holds)(&answer)) {
                    Some(index) => self.seen[index] += 1,
                    None => unwanted.push(answer.to_string()),
                }
            }
        }
        unwanted
    }
}

fn has_packages(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

/// The answers, field by field where both have fields.
fn fields<'v>(theirs: &'v Value, ours: &'v Value) -> Vec<(&'v str, &'v Value, &'v Value)> {
    let (Some(their_fields), Some(our_fields)) = (theirs.as_object(), ours.as_object()) else {
        return vec![("", theirs, ours)];
    };
    if theirs["valid"] != ours["valid"] {
        return vec![("valid", &theirs["valid"], &ours["valid"])];
    }
    let names: BTreeSet<&String> = their_fields.keys().chain(our_fields.keys()).collect();
    let names = names.into_iter();
    names
        .map(|name| (&**name, &theirs[name], &ours[name]))
        .collect()
}

/// An absolute path without `.`, `..` and doubled slashes, or a list of such.
pub(crate) fn normal(answer: &Value) -> Value {
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
        Value::String(url) => match url.strip_prefix("file://") {
            Some(path) => json!(format!("file://{}", text(&normal(&json!(path))))),
            None => answer.clone(),
        },
        Value::Array(items) => items.iter().map(normal).collect(),
        other => other.clone(),
    }
}
