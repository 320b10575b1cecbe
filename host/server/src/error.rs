//! Why a server does not serve, and why it did not answer.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use keyway::foreign::Escaped;
use keyway::lifecycle::ManagerError;

use crate::problem::Problem;
use crate::tls::TlsError;
use crate::token::TokenError;

/// Why a server did not serve, or did not end as it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// This system lacks what is needed.
    #[error(
        "this system has no Unix sockets that tell who connects, and nothing else is served yet"
    )]
    Unsupported,
    /// Nobody says where records and data lie.
    #[error("there is no state folder of the user")]
    NoStateDir,
    /// The manager does not open.
    #[error(transparent)]
    Manager(#[from] ManagerError),
    /// The path of the socket is longer than an address can be.
    #[error("the path of the socket, `{}`, has {} bytes, expected {longest} at most", Escaped(&.path.to_string_lossy()), .path.as_os_str().len())]
    LongPath {
        /// The path.
        path: PathBuf,
        /// As long it may be, in bytes.
        longest: usize,
    },
    /// The folder of the socket is not private.
    #[error("the folder of the socket, `{}`, {why}", Escaped(&.path.to_string_lossy()))]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The socket, or its folder, cannot be made.
    #[error("`{}` cannot be made", Escaped(&.path.to_string_lossy()))]
    Socket {
        /// The socket or the folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Whoever is on the network could read the token.
    #[error("`{address}` can be reached from other machines, and neither TLS nor a proxy is named")]
    InTheClear {
        /// The address that is to be listened at.
        address: SocketAddr,
    },
    /// Nobody could ask.
    #[error("`{address}` can be asked by any name, and none is allowed")]
    NoHostName {
        /// The address that is to be listened at.
        address: SocketAddr,
    },
    /// It is not the name of a host.
    #[error("`{}` is not the name of a host, expected `NAME`, or `NAME:PORT`", Escaped(.0))]
    BadHostName(
        /// What it is.
        String,
    ),
    /// The address cannot be listened at.
    #[error("cannot listen at `{address}`")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The certificate or the key is not as it should be.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// There is no token, and none can be made.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The system does not let us wait for connections and signals.
    #[error("cannot wait for connections and signals")]
    Runtime(#[source] io::Error),
    /// Packages did not stop as they should.
    #[error("{} did not stop as they should: {}", count(.0), told(.0))]
    NotStopped(
        /// Which, and why.
        Vec<(String, String)>,
    ),
    /// It was cut short while it stopped the packages.
    #[error("stopping was cut short; what ran did not end by itself")]
    CutShort,
}

fn count(packages: &[(String, String)]) -> String {
    match packages.len() {
        1 => "1 package".to_owned(),
        more => format!("{more} packages"),
    }
}

fn told(packages: &[(String, String)]) -> String {
    let told = packages
        .iter()
        .map(|(name, why)| format!("`{name}`: {why}"));
    told.collect::<Vec<_>>().join("; ")
}

impl ServeError {
    /// A stable code, in kebab case.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Unsupported => "unsupported",
            Self::NoStateDir => "no-state-folder",
            Self::Manager(error) => error.code(),
            Self::LongPath { .. } => "socket-path-too-long",
            Self::Folder { .. } => "socket-folder",
            Self::Socket { .. } => "socket",
            Self::InTheClear { .. } => "listen-in-the-clear",
            Self::NoHostName { .. } => "no-host-name",
            Self::BadHostName(_) => "bad-host-name",
            Self::Listen { .. } => "listen",
            Self::Tls(error) => error.code(),
            Self::Token(error) => error.code(),
            Self::Runtime(_) => "io",
            Self::NotStopped(_) => "not-stopped",
            Self::CutShort => "cut-short",
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoStateDir => {
                Some("name one, or set HOME or XDG_STATE_HOME to an absolute path".to_owned())
            }
            Self::Manager(ManagerError::Held { holder, .. }) if holder.socket.is_some() => {
                Some("a server runs there already: `keyway package` asks it".to_owned())
            }
            Self::Manager(error) => error.hint(),
            Self::LongPath { .. } => Some(
                "set XDG_RUNTIME_DIR to a private folder with a short path, or name a state folder with one"
                    .to_owned(),
            ),
            Self::InTheClear { .. } => Some(
                "name `--tls-cert FILE --tls-key FILE`, or `--behind-proxy` if a proxy in front of it speaks TLS, or listen at 127.0.0.1"
                    .to_owned(),
            ),
            Self::NoHostName { .. } => Some(
                "name those by which it is asked: `--allow-host keyway.example.org`".to_owned(),
            ),
            Self::Tls(error) => error.hint(),
            Self::Token(error) => error.hint(),
            _ => None,
        }
    }
}

/// Why a server did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody answers there: nothing was asked.
    #[error("nobody answers at `{}`", Escaped(.server))]
    Unreachable {
        /// The socket, or the URL.
        server: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// This is no URL of a server: nothing was asked.
    #[error("`{}` is not the URL of a server: {why}", Escaped(.url))]
    BadUrl {
        /// The URL.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// Whoever is on the network could read the token: nothing was asked.
    #[error("`{}` is another machine, and the token would go there in the clear", Escaped(.url))]
    InTheClear {
        /// The URL.
        url: String,
    },
    /// There is no connection that is safe from others: nothing was asked.
    #[error("there is no TLS connection with `{}`", Escaped(.server))]
    Tls {
        /// The URL.
        server: String,
        /// What is wrong with it, or with the certificate.
        #[source]
        source: io::Error,
    },
    /// The authority that is to be believed cannot be read.
    #[error(transparent)]
    TlsFile(#[from] TlsError),
    /// There is no token: nothing was asked.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// What is asked for cannot be said: a path in it is not UTF-8.
    #[error("what is asked for cannot be said in JSON: {0}")]
    Unspeakable(
        /// What is wrong with it.
        String,
    ),
    /// It was asked, and did not answer as it should: nobody knows what became of it.
    #[error("the server at `{}` did not answer as it should: {why}", Escaped(.server))]
    Broken {
        /// The socket, or the URL.
        server: String,
        /// What was wrong.
        why: String,
    },
    /// It says why not.
    #[error("{}", .0.message)]
    Problem(
        /// What it says.
        Problem,
    ),
    /// We were told not to wait. The server goes on.
    #[error("the answer was not waited for")]
    Left,
}

impl ClientError {
    /// A stable code, in kebab case.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Unreachable { .. } => "no-server",
            Self::BadUrl { .. } => "bad-url",
            Self::InTheClear { .. } => "insecure-url",
            Self::Tls { .. } => "tls",
            Self::TlsFile(error) => error.code(),
            Self::Token(error) => error.code(),
            Self::Unspeakable(_) => "not-unicode",
            Self::Broken { .. } => "no-answer",
            Self::Problem(problem) => &problem.code,
            Self::Left => "left",
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Problem(problem) => problem.hint.clone(),
            Self::InTheClear { .. } => Some(
                "ask `https://`; where nobody else is on the network, `--insecure-http`".to_owned(),
            ),
            Self::Tls { .. } => Some(
                "if its certificate is of an authority of your own: `--tls-ca FILE`".to_owned(),
            ),
            Self::TlsFile(error) => error.hint(),
            Self::Token(error) => error.hint(),
            _ => None,
        }
    }

    /// Whether there is no server at the socket, or not yet.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Unreachable { source, .. } if matches!(
            source.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
        ))
    }
}
