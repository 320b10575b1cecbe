//! What can be asked for, for programs: an OpenAPI document.

use axum::http::header;
use axum::response::{IntoResponse as _, Response};

/// The document, in JSON. Tests hold it against the routes, and against what is answered.
pub(crate) const DOCUMENT: &str = include_str!("openapi.json");

/// `GET /v1/openapi.json`
pub(crate) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}
