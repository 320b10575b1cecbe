//! What was not done, as it is told.

use std::error::Error;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use keyway::install::InstallError;
use keyway::lifecycle::ManagerError;
use serde::{Deserialize, Serialize};

use crate::stream::Line;

/// Why something was not done: the members of `error` in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Problem {
    /// A stable code, in kebab case.
    pub code: String,
    /// What went wrong, with its causes, in one line.
    pub message: String,
    /// What to do about it, where that is known.
    pub hint: Option<String>,
}

/// A problem, and the status that it is answered with.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    pub(crate) problem: Problem,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            problem: Problem {
                code: code.to_owned(),
                message: message.into(),
                hint: None,
            },
        }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", message)
    }

    /// Our own fault.
    pub(crate) fn internal() -> Self {
        let message = "the server failed inside; its log says where";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    pub(crate) fn hint(mut self, hint: &str) -> Self {
        self.problem.hint = Some(hint.to_owned());
        self
    }
}

impl From<ManagerError> for Failure {
    fn from(error: ManagerError) -> Self {
        Self {
            status: status(&error),
            problem: Problem {
                code: error.code().to_owned(),
                message: with_causes(&error),
                hint: error.hint(),
            },
        }
    }
}

fn status(error: &ManagerError) -> StatusCode {
    match error {
        ManagerError::BadRequest { .. } => StatusCode::BAD_REQUEST,
        ManagerError::NotOnRecord { .. } => StatusCode::NOT_FOUND,
        ManagerError::Refused { .. }
        | ManagerError::Held { .. }
        | ManagerError::Busy { .. }
        | ManagerError::Install(InstallError::Locked { .. }) => StatusCode::CONFLICT,
        // The disk and the server's own folders, not the package.
        ManagerError::Install(
            InstallError::Io { .. }
            | InstallError::NotOurs { .. }
            | InstallError::NoDataDir { .. }
            | InstallError::NoRoot,
        ) => StatusCode::INTERNAL_SERVER_ERROR,
        ManagerError::BadPackage { .. } | ManagerError::Install(_) => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        ManagerError::Fetch { .. } => StatusCode::BAD_GATEWAY,
        ManagerError::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What an error says, and what its causes do, unless it repeats them.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text.push_str("; ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = json(&Line::Error(self.problem));
        *response.status_mut() = self.status;
        response
    }
}

/// An answer, as JSON.
pub(crate) fn json<T: Serialize>(value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(text) => {
            let kind = [(header::CONTENT_TYPE, "application/json")];
            (kind, Body::from(text)).into_response()
        }
        Err(error) => unspeakable(&error).into_response(),
    }
}

/// What is to be answered cannot be: a path in it is not UTF-8.
pub(crate) fn unspeakable(error: &serde_json::Error) -> Failure {
    let message = format!("the answer cannot be said in JSON: {error}");
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "not-unicode", message)
}
