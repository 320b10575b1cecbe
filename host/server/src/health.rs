//! Whether the server lives, and whether it is ready.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::router::Served;

/// `GET /healthz`: it answers.
pub(crate) async fn healthz() -> Response {
    text(StatusCode::OK, "ok")
}

/// `GET /readyz`: it has started what should run, and does what it is asked for.
pub(crate) async fn readyz(State(served): State<Served>) -> Response {
    if served.stopping.is_cancelled() {
        text(StatusCode::SERVICE_UNAVAILABLE, "stopping")
    } else if served.monitor.is_ready() {
        text(StatusCode::OK, "ready")
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, "starting")
    }
}

fn text(status: StatusCode, word: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, format!("{word}\n")).into_response()
}
