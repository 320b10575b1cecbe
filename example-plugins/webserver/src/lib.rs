//! `Example/WebServer`: a 3bot package that serves its folder `html`. The web server is a program of its
//! own, `python3 -m http.server`, which the host runs: it comes back when it ends, and is gone with the
//! package.
//!
//! `./add --set port=8080` builds this crate, packs it with what lies in `package`, and adds the package.

#![forbid(unsafe_code)]

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use keyway_plugin::{
    Context, Error, Hook, Lifecycle, ProcessRequest, ProcessState, Restart, export_plugin,
};

/// As often it is asked whether the web server answers.
const PAUSE: Duration = Duration::from_millis(50);

struct WebServer {
    context: Context,
}

impl WebServer {
    fn address(&self) -> Result<SocketAddr, Error> {
        let port: u16 = self.context.config()?.get("port")?;
        if port == 0 {
            return Err("`port` is 0, expected 1 to 65535".into());
        }
        Ok((Ipv4Addr::LOCALHOST, port).into())
    }
}

impl Lifecycle for WebServer {
    fn new(context: Context) -> Result<Self, Error> {
        Ok(WebServer { context })
    }

    /// Returns when the web server answers.
    fn start(&mut self, hook: &Hook<'_>) -> Result<(), Error> {
        let address = self.address()?;
        // Somebody else's answer would be taken for ours.
        TcpListener::bind(address).map_err(|error| {
            format!("`port` is {}, which cannot be had: {error}", address.port())
        })?;
        let request = ProcessRequest::new("web", "python3")
            .args(["-m", "http.server", &address.port().to_string()])
            .args(["--bind", "127.0.0.1", "--directory"])
            .arg(self.context.package_root().join("html"))
            .env("PYTHONUNBUFFERED", "1")
            .restart(Restart::Always);
        let processes = self.context.process()?;
        processes.start(&request)?;
        loop {
            let status = processes.status("web")?.ok_or("the web server is gone")?;
            if status.state != ProcessState::Running {
                let exit = status
                    .last_exit
                    .map(|it| it.to_string())
                    .unwrap_or_default();
                return Err(format!("the web server ended with {exit}: see its log").into());
            }
            if TcpStream::connect_timeout(&address, PAUSE).is_ok() {
                return Ok(());
            }
            if hook.cancellation().wait(PAUSE) {
                return Err(format!("nothing answers at {address} in time").into());
            }
        }
    }

    // It needs no `stop`: what the host runs for a package ends with it.
}

export_plugin!(lifecycle WebServer, "webserver.toml");
