//! What is asked for, as it is said: the one place that knows both ways.

use std::path::Path;

use axum::http::Method;
use keyway::lifecycle::{AddRequest, AddSource, DeleteRequest, Operation, Status};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::problem::Failure;

/// A request.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Option<Vec<u8>>,
    /// Behind which event a stream is to begin.
    pub(crate) after: Option<u64>,
}

impl Asked {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            body: None,
            after: None,
        }
    }

    /// # Errors
    ///
    /// A path in it is not UTF-8.
    pub(crate) fn operation(operation: &Operation) -> Result<Self, serde_json::Error> {
        let package = package(operation.package().unwrap_or_default());
        let (method, path, body) = match operation {
            Operation::Add(request) => (
                Method::POST,
                "/v1/packages".to_owned(),
                Some(serde_json::to_vec(request)?),
            ),
            Operation::Delete(DeleteRequest { purge, force, .. }) => (
                Method::DELETE,
                format!("{package}?purge={purge}&force={force}"),
                None,
            ),
            Operation::Reconfigure { install_kwargs, .. } => {
                let body = Reconfigure {
                    install_kwargs: install_kwargs.clone(),
                };
                (
                    Method::POST,
                    format!("{package}/reconfigure"),
                    Some(serde_json::to_vec(&body)?),
                )
            }
            other => (Method::POST, format!("{package}/{}", other.name()), None),
        };
        Ok(Self {
            method,
            path,
            body,
            after: None,
        })
    }
}

/// The path of a package.
pub(crate) fn package(name: &str) -> String {
    let mut path = "/v1/packages/".to_owned();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => path.push(byte.into()),
            // Also the dot, since `.` and `..` mean something in a path.
            _ => path.push_str(&format!("%{byte:02X}")),
        }
    }
    path
}

/// The body of a `reconfigure`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reconfigure {
    install_kwargs: Map<String, Value>,
}

/// The operation of an action on a package; `None` if there is no such action.
pub(crate) fn action(
    name: String,
    action: &str,
    body: &[u8],
) -> Option<Result<Operation, Failure>> {
    if action == "reconfigure" {
        let operation = read::<Reconfigure>(body).map(|it| Operation::Reconfigure {
            name,
            install_kwargs: it.install_kwargs,
        });
        return Some(operation);
    }
    let operation = match action {
        "start" => Operation::Start { name },
        "stop" => Operation::Stop { name },
        "enable" => Operation::Enable { name },
        "disable" => Operation::Disable { name },
        "retry" => Operation::Retry { name },
        "reload" => Operation::Reload { name },
        _ => return None,
    };
    if !body.is_empty() {
        let message = format!("`{action}` takes no body");
        return Some(Err(Failure::bad_request(message)));
    }
    Some(Ok(operation))
}

/// The package that is to be added.
pub(crate) fn add(body: &[u8]) -> Result<AddRequest, Failure> {
    check_add(&read(body)?)?;
    let request: AddRequest = read(body)?;
    match &request.source {
        AddSource::Path { path } => check_absolute("path", path)?,
        AddSource::Link { link } => check_absolute("link", link)?,
        _ => {}
    }
    Ok(request)
}

/// It would be taken from the folder that the server happens to be in.
fn check_absolute(key: &str, path: &Path) -> Result<(), Failure> {
    if path.is_absolute() {
        return Ok(());
    }
    let path = path.display();
    Err(Failure::bad_request(format!(
        "`source.{key}` is `{path}`, expected an absolute path"
    )))
}

/// Says more exactly what is wrong than serde can of a source that may be one of several.
fn check_add(body: &Value) -> Result<(), Failure> {
    const SOURCES: [&str; 3] = ["path", "link", "git_url"];
    const OF_GIT: [&str; 2] = ["branch", "rev"];
    let like = AddRequest::new(AddSource::Path { path: "/".into() });
    let like = serde_json::to_value(like).unwrap_or_default();
    let known: Vec<&str> = like
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .map(|key| &**key)
        .collect();
    check_keys("the body", body, &known)?;
    let source = &body["source"];
    check_keys("`source`", source, &[&SOURCES[..], &OF_GIT].concat())?;
    let named: Vec<&str> = SOURCES
        .into_iter()
        .filter(|key| source.get(key).is_some())
        .collect();
    let [named] = named[..] else {
        let found = match named[..] {
            [] => "none of them".to_owned(),
            _ => named
                .iter()
                .map(|key| format!("`{key}`"))
                .collect::<Vec<_>>()
                .join(" and "),
        };
        let message = format!("`source` has {found}, expected one of `path`, `link`, `git_url`");
        return Err(Failure::bad_request(message));
    };
    // A path that is no text is an object.
    let is_path = named != "git_url" && source[named].get("path_bytes").is_some();
    if !is_path && !source[named].is_string() {
        let message = format!(
            "`source.{named}` is {}, expected a string",
            kind(&source[named])
        );
        return Err(Failure::bad_request(message));
    }
    for key in OF_GIT {
        match source.get(key) {
            None => {}
            Some(_) if named != "git_url" => {
                let message = format!("`source.{key}` goes with `git_url`, not with `{named}`");
                return Err(Failure::bad_request(message));
            }
            Some(Value::String(_) | Value::Null) => {}
            Some(other) => {
                let message = format!("`source.{key}` is {}, expected a string", kind(other));
                return Err(Failure::bad_request(message));
            }
        }
    }
    Ok(())
}

