//! `keyway package status`, for people.

use std::io;

use keyway::lifecycle::{
    InstalledFrom, LastError, LifecycleState, PackageProcess, PackageStatus, PendingOperation,
    Status,
};
use serde_json::Value;

use crate::{date, table};

pub(super) fn print(package: &PackageStatus, has_server: bool) -> io::Result<()> {
    for (name, value) in rows(package, has_server) {
        table::line(&format!("{name:13}{}", table::printable(&value)))?;
    }
    Ok(())
}

fn rows(package: &PackageStatus, has_server: bool) -> Vec<(&'static str, String)> {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut rows = vec![
        ("name", package.name.clone()),
        ("version", text(&package.version)),
        ("description", text(&package.description)),
        ("status", package.status.to_string()),
        ("running", running(package)),
        ("source", source(&package.source)),
        ("path", package.path.display().to_string()),
        ("data", package.data_dir.display().to_string()),
        ("lifecycle", lifecycle(package.lifecycle.as_ref())),
    ];
    if !package.install_kwargs.is_empty() {
        let kwargs = Value::Object(package.install_kwargs.clone());
        rows.push(("kwargs", kwargs.to_string()));
    }
    for (name, versions) in &package.dependencies {
        rows.push(("needs", format!("{name} {versions}")));
    }
    if package.protected {
        let what = "it is neither stopped, disabled nor deleted";
        rows.push(("protected", what.to_owned()));
    }
    rows.extend(package.processes.iter().map(|it| ("process", process(it))));
    if let Some(error) = &package.last_error {
        rows.extend(failed(error));
    }
    rows.extend(package.pending.iter().map(|it| ("pending", pending(it))));
    let problems = package.problems.iter();
    rows.extend(problems.map(|problem| ("problem", problem.clone())));
    rows.extend(hint(package, has_server).map(|hint| ("hint", hint)));
    rows
}

fn running(package: &PackageStatus) -> String {
    match (package.running, package.running_since) {
        (true, Some(since)) => format!("since {}", date::utc(since)),
        (true, None) => "yes".to_owned(),
        (false, _) if package.wants_restart => {
            "no, and not again in this server: its code did not return".to_owned()
        }
        (false, _) => "no".to_owned(),
    }
}

fn source(source: &InstalledFrom) -> String {
    match source {
        InstalledFrom::Path { path } => format!("copied from {}", path.display()),
        InstalledFrom::Link { path } => format!("used in {}", path.display()),
        InstalledFrom::Git {
            url,
            branch,
            rev,
            commit,
        } => {
            let asked = [("branch", branch), ("rev", rev)];
            let asked = asked
                .iter()
                .filter_map(|(what, name)| Some(format!(", {what} {}", name.as_ref()?)));
            format!("{url}{}, commit {commit}", asked.collect::<String>())
        }
        _ => "not known".to_owned(),
    }
}

fn lifecycle(lifecycle: Option<&LifecycleState>) -> String {
    match lifecycle {
        None => "not loaded".to_owned(),
        Some(it) => {
            let plugin = it.plugin.display();
            let process = match (it.isolated, it.pid) {
                (true, Some(pid)) => format!(", in process {pid}"),
                (true, None) => ", in a process of its own".to_owned(),
                _ => String::new(),
            };
            format!("{} {}{process}, {plugin}", it.type_name, it.plugin_version)
        }
    }
}

fn failed(error: &LastError) -> Vec<(&'static str, String)> {
    let hook = error.hook.as_ref().map(|hook| format!("hook {hook}, "));
    let hook = hook.unwrap_or_default();
    let mut rows = vec![
        ("error", error.message.clone()),
        (
            "",
            format!("in {hook}{}, {}", error.operation, date::utc(error.time)),
        ),
    ];
    if let Some(location) = &error.location {
        rows.push(("", format!("at {location}")));
    }
    rows
}

fn process(process: &PackageProcess) -> String {
    let mut text = format!(
        "{} {} since {}",
        process.name,
        process.state,
        date::utc(process.since)
    );
    if let Some(pid) = process.pid {
        text = format!("{text}, process id {pid}");
    }
    if process.restarts > 0 {
        text = format!("{text}, started again {} times", process.restarts);
    }
    if let Some(exit) = &process.last_exit {
        text = format!("{text}, ended last with {exit}");
    }
    text
}

