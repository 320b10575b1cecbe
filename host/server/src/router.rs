//! From a request to an answer.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{DefaultBodyLimit, FromRequest as _, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use keyway::install::Cancellation;
use keyway::lifecycle::{
    Answer, HookProgress, ManagerError, Operation, Outcome, PackageManager, PackageStatus, Status,
};
use tokio::{task, time};

use crate::about::About;
use crate::audit::{self, Entry};
use crate::monitor::Monitor;
use crate::problem::{Failure, json};
use crate::{events, health, logs, metrics, openapi, page, request, stream};

/// As large a body may be.
const MAX_BODY: usize = 1024 * 1024;
/// As long a body may take.
const BODY_TIME: Duration = Duration::from_secs(30);

/// What the routes need of a manager.
pub(crate) trait Managed: Send + Sync + 'static {
    fn perform(
        &self,
        operation: Operation,
        progress: Arc<dyn Fn(&HookProgress) + Send + Sync>,
    ) -> Result<Answer, ManagerError>;
    fn packages(&self, status: Option<Status>) -> Vec<PackageStatus>;
    fn status(&self, name: &str) -> Result<PackageStatus, ManagerError>;
    fn states(&self) -> Vec<(Status, bool)>;
}

impl Managed for PackageManager {
    fn perform(
        &self,
        operation: Operation,
        progress: Arc<dyn Fn(&HookProgress) + Send + Sync>,
    ) -> Result<Answer, ManagerError> {
        PackageManager::perform(self, operation, progress)
    }

    fn packages(&self, status: Option<Status>) -> Vec<PackageStatus> {
        PackageManager::packages(self, status)
    }

    fn status(&self, name: &str) -> Result<PackageStatus, ManagerError> {
        PackageManager::status(self, name)
    }

    fn states(&self) -> Vec<(Status, bool)> {
        PackageManager::states(self)
    }
}

/// Answers for `manager`, in the way that the [crate's](crate) page describes. Once `stopping` is
/// cancelled nothing new is done. Who may ask is for whoever serves it to say.
///
/// It has to be served within a runtime of Tokio with a clock.
///
/// What happens in the manager is not seen: [`router_with`] shows that, too.
pub fn router(manager: PackageManager, stopping: Cancellation) -> Router {
    let monitor = Monitor::default();
    monitor.ready();
    router_with(manager, stopping, monitor)
}

/// As [`router`], with events and numbers of a manager whose observer is that of `monitor`.
pub fn router_with(manager: PackageManager, stopping: Cancellation, monitor: Monitor) -> Router {
    let about = About::now(&manager);
    routes(Arc::new(manager), about, stopping, monitor)
}

/// What all routes know.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) manager: Arc<dyn Managed>,
    pub(crate) about: About,
    pub(crate) stopping: Cancellation,
    pub(crate) monitor: Monitor,
}

pub(crate) fn routes(
    manager: Arc<dyn Managed>,
    about: About,
    stopping: Cancellation,
    monitor: Monitor,
) -> Router {
    let served = Served {
        manager,
        about,
        stopping,
        monitor,
    };
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::metrics))
        .route("/v1/events", get(events::events))
        .route("/v1/packages/{name}/logs", get(logs::route::logs))
        .route("/v1/server", get(server))
        .route("/v1/packages", get(packages).post(add))
        .route("/v1/packages/{name}", get(package).delete(delete))
        .route("/v1/packages/{name}/{action}", post(act))
        .route("/v1/openapi.json", get(openapi::openapi))
        .merge(page::routes())
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn(guarded))
        .layer(from_fn_with_state(served.clone(), metrics::counted))
        .with_state(served)
}

async fn server(State(served): State<Served>) -> Response {
    json(&About {
        stopping: served.stopping.is_cancelled(),
        ..served.about
    })
}

async fn packages(State(served): State<Served>, uri: Uri) -> Result<Response, Failure> {
    let status = request::listing(uri.query().unwrap_or_default())?;
    let packages = blocking(move || served.manager.packages(status)).await?;
    Ok(json(&packages))
}

