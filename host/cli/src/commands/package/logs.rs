//! `keyway package logs`

use std::cell::RefCell;
use std::io::{self, Write as _};
use std::path::Path;
use std::thread;
use std::time::Duration;

use keyway::install::Cancellation;
use keyway::lifecycle::PackageManager;
use keyway_server::{Client, ClientError, LogFile, LogsRequest};
use serde_json::json;

use super::door::{self, Door};
use super::note;
use crate::args::{Logs, ManagedPackage};
use crate::failure::Failure;
use crate::table::printable;
use crate::{Outcome, host, interrupt, json as output};

/// As often it is looked whether there is more.
const PAUSE: Duration = Duration::from_millis(200);

pub(super) fn run(args: &Logs, package: &ManagedPackage, json: bool) -> Result<Outcome, Failure> {
    if (door::url(package)?.is_some() || is_served(package)?)
        && let Door::Server(client) = Door::open(package, json)?
    {
        return of_server(args, client, json);
    }
    of_files(args, &host::package_state(&package.state)?, json)
}

/// Whether a server has the state folder. That is not taken only to read files beside it.
fn is_served(package: &ManagedPackage) -> Result<bool, Failure> {
    let holder = PackageManager::holder(&host::package_state(&package.state)?)?;
    Ok(holder.is_some_and(|holder| holder.socket.is_some()))
}

fn of_server(args: &Logs, client: Client, json: bool) -> Result<Outcome, Failure> {
    let mut request = LogsRequest::new(&args.name);
    request.lines = args.lines.into();
    request.process = args.process.clone();
    if !args.follow {
        for line in client.logs(&request)? {
            print(&line, json)?;
        }
        return Ok(Outcome::Done);
    }
    let left = interrupt::cancellation();
    let client = client.cancellation(left.clone());
    let untold = RefCell::new(None);
    let followed = client.follow_logs(&request, |line| {
        if let Err(error) = print(line, json) {
            untold.replace(Some(error));
            left.cancel();
        }
    });
    if let Some(error) = untold.take() {
        return Err(error.into());
    }
    match followed {
        Ok(()) | Err(ClientError::Left) => Ok(Outcome::Done),
        Err(error) => Err(error.into()),
    }
}

/// No server runs, and the files are there all the same.
fn of_files(args: &Logs, folder: &Path, json: bool) -> Result<Outcome, Failure> {
    let name = match args.name.contains('.') {
        true => args.name.clone(),
        false => args.name.replacen("__", ".", 1),
    };
    let found = LogFile::find(folder, &name, args.process.as_deref());
    let mut log = found.map_err(|error| missing(&error, args, folder, &name))?;
    let lines = log.last(args.lines.into())?;
    for line in lines {
        print(&line, json)?;
    }
    if !args.follow {
        if let Some(rest) = log.rest() {
            print(&rest, json)?;
        }
        return Ok(Outcome::Done);
    }
    if !json {
        note("no server runs: lines come when one does");
    }
    let left: Cancellation = interrupt::cancellation();
    while !left.is_cancelled() && log.is_there() {
        log.news(&mut |line| print(&line, json))?;
        thread::sleep(PAUSE);
    }
    Ok(Outcome::Done)
}

fn missing(error: &io::Error, args: &Logs, folder: &Path, name: &str) -> Failure {
    match (error.kind(), &args.process) {
        (io::ErrorKind::InvalidInput, _) => Failure::new("bad-request", error.to_string()),
        (io::ErrorKind::NotFound, Some(process)) => {
            let message = format!("no process `{process}` of `{name}` has printed anything");
            let known = LogFile::processes(folder, name);
            let hint =
                (!known.is_empty()).then(|| format!("those that have: {}", known.join(", ")));
            Failure::new("no-such-log", message).hint(hint)
        }
        (io::ErrorKind::NotFound, None) => {
            Failure::new("no-such-log", format!("nothing is logged of `{name}`"))
        }
        _ => Failure::new("io", format!("the log cannot be read: {error}")),
    }
}

/// What is foreign in it is escaped already, unless the server is of another mind.
fn print(line: &str, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        let line = json!({ "line": line }).to_string();
        return writeln!(out, "{}", output::escaped(&line));
    }
    let parts: Vec<String> = line.split('\t').map(printable).collect();
    writeln!(out, "{}", parts.join("\t"))
}