fn pending(pending: &PendingOperation) -> String {
    let mut text = pending.operation.clone();
    if !pending.steps.is_empty() {
        text.push_str(&format!(": {}", pending.steps.join(", ")));
    }
    if pending.active {
        text.push_str("; it goes on");
    }
    if let Some(progress) = &pending.progress {
        let of = progress.total.map(|total| format!(" of {total}"));
        let of = of.unwrap_or_default();
        text.push_str(&format!(", {}{of} {}", progress.done, progress.message));
    }
    text.trim_end().to_owned()
}

/// What to do for the package to run.
fn hint(package: &PackageStatus, has_server: bool) -> Option<String> {
    let name = &package.name;
    if package.wants_restart {
        return Some("end the server, and start it again: `keyway serve`".to_owned());
    }
    Some(match package.status {
        Status::Error => format!("when the cause is gone: `keyway package retry {name}`"),
        Status::Disabled => format!("to start it: `keyway package enable {name}`"),
        _ if package.running || package.pending.iter().any(|it| it.active) => return None,
        _ if !has_server => "no server runs: `keyway serve`".to_owned(),
        _ => format!("to start it: `keyway package start {name}`"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sheet(changes: Value, has_server: bool) -> String {
        let mut value = json!({
            "name": "a.b", "version": "1.0.0", "description": null, "status": "installed",
            "running": false, "running_since": null, "source": {"kind": "path", "path": "/from"},
            "path": "/packages/a.b", "data_dir": "/data/1", "install_kwargs": {},
            "lifecycle": null, "dependencies": {}, "last_error": null, "pending": [],
            "problems": [], "wants_restart": false, "protected": false,
        });
        for (key, change) in changes.as_object().unwrap() {
            value[key] = change.clone();
        }
        let package = serde_json::from_value(value).unwrap();
        let rows = rows(&package, has_server);
        let lines = rows
            .iter()
            .map(|(name, value)| format!("{name}: {value}\n"));
        lines.collect()
    }

    #[test]
    fn a_failed_package_says_where_why_and_what_to_do() {
        let text = sheet(
            json!({
                "status": "error",
                "last_error": {
                    "operation": "add", "hook": "prepare", "code": "hook-panicked",
                    "message": "it broke", "location": "src/lib.rs:3:5", "time": 0,
                    "interrupted": false,
                },
                "pending": [{
                    "operation": "add", "steps": ["prepare", "install", "start"],
                    "active": false, "progress": null,
                }],
                "problems": ["line 3: the key `x` is not known"],
            }),
            true,
        );
        let (_, end) = text.split_once("lifecycle: not loaded\n").unwrap();
        assert_eq!(
            end,
            "error: it broke\n: in hook prepare, add, 1970-01-01 00:00 UTC\n: at src/lib.rs:3:5\n\
             pending: add: prepare, install, start\nproblem: line 3: the key `x` is not known\n\
             hint: when the cause is gone: `keyway package retry a.b`\n"
        );
        let text = sheet(
            json!({"status": "init", "pending": [{
                "operation": "add", "steps": [], "active": false, "progress": null,
            }]}),
            false,
        );
        assert!(text.contains("\npending: add\n"), "{text}");
        let text = sheet(json!({"wants_restart": true, "status": "error"}), true);
        assert!(
            text.contains("running: no, and not again in this server"),
            "{text}"
        );
        assert!(text.ends_with("hint: end the server, and start it again: `keyway serve`\n"));
    }

    #[test]
    fn a_running_package_needs_no_hint() {
        let git = json!({
            "running": true, "running_since": 951_782_400, "install_kwargs": {"k": [1]},
            "source": {"kind": "git", "url": "https://e/r", "branch": "main", "rev": null, "commit": "c0"},
            "lifecycle": {"type": "V/N", "plugin": "/p/l.so", "plugin_version": "2"},
            "dependencies": {"c.d": ">=1.0"},
        });
        let text = sheet(git, true);
        for line in [
            "running: since 2000-02-29 00:00 UTC\n",
            "source: https://e/r, branch main, commit c0\n",
            "lifecycle: V/N 2, /p/l.so\n",
            "kwargs: {\"k\":[1]}\n",
            "needs: c.d >=1.0\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
        assert!(!text.contains("hint") && !text.contains("error"), "{text}");
    }

    #[test]
    fn what_to_do_depends_on_whether_a_server_runs() {
        for (status, has_server, hint) in [
            ("tostart", true, "to start it: `keyway package start a.b`"),
            ("tostart", false, "no server runs: `keyway serve`"),
            (
                "disabled",
                false,
                "to start it: `keyway package enable a.b`",
            ),
        ] {
            let text = sheet(json!({"status": status}), has_server);
            assert!(text.ends_with(&format!("hint: {hint}\n")), "{text}");
        }
    }
}
