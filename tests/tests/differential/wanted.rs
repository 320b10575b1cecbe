//! Where Keyway's answers are wanted to be others than KPackage's, with the reason.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde_json::{Value, json};

use crate::answers::text;
use crate::compare::{Answer, normal};

/// A difference that is wanted.
pub(crate) struct Difference {
    pub(crate) what: &'static str,
    pub(crate) why: &'static str,
    /// As narrow as can be: an answer that differs otherwise must not pass.
    pub(crate) holds: fn(&Answer<'_>) -> bool,
}

pub(crate) const WANTED: &[Difference] = &[
    Difference {
        what: "paths are normalised",
        why: "the same file has one path, which can be compared and shown",
        holds: |answer| {
            matches!(answer.word(), "file_path" | "entry_list" | "file_url")
                && normal(answer.kpackage) == *answer.keyway
        },
    },
    Difference {
        what: "names with `..` are refused",
        why: "so KPackage's own contract has it, and no check can be raced by a name that climbs",
        holds: |answer| {
            answer.is_refusal()
                && Path::new(answer.argument(3))
                    .components()
                    .any(|part| part == Component::ParentDir)
        },
    },
    Difference {
        what: "absolute names are refused",
        why: "a name is relative to its key; a leading slash is a mistake or an attack",
        holds: |answer| answer.is_refusal() && answer.argument(3).starts_with('/'),
    },
    Difference {
        what: "a path that is not there ends what was",
        why: "a package that stays another one without a word is read for the one that was asked for",
        holds: |answer| {
            answer.word() == "set_path"
                && answer.keyway["not_there"] == true
                && answer.keyway["before"] == *answer.kpackage
        },
    },
    Difference {
        what: "key and file name are not run together",
        why: "a file that was found is kept for its key and its name, not for both as one text",
        holds: |answer| answer.word() == "file_path" && answer.is_run_together(),
    },
    Difference {
        what: "asking for validity changes no other answer",
        why: "in KPackage a package that `isValid()` found invalid has no files until it is asked again",
        holds: |answer| {
            let nothing = *answer.kpackage == "" || *answer.kpackage == json!([]);
            matches!(answer.word(), "file_path" | "file_url" | "entry_list")
                && nothing
                && answer.was_found_invalid()
        },
    },
    Difference {
        what: "a package that a change made invalid has no path when it is set again",
        why: "KPackage remembers that it was valid before it was changed",
        holds: |answer| {
            let is_refused = *answer.keyway == "" || answer.keyway["before"] == "";
            *answer.kpackage != "crashed"
                && answer.was_changed()
                && match answer.word() {
                    "set_path" => is_refused,
                    _ => answer.path.is_none() && answer.kpackage_stays_on().is_some(),
                }
        },
    },
    Difference {
        what: "what crashes KPackage's hash is an error",
        why: "a link that leads nowhere or in a circle, and a socket, have nothing to hash",
        holds: |answer| {
            answer.word() == "hash" && *answer.kpackage == "crashed" && *answer.keyway == ""
        },
    },
    Difference {
        what: "a link that leads nowhere has no hash under any prefix",
        why: "KPackage has one only where the prefix is written in a way that makes it stop looking",
        holds: |answer| {
            answer.word() == "hash"
                && *answer.keyway == ""
                && answer
                    .path
                    .and_then(Path::parent)
                    .is_some_and(has_dead_ends)
                && answer.has_winding_prefix()
        },
    },
    Difference {
        what: "packages that are each other's fallback are refused",
        why: "KPackage looks from one to the other until it crashes",
        holds: |answer| {
            let refused = *answer.keyway == "" || *answer.keyway == false;
            answer.fall_back_to_each_other()
                && (*answer.kpackage == "crashed" || refused || answer.word() == "fallback_path")
        },
    },
    Difference {
        what: "untyped .desktop packages are listed",
        why: "as untyped JSON packages are: under the type of the root they lie in, and marked",
        holds: |answer| {
            answer.word() == "list"
                && answer.kpackage.is_null()
                && text(answer.keyway).ends_with("/metadata.desktop")
        },
    },
    Difference {
        what: "a folder with several metadata files is one package",
        why: "the one that loading takes counts; KPackage lists whichever the folder has first, or all",
        holds: |answer| {
            let files = [answer.kpackage, answer.keyway].map(|file| Path::new(text(file)));
            answer.word() == "list" && files.iter().any(|file| metadata_files(file) > 1)
        },
    },
    Difference {
        what: "of several packages with one id the first by name is listed",
        why: "the order of a folder's entries is nobody's choice",
        holds: |answer| {
            answer.word() == "list" && !answer.kpackage.is_null() && !answer.keyway.is_null()
        },
    },
    Difference {
        what: "what leads outside is not listed",
        why: "what is listed can be opened: KPackage lists it and then refuses its path",
        holds: |answer| {
            let (Some(root), Some(theirs), Some(ours)) = (
                answer.path,
                answer.kpackage.as_array(),
                answer.keyway.as_array(),
            ) else {
                return false;
            };
            let mut left: Vec<_> = theirs.iter().map(normal).collect();
            for entry in ours {
                let Some(at) = left.iter().position(|it| it == entry) else {
                    return false;
                };
                left.remove(at);
            }
            answer.word() == "entry_list"
                && left.iter().all(|entry| leads_outside(root, text(entry)))
        },
    },
    Difference {
        what: "names that differ in case alone have an order",
        why: "KPackage leaves it to the file system, so that the same package has several hashes",
        holds: |answer| match answer.word() {
            "hash" => {
                // A prefix may lead to the package beside it.
                answer.path.and_then(Path::parent).is_some_and(has_twins)
                    && text(answer.kpackage).len() == text(answer.keyway).len()
            }
            "entry_list" => {
                answer.path.is_some_and(has_twins)
                    && folded(answer.kpackage) == folded(answer.keyway)
            }
            _ => false,
        },
    },
    Difference {
        what: "metadata of a place that was passed over are forgotten",
        why: "KPackage takes them for those of the next place, which is then hidden as well",
        holds: |answer| {
            let nothing = match answer.kpackage {
                Value::Array(items) => items.is_empty(),
                other => *other == "" || *other == false || other.is_null(),
            };
            // It is hidden, so what there is comes from its fallback.
            let nothing = nothing || matches!(answer.word(), "file_path" | "file_url");
            let there = answer
                .path
                .map(Path::to_path_buf)
                .or_else(|| Some(text(answer.keyway).into()));
            nothing && there.is_some_and(|path| hidden_before(answer, &path))
        },
    },
    Difference {
        what: "what was found in a place that was passed over is not in the next",
        why: "KPackage remembers the files of the first place when it looks at the second",
        holds: |answer| {
            let system = format!("{}/system/", text(&answer.case["root"]));
            match answer.word() {
                "set_path" | "path" => text(answer.kpackage).starts_with(&system),
                _ => answer.path.is_none() && answer.may_be_passed_over(),
            }
        },
    },
    Difference {
        what: "a metadata file that leads outside does not count",
        why: "a package says only what lies in it; KPackage takes any .desktop file for valid",
        holds: |answer| {
            matches!(answer.word(), "metadata" | "raw_metadata")
                && answer.path.is_some_and(|root| {
                    let file = root.join("metadata.desktop");
                    file.is_symlink() && leads_outside(root, &file.to_string_lossy())
                })
        },
    },
    Difference {
        what: "a folder is no metadata file",
        why: "there is nothing to read in it; KPackage takes it for an empty .desktop file",
        holds: |answer| {
            matches!(answer.word(), "metadata" | "raw_metadata")
                && answer
                    .path
                    .is_some_and(|root| root.join("metadata.desktop").is_dir())
        },
    },
    Difference {
        what: "a fallback that the application set stays with the next path",
        why: "what an application sets holds until it sets something else",
        holds: |answer| {
            answer.word() == "fallback_path" && *answer.kpackage == "" && answer.has_own_fallback()
        },
    },
    Difference {
        what: "names that are not Unicode are listed",
        why: "Qt decodes a name and then does not find it; here names are what the system has",
        holds: |answer| {
            answer.word() == "entry_list"
                && *answer.kpackage == json!([])
                && *answer.keyway == json!(["bad-\u{fffd}.qml"])
        },
    },
    Difference {
        what: "what a structure adds for one path is gone with the next",
        why: "in KPackage it piles up, also for a path that is not there or that is passed over",
        holds: |answer| {
            let (theirs, ours) = (answer.kpackage, answer.keyway);
            answer.adds_on_path()
                && answer.was_elsewhere()
                && match answer.word() {
                    "keys" if answer.type_name() == "Wallpaper/Images" => true,
                    // A main script may make a directory a file.
                    "keys" => has_all(theirs, ours) || has_all(ours, theirs),
                    "entry_list" => has_all(theirs, ours),
                    "file_path" | "file_url" => *ours == "" && *theirs != "crashed",
                    "definition" => true,
                    "prefixes" | "path" | "set_path" | "is_valid" => {
                        answer.type_name() == "Wallpaper/Images"
                    }
                    _ => false,
                }
        },
    },
    Difference {
        what: "a hidden package has no path, whatever was there before",
        why: "KPackage clears the path of a hidden package only where no valid one was before",
        holds: |answer| {
            let hidden = answer.kpackage_stays_on();
            answer.path.is_none_or(|_| answer.word() == "set_path")
                && hidden.is_some_and(|path| {
                    is_hidden(Path::new(path)) || hidden_before(answer, Path::new(path))
                })
        },
    },
    Difference {
        what: "fallbacks are named by plain names",
        why: "a package's data never lead to a folder outside the roots that types and users name",
        holds: |answer| {
            let keys = ["X-Plasma-RootPath", "X-Plasma-FallbackPackage"];
            (answer.is_refusal() || answer.word() == "fallback_path" && *answer.keyway == "")
                && answer.path.is_some_and(|root| {
                    let file = fs::read(root.join("metadata.json")).unwrap_or_default();
                    let metadata: Value = serde_json::from_slice(&file).unwrap_or_default();
                    keys.iter().any(|key| text(&metadata[key]).contains('/'))
                })
        },
    },
    Difference {
        what: "a package that names itself as its fallback has none",
        why: "KPackage loads it as its own fallback until it crashes",
        holds: |answer| {
            let root = Path::new(text(&answer.case["root"]));
            matches!(answer.word(), "load" | "set_path")
                && *answer.kpackage == "crashed"
                && (answer.type_name() == "Plasma/Shell"
                    || says(&root.join("home/plasma/plasmoids/app"), "X-Plasma-RootPath"))
        },
    },
    Difference {
        what: "a fallback that metadata name is gone with the package's path",
        why: "nothing is left of a package that is not valid, so that no file is found for it",
        holds: |answer| {
            let applet = format!("{}/home/plasma/plasmoids/app/", text(&answer.case["root"]));
            let path = text(answer.kpackage).trim_start_matches("file://");
            matches!(answer.word(), "file_path" | "file_url" | "fallback_path")
                && answer.path.is_none()
                && *answer.keyway == ""
                && (path.starts_with(&applet)
                    || matches!(answer.type_name(), "Plasma/Shell" | "Plasma/LookAndFeel"))
        },
    },
    Difference {
        what: "what was found is forgotten when what a package looks like changes",
        why: "an answer is never one that the present definition would not give",
        holds: |answer| {
            let (theirs, ours) = (answer.kpackage, answer.keyway);
            answer.was_changed()
                && match answer.word() {
                    "hash" => *ours == "" || *theirs == "",
                    "is_valid" => *theirs == true && *ours == false,
                    "file_path" | "file_url" => answer.was_answered_so(),
                    _ => false,
                }
        },
    },
    Difference {
        what: "a NUL ends no text of a .desktop file",
        why: "no text is cut without a word",
        holds: |answer| cut_at_nul(answer.keyway) == *answer.kpackage,
    },
    Difference {
        what: "numbers as `.5` and `1.` are no JSON",
        why: "nobody writes them, and the error says where they are",
        holds: |answer| {
            let is_such = |file: &Path| {
                let text = fs::read_to_string(file).unwrap_or_default();
                matches!(text.as_str(), r#"{"a":.5}"# | r#"{"a":1.}"#)
            };
            match answer.word() {
                "metadata" | "raw_metadata" => answer
                    .path
                    .is_some_and(|root| is_such(&root.join("metadata.json"))),
                "list" => answer.keyway.is_null() && is_such(Path::new(text(answer.kpackage))),
                _ => false,
            }
        },
    },
];

/// How many metadata files, by names of any case, lie beside `file`.
fn metadata_files(file: &Path) -> usize {
    let entries = file.parent().and_then(|folder| fs::read_dir(folder).ok());
    let names = entries.into_iter().flatten().flatten();
    names
        .filter(|entry| {
            let name = entry.file_name().to_ascii_lowercase();
            name == "metadata.json" || name == "metadata.desktop"
        })
        .count()
}

/// All that lies below a folder, links not followed.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            }
            found.push(entry.path());
        }
    }
    found
}

