//! The document says what can be asked for, and the page is where it should be.

use serde_json::{Map, Value, json};

use super::{Server, answer, package};
use crate::openapi::DOCUMENT;

/// Routes of the router, by its text: axum does not list them. The page is for people.
fn routes() -> Vec<(String, String)> {
    let mut routes = Vec::new();
    let text: String = include_str!("../router.rs").split_whitespace().collect();
    for part in text.split(".route(\"").skip(1) {
        let (path, rest) = part.split_once("\",").unwrap();
        // A route's methods end with the next call on the router.
        let methods = rest.split(")).").next().unwrap();
        for method in ["get", "post", "delete", "put", "patch"] {
            if methods.contains(&format!("{method}(")) {
                routes.push((method.to_owned(), path.to_owned()));
            }
        }
    }
    assert!(routes.len() > 6, "{routes:?}");
    routes
}

fn document() -> Value {
    serde_json::from_str(DOCUMENT).unwrap()
}

/// Each operation of the document: method, path, and what it says.
fn documented() -> Vec<(String, String, Value)> {
    let mut documented = Vec::new();
    for (path, item) in document()["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if method != "parameters" {
                documented.push((method.clone(), path.clone(), operation.clone()));
            }
        }
    }
    documented
}

/// Whether a path of the document is one of a route: what is named in the route may be anything.
fn is_of(path: &str, route: &str) -> bool {
    let (path, route) = (path.split('/'), route.split('/'));
    path.clone().count() == route.clone().count()
        && path
            .zip(route)
            .all(|(path, route)| path == route || route.starts_with('{'))
}

/// These answer for as long as somebody listens; other tests do.
const STREAMS: [&str; 1] = ["/v1/events"];

#[test]
fn the_document_has_each_route_and_no_other() {
    let routes = routes();
    let documented = documented();
    for (method, route) in &routes {
        let found = documented
            .iter()
            .any(|(of, path, _)| of == method && path == route);
        assert!(found, "{method} {route} is not in the document");
    }
    for (method, path, _) in &documented {
        let found = routes
            .iter()
            .any(|(of, route)| of == method && is_of(path, route));
        assert!(found, "there is no {method} {path}");
    }
}

#[test]
fn each_operation_that_is_documented_is_there() {
    let server = Server::start();
    for (method, path, operation) in documented() {
        if STREAMS.contains(&&*path) {
            continue;
        }
        let actions = document()["paths"][&path]["parameters"][1]["schema"]["enum"].clone();
        let actions = actions.as_array().cloned().unwrap_or(vec![json!("")]);
        for action in actions {
            let path = path
                .replace("{name}", "a.b")
                .replace("{action}", action.as_str().unwrap());
            let head = format!("{} {path}", method.to_uppercase());
            let reply = server.json(&head, "");
            let status = reply.status.to_string();
            let is_there =
                reply.status != 405 && !reply.body.contains("\"code\":\"unknown-route\"");
            assert!(is_there, "{head}: {reply:#?}");
            assert!(
                operation["responses"].get(&status).is_some(),
                "{head}: {reply:#?}"
            );
        }
    }
    // What is not documented is not there.
    for method in ["PUT", "PATCH", "OPTIONS", "TRACE"] {
        let reply = server.raw(&format!("{method} /v1/packages"), "", "");
        assert_eq!(
            reply.error(405, "method-not-allowed"),
            format!("`/v1/packages` does not take `{method}`")
        );
        assert!(reply.head.contains("allow: get,head,post"), "{reply:#?}");
    }
}

#[test]
fn all_references_lead_somewhere_and_all_parts_are_used() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                let reference = object.get("$ref").and_then(Value::as_str);
                found.extend(reference.map(str::to_owned));
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(array) => array.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    for reference in &found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    for kind in ["schemas", "responses", "parameters"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            // Events are in a stream, of which a document can only say that it is text.
            let used = found.contains(&format!("#/components/{kind}/{name}"));
            assert!(used || name == "Event", "{kind} {name} is not used");
        }
    }
}

/// What is wrong with `value`, as far as the document uses what schemas can say. Unlike others it wants
/// all members to be documented.
fn wrong(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document().pointer(&reference[1..]).unwrap().clone();
        return wrong(&target, value, at);
    }
    if let Some(one_of) = schema["oneOf"].as_array() {
        let tried = one_of.iter().map(|schema| wrong(schema, value, at));
        let (fit, bad): (Vec<_>, Vec<_>) = tried.partition(Result::is_ok);
        return match fit.len() {
            1 => Ok(()),
            count => Err(format!("{at}: {count} fit: {bad:?}")),
        };
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    let fits = |kind: &Value| match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other}"),
    };
    if !types.is_empty() && !types.iter().any(fits) {
        return Err(format!("{at} is {value}, expected {types:?}"));
    }
    if schema.get("const").is_some_and(|it| it != value) {
        return Err(format!("{at} is {value}, expected {}", schema["const"]));
    }
    if schema["enum"]
        .as_array()
        .is_some_and(|it| !it.contains(value))
    {
        return Err(format!("{at} is {value}, expected {}", schema["enum"]));
    }
    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
        wrong(&schema["items"], item, &format!("{at}/{place}"))?;
    }
    let none = Map::new();
    let known = schema["properties"].as_object().unwrap_or(&none);
    for key in schema["required"].as_array().into_iter().flatten() {
        if value.get(key.as_str().unwrap()).is_none() {
            return Err(format!("{at} has no {key}"));
        }
    }
    for (key, member) in value.as_object().into_iter().flatten() {
        match (known.get(key), &schema["additionalProperties"]) {
            (Some(schema), _) => wrong(schema, member, &format!("{at}/{key}"))?,
            (None, Value::Bool(true)) => {}
            (None, schema @ Value::Object(_)) => wrong(schema, member, &format!("{at}/{key}"))?,
            (None, _) => return Err(format!("{at} has `{key}`, which is not documented")),
        }
    }
    Ok(())
}

