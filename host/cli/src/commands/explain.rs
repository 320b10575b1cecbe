//! `keyway explain`

use keyway::plugin::TypeKind;
use keyway::plugin::{ExplainedFile, ExplainedVerdict, Explanation, Gate, TypeVerdict};
use serde_json::{Map, Value, json};

use crate::args::Explain;
use crate::failure::Failure;
use crate::{Outcome, host, json as output, table};

pub(crate) fn run(args: &Explain, json: bool) -> Result<Outcome, Failure> {
    let kind = if args.lifecycle {
        TypeKind::Lifecycle
    } else {
        TypeKind::Structure
    };
    let explanation = host::registry().explain(&args.type_name.parse()?, kind);
    if json {
        output::print(&to_json(&explanation))?;
    } else {
        print(&explanation)?;
    }
    Ok(if explanation.winner.is_some() {
        Outcome::Done
    } else {
        Outcome::No
    })
}

/// What came of a file, gate by gate, and what is to do about it.
fn story(file: &ExplainedFile) -> (String, Option<String>) {
    let passed = |until: Option<Gate>| {
        let gates = Gate::ALL.iter().take_while(|gate| Some(**gate) != until);
        let names: Vec<String> = gates.map(|gate| format!("{gate} ok")).collect();
        names.join(", ")
    };
    let (mut story, hint) = match &file.verdict {
        ExplainedVerdict::Refused(why) => {
            let before = passed(Some(why.gate()));
            let comma = if before.is_empty() { "" } else { ", " };
            let gate = why.gate();
            let story = format!("{before}{comma}{gate} refused ({}): {why}", why.code());
            (story, Some(why.hint()))
        }
        ExplainedVerdict::Passed(verdict) => {
            let end = match verdict {
                TypeVerdict::Ok => "wins".to_owned(),
                TypeVerdict::Shadowed { by } => format!("shadowed by `{}`", by.display()),
                TypeVerdict::Conflict { with } => {
                    format!("in conflict with `{}`: two plugin ids", with.display())
                }
            };
            (format!("{}; {end}", passed(None)), None)
        }
    };
    if let Some(earlier) = &file.remembered {
        story.push_str(&format!(
            "; loading it failed earlier ({}): {}",
            earlier.code, earlier.message
        ));
    }
    (story, hint)
}

fn print(explanation: &Explanation) -> Result<(), Failure> {
    let line = |text: &str| table::line(&table::printable(text));
    let (name, kind) = (&explanation.given.name, &explanation.given.kind);
    line(&format!("{kind} `{name}`"))?;
    if explanation.known {
        line("  the application registered a structure of that name: it is used")?;
    }
    if explanation.safe_mode {
        line("  this process is in safe mode and loads no plugins")?;
    }
    for (number, folder) in (1..).zip(&explanation.folders) {
        let (path, origin) = (folder.folder.path().display(), folder.folder.origin());
        let state = match folder.folder.skipped() {
            Some(why) => why.to_string(),
            None if !folder.exists => "not there".to_owned(),
            None => format!("{} files", folder.files),
        };
        line(&format!("{number}. `{path}` ({origin}): {state}"))?;
        for file in &folder.candidates {
            let (path, id, version) = (file.path.display(), &file.id, &file.version);
            line(&format!("   `{path}`, plugin `{id}` {version}"))?;
            let (story, hint) = story(file);
            line(&format!("      {story}"))?;
            if let Some(hint) = hint {
                line(&format!("      hint: {hint}"))?;
            }
        }
    }
    match &explanation.winner {
        Some(path) => line(&format!("=> `{}`", path.display()))?,
        None => line("=> nobody")?,
    }
    if !explanation.nearest.is_empty() {
        let names: Vec<String> = explanation
            .nearest
            .iter()
            .map(|it| format!("`{it}`"))
            .collect();
        line(&format!("   did you mean {}?", names.join(" or ")))?;
    }
    Ok(())
}

fn to_json(explanation: &Explanation) -> Value {
    let folders = explanation.folders.iter().map(|folder| {
        let candidates = folder.candidates.iter().map(|file| {
            let mut object = Map::new();
            output::put_path(&mut object, "path", Some(&file.path));
            object.insert("id".into(), json!(file.id));
            object.insert("version".into(), json!(file.version));
            let (status, gate, code) = match &file.verdict {
                ExplainedVerdict::Refused(why) => {
                    ("refused", Some(why.gate().to_string()), Some(why.code()))
                }
                ExplainedVerdict::Passed(TypeVerdict::Ok) => ("ok", None, None),
                ExplainedVerdict::Passed(TypeVerdict::Shadowed { .. }) => ("shadowed", None, None),
                ExplainedVerdict::Passed(TypeVerdict::Conflict { .. }) => ("conflict", None, None),
            };
            object.insert("status".into(), json!(status));
            object.insert("gate".into(), json!(gate));
            object.insert("code".into(), json!(code));
            object.insert("message".into(), json!(story(file).0));
            Value::from(object)
        });
        let mut object = Map::new();
        output::put_path(&mut object, "path", Some(folder.folder.path()));
        object.insert("origin".into(), json!(folder.folder.origin().to_string()));
        object.insert("used".into(), json!(folder.folder.is_used()));
        object.insert("exists".into(), json!(folder.exists));
        object.insert("files".into(), json!(folder.files));
        object.insert("candidates".into(), candidates.collect());
        Value::from(object)
    });
    let folders: Value = folders.collect();
    let mut object = Map::new();
    object.insert("type".into(), json!(explanation.given.name));
    object.insert("kind".into(), json!(explanation.given.kind));
    object.insert("known".into(), json!(explanation.known));
    object.insert("safe_mode".into(), json!(explanation.safe_mode));
    output::put_path(&mut object, "winner", explanation.winner.as_deref());
    object.insert("nearest".into(), json!(explanation.nearest));
    object.insert("folders".into(), folders);
    object.into()
}
