//! Answering on TCP those who have the token.
//!
//! All of it has a thread and a runtime of its own, so that who asks at the socket does not notice how many
//! knock here.

mod auth;
mod hosts;
mod slots;
mod timed;

use std::convert::Infallible;
use std::net::{self, SocketAddr};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::http::uri::Authority;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustix::net::sockopt;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::{runtime, task, time};
use tokio_rustls::TlsAcceptor;

use crate::audit::Audit;
use crate::error::ServeError;
use crate::options::ServeOptions;
use crate::tls::TlsFiles;
use crate::token::Keeper;
use auth::{Connection, Gate, Tries};
use hosts::Hosts;
use slots::{Slots, Taken};
use timed::Timed;

/// As long the headers of a request may take, and a connection may be silent between two.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// As long it may take until a connection is encrypted.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// As many bytes the headers of a request may have.
const MAX_HEADERS: usize = 32 * 1024;
/// How often to look whether the token has changed, for the sake of streams that have begun.
const PULSE: Duration = Duration::from_secs(1);
/// As many connections the system keeps until they are taken.
const BACKLOG: i32 = 4096;
/// As long to wait when the system has no more connections to give.
const PAUSE: Duration = Duration::from_millis(100);
/// As long the last answers may take.
const LAST_ANSWERS: Duration = Duration::from_secs(2);
/// As long the other end may say nothing at all before it is asked whether it is there.
const SILENCE: Duration = Duration::from_secs(60);

/// Says whether it may be listened so, before anything is done.
pub(crate) fn check(options: &ServeOptions) -> Result<Option<Arc<ServerConfig>>, ServeError> {
    for name in &options.allow_hosts {
        let is_host = name
            .parse::<Authority>()
            .is_ok_and(|it| !name.contains('@') && it.as_str() == name && !it.host().is_empty());
        if !is_host || name.contains('*') {
            return Err(ServeError::BadHostName(name.clone()));
        }
    }
    for &address in &options.listen {
        if options.tls.is_none() && !options.behind_proxy && !address.ip().is_loopback() {
            return Err(ServeError::InTheClear { address });
        }
        if address.ip().is_unspecified() && options.allow_hosts.is_empty() {
            return Err(ServeError::NoHostName { address });
        }
    }
    let tls = options.tls.as_ref().map(TlsFiles::server);
    Ok(tls.transpose()?)
}

/// What is answered on TCP.
#[derive(Debug)]
pub(crate) struct Listeners {
    urls: Vec<String>,
    /// It ends when this is gone.
    commands: mpsc::UnboundedSender<Reload>,
    ended: oneshot::Receiver<()>,
}

/// Certificate and key are to be read anew.
#[derive(Debug)]
struct Reload;

/// What all connections know.
struct Shared {
    gate: Gate,
    slots: Arc<Slots>,
    tls: RwLock<Option<Arc<ServerConfig>>>,
    router: Router,
}

impl Listeners {
    /// Listens, once [`check`] has said that it may, and has given `tls`.
    pub(crate) fn open(
        options: &ServeOptions,
        tls: Option<Arc<ServerConfig>>,
        state_dir: &Path,
        audit: Arc<Audit>,
        router: Router,
    ) -> Result<Self, ServeError> {
        let token = Arc::new(Keeper::open(state_dir)?);
        let mut listeners = Vec::new();
        let mut addresses = Vec::new();
        for &address in &options.listen {
            let listen = || {
                let listener = net::TcpListener::bind(address)?;
                listener.set_nonblocking(true)?;
                // Else who knocks while many do is not heard for a second.
                rustix::net::listen(&listener, BACKLOG)?;
                Ok((listener.local_addr()?, listener))
            };
            let (address, listener) =
                listen().map_err(|source| ServeError::Listen { address, source })?;
            addresses.push(address);
            listeners.push(listener);
        }
        let (scheme, port) = match tls {
            Some(_) => ("https", 443),
            None => ("http", 80),
        };
        let path = token.path();
        tracing::info!(?addresses, tls = tls.is_some(), token = ?path, "answers on TCP");
        let shared = Shared {
            gate: Gate {
                hosts: Hosts::new(&addresses, &options.allow_hosts, port),
                token,
                behind_proxy: options.behind_proxy,
                audit,
                tries: Tries::default(),
            },
            slots: Arc::new(Slots::new(options.behind_proxy)),
            tls: RwLock::new(tls),
            router,
        };
        let (commands, commanded) = mpsc::unbounded_channel();
        let (end, ended) = oneshot::channel();
        let files = options.tls.clone();
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(ServeError::Runtime)?;
        let spawned = thread::Builder::new()
            .name("tcp".to_owned())
            .spawn(move || {
                runtime.block_on(run(listeners, Arc::new(shared), files, commanded));
                runtime.shutdown_background();
                let _ = end.send(());
            });
        spawned.map_err(ServeError::Runtime)?;
        Ok(Self {
            urls: addresses
                .iter()
                .map(|address| format!("{scheme}://{address}"))
                .collect(),
            commands,
            ended,
        })
    }

