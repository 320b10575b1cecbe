//! The page at `/`: a person's way to the packages. Its files are part of the program.
//!
//! They hold nothing that is secret and are for everybody; what the page shows it asks for like any
//! other client, with the token that it was given.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponse as _;
use axum::routing::get;

/// A file of the page.
pub(crate) struct File {
    pub(crate) path: &'static str,
    kind: &'static str,
    text: &'static str,
}

pub(crate) const FILES: [File; 5] = [
    File {
        path: "/",
        kind: "text/html; charset=utf-8",
        text: include_str!("page/index.html"),
    },
    File {
        path: "/page/app.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("page/app.js"),
    },
    File {
        path: "/page/server.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("page/server.js"),
    },
    File {
        path: "/page/style.css",
        kind: "text/css; charset=utf-8",
        text: include_str!("page/style.css"),
    },
    File {
        path: "/page/icon.svg",
        kind: "image/svg+xml",
        text: include_str!("page/icon.svg"),
    },
];

/// Nothing from elsewhere, nothing inline, no text that becomes markup, in nobody's frame.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'";

const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// The routes of the page.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES.into_iter().fold(Router::new(), |router, file| {
        let kind = HeaderValue::from_static(file.kind);
        let answer = move || async move {
            let kind = [(header::CONTENT_TYPE, kind)];
            (HEADERS, kind, file.text).into_response()
        };
        router.route(file.path, get(answer))
    })
}
