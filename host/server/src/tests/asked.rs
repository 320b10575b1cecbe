//! What is asked for arrives as it was meant.

use keyway::lifecycle::{AddRequest, AddSource, DeleteRequest, Operation, Status};
use serde_json::json;

use super::{Server, answer, package};
use crate::ClientError;

#[test]
fn nobody_answers() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let client = crate::Client::new(&socket);
    let error = client.about().unwrap_err();
    assert!(error.is_absent(), "{error}");
    // A dead one.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let error = client.packages(None).unwrap_err();
    assert!(error.is_absent(), "{error}");
    assert_eq!(error.code(), "no-server");
    assert_eq!(
        error.to_string(),
        format!("nobody answers at `{}`", socket.display())
    );
}

#[test]
fn each_operation_is_asked_for_as_it_is() {
    let mut git = AddRequest::new(AddSource::Git {
        git_url: "https://example.org/r".to_owned(),
        branch: Some("main".to_owned()),
        rev: None,
    });
    git.install_kwargs = json!({"a": {"b": [1, "ü"]}}).as_object().cloned();
    (git.update, git.start) = (true, false);
    let mut link = AddRequest::new(AddSource::Link {
        link: "/with spaces/ü".into(),
    });
    (link.reinstall, link.reload, link.install) = (true, true, false);
    let path = AddRequest::new(AddSource::Path { path: "/p".into() });
    let mut delete = DeleteRequest::new("a.b");
    delete.purge = true;
    let mut forced = DeleteRequest::new("a.b");
    forced.force = true;
    // Names that mean something in a path, and are no names of packages.
    let [name, odd, up] = ["a.b", "a/../b?c=%2e#ü ", ".."].map(str::to_owned);
    let operations = [
        Operation::Add(git),
        Operation::Add(link),
        Operation::Add(path),
        Operation::Delete(delete),
        Operation::Delete(forced),
        Operation::Start { name: name.clone() },
        Operation::Stop { name: odd },
        Operation::Enable { name: up },
        Operation::Disable { name: name.clone() },
        Operation::Retry { name: name.clone() },
        Operation::Reload { name: name.clone() },
        Operation::Reconfigure {
            name,
            install_kwargs: json!({"k": null}).as_object().cloned().unwrap(),
        },
    ];
    let server = Server::start();
    for operation in &operations {
        let name = operation.package().unwrap_or("new.package");
        let answered = server.client().perform(operation, |_| {}).unwrap();
        assert_eq!(answered, answer(name));
    }
    assert_eq!(server.fake.asked(), operations);
}

#[test]
fn questions_are_answered() {
    let server = Server::start();
    let client = server.client();
    assert_eq!(client.status("a.b").unwrap(), package("a.b"));
    assert_eq!(client.packages(None).unwrap().len(), 2);
    assert_eq!(client.packages(Some(Status::Error)).unwrap().len(), 1);
    let about = client.about().unwrap();
    assert_eq!((about.pid, about.stopping), (7, false));
    match client.status("a.c").unwrap_err() {
        ClientError::Problem(problem) => {
            assert_eq!(problem.code, "not-on-record");
            assert_eq!(problem.hint.as_deref(), Some("did you mean `a.b`?"));
        }
        error => panic!("{error}"),
    }
    // The names are in the answer as they are in the library's JSON.
    let reply = server.raw("GET /v1/packages/a.b", "", "");
    assert_eq!(reply.value(), json!(package("a.b")));
}

#[test]
fn one_answer_without_lines() {
    let server = Server::start();
    let reply = server.raw("POST /v1/packages/a.b/stop", "accept: */*\r\n", "");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.value(), json!(answer("a.b")));
}