async fn package(
    State(served): State<Served>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Response, Failure> {
    let Path(name) = name?;
    let status = blocking(move || served.manager.status(&name)).await??;
    Ok(json(&status))
}

async fn add(State(served): State<Served>, request: Request) -> Result<Response, Failure> {
    let (parts, body) = read(request).await?;
    let request = request::add(&body)?;
    served.perform(&parts, Operation::Add(request)).await
}

async fn delete(
    State(served): State<Served>,
    name: Result<Path<String>, PathRejection>,
    parts: Parts,
) -> Result<Response, Failure> {
    let Path(name) = name?;
    let request = request::delete(name, parts.uri.query().unwrap_or_default())?;
    served.perform(&parts, Operation::Delete(request)).await
}

async fn act(
    State(served): State<Served>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Result<Response, Failure> {
    let Path((name, action)) = path?;
    let (parts, body) = read(request).await?;
    let Some(operation) = request::action(name, &action, &body) else {
        return Err(unknown_route(parts.uri).await);
    };
    served.perform(&parts, operation?).await
}

impl Served {
    async fn perform(self, parts: &Parts, operation: Operation) -> Result<Response, Failure> {
        if self.stopping.is_cancelled() {
            return Err(ManagerError::Stopping.into());
        }
        let extensions = parts.extensions.clone();
        let begun = move |operation: &Operation| audit::begun(&extensions, operation);
        if wants_lines(&parts.headers) {
            return Ok(stream::perform(self, operation, begun));
        }
        let answer = move || {
            let entry = begun(&operation);
            perform(&self, operation, Arc::new(|_| {}), entry)
        };
        Ok(json(&blocking(answer).await??))
    }
}

/// Has an operation done, and tells the logs of it.
pub(crate) fn perform(
    served: &Served,
    operation: Operation,
    progress: Arc<dyn Fn(&HookProgress) + Send + Sync>,
    entry: Option<Entry>,
) -> Result<Answer, Failure> {
    let metrics = served.monitor.metrics();
    let name = operation.name();
    // Of one that is to be added nobody knows the name yet.
    let package = operation.package().map(str::to_owned);
    tracing::info!(operation = name, package, "asked for");
    let done = served.manager.perform(operation, progress);
    if let Some(entry) = entry {
        entry.ended(done.as_ref().map_err(ManagerError::code));
    }
    match done {
        Ok(answer) => {
            let (package, outcome) = (&*answer.name, answer.outcome);
            tracing::info!(operation = name, package, ?outcome, "answered");
            metrics.operation(
                name,
                match outcome {
                    Outcome::Done => "done",
                    Outcome::Already => "already",
                    Outcome::Recorded => "recorded",
                    _ => "other",
                },
            );
            Ok(answer)
        }
        Err(error) => {
            let (package, outcome) = match &error {
                ManagerError::Failed { name, .. } => (Some(name.clone()), "failed"),
                ManagerError::Refused { name, .. } | ManagerError::Busy { name, .. } => {
                    (Some(name.clone()), "refused")
                }
                _ => (package, "refused"),
            };
            metrics.operation(name, outcome);
            let failure = Failure::from(error);
            let why = &*failure.problem.message;
            tracing::warn!(operation = name, package, why, "not done");
            Err(failure)
        }
    }
}

fn wants_lines(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let mut kinds = accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    kinds.any(|kind| is_kind(kind, stream::LINES))
}

/// Whether a media type is this one, whatever its parameters.
fn is_kind(value: &str, kind: &str) -> bool {
    let (value, _) = value.split_once(';').unwrap_or((value, ""));
    value.trim().eq_ignore_ascii_case(kind)
}

/// What stands before the body, and the body, which has to say that it is JSON.
async fn read(request: Request) -> Result<(Parts, Bytes), Failure> {
    let (parts, body) = request.into_parts();
    // The limit of the body is in the extensions.
    let request = Request::from_parts(parts.clone(), body);
    let body = time::timeout(BODY_TIME, Bytes::from_request(request, &())).await;
    let Ok(body) = body else {
        let message = format!("the body is not there after {} s", BODY_TIME.as_secs());
        let status = StatusCode::REQUEST_TIMEOUT;
        return Err(Failure::new(status, "request-timeout", message));
    };
    let body = body?;
    let kind = parts.headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !body.is_empty() && !is_kind(kind, "application/json") {
        let message = format!("the body is `{kind}`, expected `application/json`");
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let failure = Failure::new(status, "not-json", message);
        return Err(failure.hint("say `content-type: application/json`"));
    }
    Ok((parts, body))
}

impl From<BytesRejection> for Failure {
    fn from(rejection: BytesRejection) -> Self {
        match rejection.status() {
            status @ StatusCode::PAYLOAD_TOO_LARGE => {
                let message = format!("the body is larger than {MAX_BODY} bytes");
                Self::new(status, "too-large", message)
            }
            _ => Self::bad_request(rejection.body_text()),
        }
    }
}

impl From<PathRejection> for Failure {
    fn from(rejection: PathRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}

async fn unknown_route(uri: Uri) -> Failure {
    let message = format!("there is no `{}`", uri.path());
    Failure::new(StatusCode::NOT_FOUND, "unknown-route", message)
}

async fn wrong_method(request: Request) -> Failure {
    let (method, path) = (request.method(), request.uri().path());
    let message = format!("`{path}` does not take `{method}`");
    Failure::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        message,
    )
}

/// Does what may take long, or panic, in a thread of its own.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let done = task::spawn_blocking(work).await;
    done.map_err(|_| Failure::internal())
}

/// A panic is an answer, and ends nothing but its own request.
async fn guarded(request: Request, next: Next) -> Response {
    let answer = task::spawn(next.run(request)).await;
    answer.unwrap_or_else(|_| Failure::internal().into_response())
}