/// Whether an entry, a path or the name of something in the package, is not inside the package.
fn leads_outside(root: &Path, entry: &str) -> bool {
    let is_outside = |path: &Path| {
        fs::canonicalize(path).is_ok_and(|real| real == root || !real.starts_with(root))
    };
    if entry.starts_with('/') {
        return is_outside(Path::new(entry));
    }
    let mut named = below(root);
    named.retain(|path| path.file_name().is_some_and(|name| name == entry));
    named
        .iter()
        .any(|path| path.is_symlink() && is_outside(path))
}

/// Whether something in the folder is neither a file nor a folder, nor leads to one.
fn has_dead_ends(folder: &Path) -> bool {
    below(folder)
        .iter()
        .any(|path| !path.is_file() && !path.is_dir())
}

/// Whether a folder of the package has two names that differ in case alone.
fn has_twins(root: &Path) -> bool {
    let mut seen = BTreeSet::new();
    below(root).iter().any(|path| {
        !seen.insert(
            path.with_file_name(
                path.file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .to_lowercase(),
            ),
        )
    })
}

fn folded(list: &Value) -> Vec<String> {
    let entries = list.as_array().into_iter().flatten();
    entries.map(|entry| text(entry).to_lowercase()).collect()
}

/// Whether a package lies in the system's data folder, and one that is hidden before it in the
/// user's.
fn hidden_before(answer: &Answer<'_>, path: &Path) -> bool {
    let root = Path::new(text(&answer.case["root"]));
    let Ok(name) = path.strip_prefix(root.join("system")) else {
        return false;
    };
    let folder = root.join("home").join(name);
    is_hidden(&folder)
}

fn is_hidden(folder: &Path) -> bool {
    says(folder, "isHidden")
}

/// Whether a metadata file in the folder has the key.
fn says(folder: &Path, key: &str) -> bool {
    ["metadata.json", "metadata.desktop"].iter().any(|file| {
        fs::read(folder.join(file)).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(key))
    })
}

/// Whether a list has all that another has, in its order.
fn has_all(list: &Value, other: &Value) -> bool {
    let (Some(list), Some(other)) = (list.as_array(), other.as_array()) else {
        return false;
    };
    let mut rest = list.iter().map(normal);
    other.iter().all(|item| rest.any(|it| it == *item))
}

/// The same answer with each text cut at a NUL.
fn cut_at_nul(answer: &Value) -> Value {
    match answer {
        Value::String(text) => json!(text.split('\0').next()),
        Value::Array(items) => items.iter().map(cut_at_nul).collect(),
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| (key.clone(), cut_at_nul(value)))
            .collect(),
        other => other.clone(),
    }
}
