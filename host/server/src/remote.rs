//! The way to a server: its socket, or TCP.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::uri::{Scheme, Uri};
use rustix::net::sockopt;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time;
use tokio_rustls::TlsConnector;

use crate::error::ClientError;
use crate::options::Remote;
use crate::tls;

/// As long it may take until there is a connection.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// As long a server may say nothing before it is asked whether it is still there.
const SILENCE: Duration = Duration::from_secs(30);
/// As often it is asked then.
const QUESTIONS: u32 = 3;

/// The way to a server.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    Socket(PathBuf),
    Remote(Arc<Over>),
}

/// The way over TCP.
pub(crate) struct Over {
    url: String,
    host: String,
    port: u16,
    /// What stands in the request.
    named: HeaderValue,
    authorization: HeaderValue,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl std::fmt::Debug for Over {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The token is nobody's business.
        f.debug_tuple("Over").field(&self.url).finish()
    }
}

/// What goes over it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Way {
    /// The way to a server on TCP; nothing is asked yet.
    pub(crate) fn over(remote: &Remote) -> Result<Self, ClientError> {
        let url = &remote.url;
        let bad = |why: &str| ClientError::BadUrl {
            url: without_user(url),
            why: why.to_owned(),
        };
        let uri: Uri = url.parse().map_err(|_| bad("it is no URL"))?;
        let is_safe = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(bad("expected `https://HOST`, or `http://HOST`")),
        };
        let authority = uri.authority().ok_or_else(|| bad("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("it has a user, expected a token file instead"));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(bad("it has a path, expected a host and a port alone"));
        }
        // What is no port would else be that of the scheme, and the token go to who answers there.
        let named = authority.as_str().rsplit_once(':').map(|(_, port)| port);
        let named = named.filter(|port| !port.ends_with(']'));
        if named.is_some_and(|port| !matches!(port.parse::<u16>(), Ok(1..))) {
            return Err(bad("its port is none, expected 1 to 65535"));
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let is_here = host.eq_ignore_ascii_case("localhost")
            || host.parse().is_ok_and(|it: IpAddr| it.is_loopback());
        if !is_safe && !is_here && !remote.insecure_http {
            return Err(ClientError::InTheClear { url: url.clone() });
        }
        let tls = if is_safe {
            let name = ServerName::try_from(host.clone());
            let name = name.map_err(|_| bad("it has no host name"))?;
            Some((tls::client(remote.tls_ca.as_deref())?, name))
        } else {
            None
        };
        let header = |text: String| {
            let mut value = HeaderValue::from_str(&text).map_err(|_| bad("it is no URL"))?;
            value.set_sensitive(true);
            Ok::<_, ClientError>(value)
        };
        Ok(Self::Remote(Arc::new(Over {
            url: url.clone(),
            port: authority
                .port_u16()
                .unwrap_or(if is_safe { 443 } else { 80 }),
            host,
            named: header(authority.as_str().to_owned())?,
            authorization: header(format!("Bearer {}", remote.token))?,
            tls,
        })))
    }

    /// What is named in errors.
    pub(crate) fn server(&self) -> String {
        match self {
            Self::Socket(path) => path.to_string_lossy().into_owned(),
            Self::Remote(over) => over.url.clone(),
        }
    }

    /// What stands in a request as the host.
    pub(crate) fn host(&self) -> HeaderValue {
        match self {
            Self::Socket(_) => HeaderValue::from_static("keyway"),
            Self::Remote(over) => over.named.clone(),
        }
    }

    /// What a request shows.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        match self {
            Self::Socket(_) => None,
            Self::Remote(over) => Some(over.authorization.clone()),
        }
    }

    /// A connection.
    pub(crate) async fn dial(&self) -> Result<Box<dyn Stream>, ClientError> {
        let server = self.server();
        let over = match self {
            Self::Socket(path) => {
                let stream = UnixStream::connect(path).await;
                let stream =
                    stream.map_err(|source| ClientError::Unreachable { server, source })?;
                return Ok(Box::new(stream));
            }
            Self::Remote(over) => over,
        };
        let late = || io::Error::new(io::ErrorKind::TimedOut, "it takes too long");
        let stream = TcpStream::connect((&*over.host, over.port));
        let stream = time::timeout(CONNECT_TIME, stream).await;
        let stream = stream.unwrap_or_else(|_| Err(late()));
        let stream = stream.and_then(kept_alive).map_err(|source| {
            let server = server.clone();
            ClientError::Unreachable { server, source }
        })?;
        let Some((config, name)) = &over.tls else {
            return Ok(Box::new(stream));
        };
        let connector = TlsConnector::from(Arc::clone(config));
        let stream = time::timeout(CONNECT_TIME, connector.connect(name.clone(), stream)).await;
        match stream.unwrap_or_else(|_| Err(late())) {
            Ok(stream) => Ok(Box::new(stream)),
            Err(source) => Err(ClientError::Tls { server, source }),
        }
    }
}

/// An operation may take hours, in which nothing is said; a server that is gone must not take longer.
fn kept_alive(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    sockopt::set_tcp_keepidle(&stream, SILENCE)?;
    sockopt::set_tcp_keepintvl(&stream, SILENCE / QUESTIONS)?;
    sockopt::set_tcp_keepcnt(&stream, QUESTIONS)?;
    sockopt::set_socket_keepalive(&stream, true)?;
    Ok(stream)
}

/// A URL as it may be shown.
fn without_user(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((_, host)) => format!("...@{host}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        let error = Way::over(&Remote::new(url, "0".repeat(64))).unwrap_err();
        error.code().to_owned()
    }

    #[test]
    fn a_token_goes_only_where_it_is_safe() {
        for url in [
            "",
            "localhost",
            "localhost:80",
            "/run/socket",
            "ftp://localhost",
            "http://",
            "http://me:secret@localhost",
            "http://localhost/v1",
            "http://localhost/?a=b",
            "http://localhost:",
            "http://localhost:0",
            "http://localhost:abc",
            "https://localhost:99999",
            "http://[::1]:99999",
        ] {
            assert_eq!(refused(url), "bad-url", "{url}");
        }
        for url in [
            "http://example.org",
            "http://192.0.2.1:80",
            "http://localhost.example.org",
            "http://127.0.0.1.example.org",
            "http://[2001:db8::1]",
        ] {
            assert_eq!(refused(url), "insecure-url", "{url}");
            let mut remote = Remote::new(url, "0");
            remote.insecure_http = true;
            Way::over(&remote).unwrap();
        }
        for url in [
            "http://localhost:8080",
            "http://127.0.0.1/",
            "http://[::1]:1",
            "https://example.org:8443",
        ] {
            Way::over(&Remote::new(url, "0")).unwrap();
        }
        let error = Way::over(&Remote::new("http://me:secret@localhost", "0")).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
