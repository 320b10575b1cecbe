//! Connections: whose they are, and one after the other what is asked on them.

use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{UnixListener, UnixStream};
use tokio::{task, time};

use crate::audit::Audit;
use crate::peer::Peer;
use crate::socket::{may_ask, own_user};

/// As long the headers of a request may take, and a connection may be silent between two.
const HEADER_TIME: Duration = Duration::from_secs(30);
/// As many bytes the headers of a request may have.
const MAX_HEADERS: usize = 64 * 1024;
/// As long to wait when the system has no more connections to give.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers all who may ask, until the task is ended.
pub(crate) async fn accept(
    listener: UnixListener,
    router: Router,
    all: Arc<GracefulShutdown>,
    audit: Option<Arc<Audit>>,
) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if let Some(peer) = admitted(&stream, audit.as_deref()) {
                    let router = router.clone().layer(Extension(peer));
                    task::spawn(answer(stream, router, all.watcher()));
                }
            }
            // One that went away again, or too many open files.
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                time::sleep(PAUSE).await;
            }
        }
    }
}

fn admitted(stream: &UnixStream, audit: Option<&Audit>) -> Option<Peer> {
    let own = own_user();
    match stream.peer_cred() {
        Ok(peer) if may_ask(peer.uid(), own) => Some(Peer::Process {
            user: peer.uid(),
            pid: peer.pid(),
        }),
        Ok(peer) => {
            let (user, pid) = (peer.uid(), peer.pid());
            tracing::warn!(user, pid, own, "a connection of another user was closed");
            if let Some(audit) = audit {
                audit.refused(&Peer::Process { user, pid }, "other-user");
            }
            None
        }
        Err(error) => {
            tracing::warn!(%error, "a connection was closed: nobody knows whose it is");
            None
        }
    }
}

/// Answers what is asked on one connection.
pub(crate) async fn answer(stream: UnixStream, router: Router, watcher: Watcher) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended");
    }
}