/// Refuses what is no object, or has keys that mean nothing.
fn check_keys(what: &str, value: &Value, known: &[&str]) -> Result<(), Failure> {
    let Some(object) = value.as_object() else {
        let message = match value {
            Value::Null => format!("{what} is missing, expected an object"),
            _ => format!("{what} is {}, expected an object", kind(value)),
        };
        return Err(Failure::bad_request(message));
    };
    let Some(unknown) = object.keys().find(|key| !known.contains(&&***key)) else {
        return Ok(());
    };
    let known = known.iter().map(|key| format!("`{key}`"));
    let known = known.collect::<Vec<_>>().join(", ");
    let message = format!("{what} has `{unknown}`, which is not known, expected {known}");
    Err(Failure::bad_request(message))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Reads a body; what is wrong with it is said with line and column.
fn read<T: for<'a> Deserialize<'a>>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body)
        .map_err(|error| Failure::bad_request(format!("the body is not as expected: {error}")))
}

/// What a `DELETE` asks for.
pub(crate) fn delete(name: String, query: &str) -> Result<DeleteRequest, Failure> {
    let mut request = DeleteRequest::new(name);
    for (key, value) in parameters(query) {
        let flag = match key {
            "purge" => &mut request.purge,
            "force" => &mut request.force,
            _ => return Err(unknown_parameter(key, "`purge`, `force`")),
        };
        *flag = match value {
            "true" => true,
            "false" => false,
            _ => {
                let message = format!("`{key}` is `{value}`, expected `true` or `false`");
                return Err(Failure::bad_request(message));
            }
        };
    }
    Ok(request)
}

/// Which packages a listing asks for.
pub(crate) fn listing(query: &str) -> Result<Option<Status>, Failure> {
    let mut status = None;
    for (key, value) in parameters(query) {
        if key != "status" {
            return Err(unknown_parameter(key, "`status`"));
        }
        let known = value.parse();
        status = Some(known.map_err(|error: keyway::lifecycle::StatusError| {
            Failure::bad_request(error.to_string())
        })?);
    }
    Ok(status)
}

/// What a log is asked for.
#[derive(Debug, PartialEq)]
pub(crate) struct Logs {
    pub(crate) lines: usize,
    pub(crate) process: Option<String>,
    pub(crate) follow: bool,
}

/// As many lines of a log may be asked for.
const MOST_LINES: usize = 10_000;

/// Which log is asked for, and how much of it.
pub(crate) fn logs(query: &str) -> Result<Logs, Failure> {
    let mut logs = Logs {
        lines: 100,
        process: None,
        follow: false,
    };
    for (key, value) in parameters(query) {
        match (key, value) {
            ("lines", _) => {
                let lines = value.parse().ok().filter(|lines| *lines <= MOST_LINES);
                let wrong = || format!("`lines` is `{value}`, expected 0 to {MOST_LINES}");
                logs.lines = lines.ok_or_else(|| Failure::bad_request(wrong()))?;
            }
            ("process", _) => logs.process = Some(value.to_owned()),
            ("follow", "true") => logs.follow = true,
            ("follow", "false") => logs.follow = false,
            ("follow", _) => {
                let message = format!("`follow` is `{value}`, expected `true` or `false`");
                return Err(Failure::bad_request(message));
            }
            _ => return Err(unknown_parameter(key, "`lines`, `process`, `follow`")),
        }
    }
    Ok(logs)
}

/// Nothing can be asked for in the query.
pub(crate) fn no_parameters(query: &str) -> Result<(), Failure> {
    match parameters(query).next() {
        None => Ok(()),
        Some((key, _)) => Err(unknown_parameter(key, "none")),
    }
}

/// Keys and values. None of those that mean something has a character that is escaped in a URL.
fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').unwrap_or((part, "")))
}

fn unknown_parameter(key: &str, known: &str) -> Failure {
    Failure::bad_request(format!(
        "the parameter `{key}` is not known, expected {known}"
    ))
}

#[cfg(all(test, unix))]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn a_path_that_is_no_text_can_be_asked_for() {
        let path = Path::new(OsStr::from_bytes(b"/a\xff")).to_owned();
        for source in [
            AddSource::Path { path: path.clone() },
            AddSource::Link { link: path },
        ] {
            let request = AddRequest::new(source);
            let asked = Asked::operation(&Operation::Add(request.clone())).unwrap();
            assert_eq!(add(&asked.body.unwrap()).unwrap(), request);
        }
    }
}
