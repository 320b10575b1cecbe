//! Who does what is asked for: the server, or nobody, and then it is written down.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use keyway::lifecycle::{Answer, ManagerError, Operation, PackageManager, PackageStatus, Status};
use keyway_server::{Client, ClientError, Remote, audit_operation, read_token};

use crate::args::{ManagedPackage, State};
use crate::failure::Failure;
use crate::progress::Line;
use crate::{host, interrupt};

/// As long another command may be at it, or a server not answer yet.
const PATIENCE: Duration = Duration::from_secs(30);
/// After this somebody wonders what takes so long.
const WONDER: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(50);

/// Who does what is asked for.
pub(crate) enum Door {
    /// The server that has the state folder, or the one at a URL.
    Server(Client),
    /// Nobody: a manager that runs no hooks.
    Records(PackageManager),
}

/// Name a server where the options do not.
const URL_VARIABLE: &str = "KEYWAY_URL";
const TOKEN_VARIABLE: &str = "KEYWAY_TOKEN_FILE";

/// The URL that is asked, if one is named; a state folder that was typed counts for more than the
/// environment.
pub(crate) fn url(args: &ManagedPackage) -> Result<Option<String>, Failure> {
    let named = std::env::var_os(URL_VARIABLE);
    let named = named.filter(|it| !it.is_empty() && !args.state.is_named());
    match (&args.remote.url, named) {
        (Some(typed), _) => Ok(Some(typed.clone())),
        (None, None) => Ok(None),
        (None, Some(url)) => match url.into_string() {
            Ok(url) => Ok(Some(url)),
            Err(_) => Err(Failure::new(
                "bad-url",
                format!("`{URL_VARIABLE}` is no text"),
            )),
        },
    }
}

impl Door {
    /// Finds the server, or takes the state folder as long as it is asked.
    ///
    /// With `json` nothing is said of waiting, so that stderr holds nothing but an error.
    pub(crate) fn open(args: &ManagedPackage, json: bool) -> Result<Self, Failure> {
        if let Some(url) = url(args)? {
            return remote(args, url);
        }
        let state = &args.state;
        let folder = host::package_state(state)?;
        let begun = Instant::now();
        let mut is_told = false;
        loop {
            let taken = match attempt(&folder, state)? {
                Ok(door) => return Ok(door),
                Err(taken) => taken,
            };
            if begun.elapsed() > PATIENCE {
                return Err(taken);
            }
            if begun.elapsed() > WONDER && !is_told && !json {
                super::note(&format!("waiting: {}", taken.in_one_line()));
                is_told = true;
            }
            thread::sleep(PAUSE);
        }
    }

    pub(crate) fn is_server(&self) -> bool {
        matches!(self, Self::Server(_))
    }

    pub(crate) fn packages(&self, status: Option<Status>) -> Result<Vec<PackageStatus>, Failure> {
        match self {
            Self::Server(client) => client.packages(status).map_err(refused),
            Self::Records(manager) => Ok(manager.packages(status)),
        }
    }

    pub(crate) fn status(&self, name: &str) -> Result<PackageStatus, Failure> {
        match self {
            Self::Server(client) => client.status(name).map_err(refused),
            Self::Records(manager) => Ok(manager.status(name)?),
        }
    }

    /// Has it done, and says on a terminal how far it is.
    pub(crate) fn perform(&self, operation: Operation) -> Result<Answer, Failure> {
        let line = Arc::new(Line::new());
        let answer = match self {
            Self::Server(client) => {
                let client = client.clone().cancellation(interrupt::cancellation());
                let answer = client.perform(&operation, |progress| line.hook(progress));
                answer.map_err(|error| unanswered(error, &operation))
            }
            Self::Records(manager) => {
                let line = Arc::clone(&line);
                let progress = Arc::new(move |progress: &_| line.hook(progress));
                let done = manager.perform(operation.clone(), progress);
                let outcome = done.as_ref().map_err(ManagerError::code);
                audit_operation(manager.state_dir(), &operation, outcome);
                Ok(done?)
            }
        };
        line.clear();
        answer
    }
}

