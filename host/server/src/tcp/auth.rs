//! The gate before all routes for those who ask over TCP.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tokio::time;

use super::hosts::{Hosts, is_cross_site};
use crate::audit::Audit;
use crate::peer::Peer;
use crate::problem::Failure;
use crate::token::Keeper;

/// What anybody who may connect may `GET`. It says nothing of packages: all else needs the token, whether
/// there is such a route or not.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];
/// As many wrong tokens of a peer are answered as such in a [`WINDOW`].
const TRIES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);
/// As long a wrong token waits for its answer.
const DELAY: Duration = Duration::from_millis(100);
/// As many peers are told apart by their tries.
const MOST_PEERS: usize = 10_000;
/// What all answers say to browsers, unless a route says it in another way.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

/// Who is let through to the routes.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) hosts: Hosts,
    pub(super) token: Arc<Keeper>,
    pub(super) behind_proxy: bool,
    pub(super) audit: Arc<Audit>,
    pub(super) tries: Tries,
}

/// What is known of a connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) address: SocketAddr,
    /// The generation of the token that was shown last; 0 for none.
    pub(super) admitted: Arc<AtomicU64>,
}

impl Gate {
    /// Answers a request: it is refused here, or goes to the routes.
    pub(super) async fn answer(
        &self,
        mut request: Request<Incoming>,
        connection: &Connection,
        router: Router,
    ) -> Response {
        let peer = Peer::Remote {
            address: connection.address,
            forwarded_for: self.forwarded_for(request.headers()),
        };
        let mut answer = match self.check(&request, connection).await {
            Ok(is_admin) => {
                request.extensions_mut().insert(peer);
                request.extensions_mut().insert(Arc::clone(&self.audit));
                let routed = TowerToHyperService::new(router).call(request).await;
                let mut answer = routed.unwrap_or_else(|never| match never {});
                if !is_admin {
                    close(&mut answer);
                }
                answer
            }
            Err((code, failure)) => {
                self.audit.refused(&peer, code);
                let mut answer = failure.into_response();
                if answer.status() == StatusCode::UNAUTHORIZED {
                    let bearer = HeaderValue::from_static("Bearer");
                    let headers = answer.headers_mut();
                    headers.insert(header::WWW_AUTHENTICATE, bearer);
                }
                close(&mut answer);
                answer
            }
        };
        for (name, value) in HEADERS {
            let value = HeaderValue::from_static(value);
            answer.headers_mut().entry(name).or_insert(value);
        }
        answer
    }

    /// Whether the request may go on; if so, whether it showed the token.
    async fn check(
        &self,
        request: &Request<Incoming>,
        connection: &Connection,
    ) -> Result<bool, (&'static str, Failure)> {
        let refused = |status, code, message: String, hint: &str| {
            Err((code, Failure::new(status, code, message).hint(hint)))
        };
        let headers = request.headers();
        let host = match self.hosts.check(request.uri(), headers) {
            Ok(host) => host,
            Err(found) => {
                let message = format!("the request has {found}, which is not allowed");
                let hint = "`keyway serve --allow-host NAME` allows one more";
                let status = StatusCode::MISDIRECTED_REQUEST;
                return refused(status, "host-not-allowed", message, hint);
            }
        };
        if is_cross_site(host, headers) {
            let message = "a page of another site asks".to_owned();
            let hint = "open the page of this server itself, by a name that it allows";
            return refused(StatusCode::FORBIDDEN, "cross-site", message, hint);
        }
        let shown = bearer(headers);
        if let Some(generation) = shown.and_then(|shown| self.token.admits(shown)) {
            connection.admitted.store(generation, Ordering::Relaxed);
            return Ok(true);
        }
        if is_open(request.method(), request.uri().path()) {
            return Ok(false);
        }
        // Whoever has the token is never kept out by those who try.
        let hint =
            "send `Authorization: Bearer TOKEN`; on the server `keyway token show` says which";
        if shown.is_some() {
            if !self.tries.one_more(connection.address.ip()) {
                let message = format!("more than {TRIES} wrong tokens in a minute");
                let status = StatusCode::TOO_MANY_REQUESTS;
                return refused(status, "too-many-tries", message, hint);
            }
            time::sleep(DELAY).await;
        }
        let message = match shown {
            None => "there is no token in the request",
            Some(_) => "the token is wrong",
        };
        refused(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            message.to_owned(),
            hint,
        )
    }

    fn forwarded_for(&self, headers: &HeaderMap) -> Option<String> {
        let named = headers.get_all("x-forwarded-for").iter();
        let named: Vec<_> = named
            .filter(|_| self.behind_proxy)
            .map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned())
            .collect();
        (!named.is_empty()).then(|| named.join(", "))
    }
}

/// What was not asked with the token is the last of its connection, so that nothing which somebody sent
/// beside it is taken for the beginning of what another one sends through the same proxy.
fn close(answer: &mut Response) {
    let close = HeaderValue::from_static("close");
    answer.headers_mut().insert(header::CONNECTION, close);
}

fn is_open(method: &Method, path: &str) -> bool {
    let is_open = OPEN.contains(&path) || crate::page::FILES.iter().any(|file| file.path == path);
    matches!(*method, Method::GET | Method::HEAD) && is_open
}

/// The token that a request shows, in the one way that counts.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut shown = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(shown), None) = (shown.next(), shown.next()) else {
        return None;
    };
    let (scheme, token) = shown.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
}

/// How often peers showed a wrong token.
#[derive(Debug, Default)]
pub(super) struct Tries(Mutex<HashMap<IpAddr, (Instant, u32)>>);

impl Tries {
    /// Whether one more may be answered.
    fn one_more(&self, peer: IpAddr) -> bool {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tries.len() >= MOST_PEERS && !tries.contains_key(&peer) {
            tries.retain(|_, (since, _)| since.elapsed() < WINDOW);
            if tries.len() >= MOST_PEERS {
                return false;
            }
        }
        let (since, count) = tries.entry(peer).or_insert((Instant::now(), 0));
        if since.elapsed() >= WINDOW {
            (*since, *count) = (Instant::now(), 0);
        }
        *count = count.saturating_add(1);
        *count <= TRIES
    }
}