    /// Where it answers.
    pub(crate) fn urls(&self) -> &[String] {
        &self.urls
    }

    /// Has certificate and key read anew.
    pub(crate) fn reload(&self) {
        let _ = self.commands.send(Reload);
    }

    /// Takes no more connections, and gives the last answers.
    pub(crate) async fn close(self) {
        drop(self.commands);
        let _ = time::timeout(LAST_ANSWERS + PULSE, self.ended).await;
    }
}

async fn run(
    listeners: Vec<net::TcpListener>,
    shared: Arc<Shared>,
    files: Option<TlsFiles>,
    mut commands: mpsc::UnboundedReceiver<Reload>,
) {
    let connections = Arc::new(GracefulShutdown::new());
    let accepting: Vec<_> = listeners
        .into_iter()
        .map(|listener| {
            let (shared, all) = (Arc::clone(&shared), Arc::clone(&connections));
            task::spawn(accept(listener, shared, all))
        })
        .collect();
    loop {
        match time::timeout(PULSE, commands.recv()).await {
            Ok(Some(Reload)) => shared.reload(files.as_ref()),
            Ok(None) => break,
            Err(_) => shared.slots.keep_only(shared.gate.token.generation()),
        }
    }
    for task in accepting {
        task.abort();
        let _ = task.await;
    }
    // The tasks are gone, and their shares with them.
    if let Some(connections) = Arc::into_inner(connections) {
        let _ = time::timeout(LAST_ANSWERS, connections.shutdown()).await;
    }
}

impl Shared {
    fn reload(&self, files: Option<&TlsFiles>) {
        match files.map(TlsFiles::server) {
            None => tracing::info!("SIGHUP means nothing here: there is no certificate"),
            Some(Ok(config)) => {
                *self.tls.write().unwrap_or_else(PoisonError::into_inner) = Some(config);
                tracing::info!("the TLS certificate was read anew");
            }
            Some(Err(error)) => tracing::error!(%error, "the TLS certificate stays as it was"),
        }
    }

    fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.tls
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Answers all who connect, until the task is ended.
async fn accept(listener: net::TcpListener, shared: Arc<Shared>, all: Arc<GracefulShutdown>) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "cannot listen"),
    };
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                let Some(taken) = shared.slots.take(address.ip()) else {
                    tracing::debug!(%address, "a connection too many was closed");
                    continue;
                };
                let number = taken.number();
                let answer = answer(stream, address, taken, Arc::clone(&shared), all.watcher());
                let task = task::spawn(answer);
                shared.slots.runs(number, task.abort_handle());
            }
            // One that went away again, or too many open files.
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                time::sleep(PAUSE).await;
            }
        }
    }
}

/// Answers what is asked on one connection.
async fn answer(
    stream: TcpStream,
    address: SocketAddr,
    taken: Taken,
    shared: Arc<Shared>,
    watcher: Watcher,
) {
    keep_alive(&stream);
    let stream = Timed::new(stream);
    let Some(tls) = shared.tls() else {
        return speak(stream, address, taken, shared, watcher).await;
    };
    match time::timeout(HANDSHAKE_TIME, TlsAcceptor::from(tls).accept(stream)).await {
        Ok(Ok(stream)) => speak(stream, address, taken, shared, watcher).await,
        Ok(Err(error)) => tracing::debug!(%address, %error, "no TLS"),
        Err(_) => tracing::debug!(%address, "no TLS in time"),
    }
}

/// Has who says nothing asked whether it is still there: a stream may have nothing to tell for hours.
fn keep_alive(stream: &TcpStream) {
    let set = stream
        .set_nodelay(true)
        .and_then(|()| Ok(sockopt::set_tcp_keepidle(stream, SILENCE)?))
        .and_then(|()| Ok(sockopt::set_socket_keepalive(stream, true)?));
    if let Err(error) = set {
        tracing::debug!(%error, "a connection is not kept alive");
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    address: SocketAddr,
    taken: Taken,
    shared: Arc<Shared>,
    watcher: Watcher,
) {
    let admitted = Arc::clone(&taken.admitted);
    let connection = Arc::new(Connection { address, admitted });
    let service = service_fn(move |request| {
        let (shared, connection) = (Arc::clone(&shared), Arc::clone(&connection));
        async move {
            let router = shared.router.clone();
            let answer = shared.gate.answer(request, &connection, router).await;
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%address, %error, "a connection ended");
    }
    // Until now the place was taken.
    drop(taken);
}
