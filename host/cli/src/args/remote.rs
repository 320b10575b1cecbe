//! What was typed of servers on TCP.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Subcommand;

use super::package::{LAST, State};

/// Where a server also answers, and to whom.
#[derive(Debug, clap::Args)]
pub(crate) struct Listen {
    /// Answer on TCP, too, whoever has the token of `keyway token`; may be given several times
    ///
    /// Beyond this machine only with --tls-cert and --tls-key, or with --behind-proxy.
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Vec<SocketAddr>,
    /// The certificate that is shown there, and those between it and its authority, as PEM
    #[arg(long, value_name = "FILE", requires_all = ["listen", "tls_key"])]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's key, as PEM, in a file that is for its owner alone
    #[arg(long, value_name = "FILE", requires_all = ["listen", "tls_cert"])]
    pub(crate) tls_key: Option<PathBuf>,
    /// Answer in the clear, also other machines: a proxy that sees to TLS is all that can connect, and it
    /// passes `Host` on as it is
    #[arg(long, requires = "listen")]
    pub(crate) behind_proxy: bool,
    /// A name by which it may be asked on TCP, beside its addresses and `localhost`: with any port, or
    /// with this one; may be given several times
    #[arg(long, value_name = "NAME[:PORT]", requires = "listen")]
    pub(crate) allow_host: Vec<String>,
}

/// A server that is elsewhere.
#[derive(Debug, clap::Args)]
pub(crate) struct Remote {
    /// Ask the server at this URL, instead of KEYWAY_URL, and of the one that has the state folder
    #[arg(long, value_name = "URL", global = true, display_order = LAST)]
    pub(crate) url: Option<String>,
    /// The file with its token, instead of KEYWAY_TOKEN_FILE
    #[arg(long, value_name = "FILE", global = true, display_order = LAST)]
    pub(crate) token_file: Option<PathBuf>,
    /// Believe the certificates of this authority alone, as PEM, instead of those of the system
    #[arg(long, value_name = "FILE", global = true, display_order = LAST)]
    pub(crate) tls_ca: Option<PathBuf>,
    /// Send the token to another machine over `http://`, where whoever is on the network can read it
    #[arg(long, global = true, display_order = LAST)]
    pub(crate) insecure_http: bool,
}

/// `keyway token`
#[derive(Debug, clap::Args)]
pub(crate) struct Token {
    #[command(flatten)]
    pub(crate) state: State,
    #[command(subcommand)]
    pub(crate) action: TokenAction,
}

/// What is to be done with the token.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenAction {
    /// Print where the token of the server of this state folder lies, or would
    Path,
    /// Print the token
    Show,
    /// Replace the token, or make the first one; a server that runs takes it at once
    ///
    /// From then on the old one is refused, and who showed it is cut off.
    Rotate,
}