/// The door to a server that is elsewhere; it is not asked yet.
fn remote(args: &ManagedPackage, url: String) -> Result<Door, Failure> {
    let args = &args.remote;
    let named = || std::env::var_os(TOKEN_VARIABLE).map(PathBuf::from);
    let file = args.token_file.clone().or_else(named);
    let Some(file) = file.filter(|file| !file.as_os_str().is_empty()) else {
        let message = format!("`{url}` wants a token, and none is named");
        let hint = format!(
            "`--token-file FILE`, or {TOKEN_VARIABLE}; on the server `keyway token path` says where it lies"
        );
        return Err(Failure::new("no-token", message).hint(Some(hint)));
    };
    let mut remote = Remote::new(url, read_token(&file)?);
    remote.tls_ca = args.tls_ca.clone();
    remote.insecure_http = args.insecure_http;
    Ok(Door::Server(Client::remote(&remote)?))
}

/// Says what to do here about what the server does not answer.
fn refused(error: ClientError) -> Failure {
    match error.code() {
        "unauthorized" | "too-many-tries" => Failure::from(error).hint(Some(
            "the token file holds another token than the server's: on the server `keyway token show`",
        )),
        _ => error.into(),
    }
}

/// The door; or why it is shut just now.
fn attempt(folder: &Path, state: &State) -> Result<Result<Door, Failure>, Failure> {
    let Some(holder) = PackageManager::holder(folder)? else {
        let mut records = PackageManager::builder(host::managed_loader())
            .state_dir(folder)
            .records_only(true);
        if let Some(root) = &state.package_root {
            records = records.package_root(root);
        }
        return match records.open() {
            Ok(manager) => Ok(Ok(Door::Records(manager))),
            // Somebody was faster.
            Err(error @ ManagerError::Held { .. }) => Ok(Err(error.into())),
            Err(error) => Err(error.into()),
        };
    };
    let pid = holder.pid;
    let path = folder.display();
    let Some(socket) = holder.socket else {
        let message = format!("`{path}` is held by process {pid}, another command");
        return Ok(Err(Failure::new("state-held", message)));
    };
    let client = Client::new(socket);
    match client.about() {
        Ok(about) => {
            check_root(state, &about.package_root)?;
            Ok(Ok(Door::Server(client)))
        }
        // It has the folder, and opens its socket now; or it is ending.
        Err(error) if error.is_absent() => {
            let failure = Failure::from(error);
            Ok(Err(failure.hint(Some(format!(
                "process {pid} holds `{path}`; if it hangs, end it"
            )))))
        }
        Err(error @ ClientError::Broken { .. }) => {
            let hint = format!("process {pid} holds `{path}`; if it hangs, end it");
            Err(Failure::from(error).hint(Some(hint)))
        }
        Err(error) => Err(error.into()),
    }
}

/// A server has one package root, whatever a client would like.
fn check_root(state: &State, root: &Path) -> Result<(), Failure> {
    match &state.package_root {
        // One below the data folder is known by its end.
        Some(typed) if !root.ends_with(typed) => {
            let (typed, root) = (typed.display(), root.display());
            let message = format!("the server has its packages in `{root}`, not in `{typed}`");
            Err(Failure::new("other-package-root", message)
                .hint(Some("leave out `-p`, or name another state folder")))
        }
        _ => Ok(()),
    }
}

fn unanswered(error: ClientError, operation: &Operation) -> Failure {
    let failure = match &error {
        ClientError::Left => {
            let message = format!("the server goes on with `{}`", operation.name());
            Failure::new(error.code(), message)
        }
        ClientError::Broken { .. } => error.into(),
        _ => return refused(error),
    };
    failure.hint(Some(match operation.package() {
        Some(name) => format!("how far it is: `keyway package status {name}`"),
        None => "how far it is: `keyway package list`".to_owned(),
    }))
}