fn fits(schema: &str, value: &Value) {
    let schema = document()["components"]["schemas"][schema].clone();
    assert_eq!(wrong(&schema, value, ""), Ok(()), "{value:#}");
}

#[test]
fn answers_are_as_they_are_documented() {
    let server = Server::start();
    let reply = |head: &str, body: &str| server.json(head, body).value();
    fits("About", &reply("GET /v1/server", ""));
    fits("Package", &reply("GET /v1/packages/a.b", ""));
    fits("Answer", &reply("POST /v1/packages/a.b/start", ""));
    fits("Error", &reply("POST /v1/packages/a.fails/start", ""));
    fits("Error", &reply("GET /nowhere", ""));
    fits("Error", &reply("PUT /v1/server", ""));
    fits("Error", &reply("POST /v1/packages", "{"));
    // All that may be in one.
    let mut full = json!(package("a.b"));
    full["path"] = json!({"path": "/\u{fffd}", "path_bytes": "L/8="});
    full["lifecycle"] = json!({
        "type": "A/B", "plugin": "/p", "plugin_id": "p", "plugin_version": "1",
        "isolated": true, "pid": 7,
    });
    full["processes"] = ["running", "exited", "restarting", "stopped"]
        .map(|state| {
            json!({
                "name": "web", "state": state, "pid": null, "restarts": 0, "since": 1,
                "last_exit": "code 1",
            })
        })
        .into();
    full["dependencies"] = json!({"a.c": ">=1"});
    full["last_error"] = json!({
        "operation": "add", "hook": null, "code": "io", "message": "m", "location": null,
        "time": 1, "interrupted": false,
    });
    let progress = json!({"name": "a.b", "step": "place", "done": 1, "total": 2, "message": ""});
    full["pending"] = json!([
        {"operation": "add", "steps": ["start"], "active": true, "progress": progress},
        {"operation": "add", "steps": [], "active": false, "progress": null},
    ]);
    for source in [
        json!({"kind": "path", "path": "/p"}),
        json!({"kind": "link", "path": "/p"}),
        json!({"kind": "git", "url": "https://x/", "branch": null, "rev": "1", "commit": "2"}),
        json!({"kind": "unknown"}),
    ] {
        full["source"] = source;
        // It is one that the library knows, too.
        let known: keyway::lifecycle::PackageStatus = serde_json::from_value(full.clone()).unwrap();
        fits("Package", &json!(known));
    }
    let schema = &document()["components"]["schemas"]["Answer"];
    assert!(wrong(schema, &json!({"outcome": "done"}), "").is_err());
    let mut odd = json!(answer("a.b"));
    odd["more"] = json!(1);
    assert!(wrong(schema, &odd, "").is_err());
    odd = json!(answer("a.b"));
    odd["package"]["status"] = json!("fine");
    assert!(wrong(schema, &odd, "").is_err());
}

#[test]
fn requests_are_as_they_are_documented() {
    use keyway::lifecycle::{AddRequest, AddSource};
    let mut git = AddRequest::new(AddSource::Git {
        git_url: "https://example.org/r".to_owned(),
        branch: Some("main".to_owned()),
        rev: None,
    });
    git.install_kwargs = json!({"a": {"b": 1}}).as_object().cloned();
    fits("Add", &json!(git));
    for source in [
        AddSource::Path { path: "/p".into() },
        AddSource::Link { link: "/p".into() },
    ] {
        fits("Add", &json!(AddRequest::new(source)));
    }
    fits("Reconfigure", &json!({"install_kwargs": {}}));
}

#[test]
fn the_page_is_served_with_all_that_it_asks_for() {
    let server = Server::start();
    let page = server.raw("GET /", "", "");
    assert_eq!(page.status, 200);
    let mut asked = 0;
    for part in page
        .body
        .split(['"', '\''])
        .filter(|it| it.starts_with("/page/"))
    {
        let file = server.raw(&format!("GET {part}"), "", "");
        assert_eq!(file.status, 200, "{part}");
        for header in [
            "content-security-policy: default-src 'self'",
            "nosniff",
            "no-store",
        ] {
            assert!(file.head.contains(header), "{part}: {}", file.head);
        }
        asked += 1;
    }
    assert_eq!(asked, 3);
    // Nothing inline, and nothing from elsewhere.
    for bad in [
        "<style", " style=", " onclick", " onload", "http://", "//cdn",
    ] {
        assert!(!page.body.contains(bad), "{bad}");
    }
    server
        .raw("POST /", "", "")
        .error(405, "method-not-allowed");
    server
        .raw("GET /page/../page/app.js", "", "")
        .error(404, "unknown-route");
}
